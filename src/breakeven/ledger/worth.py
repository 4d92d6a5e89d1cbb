"""What the money of a cut was good for: cost per useful prediction on usage basis, per conversion, and its return."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.ledger.allot import Share
from breakeven.ledger.engine.port import MICRO
from breakeven.ledger.figures import ENOUGH_CONVERSIONS, UNMEASURED, useful_of, weakest, wilson
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.statement import Worth

_USAGE_HOW = "cost of measurable use cases without idle, less their unobserved rows / useful predictions"
_CONVERSION_HOW = "cost of measurable use cases, idle included, less their unobserved rows / converted predictions"
_RETURN_HOW = "attributed revenue / cost of the same predictions, idle included"


class _Sums(Noun, frozen=True, kw_only=True):
    """Sums over the observed predictions of measurable use cases."""

    rows: tuple[Share, ...]

    @property
    def n(self) -> int:
        return sum(one.cell.predictions for one in self.rows)

    @property
    def converted(self) -> int:
        return sum(one.cell.predictions for one in self.rows if one.cell.fate == "converted")

    @property
    def cost_usd(self) -> float:
        return usd_from_pico(sum(one.cost_pico_usd for one in self.rows))

    @property
    def usage_usd(self) -> float:
        return usd_from_pico(sum(one.cost_pico_usd - one.idle_pico_usd for one in self.rows))

    @property
    def why_not(self) -> str:
        """Why nothing can be divided by these costs; "" when it can."""
        if not self.rows:
            return UNMEASURED
        unpriced = sum(one.cell.unpriced for one in self.rows)
        return f"{unpriced} of {self.n} observed predictions are unpriced" if unpriced else ""


def of(shares: Sequence[Share]) -> Worth:
    """The worth of a cut's shares; a figure that cannot be had says why."""
    sums = _Sums(rows=tuple(one for one in shares if one.cell.measurable and one.cell.fate != "unobserved"))
    return Worth(
        cost_per_useful_usage_usd=_per_useful(sums),
        cost_per_conversion_usd=_per_conversion(sums),
        return_on_spend=_return(sums),
    )


def _per_useful(sums: _Sums) -> Figure:
    useful = useful_of(sums.rows)
    if (why := sums.why_not) or not useful:
        return Figure(value=None, unit="USD", how=_USAGE_HOW, note=why or f"no useful prediction among {sums.n}")
    low, high = wilson(useful, sums.n)
    each = sums.usage_usd / sums.n
    return Figure(
        value=sums.usage_usd / useful,
        unit="USD",
        basis=weakest(sums.rows),
        low=each / high,
        high=each / low,
        how=_USAGE_HOW,
        note=f"95 % Wilson interval of the useful share, {useful} of {sums.n}",
    )


def _per_conversion(sums: _Sums) -> Figure:
    converted = sums.converted
    if (why := sums.why_not) or converted < ENOUGH_CONVERSIONS:
        why = why or f"not enough evidence: {converted} conversions, fewer than {ENOUGH_CONVERSIONS}"
        return Figure(value=None, unit="USD", how=_CONVERSION_HOW, note=why)
    low, high = wilson(converted, sums.n)
    each = sums.cost_usd / sums.n
    return Figure(
        value=sums.cost_usd / converted,
        unit="USD",
        basis=weakest(sums.rows),
        low=each / high,
        high=each / low,
        how=_CONVERSION_HOW,
        note=f"95 % Wilson interval of the converted share, {converted} of {sums.n}",
    )


def _return(sums: _Sums) -> Figure:
    revenue = sum(one.cell.revenue_micro for one in sums.rows) / MICRO
    if (why := sums.why_not) or not revenue or sums.cost_usd <= 0:
        why = why or ("no revenue was attributed" if not revenue else "these predictions cost nothing")
        return Figure(value=None, unit="ratio", how=_RETURN_HOW, note=why)
    note = "revenue that followed, not revenue that was caused: see `breakeven lift`"
    return Figure(value=revenue / sums.cost_usd, unit="ratio", basis=weakest(sums.rows), how=_RETURN_HOW, note=note)
