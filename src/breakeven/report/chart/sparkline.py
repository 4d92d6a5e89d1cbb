"""A word-sized line: the course of one number."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, svg, theme


def sparkline(
    values: Sequence[float | None], *, title: str, description: str, width: float = 120, height: float = 28
) -> str:
    """The values from left to right on their own scale, the last one marked; None is a gap."""
    known = [value for value in values if value is not None]
    across = axis.Scale(low=0, high=max(1, len(values) - 1), start=4, end=width - 5)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    up = axis.Scale(low=low, high=high, start=height - 5, end=5)
    body = [svg.polyline(run, colour=theme.TONES["accent"], width=1.5) for run in _runs(values, across, up)]
    if known:
        last = max(index for index, value in enumerate(values) if value is not None)
        body.append(
            svg.circle(across.at(last), up.at(known[-1]), 2.5, fill=theme.TONES["accent"], stroke=theme.SURFACE)
        )
    return svg.document(*body, width=width, height=height, title=title, description=description)


def _runs(values: Sequence[float | None], across: axis.Scale, up: axis.Scale) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((across.at(index), up.at(value)))
    return [run for run in runs if len(run) > 1]
