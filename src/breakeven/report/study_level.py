"""A study's options at several levels of load: what each costs there, and the lift that would pay for it."""

from __future__ import annotations

from collections.abc import Mapping

from breakeven.report.citation import Citations
from breakeven.report.currency import cash
from breakeven.report.document import Align, Block, Table
from breakeven.report.number import percent
from breakeven.report.study_table import facts_of, named
from breakeven.schema.tco import Tco, TcoLevel, TcoOption

LEFT: Align = "left"
RIGHT: Align = "right"
SHOWN = {"useful_prediction": (1000, "useful predictions"), "request": (1000, "requests"), "Mtok": (1, "Mtok")}
"""How many of what a price is shown for."""
Levels = Mapping[tuple[str, str], TcoLevel]
"""By option and level."""


def level_blocks(tco: Tco, known: Citations) -> tuple[Block, ...]:
    """A table of months and one of prices with the lift they need; nothing where the study has no demand."""
    if not tco.levels:
        return ()
    found: Levels = {(one.option, one.name): one for one in tco.levels}
    heads = {one.name: f"{one.name}, {one.factor:g} x" for one in tco.levels}
    return (_months(tco, heads, found, known), _prices(tco, tuple(heads), found, known))


def _months(tco: Tco, heads: Mapping[str, str], found: Levels, known: Citations) -> Table:
    rows = tuple(
        (
            named(option),
            *(cash(found[option.name, name].annuity, tco.currency) for name in heads),
            known.marks(facts_of(option)),
        )
        for option in tco.base.options
    )
    return Table(
        caption="A level month by load",
        columns=("option", *heads.values(), "rests on"),
        rows=rows,
        align=(LEFT, *(RIGHT for _ in heads), LEFT),
        note="Demand is that multiple of the stated one over the whole horizon: fleets that are sized from demand are "
        "sized anew, stated ones stay.",
    )


def _prices(tco: Tco, names: tuple[str, ...], found: Levels, known: Citations) -> Table:
    times, per = SHOWN[tco.levels[0].per]
    many = f"{times:,} {per}" if times > 1 else per
    lifts = tuple(f"lift, {name}" for name in names)
    return Table(
        caption=f"The price of {many} by load, and the lift that would pay for it",
        columns=("option", *names, *lifts, "rests on"),
        rows=tuple(
            (*_row(option, names, found, tco.currency, times), known.marks(facts_of(option)))
            for option in tco.base.options
        ),
        align=(LEFT, *(RIGHT for _ in (*names, *lifts)), LEFT),
        note=f"The lift is what {many} of an option must bring more than those of the level's cheapest option to be "
        "worth its price. What a fleet cannot carry has no price.",
    )


def _row(option: TcoOption, names: tuple[str, ...], found: Levels, currency: str, times: int) -> tuple[str, ...]:
    levels = [found[option.name, name] for name in names]
    return (
        named(option),
        *(_price(one, currency, times) for one in levels),
        *(_lift(one, currency, times) for one in levels),
    )


def _price(one: TcoLevel, currency: str, times: int) -> str:
    if one.unit_cost is not None:
        return cash(one.unit_cost * times, currency)
    return "unpriced" if one.annuity is None or one.load is None else f"not carried ({percent(one.load)})"


def _lift(one: TcoLevel, currency: str, times: int) -> str:
    if one.lift_needed is None:
        return "-"
    return cash(one.lift_needed * times, currency) if one.lift_needed else "none, cheapest"
