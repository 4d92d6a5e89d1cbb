"""The charts of the pages, each drawn for a wide and for a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from breakeven.console import words
from breakeven.console.view import Chart
from breakeven.metric.unit_cost import cost_per_useful_usd
from breakeven.quantity import format_usd, usd_from_pico
from breakeven.report.chart import axis, bars, funnel, latency, theme, waterfall
from breakeven.schema.policy import UseCase
from breakeven.schema.statement import Cut, Statement, Step

WIDE_PX, HALF_PX, MEDIUM_PX, NARROW_PX = 1022.0, 480.0, 640.0, 320.0
USEFUL = ("used", "converted")
"""The steps of the waterfall that paid for something useful."""


def both(draw: Callable[[float], str], *, key: str, title: str, caption: str = "", half: bool = False) -> Chart:
    """A chart at the widths of a desk, a tablet and a phone."""
    return Chart(
        key=key,
        title=title,
        wide=draw(HALF_PX if half else WIDE_PX),
        medium=draw(MEDIUM_PX),
        narrow=draw(NARROW_PX),
        caption=caption,
        half=half,
    )


def money(cut: Cut, steps: Sequence[Step]) -> Chart | None:
    """Where the money went, from the total down to what was useful."""
    placed = waterfall_bars(steps)
    if len(placed) < 3:  # noqa: PLR2004 - a total and its only part say nothing
        return None
    title = "Where the money went"
    last = placed[-1]
    share = axis.percent(last.value / placed[0].value) if placed[0].value else "none"
    description = f"Of {format_usd(placed[0].value)}, {format_usd(last.value)} ({share}) reached {last.name.lower()}."

    def draw(width: float) -> str:
        return waterfall.waterfall(placed, unit="USD", title=title, description=description, width=width)

    caption = (
        f"{format_usd(usd_from_pico(cut.cost_pico_usd))} in all. The steps add up to the total, to the pico-dollar."
    )
    return both(draw, key="waterfall", title=title, caption=caption)


def waterfall_bars(steps: Sequence[Step]) -> list[waterfall.Bar]:
    """The ledger's steps as falls from the total; what reached its end closes as a total of its own."""
    total = sum(step.cost_pico_usd for step in steps)
    useful = [step for step in steps if step.name in USEFUL]
    ends = useful or [step for step in steps if step.name == "not_measurable"]
    falls = [_fall(step, total) for step in steps if step not in ends and step.cost_pico_usd]
    made = [_total("Total cost", "muted", total, total), *falls]
    left = sum(step.cost_pico_usd for step in ends)
    return [*made, _total(*_end(useful, ends), left, total)]


def _end(useful: Sequence[Step], ends: Sequence[Step]) -> tuple[str, theme.Tone]:
    return words.STEPS["not_measurable"] if ends and not useful else ("Useful", "good")


def _fall(step: Step, total: int) -> waterfall.Bar:
    name, tone = words.STEPS.get(step.name, (step.name, "idle"))
    note = axis.percent(step.cost_pico_usd / total) if total else ""
    return waterfall.Bar(name=name, value=-usd_from_pico(step.cost_pico_usd), tone=tone, note=note)


def _total(name: str, tone: theme.Tone, pico_usd: int, total: int) -> waterfall.Bar:
    note = "" if pico_usd == total or not total else axis.percent(pico_usd / total)
    return waterfall.Bar(name=name, value=usd_from_pico(pico_usd), kind="total", tone=tone, note=note)


def reached(cut: Cut, steps: Sequence[Step]) -> Chart:
    """How far predictions came."""
    stages = [
        funnel.Stage(name="Predictions", count=cut.predictions),
        funnel.Stage(name="Answered", count=cut.answered),
        funnel.Stage(name="In budget", count=cut.in_budget),
        funnel.Stage(name="Used", count=cut.used, asides=_asides(cut, steps)),
    ]
    if cut.used is not None:
        stages.append(funnel.Stage(name="Converted", count=cut.converted))
    title = "How far predictions came"
    description = ", ".join(f"{stage.name.lower()} {stage.count}" for stage in stages if stage.count is not None)

    def draw(width: float) -> str:
        return funnel.funnel(stages, title=title, description=description, width=width)

    return both(draw, key="funnel", title=title, caption=_unknown(cut, steps), half=True)


def _asides(cut: Cut, steps: Sequence[Step]) -> tuple[funnel.Aside, ...]:
    if cut.used is None:
        return ()
    found = (("Unobserved", cut.unobserved), ("Not measurable", _not_measurable(steps)))
    return tuple(funnel.Aside(name=name, count=count) for name, count in found if count)


def _not_measurable(steps: Sequence[Step]) -> int:
    return sum(step.predictions or 0 for step in steps if step.name == "not_measurable")


def _unknown(cut: Cut, steps: Sequence[Step]) -> str:
    if cut.used is None:
        return "No outcomes are sent for these predictions, so their use is not measurable."
    parts = []
    if cut.unobserved:
        parts.append("Unobserved: the replay cannot know what the user would have done.")
    if _not_measurable(steps):
        parts.append("Not measurable: their use case sends no outcomes.")
    return " ".join([*parts, "Neither counts for or against." if len(parts) > 1 else ""]).strip()


def ladder(statement: Statement) -> Chart:
    """What one of each costs, from any prediction to a useful one, over the use cases where useful is measurable."""
    seen = [cut for cut in statement.cuts if cut.dimension == "use_case" and cut.useful is not None]
    cuts = seen or [statement.total]
    spent = sum(cut.cost_pico_usd for cut in cuts)
    rungs = (
        ("a prediction", sum(cut.predictions for cut in cuts)),
        ("an answered one", sum(cut.answered for cut in cuts)),
        ("one in budget", sum(cut.in_budget for cut in cuts)),
    )
    rows = [bars.Row(name=name, value=cost_per_useful_usd(spent, 0, count)) for name, count in rungs]
    figure = statement.cost_per_useful_prediction_usd
    if figure.value is not None:
        rows.append(
            bars.Row(
                name="a useful one", value=figure.value, low=figure.low, high=figure.high, strong=True, tone="good"
            )
        )
    title = "What one of each costs"
    description = "; ".join(f"{row.name}: {axis.write(row.value, 'USD')}" for row in rows)

    def draw(width: float) -> str:
        return bars.bars(rows, unit="USD", title=title, description=description, width=width)

    return both(draw, key="ladder", title=title, caption=_population(seen), half=True)


def _population(seen: Sequence[Cut]) -> str:
    if not seen:
        return ""
    names = f"Over {', '.join(cut.key for cut in seen)}, where use is measurable."
    left_out = (
        " The useful one leaves out unobserved rows and their cost." if any(cut.unobserved for cut in seen) else ""
    )
    return names + left_out


def latencies(cuts: Iterable[Cut], rules: Mapping[str, UseCase]) -> Chart | None:
    """Percentiles of every use case against its budget."""
    rows = [row for cut in cuts for row in _percentiles(cut, rules.get(cut.key))]
    if not rows:
        return None
    title = "Latency against budget"
    description = "; ".join(f"{row.name}: p95 {axis.write(row.p95_s, 's')}" for row in rows)

    def draw(width: float) -> str:
        return latency.percentiles(rows, title=title, description=description, width=width)

    caption = "Each row is drawn on the scale of its own budget; an arrow lies beyond 1.6 times the budget."
    return both(draw, key="latency", title=title, caption=caption)


def _percentiles(cut: Cut, rule: UseCase | None) -> list[latency.Percentiles]:
    asked = (
        ("total", cut.total, rule.budget_s if rule else None),
        ("TTFT", cut.ttft, rule.ttft_s if rule else None),
        ("TPOT", cut.tpot, rule.tpot_s if rule else None),
    )
    targeted = any(budget for _, _, budget in asked)
    return [
        latency.Percentiles(
            name=f"{cut.key}, {name}", p50_s=seen.p50_s, p95_s=seen.p95_s, p99_s=seen.p99_s, budget_s=budget, n=seen.n
        )
        for name, seen, budget in asked
        if budget or (not targeted and name == "total")
    ]


def costs(cuts: Sequence[Cut]) -> Chart | None:
    """What each use case cost."""
    if not cuts:
        return None
    total = sum(cut.cost_pico_usd for cut in cuts)
    rows = [
        bars.Row(
            name=cut.key,
            value=usd_from_pico(cut.cost_pico_usd),
            note=axis.percent(cut.cost_pico_usd / total) if total else "",
        )
        for cut in cuts
    ]
    title = "Cost by use case"
    description = "; ".join(f"{row.name}: {axis.write(row.value, 'USD')}" for row in rows)

    def draw(width: float) -> str:
        return bars.bars(rows, unit="USD", title=title, description=description, width=width)

    return both(draw, key="cost", title=title, caption="Idle capacity follows the work.")
