"""What `--json` prints: plain dictionaries with stable names, US dollars as numbers, null for what is not known.

`plan_json`, `statement_json`, `findings_json`, `estimate_json` and `report.plain_study.tco_json` are the contract for
scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from breakeven.quantity import usd_from_pico
from breakeven.report.words import enough
from breakeven.schema.deployment import Pools
from breakeven.schema.estimate import Estimate
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.plan import Option, Placed, Plan
from breakeven.schema.statement import Cut, Latency, Statement, Step

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]

VERSION = 1


def noun_json(noun: Noun) -> JsonObject:
    """Any noun as a dictionary of its fields."""
    plain: JsonObject = msgspec.json.decode(msgspec.json.encode(noun))
    return plain


def plan_json(plan: Plan) -> JsonObject:
    """A plan: `chosen` and `options[]` with name, monthly cost and cost per useful prediction, and the whole rest."""
    options = {option.name: option_json(option) for option in plan.options}
    rest = noun_json(plan)
    return {**rest, "chosen": options[plan.chosen], "options": list(options.values()), "version": VERSION}


def option_json(option: Option) -> JsonObject:
    """One option; `break_even_months` null is never or not owned. `placed` is there of units and devices only."""
    placed: JsonObject = {}
    if not isinstance(option.placed, msgspec.UnsetType):
        placed = {"placed": _placed_json(option.placed)}
    return placed | {
        "name": option.name,
        "use_case": option.use_case,
        "placement": option.placement,
        "model": option.deployment.model,
        "accelerator": option.deployment.accelerator or None,
        "accelerators": option.deployment.accelerators,
        "precision": option.deployment.precision,
        "engine": option.deployment.engine or None,
        **_pools(option),
        "replicas": option.deployment.replicas,
        "spare_replicas": option.spare_replicas,
        "capacity": None if option.capacity is None else noun_json(option.capacity),
        "serving": None if option.serving is None else noun_json(option.serving),
        "offer": option.deployment.offer or None,
        "monthly_cost_usd": option.monthly_cost_usd,
        "cost_per_useful_prediction_usd": option.cost_per_useful_prediction_usd,
        "useful_share": option.useful_share,
        "feasible": option.feasible,
        "binding": option.binding or None,
        "break_even_months": option.break_even_months,
        "break_even_volume_per_month": option.break_even_volume_per_month,
        "bill": noun_json(option.bill),
        "performance": None if option.performance is None else noun_json(option.performance),
    }


def _pools(option: Option) -> JsonObject:
    """The instances of a replica where prefill and decode are apart."""
    pools = option.deployment.pools
    return {"pools": noun_json(pools)} if isinstance(pools, Pools) else {}


def _placed_json(placed: Placed) -> JsonObject:
    return {
        "count": placed.count,
        "share": placed.share,
        "said": placed.said,
        "rest": None if placed.rest is None else option_json(placed.rest),
    }


def estimate_json(estimate: Estimate) -> JsonObject:
    """An estimate: `choices[]` with `kind`, `monthly_usd` and `per_1000_usd` as figures, and the crossings."""
    return noun_json(estimate)


def statement_json(statement: Statement) -> JsonObject:
    """A statement; the use cases' predictions and costs sum to the totals, whatever belongs to none included."""
    cuts = _cuts(statement, "use_case")
    dimensions = sorted({cut.dimension for cut in statement.cuts} - {"use_case"})
    return {
        "version": VERSION,
        "start_s": statement.start_s,
        "end_s": statement.end_s,
        "predictions": statement.predictions,
        "useful_predictions": statement.useful_predictions,
        "cost_total_usd": usd_from_pico(statement.cost_total_pico_usd),
        "cost_per_useful_prediction_usd": statement.cost_per_useful_prediction_usd.value,
        "cost_per_useful_prediction": figure_json(statement.cost_per_useful_prediction_usd),
        "direct_usd": usd_from_pico(statement.direct_pico_usd),
        "capacity_usd": usd_from_pico(statement.capacity_pico_usd),
        "idle_usd": usd_from_pico(statement.idle_pico_usd),
        "over_attributed_usd": usd_from_pico(statement.over_attributed_pico_usd),
        "use_cases": [cut_json(cut) for cut in cuts],
        "total": cut_json(statement.total),
        "by": {dimension: [cut_json(cut) for cut in _cuts(statement, dimension)] for dimension in dimensions},
        "waterfall": [step_json(step) for step in statement.waterfall],
        "conserved": statement.conserved,
        "bases": _bases(statement),
        "events": dict(statement.events),
        "lost": statement.lost,
        "warnings": list(statement.warnings),
        "policies": list(statement.policies),
        "days": [noun_json(one) for one in statement.days],
        "percentiles": statement.percentiles,
    }


def _cuts(statement: Statement, dimension: str) -> tuple[Cut, ...]:
    return tuple(cut for cut in statement.cuts if cut.dimension == dimension)


def _bases(statement: Statement) -> Json:
    """The basis of every headline figure, by name."""
    total = statement.total
    named = {
        "cost_per_useful_prediction_usd": statement.cost_per_useful_prediction_usd.basis,
        "conversion_rate": total.conversion_rate.basis,
        "goodput_rps": total.goodput_rps.basis,
        "energy_kwh": total.energy_kwh.basis,
        "gco2": total.gco2.basis,
    }
    return {**named, **{f"waterfall/{step.name}": step.basis for step in statement.waterfall}}


def cut_json(cut: Cut) -> JsonObject:
    """One group's totals; `useful_predictions` null is "not measurable downstream"."""
    return {
        "name": cut.key,
        "predictions": cut.predictions,
        "answered": cut.answered,
        "in_budget": cut.in_budget,
        "used_predictions": cut.used,
        "useful_predictions": cut.useful,
        "unobserved_predictions": cut.unobserved,
        "unpriced_predictions": cut.unpriced,
        "emulated_predictions": cut.emulated,
        "cost_usd": usd_from_pico(cut.cost_pico_usd),
        "served_cost_usd": usd_from_pico(cut.served_cost_pico_usd),
        "idle_cost_usd": usd_from_pico(cut.idle_pico_usd),
        "unobserved_cost_usd": usd_from_pico(cut.unobserved_cost_pico_usd),
        "cost_per_useful_prediction_usd": cut.cost_per_useful_prediction_usd.value,
        "conversion": conversion_json(cut),
        "revenue": cut.revenue,
        "worth": noun_json(cut.worth),
        "goodput_rps": cut.goodput_rps.value,
        "ttft": latency_json(cut.ttft),
        "tpot": latency_json(cut.tpot),
        "total": latency_json(cut.total),
        "input_tokens": cut.input_tokens,
        "output_tokens": cut.output_tokens,
        "energy_kwh": figure_json(cut.energy_kwh),
        "gco2": figure_json(cut.gco2),
        "statuses": dict(cut.statuses),
        "waterfall": [step_json(step) for step in cut.waterfall],
    }


def conversion_json(cut: Cut) -> JsonObject:
    """Conversions with their interval; `enough_evidence` False means that the rate must not be compared."""
    rate = cut.conversion_rate
    return {
        "n": cut.converted,
        "rate": rate.value,
        "low": rate.low,
        "high": rate.high,
        "measurable": cut.converted is not None,
        "enough_evidence": cut.converted is not None and enough(rate),
        "note": rate.note or rate.how,
    }


def step_json(step: Step) -> JsonObject:
    """One row of the waterfall."""
    cost = usd_from_pico(step.cost_pico_usd)
    return {"name": step.name, "cost_usd": cost, "predictions": step.predictions, "basis": step.basis}


def latency_json(latency: Latency) -> JsonObject:
    """Percentiles in seconds."""
    return noun_json(latency)


def figure_json(figure: Figure) -> JsonObject:
    """A figure with its interval, basis and facts."""
    return noun_json(figure)


def findings_json(findings: Iterable[Finding]) -> list[Json]:
    """What `verify --json` prints: one object per promise."""
    return [finding_json(finding) for finding in findings]


def finding_json(finding: Finding) -> JsonObject:
    """One promise against fact; `low` and `high` bound the actual figure."""
    return noun_json(finding)
