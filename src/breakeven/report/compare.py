"""Vendor proposals compared, as a document: who comes first and why, costs by load, red flags, and what to ask."""

from __future__ import annotations

from breakeven.quantity import format_count, format_seconds
from breakeven.report import number
from breakeven.report.citation import Citations, fact_source
from breakeven.report.currency import cash
from breakeven.report.document import (
    Align,
    Block,
    Document,
    Items,
    Provenance,
    Risk,
    Section,
    Source,
    Table,
    Text,
    Verdict,
)
from breakeven.schema.comparison import Assessed, Comparison, Crossing, LevelCost
from breakeven.schema.noun import Figure

LEFT: Align = "left"
RIGHT: Align = "right"
MOST_TURNS = 4
"""Changes of the cheaper one that are told one by one."""
FIRST_FACT = 2


def comparison_document(found: Comparison) -> Document:
    """Everything a comparison says.

    Raises:
        FactError: a figure rests on a fact that the comparison does not carry.
    """
    known = _citations(found)
    sections = (
        Section(title="Answer", blocks=(_verdict(found), _ranking(found), Text(text=_rule(found)))),
        Section(title="Cost by load", blocks=(_cost_table(found, known), _level_table(found, known), *_reasons(found))),
        Section(title="Always on and burst", blocks=(_split_table(found), _parts_table(found, known))),
        Section(title="Latency", blocks=(_latency_table(found, known),)),
        Section(title="Tracking", blocks=(_tracking_table(found),)),
        Section(title="When things grow", blocks=_growth(found)),
        Section(title="Where the cheaper one changes", blocks=_crossings(found)),
        Section(title="Red flags", blocks=_flags(found)),
        Section(title="Leaving", blocks=(_exit_table(found, known),)),
        Section(title="Questions to ask", blocks=_questions(found)),
        Section(title="Conventions", blocks=(_conventions(found),)),
        Section(title="Warnings", blocks=tuple(Risk(text=text) for text in found.warnings)),
        Section(title="Sources", blocks=(Provenance(sources=known.sources),)),
    )
    return Document(
        title=found.title,
        subtitle=f"Proposals compared, as of {found.as_of}",
        sections=tuple(section for section in sections if section.blocks),
        meta=(("workload", found.workload), ("as of", found.as_of), ("format", str(found.version))),
    )


def _citations(found: Comparison) -> Citations:
    own = Source(mark=1, key="workload", value=found.workload, source=found.source, as_of=found.as_of, basis="stated")
    facts = (fact_source(fact, mark) for mark, fact in enumerate(found.facts, FIRST_FACT))
    return Citations(sources=(own, *facts))


# -- the answer --------------------------------------------------------------------------------------------------------


def _verdict(found: Comparison) -> Verdict:
    inside = [one for one in found.proposals if one.standing.place == 1]
    if not inside:
        reasons = "; ".join(f"{one.vendor}: {' '.join(one.standing.excluded)}" for one in found.proposals)
        return Verdict(sentence=f"No proposal can be taken: {reasons}", tone="bad")
    first = inside[0]
    bad = sum(flag.tone == "bad" for flag in first.flags)
    known = not first.standing.unknown
    names = " and ".join(one.vendor for one in inside)
    lacking = "" if known else f" Unknown of it, and ranked last for that: {', '.join(first.standing.unknown)}."
    count = "no red flag" if not bad else "1 red flag" if bad == 1 else f"{bad} red flags"
    return Verdict(
        sentence=f"{names} {'comes' if len(inside) == 1 else 'come'} first of {len(found.proposals)}, with {count} to "
        f"clear before signing.{lacking}",
        figure=f"{_cash(first.cost, found.currency)} a month, "
        f"{_cash(first.per_1000_useful, found.currency, 'no price')} per 1,000 useful predictions",
        tone="good" if known and not bad else "warn",
    )


def _ranking(found: Comparison) -> Table:
    columns = ("place", "proposal", "per 1,000", "p99 / p50", "tracking", "score", "of which", "behind in all", "flags")
    return Table(
        caption="Ranking",
        columns=columns,
        rows=tuple(_rank(one, found.currency) for one in found.proposals),
        align=(RIGHT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, RIGHT),
    )


def _rank(one: Assessed, currency: str) -> tuple[str, ...]:
    standing = one.standing
    shares = ", ".join(f"{name} {share:.2f}" for name, share in standing.shares.items())
    bad = sum(flag.tone == "bad" for flag in one.flags)
    unknown = dict.fromkeys(standing.unknown, "unknown")
    return (
        "out" if standing.place is None else str(standing.place),
        one.vendor,
        unknown.get("cost") or _cash(one.per_1000, currency),
        unknown.get("latency") or _ratio(one.spread),
        unknown.get("tracking") or _points(one.tracking),
        f"{standing.score:.2f}",
        shares,
        ", ".join(standing.dominated_by) or "-",
        f"{bad} + {len(one.flags) - bad}",
    )


def _rule(found: Comparison) -> str:
    weights = ", ".join(f"{name} {weight:g}" for name, weight in found.weights.items())
    return (
        f"The score is weighted {weights}: the best's cost / its own, the best's p99 / p50 over its own, tracking "
        "points / 100. Unknown earns 0. A cost counts only where it is whole and the latency budget is known to be kept "
        "at every level. Equal scores go to whoever is behind fewer in all three, then to fewer red flags. Flags are "
        "those to clear + those to know."
    )


# -- costs -------------------------------------------------------------------------------------------------------------


def _cost_table(found: Comparison, known: Citations) -> Table:
    columns = ("proposal", "a month", "per 1,000", "per 1,000 useful", "not priced", "prices of", "rests on")
    rows = tuple(
        (
            one.vendor,
            _cash(one.cost, found.currency, least=bool(one.missing)),
            _cash(one.per_1000, found.currency, least=bool(one.missing)),
            _cash(one.per_1000_useful, found.currency, "no price"),
            "; ".join(one.missing) or "-",
            one.date or "no date",
            known.marks(("workload", *one.cost.facts, *one.per_1000_useful.facts)),
        )
        for one in found.proposals
    )
    note = f"A month of {format_count(found.requests)} predictions, one-off amounts spread level over the horizon."
    align = (LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT)
    return Table(
        caption=f"A month of the mean demand, {found.currency}", columns=columns, rows=rows, align=align, note=note
    )


def _level_table(found: Comparison, known: Citations) -> Table:
    multiples = {load.name: load.multiple for load in found.loads}
    columns = (
        "level",
        "predictions",
        "proposal",
        "a month",
        "per 1,000",
        "budget",
        "per 1,000 useful",
        "net",
        "rests on",
    )
    rows = tuple(
        _level(one, level, multiples[name], found.currency, known)
        for name in multiples
        for one in found.proposals
        for level in one.levels
        if level.level == name
    )
    return Table(
        caption="Each level of load, as if the whole month were at it",
        columns=columns,
        rows=rows,
        align=(LEFT, RIGHT, LEFT, RIGHT, RIGHT, LEFT, RIGHT, RIGHT, LEFT),
        note="Net is the value of the useful predictions less the cost. A proposal that misses the latency budget, or "
        "is not known to keep it, has no price per useful prediction.",
    )


def _level(one: Assessed, level: LevelCost, multiple: float, currency: str, known: Citations) -> tuple[str, ...]:
    within = {True: "kept", False: "missed", None: "not known"}
    facts = (*level.cost.facts, *level.latency.facts, *level.per_1000_useful.facts, *level.net.facts)
    return (
        f"{level.level}, {multiple:g} x",
        format_count(level.requests),
        one.vendor,
        _cash(level.cost, currency, least=bool(one.missing)),
        _cash(level.per_1000, currency, least=bool(one.missing)),
        within[level.within],
        _cash(level.per_1000_useful, currency, "no price"),
        _cash(level.net, currency, "-"),
        known.marks(("workload", *facts)),
    )


def _reasons(found: Comparison) -> tuple[Block, ...]:
    """Why there is no price per useful prediction, once for each."""
    told = tuple(
        f"{one.vendor}, {level.level}: {level.per_1000_useful.note}."
        for one in found.proposals
        for level in one.levels
        if level.per_1000_useful.value is None and level.per_1000_useful.note
    )
    return (Text(text="No price per useful prediction:"), Items(items=told)) if told else ()


def _split_table(found: Comparison) -> Table:
    rows = tuple(
        (
            one.vendor,
            _cash(one.always_on, found.currency, one.always_on.note or "unknown"),
            _cash(one.burst, found.currency, "unknown"),
            number.share(one.burst.value / one.cost.value) if one.burst.value is not None and one.cost.value else "-",
        )
        for one in found.proposals
    )
    return Table(
        caption=f"A month, {found.currency}",
        columns=("proposal", "always on", "bursts add", "burst share"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT),
        note="Always on is what the demand that is always there would cost alone, without a peak.",
    )


def _parts_table(found: Comparison, known: Citations) -> Table:
    rows = [
        (one.vendor, part.name, cash(part.amount, found.currency), part.formula, known.marks(part.facts))
        for one in found.proposals
        for part in one.parts
    ]
    return Table(
        caption="The lines of a month",
        columns=("proposal", "line", "a month", "formula", "rests on"),
        rows=tuple(rows),
        align=(LEFT, LEFT, RIGHT, LEFT, LEFT),
    )


# -- latency, tracking, growth -----------------------------------------------------------------------------------------


def _latency_table(found: Comparison, known: Citations) -> Table:
    rows = tuple(
        (
            one.vendor,
            level.level,
            level.latency.note if level.latency.value is None else format_seconds(level.latency.value),
            level.latency.how or "-",
            _ratio(level.spread),
            _ratio(level.iqr, "-"),
            known.marks((*level.latency.facts, *level.spread.facts)),
        )
        for one in found.proposals
        for level in one.levels
    )
    return Table(
        caption=f"Latency, budget {found.budget or 'none'}",
        columns=("proposal", "level", "end to end", "how known", "p99 / p50", "(p75 - p25) / p50", "rests on"),
        rows=rows,
        align=(LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT, LEFT),
        note="Ranked by the widest p99 / p50 of all levels; while one level is unknown, so is that.",
    )


def _tracking_table(found: Comparison) -> Table:
    names = [point.name for point in found.proposals[0].points] if found.proposals else []
    most = [point.most for point in found.proposals[0].points] if found.proposals else []
    columns = ("proposal", *(f"{name.replace('_', ' ')} ({top:g})" for name, top in zip(names, most, strict=True)))
    rows = tuple(
        (one.vendor, *(f"{point.points:g}, {point.state}" for point in one.points), _points(one.tracking))
        for one in found.proposals
    )
    return Table(
        caption="Tracking reliability, points",
        columns=(*columns, "of 100"),
        rows=rows,
        align=(LEFT, *[LEFT] * len(names), RIGHT),
        note="Proven earns all points, stated half, no and unknown none. An interval says what open answers could add.",
    )


def _growth(found: Comparison) -> tuple[Block, ...]:
    rows = [
        (
            case.name,
            one.vendor,
            _cash(case.cost, found.currency, "unknown"),
            _change(one, case.cost),
            case.changed,
            case.cost.note,
        )
        for one in found.proposals
        for case in one.scenarios
    ]
    if not rows:
        return ()
    columns = ("case", "proposal", "a month", "change", "what grows", "why unknown")
    ordered = tuple(sorted(rows, key=lambda row: [case[0] for case in rows].index(row[0])))
    return (
        Table(caption="A month, grown", columns=columns, rows=ordered, align=(LEFT, LEFT, RIGHT, RIGHT, LEFT, LEFT)),
    )


def _change(one: Assessed, grown: Figure) -> str:
    if grown.value is None or one.cost.value is None:
        return "-"
    return number.change(one.cost.value, grown.value) or "-"


def _crossings(found: Comparison) -> tuple[Block, ...]:
    if not found.crossings:
        return ()
    low, high = (format_count(bound) for bound in found.searched)
    vendors = {one.id: one.vendor for one in found.proposals}
    told = tuple(_crossing(one, vendors) for one in found.crossings)
    return (
        Items(items=told),
        Text(text=f"Searched from {low} to {high} predictions a month; cost alone decides here."),
    )


def _crossing(one: Crossing, vendors: dict[str, str]) -> str:
    pair = f"{vendors[one.one]} and {vendors[one.other]}"
    if not one.turns:
        return f"{pair}: {_named(one.note, vendors)}."
    told = [
        f"from {number.scaled(turn.predictions_per_month, '').strip()} predictions a month on "
        f"{vendors[turn.cheaper_above]} is cheaper"
        for turn in one.turns[:MOST_TURNS]
    ]
    more = f", and {len(one.turns) - MOST_TURNS} more changes" if len(one.turns) > MOST_TURNS else ""
    return f"{pair}: {vendors[one.turns[0].cheaper_below]} is cheaper below, {'; '.join(told)}{more}."


def _named(note: str, vendors: dict[str, str]) -> str:
    words = (
        vendors.get(word.rstrip(":,;"), word.rstrip(":,;")) + word[len(word.rstrip(":,;")) :]
        for word in note.split(" ")
    )
    return " ".join(words)


# -- flags, exit, questions --------------------------------------------------------------------------------------------


def _flags(found: Comparison) -> tuple[Block, ...]:
    told = tuple(
        Risk(text=f"{one.vendor}: {flag.text}", tone=flag.tone) for one in found.proposals for flag in one.flags
    )
    return told or (Text(text="None."),)


def _exit_table(found: Comparison, known: Citations) -> Table:
    rows = tuple(
        (
            one.vendor,
            _cash(one.exit, found.currency, "unknown"),
            "-" if one.exit_months.value is None else number.months(one.exit_months.value),
            _cash(one.credit_most, found.currency, "unknown"),
            one.exit.note or one.exit.how,
            known.marks((*one.exit.facts, *one.credit_most.facts)),
        )
        for one in found.proposals
    )
    return Table(
        caption="Leaving after a year, and what a broken promise pays back",
        columns=("proposal", "leaving", "of spend", "credits, at most", "of what", "rests on"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT),
    )


def _questions(found: Comparison) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for one in found.proposals:
        if one.questions:
            blocks.append(Text(text=f"{one.vendor}:"))
            blocks.append(Items(items=tuple(f"{question.text} ({question.key})" for question in one.questions)))
    return tuple(blocks) or (Text(text="None: every field is answered."),)


def _conventions(found: Comparison) -> Table:
    return Table(caption="What every figure rests on", columns=("convention", "value"), rows=found.conventions)


# -- words -------------------------------------------------------------------------------------------------------------


def _cash(figure: Figure, currency: str, unknown: str = "unpriced", *, least: bool = False) -> str:
    if figure.value is None:
        return unknown
    return f"{'at least ' if least else ''}{cash(figure.value, currency)}"


def _ratio(figure: Figure, unknown: str = "unknown") -> str:
    return unknown if figure.value is None else f"{figure.value:.3g}"


def _points(figure: Figure) -> str:
    if figure.value is None:
        return "unknown"
    open_to = f" ({figure.low:g} to {figure.high:g})" if figure.low is not None and figure.high is not None else ""
    return f"{figure.value:g}{open_to}"
