"""A claim as sentences: along which values of one input it is true, and that beyond the search nothing is known."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from breakeven.report import number
from breakeven.report.document import Block, Items
from breakeven.schema.tco import Truth


def truth_blocks(truths: Sequence[Truth]) -> tuple[Block, ...]:
    """All claims as a list."""
    return (Items(items=tuple(map(sentence, truths))),) if truths else ()


def sentence(truth: Truth) -> str:
    """The claim, and when it is true and false."""
    variant = f" ({truth.variant})" if truth.variant else ""
    return f"{truth.claim}{variant}: {_when(truth)}, searched from {_at(truth, 0)} to {_at(truth, 1)}."


def _when(truth: Truth) -> str:
    if not truth.true_when:
        return f"false for every {truth.varied}"
    spans = [_span(truth, *found) for found in truth.true_when]
    if spans == [""]:
        return f"true for every {truth.varied}"
    return f"true when {truth.varied} is {' or '.join(spans)}, false otherwise"


def _span(truth: Truth, low: float, high: float) -> str:
    """An interval in words; an end that is the search's own is no end."""
    least, most = truth.searched
    open_low, open_high = _same(low, least, truth), _same(high, most, truth)
    first, last = number.number(low, truth.unit), number.number(high, truth.unit)
    if open_low and open_high:
        return ""
    if open_low:
        return f"at most {last}"
    return f"at least {first}" if open_high else f"between {first} and {last}"


def _same(one: float, other: float, truth: Truth) -> bool:
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * abs(truth.searched[1] - truth.searched[0]))


def _at(truth: Truth, end: int) -> str:
    return number.number(truth.searched[end], truth.unit)
