"""From the journal to the receiver, batch by batch: what was taken is written down before the next is read."""

from __future__ import annotations

import time
from logging import getLogger
from pathlib import Path

import msgspec

from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction
from breakeven.telemetry import otlp, state
from breakeven.telemetry.receiver import Answer, Receiver
from breakeven.telemetry.span import span_of
from breakeven.telemetry.spool import MAX_WAITING_BYTES, Read, Spool
from breakeven.telemetry.tally import Tally

BATCH = 512
TICK_S = 0.25
METRICS_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
MAX_NODES = 256
_log = getLogger(__name__)


class Batch(Noun, frozen=True, kw_only=True):
    """What was read and not yet taken: one in memory at a time."""

    read: Read
    body: bytes


class Exporter:
    """Sends each record once. While the receiver is away one batch waits in memory and the rest as files.

    Args:
        data_dir: the data directory whose journal is followed.
        receiver: where to send.
        limit: bytes of journal that may wait.
        spans: whether spans are sent.
        metrics: whether histograms are sent.
    """

    def __init__(
        self,
        data_dir: Path,
        receiver: Receiver,
        *,
        limit: int = MAX_WAITING_BYTES,
        spans: bool = True,
        metrics: bool = True,
    ) -> None:
        self._data_dir = data_dir
        self._receiver = receiver
        self._spans, self._metrics = spans, metrics
        self.state = state.load(data_dir)
        self._spool = Spool(data_dir, self.state.files, limit)
        self._tally = Tally(self.state.points)
        self._batch: Batch | None = None
        self._untold = metrics and bool(self.state.points)
        self._metrics_at = 0.0
        self._not_before = 0.0
        self._wait_s = 0.0

    def step(self, now: float) -> float:
        """Do what can be done at `now` (monotonic seconds); returns the seconds to wait before the next step.

        Raises:
            OSError: the data directory cannot be read or written.
        """
        self._spool.adopt()
        self._give_up()
        if now < self._not_before:
            return TICK_S
        more = self._send_spans(now)
        if self._untold and now >= self._metrics_at and now >= self._not_before:
            self._send_metrics(now)
        return 0.0 if more else TICK_S

    def finish(self, until: float) -> None:
        """Send what is left while the receiver takes it, at longest until a monotonic time; the rest waits as files.

        Raises:
            OSError: the data directory cannot be read or written.
        """
        self._metrics_at = self._not_before = 0.0
        while True:
            now = time.monotonic()
            pause_s = self.step(now)
            if self._not_before > now or now >= until or not (self._batch or self._spool.live or pause_s == 0):
                break
            time.sleep(min(pause_s, 0.05))
        if self._untold and self._not_before <= time.monotonic():
            self._send_metrics(time.monotonic())

    def _send_spans(self, now: float) -> bool:
        """Whether something was sent, so that there may be more."""
        batch = self._batch = self._batch or self._next()
        if batch is None:
            return False
        answer = self._receiver.post("/v1/traces", batch.body) if batch.body else Answer(verdict="taken")
        if not self._settled(answer, now):
            return False
        refused = len(batch.read.records) if answer.verdict == "refused" else otlp.rejected_spans(answer.body)
        self._commit(batch.read, refused)
        self._batch = None
        return bool(batch.read.records)

    def _next(self) -> Batch | None:
        read = self._spool.read(BATCH)
        if not read.files:
            return None
        spans = [span_of(one) for one in read.records if self._spans and isinstance(one, Prediction)]
        return Batch(read=read, body=otlp.traces(spans, self.state.instance) if spans else b"")

    def _commit(self, read: Read, refused: int) -> None:
        missed, sequences = self._followed(read)
        for one in read.records:
            if isinstance(one, Prediction):
                self._tally.add(one)
                self._untold = self._metrics
        self._save(
            files=self._spool.files | read.files,
            points=self._tally.points(),
            sequences=sequences,
            missed=self.state.missed + missed,
            refused=self.state.refused + refused,
        )
        self._spool.sent(read.files)

    def _followed(self, read: Read) -> tuple[int, dict[str, int]]:
        """How many numbers of known nodes are missing before these records, and the last of each."""
        last, missed = dict(self.state.sequences), 0
        for one in read.records:
            if isinstance(one, Prediction | Outcome):
                before = last.pop(one.node, one.sequence - 1)
                missed += max(0, one.sequence - before - 1)
                last[one.node] = max(before, one.sequence)
        if missed:
            _log.warning("telemetry: %d records were gone before they were read", missed)
        return missed, dict(list(last.items())[-MAX_NODES:])

    def _give_up(self) -> None:
        given_up = self._spool.shed()
        if given_up:
            self._batch = None
            self._save(files=self._spool.files | given_up)
            self._spool.sent(given_up)

    def _send_metrics(self, now: float) -> None:
        points = self._tally.points()
        body = otlp.histograms(points, self.state.instance, since_ns=self.state.since_ns, now_ns=time.time_ns())
        if self._settled(self._receiver.post("/v1/metrics", body), now):
            self._untold, self._metrics_at = False, now + METRICS_S

    def _settled(self, answer: Answer, now: float) -> bool:
        """Whether an answer was the last word; otherwise nothing is sent for a while, longer each time."""
        if answer.verdict == "later":
            if not self._wait_s:
                _log.warning("telemetry: the receiver does not take anything: %s", answer.detail)
            self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s or FIRST_WAIT_S)
            self._not_before = now + max(self._wait_s, answer.wait_s)
            return False
        if self._wait_s:
            _log.warning("telemetry: the receiver answers again")
        if answer.verdict == "refused":
            _log.warning("telemetry: the receiver refused a batch for good: %s", answer.detail)
        self._wait_s = 0.0
        return True

    def _save(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changes)
        state.save(self._data_dir, self.state)
