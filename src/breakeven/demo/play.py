"""Plays one half of the demo's traffic against a running gateway: both use cases at once, one event loop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from breakeven.client.tracking import Client as Tracker
from breakeven.client.tracking import Counts
from breakeven.demo import message
from breakeven.demo.logs import ITEMS
from breakeven.demo.traffic import Config, Half, Showing, Traffic
from breakeven.measure.answer import Answer
from breakeven.measure.open_loop import Run, Shot, fire
from breakeven.schema.noun import Noun
from breakeven.wire.client import Client

OnProgress = Callable[[int, int], None]
"""Told (requests ended, requests in all) about two hundred times a half."""
_PREDICTION = "x-breakeven-prediction-id"


class Replay(Noun, frozen=True, kw_only=True):
    """What the replay of logged impressions came to: rows = observed + unobserved + unanswered.

    `unanswered` rows got no scores or no prediction id, so nothing was shown; `clicks` are among the observed.
    """

    rows: int
    observed: int
    unobserved: int
    unanswered: int
    clicks: int


class PlayResult(Noun, frozen=True, kw_only=True):
    """One half as its client saw it. `events` counts outcomes sent so far; `cpu_s` is this process's CPU time."""

    half: int
    replay: Replay
    homepage: Run
    assistant: Run
    events: Counts
    span_s: float
    cpu_s: float

    @property
    def fell_behind(self) -> bool:
        """Whether the load generator itself was too slow, so that latencies are not to be trusted."""
        return self.homepage.fell_behind or self.assistant.fell_behind


async def play(
    half: int,
    base_url: str,
    traffic: Traffic,
    *,
    tracker: Tracker | None = None,
    progress: OnProgress | None = None,
) -> PlayResult:
    """Send half 0 or 1 of the traffic, replay its outcomes, and wait for every answer and every outcome.

    `tracker` None makes one without a key, for this half only.

    Raises:
        BackendError: outcomes could not be delivered to the gateway.
    """
    part, base_url = traffic.halves[half], base_url.rstrip("/")
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    own = tracker or Tracker(base_url)
    ticker = _Ticker(len(part.homepage) + len(part.assistant), progress)
    replayer = _Replayer(part.homepage, own, ticker)
    try:
        homepage, assistant = await _send(part, base_url, traffic.config, replayer, ticker)
    finally:
        events = await asyncio.to_thread(own.flush if tracker else own.close)
    return PlayResult(
        half=half,
        replay=replayer.result(),
        homepage=homepage,
        assistant=assistant,
        events=events,
        span_s=time.monotonic() - began_s,
        cpu_s=time.process_time() - began_cpu_s,
    )


async def _send(part: Half, base_url: str, config: Config, replayer: _Replayer, ticker: _Ticker) -> tuple[Run, Run]:
    showings = [Shot(one.at_s, partial(message.rank, base_url, config.ranker, one)) for one in part.homepage]
    turns = [Shot(one.at_s, partial(message.chat, base_url, config.assistant, one)) for one in part.assistant]
    async with Client() as client:
        return await asyncio.gather(
            fire(showings, client, on_answer=replayer.answered),
            fire(turns, client, on_answer=lambda _answer, _body: ticker.tick()),
        )


class _Ticker:
    def __init__(self, total: int, progress: OnProgress | None) -> None:
        self.total = total
        self.progress = progress
        self.done = 0
        self.step = max(1, total // 200)

    def tick(self) -> None:
        self.done += 1
        if self.progress and (self.done % self.step == 0 or self.done == self.total):
            self.progress(self.done, self.total)


class _Replayer:
    """Turns each ranked answer into the outcomes that the log knows."""

    def __init__(self, showings: tuple[Showing, ...], tracker: Tracker, ticker: _Ticker) -> None:
        self.showings = showings
        self.tracker = tracker
        self.ticker = ticker
        self.kinds: Counter[str] = Counter()

    def answered(self, answer: Answer, body: bytes) -> None:
        self.ticker.tick()
        row = self.showings[answer.index].row
        prediction_id = answer.header(_PREDICTION)
        scored = message.scores(body, ITEMS[row.campaign]) if answer.ok and prediction_id else None
        if scored is None:
            self.kinds["unanswered"] += 1
            return
        for kind in message.outcomes(row, message.chosen(scored)):
            self.kinds[kind] += 1
            self.tracker.track(kind, prediction_id=prediction_id, event_id=f"{prediction_id}-{kind}")

    def result(self) -> Replay:
        return Replay(
            rows=len(self.showings),
            observed=self.kinds["exposure"],
            unobserved=self.kinds["unobserved"],
            unanswered=self.kinds["unanswered"],
            clicks=self.kinds["click"],
        )
