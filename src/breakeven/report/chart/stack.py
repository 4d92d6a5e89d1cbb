"""Stacked bars: what each option's cost is made of, in the same parts for all."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun

TONES: tuple[theme.Tone, ...] = ("accent", "warn", "good", "muted", "bad", "idle")
OTHER, INCOME = "other", "other income"
_SWATCH = 11.0
_LINE = 20.0


class Stack(Noun, frozen=True, kw_only=True):
    """One option: its parts by name; income is negative. `total` None is written as unpriced and has no bar."""

    name: str
    parts: tuple[tuple[str, float], ...]
    total: float | None
    strong: bool = False


class Piece(Noun, frozen=True, kw_only=True):
    """One part in its place: `number` in the legend, and the pixels it fills."""

    number: int
    name: str
    value: float
    left: float
    right: float


def parts(stacks: Sequence[Stack]) -> tuple[str, ...]:
    """The parts in the order of the legend: the largest first; when they are too many, the small ones are one.

    Small costs and small income stay apart, since their sum would conceal both.
    """
    sizes: dict[str, float] = {}
    for name, value in _priced(stacks):
        sizes[name] = sizes.get(name, 0.0) + abs(value)
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    if len(ordered) <= len(TONES):
        return tuple(ordered)
    kept = ordered[: len(TONES) - 2]
    rest = [value for name, value in _priced(stacks) if name not in kept and value]
    signs = (any(value > 0 for value in rest), any(value < 0 for value in rest))
    return (*kept, *(name for name, found in zip((OTHER, INCOME), signs, strict=True) if found))


def _priced(stacks: Sequence[Stack]) -> list[tuple[str, float]]:
    return [part for one in stacks if one.total is not None for part in one.parts]


def stack(stacks: Sequence[Stack], *, unit: str, title: str, description: str, width: float = 720) -> str:
    """One bar per option; its parts carry the numbers of the legend below, so that colour says nothing alone."""
    names = parts(stacks)
    values = layout.shorten([_value(one, unit) for one in stacks], width)
    rows = _rows([one.name for one in stacks], values, width)
    scale = _scale(stacks, names, rows)
    body = [svg.line(scale.at(0), rows.top, scale.at(0), rows.top + len(stacks) * rows.pitch)]
    for index, (one, value) in enumerate(zip(stacks, values, strict=True)):
        body.append(_row(index, one, value, names=names, scale=scale, rows=rows, unit=unit))
    below, depth = legend(names, rows.height(len(stacks)), width)
    return svg.document(*body, *below, width=width, height=depth, title=title, description=description)


def _rows(names: Sequence[str], values: Sequence[layout.Value], width: float) -> layout.Rows:
    """Rows with room for the parts' numbers under each bar."""
    plain = layout.rows(names, values, width=width)
    return layout.Rows(
        width=width, left=plain.left, right=plain.right, pitch=plain.pitch + 16, bar=plain.bar, above=plain.above
    )


def _value(one: Stack, unit: str) -> layout.Value:
    return layout.Value(text=axis.write(one.total, unit), strong=one.strong, known=one.total is not None)


def _sums(one: Stack, names: Sequence[str]) -> dict[str, float]:
    found = dict.fromkeys(names, 0.0)
    for name, value in one.parts:
        if value:
            found[name if name in found else OTHER if value > 0 else INCOME] += value
    return found


def _scale(stacks: Sequence[Stack], names: Sequence[str], rows: layout.Rows) -> axis.Scale:
    priced = [_sums(one, names).values() for one in stacks if one.total is not None]
    low = min((sum(value for value in sums if value < 0) for sums in priced), default=0.0)
    high = max((sum(value for value in sums if value > 0) for sums in priced), default=0.0)
    return axis.Scale(low=low, high=high if high > low else low + 1, start=rows.left, end=rows.right)


def pieces(one: Stack, names: Sequence[str], scale: axis.Scale) -> tuple[Piece, ...]:
    """The parts side by side from zero: costs to the right, income to the left."""
    placed, ends = [], {True: 0.0, False: 0.0}
    for number, (name, value) in enumerate(_sums(one, names).items(), 1):
        start = ends[value > 0]
        ends[value > 0] = start + value
        left, right = sorted((scale.at(start), scale.at(start + value)))
        if value:
            placed.append(Piece(number=number, name=name, value=value, left=left, right=right))
    return tuple(placed)


def _row(
    index: int,
    one: Stack,
    value: layout.Value,
    *,
    names: Sequence[str],
    scale: axis.Scale,
    rows: layout.Rows,
    unit: str,
) -> str:
    drawn = () if one.total is None else pieces(one, names, scale)
    boxes = "".join(_box(piece, index, rows, unit) for piece in drawn)
    end = max((piece.right for piece in drawn), default=scale.at(0))
    return svg.element("g", boxes, _numbers(drawn, index, rows), rows.named(index, one.name, value, end))


def _box(piece: Piece, index: int, rows: layout.Rows, unit: str) -> str:
    tip = f"{piece.name}: {axis.write(piece.value, unit)}"
    wide = max(0.5, piece.right - piece.left - 1)
    colour = theme.TONES[TONES[piece.number - 1]]
    return svg.rect(piece.left, rows.bar_top(index), wide, rows.bar, colour=colour, class_="part", title=tip)


def _numbers(drawn: Sequence[Piece], index: int, rows: layout.Rows) -> str:
    y = rows.bar_top(index) + rows.bar + 13
    return "".join(
        svg.text((piece.left + piece.right) / 2, y, str(piece.number), size=theme.SMALL_PX, anchor="middle")
        for piece in drawn
        if piece.right - piece.left >= axis.text_width(str(piece.number), theme.SMALL_PX) + 4
    )


def legend(names: Sequence[str], top: float, width: float) -> tuple[list[str], float]:
    """Number, swatch and name of each part, as many in a line as fit; and the depth of it all."""
    body, x, y = [], 0.0, top + _LINE
    for number, name in enumerate(names, 1):
        words = axis.fit(f"{number} {name}", theme.SMALL_PX, width - _SWATCH - 6)
        wide = _SWATCH + 6 + axis.text_width(words, theme.SMALL_PX)
        if x and x + wide > width:
            x, y = 0.0, y + _LINE
        body.append(
            svg.rect(x, y - 10, _SWATCH, _SWATCH, colour=theme.TONES[TONES[(number - 1) % len(TONES)]], class_="swatch")
        )
        body.append(svg.text(x + _SWATCH + 6, y, words, size=theme.SMALL_PX))
        x += wide + 16
    return body, y + 8 if names else top
