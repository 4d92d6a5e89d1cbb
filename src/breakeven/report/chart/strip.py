"""Strips: the range of one quantity for each of several options, on one logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun

_FOOT = 24.0
_DOT = 4.5


class Strip(Noun, frozen=True, kw_only=True):
    """One row: from `low` to `high` with `middle` between, and `mark` where it was expected. All are above 0."""

    name: str
    low: float
    middle: float
    high: float
    mark: float | None = None
    tone: theme.Tone = "accent"
    strong: bool = False


def strips(rows: Sequence[Strip], *, unit: str, title: str, description: str, width: float = 720) -> str:
    """A bar from low to high, a dot at the middle, a line where it was expected; the middle is written beside it."""
    values = layout.shorten([_value(row, unit) for row in rows], width)
    frame = layout.rows([row.name for row in rows], values, width=width)
    scale = _scale(rows, frame)
    bottom = frame.top + len(rows) * frame.pitch
    body = _grid(scale, frame, bottom, unit)
    for index, (row, value) in enumerate(zip(rows, values, strict=True)):
        shown = svg.element("g", _bar(index, row, scale, frame, unit), frame.named(index, row.name, value, frame.right))
        body.append(shown)
    return svg.document(*body, width=width, height=bottom + _FOOT, title=title, description=description)


def _value(row: Strip, unit: str) -> layout.Value:
    return layout.Value(text=axis.write(row.middle, unit), strong=row.strong)


def _scale(rows: Sequence[Strip], frame: layout.Rows) -> axis.Scale:
    seen = [value for row in rows for value in (row.low, row.middle, row.high, row.mark) if value is not None]
    low, high = min(seen, default=1.0), max(seen, default=10.0)
    return axis.Scale(low=low / 1.1, high=high * 1.1, start=frame.left, end=frame.right - 8, log=True)


def _grid(scale: axis.Scale, frame: layout.Rows, bottom: float, unit: str) -> list[str]:
    parts, edge = [], -1.0
    for tick in axis.log_ticks(scale.low, scale.high, max(2, int((scale.end - scale.start) / 70))):
        x, label = scale.at(tick), axis.write(tick, unit.partition("/")[0])
        half = axis.text_width(label, theme.SMALL_PX) / 2
        parts.append(svg.line(x, frame.top, x, bottom))
        if x - half >= max(edge, 0.0) and x + half <= frame.width:
            parts.append(svg.text(x, bottom + 16, label, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
            edge = x + half + 8
    return parts


def _bar(index: int, row: Strip, scale: axis.Scale, frame: layout.Rows, unit: str) -> str:
    left, right, top = scale.at(row.low), scale.at(row.high), frame.bar_top(index)
    middle = top + frame.bar / 2
    words = f"{row.name}: {axis.write(row.low, unit)} to {axis.write(row.high, unit)}"
    parts = [
        svg.rect(left, middle - 4, max(1.0, right - left), 8, colour=theme.TONES[row.tone], class_="strip", title=words)
    ]
    if row.mark is not None:
        x = scale.at(row.mark)
        parts.append(svg.line(x, top, x, top + frame.bar, colour=theme.INK, width=1.5, dash="2 2"))
    parts.append(svg.circle(scale.at(row.middle), middle, _DOT, fill=theme.INK, stroke=theme.SURFACE))
    return "".join(parts)
