"""The tornado: how far each input alone moves a result between its low and its high end, widest first."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun
from breakeven.schema.outlook import Swing

LIMIT = 10
_GAP = 6.0
_TOP, _FOOT = 24.0, 26.0


class Frame(Noun, frozen=True, kw_only=True):
    """The rows, the result's scale, and the room for a label on either side of a bar."""

    rows: layout.Rows
    scale: axis.Scale
    room: float
    bottom: float


def widest(swings: Sequence[Swing], limit: int = LIMIT) -> tuple[Swing, ...]:
    """The swings that are drawn: the widest first, ties by name."""
    return tuple(sorted(swings, key=lambda swing: (-swing.width, swing.name))[:limit])


def tornado(
    swings: Sequence[Swing],
    *,
    unit: str,
    title: str,
    description: str,
    base: float | None = None,
    width: float = 720,
    limit: int = LIMIT,
) -> str:
    """One bar per input, as wide as it moves the result; the input's own low and high stand at the ends.

    `base` is the result with every input at base; `unit` is the result's. A dotted line marks a result of nothing,
    where the decision flips. What is not drawn is counted, with the most that it moves the result.
    """
    drawn = widest(swings, limit)
    rest = sorted((swing.width for swing in swings), reverse=True)[len(drawn) :]
    frame = _frame(drawn, base, width)
    body = [*_axis(frame, unit), _mark_zero(frame), _mark_base(base, frame, unit)]
    body += [_row(index, swing, frame, unit) for index, swing in enumerate(drawn)]
    body.append(_others(rest, frame, unit))
    height = frame.bottom + _FOOT + (18 if rest else 0)
    return svg.document(*body, width=width, height=height, title=title, description=description)


def _frame(drawn: Sequence[Swing], base: float | None, width: float) -> Frame:
    narrow = width < theme.NARROW_PX
    names = max((axis.text_width(swing.name, theme.LABEL_PX) for swing in drawn), default=0.0)
    left = 0.0 if narrow else min(names + 14, width * 0.34)
    labels = (axis.text_width(end, theme.SMALL_PX) for swing in drawn for end in _ends(swing))
    room = min(max(labels, default=0.0) + 2 * _GAP, (width - left) * 0.24)
    rows = layout.Rows(
        width=width,
        left=left,
        right=width,
        pitch=44.0 if narrow else 28.0,
        bar=18.0,
        above=narrow,
        top=_TOP,
    )
    scale = _scale(drawn, base, left + room, width - room)
    return Frame(rows=rows, scale=scale, room=room, bottom=_TOP + len(drawn) * rows.pitch + 4)


def _scale(drawn: Sequence[Swing], base: float | None, start: float, end: float) -> axis.Scale:
    seen = [value for swing in drawn for value in (swing.at_low, swing.at_high)] + ([] if base is None else [base])
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    spare = (high - low) * 0.02 or abs(high) or 1.0
    return axis.Scale(low=low - spare, high=high + spare, start=start, end=end)


def _ends(swing: Swing) -> tuple[str, str]:
    """The input's low and high in its unit, in the order in which they stand from left to right."""
    low, high = axis.brief(swing.low, swing.unit), axis.brief(swing.high, swing.unit)
    return (low, high) if swing.at_low <= swing.at_high else (high, low)


def _axis(frame: Frame, unit: str) -> list[str]:
    scale, parts, edge = frame.scale, [], -1.0
    for tick in axis.linear_ticks(scale.low, scale.high, max(2, int((scale.end - scale.start) / 65))):
        x, label = scale.at(tick), axis.compact(tick, unit)
        half = axis.text_width(label, theme.SMALL_PX) / 2
        parts.append(svg.line(x, _TOP - 4, x, frame.bottom))
        if x - half >= max(edge, 0) and x + half <= frame.rows.width:
            y = frame.bottom + 16
            parts.append(svg.text(x, y, label, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
            edge = x + half + 8
    return parts


def _mark_zero(frame: Frame) -> str:
    if not frame.scale.low < 0 < frame.scale.high:
        return ""
    x = frame.scale.at(0)
    return svg.line(x, _TOP - 4, x, frame.bottom, colour=theme.INK, width=1.5, dash="2 3")


def _mark_base(base: float | None, frame: Frame, unit: str) -> str:
    if base is None:
        return ""
    x, label = frame.scale.at(base), f"base {axis.write(base, unit)}"
    half = axis.text_width(label, theme.SMALL_PX) / 2
    centre = axis.push_apart([x], [2 * half], 0, frame.rows.width)[0]
    return svg.line(x, _TOP - 6, x, frame.bottom, colour=theme.INK, width=1.5) + svg.text(
        centre, 13, label, size=theme.SMALL_PX, anchor="middle"
    )


def _row(index: int, swing: Swing, frame: Frame, unit: str) -> str:
    rows, left, right = frame.rows, *sorted((frame.scale.at(swing.at_low), frame.scale.at(swing.at_high)))
    ends = [axis.fit(end, theme.SMALL_PX, frame.room - _GAP) for end in _ends(swing)]
    at_low, at_high = axis.write(swing.at_low, unit), axis.write(swing.at_high, unit)
    tip = f"{swing.name}: {at_low} at {axis.write(swing.low, swing.unit)}, "
    tip += f"{at_high} at {axis.write(swing.high, swing.unit)}"
    top, base_line = rows.bar_top(index), rows.baseline(index)
    box = svg.rect(left, top, right - left, rows.bar, colour=theme.TONES["accent"], class_="bar", title=tip)
    before = svg.text(left - _GAP, base_line, ends[0], size=theme.SMALL_PX, anchor="end", halo=True)
    after = svg.text(right + _GAP, base_line, ends[1], size=theme.SMALL_PX, halo=True)
    return svg.element("g", box, rows.label(index, swing.name), before, after)


def _others(rest: Sequence[float], frame: Frame, unit: str) -> str:
    if not rest:
        return ""
    named = "1 other moves" if len(rest) == 1 else f"{len(rest)} others move"
    words = axis.fit(f"{named} it by at most {axis.write(rest[0], unit)}", theme.SMALL_PX, frame.rows.width)
    return svg.text(0, frame.bottom + _FOOT + 8, words, size=theme.SMALL_PX, colour=theme.MUTED)
