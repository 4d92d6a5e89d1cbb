"""A rule as Prometheus computes it: the demand, the demand ahead, the replicas wanted, and alerts.

Every expression asks for metrics that a breakeven gateway exposes, or for series that a rule above it records.
"""

from __future__ import annotations

from breakeven.report.manifest.yaml_text import Object, Value
from breakeven.schema.scaling import ScalingRule

DEMAND, SWING, AHEAD, WANTED = (
    f"breakeven_scaling_{name}" for name in ("demand_rps", "swing", "ahead_rps", "wanted_replicas")
)
DAY_S = 86400
BEHIND_S = 300
"""So long something may be wrong before somebody is told."""


def quoted(value: str) -> str:
    """A label's value in PromQL."""
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def seconds(value: float) -> str:
    """A duration in PromQL: whole milliseconds, so that no fraction stands in it."""
    whole = round(value * 1000)
    return f"{whole // 1000}s" if whole % 1000 == 0 else f"{whole}ms"


def recorded(name: str, rule: ScalingRule) -> str:
    """One of the recorded series of a rule."""
    return f"{name}{{deployment={quoted(rule.deployment)}}}"


def demand(rule: ScalingRule) -> str:
    """Requests/s of the use case that were not answered from the cache, over one step; refused ones are demand too."""
    asked = f'breakeven_predictions_total{{use_case={quoted(rule.use_case)},status!="cached"}}'
    return f"sum(rate({asked}[{seconds(max(rule.ahead.step_s, 2 * rule.interval_s))}]))"


def swing(rule: ScalingRule) -> str:
    """The mean absolute change of ln(demand) from step to step."""
    step, recent = seconds(rule.ahead.step_s), seconds(rule.ahead.recent_s)
    now, before = (_clamped(rule, shift) for shift in ("", f" offset {step}"))
    return f"avg_over_time(abs(ln({now}) - ln({before}))[{recent}:{step}])"


def ahead(rule: ScalingRule) -> str:
    """The formula of `schema.scaling.Ahead`; without a day of history the last hour stands for yesterday's."""
    one, recent = rule.ahead, seconds(rule.ahead.recent_s)
    back = seconds(round((DAY_S - one.lead_s - one.recent_s / 2) / one.step_s) * one.step_s)
    series, least = recorded(DEMAND, rule), number(one.least_rps)
    over = f"avg_over_time({series}[{recent}])"
    day = f"(avg_over_time({series}[{recent}] offset {back}) or {over})"
    terms = [number(one.constant)]
    for weight, what in ((one.now, series), (one.recent, over), (one.day, day)):
        if weight:
            terms.append(f"{number(weight)} * ln(clamp_min({what}, {least}))")
    if one.headroom:
        terms.append(f"{number(one.headroom)} * ({number(one.spread)} + {_swing(rule)})")
    return f"exp({' + '.join(terms)})"


def _swing(rule: ScalingRule) -> str:
    """The recorded swing, 0 as long as there is none."""
    return f"({recorded(SWING, rule)} or 0 * {recorded(DEMAND, rule)})"


def wanted(rule: ScalingRule) -> str:
    """Replicas for the higher of the demand ahead and that of now, or for what is in flight, before any bound."""
    goodput = number(rule.goodput_rps.value or 1.0)
    now, later = recorded(DEMAND, rule), recorded(AHEAD, rule)
    return f"ceil((({later} > {now}) or {now}) / {goodput})"


def in_flight(rule: ScalingRule) -> str:
    """Requests at the deployment now, over all workers."""
    return f"sum(breakeven_in_flight{{deployment={quoted(rule.deployment)}}})"


def _clamped(rule: ScalingRule, shift: str = "") -> str:
    return f"clamp_min({recorded(DEMAND, rule)}{shift}, {number(rule.ahead.least_rps)})"


def number(value: float) -> str:
    """A number as PromQL reads it, in brackets where it is negative."""
    shown = f"{value:.10g}"
    return f"({shown})" if value < 0 else shown


def rules(rule: ScalingRule, attainment: float = 0.95) -> Object:
    """A file of rules for Prometheus: four that record, four that alert."""
    labels: Object = {"deployment": rule.deployment, "use_case": rule.use_case}
    records = ((DEMAND, demand(rule)), (SWING, swing(rule)), (AHEAD, ahead(rule)), (WANTED, wanted(rule)))
    # Each rule reads what those above it recorded at the same evaluation: Prometheus evaluates a group in order.
    recording: list[Value] = [{"record": name, "expr": asked, "labels": dict(labels)} for name, asked in records]
    return {
        "groups": [
            {"name": f"breakeven-scaling-{rule.deployment}", "interval": seconds(rule.interval_s), "rules": recording},
            {"name": f"breakeven-scaling-{rule.deployment}-alerts", "rules": _alerts(rule, attainment)},
        ]
    }


def _alerts(rule: ScalingRule, attainment: float) -> list[Value]:
    asked = f"breakeven_predictions_total{{use_case={quoted(rule.use_case)}}}"
    inside = f"breakeven_in_budget_total{{use_case={quoted(rule.use_case)}}}"
    window = seconds(max(BEHIND_S, rule.ahead.step_s))
    found = [
        ("ScalingAtItsMost", f"{recorded(WANTED, rule)} > {rule.most}",
         f"{rule.deployment} would take more than its {rule.most} replicas: the rest bursts or is refused"),
        ("ScalingBehind", f"sum(rate({inside}[{window}])) / sum(rate({asked}[{window}])) < {number(attainment)}",
         f"fewer than {attainment:.0%} of {rule.use_case} are in time"),
        ("ScalingBlind", f"absent({asked})", f"no predictions of {rule.use_case} are counted: nothing to scale by"),
    ]  # fmt: skip
    if rule.target_in_flight.value:
        crowded = f"{in_flight(rule)} > {number(rule.target_in_flight.value)} * max({recorded(WANTED, rule)})"
        found.append(("ScalingCrowded", crowded, f"{rule.deployment} holds more requests than its replicas are for"))
    return [_alert(name, asked, said, rule) for name, asked, said in found]


def _alert(name: str, expression: str, said: str, rule: ScalingRule) -> Object:
    return {
        "alert": name,
        "expr": expression,
        "for": seconds(max(BEHIND_S, rule.lead_s.value or 0.0)),
        "labels": {"deployment": rule.deployment, "severity": "warning"},
        "annotations": {"summary": said},
    }
