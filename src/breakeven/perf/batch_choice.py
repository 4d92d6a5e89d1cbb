"""How many rows a batch should hold, and how long one should wait: the most throughput inside a latency slot."""

from __future__ import annotations

import math

from breakeven.perf.batch_curve import BatchCurve, batch_s
from breakeven.schema.noun import Noun
from breakeven.schema.policy import UseCase

LOAD = 0.8
"""The share of its capacity at which a choice must hold its slot."""

QUEUED_ROWS = 7.0
"""Rows that wait beyond the next batch in at most 5 % of instants at LOAD, Poisson arrivals, whatever the batch.

Lundberg's bound exp(-d x) on the maximum of a random walk, for rows that come in a full batch's time less those it
takes: d = 0.431 solves LOAD (exp(d) - 1) = d, and ln(20) / d = 6.95. Batches that are not full end sooner.
"""

_SLOT = "inference"


class BatchChoice(Noun, frozen=True, kw_only=True):
    """What was chosen of a measured curve.

    `latency_s` is the bound on the 95th percentile at 80 % of `rows_s`, the rows per second that one thread carries in
    full batches; less than that is stable. `slot_s` is what it was held against, None without a target.
    """

    max_batch: int
    max_delay_s: float
    latency_s: float
    rows_s: float
    slot_s: float | None

    @property
    def fits(self) -> bool:
        """Whether the latency is inside the slot."""
        return self.slot_s is None or self.latency_s <= self.slot_s


def choose_batch(curve: BatchCurve, slot_s: float | None, *, max_batch: int | None = None) -> BatchChoice:
    """The batch with the highest b / t(b) of those whose latency is inside the slot, and the delay.

    A row waits for the batch that runs, for what is queued before it, and for its own batch: at most
    t(b) (2 + QUEUED_ROWS / b). Where no batch is inside the slot, that with the least such latency is taken. The delay,
    for a second thread, is what the slot leaves, and no more than a batch takes, so that nobody waits longer than
    behind one thread. A longer slot never chooses a smaller batch: what it adds takes longer, so it must be larger to
    carry more. Nothing larger than `curve.max_batch`, the largest measured, is chosen.

    Args:
        curve: seconds by rows, measured with one caller.
        slot_s: the latency that may be used; None is no bound.
        max_batch: a batch that stands already; only the delay is chosen.
    """
    sizes = range(1, curve.max_batch + 1) if max_batch is None else (max_batch,)
    times = [float(seconds) for seconds in batch_s(curve, sizes)]
    found = [_of(size, seconds, slot_s) for size, seconds in zip(sizes, times, strict=True)]
    fitting = [one for one in found if one.fits]
    if not fitting:
        return min(found, key=lambda one: (one.latency_s, -one.max_batch))
    return max(fitting, key=lambda one: (one.rows_s, -one.max_batch))


def _of(size: int, seconds: float, slot_s: float | None) -> BatchChoice:
    latency_s = seconds * (2 + QUEUED_ROWS / size)
    left_s = math.inf if slot_s is None else slot_s - latency_s
    return BatchChoice(
        max_batch=size,
        max_delay_s=min(max(0.0, left_s), seconds),
        latency_s=latency_s,
        rows_s=size / seconds,
        slot_s=slot_s,
    )


def inference_slot_s(use_case: UseCase) -> float | None:
    """Seconds that the model may take: its own stage of the budget, else what the other stages leave of it."""
    own_s = use_case.stages.get(_SLOT)
    if own_s:
        return own_s
    if use_case.budget_s is None:
        return None
    return max(0.0, use_case.budget_s - sum(use_case.stages.values()))
