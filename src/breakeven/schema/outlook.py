"""An outlook: how sure a comparison of options is, and what would change it."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Band(Noun, frozen=True, kw_only=True):
    """The 5th, 50th and 95th percentile of a quantity over the draws; None is never (a break-even that is not met)."""

    p5: float | None
    p50: float | None
    p95: float | None


class Swing(Noun, frozen=True, kw_only=True):
    """One bar of a tornado: the result with one input at its low and at its high end, all others at base.

    `low` and `high` are the input in `unit`; `at_low` and `at_high` the result in the study's currency. `first_order`
    and `total_order` are the input's Sobol indices (shares of the result's variance), None where not computed.
    """

    name: str
    unit: str
    low: float
    base: float
    high: float
    at_low: float
    at_high: float
    first_order: float | None = None
    total_order: float | None = None
    facts: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        """How far the result moves."""
        return abs(self.at_high - self.at_low)


class Turn(Noun, frozen=True, kw_only=True):
    """The value of one input at which another option becomes the best; None: no value in the searched range does."""

    name: str
    unit: str
    base: float
    at: float | None
    searched_low: float
    searched_high: float
    winner: str = ""


class Chance(Noun, frozen=True, kw_only=True):
    """How one option fares over the draws: its present cost over the horizon, and how often it is the cheapest."""

    option: str
    present_cost: Band
    probability_best: float
    expected_regret: float


class Recovery(Noun, frozen=True, kw_only=True):
    """Break-even of `owner` against `rival` over the draws.

    `probability` is the share of draws that break even within the horizon; `months` its band (None is never);
    `saved` the cumulated saving at the end of each month 0..horizon, purchase deducted.
    """

    owner: str
    rival: str
    probability: float
    months: Band
    saved: tuple[Band, ...]


class Outlook(Noun, frozen=True, kw_only=True):
    """Monte Carlo, tornado and flips of a comparison. Same inputs and seed, same bytes.

    `best` is the cheapest option at base; `compared` the one its margin is measured against; the tornado moves
    `result` (a sentence). `evpi` is the expected value of perfect information: what knowing every input could be worth
    at most, in the study's currency over the horizon.
    """

    seed: int
    draws: int
    horizon_months: int
    currency: str
    result: str
    best: str
    compared: str
    chances: tuple[Chance, ...]
    recoveries: tuple[Recovery, ...]
    tornado: tuple[Swing, ...]
    turns: tuple[Turn, ...]
    evpi: float
