"""Predictions from the capacity table: by hand, and never better under more load."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.capacity import (
    Predicted,
    Prefill,
    fits,
    predicted,
    predicted_rows_s,
    predicted_tpot_s,
    predicted_ttft_s,
)
from breakeven.schema.policy import WorkCurve

WORK = WorkCurve(prefill_s_per_token=0.001, tpot_s=((1.0, 0.01), (11.0, 0.02)), request_s=0.05, row_s=0.002)
SECONDS = st.floats(1e-6, 1)


@st.composite
def curves(draw) -> WorkCurve:
    """Any measured table, noise and all."""
    batches = sorted(draw(st.sets(st.integers(1, 256), max_size=6)))
    return WorkCurve(
        prefill_s_per_token=draw(st.just(0.0) | SECONDS),
        tpot_s=tuple((float(batch), draw(SECONDS)) for batch in batches),
        request_s=draw(st.floats(0, 1)),
        row_s=draw(SECONDS),
    )


def test_by_hand() -> None:
    """400 queued on two replicas and 100 of its own at 1 ms: 0.35 s with 50 ms a request; sixth of a batch: 15 ms."""
    found = predicted(WORK, queued_prefill_tokens=400, own_tokens=100, output_tokens=101, in_flight=10, replicas=2)
    assert found == pytest.approx((0.35, 0.015, 0.35 + 100 * 0.015))
    assert predicted_rows_s(WORK, queued_rows=100, rows=10) == pytest.approx(0.05 + 0.22)


def test_beyond_the_measured_batches_it_goes_on_as_it_ended() -> None:
    """Slope 1 ms a sequence: at 101 sequences 110 ms, where a flat end would say 20 ms."""
    assert predicted_tpot_s(WORK, in_flight=100) == pytest.approx(0.11)


@given(curves(), st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 5000), st.floats(0, 500), st.data())
def test_more_load_is_never_predicted_faster(work, queued, own, output, in_flight, data) -> None:
    """Raise any kind of load, or take replicas away: no predicted time falls."""
    load = {
        "queued_prefill_tokens": queued,
        "own_tokens": own,
        "output_tokens": output,
        "in_flight": in_flight,
        "replicas": 4.0,
    }
    more = dict(load)
    kind = data.draw(st.sampled_from(sorted(load)))
    more[kind] = 1.0 if kind == "replicas" else load[kind] + data.draw(st.integers(0, 1000))
    for before, after in zip(predicted(work, **load), predicted(work, **more), strict=True):
        assert before is None or after is None or after >= before - 1e-9 * before


@given(curves(), st.floats(0, 500), st.floats(0.01, 2))
def test_what_fits_a_bound_fits_a_wider_one(work, in_flight, bound) -> None:
    """Targets only ever exclude."""
    found = predicted(work, queued_prefill_tokens=100, own_tokens=10, output_tokens=5, in_flight=in_flight)
    for target in ("ttft_s", "tpot_s", "left_s"):
        if fits(found, **{target: bound}):
            assert fits(found, **{target: bound * 2})
    assert fits(found)


def test_each_target_can_refuse_and_what_is_unknown_does_not() -> None:
    """TTFT, TPOT, and the time left against either end; nothing known objects to nothing."""
    found = Predicted(ttft_s=0.5, tpot_s=0.02, total_s=2.5)
    assert fits(found, ttft_s=0.5, tpot_s=0.02, left_s=2.5)
    assert not fits(found, ttft_s=0.4)
    assert not fits(found, tpot_s=0.01)
    assert not fits(found, left_s=2.4)
    assert not fits(Predicted(ttft_s=0.5), left_s=0.4)
    assert fits(Predicted(), ttft_s=0.0, tpot_s=0.0, left_s=0.0)
    bare = WorkCurve()
    assert predicted(bare, queued_prefill_tokens=9, own_tokens=9, output_tokens=9, in_flight=9) == Predicted()
    assert predicted_rows_s(bare, queued_rows=1, rows=1) is None
    assert predicted_ttft_s(msgspec.structs.replace(WORK, request_s=0.0), queued_prefill_tokens=0, own_tokens=0) == 0.0


@given(st.lists(st.integers(0, 10**5), max_size=50), st.randoms())
def test_the_queue_is_what_was_sent_and_not_answered(sizes, order) -> None:
    """Whatever the order of answers, the queue is the sum of the others, and ends at 0."""
    prefill, waiting = Prefill(), list(sizes)
    for size in sizes:
        prefill.sent(size)
    order.shuffle(waiting)
    while waiting:
        assert prefill.queued == sum(waiting)
        prefill.answered(waiting.pop())
    assert prefill.queued == 0
