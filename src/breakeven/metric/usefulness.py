"""Useful: inside the latency budget, identified, used in an experience, and measurable downstream."""

from __future__ import annotations

from breakeven.schema.policy import UsedWhen

DELIVERED = frozenset({"answered", "cached", "fallback"})
"""Statuses in which the caller got an answer."""


def in_budget(
    status: str,
    *,
    total_s: float,
    ttft_s: float | None,
    tpot_s: float | None,
    budget_s: float | None,
    ttft_target_s: float | None,
    tpot_target_s: float | None,
) -> bool:
    """Whether a delivered answer met every target that its use case states (seconds; None is no target).

    A target whose quantity was not observed is missed, save TPOT of an answer of one token, which has none.
    """
    if status not in DELIVERED:
        return False
    if budget_s is not None and total_s > budget_s:
        return False
    if ttft_target_s is not None and (ttft_s is None or ttft_s > ttft_target_s):
        return False
    return tpot_target_s is None or tpot_s is None or tpot_s <= tpot_target_s


def used(used_when: UsedWhen, *, delivered: bool, exposed: bool, outcome: bool) -> bool | None:
    """Whether a prediction was used in an experience; None when the use case does not say how to tell."""
    if used_when == "unmeasured":
        return None
    if used_when == "delivered":
        return delivered
    return delivered and (outcome if used_when == "outcome" else (exposed or outcome))


def useful(*, inside: bool, identified: bool, was_used: bool | None) -> bool | None:
    """Useful = in budget and identified and used; None when use cannot be measured."""
    return None if was_used is None else inside and identified and was_used
