"""The difference of two sides; the other way round it is the same with before and after swapped."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.audit.difference.side import OptionSeen, Side
from breakeven.errors import GateError, UsageError
from breakeven.quantity import format_usd
from breakeven.schema.difference import WHY_KINDS, Difference, Moved, OptionMoved, Why

CLOSE = 1e-12
"""Relative: less is no difference of costs."""


def difference(before: Side, after: Side) -> Difference:
    """What differs from one side to the other.

    Raises:
        UsageError: they are of two kinds.
    """
    if before.kind != after.kind:
        message = f"{before.id} is a {before.kind} and {after.id} is a {after.kind}"
        raise UsageError(message, "compare two of one kind")
    return Difference(
        kind=before.kind,
        before_id=before.id,
        after_id=after.id,
        before_chosen=before.chosen,
        after_chosen=after.chosen,
        figures=tuple(_figures(before, after)),
        options=tuple(sorted(_options(before, after), key=_place)),
        whys=tuple(_whys(before, after)),
    )


def turned(found: Difference) -> Difference:
    """The same seen from the other side."""
    return Difference(
        kind=found.kind,
        before_id=found.after_id,
        after_id=found.before_id,
        before_chosen=found.after_chosen,
        after_chosen=found.before_chosen,
        figures=tuple(Moved(name=m.name, unit=m.unit, before=m.after, after=m.before) for m in found.figures),
        options=tuple(_turned(one) for one in found.options),
        whys=tuple(Why(kind=one.kind, key=one.key, before=one.after, after=one.before) for one in found.whys),
    )


def gate(found: Difference, fail_above: float) -> None:
    """Refuse a cost per useful prediction that rose by more than a share (0.05 is 5 %).

    Raises:
        GateError: it did, or it is not known on one side.
        UsageError: these sides have no cost.
    """
    cost = found.cost
    if cost is None:
        message = f"a {found.kind} has no cost per useful prediction"
        raise UsageError(message, "compare plans or statements, or leave out --fail-above")
    if cost.before is None or cost.after is None:
        message = f"cost per useful prediction is {format_usd(cost.before)} before and {format_usd(cost.after)} after"
        raise GateError(message, "price what is unpriced and measure usefulness, so that they can be compared")
    if cost.after > cost.before * (1 + fail_above):
        rose = "from nothing" if cost.rise is None else f"by {cost.rise:.1%}"
        message = (
            f"cost per useful prediction rises {rose}, from {format_usd(cost.before)} to {format_usd(cost.after)}, "
            f"more than the {fail_above:.1%} allowed"
        )
        raise GateError(message, "see what changed above")


def _figures(before: Side, after: Side) -> Iterator[Moved]:
    here, there = ({name: value for name, _, value in side.figures} for side in (before, after))
    units = {name: unit for side in (before, after) for name, unit, _ in side.figures}
    for name, unit in units.items():
        yield Moved(name=name, unit=unit, before=here.get(name), after=there.get(name))


def _options(before: Side, after: Side) -> Iterator[OptionMoved]:
    here, there = _ranked(before), _ranked(after)
    for name in sorted(here.keys() | there.keys()):
        (rank, mine), (rank_after, theirs) = here.get(name, (None, None)), there.get(name, (None, None))
        moved = OptionMoved(
            name=name,
            before_rank=rank,
            after_rank=rank_after,
            before_usd=None if mine is None else mine.usd,
            after_usd=None if theirs is None else theirs.usd,
            before_binding="" if mine is None else mine.binding,
            after_binding="" if theirs is None else theirs.binding,
        )
        if _differs(moved):
            yield moved


def _ranked(side: Side) -> dict[str, tuple[int, OptionSeen]]:
    return {one.name: (rank, one) for rank, one in enumerate(side.options, start=1)}


def _differs(one: OptionMoved) -> bool:
    if (one.before_rank, one.before_binding) != (one.after_rank, one.after_binding):
        return True
    if one.before_usd is None or one.after_usd is None:
        return one.before_usd != one.after_usd
    return abs(one.after_usd - one.before_usd) > CLOSE * max(abs(one.after_usd), abs(one.before_usd))


def _place(one: OptionMoved) -> tuple[int, str]:
    return min(rank for rank in (one.before_rank, one.after_rank) if rank is not None), one.name


def _turned(one: OptionMoved) -> OptionMoved:
    return OptionMoved(
        name=one.name,
        before_rank=one.after_rank,
        after_rank=one.before_rank,
        before_usd=one.after_usd,
        after_usd=one.before_usd,
        before_binding=one.after_binding,
        after_binding=one.before_binding,
    )


def _whys(before: Side, after: Side) -> Iterator[Why]:
    keys = before.rests_on.keys() | after.rests_on.keys()
    for kind, key in sorted(keys, key=lambda one: (WHY_KINDS.index(one[0]), one[1])):
        here, there = before.rests_on.get((kind, key)), after.rests_on.get((kind, key))
        if here != there:
            yield Why(kind=kind, key=key, before=here, after=there)
