"""Why a cost differs: the parts sum to the difference, whatever changed; and nothing is said without evidence."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.actual import of_cost
from breakeven.audit.explained.explain import explain, saving
from breakeven.audit.explained.factors import actual_factors, predicted_factors
from breakeven.audit.explained.split import TURNS, split, unit_cost_usd
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.bill import Bill, Line
from breakeven.schema.deployment import Deployment
from breakeven.schema.explained import CAUSES, Factors
from breakeven.schema.noun import Figure, Placement
from breakeven.schema.plan import Option, Plan, Promise
from breakeven.schema.statement import Observation

replace = msgspec.structs.replace
POSITIVE = st.floats(1e-3, 1e3)
SHARE = st.floats(0.01, 1)


def factors(by_request: bool) -> st.SearchStrategy[Factors]:
    names = [name for name in Factors.__struct_fields__ if name not in {"by_request", "in_budget", "used"}]
    return st.builds(
        Factors, by_request=st.just(by_request), in_budget=SHARE, used=SHARE, **dict.fromkeys(names, POSITIVE)
    )


PAIRS = st.booleans().flatmap(lambda by: st.tuples(factors(by), factors(by)))


@given(PAIRS)
def test_the_parts_sum_to_the_difference(pair: tuple[Factors, Factors]) -> None:
    """Additivity: to 1e-9 of the larger cost, whatever changed; and the other way round every part is negated."""
    before, after = pair
    there, back = split(before, after), split(after, before)
    scale = max(unit_cost_usd(before), unit_cost_usd(after))
    assert sum(there.values()) == pytest.approx(unit_cost_usd(after) - unit_cost_usd(before), abs=1e-9 * scale)
    assert all(there[cause] == pytest.approx(-back[cause], abs=1e-9 * scale) for cause in CAUSES)


@given(PAIRS, st.sampled_from(CAUSES))
def test_what_did_not_change_explains_nothing(pair: tuple[Factors, Factors], cause: str) -> None:
    """Null player: a cause whose factors are equal gets nothing; one that alone changed gets everything."""
    before, after = pair
    scale = max(unit_cost_usd(before), unit_cost_usd(after))
    kept = replace(after, **{name: getattr(before, name) for name in TURNS[cause]})
    assert split(before, kept)[cause] == pytest.approx(0, abs=1e-9 * scale)
    alone = replace(before, **{name: getattr(after, name) for name in TURNS[cause]})
    scale = max(unit_cost_usd(before), unit_cost_usd(alone))
    assert split(before, alone)[cause] == pytest.approx(unit_cost_usd(alone) - unit_cost_usd(before), abs=1e-9 * scale)


def test_every_factor_has_one_cause() -> None:
    """No factor is left out and none is counted twice."""
    names = [name for cause in CAUSES for name in TURNS[cause]]
    assert sorted([*names, "by_request"]) == sorted(Factors.__struct_fields__)


def option(name: str, placement: Placement, monthly_usd: float, lines: tuple[Line, ...] = ()) -> Option:
    bill = Bill(option=name, lines=lines or (Line(name="rent", amount_usd=monthly_usd, formula=""),))
    return Option(
        name=name,
        use_case="assistant",
        placement=placement,
        deployment=Deployment(id=name, model="m", placement=placement, replicas=2),
        bill=bill,
        monthly_cost_usd=monthly_usd,
        cost_per_useful_prediction_usd=None,
        useful_share=0.5,
        feasible=True,
    )


def promising(plan: Plan, chosen: Option, *others: Option) -> Plan:
    """The plan with promises as the planner makes them: of 90 % in budget, of which 60 % are useful."""
    each = chosen.monthly_cost_usd / (plan.workload.rate_mean_rps * SECONDS_PER_MONTH)
    values = {
        "goodput_share": 0.9,
        "cost_per_1000_in_budget_usd": 1000 * each / 0.9,
        "cost_per_useful_prediction_usd": each / (0.9 * 0.6),
    }
    promises = tuple(
        Promise(metric=name, predicted=Figure(value=value, unit="USD"), use_case="assistant", deployment=chosen.name)
        for name, value in values.items()
    )
    return replace(plan, options=(chosen, *others), chosen=chosen.name, promises=promises)


@pytest.fixture
def owned(planned: Callable[..., Plan]) -> Plan:
    """Two replicas of 3.65 USD an hour together, beside an API that costs three times as much."""
    return promising(planned(), option("h100", "cloud", 2664.5), option("api", "api", 7993.5))


@pytest.fixture
def bought(planned: Callable[..., Plan]) -> Plan:
    """An API at 1 USD per million input and 4 USD per million output tokens."""
    requests = 2.0 * SECONDS_PER_MONTH
    lines = (
        Line(name="input_tokens", amount_usd=requests * 1000 * 1e-6, formula=""),
        Line(name="output_tokens", amount_usd=requests * 200 * 4e-6, formula=""),
    )
    return promising(planned(), option("h100", "api", requests * 1.8e-3, lines))


def test_the_promise_is_the_product_of_its_factors(owned: Plan, bought: Plan) -> None:
    """Consistency: the factors give the promised figure back."""
    for plan in (owned, bought):
        for promise in plan.promises[1:]:
            found = predicted_factors(plan, promise.metric)
            per = 1000 if "1000" in promise.metric else 1
            assert per * unit_cost_usd(found) == pytest.approx(promise.predicted.value)


@given(
    n=st.integers(100, 5000),
    parts=st.tuples(st.floats(0.3, 1), st.floats(0.3, 1), st.floats(0.05, 1)),
    span_s=st.floats(10, 1e5),
    pico=st.integers(10**9, 10**14),
    capacity=st.booleans(),
    price=st.none() | st.floats(0.1, 20),
)
def test_the_actual_factors_give_the_measured_cost(
    n: int, parts: tuple[float, float, float], span_s: float, pico: int, capacity: bool, price: float | None
) -> None:
    """Consistency: what is split is what `verify` shows, so the parts sum to actual less predicted."""
    in_budget, useful, share = parts
    seen = Observation(
        use_case="assistant",
        deployment="h100",
        plan_id="p",
        n=n,
        answered=n,
        in_budget=max(30, int(n * in_budget)),
        useful=max(25, int(n * in_budget * useful)),
        span_s=span_s,
        up_s=span_s * 1.1,
        cost_pico_usd=pico,
        capacity_pico_usd=pico if capacity else 0,
        ttft_s=(),
        tpot_s=(),
        total_s=(),
        emulated=False,
        share=share,
        input_tokens=700 * n,
        output_tokens=300 * n,
    )
    before = Factors(
        by_request=not capacity, rate_rps=2, in_budget=0.9, used=0.6, replicas=2, usd_per_replica_hour=2,
        input_tokens=1000, output_tokens=200, usd_per_input_token=1e-6, usd_per_output_token=4e-6,
    )  # fmt: skip
    for by_use in (True, False):
        after = actual_factors(seen, before, useful=by_use, usd_per_replica_hour=price)
        assert unit_cost_usd(after) == pytest.approx(of_cost(seen, per=1.0, useful=by_use).value, rel=1e-9)


def test_each_cause_gets_its_own(owned: Plan, seen: Callable[..., Observation]) -> None:
    """Half the volume doubles the cost; a price that rose by half is no volume; the sum is the difference."""
    usual = {"n": 200, "in_budget": 180, "useful": 108, "span_s": 100.0, "up_s": 3600.0}
    pico = 365 * 10**10
    same = explain(owned, seen(**usual, capacity_pico_usd=pico, cost_pico_usd=pico), usd_per_replica_hour=1.825)
    assert same.difference_usd == pytest.approx(0, abs=1e-12)
    assert all(part.amount_usd == pytest.approx(0, abs=1e-12) for part in same.parts)
    slower = seen(**(usual | {"span_s": 200.0}), capacity_pico_usd=pico, cost_pico_usd=pico)
    half = explain(owned, slower, usd_per_replica_hour=1.825)
    assert {part.cause for part in half.parts if abs(part.amount_usd) > 1e-12} == {"volume"}
    assert half.parts[0].amount_usd == pytest.approx(half.predicted_usd)
    dearer = seen(**usual, capacity_pico_usd=2 * pico, cost_pico_usd=2 * pico)
    assert [
        part.cause for part in explain(owned, dearer, usd_per_replica_hour=3.65).parts if part.amount_usd > 1e-12
    ] == ["price"]
    more = explain(owned, dearer, usd_per_replica_hour=1.825)
    assert [part.cause for part in more.parts if part.amount_usd > 1e-12] == ["performance"]


def test_longer_answers_are_mix_not_price(bought: Plan, seen: Callable[..., Observation]) -> None:
    """An API's bill grows with tokens at the listed price: all of it is mix."""
    usual = {"n": 200, "in_budget": 180, "useful": 108, "capacity_pico_usd": 0, "input_tokens": 200_000}
    longer = seen(**usual, output_tokens=80_000, cost_pico_usd=round(200 * 2.6e-3 * 1e12))
    found = explain(bought, longer)
    assert {part.cause for part in found.parts if abs(part.amount_usd) > 1e-9} == {"mix"}
    assert "200 to 400 output tokens" in next(part.said for part in found.parts if part.cause == "mix")


def test_too_little_is_not_explained(owned: Plan, seen: Callable[..., Observation]) -> None:
    """Without enough predictions, without a price, or charged in another way, the reason is given and no parts."""
    few = explain(owned, seen(n=30, in_budget=19, useful=10))
    assert (few.parts, few.difference_usd) == ((), None)
    assert "a cost is judged from 20" in few.missing
    free = explain(owned, seen(useful=108, unpriced=3, capacity_pico_usd=0))
    assert "3 of 200 predictions have no price" in free.missing
    other = explain(owned, seen(useful=108, capacity_pico_usd=0))
    assert "measured in another way" in other.missing


def test_the_saving_is_the_holdout_s_cost_less_the_plan_s(owned: Plan, seen: Callable[..., Observation]) -> None:
    """With an interval around it, the same unit as the promise; without a price of the holdout, the reason."""
    mine = seen(useful=108, up_s=3600.0)
    theirs = seen(useful=108, up_s=3600.0, deployment="api", capacity_pico_usd=3 * 10**11)
    found = saving(owned, mine, theirs)
    costs = [of_cost(one, per=1.0, useful=True).value for one in (theirs, mine)]
    assert found.actual_usd == pytest.approx(costs[0] - costs[1])
    assert found.low_usd < found.actual_usd < found.high_usd
    assert found.predicted_usd == pytest.approx(
        7993.5 / (2 * SECONDS_PER_MONTH * 0.5) - owned.promises[2].predicted.value
    )
    unknown = saving(owned, mine, seen(useful=108, unpriced=200, deployment="api", capacity_pico_usd=0))
    assert unknown.actual_usd is None
    assert "of the holdout: 200 of 200 predictions have no price" in unknown.missing
