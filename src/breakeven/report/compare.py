"""Vendor proposals compared, as a document: who comes first and why, costs by load, red flags, and what to ask."""

from __future__ import annotations

from breakeven.quantity import format_count
from breakeven.report import number
from breakeven.report.citation import Citations, fact_source
from breakeven.report.compare_table import (
    LEFT,
    RIGHT,
    cost_table,
    exit_table,
    latency_table,
    level_table,
    money,
    parts_table,
    points,
    ratio,
    split_table,
    tracking_table,
)
from breakeven.report.document import (
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
from breakeven.schema.comparison import Assessed, Comparison, Crossing
from breakeven.schema.noun import Figure

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
        Section(title="Answer", blocks=(_verdict(found), _ranking(found), *_out(found), Text(text=_rule(found)))),
        Section(title="Cost by load", blocks=(cost_table(found, known), level_table(found, known), *_reasons(found))),
        Section(title="Always on and burst", blocks=(split_table(found), parts_table(found, known))),
        Section(title="Latency", blocks=(latency_table(found, known),)),
        Section(title="Tracking", blocks=(tracking_table(found),)),
        Section(title="When things grow", blocks=_growth(found)),
        Section(title="Where the cheaper one changes", blocks=_crossings(found)),
        Section(title="Red flags", blocks=_flags(found)),
        Section(title="Leaving", blocks=(exit_table(found, known),)),
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
        figure=f"{money(first.cost, found.currency)} a month, "
        f"{money(first.per_1000_useful, found.currency, 'no price')} per 1,000 useful predictions",
        tone="good" if known and not bad else "warn",
    )


def _ranking(found: Comparison) -> Table:
    columns = ("place", "proposal", "per 1,000", "p99 / p50", "tracking", "score", "of which", "behind in all")
    vendors = {one.id: one.vendor for one in found.proposals}
    return Table(
        caption="Ranking",
        columns=(*columns, "flags", "to know"),
        rows=tuple(_rank(one, found.currency, vendors) for one in found.proposals),
        align=(RIGHT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, RIGHT, RIGHT),
    )


def _rank(one: Assessed, currency: str, vendors: dict[str, str]) -> tuple[str, ...]:
    standing = one.standing
    shares = ", ".join(f"{name} {share:.2f}" for name, share in standing.shares.items())
    bad = sum(flag.tone == "bad" for flag in one.flags)
    unknown = dict.fromkeys(standing.unknown, "unknown")
    return (
        "out" if standing.place is None else str(standing.place),
        one.vendor,
        unknown.get("cost") or money(one.per_1000, currency),
        unknown.get("latency") or ratio(one.spread),
        unknown.get("tracking") or points(one.tracking),
        f"{standing.score:.2f}",
        shares,
        ", ".join(vendors[key] for key in standing.dominated_by) or "-",
        str(bad),
        str(len(one.flags) - bad),
    )


def _out(found: Comparison) -> tuple[Block, ...]:
    """Why a proposal has no place, beside the ranking that leaves it out."""
    return tuple(
        Risk(text=f"{one.vendor} is out: {' '.join(one.standing.excluded)}", tone="bad")
        for one in found.proposals
        if one.standing.excluded
    )


def _rule(found: Comparison) -> str:
    weights = ", ".join(f"{name} {weight:g}" for name, weight in found.weights.items())
    return (
        f"The score is weighted {weights}: the best's cost / its own, the best's p99 / p50 over its own, tracking "
        "points / 100. Unknown earns 0. A cost counts only where it is whole and the latency budget is known to be "
        "kept at every level. Equal scores go to whoever is behind fewer in all three, then to fewer red flags. Flags "
        "are to be cleared before signing."
    )


def _reasons(found: Comparison) -> tuple[Block, ...]:
    """Why there is no price per useful prediction, once for each."""
    levels: dict[tuple[str, str], list[str]] = {}
    for one in found.proposals:
        for level in one.levels:
            if level.per_1000_useful.value is None and level.per_1000_useful.note:
                levels.setdefault((one.vendor, level.per_1000_useful.note), []).append(level.level)
    told = tuple(f"{vendor}, {' and '.join(names)}: {note}." for (vendor, note), names in levels.items())
    return (Text(text="No price per useful prediction:"), Items(items=told)) if told else ()


def _growth(found: Comparison) -> tuple[Block, ...]:
    rows = [
        (
            case.name,
            one.vendor,
            money(case.cost, found.currency, "unknown", least=bool(one.missing)),
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
    if grown.value is None or one.cost.value is None or one.missing:
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


def _questions(found: Comparison) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for one in found.proposals:
        if one.questions:
            blocks.append(Text(text=f"{one.vendor}:"))
            blocks.append(Items(items=tuple(f"{question.text} ({question.key})" for question in one.questions)))
    return tuple(blocks) or (Text(text="None: every field is answered."),)


def _conventions(found: Comparison) -> Table:
    return Table(caption="What every figure rests on", columns=("convention", "value"), rows=found.conventions)
