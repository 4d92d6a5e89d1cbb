"""A plan: options weighed, one chosen, and the promise it will be held to."""

from __future__ import annotations

import msgspec

from breakeven.schema.bill import Bill
from breakeven.schema.deployment import Deployment
from breakeven.schema.doubt import Doubt
from breakeven.schema.fact import Fact
from breakeven.schema.lever import Lever
from breakeven.schema.noun import Figure, Noun, Placement
from breakeven.schema.objective import Objective
from breakeven.schema.outlook import Outlook
from breakeven.schema.performance import Performance
from breakeven.schema.portfolio import Commitment, ParetoEntry, Portfolio, RegretTable
from breakeven.schema.scaling import ScalingRule
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Workload


class Capacity(Noun, frozen=True, kw_only=True):
    """What carries the demand: `serving` replicas of `goodput_rps` each at the objective, and `spare` ones.

    `needed_rps` is the 95th percentile of the demand with the margin. `headroom` = serving x goodput / needed: at 1 the
    last replica is just enough. `survival` is the chance that a spot replica is there when it is needed; spares make up
    for the rest.
    """

    serving: int
    spare: int
    needed_rps: float
    goodput_rps: float | None = None
    headroom: float | None = None
    survival: float | None = None


class Rejected(Noun, frozen=True, kw_only=True):
    """A candidate that is no option: the kind of constraint that excludes it, and by how much, with both values.

    `least_usd` is the least that a useful prediction could cost with it, where that is known: a bound, not a price.
    """

    option: str
    binding: str
    by: str
    least_usd: float | None = None


class Option(Noun, frozen=True, kw_only=True):
    """One way to serve one use case.

    An option that misses its targets, or whose speed is unknown, has no cost per useful prediction (invariant 12);
    `binding` names the constraint. `break_even_months` is against the cheapest rented or API option; None is never.
    """

    name: str
    use_case: str
    placement: Placement
    deployment: Deployment
    bill: Bill
    monthly_cost_usd: float | None
    cost_per_useful_prediction_usd: float | None
    feasible: bool
    binding: str = ""
    performance: Performance | None = None
    useful_share: float | None = None
    break_even_months: float | None = None
    break_even_volume_per_month: float | None = None
    spare_replicas: int = 0
    capacity: Capacity | None = None
    serving: Serving | None = None
    placed: Placed | msgspec.UnsetType = msgspec.UNSET

    @property
    def rest(self) -> Option | None:
        """What answers the requests that its units or devices do not; None where there is none."""
        return None if isinstance(self.placed, msgspec.UnsetType) else self.placed.rest

    @property
    def routed(self) -> Option | None:
        """What a gateway sends requests to: itself; of devices what answers the rest, None where nothing is left."""
        return self.rest if self.placement == "edge" else self

    @property
    def gateway_share(self) -> float:
        """Share of the requests that reach what is routed to."""
        if isinstance(self.placed, msgspec.UnsetType):
            return 1.0
        return self.placed.share if self.placement != "edge" else 1.0 - self.placed.share


class Placed(Noun, frozen=True, kw_only=True):
    """Of an option that is provisioned units or devices: how many there are, and who answers the rest.

    `share` of the requests is answered by the `count` units or devices, the others by `rest`, an option at their part
    of the demand whose bill is in the option's own; None where nobody does, or needs to. `said` is both in a sentence.
    """

    count: int
    share: float
    said: str
    rest: Option | None = None


class Level(Noun, frozen=True, kw_only=True):
    """One option at one level of load: what it takes, what it costs, and the lift that would pay for it.

    `factor` multiplies the observed demand. `lift_needed_usd` is the extra value per useful prediction that this option
    must bring over the cheapest one of the level to be worth its price; 0 for the cheapest, None while unpriced.
    """

    name: str
    factor: float
    rate_rps: float
    option: str
    replicas: int
    feasible: bool
    monthly_cost_usd: float | None
    cost_per_useful_prediction_usd: float | None
    lift_needed_usd: float | None
    binding: str = ""


class Promise(Noun, frozen=True, kw_only=True):
    """A figure the plan will be held to, and how the ledger measures it."""

    metric: str
    predicted: Figure
    use_case: str = ""
    deployment: str = ""


MIX = "mix"
"""What promises about all parts of a mix together name in place of a deployment."""


class MixLevel(Noun, frozen=True, kw_only=True):
    """What the parts of a mix serve at one level of load, as shares of the requests; `beyond` is what none carries."""

    name: str
    factor: float
    rate_rps: float
    shares: tuple[tuple[str, float], ...]
    beyond: float = 0.0


class Mix(Noun, frozen=True, kw_only=True):
    """The portfolio's parts as they are enacted: `order` is how they fill, by name; `promises` are held to it.

    `cheaper`: it costs less than the choice alone by more than is worth the trouble of holding several things.
    """

    order: tuple[str, ...]
    cheaper: bool
    levels: tuple[MixLevel, ...]
    promises: tuple[Promise, ...]


class Plan(Noun, frozen=True, kw_only=True):
    """A decision for one use case. Same inputs and seed, same bytes: `id` is a hash of the rest.

    `candidates` were weighed, of which `simulated` were sized by simulation. `options` are those that meet the
    objective and the ones worth showing beside them; all others are counted by constraint in `rejected_by`, and the
    nearest of them are in `rejected`. `portfolio` is the cheapest mix of the options on the load-duration curve, `mix`
    what it is when it is enacted (unset where it has one part), `commitments` its schedule by course of demand,
    `pareto` the front, `scaling` the rule its replicas follow, `doubt` how sure the choice is, `premature` what must be
    instrumented before it is more than a sum.
    """

    id: str
    use_case: str
    as_of: str
    seed: int
    objective: Objective
    workload: Workload
    options: tuple[Option, ...]
    chosen: str
    reason: str
    promises: tuple[Promise, ...]
    facts: tuple[Fact, ...]
    assumptions: tuple[str, ...] = ()
    flips_if: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    outlook: Outlook | None = None
    candidates: int = 0
    simulated: int = 0
    rejected: tuple[Rejected, ...] = ()
    rejected_by: dict[str, int] = {}
    doubt: Doubt | None = None
    portfolio: Portfolio | None = None
    pareto: tuple[ParetoEntry, ...] = ()
    regret: RegretTable | None = None
    commitments: tuple[tuple[str, Commitment], ...] = ()
    levers: tuple[Lever, ...] = ()
    scaling: ScalingRule | None = None
    premature: tuple[str, ...] = ()
    mix: Mix | msgspec.UnsetType = msgspec.UNSET
    version: int = 1
