"""The total cost of ownership of a study: every option over the horizon, itemised, and how the options compare."""

from __future__ import annotations

from breakeven.schema.fact import Fact
from breakeven.schema.noun import Basis, Figure, Noun, Placement
from breakeven.schema.outlook import Outlook, Turn

FULL = 1 + 1e-6
"""A fleet exactly as large as its demand carries it."""


class Result(Noun, frozen=True, kw_only=True):
    """A named number of a study, such as `own_vs_cloud.break_even_hours`. A value of None says why in its note."""

    name: str
    figure: Figure


class TcoLine(Noun, frozen=True, kw_only=True):
    """One line of an option, in the study's currency; income is negative.

    `first_month` is month 1 (one-off amounts excluded), `total` the sum over the horizon, `present` its present value.
    `fixed` lines do not follow demand. `formula` is text a reader can check, `facts` the keys it rests on.
    """

    name: str
    category: str
    first_month: float
    total: float
    present: float
    fixed: bool
    formula: str
    basis: Basis = "derived"
    facts: tuple[str, ...] = ()
    cash: tuple[float, ...] = ()
    """Months 0..horizon."""


class TcoOption(Noun, frozen=True, kw_only=True):
    """One option over the horizon, in two views, in the study's currency.

    Cash: `lines` (purchase and resale included), `first_month` (recurring cash of month 1), `total`, `present` (at the
    study's discount rate), `annuity` (the level monthly amount worth `present`). Accounting: `accounting_month`
    (month 1, with depreciation in place of the purchase) and `depreciation` by month. `cash` holds months 0..horizon.
    An option with anything in `unpriced` has no totals: they are None.
    """

    name: str
    title: str
    placement: Placement
    lines: tuple[TcoLine, ...]
    first_month: float | None
    total: float | None
    present: float | None
    annuity: float | None
    accounting_month: float | None
    capex: float
    residual: float
    cash: tuple[float, ...]
    depreciation: tuple[float, ...] = ()
    accounting: tuple[float, ...] = ()
    """Cost by month 0..horizon with depreciation in place of purchase, prepayment and resale."""
    figures: tuple[Result, ...] = ()
    unpriced: tuple[str, ...] = ()
    load: float | None = None
    """The most of its fleet's capacity that a month's demand takes; above 1 it cannot serve, and is in no ranking."""

    @property
    def ranked(self) -> bool:
        """Whether it can be chosen: every part has a price, and its fleet carries the demand."""
        return self.present is not None and (self.load is None or self.load <= FULL)


class Pair(Noun, frozen=True, kw_only=True):
    """How `owner` breaks even against `rival`, which needs less capital. Each figure of None says why it is never."""

    owner: str
    rival: str
    figures: tuple[Result, ...]
    saved: tuple[float, ...]
    """Cumulated saving at the end of months 0..horizon, the extra capital deducted."""


class Truth(Noun, frozen=True, kw_only=True):
    """A claim tested: where along `varied` it is true and where false, by the intervals in `true_when`."""

    name: str
    claim: str
    varied: str
    unit: str
    searched: tuple[float, float]
    true_when: tuple[tuple[float, float], ...]
    variant: str = ""


class TcoLevel(Noun, frozen=True, kw_only=True):
    """One option where demand is `factor` times the stated one, over the whole horizon.

    `annuity` is the level month there; `unit_cost` the price of one `per` (useful prediction, request or Mtok), None
    where the option cannot carry the demand, or has no price. `lift_needed` is what one of them must bring more than
    one of the level's cheapest option for this option to be worth its price.
    """

    name: str
    factor: float
    option: str
    annuity: float | None
    per: str
    unit_cost: float | None = None
    lift_needed: float | None = None
    load: float | None = None
    """The most of its fleet's capacity that a month takes; None where the study states no capacity."""


class Variant(Noun, frozen=True, kw_only=True):
    """The study with some inputs changed: its options, pairs and named results."""

    name: str
    changed: tuple[tuple[str, str], ...]
    options: tuple[TcoOption, ...]
    pairs: tuple[Pair, ...]
    results: tuple[Result, ...]


class Tco(Noun, frozen=True, kw_only=True):
    """A computed study. `base` is the study as written; conventions are the ones every figure rests on.

    `warnings` are sentences: a stale price with its age, a unit that was recorded rather than refused.
    """

    id: str
    title: str
    as_of: str
    currency: str
    conventions: tuple[tuple[str, str], ...]
    base: Variant
    variants: tuple[Variant, ...] = ()
    levels: tuple[TcoLevel, ...] = ()
    truths: tuple[Truth, ...] = ()
    outlook: Outlook | None = None
    turns: tuple[Turn, ...] = ()
    """The value of each input at which another option becomes the cheapest: prices, volumes, terms alike."""
    facts: tuple[Fact, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""
    digest: str = ""
    """SHA-256 of the study and of every fact behind it: equal inputs, equal digest."""
    version: int = 1
