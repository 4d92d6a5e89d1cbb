"""The break-even curve: what each option has cost by then, and when one overtakes another."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, svg, theme
from breakeven.report.chart.months import Frame, grid
from breakeven.schema.noun import Noun

Points = tuple[tuple[float, float], ...]


class Curve(Noun, frozen=True, kw_only=True):
    """Cumulative cost of one option: (month, USD) points, ascending; `low` and `high` bound it."""

    name: str
    points: Points
    low: Points = ()
    high: Points = ()
    tone: theme.Tone = "accent"
    dashed: bool = False


class Crossing(Noun, frozen=True, kw_only=True):
    """Where the cheaper option overtakes: month and USD, with the months' interval where it is known."""

    month: float
    cost_usd: float
    low_month: float | None = None
    high_month: float | None = None


def straight(  # noqa: PLR0913 - a line with its interval and its look
    name: str,
    *,
    upfront_usd: float,
    monthly_usd: float,
    months: float,
    monthly_low_usd: float | None = None,
    monthly_high_usd: float | None = None,
    tone: theme.Tone = "accent",
    dashed: bool = False,
) -> Curve:
    """An option that costs something at the start and the same every month."""

    def line(monthly: float | None) -> Points:
        return () if monthly is None else ((0.0, upfront_usd), (months, upfront_usd + monthly * months))

    points = line(monthly_usd)
    return Curve(
        name=name, points=points, low=line(monthly_low_usd), high=line(monthly_high_usd), tone=tone, dashed=dashed
    )


def curve(
    lines: Sequence[Curve],
    *,
    title: str,
    description: str,
    crossing: Crossing | None = None,
    unit: str = "USD",
    width: float = 720,
    height: float = 320,
) -> str:
    """Cumulative cost over months, each line named at its end, the crossing marked and said in words."""
    frame = _frame(lines, unit, width=width, height=height)
    body = [*grid(frame, unit), _crossing_band(crossing, frame)]
    body += [_band(line, frame) for line in lines]
    body += [_path(line, frame) for line in lines]
    body += _names(lines, frame)
    body.append(_mark(crossing, frame))
    return svg.document(*body, width=width, height=height, title=title, description=description)


def _frame(lines: Sequence[Curve], unit: str, *, width: float, height: float) -> Frame:
    months = max((month for line in lines for month, _ in line.points), default=1.0) or 1.0
    top = max((usd for line in lines for _, usd in (*line.points, *line.high)), default=1.0) or 1.0
    bottom = min((usd for line in lines for _, usd in (*line.points, *line.low)), default=0.0)
    bottom = min(0.0, bottom * 1.06)
    ticks = axis.linear_ticks(bottom, top, 5)
    top = max(top, 0.0) * 1.06 or 1.0
    left = max(axis.text_width(axis.compact(tick, unit), theme.SMALL_PX) for tick in ticks) + 8
    names = max((axis.text_width(line.name, theme.LABEL_PX) for line in lines), default=0.0)
    right = width - min(names + 14, width * 0.4)
    x = axis.Scale(low=0, high=months, start=left, end=right)
    return Frame(x=x, y=axis.Scale(low=bottom, high=top, start=height - 42, end=18), width=width, height=height)


def _band(line: Curve, frame: Frame) -> str:
    if not (line.low and line.high):
        return ""
    edge = [*line.low, *reversed(line.high)]
    places = [(frame.x.at(month), frame.y.at(usd)) for month, usd in edge]
    return svg.polygon(places, colour=theme.TONES[line.tone], opacity=0.14, class_="band")


def _crossing_band(crossing: Crossing | None, frame: Frame) -> str:
    if crossing is None or crossing.low_month is None or crossing.high_month is None:
        return ""
    left, right = frame.x.at(crossing.low_month), frame.x.at(crossing.high_month)
    top, bottom = frame.y.end, frame.y.start
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return svg.polygon(corners, colour=theme.TONES["idle"], opacity=0.16, class_="crossing-band")


def _path(line: Curve, frame: Frame) -> str:
    places = [(frame.x.at(month), frame.y.at(usd)) for month, usd in line.points]
    return svg.polyline(places, colour=theme.TONES[line.tone], width=2.5, dash="6 4" if line.dashed else None)


def _names(lines: Sequence[Curve], frame: Frame) -> list[str]:
    drawn = [line for line in lines if line.points]
    ends = [frame.y.at(line.points[-1][1]) for line in drawn]
    places = axis.push_apart(ends, [theme.LABEL_PX + 5] * len(ends), 4, frame.y.start)
    room = frame.width - frame.x.end - 10
    return [
        svg.text(
            frame.x.end + 10,
            y + 4,
            axis.fit_name(line.name, theme.LABEL_PX, room),
            colour=theme.TONES[line.tone],
            weight="600",
        )
        for line, y in zip(drawn, places, strict=True)
    ]


def _mark(crossing: Crossing | None, frame: Frame) -> str:
    if crossing is None or not 0 <= crossing.month <= frame.x.high:
        return ""
    x, y = frame.x.at(crossing.month), frame.y.at(crossing.cost_usd)
    label = f"month {crossing.month:.3g}"
    half = axis.text_width(label, theme.LABEL_PX) / 2 + 2
    centre = axis.push_apart([x], [2 * half], frame.x.start, frame.x.end)[0]
    above = y - 14 if y - 30 > frame.y.end else y + 26
    return (
        svg.line(x, y, x, frame.y.start, colour=theme.INK, width=1, dash="2 3")
        + svg.circle(x, y, 5, fill=theme.SURFACE, stroke=theme.INK, title=label)
        + svg.text(centre, above, label, anchor="middle", weight="600", halo=True)
    )
