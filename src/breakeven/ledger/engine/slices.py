"""What deployments did in slices of time, defined in plain Python."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from breakeven.errors import UsageError
from breakeven.ledger.engine.port import LONGEST_S, NANO, Slice
from breakeven.schema.noun import Noun
from breakeven.schema.record import Prediction

FIRST_S, LAST_S = -62_135_596_800.0, 253_402_300_800.0 - LONGEST_S
"""Times that a calendar reaches, the years 1 to 9999."""
BUSY = ("answered", "fallback", "failed", "cancelled")
"""Statuses of requests that kept a deployment busy."""
_LEAST_S = 1.0


class _Stay(Noun, frozen=True, kw_only=True):
    """A request with the time in which it was in flight."""

    one: Prediction
    from_s: float
    to_s: float


def check_width(width_s: float) -> None:
    """Refuse slices that are none.

    Raises:
        UsageError: the width is below 1 s, or not finite.
    """
    if not _LEAST_S <= width_s <= LAST_S:
        message = f"slices of {width_s:g} s are not between {_LEAST_S:g} s and {LAST_S:g} s"
        raise UsageError(message, "choose longer windows")


def slices(predictions: Iterable[Prediction], width_s: float) -> tuple[Slice, ...]:
    """The answer of `Engine.slices` over distinct predictions."""
    stays = [_stay(one) for one in _requests(predictions)]
    busy: dict[tuple[str, int], int] = defaultdict(int)
    ended: dict[tuple[str, int], list[Prediction]] = defaultdict(list)
    for stay in stays:
        first, last = (math.floor(time_s / width_s) for time_s in (stay.from_s, stay.to_s))
        ended[stay.one.deployment, last].append(stay.one)
        for place in range(first, last + 1) if stay.one.status in BUSY else ():
            within_s = min(stay.to_s, (place + 1) * width_s) - max(stay.from_s, place * width_s)
            busy[stay.one.deployment, place] += round(within_s * NANO)
    return tuple(_slice(*key, busy.get(key, 0), ended.get(key, [])) for key in sorted({*busy, *ended}))


def _requests(predictions: Iterable[Prediction]) -> list[Prediction]:
    """One prediction for each request, the first of its sequence."""
    rows = sorted(
        (one for one in predictions if FIRST_S <= one.time_s < LAST_S),
        key=lambda one: (*_request(one), one.sequence, one.prediction_id),
    )
    return [next(group) for _, group in groupby(rows, key=_request)]


def _request(one: Prediction) -> tuple[str, str, str, float]:
    return one.deployment, one.node, one.request_id, one.time_s


def _stay(one: Prediction) -> _Stay:
    return _Stay(one=one, from_s=one.time_s, to_s=one.time_s + min(max(one.total_s, 0.0), LONGEST_S))


def fate(one: Prediction) -> str:
    """The count of a slice that a request belongs to."""
    if one.status != "answered":
        return one.status
    return "retried" if len(one.attempts) > 1 else "finished"


def _slice(deployment: str, place: int, busy_ns: int, ended: Sequence[Prediction]) -> Slice:
    finished = [one for one in ended if fate(one) == "finished"]
    ttft = [round(one.ttft_s * NANO) for one in finished if one.ttft_s is not None]
    tpot = [round(one.tpot_s * NANO) for one in finished if one.tpot_s is not None]
    models = [one.model for one in finished]
    return Slice(
        deployment=deployment,
        slice=place,
        busy_ns=busy_ns,
        **Counter(map(fate, ended)),
        emulated=sum(one.emulated for one in finished),
        ttft_n=len(ttft),
        ttft_ns=sum(ttft),
        tpot_n=len(tpot),
        tpot_ns=sum(tpot),
        input_tokens=sum(one.served.input for one in finished),
        cached_input_tokens=sum(one.served.cached_input for one in finished),
        output_tokens=sum(one.served.output for one in finished),
        model_low=min(models, default=""),
        model_high=max(models, default=""),
    )
