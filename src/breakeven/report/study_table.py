"""Tables of a study: options, their lines in both views, break-even, results by variant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.currency import cash
from breakeven.report.document import Align, Table
from breakeven.schema.noun import Figure
from breakeven.schema.tco import Pair, Result, Tco, TcoLine, TcoOption, Variant

LEFT: Align = "left"
RIGHT: Align = "right"
BY_VARIANT = "Results by variant"
WIDEST = 5
"""The most columns of variants or results beside each other."""


def named(option: TcoOption) -> str:
    """What an option is called: its title, else its name."""
    return option.title or option.name


def facts_of(option: TcoOption) -> tuple[str, ...]:
    """The facts an option's lines rest on, each once; the study itself where a line names none."""
    return tuple(dict.fromkeys(key for line in option.lines for key in line.facts or ("study",)))


def options_table(options: Sequence[TcoOption], months: int, currency: str, known: Citations) -> Table:
    """Every option with its capital, its first month in both views, and the horizon."""
    lacking = any(option.unpriced for option in options)
    first = ("option", "name", "where", "start", "resale", "month 1, cash", "month 1, accounting")
    columns = (*first, f"{months} months", "present cost", "level month", *["not priced"] * lacking, "rests on")
    rows = tuple(_option(option, currency, known, lacking=lacking) for option in options)
    words = "Month 1 in cash is without what is paid at the start; in accounting, depreciation stands in its place. "
    note = words + "The level month is the same amount every month, worth the present cost."
    align = (LEFT, LEFT, LEFT, *[RIGHT] * 7, *[LEFT] * lacking, LEFT)
    return Table(caption=f"Options, {currency}", columns=columns, rows=rows, align=align, note=note)


def _option(option: TcoOption, currency: str, known: Citations, *, lacking: bool) -> tuple[str, ...]:
    totals = (option.first_month, option.accounting_month, option.total, option.present, option.annuity)
    capital = (cash(option.capex, currency), cash(option.residual, currency)) if option.capex else ("-", "-")
    amounts = (cash(value, currency) for value in totals)
    missing = (", ".join(option.unpriced) or "-",) if lacking else ()
    return (named(option), option.name, option.placement, *capital, *amounts, *missing, known.marks(facts_of(option)))


YEAR = 12


def year_table(options: Sequence[TcoOption], currency: str, known: Citations) -> Table | None:
    """What every option costs by year, in both views; None for less than two years."""
    shown = [option for option in options if option.total is not None]
    years = max((-(-(len(option.cash) - 1) // YEAR) for option in shown), default=0)
    if years < 2:  # noqa: PLR2004 - one year is the horizon
        return None
    rows = [
        (
            *(named(option), view),
            *(cash(amount, currency) for amount in _by_year(months, years)),
            known.marks(facts_of(option)),
        )
        for option in shown
        for view, months in (("cash", option.cash), ("accounting", option.accounting))
        if view == "cash" or option.depreciation
    ]
    return Table(
        caption=f"By year, {currency}",
        columns=("option", "view", *(f"year {at}" for at in range(1, years + 1)), "rests on"),
        rows=tuple(rows),
        align=(LEFT, LEFT, *[RIGHT] * years, LEFT),
        note="Year 1 holds what is paid at the start. Options without depreciation cost the same in both views.",
    )


def _by_year(months: Sequence[float], years: int) -> tuple[float, ...]:
    """Months 0..horizon as years; the start belongs to the first."""
    later = [sum(months[1 + at * YEAR : 1 + (at + 1) * YEAR]) for at in range(years)]
    return (months[0] + later[0], *later[1:])


def line_table(option: TcoOption, months: int, currency: str, known: Citations) -> Table:
    """The option's lines, cash and accounting side by side, each with its formula, basis and sources."""
    rows = [_line(line, currency, known) for line in option.lines]
    marks = known.marks(facts_of(option))
    rows += [_depreciation(option, currency, marks), _sum(option, currency, marks)]
    return Table(
        caption=named(option),
        columns=(
            *("line", "month 1, cash", "month 1, accounting", f"{months} months", "present cost"),
            *("formula", "basis", "rests on"),
        ),
        rows=tuple(row for row in rows if row),
        align=(LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT),
        note=_unpriced(option),
    )


def _line(line: TcoLine, currency: str, known: Citations) -> tuple[str, ...]:
    once = not line.first_month and bool(line.total)
    month = "-" if once else cash(line.first_month, currency)
    sums = (cash(line.total, currency), cash(line.present, currency))
    return (line.name, month, month, *sums, line.formula, line.basis, known.marks(line.facts or ("study",)))


def _depreciation(option: TcoOption, currency: str, marks: str) -> tuple[str, ...]:
    """What the accounting month has and the cash month has not."""
    if option.accounting_month is None or option.first_month is None:
        return ()
    amount = option.accounting_month - option.first_month
    if abs(amount) < 1e-9 * max(1.0, abs(option.first_month)):
        return ()
    formula = "in place of purchase, prepayment and resale"
    return ("depreciation", "-", cash(amount, currency), "-", "-", formula, "derived", marks)


def _sum(option: TcoOption, currency: str, marks: str) -> tuple[str, ...]:
    totals = (option.first_month, option.accounting_month, option.total, option.present)
    return ("total", *(cash(value, currency) for value in totals), "sum of the lines", "derived", marks)


def _unpriced(option: TcoOption) -> str:
    return f"Without a price: {', '.join(option.unpriced)}; so the option has no total." if option.unpriced else ""


def unbalanced(option: TcoOption) -> str:
    """A sentence where an option's lines do not sum to its total; empty where they do or there is none."""
    if option.total is None:
        return ""
    lines = sum(line.total for line in option.lines)
    if abs(lines - option.total) <= 1e-6 * max(1.0, *(abs(line.total) for line in option.lines), abs(option.total)):
        return ""
    return f"The lines of {named(option)} sum to {lines:,.2f}, its total says {option.total:,.2f}: do not use it."


def figure_table(
    caption: str, results: Sequence[Result], known: Citations, *, unknown: str = "none", detail: bool = False
) -> Table:
    """Named figures with how they were computed, or why there is none; `unknown` stands where a value would."""
    return Table(
        caption=caption,
        detail=detail,
        columns=("figure", "value", "how", "basis", "rests on"),
        rows=tuple(
            (one.name, said(one.figure, unknown), _how(one.figure), one.figure.basis, known.marks(one.figure.facts))
            for one in results
        ),
        align=(LEFT, RIGHT, LEFT, LEFT, LEFT),
    )


def said(figure: Figure, unknown: str = "none") -> str:
    """A figure as text without its reasons."""
    return unknown if figure.value is None else number.figure(figure)


def _how(figure: Figure) -> str:
    """How a value was computed and what is to be known about it; without a value, why."""
    if figure.value is None:
        return figure.note or figure.how
    return "; ".join(part for part in (figure.how, figure.note) if part)


def pair_table(pair: Pair, known: Citations) -> Table:
    """How an owner breaks even against a rival, in full."""
    return figure_table(f"{pair.owner} against {pair.rival}", pair.figures, known, unknown="never", detail=True)


GIST = {
    "months": "break-even",
    "lasting_months": "for good",
    "discounted_months": "discounted",
    "npv": "NPV",
    "irr_year": "IRR a year",
    "utilisation": "utilisation",
    "spend": "rival's month 1",
    "price_factor": "rival's prices x",
    "volume": "volume",
}
"""The figures of a pair that are shown beside those of other pairs, and what their columns are called."""


def gist_table(pairs: Sequence[Pair], known: Citations) -> Table:
    """Every pair in a row: when, at which volume, utilisation, spend and prices owning pays."""
    found = [{one.name.rpartition(".")[2]: one.figure for one in pair.figures} for pair in pairs]
    names = [name for name in GIST if any(name in figures for figures in found)]
    rows = tuple(
        (
            f"{pair.owner} against {pair.rival}",
            *(said(figures[name], "never") if name in figures else "-" for name in names),
            known.marks(dict.fromkeys(key for figure in figures.values() for key in figure.facts)),
        )
        for pair, figures in zip(pairs, found, strict=True)
    )
    return Table(
        caption="Where owning pays",
        columns=("pair", *(GIST[name] for name in names), "rests on"),
        rows=rows,
        align=(LEFT, *[RIGHT] * len(names), LEFT),
        note="Break-even is when the extra capital has come back in cash; utilisation, the rival's spend of month 1, "
        "its prices and the volume are those from which owning costs less over the horizon.",
    )


def findings(variant: Variant, currency: str) -> dict[str, str]:
    """What a variant says, by name: its results, or the present cost of its options where it names none."""
    if variant.results:
        return {one.name: said(one.figure) for one in variant.results}
    return {f"present cost of {named(option)}": cash(option.present, currency) for option in variant.options}


def variant_table(tco: Tco, known: Citations) -> Table:
    """Results by variant, the base first; whichever are fewer become the columns."""
    variants = (tco.base, *tco.variants)
    facts = (key for one in tco.base.results for key in one.figure.facts)
    found = {_called(one): findings(one, tco.currency) for one in variants}
    names = tuple(dict.fromkeys(name for one in found.values() for name in one))
    note = known.cite(_reasons(variants), dict.fromkeys(("study", *facts)))
    if len(found) <= WIDEST:
        return _grid("result", tuple(found), {n: [one.get(n, "-") for one in found.values()] for n in names}, note)
    if len(names) <= WIDEST:
        return _grid("variant", names, {v: [one.get(n, "-") for n in names] for v, one in found.items()}, note)
    rows = tuple((v, name, text) for v, one in found.items() for name, text in one.items())
    columns = ("variant", "result", "value")
    return Table(caption=BY_VARIANT, columns=columns, rows=rows, align=(LEFT, LEFT, RIGHT), note=note)


def _reasons(variants: Iterable[Variant]) -> str:
    """Why there is no value, once for each reason."""
    without = (one for each in variants for one in each.results if one.figure.value is None and one.figure.note)
    reasons = dict.fromkeys(f"{one.name}: {one.figure.note}" for one in without)
    none = f" Where there is none: {'; '.join(reasons)}." if reasons else ""
    return f"The study with some of its inputs changed.{none}"


def _called(variant: Variant) -> str:
    return variant.name or "base"


def _grid(first: str, columns: tuple[str, ...], cells: dict[str, list[str]], note: str) -> Table:
    rows = tuple((name, *row) for name, row in cells.items())
    align = (LEFT, *[RIGHT] * len(columns))
    return Table(caption=BY_VARIANT, columns=(first, *columns), rows=rows, align=align, note=note)


def changes(variants: Iterable[Variant]) -> tuple[str, ...]:
    """What each variant changes, as a sentence."""
    return tuple(
        f"{one.name}: {', '.join(f'{name} = {value}' for name, value in one.changed) or 'nothing changed'}"
        for one in variants
    )
