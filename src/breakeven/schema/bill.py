"""A bill: itemised lines that add up."""

from __future__ import annotations

from breakeven.schema.noun import Basis, Noun


class Line(Noun, frozen=True, kw_only=True):
    """One line of cost. `formula` is text a reader can check; `facts` are the keys it rests on."""

    name: str
    amount_usd: float
    formula: str
    basis: Basis = "derived"
    facts: tuple[str, ...] = ()
    fixed: bool = True


class Bill(Noun, frozen=True, kw_only=True):
    """The monthly cost of one option. The total is the sum of the lines and nothing else.

    `unpriced` names what could not be priced; a bill with unpriced parts has no total.
    """

    option: str
    lines: tuple[Line, ...]
    capex_usd: float = 0.0
    residual_usd: float = 0.0
    hours_per_month: float = 730.0
    unpriced: tuple[str, ...] = ()

    @property
    def total_usd(self) -> float | None:
        """Sum of the lines in USD a month; None while something is unpriced."""
        return None if self.unpriced else sum(line.amount_usd for line in self.lines)

    @property
    def cash_opex_usd(self) -> float:
        """Monthly cash cost without depreciation and cost of capital."""
        return sum(line.amount_usd for line in self.lines if line.name not in {"depreciation", "cost_of_capital"})
