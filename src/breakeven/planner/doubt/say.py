"""Flip points, and what is taken as given, as sentences."""

from __future__ import annotations

from collections.abc import Iterable

from breakeven.quantity import format_usd
from breakeven.schema.doubt import Beliefs, Flip
from breakeven.schema.workload import Workload

MOST = 8
WEEK_S = 7 * 86_400.0


def sentences(flips: Iterable[Flip], chosen: str, *, best: bool = True) -> tuple[str, ...]:
    """The likeliest and nearest flips, one sentence each; `best` is whether the chosen option is that at base."""
    return tuple(sentence(flip, chosen, best=best) for flip in tuple(flips)[:MOST])


def sentence(flip: Flip, chosen: str, *, best: bool = True) -> str:
    """Who is best beyond which value, in which direction, against what it is now."""
    wins = "is best" if best else f"costs less than {chosen}"
    likely = "" if flip.chance is None else f"; {_often(flip.chance)} of the draws lie beyond"
    missed = f", where {chosen} misses its targets" if flip.misses else ""
    return f"{flip.winner} {wins} once {_moved(flip)}{missed}{likely}."


def _often(chance: float) -> str:
    return "under 1%" if 0 < chance < 0.005 else f"{chance:.0%}" if chance else "none"  # noqa: PLR2004 - half a percent


def _moved(flip: Flip) -> str:
    change = flip.at - flip.base
    if flip.unit.startswith("of "):
        side = "above" if change > 0 else "below"
        reference = {"of predicted": "predicted", "of stated": "stated"}.get(flip.unit, "assumed")
        return f"{flip.name} is {abs(flip.at / flip.base - 1):.0%} {side} {reference}"
    verb = "rises above" if change > 0 else "falls below"
    far = f", {change / flip.base:+.0%}" if flip.base else ""
    return f"{flip.name} {verb} {written(flip.at, flip.unit)} (now {written(flip.base, flip.unit)}{far})"


def written(value: float, unit: str) -> str:
    """A value with its unit."""
    if unit == "USD" or unit.startswith(("USD/", "USD ")):
        return f"{format_usd(value)}{unit[3:]}"
    if unit in {"per year", "change per year"}:
        return f"{value:{'+' if value and unit.startswith('change') else ''}.0%} a year"
    if unit == "share" or unit.startswith("fraction"):
        return f"{value:.1%}{unit.removeprefix('share').removeprefix('fraction')}"
    return f"{value:.3g} {unit}"


def said(believed: Beliefs, load: Workload) -> tuple[str, ...]:
    """What is taken as given, in sentences."""
    growth = "Demand follows its forecast."
    if believed.path is None:
        span = f"{believed.growth_low:+.0%} to {believed.growth_high:+.0%}"
        growth = f"Demand grows by {believed.growth_base:.0%} a year, {span} being possible; assumed."
    trends = (
        "Today's prices hold at base. In the draws they change by a steady share a year: API prices, rents and server "
        f"prices fall at most as fast as the catalog says, or rise by at most {believed.price_rise:.0%}; reserved "
        "prices hold for their term."
    )
    common = (
        f"Of the variance of a speed's error {believed.error_of_model:.0%} is common to a model, "
        f"{believed.error_of_accelerator:.0%} to an accelerator, {believed.error_of_engine:.0%} to an engine; assumed."
    )
    missed = (
        f"A deployment that misses its targets is replaced within {believed.switch_months:g} months by the best one; "
        "both are paid for meanwhile."
    )
    rented = "Rented replicas follow the demand; bought and reserved ones are paid for as planned, and added to."
    seen = f"The demand was seen for {load.span_s / 3600:,.3g} hours"
    seen += "; what other times may change is assumed, in its range." if load.span_s < WEEK_S else "."
    return seen, growth, trends, rented, common, missed
