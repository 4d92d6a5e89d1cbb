"""Doubt: how far a plan's figures and its choice may be off, what would turn it, and what is worth finding out."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.outlook import Band

Shape = Literal["exact", "triangular", "normal", "lognormal", "beta"]
"""How an input is drawn. `exact`: known today, not drawn. `triangular`: nothing lies beyond low and high. `normal` and
`lognormal`: low and high are the 10 % and 90 % quantiles; of a lognormal each side has a width of its own. `beta`: a
share counted in `n` cases."""


class DemandPath(Noun, frozen=True, kw_only=True):
    """A forecast of the level of demand as factors on the observed rate, one entry a month from now.

    `low`..`high` are its 10 % and 90 % quantiles; beyond the last month the last entry holds.
    """

    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


class Beliefs(Noun, frozen=True, kw_only=True):
    """What is believed of what no fact and no measurement says. Every default is an assumption of this project.

    Growth is a share a year and triangular: nothing is expected, a fifth less or half as much again is possible. Prices
    of today hold at base; they may fall by as much as the catalog's decays at most say, or rise by `price_rise` a year.
    The level of a demand that was seen for less than a day, or less than a week, may be off by `unseen_day` or
    `unseen_week` (80 %) besides its statistical error. Parts of a speed's error are common to all deployments of a
    model, of an accelerator and of an engine.
    """

    growth_low: float = -0.2
    growth_base: float = 0.0
    growth_high: float = 0.5
    path: DemandPath | None = None
    price_rise: float = 0.1
    unseen_day: float = 0.3
    unseen_week: float = 0.1
    error_of_model: float = 0.3
    error_of_accelerator: float = 0.3
    error_of_engine: float = 0.2
    quality_low: float = 0.9
    quality_high: float = 1.1
    switch_months: float = 3.0
    bench_hours: float = 8.0
    work_hours: float = 8.0
    holdout_days: float = 14.0
    holdout_share: float = 0.05
    probe_requests: float = 1000.0
    unmeasured_meets: float = 0.5
    monthly_noise: float = 0.05
    wait_months: tuple[int, ...] = (3, 6, 12)


class Uncertain(Noun, frozen=True, kw_only=True):
    """An input of the plan: its value in `unit`, its range, and what the range rests on.

    `share` is its first-order share of the variance of what the runner-up costs more than the chosen option.
    """

    key: str
    name: str
    unit: str
    shape: Shape
    base: float
    low: float
    high: float
    share: float = 0.0
    source: str = ""
    facts: tuple[str, ...] = ()


class Fate(Noun, frozen=True, kw_only=True):
    """How one option fares over the draws.

    `cost_per_useful_usd` and `monthly_usd` are means over the horizon, of the draws in which the targets are kept
    (None: there are none), replicas following the demand; `base_usd` is the former with every input at base. `now_usd`
    is the cost per useful prediction of the first month, with the planned replicas at today's prices and whatever comes
    in time counting: what the ledger will show first.

    `p_misses_slo` is the share of draws in which the option cannot keep its targets over the horizon: it stands with a
    fixed number of replicas that falls short, or is too slow at any number. `p_short_now` is the share in which the
    planned number is too small from the first month on, `p_more` that in which it is at any time; `replicas_sure`
    serving replicas suffice for the first month in 90 % of the draws (0 where answers are bought).
    `expected_regret_usd` is what the option costs more than the best of the same draw, over the horizon.
    """

    option: str
    base_usd: float | None
    cost_per_useful_usd: Band
    now_usd: Band
    monthly_usd: Band
    p_best: float
    p_misses_slo: float
    p_short_now: float
    p_more: float
    replicas_sure: int
    expected_regret_usd: float


class Flip(Noun, frozen=True, kw_only=True):
    """The value of one input, all others at base, nearest to its base, from which `winner` is the best option.

    At `at` both cost the same, to 1e-6, unless it is a `jump`: a whole replica more, or a target that is missed from
    there on. `chance` is the share of draws that lie beyond it; None where the input is known today.
    """

    key: str
    name: str
    unit: str
    base: float
    at: float
    winner: str
    jump: bool = False
    misses: bool = False
    chance: float | None = None

    @property
    def distance(self) -> float:
        """How far off it is, as a share of the base; the value itself where that is nothing."""
        return abs(self.at - self.base) / (abs(self.base) or 1.0)


class Inquiry(Noun, frozen=True, kw_only=True):
    """Something that can be found out before the decision, and what that is worth at most over the horizon, in USD.

    `worth_usd` is the expected value of knowing it exactly (EVPPI). `cost_usd` is what finding out costs; None where it
    cannot be bought but only waited for, or where it has no price.
    """

    key: str
    name: str
    how: str
    worth_usd: float
    cost_usd: float | None

    @property
    def net_usd(self) -> float | None:
        """What is left of its worth; None without a cost."""
        return None if self.cost_usd is None else self.worth_usd - self.cost_usd


class Wait(Noun, frozen=True, kw_only=True):
    """To decide in so many months, served by `meanwhile` until then, in USD over the horizon.

    `worth_usd` is what the better informed choice saves, `cost_usd` what the months without it cost more (less than
    nothing where prices fall faster than that).
    """

    months: int
    meanwhile: str
    worth_usd: float
    cost_usd: float

    @property
    def net_usd(self) -> float:
        """What waiting gains."""
        return self.worth_usd - self.cost_usd


class Doubt(Noun, frozen=True, kw_only=True):
    """How sure a plan is: joint draws of everything uncertain. Same inputs and seed, same bytes.

    `interval` is of the chosen option's cost per useful prediction over the horizon. `likeliest` is the option that is
    best in most draws, `runner_up` the one that is nearest to the chosen by expected cost. `p_none` is the share of
    draws in which no option keeps its targets; there the one that comes nearest counts as best. `evpi_usd` is what
    knowing everything would be worth at most.
    """

    seed: int
    draws: int
    horizon_months: int
    chosen: str
    likeliest: str
    runner_up: str
    interval: Band
    p_best: float
    p_none: float
    fates: tuple[Fate, ...]
    inputs: tuple[Uncertain, ...]
    flips: tuple[Flip, ...]
    flips_if: tuple[str, ...]
    evpi_usd: float
    inquiries: tuple[Inquiry, ...]
    waits: tuple[Wait, ...]
    wait_verdict: str
    assumptions: tuple[str, ...]
