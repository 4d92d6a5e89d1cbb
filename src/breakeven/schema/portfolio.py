"""A portfolio: what to own, what to commit to, where the burst goes, and what each choice beside it would cost."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.bill import Bill
from breakeven.schema.noun import Noun, Tier

UnitKind = Literal["owned", "colocated", "reserved_1y", "reserved_3y", "provisioned", "on_demand", "spot", "api"]
"""How a unit is had: the first five are paid every hour, on-demand and spot while they run, an API by the request."""

BY_USE: frozenset[UnitKind] = frozenset({"on_demand", "spot", "api"})
"""Kinds that follow the load."""

Act = Literal["buy", "commit", "renew", "let go"]
"""What is done at the start of a period of a schedule."""

Placing = Literal["together", "by priority", "deferred"]
"""Tiers as one by the rule of the strictest; apart in each window; apart, with opportunistic work that may wait."""


class Unit(Noun, frozen=True, kw_only=True):
    """What can be added one at a time: a machine with `replicas` replicas, or an API.

    `goodput_rps` is what one unit answers inside the targets, in requests/s; None (an API) is as much as is asked.
    `fixed_usd_per_h` is paid per unit and hour (of `on_demand` and `spot`: while it runs), `variable_usd_per_busy_h`
    on top while it is busy, in proportion, `usd_per_request` by the request. `most_share` is the share of the need of
    any window that interruptible units may serve. Where one is had, `spare` more are paid for and serve nothing.
    A unit with `lead_s` cannot follow windows that are shorter; on-demand is `held` all month then. `attainment` is the
    share of its answers inside the targets, `useful_share` the share that is useful as well.
    """

    name: str
    kind: UnitKind
    goodput_rps: float | None = None
    replicas: int = 1
    fixed_usd_per_h: float = 0.0
    variable_usd_per_busy_h: float = 0.0
    usd_per_request: float = 0.0
    most_share: float = 1.0
    lead_s: float = 0.0
    held: bool = False
    term_months: int | None = None
    least: int = 0
    most: int | None = None
    spare: int = 0
    attainment: float = 1.0
    useful_share: float = 1.0
    facts: tuple[str, ...] = ()

    @property
    def committed(self) -> bool:
        """Whether it is paid every hour of the month."""
        return self.held or self.kind not in BY_USE


class Part(Noun, frozen=True, kw_only=True):
    """One unit in a portfolio, over a month; what is `committed` is paid every hour of it.

    `units` of what is committed, spares not counted; of what follows the load the most at a time. `replicas` are all
    that are paid for at once, spares included. `unit_hours` were paid for (None of an API). `regret_less_usd` and
    `regret_more_usd` are what one unit less or more would cost a month beyond the optimum; None where that is not
    possible or the unit follows the load.
    """

    name: str
    kind: UnitKind
    committed: bool
    units: int
    replicas: int
    requests: float
    share: float
    unit_hours: float | None
    idle_share: float | None
    monthly_usd: float
    usd_per_request: float | None
    regret_less_usd: float | None = None
    regret_more_usd: float | None = None


class TierPart(Noun, frozen=True, kw_only=True):
    """How the requests of one tier are spread over the units, as shares of the tier that sum to 1."""

    tier: Tier
    share: float
    shares: tuple[tuple[str, float], ...]


class Slice(Noun, frozen=True, kw_only=True):
    """A stretch of the sorted month: its hours, and the rate that each part carries then, in the parts' order."""

    hours: float
    carried_rps: tuple[float, ...]


class Portfolio(Noun, frozen=True, kw_only=True):
    """The cheapest mix for a load-duration curve at its cost per useful prediction.

    Requests, costs and hours are of a month of 730 hours. `bill` has a line for every cost of every part and no other;
    its total is `monthly_usd`. `burst` are the units that follow the load. `gap` is what could still be saved at most,
    as a share of the cost: 0 where every mix was compared, None where nothing bounds it. `together_usd` is what the
    month costs where the tiers are served as one. `alone` are the months of each unit alone, where it can carry the
    load, and of the burst alone.
    `left_out` names units that were not weighed, with the reason. `curve` is the load-duration curve, the highest load
    first, as the parts carry it; work that waits is not on it.
    """

    parts: tuple[Part, ...]
    burst: tuple[str, ...]
    bill: Bill
    monthly_usd: float
    cost_per_useful_prediction_usd: float | None
    requests: float
    useful: float
    attainment: float
    peak_rps: float
    mean_rps: float
    placing: Placing
    together_usd: float
    reason: str
    tiers: tuple[TierPart, ...] = ()
    alone: tuple[tuple[str, float], ...] = ()
    gap: float | None = 0.0
    left_out: tuple[tuple[str, str], ...] = ()
    curve: tuple[Slice, ...] = ()


class Regret(Noun, frozen=True, kw_only=True):
    """One choice in every scenario, in USD a month: its cost, and what it costs beyond the best choice there."""

    option: str
    cost_usd: tuple[float | None, ...]
    regret_usd: tuple[float | None, ...]
    max_regret_usd: float | None
    expected_cost_usd: float | None
    expected_regret_usd: float | None
    tail_cost_usd: float | None = None


class RegretTable(Noun, frozen=True, kw_only=True):
    """Choices x scenarios. `least_expected`, `least_regret` and `least_tail` name the choice of each rule.

    `tail_cost_usd` is the mean cost of the dearest `tail_share` of the probability (CVaR). `perfect_information_usd`
    is what knowing the scenario beforehand would save a month, on average.
    """

    scenarios: tuple[str, ...]
    probabilities: tuple[float, ...]
    rows: tuple[Regret, ...]
    least_expected: str
    least_regret: str
    least_tail: str
    tail_share: float
    perfect_information_usd: float | None


class ParetoEntry(Noun, frozen=True, kw_only=True):
    """One option on its dimensions; None is unknown, and neither helps nor hurts.

    Of `dominated_by` (an option of the front; "" for members of it) `reason` says in which dimensions it is better.
    """

    name: str
    cost_per_useful_prediction_usd: float | None = None
    latency_p95_s: float | None = None
    latency_sd_s: float | None = None
    quality: float | None = None
    carbon_g_per_1000: float | None = None
    tracking_share: float | None = None
    dominated_by: str = ""
    reason: str = ""

    @property
    def on_front(self) -> bool:
        """Whether nothing dominates it."""
        return not self.dominated_by


class Step(Noun, frozen=True, kw_only=True):
    """One act of a schedule at the start of a month (0 is now); `units` are of `name`."""

    month: int
    act: Act
    name: str
    units: int
    usd_per_unit_h: float


class Commitment(Noun, frozen=True, kw_only=True):
    """When to buy, commit, renew and let go over a horizon.

    `held` are the units of each name in each period, `cost_usd` the horizon's cost on every block of its load, which
    no schedule undercuts by more than `gap` of it. `best_static_usd` is the best choice that never changes,
    `all_burst_usd` that of no commitment at all.
    """

    months_per_period: int
    held: tuple[tuple[str, tuple[int, ...]], ...]
    steps: tuple[Step, ...]
    cost_usd: float
    best_static_usd: float
    all_burst_usd: float
    gap: float
    notes: tuple[str, ...] = ()
