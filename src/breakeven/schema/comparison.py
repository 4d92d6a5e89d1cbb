"""Vendor proposals compared on one workload: what each costs, proves and leaves open, and who comes first and why."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Noun

Criterion = Literal["cost", "latency", "tracking"]
Tone = Literal["bad", "warn"]
State = Literal["proven", "stated", "no", "unknown"]


class CostPart(Noun, frozen=True, kw_only=True):
    """A line of a month, as a level amount over the horizon, in the comparison's currency."""

    name: str
    category: str
    amount: float
    formula: str
    facts: tuple[str, ...] = ()


class Load(Noun, frozen=True, kw_only=True):
    """A level of load that every proposal is asked about; `requests` are those of a month at that level."""

    name: str
    multiple: float
    hours: float
    requests: float


class LevelCost(Noun, frozen=True, kw_only=True):
    """A proposal at one level of load, as if the whole month were at it.

    `per_1000_useful` is None, and its note says why, where the latency budget is missed or not known to be kept.
    `latency` is the budget's percentile end to end; `spread` p99 / p50; `iqr` (p75 - p25) / p50, of samples alone.
    `net` is the value of the useful predictions less the cost.
    """

    level: str
    requests: float
    cost: Figure
    per_1000: Figure
    per_1000_useful: Figure
    latency: Figure
    within: bool | None
    spread: Figure
    iqr: Figure
    net: Figure


class Scenario(Noun, frozen=True, kw_only=True):
    """The month again after something has grown. A cost of None says what is not known."""

    name: str
    changed: str
    cost: Figure
    per_1000: Figure


class Point(Noun, frozen=True, kw_only=True):
    """One line of the tracking rubric."""

    name: str
    state: State
    points: float
    most: float
    evidence: str = ""


class Flag(Noun, frozen=True, kw_only=True):
    """A red flag: `bad` needs an answer before signing, `warn` is to be known."""

    kind: str
    tone: Tone
    text: str


class Question(Noun, frozen=True, kw_only=True):
    """A question to ask the vendor, and the key of the proposal that its answer belongs under."""

    key: str
    text: str


class Standing(Noun, frozen=True, kw_only=True):
    """Where a proposal comes in the ranking. `score` is the weighted mean of `shares`, 0 to 1; higher is better.

    A share says how near it comes to the best in a criterion; unknown ones are 0 and named in `unknown`. `place` None:
    excluded. `dominated_by` are those at least as good in everything and better in something.
    """

    place: int | None
    score: float
    shares: dict[str, float]
    unknown: tuple[str, ...] = ()
    dominated_by: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class Assessed(Noun, frozen=True, kw_only=True):
    """One proposal, assessed.

    `cost` is a month of the workload's mean demand, spread level over the horizon, one-off amounts included. It is the
    sum of `parts`, and of `always_on` and `burst`. `missing` names what the workload needs and the proposal does not
    price: the costs are then at least those shown, and rank as unknown.
    """

    id: str
    vendor: str
    title: str
    source: str
    date: str
    cost: Figure
    per_1000: Figure
    per_1000_useful: Figure
    parts: tuple[CostPart, ...]
    always_on: Figure
    burst: Figure
    levels: tuple[LevelCost, ...]
    scenarios: tuple[Scenario, ...]
    spread: Figure
    tracking: Figure
    points: tuple[Point, ...]
    exit: Figure
    exit_months: Figure
    credit_most: Figure
    flags: tuple[Flag, ...]
    questions: tuple[Question, ...]
    standing: Standing
    missing: tuple[str, ...] = ()


class Turn(Noun, frozen=True, kw_only=True):
    """A volume, in predictions a month, at which the cheaper of two proposals changes."""

    predictions_per_month: float
    cheaper_below: str
    cheaper_above: str


class Crossing(Noun, frozen=True, kw_only=True):
    """Two proposals along volume. No `turns` is never: `note` says who is cheaper throughout, or why it is unknown."""

    one: str
    other: str
    turns: tuple[Turn, ...]
    note: str = ""


class Comparison(Noun, frozen=True, kw_only=True):
    """Proposals in the order of their places, the excluded last. Same inputs, same bytes, in whatever order given."""

    workload: str
    title: str
    source: str
    as_of: str
    currency: str
    budget: str
    requests: float
    loads: tuple[Load, ...]
    weights: dict[str, float]
    conventions: tuple[tuple[str, str], ...]
    proposals: tuple[Assessed, ...]
    crossings: tuple[Crossing, ...]
    searched: tuple[float, float]
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...] = ()
    version: int = 1
