"""A difference for people, short enough for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.quantity import format_usd
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Section, Table, Text, Tone, Verdict
from breakeven.schema.difference import Difference, Moved, OptionMoved, Why, WhyKind

LEFT: Align = "left"
RIGHT: Align = "right"
MOST = 15
"""Rows of a table; the rest is counted."""
NAMES = {
    "cost_per_useful_prediction_usd": "cost per useful prediction",
    "monthly_cost_usd": "cost a month",
    "cost_total_usd": "cost in all",
    "predictions": "predictions",
    "useful_share": "useful",
    "idle_share": "idle capacity's part of the cost",
}
KINDS: dict[WhyKind, str] = {
    "fact": "fact",
    "workload": "demand",
    "objective": "target",
    "assumption": "assumption",
    "input": "asked",
    "measured": "measured",
    "setting": "policy",
}


def difference_document(found: Difference) -> Document:
    """What `diff` prints."""
    sections = [Section(title="Answer", blocks=tuple(_answer(found)))]
    if found.options:
        name = "Use cases that moved" if found.kind == "statement" else "Options that moved"
        sections.append(Section(title=name, blocks=(_options(found.options, found.kind),)))
    if found.whys:
        sections.append(Section(title="What changed", blocks=tuple(_whys(found.whys))))
    title = f"Two {'policies' if found.kind == 'policy' else found.kind + 's'}"
    return Document(title=title, subtitle=f"{found.before_id} to {found.after_id}", sections=tuple(sections))


def _answer(found: Difference) -> Iterator[Block]:
    if found.empty:
        yield Verdict(sentence="Nothing differs.", tone="good")
        return
    yield Verdict(sentence=_sentence(found), tone=_tone(found.cost))
    if found.figures:
        yield Table(
            caption="Headline figures",
            columns=("", "before", "after", "change"),
            rows=tuple(_figure(one) for one in found.figures),
            align=(LEFT, RIGHT, RIGHT, RIGHT),
        )


def _sentence(found: Difference) -> str:
    if found.kind == "policy":
        return f"{len(found.whys)} settings of the policy differ."
    if found.before_chosen != found.after_chosen:
        return f"The choice changes from {found.before_chosen} to {found.after_chosen}."
    kept = f"{found.after_chosen} stays the choice; " if found.after_chosen else ""
    cost = found.cost
    if cost is None or cost.change is None:
        return f"{kept}its cost per useful prediction cannot be compared."
    if not cost.change:
        return f"{kept}the cost per useful prediction stays."
    return f"{kept}the cost per useful prediction {'rises' if cost.change > 0 else 'falls'}{_by(cost)}."


def _by(cost: Moved) -> str:
    return "" if cost.rise is None else f" by {abs(cost.rise):.1%}"


def _tone(cost: Moved | None) -> Tone:
    if cost is None or not cost.change:
        return "neutral"
    return "bad" if cost.change > 0 else "good"


def _figure(one: Moved) -> tuple[str, ...]:
    before, after = (
        "unpriced" if value is None and one.unit == "USD" else number.number(value, _unit(one))
        for value in (one.before, one.after)
    )
    moved = "" if not one.change else number.change(one.before or 0.0, one.after or 0.0)
    return NAMES.get(one.name, one.name), before, after, moved or ("-" if one.change is None else "0 %")


def _unit(one: Moved) -> str:
    return "" if one.unit == "count" else one.unit


def _options(options: Sequence[OptionMoved], kind: str) -> Table:
    left_out = len(options) - MOST
    return Table(
        caption="By rank before or after, the better first",
        columns=("use case" if kind == "statement" else "option", "rank", "USD per 1,000 useful", "excluded by"),
        rows=tuple(_option(one) for one in options[:MOST]),
        align=(LEFT, RIGHT, RIGHT, LEFT),
        note=f"{left_out} more moved: see --json." if left_out > 0 else "",
    )


def _option(one: OptionMoved) -> tuple[str, ...]:
    ranks = _arrow(*("-" if rank is None else str(rank) for rank in (one.before_rank, one.after_rank)))
    costs = _arrow(*("-" if usd is None else format_usd(1000 * usd) for usd in (one.before_usd, one.after_usd)))
    return one.name, ranks, costs, _arrow(one.before_binding or "-", one.after_binding or "-")


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} to {after}"


def _whys(whys: Sequence[Why]) -> Iterator[Block]:
    """Where both sides know it first: those are changes, the rest was added or taken away."""
    changed = [_why(one) for one in whys if one.before is not None and one.after is not None]
    rows = [*changed, *_one_sided([one for one in whys if one.before is None or one.after is None])]
    yield Table(
        caption="Old and new",
        columns=("what", "which", "before", "after"),
        rows=tuple(rows[:MOST]),
        align=(LEFT, LEFT, RIGHT, RIGHT),
    )
    if len(rows) > MOST:
        yield Text(text=f"{len(rows) - MOST} more differ: see --json.")


def _why(one: Why) -> tuple[str, ...]:
    return KINDS[one.kind], one.key, _value(one.before), _value(one.after)


def _value(text: str | None) -> str:
    return "not there" if text is None else text or '""'


def _one_sided(whys: Sequence[Why]) -> Iterator[tuple[str, ...]]:
    """What one side alone has; the settings of one entry of a list are one line."""
    groups: dict[tuple[WhyKind, str, bool], list[Why]] = {}
    for one in whys:
        entry = one.key[: one.key.rfind("]") + 1] if one.kind == "setting" else ""
        groups.setdefault((one.kind, entry or one.key, one.before is None), []).append(one)
    for (kind, key, added), some in groups.items():
        if len(some) == 1:
            yield _why(some[0])
        else:
            known = f"{len(some)} settings"
            yield KINDS[kind], key, "not there" if added else known, known if added else "not there"
