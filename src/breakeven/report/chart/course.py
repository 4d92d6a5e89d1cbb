"""The course of an experiment: what each day's look showed, the interval as a band, nought as a strong line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from breakeven.report.chart import axis, svg, theme
from breakeven.report.chart.months import Frame
from breakeven.schema.experiment import Look

_TOP, _FOOT = 18.0, 42.0
_NARROWEST_DAY = 64.0


def course(
    looks: Sequence[Look], *, unit: str, title: str, description: str, width: float = 720, height: float = 280
) -> str:
    """Estimate and interval at the end of each day that has them."""
    known = [look for look in looks if look.estimate is not None and look.low is not None and look.high is not None]
    frame = _frame(known, unit, width, height)
    body = [*_grid(frame, unit), _area(known, frame), _zero(frame), _line(known, frame), *_days(known, frame)]
    return svg.document(*body, width=width, height=height, title=title, description=description)


def _frame(looks: Sequence[Look], unit: str, width: float, height: float) -> Frame:
    low, high = _reach(looks)
    spare = (high - low) * 0.05 or 1.0
    y = axis.Scale(low=low - spare, high=high + spare, start=height - _FOOT, end=_TOP)
    ticks = axis.linear_ticks(y.low, y.high, 5)
    left = max((axis.text_width(axis.compact(tick, unit), theme.SMALL_PX) for tick in ticks), default=0.0) + 12
    times = [look.time_s for look in looks]
    x = axis.Scale(low=min(times, default=0.0), high=max(times, default=1.0), start=left, end=width - 34)
    return Frame(x=x, y=y, width=width, height=height)


def _reach(looks: Sequence[Look]) -> tuple[float, float]:
    """What the axis shows: all of the later looks; the wide intervals of the first ones are cut."""
    later = looks[len(looks) // 5 :]
    lows, highs = [look.low or 0.0 for look in later], [look.high or 0.0 for look in later]
    return min(0.0, *lows, 0.0), max(0.0, *highs, 0.0)


def _grid(frame: Frame, unit: str) -> list[str]:
    parts = []
    for tick in axis.linear_ticks(frame.y.low, frame.y.high, 5):
        y = frame.y.at(tick)
        parts.append(svg.line(frame.x.start, y, frame.x.end, y))
        name = axis.compact(tick, unit)
        parts.append(svg.text(frame.x.start - 8, y + 4, name, size=theme.SMALL_PX, colour=theme.MUTED, anchor="end"))
    return parts


def _area(looks: Sequence[Look], frame: Frame) -> str:
    if len(looks) < 2:  # noqa: PLR2004 - one look has no area
        return ""
    lower = [(frame.x.at(look.time_s), frame.y.at(look.low or 0.0)) for look in looks]
    upper = [(frame.x.at(look.time_s), frame.y.at(look.high or 0.0)) for look in reversed(looks)]
    return svg.polygon(lower + upper, colour=theme.TONES["accent"], opacity=0.16, class_="band")


def _zero(frame: Frame) -> str:
    y = frame.y.at(0)
    return svg.line(frame.x.start, y, frame.x.end, y, colour=theme.INK, width=1.5)


def _line(looks: Sequence[Look], frame: Frame) -> str:
    places = [(frame.x.at(look.time_s), frame.y.at(look.estimate or 0.0)) for look in looks]
    if len(places) == 1:
        return svg.circle(*places[0], 3, fill=theme.TONES["accent"], stroke=theme.SURFACE)
    return svg.polyline(places, colour=theme.TONES["accent"], width=2.5)


def _days(looks: Sequence[Look], frame: Frame) -> list[str]:
    """Some of the days, as many as have room; an end is the day before it."""
    room = max(1, int((frame.x.end - frame.x.start) / _NARROWEST_DAY))
    step = max(1, -(-len(looks) // room))
    parts = []
    for look in looks[::step]:
        day = datetime.fromtimestamp(look.time_s - 1, UTC).strftime("%m-%d")
        x = frame.x.at(look.time_s)
        parts.append(svg.text(x, frame.y.start + 17, day, size=theme.SMALL_PX, colour=theme.MUTED, anchor="middle"))
    return parts
