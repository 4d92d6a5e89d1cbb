"""The band: a cumulated saving over the months, from its 5th to its 95th percentile, and when it passes zero."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, svg, theme
from breakeven.report.chart.months import Frame, grid
from breakeven.schema.noun import Noun
from breakeven.schema.outlook import Band

_TOP, _FOOT = 18.0, 42.0


class Curve(Noun, frozen=True, kw_only=True):
    """One of the lines: its name, and a value for each month it is known in."""

    name: str
    points: tuple[tuple[int, float], ...]
    median: bool = False


def certain(values: Sequence[float]) -> tuple[Band, ...]:
    """Values without a band."""
    return tuple(Band(p5=None, p50=value, p95=None) for value in values)


def band(
    saved: Sequence[Band],
    *,
    unit: str,
    title: str,
    description: str,
    crossing: Band | None = None,
    width: float = 720,
    height: float = 300,
) -> str:
    """The saving at the end of months 0..n: the median as a line, P5 to P95 as a band, zero as a strong line.

    `crossing` is the month of break-even with its percentiles; None in it is never.
    """
    curves = [curve for curve in _curves(saved) if curve.points]
    frame = _frame(curves, len(saved) - 1, unit, width=width, height=height)
    body = [*grid(frame, unit), _area(saved, frame), _zero(frame), *(_path(curve, frame) for curve in curves)]
    body += [*_names(curves, frame, unit), _mark(crossing, frame)]
    return svg.document(*body, width=width, height=height, title=title, description=description)


def _curves(saved: Sequence[Band]) -> tuple[Curve, ...]:
    def known(values: Sequence[float | None]) -> tuple[tuple[int, float], ...]:
        return tuple((month, value) for month, value in enumerate(values) if value is not None)

    alone = all(one.p5 is None and one.p95 is None for one in saved)
    return (
        Curve(name="95 %", points=known([one.p95 for one in saved])),
        Curve(name="saved" if alone else "median", points=known([one.p50 for one in saved]), median=True),
        Curve(name="5 %", points=known([one.p5 for one in saved])),
    )


def _frame(curves: Sequence[Curve], months: int, unit: str, *, width: float, height: float) -> Frame:
    values = [value for curve in curves for _, value in curve.points]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    spare = (high - low) * 0.05 or 1.0
    low, high = low - (spare if low < 0 else 0), high + spare
    y = axis.Scale(low=low, high=high, start=height - _FOOT, end=_TOP)
    ticks = axis.linear_ticks(low, high, 5)
    left = max((axis.text_width(axis.compact(tick, unit), theme.SMALL_PX) for tick in ticks), default=0.0) + 8
    names = max((axis.text_width(_end(curve, unit), theme.LABEL_PX) for curve in curves), default=0.0)
    right = width - min(names + 16, width * 0.4)
    return Frame(x=axis.Scale(low=0, high=max(months, 1), start=left, end=right), y=y, width=width, height=height)


def _end(curve: Curve, unit: str) -> str:
    return f"{curve.name} {axis.compact(_round(curve.points[-1][1]), unit)}"


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _area(saved: Sequence[Band], frame: Frame) -> str:
    known = [(month, one.p5, one.p95) for month, one in enumerate(saved) if one.p5 is not None and one.p95 is not None]
    if not known:
        return ""
    lower = [(frame.x.at(month), frame.y.at(low)) for month, low, _ in known]
    upper = [(frame.x.at(month), frame.y.at(high)) for month, _, high in reversed(known)]
    return svg.polygon(lower + upper, colour=theme.TONES["accent"], opacity=0.16, class_="band")


def _zero(frame: Frame) -> str:
    y = frame.y.at(0)
    return svg.line(frame.x.start, y, frame.x.end, y, colour=theme.INK, width=1.5)


def _path(curve: Curve, frame: Frame) -> str:
    places = [(frame.x.at(month), frame.y.at(value)) for month, value in curve.points]
    if curve.median:
        return svg.polyline(places, colour=theme.TONES["accent"], width=2.5)
    return svg.polyline(places, colour=theme.TONES["accent"], width=1.0, dash="3 3")


def _names(curves: Sequence[Curve], frame: Frame, unit: str) -> list[str]:
    ends = [frame.y.at(curve.points[-1][1]) for curve in curves]
    places = axis.push_apart(ends, [theme.LABEL_PX + 5] * len(ends), 4, frame.y.start)
    room = frame.width - frame.x.end - 10
    return [
        svg.text(
            frame.x.end + 10,
            y + 4,
            axis.fit(_end(curve, unit), theme.LABEL_PX, room),
            colour=theme.TONES["accent"],
            weight="600" if curve.median else None,
        )
        for curve, y in zip(curves, places, strict=True)
    ]


def _mark(crossing: Band | None, frame: Frame) -> str:
    """The months of break-even on the zero line: a thick stroke from P5 to P95, a ring at the median."""
    if crossing is None:
        return ""
    if crossing.p50 is None or crossing.p50 > frame.x.high:
        return _never(crossing, frame)
    y, x = frame.y.at(0), frame.x.at(crossing.p50)
    ring = svg.circle(x, y, 5, fill=theme.SURFACE, stroke=theme.INK, title=f"month {crossing.p50:.3g}")
    return _reach(crossing, frame) + ring + _said(_when(crossing), x, frame)


def _never(crossing: Band, frame: Frame) -> str:
    words = "not within these months"
    if crossing.p5 is not None and crossing.p5 <= frame.x.high:
        words = f"month {crossing.p5:.3g} at best, median never"
    middle = (frame.x.start + frame.x.end) / 2
    return _reach(crossing, frame) + _said(words, middle, frame)


def _when(crossing: Band) -> str:
    if crossing.p5 is None and crossing.p95 is None:
        return f"month {crossing.p50:.3g}"
    first, last = (None if month is None else f"{month:.3g}" for month in (crossing.p5, crossing.p95))
    return f"month {crossing.p50:.3g} ({first or 'never'} to {last or 'never'})"


def _reach(crossing: Band, frame: Frame) -> str:
    if crossing.p5 is None or crossing.p5 > frame.x.high:
        return ""
    y, left = frame.y.at(0), frame.x.at(crossing.p5)
    right = frame.x.end if crossing.p95 is None else frame.x.at(crossing.p95)
    return svg.line(left, y, right, y, colour=theme.INK, width=5)


def _said(words: str, x: float, frame: Frame) -> str:
    fitted = axis.fit(words, theme.LABEL_PX, frame.x.end - frame.x.start)
    wide = axis.text_width(fitted, theme.LABEL_PX) + 4
    centre = axis.push_apart([x], [wide], frame.x.start, frame.x.end)[0]
    y = frame.y.at(0)
    below = y + 24 if y + 34 < frame.y.start else y - 14
    return svg.text(centre, below, fitted, anchor="middle", weight="600", halo=True)
