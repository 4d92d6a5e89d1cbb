"""A scaling rule, its rehearsal and work in idle hours, for people."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Items, Section, Table, Text, Verdict
from breakeven.schema.noun import Figure
from breakeven.schema.scaling import Hour, IdlePlan, Played, Rehearsal, ScalingRule

LEFT: Align = "left"
RIGHT: Align = "right"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK_HOURS = 168


def rule_document(rule: ScalingRule) -> Document:
    """The rule: its sentence, its figures with how each was computed, its floors."""
    sections = [
        Section(title="Rule", blocks=(Verdict(sentence=_sentence(rule)), Items(items=tuple(_bounds(rule))))),
        Section(title="What it rests on", blocks=tuple(_rests(rule))),
    ]
    if rule.schedule:
        sections.append(Section(title="Floors by hour", blocks=(_floors(rule),)))
    return Document(title=f"Scaling of {rule.deployment}", subtitle=rule.use_case, sections=tuple(sections))


def _sentence(rule: ScalingRule) -> str:
    quantile, goodput = number.share(rule.quantile.value), rule.goodput_rps.value or 0.0
    ahead = f"the {quantile} quantile of the demand {rule.ahead.lead_s:g} s ahead"
    return f"As many replicas as {ahead} / {goodput:.4g} requests/s."


def _bounds(rule: ScalingRule) -> Iterator[str]:
    yield f"between {rule.least} and {rule.most} replicas; never fewer than the demand of now takes"
    yield f"looked at every {rule.interval_s:g} s; up at once, down when less was wanted for {rule.stabilisation_s:g} s"
    yield (
        f"what is beyond goes to {rule.burst}"
        if rule.burst
        else "what is beyond is refused, or falls back as the policy says"
    )
    yield f"the demand ahead: {formula(rule)}"


def formula(rule: ScalingRule) -> str:
    """The formula of the demand ahead with its numbers."""
    one = rule.ahead
    weights = ((one.now, "ln now"), (one.recent, "ln last hour"), (one.day, "ln that hour yesterday"))
    terms = [f"{one.constant:.3g}", *(f"{weight:.3g} {what}" for weight, what in weights if weight)]
    if one.headroom:
        terms.append(f"{one.headroom:.3g} ({one.spread:.3g} + swing)")
    fitted = f"fitted to {one.n:,} windows of {one.step_s:g} s" if one.n else "assumed"
    return f"exp({' + '.join(terms)}), {fitted}"


def _rests(rule: ScalingRule) -> Iterator[Block]:
    figures = (
        ("goodput of a replica", rule.goodput_rps),
        ("quantile", rule.quantile),
        ("an idle replica-hour", rule.idle_usd_per_hour),
        ("a replica-hour of demand missed", rule.miss_usd_per_hour),
        ("in flight per replica", rule.target_in_flight),
        ("lead", rule.lead_s),
    )
    yield Table(
        caption="figures",
        columns=("", "value", "basis", "how"),
        rows=tuple((name, _value(one), one.basis, one.how or one.note) for name, one in figures),
        align=(LEFT, RIGHT, LEFT, LEFT),
    )
    if rule.notes:
        yield Items(items=rule.notes)


def _value(figure: Figure) -> str:
    return number.number(figure.value, figure.unit)


def _floors(rule: ScalingRule) -> Table:
    return Table(
        caption="replicas by hour (UTC): all but surely needed, and enough for the quantile",
        columns=("hour", "floor", "need"),
        rows=tuple((_hour(rule, one), str(one.least), str(one.need)) for one in rule.schedule),
        align=(LEFT, RIGHT, RIGHT),
        detail=len(rule.schedule) == WEEK_HOURS,
    )


def _hour(rule: ScalingRule, hour: Hour) -> str:
    day, of_day = divmod(hour.hour, 24)
    return f"{DAYS[day]} {of_day:02}" if rule.period == "week" else f"{of_day:02}"


def rehearsal_document(one: Rehearsal) -> Document:
    """What the rule would have saved on a series that it was not fitted to."""
    against = "; ".join(
        f"{number.share(saving)} against {name}"
        for name, saving in (
            ("replicas for the earlier peak", one.saving_vs_peak_static),
            ("the fewest fixed replicas that attain as much", one.saving_vs_static),
            ("a reactive rule that attains as much", one.saving_vs_reactive),
        )
    )
    blocks: tuple[Block, ...] = (
        Verdict(sentence=f"The rule attains {number.share(one.rule.attainment)}.", figure=f"saves {against}"),
        _played(one),
        Text(text=f"{number.share(one.coverage)} of windows were within the {number.share(one.quantile)} quantile."),
        Text(text="The fixed and the reactive rule were tuned on this very series, in hindsight; the rule was not."),
    )
    return Document(
        title=f"Scaling rehearsed on {one.series}",
        subtitle=f"the second half, {one.windows:,} windows of {one.step_s:g} s; fitted anew every day to those before",
        sections=(Section(title="Answer", blocks=blocks),),
    )


def _played(one: Rehearsal) -> Table:
    rows = (one.rule, one.reactive, one.static, one.peak_static)
    return Table(
        caption="replica-hours, those of starting replicas included",
        columns=("", "attainment", "replica-hours", "at most", "beyond capacity", "tuned to"),
        rows=tuple(_row(row) for row in rows),
        align=(LEFT, *[RIGHT] * 5),
    )


def _row(one: Played) -> tuple[str, ...]:
    target = "-" if one.target is None else f"{one.target:.3g}"
    return (
        one.name, number.share(one.attainment), f"{one.replica_hours:,.0f}", str(one.replicas_max),
        f"{one.burst_requests:,.0f}", target,
    )  # fmt: skip


def idle_document(plan: IdlePlan) -> Document:
    """Which work goes into which idle hour, and what is left over."""
    hours = sum(one.replica_hours for one in plan.placed)
    said = f"{hours:,.4g} replica-hours find idle hours"
    lost = ", ".join(f"{amount:,.4g} of {name}" for name, amount in plan.unplaced.items())
    blocks: tuple[Block, ...] = (
        Verdict(sentence=f"{said}; before its deadline there is no room for {lost}." if lost else f"{said}: all of it.",
                tone="warn" if lost else "good"),
        Items(items=tuple(_worth(plan))),
        Table(
            caption="replica-hours",
            columns=("hour", "work", "replica-hours"),
            rows=tuple((str(one.hour), one.work, f"{one.replica_hours:,.4g}") for one in plan.placed),
            align=(RIGHT, LEFT, RIGHT),
        ),
    )  # fmt: skip
    return Document(title="Work in idle hours", sections=(Section(title="Answer", blocks=blocks),))


def _worth(plan: IdlePlan) -> Iterator[str]:
    yield f"on top of what stands idle anyway: {number.number(plan.cost_usd, 'USD')}"
    yield plan.carbon
    if plan.gco2_per_kw is not None and plan.earliest_gco2_per_kw:
        less = 1 - plan.gco2_per_kw / plan.earliest_gco2_per_kw
        carbon = f"{plan.gco2_per_kw:,.4g} gCO2e for each kW that a working replica draws more"
        yield f"{carbon}, {number.share(less)} less than in the earliest hours"
