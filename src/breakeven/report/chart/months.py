"""The plot of charts over months: its scales, its grid, and the months below it."""

from __future__ import annotations

from breakeven.report.chart import axis, svg, theme
from breakeven.schema.noun import Noun


class Frame(Noun, frozen=True, kw_only=True):
    """The plot's scales and its size."""

    x: axis.Scale
    y: axis.Scale
    width: float
    height: float


def grid(frame: Frame, unit: str) -> list[str]:
    """A line for every tick of money, and the months along the foot."""
    parts = []
    for tick in axis.linear_ticks(frame.y.low, frame.y.high, 5):
        y, name = frame.y.at(tick), axis.compact(tick, unit)
        parts.append(svg.line(frame.x.start, y, frame.x.end, y))
        parts.append(svg.text(frame.x.start - 8, y + 4, name, size=theme.SMALL_PX, colour=theme.MUTED, anchor="end"))
    for month in axis.month_ticks(frame.x):
        x = frame.x.at(month)
        label = f"{month:g}"
        parts.append(svg.text(x, frame.y.start + 17, label, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
    centre = (frame.x.start + frame.x.end) / 2
    parts.append(svg.text(centre, frame.height - 6, "months", size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
    return parts
