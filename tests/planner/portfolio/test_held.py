"""A mix as it is held: filled in the portfolio's order, conserved at any load."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.metric.work import tpot_at
from breakeven.perf.work import work_curve
from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.held import filled, in_order
from breakeven.planner.portfolio.load import duration
from breakeven.planner.portfolio.spill import in_flight, spills_at
from breakeven.schema.bill import Bill
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Figure
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.plan import Option
from breakeven.schema.portfolio import Unit
from breakeven.schema.workload import Workload

curves = st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any).map(lambda one: duration(one, window_s=3600))
sizes = st.lists(st.floats(0, 30), min_size=1, max_size=4)
OWNED = Unit(name="owned", kind="owned", goodput_rps=4.0, fixed_usd_per_h=1.0, variable_usd_per_busy_h=0.5)
YEARLY = Unit(name="yearly", kind="reserved_1y", goodput_rps=3.0, fixed_usd_per_h=1.2, term_months=12)
RENTED = Unit(name="rented", kind="on_demand", goodput_rps=1.0, fixed_usd_per_h=3.2)
API = Unit(name="api", kind="api", usd_per_request=3.5 / 3600)
UNITS = (API, RENTED, OWNED, YEARLY)


def option(name: str, **parts: object) -> Option:
    return Option(
        name=name, use_case="u", placement="cloud", deployment=Deployment(id=name, model="m", placement="cloud"),
        bill=Bill(option=name, lines=()), monthly_cost_usd=1.0, cost_per_useful_prediction_usd=1.0, feasible=True,
        **parts,
    )  # fmt: skip


@given(curves, sizes)
def test_what_is_filled_in_order_is_conserved(load, capacities) -> None:
    """Shares lie in 0..1 and sum to what all could carry as one; an endless last part leaves nothing."""
    shares = filled(load, capacities)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)
    assert sum(shares) == pytest.approx(sum(filled(load, [sum(capacities)])))
    assert sum(filled(load, [*capacities, float("inf")])) == pytest.approx(1)


@given(curves, sizes, st.floats(1.0, 4.0))
def test_more_load_never_raises_the_share_of_the_first(load, capacities, factor) -> None:
    """The base is full sooner; a larger base never serves less."""
    assert filled(load.scaled(factor), capacities)[0] <= filled(load, capacities)[0] + 1e-9
    wider = [capacities[0] * factor, *capacities[1:]]
    assert filled(load, wider)[0] >= filled(load, capacities)[0] - 1e-9


@given(curves)
def test_the_order_is_that_of_the_portfolio(load) -> None:
    """What is committed comes first, and filled in that order each committed part serves its share of the portfolio."""
    found = best_portfolio(load, UNITS)
    ordered = in_order(found, {unit.name: option(unit.name) for unit in UNITS})
    assert sorted(part.name for part in ordered) == sorted(part.name for part in found.parts)
    committed = [part for part in ordered if part.committed]
    assert list(ordered[: len(committed)]) == committed
    size = {unit.name: unit.goodput_rps or 0.0 for unit in UNITS}
    shares = filled(load, [part.units * size[part.name] for part in committed])
    assert shares == pytest.approx([part.share for part in committed])


CURVE = StepCurve(
    prefill_s_per_token=2e-5, step_base_s=0.01, step_per_sequence_s=2e-4, step_per_context_s=0.0, max_sequences=256,
    kv_tokens=10**6,
)  # fmt: skip


def asked() -> Workload:
    tokens = dict.fromkeys(("input_tokens_mean", "input_tokens_p50", "input_tokens_p95"), 800.0)
    answers = dict.fromkeys(("output_tokens_mean", "output_tokens_p50", "output_tokens_p95"), 100.0)
    rates = {"rate_mean_rps": 2.0, "rate_p95_rps": 3.0, "rate_max_rps": 4.0, "window_s": 1.0, "iat_cv": 1.0, "idc": 1.0}
    return msgspec.convert(
        {**tokens, **answers, **rates, "use_case": "u", "n": 9, "span_s": 9.0, "shape": "steady"}, Workload
    )


def fast(goodput_rps: float) -> Option:
    unknown = Figure(value=None, unit="s")
    names = (
        "ttft_p50_s",
        "ttft_p95_s",
        "tpot_p50_s",
        "tpot_p95_s",
        "e2e_p95_s",
        "goodput_rps",
        "goodput_share",
        "power_w",
    )
    speed = Performance(
        deployment="d", **dict.fromkeys((*names, "power_w"), unknown), rho=0.5,
        stable=True, in_flight_mean=1.0, curve=CURVE,
        max_goodput_rps=Figure(value=goodput_rps, unit="requests/s"),
    )  # fmt: skip
    return option("d", performance=speed)


@given(st.floats(0.1, 15.0))
def test_a_part_is_full_at_its_goodput(goodput_rps) -> None:
    """Little's law at the bound: in flight = goodput x the time of an answer beside so many, prompts included."""
    load, found = asked(), in_flight(fast(goodput_rps), asked())
    work = work_curve(CURVE, 850.0)
    prompt_s = load.input_tokens_mean * work.prefill_s_per_token

    def needed(batch: float) -> float:
        return goodput_rps * (prompt_s * (1 + batch) + load.output_tokens_mean * tpot_at(work, batch))

    assert found == CURVE.max_sequences or found >= needed(found)
    assert found == 1 or found - 1 < needed(found - 1)


@given(st.integers(1, 20), st.integers(1, 8), st.sampled_from([1.0, 0.85, 0.6]))
def test_workers_share_the_bound(replicas, workers, share) -> None:
    """All workers together admit what the replicas bear, at most one more each; an unknown speed bounds nothing."""
    each = in_flight(fast(10.0), asked())
    bound = spills_at(fast(10.0), asked(), replicas=replicas, share=share, workers=workers)
    assert each * replicas / share <= bound * workers < each * replicas / share + workers + 1e-6
    assert spills_at(option("d"), asked(), replicas=replicas, share=share, workers=workers) is None
