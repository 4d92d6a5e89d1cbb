"""Percentiles against a latency budget: every row on the scale of its own budget, so that the line is the same."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.quantity import format_seconds
from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun

_REACH = 1.6
"""The axis runs to this multiple of the budget; later marks stand at its end with an arrow."""


class Percentiles(Noun, frozen=True, kw_only=True):
    """Seconds of one cut; None is unknown. `budget_s` None draws no slot."""

    name: str
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    budget_s: float | None = None
    n: int | None = None


class Mark(Noun, frozen=True, kw_only=True):
    """One percentile's name, seconds and pixel."""

    name: str
    seconds: float
    x: float
    beyond: bool


def percentiles(rows: Sequence[Percentiles], *, title: str, description: str, width: float = 720) -> str:
    """A slot as long as the budget per row, and in it p50, p95 and p99, each written underneath."""
    frame = layout.rows([row.name for row in rows], [], width=width, bar=14.0)
    frame = msgspec.structs.replace(frame, right=width - 16, pitch=frame.pitch + (16 if frame.above else 26))
    body = [_row(index, row, frame) for index, row in enumerate(rows)]
    return svg.document(*body, width=width, height=frame.height(len(rows)), title=title, description=description)


def _budget_x(frame: layout.Rows) -> float:
    return frame.left + (frame.right - frame.left) / _REACH


def _row(index: int, row: Percentiles, frame: layout.Rows) -> str:
    # The percentiles stand under the bar, so that it lies higher in its row than in a chart of bars.
    marks = _marks(row, frame)
    top = frame.bar_top(index) - (0 if frame.above else 11)
    middle = top + frame.bar / 2
    parts = [_name(index, row, middle, frame), _slot(row, top, frame)]
    if marks:
        parts.append(svg.line(frame.left, middle, marks[-1].x, middle, colour=theme.TONES["accent"], width=2))
    parts += [_dot(mark, middle, row) for mark in marks]
    return svg.element("g", *parts, *_labels(marks, row, top + frame.bar + 16, frame))


def _name(index: int, row: Percentiles, middle: float, frame: layout.Rows) -> str:
    if not frame.above:
        return svg.text(0, middle + 4.5, axis.fit_name(row.name, theme.LABEL_PX, frame.left - 12))
    budget = _budget_words(row)
    taken = axis.text_width(budget, theme.SMALL_PX)
    y = frame.bar_top(index) - 6
    note = svg.text(frame.width, y, budget, size=theme.SMALL_PX, colour=theme.MUTED, anchor="end") if budget else ""
    return frame.label(index, row.name, taken=taken) + note


def _budget_words(row: Percentiles) -> str:
    return f"budget {format_seconds(row.budget_s)}" if row.budget_s else ""


def _slot(row: Percentiles, top: float, frame: layout.Rows) -> str:
    end = _budget_x(frame) if row.budget_s else frame.right
    box = svg.element(
        "rect", x=frame.left, y=top, width=end - frame.left, height=frame.bar, rx=3.0, fill=theme.LINE, class_="slot"
    )
    if not row.budget_s:
        return box
    return box + svg.line(end, top - 4, end, top + frame.bar + 4, colour=theme.INK, width=1.5)


def _marks(row: Percentiles, frame: layout.Rows) -> list[Mark]:
    named = (("p50", row.p50_s), ("p95", row.p95_s), ("p99", row.p99_s))
    known = [(name, seconds) for name, seconds in named if seconds is not None]
    high = row.budget_s * _REACH if row.budget_s else max((s for _, s in known), default=1.0) or 1.0
    scale = axis.Scale(low=0, high=high, start=frame.left, end=frame.right)
    return [Mark(name=name, seconds=s, x=scale.at(s), beyond=s > high) for name, s in known]


def _late(mark: Mark, row: Percentiles) -> bool:
    return row.budget_s is not None and mark.seconds > row.budget_s


def _dot(mark: Mark, middle: float, row: Percentiles) -> str:
    colour = theme.TONES["bad" if _late(mark, row) else "accent"]
    tip = f"{row.name} {mark.name}: {format_seconds(mark.seconds)}"
    if mark.beyond:
        tipped = [(mark.x - 5, middle - 6), (mark.x + 6, middle), (mark.x - 5, middle + 6)]
        return svg.polygon(tipped, colour=colour, opacity=1, class_="beyond")
    return svg.circle(mark.x, middle, 5.5, fill=colour, stroke=theme.SURFACE, title=tip)


def _labels(marks: Sequence[Mark], row: Percentiles, y: float, frame: layout.Rows) -> list[str]:
    if not marks:
        return [svg.text(frame.left, y, "no answers yet", size=theme.SMALL_PX, colour=theme.MUTED)]
    words = [
        (f"{mark.name} {format_seconds(mark.seconds)}{' late' if _late(mark, row) else ''}", mark.x) for mark in marks
    ]
    if row.budget_s and not frame.above:
        words.append((_budget_words(row), _budget_x(frame)))
    while sum(map(_label_room, words)) > frame.width - frame.left and len(words) > 1:
        del words[-2 if len(words) > len(marks) else 0]
    places = axis.push_apart([x for _, x in words], [_label_room(word) for word in words], frame.left, frame.width)
    return [
        svg.text(x, y, word, size=theme.SMALL_PX, colour=_label_colour(word), anchor="middle")
        for x, (word, _) in zip(places, words, strict=True)
    ]


def _label_room(word: tuple[str, float]) -> float:
    return axis.text_width(word[0], theme.SMALL_PX) + 10


def _label_colour(word: str) -> str:
    if word.endswith(" late"):
        return theme.TONES["bad"]
    return theme.MUTED if word.startswith("budget") else theme.INK
