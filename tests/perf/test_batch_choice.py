"""The batch that a curve and a budget give: inside the budget, as good as any, and never worse for more budget."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.perf.batch_choice import LOAD, QUEUED_ROWS, choose_batch, inference_slot_s
from breakeven.perf.batch_curve import BatchCurve, batch_s
from breakeven.perf.batch_service import serve
from breakeven.schema.policy import Route, UseCase

MEASURED = BatchCurve(points=((1.0, 0.004), (4.0, 0.006), (16.0, 0.012), (64.0, 0.040)), max_batch=64)
CURVES = {
    "measured": MEASURED,
    "flat": BatchCurve(base_s=0.004, max_batch=64),
    "steep": BatchCurve(base_s=0.004, request_s=0.0004, max_batch=128),
    "bent": BatchCurve(points=((1.0, 0.004), (8.0, 0.005), (32.0, 0.05)), max_batch=32),
}


@st.composite
def curves(draw):
    """Measured times as they come: not even always longer for more rows."""
    sizes = sorted(draw(st.sets(st.integers(1, 64), min_size=1, max_size=6)))
    times = [draw(st.floats(1e-4, 0.1)) for _ in sizes]
    return BatchCurve(points=tuple(zip(map(float, sizes), times, strict=True)), max_batch=sizes[-1])


slots = st.none() | st.floats(1e-4, 1.0)


def later(slot_s):
    return math.inf if slot_s is None else slot_s


def p95_s(curve, size, load) -> float:
    """Simulated: batching until idle, Poisson arrivals, at a share of what full batches carry."""
    formed = BatchCurve(points=curve.points, base_s=curve.base_s, request_s=curve.request_s, max_batch=size)
    rate = load * size / float(batch_s(curve, [size])[0])
    arrivals = np.cumsum(np.random.default_rng(3).exponential(1 / rate, 60_000))
    return float(np.percentile(serve(arrivals, formed).delays, 95))


@given(curves(), slots, slots)
def test_a_longer_slot_never_chooses_a_smaller_batch_or_less_throughput(curve, one, other) -> None:
    """Monotone in the budget, from no batch that fits to no bound at all, whatever was measured."""
    tight, loose = (choose_batch(curve, slot_s) for slot_s in sorted((one, other), key=later))
    assert tight.max_batch <= loose.max_batch
    assert tight.rows_s <= loose.rows_s or not tight.fits
    assert tight.fits <= loose.fits


@given(curves(), slots)
def test_no_batch_that_fits_carries_more(curve, slot_s) -> None:
    """The choice against all sizes, one by one; if nothing fits, nothing has a lower bound."""
    chosen = choose_batch(curve, slot_s)
    assert 1 <= chosen.max_batch <= curve.max_batch
    for size in range(1, curve.max_batch + 1):
        seconds = float(batch_s(curve, [size])[0])
        bound_s = seconds * (2 + QUEUED_ROWS / size)
        if chosen.fits:
            assert size / seconds <= chosen.rows_s or bound_s > later(slot_s)
        else:
            assert bound_s >= chosen.latency_s > later(slot_s)


@given(curves(), slots, st.integers(1, 100))
def test_the_delay_is_what_the_slot_leaves(curve, slot_s, stated) -> None:
    """Never negative, never more than the running batch takes, and with it the bound still holds; also when stated."""
    for chosen in (choose_batch(curve, slot_s), choose_batch(curve, slot_s, max_batch=stated)):
        run_s = chosen.max_batch / chosen.rows_s
        assert 0.0 <= chosen.max_delay_s <= run_s * (1 + 1e-9)
        if chosen.fits:
            assert chosen.latency_s + chosen.max_delay_s <= later(slot_s) * (1 + 1e-9)
        else:
            assert chosen.max_delay_s == 0.0
    assert chosen.max_batch == stated


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("slot_s", [0.04, 0.06, 0.15, 1.0])
def test_a_simulation_finds_the_choice_inside_its_slot(curve, slot_s) -> None:
    """At 80 % load the simulated p95 is inside the slot; a batch that would carry more misses it when it is used."""
    chosen = choose_batch(curve, slot_s)
    assert chosen.fits
    assert p95_s(curve, chosen.max_batch, LOAD) <= chosen.latency_s <= slot_s
    sizes = [2**power for power in range(9) if chosen.max_batch < 2**power <= curve.max_batch]
    for size in sizes:
        if size / float(batch_s(curve, [size])[0]) > chosen.rows_s:
            assert p95_s(curve, size, 0.99) > slot_s


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 48), st.floats(0.0, 30.0))
def test_the_bound_is_above_every_simulation(size, ratio) -> None:
    """Whatever the batch and however much of its time is fixed; within 25 % of the truth where all of it is."""
    curve = BatchCurve(base_s=1.0, request_s=ratio / 30.0, max_batch=size)
    bound_s = choose_batch(curve, None, max_batch=size).latency_s
    found_s = p95_s(curve, size, LOAD)
    assert found_s <= bound_s
    if not curve.request_s:
        assert bound_s <= 1.25 * found_s


def test_below_its_capacity_a_choice_is_stable_and_above_it_is_not() -> None:
    """Rate x t(b) / b < 1: at 95 % of `rows_s` the delay does not grow with time, at 105 % it does."""
    chosen = choose_batch(MEASURED, 0.06)
    formed = BatchCurve(points=MEASURED.points, max_batch=chosen.max_batch)
    for load, grows in ((0.95, False), (1.05, True)):
        gaps = np.random.default_rng(5).exponential(1 / (load * chosen.rows_s), 60_000)
        delays = serve(np.cumsum(gaps), formed).delays
        assert bool(delays[-10_000:].mean() > 3 * delays[10_000:20_000].mean()) is grows


@pytest.mark.parametrize(
    ("options", "slot_s"),
    [
        ({}, None),
        ({"budget_s": 0.2}, 0.2),
        ({"budget_s": 0.2, "stages": {"retrieval": 0.05, "render": 0.03}}, 0.12),
        ({"budget_s": 0.2, "stages": {"retrieval": 0.05, "inference": 0.04}}, 0.04),
        ({"stages": {"inference": 0.04}}, 0.04),
        ({"budget_s": 0.2, "stages": {"retrieval": 0.2}}, 0.0),
    ],
)
def test_the_slot_is_the_models_part_of_the_budget(options, slot_s) -> None:
    """Its own stage where there is one, else what the other stages leave."""
    case = UseCase(name="u", route=Route(strategy="weighted", targets=()), **options)
    assert inference_slot_s(case) == pytest.approx(slot_s)


def test_more_budget_is_more_throughput_on_a_measured_curve() -> None:
    """The curve of the page on policies: 20 ms, 40 ms, 60 ms, 100 ms."""
    found = [choose_batch(MEASURED, slot_s).max_batch for slot_s in (0.02, 0.04, 0.06, 0.1)]
    assert found == sorted(found)
    assert all(one < other for one, other in itertools.pairwise(found))
