"""A load-duration curve: the hours of a month from the busiest to the quietest, and what carries the load in each."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, stack, svg, theme
from breakeven.report.chart.months import Frame
from breakeven.schema.noun import Noun

_TOP, _FOOT = 12.0, 42.0
_LEAST_PX = 15.0
"""A layer lower than this has no room for its number; it is in the legend all the same."""


class Layer(Noun, frozen=True, kw_only=True):
    """What one source carries in each stretch, in the order of the stretches."""

    name: str
    carried: tuple[float, ...]


def duration(
    hours: Sequence[float],
    layers: Sequence[Layer],
    *,
    unit: str,
    title: str,
    description: str,
    width: float = 720,
    height: float = 300,
) -> str:
    """Layers on one another, the first at the bottom; numbers in the layers are those of the legend below."""
    frame = _frame(hours, layers, unit, width, height)
    body = _grid(frame, unit)
    below = [0.0] * len(hours)
    for number, layer in enumerate(layers, 1):
        above = [low + more for low, more in zip(below, layer.carried, strict=True)]
        body.append(_area(hours, below, above, frame, number, layer.name))
        body.append(_number(hours, below, above, frame, number))
        below = above
    below_it, depth = stack.legend([layer.name for layer in layers], height, width)
    return svg.document(*body, *below_it, width=width, height=depth, title=title, description=description)


def _frame(hours: Sequence[float], layers: Sequence[Layer], unit: str, width: float, height: float) -> Frame:
    tops = [sum(column) for column in zip(*(layer.carried for layer in layers), strict=True)]
    high = max(tops, default=0.0)
    y = axis.Scale(low=0.0, high=(high or 1.0) * 1.05, start=height - _FOOT, end=_TOP)
    names = [axis.write(tick, unit) for tick in axis.linear_ticks(y.low, y.high, 5)]
    left = max(axis.text_width(name, theme.SMALL_PX) for name in names) + 12
    return Frame(
        x=axis.Scale(low=0.0, high=sum(hours) or 1.0, start=left, end=width - 12), y=y, width=width, height=height
    )


def _grid(frame: Frame, unit: str) -> list[str]:
    parts = []
    for tick in axis.linear_ticks(frame.y.low, frame.y.high, 5):
        y, name = frame.y.at(tick), axis.write(tick, unit)
        parts.append(svg.line(frame.x.start, y, frame.x.end, y))
        parts.append(svg.text(frame.x.start - 8, y + 4, name, size=theme.SMALL_PX, colour=theme.MUTED, anchor="end"))
    for tick in axis.linear_ticks(frame.x.low, frame.x.high, 6):
        x = frame.x.at(tick)
        words = f"{tick:,.0f}"
        parts.append(svg.text(x, frame.y.start + 17, words, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
    centre = (frame.x.start + frame.x.end) / 2
    told = axis.fit("hours of a month, busiest first", theme.SMALL_PX, 2 * min(centre, frame.width - centre))
    parts.append(svg.text(centre, frame.height - 6, told, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
    return parts


def _area(
    hours: Sequence[float], below: Sequence[float], above: Sequence[float], frame: Frame, number: int, name: str
) -> str:
    upper, lower = _edge(hours, above, frame), _edge(hours, below, frame)
    colour = theme.TONES[stack.TONES[(number - 1) % len(stack.TONES)]]
    shape = svg.polygon([*upper, *reversed(lower)], colour=colour, opacity=0.55, class_="layer")
    return svg.element("g", svg.element("title", svg.escape(name)), shape, svg.polyline(upper, colour=colour, width=1))


def _edge(hours: Sequence[float], level: Sequence[float], frame: Frame) -> list[tuple[float, float]]:
    """A staircase."""
    points, at = [], 0.0
    for length, height in zip(hours, level, strict=True):
        y = frame.y.at(height)
        points.extend([(frame.x.at(at), y), (frame.x.at(at + length), y)])
        at += length
    return points


def _number(hours: Sequence[float], below: Sequence[float], above: Sequence[float], frame: Frame, number: int) -> str:
    """The layer's number where it is thickest, if there is room."""
    thick = [high - low for low, high in zip(below, above, strict=True)]
    if not thick:
        return ""
    widest = max(range(len(thick)), key=lambda at: thick[at])
    ends = frame.y.at(above[widest]), frame.y.at(below[widest])
    if ends[1] - ends[0] < _LEAST_PX:
        return ""
    x = frame.x.at(sum(hours[:widest]) + hours[widest] / 2)
    x = max(x, frame.x.start + 8)
    return svg.text(x, sum(ends) / 2 + 4, str(number), size=theme.SMALL_PX, anchor="middle", halo=True)
