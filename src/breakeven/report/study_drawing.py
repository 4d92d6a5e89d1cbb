"""Charts of a study: which numbers go into which drawing, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from breakeven.report import number
from breakeven.report.chart import band, break_even, stack, theme
from breakeven.report.currency import cash
from breakeven.report.document import Chart
from breakeven.report.study_table import named
from breakeven.schema.outlook import Band
from breakeven.schema.tco import Pair, TcoOption

TONES: tuple[theme.Tone, ...] = ("accent", "warn", "good", "muted", "bad", "idle")
FEW = 3
"""Categories from which on they say more than single lines do, when there are too many lines."""


def cost_chart(options: Sequence[TcoOption], best: str, currency: str) -> Chart:
    """What the present cost of each option is made of."""
    title = "Present cost of each option"
    by_category = _by_category(options)
    rows = [
        stack.Stack(
            name=named(option), parts=_parts(option, by_category), total=option.present, strong=option.name == best
        )
        for option in options
    ]
    words = ", ".join(f"{named(option)} {cash(option.present, currency)}" for option in options) or "no options"
    return Chart(title=title, summary=words, svg=stack.stack(rows, unit=currency, title=title, description=words))


def _by_category(options: Sequence[TcoOption]) -> bool:
    lines = {line.name for option in options for line in option.lines}
    categories = {line.category for option in options for line in option.lines}
    return len(lines) > len(stack.TONES) and len(categories) >= FEW


def _parts(option: TcoOption, by_category: bool) -> tuple[tuple[str, float], ...]:  # noqa: FBT001 - a choice of key
    return tuple((line.category if by_category else line.name, line.present) for line in option.lines)


def spend_chart(options: Sequence[TcoOption], currency: str) -> Chart | None:
    """What each priced option has cost by the end of each month, purchase included; None for fewer than two."""
    priced = [option for option in options if option.total is not None and option.cash][: len(TONES)]
    if len(priced) < 2:  # noqa: PLR2004 - one line compares nothing
        return None
    lines = [
        break_even.Curve(
            name=named(option),
            points=tuple((float(month), spent) for month, spent in enumerate(accumulate(option.cash))),
            tone=tone,
            dashed=not option.capex,
        )
        for option, tone in zip(priced, TONES, strict=False)
    ]
    title = "Cumulated cash of each option"
    months = len(priced[0].cash) - 1
    words = f"after {months} months: " + ", ".join(f"{named(one)} {cash(sum(one.cash), currency)}" for one in priced)
    svg = break_even.curve(lines, title=title, description=words, unit=currency)
    return Chart(title=title, summary=words, svg=svg)


def saving_chart(pair: Pair, month: float | None, currency: str) -> Chart:
    """The cumulated saving of a pair; `month` is when it breaks even, None is never."""
    title = f"{pair.owner} against {pair.rival}, cumulated saving"
    end = pair.saved[-1] if pair.saved else None
    words = f"saved after {max(0, len(pair.saved) - 1)} months, a last sale aside: {cash(end, currency)}; "
    first = next(passages(pair.saved), None)
    for_good = f"it passes zero: {number.months(month)}"
    again = f"it first passes zero {number.months(first)}, for good {number.months(month)}"
    words += for_good if first == month else again
    crossing = Band(p5=None, p50=month, p95=None)
    svg = band.band(band.certain(pair.saved), unit=currency, crossing=crossing, title=title, description=words)
    return Chart(title=title, summary=words, svg=svg)


def crossed(saved: Sequence[float]) -> float | None:
    """When a cumulated saving passes zero for good in its months, between two of them in a straight line."""
    return None if not saved or saved[-1] < 0 else max(passages(saved))


def passages(saved: Sequence[float]) -> Iterator[float]:
    """Each time at which a cumulated saving reaches zero from below, or starts there; in order."""
    if saved and saved[0] >= 0:
        yield 0.0
    for month, (before, after) in enumerate(pairwise(saved)):
        if before < 0 <= after:
            yield month + before / (before - after)
