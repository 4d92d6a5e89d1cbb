"""What another policy would have earned, told from a log of choices with their propensities."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Estimated(Noun, frozen=True, kw_only=True):
    """One estimator's mean reward of the target policy with its standard error and 95 % interval."""

    value: float
    se: float
    low: float
    high: float


class Exploration(Noun, frozen=True, kw_only=True):
    """What the log would have needed: the smallest share of uniform choices that passes the gate with as many rows.

    None where no share does; `rows_at_tenth` are the rows needed with a share of 10 %, None where the log has no choice
    in common with the target.
    """

    share: float | None
    rows_at_tenth: int | None


class Evaluated(Noun, frozen=True, kw_only=True):
    """The answer of `breakeven ope`: inverse propensity, self-normalised and doubly robust; None where refused.

    `se` is that of `ips`, `low`..`high` the interval of `dr`; `estimates` has both of each. `ess` is the effective
    sample size, `ess_expected` the one that the propensities let expect, `uncovered` the part of the target's choices
    that the log never made, `effective_rewards` how many rows the reward rests on. `ratio` is `ips` over the logged
    mean reward; `gain` the doubly robust value less the logged.
    """

    ips: float | None
    snips: float | None
    dr: float | None
    se: float | None
    ess: float
    ess_expected: float
    verdict: str
    n: int
    logged: float
    logged_se: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    estimates: dict[str, Estimated] = {}
    gain: Estimated | None = None
    mean_weight: float = 0.0
    max_weight: float = 0.0
    uncovered: float = 0.0
    effective_rewards: float = 0.0
    exploration: Exploration | None = None
    bad_rows: int = 0
    bad: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
