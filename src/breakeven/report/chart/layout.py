"""Rows with a label each: beside the bars where there is room, above them where there is not."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, svg, theme
from breakeven.schema.noun import Noun

_GAP = 12.0
_BOLD = 1.08
_LABEL_SHARE = 0.4


class Value(Noun, frozen=True, kw_only=True):
    """What is written about a bar: the figure, and a note in small type after it."""

    text: str
    note: str = ""
    strong: bool = False
    known: bool = True

    @property
    def main_width(self) -> float:
        """Pixels of the figure."""
        return axis.text_width(self.text, theme.LABEL_PX) * (_BOLD if self.strong else 1.0)

    @property
    def width(self) -> float:
        """Pixels of figure and note."""
        return self.main_width + (axis.text_width(self.note, theme.SMALL_PX) + 8 if self.note else 0.0)

    def after(self, x: float, y: float) -> str:
        """The labels, from `x` on."""
        return self._main(x, y, "start") + self._note(x + self.main_width + 8, y, "start")

    def before(self, x: float, y: float) -> str:
        """The labels, ending at `x`."""
        return self._main(x - (self.width - self.main_width), y, "end") + self._note(x, y, "end")

    def _main(self, x: float, y: float, anchor: str) -> str:
        colour = theme.INK if self.known else theme.MUTED
        return svg.text(x, y, self.text, colour=colour, weight="600" if self.strong else None, anchor=anchor, halo=True)

    def _note(self, x: float, y: float, anchor: str) -> str:
        if not self.note:
            return ""
        return svg.text(x, y, self.note, size=theme.SMALL_PX, colour=theme.MUTED, anchor=anchor, halo=True)

    def within(self, room: float) -> Value:
        """The same, shortened to the room: first the note, then the figure."""
        note = axis.fit(self.note, theme.SMALL_PX, room - self.main_width - 8) if self.note else ""
        return Value(
            text=axis.fit(self.text, theme.LABEL_PX, room),
            note="" if note == "…" else note,
            strong=self.strong,
            known=self.known,
        )


class Rows(Noun, frozen=True, kw_only=True):
    """The geometry of a chart of rows; bars run from `left` to `right`."""

    width: float
    left: float
    right: float
    pitch: float
    bar: float
    above: bool
    top: float = 4.0

    def bar_top(self, index: int) -> float:
        """Upper edge of a row's bar."""
        row = self.top + index * self.pitch
        return row + 20 if self.above else row + (self.pitch - self.bar) / 2

    def baseline(self, index: int) -> float:
        """Baseline of text beside a row's bar."""
        return self.bar_top(index) + self.bar / 2 + 4.5

    def height(self, count: int, foot: float = 4.0) -> float:
        """The height of so many rows."""
        return self.top + count * self.pitch + foot

    def label(self, index: int, name: str, *, strong: bool = False, taken: float = 0.0) -> str:
        """A row's name, shortened to its room; `taken` pixels at the right are a value's when it stands above."""
        weight = "600" if strong else None
        size = theme.LABEL_PX * (_BOLD if strong else 1.0)
        room = self.width - taken if self.above else self.left
        name = axis.fit_name(name, size, room - _GAP)
        y = self.bar_top(index) - 6 if self.above else self.baseline(index)
        return svg.text(0, y, name, weight=weight)

    def named(self, index: int, name: str, value: Value, end: float) -> str:
        """A row's name and its value: after the bar that ends at `end`, or at the right above it."""
        if not self.above:
            x = min(end + 8, self.width - value.width)
            return self.label(index, name, strong=value.strong) + value.after(x, self.baseline(index))
        label = self.label(index, name, strong=value.strong, taken=value.width)
        return label + value.before(self.width, self.bar_top(index) - 6)


def rows(names: Sequence[str], values: Sequence[Value], *, width: float, bar: float = 18.0) -> Rows:
    """Lay out rows with these names and values."""
    if width < theme.NARROW_PX:
        return Rows(width=width, left=0.0, right=width, pitch=bar + 36, bar=bar, above=True)
    widest = max((axis.text_width(name, theme.LABEL_PX) * _BOLD for name in names), default=0.0)
    left = min(widest + _GAP, width * _LABEL_SHARE)
    tail = min(max((value.width for value in values), default=0.0) + _GAP, (width - left) * 0.6)
    return Rows(width=width, left=left, right=width - tail, pitch=bar + 14, bar=bar, above=False)


def shorten(values: Sequence[Value], width: float) -> list[Value]:
    """Values that leave at least a third of the width to names and bars."""
    return [value.within(width * (0.66 if width < theme.NARROW_PX else 0.36)) for value in values]
