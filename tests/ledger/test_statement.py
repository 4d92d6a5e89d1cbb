"""What a statement says, how sure it is, and what it refuses to say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger import store
from breakeven.ledger.arm import observe
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.figures import UNMEASURED, wilson
from breakeven.ledger.trace import trace
from breakeven.schema.record import Tokens

ENGINE = pytest.mark.parametrize("engine", sorted(EMBEDDED))


def used(make, count: int, of: int, **more: object) -> list:
    return [make.prediction(n, **more) for n in range(of)] + [
        make.outcome(n, prediction_id=f"p{n:06d}") for n in range(count)
    ]


def test_nothing_happened(make) -> None:
    """An empty ledger is a statement of nothing, and it adds up."""
    found = make.statement([])
    assert (found.predictions, found.cost_total_pico_usd, found.useful_predictions) == (0, 0, None)
    assert (found.start_s, found.end_s, found.warnings, found.cuts) == (None, None, (), ())
    assert found.conserved


def test_the_waterfall_names_what_became_of_every_prediction(make) -> None:
    """Each rung once, in order, idle first and converted last."""
    records = [
        make.prediction(1, status="failed", cost_pico_usd=1),
        make.prediction(2, in_budget=False, cost_pico_usd=2),
        make.prediction(3, subject="", cost_pico_usd=4),
        make.prediction(4, use_case="chat", cost_pico_usd=8),
        make.prediction(5, cost_pico_usd=16),
        make.prediction(6, cost_pico_usd=32),
        make.prediction(7, cost_pico_usd=64),
        make.prediction(8, cost_pico_usd=128),
        make.outcome(1, prediction_id="p000006"),
        make.outcome(2, "conversion", prediction_id="p000007"),
        make.outcome(3, "unobserved", prediction_id="p000008"),
        make.capacity(0, 1, pico_usd_per_replica_s=1000),
    ]
    found = make.statement(records)
    assert [(step.name, step.cost_pico_usd, step.predictions) for step in found.waterfall] == [
        ("idle", 1000, None),
        ("unobserved", 128, 1),
        ("not_served", 1, 1),
        ("late", 2, 1),
        ("not_measurable", 8, 1),
        ("unidentified", 4, 1),
        ("not_used", 16, 1),
        ("used", 32, 1),
        ("converted", 64, 1),
    ]


def test_a_use_case_without_outcomes_is_not_measurable(make) -> None:
    """It has no useful predictions, not zero of them, and stands outside the cost of a useful one."""
    records = [*used(make, 1, 2, cost_pico_usd=10**12), make.prediction(9, use_case="chat", cost_pico_usd=10**15)]
    found = make.statement(records)
    chat = make.cut(found, "use_case", "chat")
    assert (chat.useful, chat.used, chat.converted) == (None, None, None)
    assert chat.cost_per_useful_prediction_usd.value is None
    assert chat.cost_per_useful_prediction_usd.note == UNMEASURED
    assert found.cost_per_useful_prediction_usd.value == pytest.approx(2.0)
    assert found.cost_total_pico_usd == 2 * 10**12 + 10**15


def test_the_idle_of_measurable_use_cases_is_in_their_cost(make) -> None:
    """Reservation basis: ten dollars of capacity for one second of work each make both five dollars."""
    records = [
        make.prediction(1, work_s=1.0, cost_pico_usd=10**12),
        make.prediction(2, work_s=1.0, cost_pico_usd=10**12, use_case="chat"),
        make.outcome(1, prediction_id="p000001"),
        make.capacity(0, 10, pico_usd_per_replica_s=10**12),
    ]
    found = make.statement(records)
    rank = make.cut(found, "use_case", "rank")
    assert found.cost_per_useful_prediction_usd.value == pytest.approx(5.0)
    assert (rank.served_cost_pico_usd, rank.idle_pico_usd) == (10**12, 4 * 10**12)


def test_unpriced_rows_are_counted_and_never_free(make) -> None:
    """With an unpriced row there is no cost of a useful prediction, but a bound; what was refused needs no price."""
    found = make.statement([*used(make, 2, 4, cost_pico_usd=10**12), make.prediction(9, cost_pico_usd=None)])
    figure = found.cost_per_useful_prediction_usd
    assert (found.total.unpriced, figure.value, figure.basis, figure.low) == (1, None, "unknown", 2.0)
    assert "1 of 5 predictions are unpriced: the total cost is a lower bound" in found.warnings
    refused = make.statement([*used(make, 2, 4), make.prediction(9, cost_pico_usd=None, status="refused")])
    assert refused.total.unpriced == 0
    assert refused.cost_per_useful_prediction_usd.value is not None
    unknown = make.statement(used(make, 2, 4, cost_pico_usd=None))
    assert (unknown.cost_per_useful_prediction_usd.value, unknown.cost_per_useful_prediction_usd.low) == (None, None)


def test_a_figure_has_the_weakest_basis_of_its_parts(make) -> None:
    """One assumed charge makes the cost assumed; what cost nothing does not weaken it."""
    records = used(make, 2, 4)
    assert make.statement(records).cost_per_useful_prediction_usd.basis == "derived"
    free = make.prediction(8, cost_pico_usd=0, cost_basis="unknown")
    assert make.statement([*records, free]).cost_per_useful_prediction_usd.basis == "derived"
    guess = make.prediction(9, cost_basis="assumed")
    assert make.statement([*records, guess]).cost_per_useful_prediction_usd.basis == "assumed"
    idle = [make.prediction(9, work_s=1.0), make.capacity(0, 9, basis="assumed")]
    assert make.statement([*records, *idle]).cost_per_useful_prediction_usd.basis == "assumed"


def test_the_interval_of_the_cost_holds_it(make) -> None:
    """Its ends are the cost at the ends of the useful share's interval."""
    figure = make.statement(used(make, 30, 100, cost_pico_usd=10**12)).cost_per_useful_prediction_usd
    low, high = wilson(30, 100)
    assert figure.value == pytest.approx(100 / 30)
    assert (figure.low, figure.high) == (pytest.approx(1 / high), pytest.approx(1 / low))
    assert "30 of 100 observed" in figure.note


@pytest.mark.parametrize(
    ("converted", "of", "enough"), [(0, 500, False), (4, 10, False), (5, 1000, False), (50, 500, True)]
)
def test_few_conversions_are_not_enough_evidence(make, converted: int, of: int, enough: bool) -> None:
    """A rate is said from five conversions on, and when its interval is no wider than itself; n is always said."""
    records = used(make, of, of)
    records += [make.outcome(of + n, "conversion", prediction_id=f"p{n:06d}") for n in range(converted)]
    rate = make.statement(records).total.conversion_rate
    assert (rate.value is not None) == enough
    assert ("not enough evidence" in rate.note) != enough
    assert f"{converted} of {of}" in rate.note
    assert rate.low <= converted / of <= rate.high


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_solves_its_equation(counts: tuple[int, int]) -> None:
    """At an inner bound p the share lies exactly z standard errors of p away."""
    successes, n = counts
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            distance = abs(successes / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert distance == pytest.approx(1.959963984540054, rel=1e-6)


def test_emulated_answers_are_said_to_be(make) -> None:
    """A reader never takes a model's timing for a device's."""
    found = make.statement([make.prediction(1, emulated=True), make.prediction(2)])
    assert found.total.emulated == 1
    assert "1 of 2 predictions were answered by the emulator" in found.warnings


def test_energy_is_said_to_be_partly_known(make) -> None:
    """Unknown energy is not zero energy, and carbon needs every deployment's grid."""
    found = make.statement([make.prediction(1, energy_kwh=0.5, energy_basis="assumed"), make.prediction(2)])
    assert (found.total.energy_kwh.value, found.total.energy_kwh.basis) == (0.5, "assumed")
    assert found.total.energy_kwh.note == "known for 1 of 2"
    assert found.total.gco2.value is None
    assert "gpu" in found.total.gco2.note
    assert make.statement([make.prediction(1)]).total.energy_kwh.value is None


def test_days_are_utc(make) -> None:
    """The cut by day changes at UTC midnight."""
    found = make.statement([make.prediction(1, time_s=make.t0 + at) for at in (3599.9,)])
    later = make.statement([make.prediction(1, time_s=make.t0 + 3600)])
    first, second = (next(one.key for one in each.cuts if one.dimension == "day") for each in (found, later))
    assert first < second
    assert len(first) == len("2026-11-24")


@ENGINE
def test_a_trace_is_every_arrival_in_columns(make, engine: str) -> None:
    """Sorted, from the first, whatever became of the request, and of one use case only."""
    records = [
        make.prediction(2, time_s=make.t0 + 2.5, served=Tokens(input=7, output=1), status="refused"),
        make.prediction(1, time_s=make.t0 + 1, served=Tokens(input=5, output=3)),
        make.prediction(3, use_case="chat"),
    ]
    ledger = store.of_records(records, engine)
    found = trace(ledger, "rank")
    assert (found.n, found.name, found.source) == (2, "rank", "ledger")
    assert list(found.column("arrival_s")) == [0.0, 1.5]
    assert list(found.column("input_tokens")) == [5.0, 7.0]
    assert list(found.column("output_tokens")) == [3.0, 1.0]
    assert trace(ledger, "nothing").n == 0
    assert trace(ledger, "rank", start_s=make.t0 + 2).n == 1


@ENGINE
def test_an_observation_is_one_arm_of_one_plan(make, engine: str) -> None:
    """Only what the plan's policy answered, with the share of the traffic and the capacity that was up for it."""
    under = {"plan_id": "plan", "policy_id": "new", "work_s": 1.0, "cost_pico_usd": 10**6}
    records = [
        make.prediction(1, time_s=make.t0, total_s=0.5, ttft_s=0.2, **under),
        make.prediction(2, time_s=make.t0 + 4, total_s=0.1, ttft_s=0.1, in_budget=False, emulated=True, **under),
        make.prediction(3, time_s=make.t0 + 5, **(under | {"deployment": "old", "work_s": None})),
        make.prediction(4, time_s=make.t0 + 5, policy_id="before", ttft_s=9.0),
        make.outcome(1, prediction_id="p000001"),
        make.capacity(0, 6, policy_id="new"),
        make.capacity(0, 90, policy_id="before"),
        make.capacity(0, 6, policy_id="new", deployment="old"),
    ]
    ledger = store.of_records(records, engine)
    found = observe(ledger, make.use_cases["rank"], "gpu", plan_id="plan")
    assert (found.n, found.answered, found.in_budget, found.useful) == (2, 2, 1, 1)
    assert (found.span_s, found.up_s, found.share) == (4.0, 6.0, pytest.approx(2 / 3))
    assert (found.cost_pico_usd, found.capacity_pico_usd) == (6 * 10**6, 6 * 10**6)
    assert (found.ttft_s, found.total_s, found.tpot_s) == ((0.1, 0.2), (0.1, 0.5), ())
    assert found.emulated
    assert observe(ledger, "rank", "gpu", plan_id="plan").useful is None
    assert observe(ledger, "rank", "gpu", policy_id="before").n == 1
    assert observe(ledger, "rank", "gpu", plan_id="nobody's").n == 0


def test_the_two_bases_differ_by_idle(make) -> None:
    """Usage basis leaves idle capacity out; reservation basis holds it: the rest of the two is the same."""
    records = [
        *used(make, 5, 10, work_s=1.0, cost_pico_usd=10**12),
        make.capacity(0, 10, pico_usd_per_replica_s=10**13),
    ]
    total = make.statement(records).total
    reserved, usage = total.cost_per_useful_prediction_usd, total.worth.cost_per_useful_usage_usd
    assert reserved.value is not None
    assert usage.value is not None
    idle_usd = total.idle_pico_usd / 1e12
    assert reserved.value - usage.value == pytest.approx(idle_usd / 5)


def test_revenue_is_held_against_what_the_predictions_cost(make) -> None:
    """Ten dollars of cost and forty of revenue return four; five conversions cost two dollars each."""
    records = [make.prediction(n, cost_pico_usd=10**12) for n in range(10)]
    records += [make.outcome(n, "revenue", prediction_id=f"p{n:06d}", value=8.0, currency="USD") for n in range(5)]
    worth = make.statement(records).total.worth
    assert worth.return_on_spend.value == pytest.approx(4.0)
    assert worth.cost_per_conversion_usd.value == pytest.approx(2.0)
    low, high = worth.cost_per_conversion_usd.low, worth.cost_per_conversion_usd.high
    assert low is not None
    assert high is not None
    assert low < 2.0 < high


def test_worth_that_cannot_be_had_says_why(make) -> None:
    """Few conversions, no revenue, a row without a price: no number, and a sentence."""
    few = make.statement(used(make, 2, 3, cost_pico_usd=10**12)).total.worth
    assert few.cost_per_conversion_usd.value is None
    assert "0 conversions" in few.cost_per_conversion_usd.note
    assert few.return_on_spend.note == "no revenue was attributed"
    unpriced = make.statement(used(make, 2, 3, cost_pico_usd=None)).total.worth
    assert unpriced.cost_per_useful_usage_usd.value is None
    assert "3 of 3 observed predictions are unpriced" in unpriced.cost_per_useful_usage_usd.note
