"""What the draws say of another speed and another demand is what the planner finds when it weighs that world itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import assumptions
from breakeven.perf import attain
from breakeven.perf.predict import rate_rps, sustained
from breakeven.perf.simulate import simulate
from breakeven.perf.step import slowed
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.doubt.case import Case, Evidence, Given, case_of
from breakeven.planner.doubt.doubt import doubt_of
from breakeven.planner.doubt.response import responses
from breakeven.planner.doubt.world import evaluate as drawn
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace, Workload
from breakeven.workload.fit import fit
from breakeven.workload.sample import sample

OVER = (1.15, 1.5, 2.5)
AS_OF = "2026-11-24"
RATES = ("rate_mean_rps", "rate_p95_rps", "rate_max_rps")


def workload() -> Workload:
    return Workload(
        use_case="assistant", n=400, span_s=100.0, rate_mean_rps=9.0, rate_p95_rps=14.0, rate_max_rps=18.0,
        window_s=1.0, iat_cv=1.0, idc=1.0, shape="steady", input_tokens_mean=1000.0, input_tokens_p50=900.0,
        input_tokens_p95=2000.0, output_tokens_mean=200.0, output_tokens_p50=180.0, output_tokens_p95=400.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trace() -> Trace:
    return sample(workload(), rng=np.random.default_rng(5), n=100)


@pytest.fixture(scope="module")
def asked(trace: Trace) -> Question:
    load = msgspec.structs.replace(fit(trace, "assistant"), rate_p95_rps=14.0)
    return Question(workload=load, objective=Objective(use_case="assistant", ttft_s=1.0, tpot_s=0.05))


def weighed(catalog: Catalog, asked: Question, trace: Trace, found: list[Candidate]) -> list[Option]:
    scales = Scales(
        catalog=catalog,
        assumptions=assumptions(catalog.assumptions(), "base"),
        question=asked,
        speeds=Speeds(trace),
    )
    return [evaluate(one, asked, predict=scales.speed, price=scales.bill) for one in found]


@pytest.fixture(scope="module")
def given(catalog: Catalog, asked: Question, trace: Trace) -> Given:
    found = list(candidates(catalog, asked, Scope(models=("llama-3.1-8b",), as_of=AS_OF, rented=2, bought=0, apis=0)))
    options = weighed(catalog, asked, trace, found)
    return Given(
        options=tuple(options),
        candidates={one.name: one for one in found},
        question=asked,
        catalog=catalog,
        trace=trace,
        evidence=Evidence(),
    )


def cheapest(given: Given) -> str:
    costs = ((one.cost_per_useful_prediction_usd or math.inf, one.name) for one in given.options)
    return min(costs)[1]


def worlds(case: Case, given: Given, trace: Trace) -> Iterator[tuple[float, float]]:
    """Unit cost by the draws and by the planner, for hourly capacity at other speeds and demands."""
    load = given.question.workload
    for slower in (-0.3, 0.2):
        for more in (0.8, 1.3):
            rates = {name: getattr(load, name) * more for name in RATES}
            asked = msgspec.structs.replace(given.question, workload=msgspec.structs.replace(load, **rates))
            for at, one in enumerate(case.world.options):
                candidate = given.candidates[one.name]
                if one.committed or candidate.curve is None or one.capacity is None:
                    continue
                changed = msgspec.structs.replace(candidate, curve=slowed(candidate.curve, math.exp(slower)))
                option = weighed(given.catalog, asked, trace, [changed])[0]
                values = {
                    one.capacity.speed: np.array([math.exp(-slower)]),
                    "demand": np.array([rates["rate_mean_rps"]]),
                }
                table = drawn(case.world, values, end=1)
                assert bool(table.meets[at, 0]) == option.feasible
                if option.cost_per_useful_prediction_usd is not None:
                    yield float(table.unit[at, 0]), option.cost_per_useful_prediction_usd


def test_another_speed_costs_what_the_planner_says(given: Given, trace: Trace) -> None:
    """Feasible or not alike; unit costs within 5 % on average, and without a bias above 3 %."""
    case = case_of(given, cheapest(given), np.random.default_rng(0), 10)
    found = list(worlds(case, given, trace))
    assert len(found) >= 8
    errors = np.array([mine / theirs - 1 for mine, theirs in found])
    assert np.abs(errors).mean() < 0.05
    assert abs(errors.mean()) < 0.03


def test_a_doubt_of_the_catalogs_options(given: Given, trace: Trace) -> None:
    """Real options: probabilities sum to 1, the plan's point is in its interval, everything drawn has a source."""
    options, found = list(given.options), list(given.candidates.values())
    told, facts = doubt_of(
        options, found, given.question, given.catalog, np.random.default_rng(1), chosen=cheapest(given), seed=1,
        trace=trace, draws=2_000,
    )  # fmt: skip
    assert sum(one.p_best for one in told.fates) == pytest.approx(1.0)
    known = {fact.key for fact in facts}
    assert all(one.source for one in told.inputs)
    assert all(key in known for one in told.inputs for key in one.facts)
    point = next(one for one in told.fates if one.option == told.chosen).base_usd
    low, high = told.interval.p5, told.interval.p95
    assert point is not None
    assert (low or 0.0) <= point <= (high or 0.0)


def test_beyond_what_is_sustained_less_comes_in_time_than_is_carried(
    given: Given, asked: Question, trace: Trace
) -> None:
    """An overloaded replica keeps everybody waiting: its share in target is the simulated one, not 1 / overload."""
    curve = given.candidates[cheapest(given)].curve
    assert curve is not None
    [response] = responses([(given.candidates[cheapest(given)], 1)], asked, trace).values()
    sustained_rps = sustained(trace, curve, asked.objective, asked.workload)
    left = response.overloaded(np.array([1.0, *OVER]))
    assert left[0] == pytest.approx(1.0)
    assert (np.diff(left) <= 0).all()
    for over, share in zip(OVER, left[1:], strict=True):
        run = simulate(trace, curve, 1, scale=over * sustained_rps / rate_rps(trace))
        assert share == pytest.approx(attain.share_in_budget(run, asked.objective), abs=0.12)
    assert left[-1] < 1.0 / OVER[-1]
