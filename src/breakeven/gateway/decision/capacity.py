"""What a request would meet if it were sent now, from the capacity table that the policy carries.

TTFT is the queue of prefill tokens over the prefill rate; TPOT is read from the measured curve at one sequence more.
Refuse at the door what misses its targets, never in the middle (admission by predicted TTFT and TPOT, as DistServe and
Sarathi-Serve state the problem).
"""

from __future__ import annotations

from typing import NamedTuple

from breakeven.metric.work import tpot_at
from breakeven.schema.policy import WorkCurve


class Predicted(NamedTuple):
    """Seconds to the first token, per token after it, and to the end; None where no coefficient says."""

    ttft_s: float | None = None
    tpot_s: float | None = None
    total_s: float | None = None


class Prefill:
    """Units (prompt tokens, or rows) sent to a deployment whose first token is still to come."""

    __slots__ = ("queued",)

    def __init__(self) -> None:
        self.queued = 0

    def sent(self, units: int) -> None:
        """A request of so many units was sent."""
        self.queued += units

    def answered(self, units: int) -> None:
        """Its first token came, or it is over; tell each request once."""
        self.queued = max(0, self.queued - units)


def predicted_ttft_s(
    work: WorkCurve, *, queued_prefill_tokens: int, own_tokens: int, replicas: float = 1.0
) -> float | None:
    """Seconds until the first token: what is queued (over the replicas), then its own prompt."""
    if work.prefill_s_per_token <= 0:
        return None
    queued = queued_prefill_tokens / max(1.0, replicas)
    return work.request_s + (queued + own_tokens) * work.prefill_s_per_token


def predicted_tpot_s(work: WorkCurve, *, in_flight: float, replicas: float = 1.0) -> float | None:
    """Seconds per output token beside `in_flight` others.

    Between the curve's points as `metric.work.tpot_at` reads it, beyond the last along its last slope (flat would call
    any overload feasible), and never less than at fewer sequences, whatever noise the points hold.
    """
    points = work.tpot_s
    if not points:
        return None
    batch = 1.0 + in_flight / max(1.0, replicas)
    reached = max((seconds for at, seconds in points if at <= batch), default=0.0)
    beyond = batch - points[-1][0]
    if beyond <= 0 or len(points) == 1:
        return max(reached, tpot_at(work, batch))
    (low_b, low_s), (high_b, high_s) = points[-2:]
    return reached + max(0.0, (high_s - low_s) / (high_b - low_b)) * beyond


def predicted_rows_s(work: WorkCurve, *, queued_rows: int, rows: int, replicas: float = 1.0) -> float | None:
    """Seconds until a classic model has scored `rows` behind those queued."""
    if work.row_s <= 0:
        return None
    return work.request_s + (queued_rows / max(1.0, replicas) + rows) * work.row_s


def predicted_total_s(ttft_s: float | None, tpot_s: float | None, output_tokens: int) -> float | None:
    """Seconds until the last token: TTFT, then TPOT for each token after the first."""
    if ttft_s is None or (tpot_s is None and output_tokens > 1):
        return None
    return ttft_s + max(0, output_tokens - 1) * (tpot_s or 0.0)


def predicted(
    work: WorkCurve,
    *,
    queued_prefill_tokens: int,
    own_tokens: int,
    output_tokens: int,
    in_flight: float,
    replicas: float = 1.0,
) -> Predicted:
    """All three for one request of a language model. Each grows, or stays, with every kind of load."""
    ttft_s = predicted_ttft_s(
        work, queued_prefill_tokens=queued_prefill_tokens, own_tokens=own_tokens, replicas=replicas
    )
    tpot_s = predicted_tpot_s(work, in_flight=in_flight, replicas=replicas)
    return Predicted(ttft_s, tpot_s, predicted_total_s(ttft_s, tpot_s, output_tokens))


def fits(
    found: Predicted, *, ttft_s: float | None = None, tpot_s: float | None = None, left_s: float | None = None
) -> bool:
    """Whether a prediction keeps the targets and the time left; what is unknown or not asked for objects to nothing."""
    return (
        _within(found.ttft_s, ttft_s)
        and _within(found.tpot_s, tpot_s)
        and _within(found.total_s, left_s)
        and _within(found.ttft_s, left_s)
    )


def _within(value: float | None, bound: float | None) -> bool:
    return value is None or bound is None or value <= bound
