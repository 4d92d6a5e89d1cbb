"""How sure a comparison is: chances, the break-even over the draws, the tornado, and what would turn it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.quantity import format_count
from breakeven.report import number
from breakeven.report.chart import band, tornado
from breakeven.report.citation import Citations
from breakeven.report.currency import cash
from breakeven.report.document import Align, Block, Chart, Risk, Table, Text
from breakeven.schema.outlook import Band, Chance, Outlook, Recovery, Swing, Turn

SHOWN = 8
"""Bars and turns that are told one by one; the JSON has all."""
NAMED = 4
INDICES = (
    "Alone and with others are the input's Sobol indices: its share of the result's variance by itself, and with what "
    "it does together with other inputs."
)
NO_INDICES = (
    "Alone and with others, the input's shares of the result's variance (Sobol indices), are not computed: that takes "
    "scipy (`pip install 'breakeven[plan]'`), a result that varies, and at most 510 uncertain inputs."
)
LEFT: Align = "left"
RIGHT: Align = "right"


def outlook_blocks(
    outlook: Outlook, known: Citations, base: float | None = None, *, chances: bool = True
) -> tuple[Block, ...]:
    """All of it: draws, chances, break-even with its band, tornado, and what more knowledge is worth.

    `base` is the tornado's result with every input at base, where it is known. Without `chances` what a doubt says
    better is left out: who is best how often, what explains the variance, and what knowing it would be worth.

    Raises:
        FactError: an input of the tornado rests on a fact that is not among the sources.
    """
    drawn = _drawn(outlook, known)
    blocks: list[Block] = [_made(outlook), *((chance_table(outlook, drawn),) if chances else ())]
    if outlook.recoveries:
        blocks += [recovery_table(outlook, drawn), recovery_chart(_foremost(outlook), outlook)]
    if outlook.tornado:
        blocks += [tornado_chart(outlook, base), swing_table(outlook, known, indices=chances)]
    return (*blocks, _knowledge(outlook)) if chances else tuple(blocks)


def _drawn(outlook: Outlook, known: Citations) -> str:
    """What the draws rest on: everything that has a range, and what all else is taken from."""
    keys = dict.fromkeys((known.sources[0].key, *(key for swing in outlook.tornado for key in swing.facts)))
    return known.cite("Drawn from what has a range; the rest stays as it is.", keys)


def _made(outlook: Outlook) -> Text:
    return Text(
        text=f"{format_count(outlook.draws)} draws over {outlook.horizon_months} months, seed {outlook.seed}. "
        f"Bands run from the 5th to the 95th percentile of the draws."
    )


def chance(outlook: Outlook, option: str) -> Chance | None:
    """How an option fares, None where it was not drawn."""
    return next((one for one in outlook.chances if one.option == option), None)


def chance_table(outlook: Outlook, drawn: str = "") -> Table:
    """Present cost of each option over the draws, and how often it is the cheapest."""
    rows = tuple(_chance(one, outlook.currency) for one in outlook.chances)
    return Table(
        caption="Present cost over the draws",
        columns=("option", "5th percentile", "median", "95th percentile", "cheapest in", "expected regret"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT),
        note=f"Regret is what the option costs more than the cheapest one of the same draw. {drawn}".rstrip(),
    )


def _chance(one: Chance, currency: str) -> tuple[str, ...]:
    cost = one.present_cost
    costs = (cash(value, currency) for value in (cost.p5, cost.p50, cost.p95))
    return (one.option, *costs, number.share(one.probability_best), cash(one.expected_regret, currency))


def recovery_table(outlook: Outlook, drawn: str = "") -> Table:
    """When each owner has earned its extra capital back, over the draws."""
    rows = tuple(
        (
            f"{one.owner} against {one.rival}",
            number.share(one.probability),
            *(number.months(month) for month in (one.months.p5, one.months.p50, one.months.p95)),
        )
        for one in outlook.recoveries
    )
    return Table(
        caption=f"Break-even within {outlook.horizon_months} months, over the draws",
        columns=("option", "breaks even in", "5th percentile", "median", "95th percentile"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT, RIGHT),
        note="A percentile is never where that share of the draws does not break even within the horizon. "
        f"{drawn}".rstrip(),
    )


def _foremost(outlook: Outlook) -> Recovery:
    """The break-even that the decision is about: of the best option where it owns, else the first."""
    named = {outlook.best, outlook.compared}
    wanted = (one for one in outlook.recoveries if {one.owner, one.rival} == named)
    of_best = (one for one in outlook.recoveries if one.owner == outlook.best)
    return next(wanted, None) or next(of_best, None) or outlook.recoveries[0]


def recovery_chart(one: Recovery, outlook: Outlook) -> Chart:
    """The cumulated saving with its band."""
    title = f"{one.owner} against {one.rival}, cumulated saving"
    last = one.saved[-1] if one.saved else Band(p5=None, p50=None, p95=None)
    ends = ", ".join(
        f"{name} {cash(value, outlook.currency)}"
        for name, value in (("5th percentile", last.p5), ("median", last.p50), ("95th percentile", last.p95))
        if value is not None
    )
    words = f"breaks even in {number.share(one.probability)} of the draws, median {number.months(one.months.p50)}; "
    words += f"saved after {outlook.horizon_months} months: {ends or 'not drawn'}"
    svg = band.band(one.saved, unit=outlook.currency, crossing=one.months, title=title, description=words)
    return Chart(title=title, summary=words, svg=svg)


def tornado_chart(outlook: Outlook, base: float | None = None) -> Chart:
    """The inputs that move the result most."""
    title = "What moves it most"
    moving = tuple(swing for swing in outlook.tornado if swing.width > 0) or outlook.tornado
    drawn = tornado.widest(moving)
    words = f"{outlook.result} " + "; ".join(_swung(swing, outlook.currency) for swing in drawn[:3])
    svg = tornado.tornado(moving, unit=outlook.currency, title=title, description=words, base=base)
    return Chart(title=title, summary=words, svg=svg)


def _swung(swing: Swing, currency: str) -> str:
    low, high = number.number(swing.low, swing.unit), number.number(swing.high, swing.unit)
    return f"{swing.name}: {cash(swing.at_low, currency)} at {low}, {cash(swing.at_high, currency)} at {high}"


def swing_table(outlook: Outlook, known: Citations, *, indices: bool = True) -> Table:
    """Every input of the tornado with its range, sources and, with `indices`, its share of the result's variance."""
    ordered = tornado.widest(outlook.tornado, len(outlook.tornado))
    rows = tuple(_swing(swing, outlook.currency, known, indices=indices) for swing in ordered)
    shown = min(SHOWN, sum(swing.width > 0 for swing in ordered))
    shares: tuple[str, ...] = ("alone", "with others") if indices else ()
    computed = any(swing.first_order is not None for swing in ordered)
    said = (INDICES if computed else NO_INDICES) if indices else ""
    return Table(
        caption="One input at a time, the others at base",
        columns=("input", "low", "base", "high", "at low", "at high", *shares, "rests on"),
        rows=rows[:shown],
        align=(LEFT, *(RIGHT for _ in (*range(5), *shares)), LEFT),
        note=f"{outlook.result}{_others(ordered[shown:], outlook.currency)} {said}".rstrip(),
    )


def _others(left: Sequence[Swing], currency: str) -> str:
    """What is said of the inputs that the table leaves out."""
    if not left:
        return ""
    most = max(swing.width for swing in left)
    moved = f"move it by {cash(most, currency)} or less each" if most > 0 else "do not move it"
    return f" {len(left)} more inputs have a range and {moved}."


def _swing(swing: Swing, currency: str, known: Citations, *, indices: bool) -> tuple[str, ...]:
    ends = (number.number(value, swing.unit) for value in (swing.low, swing.base, swing.high))
    results = (cash(value, currency) for value in (swing.at_low, swing.at_high))
    known_shares = (swing.first_order, swing.total_order) if indices else ()
    shares = (number.share(value, unknown="-") for value in known_shares)
    return (swing.name, *ends, *results, *shares, known.marks(swing.facts))


def _knowledge(outlook: Outlook) -> Text:
    worth = cash(outlook.evpi, outlook.currency)
    return Text(
        text=f"To know every input exactly would be worth {worth} over {outlook.horizon_months} months at most "
        f"(expected value of perfect information): finding out should not cost more than that."
    )


def turn_blocks(turns: Sequence[Turn]) -> tuple[Risk, ...]:
    """What would change the decision, nearest first, as sentences; and what alone does not."""
    return tuple(Risk(text=text) for text in turn_sentences(turns))


def turn_sentences(turns: Sequence[Turn]) -> Iterator[str]:
    """One sentence for each input that turns the decision, and one for all that do not."""
    turning = [turn for turn in sorted(turns, key=_distance) if turn.at is not None]
    yield from (_turn(turn, turn.at) for turn in turning[:SHOWN] if turn.at is not None)
    if left := turning[SHOWN:]:
        yield f"{len(left)} more inputs would turn it further from where they are: {_named(left)}."
    idle = [turn for turn in turns if turn.at is None]
    if idle:
        yield f"Alone, no value in their searched ranges makes another option the best: {_named(idle)}."


def _distance(turn: Turn) -> tuple[float, str]:
    at = turn.base if turn.at is None else turn.at
    return abs(at - turn.base) / (abs(turn.base) or 1.0), turn.name


def _turn(turn: Turn, at: float) -> str:
    verb = "rises" if at > turn.base else "falls"
    moved = number.change(turn.base, at)
    now = f"now {number.number(turn.base, turn.unit)}{', ' + moved if moved else ''}"
    winner = turn.winner or "Another option"
    return f"{winner} is best once {turn.name} {verb} to {number.number(at, turn.unit)} ({now})."


def _named(turns: Sequence[Turn]) -> str:
    """Some of them by name."""
    names = ", ".join(turn.name for turn in turns[:NAMED])
    return names if len(turns) <= NAMED else f"{names} and {len(turns) - NAMED} others"
