"""The answer of an off-policy evaluation, or the refusal to give one.

Refused below an effective sample size of 200, where more than 5 % of the target's choices were never made in the log,
or where the weights do not average 1: then the interval would not hold what it promises. A policy is better or worse
than the log only where the interval of the gain excludes nought *and* the reward rests on some thirty rows' worth of
weight: with fewer the normal interval is too hopeful.
"""

from __future__ import annotations

from msgspec.structs import replace

from breakeven.audit.offpolicy.estimate import doubly_robust, effective, ips, mean, snips
from breakeven.audit.offpolicy.explore import expected_size, needed
from breakeven.audit.offpolicy.log import Weighed
from breakeven.schema.evaluation import Estimated, Evaluated, Exploration

GATE = 200.0
UNCOVERED_LIMIT = 0.05
ENOUGH_REWARDS = 30.0
_STRAYED = 5.0
"""Standard errors by which the mean weight may miss 1."""


def evaluate(seen: Weighed, *, gate: float = GATE) -> Evaluated:
    """IPS, SNIPS and DR of a target policy from a log, or why there are none."""
    weight, reward, cluster = seen.weight, seen.log.reward, seen.log.cluster
    logged = mean(reward, cluster)
    found = Evaluated(
        ips=None,
        snips=None,
        dr=None,
        se=None,
        ess=effective(weight, cluster),
        ess_expected=expected_size(seen),
        verdict="",
        n=len(seen.log),
        logged=logged.value,
        logged_se=logged.se,
        mean_weight=float(weight.mean()),
        max_weight=float(weight.max()),
        uncovered=_uncovered(seen),
        effective_rewards=effective(weight * reward, cluster),
    )
    refusal = _refusal(found, mean(weight, cluster), gate)
    if refusal:
        wanted = needed(seen, gate)
        return replace(found, verdict=f"refused: {refusal}; {exploration_said(wanted, found.n)}", exploration=wanted)
    return _answered(seen, found)


def _answered(seen: Weighed, found: Evaluated) -> Evaluated:
    parts = doubly_robust(seen)
    by = {"ips": ips(seen), "snips": snips(seen), "dr": mean(parts, seen.log.cluster)}
    gain = mean(parts - seen.log.reward, seen.log.cluster)
    verdict, notes = _verdict(gain, found)
    return replace(
        found,
        ips=by["ips"].value,
        snips=by["snips"].value,
        dr=by["dr"].value,
        se=by["ips"].se,
        low=by["dr"].low,
        high=by["dr"].high,
        ratio=by["ips"].value / found.logged if found.logged else None,
        estimates=by,
        gain=gain,
        verdict=verdict,
        notes=notes,
    )


def _verdict(gain: Estimated, found: Evaluated) -> tuple[str, tuple[str, ...]]:
    few = found.effective_rewards < ENOUGH_REWARDS
    size = f"{found.effective_rewards:.3g}"
    notes = (f"the reward rests on no more than {size} rows' worth of weight: the intervals are rough",) if few else ()
    if gain.low <= 0 <= gain.high:
        return "not significant", notes
    if few:
        return "not significant: too few rewards", notes
    return ("better than the log" if gain.value > 0 else "worse than the log"), notes


def _uncovered(seen: Weighed) -> float:
    """The part of the target's choices that the log never made, by how often it was in each stratum."""
    made = seen.table()
    frequency = made.sum(axis=1) / len(seen.log)
    return float((frequency * (seen.target * (made == 0)).sum(axis=1)).sum())


def _refusal(found: Evaluated, weight: Estimated, gate: float) -> str:
    size = min(found.ess, found.ess_expected)
    if size < gate:
        return f"lack of overlap, effective sample size {size:,.3g} of {found.n:,} rows, {gate:g} needed"
    if found.uncovered > UNCOVERED_LIMIT:
        return f"lack of overlap, the log never made {found.uncovered:.1%} of the target's choices"
    if abs(weight.value - 1) > _STRAYED * weight.se and abs(weight.value - 1) > UNCOVERED_LIMIT:
        return f"the weights average {weight.value:.3g} instead of 1, so the propensities are not the real ones"
    return ""


def exploration_said(wanted: Exploration, n: int) -> str:
    """What the log would have needed, in words."""
    if wanted.rows_at_tenth is None:
        return "the log has no choice in common with the target: explore uniformly in a part of the traffic"
    rows = f"with 10% of choices uniform {wanted.rows_at_tenth:,} rows would do"
    if wanted.share is None:
        return f"{n:,} rows are too few at any exploration; {rows}"
    return f"exploring uniformly in {_share(wanted.share)} of {n:,} choices would do; {rows}"


def _share(share: float) -> str:
    return f"{share:.2g}" if share < 0.0001 else f"{share:.2%}" if share < 0.1 else f"{share:.0%}"  # noqa: PLR2004
