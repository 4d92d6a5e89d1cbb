"""What was measured for one deployment of a use case: what an audit holds against a plan's promises."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.ledger import figures, measured
from breakeven.ledger.allot import Share, allot
from breakeven.ledger.engine.port import NANO, Engine, Query
from breakeven.ledger.statement import measures
from breakeven.schema.policy import UseCase
from breakeven.schema.statement import Observation


def observe(
    engine: Engine,
    use_case: UseCase | str,
    deployment: str,
    *,
    policy_id: str | None = None,
    plan_id: str | None = None,
) -> Observation:
    """Sufficient statistics of `use_case` on `deployment` since a policy or a plan was applied.

    Cost includes the idle that follows the use case's work; `share` is the part of the use case's predictions that this
    deployment served. A use case given by name only is not measurable downstream.
    """
    name = use_case if isinstance(use_case, str) else use_case.name
    known = {} if isinstance(use_case, str) else {name: use_case}
    query = Query(measures=measures(known), policy_id=policy_id, plan_id=plan_id)
    standby = [one for one in engine.standby(query) if one.deployment == deployment]
    shares = allot(engine.cells(query), standby, measured.of(engine.loads(query), standby))
    arrived = [one for one in shares if one.cell.use_case == name]
    mine = [one for one in arrived if one.cell.deployment == deployment and one.cell.predictions]
    samples = engine.samples(
        Query(policy_id=policy_id, plan_id=plan_id, use_case=name, deployment=deployment),
    )
    n = _n(mine)
    return Observation(
        use_case=name,
        deployment=deployment,
        plan_id=plan_id or "",
        n=n,
        answered=sum(one.cell.answered + one.cell.cached + one.cell.fallback for one in mine),
        in_budget=sum(one.cell.in_budget for one in mine),
        useful=figures.useful_of(mine) if any(one.cell.measurable for one in mine) else None,
        span_s=max((one.cell.last_s for one in mine), default=0.0)
        - min((one.cell.first_s for one in mine), default=0.0),
        up_s=sum(one.up_ns for one in standby) / NANO,
        cost_pico_usd=sum(one.cost_pico_usd for one in mine),
        capacity_pico_usd=sum(one.cost_pico_usd for one in standby),
        ttft_s=samples.ttft_s,
        tpot_s=samples.tpot_s,
        total_s=samples.total_s,
        emulated=any(one.cell.emulated for one in mine),
        share=n / _n(arrived) if n else 0.0,
        unpriced=sum(one.cell.unpriced for one in mine),
        input_tokens=sum(one.cell.input_tokens for one in mine),
        output_tokens=sum(one.cell.output_tokens for one in mine),
    )


def _n(shares: Sequence[Share]) -> int:
    return sum(one.cell.predictions for one in shares)
