"""Workloads from traces: known processes get their names, and every name has evidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import EvidenceError
from breakeven.schema.workload import Trace, pack
from breakeven.workload.arrivals import counts, dispersion, silences, spread_ticks, variation
from breakeven.workload.fit import fit


def trace_of(arrivals, prompt=None, answer=None):
    n = len(arrivals)
    return Trace(
        name="t", arrival_s=pack(arrivals), input_tokens=pack(prompt if prompt is not None else [100.0] * n),
        output_tokens=pack(answer if answer is not None else [10.0] * n), source="made",
    )  # fmt: skip


def gamma_arrivals(n, rate, cv, seed=1):
    return np.cumsum(np.random.default_rng(seed).gamma(1 / cv**2, cv**2 / rate, n))


def test_poisson_is_steady() -> None:
    """CV 1 and IDC 1 at every scale, without silences."""
    found = fit(trace_of(gamma_arrivals(5000, 5.0, 1.0)), "assistant")
    assert found.shape == "steady"
    assert found.iat_cv == pytest.approx(1.0, abs=0.05)
    assert found.rate_mean_rps == pytest.approx(5.0, rel=0.05)
    assert any("coefficient of variation of 1.0" in sentence for sentence in found.evidence)


def test_clumps_are_bursty() -> None:
    """Gaps that vary four times as much as a Poisson process's are bursty."""
    found = fit(trace_of(gamma_arrivals(5000, 5.0, 4.0)), "assistant")
    assert found.shape == "bursty"
    assert found.iat_cv == pytest.approx(4.0, rel=0.25)


def test_silences_are_event_driven() -> None:
    """Ten minutes of traffic, ten of silence, and so on, is driven by events."""
    parts = [start + gamma_arrivals(1500, 2.5, 1.0, seed=start) for start in (0, 1300, 2600)]
    found = fit(trace_of(np.concatenate(parts)), "assistant")
    assert found.shape == "event_driven"
    assert any("silences" in sentence for sentence in found.evidence)


def test_drift_alone_is_no_burst() -> None:
    """A rate that slowly doubles leaves the process near Poisson at short scales: steady, with the IDC as evidence."""
    slow, fast = gamma_arrivals(3000, 3.0, 1.0), gamma_arrivals(6000, 6.0, 1.0, seed=2)
    found = fit(trace_of(np.concatenate([slow, slow[-1] + fast])), "assistant")
    assert found.shape == "steady"
    assert found.idc is not None
    assert found.idc > 10


def test_too_few_requests_have_no_shape() -> None:
    """Under 30 requests the shape is unknown and the evidence says how many there are."""
    found = fit(trace_of(np.arange(12.0)), "assistant")
    assert found.shape == "unknown"
    assert "12 requests" in found.evidence[0]


def test_a_ticking_clock_is_not_a_burst() -> None:
    """Poisson arrivals stamped every 3 s look four times as bursty; spread over the tick they do not."""
    stamped = np.floor(gamma_arrivals(2000, 6.0, 1.0) / 3.05) * 3.05
    assert variation(stamped) > 3
    found = fit(trace_of(stamped), "assistant")
    assert found.shape == "steady"
    assert "ticks every 3.05 s" in found.evidence[0]
    assert found.rate_mean_rps == pytest.approx(6.0, rel=0.05)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200))
def test_spreading_keeps_order_count_and_tick(ticks) -> None:
    """Spread arrivals are as many, ascending, and within one tick of their stamp."""
    stamped = np.sort(np.array(ticks, dtype=float))
    found, tick = spread_ticks(stamped)
    assert len(found) == len(stamped)
    assert (np.diff(found) >= 0).all()
    assert (np.abs(found - stamped) <= tick).all()


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1000), min_size=2, max_size=200).filter(lambda times: max(times) - min(times) > 1))
def test_figures_are_consistent(times) -> None:
    """Mean rate x span is n; window rates hold no more requests than there are; max >= p95; same trace, same bytes."""
    trace = trace_of(sorted(times))
    found = fit(trace, "a")
    assert found.rate_mean_rps * found.span_s == pytest.approx(found.n)
    assert found.rate_max_rps >= found.rate_p95_rps
    assert found.rate_max_rps * found.window_s <= found.n + 1e-9
    assert fit(trace, "a") == found


@given(st.integers(2, 9), st.floats(-0.4, 0.4), st.integers(0, 99))
def test_short_traces_are_counted_whole(windows: int, more: float, seed: int) -> None:
    """Of a span under ten windows none is cut off, so that the 95th percentile is not below the mean rate."""
    at = np.sort(np.random.default_rng(seed).random(500) * 60 * (windows + more))
    found = fit(trace_of(at - at[0]), "a")
    assert found.rate_mean_rps - 2 / found.window_s <= found.rate_p95_rps <= found.rate_max_rps
    assert round(found.span_s / found.window_s) * found.window_s == pytest.approx(found.span_s)


def test_token_figures_are_the_columns() -> None:
    """Mean, median and 95th percentile of both columns, as numpy states them."""
    prompt, answer = np.arange(1.0, 101), np.arange(101.0, 201)
    found = fit(trace_of(np.arange(100.0), prompt, answer), "a", rows_scored_mean=12.0)
    assert (found.input_tokens_mean, found.input_tokens_p50) == (50.5, 50.5)
    assert found.output_tokens_p95 == pytest.approx(np.percentile(answer, 95))
    assert found.rows_scored_mean == 12.0
    assert found.source == "made"


@pytest.mark.parametrize("times", [[], [3.0], [3.0, 3.0]])
def test_no_span_is_not_enough(times) -> None:
    """Without two instants there is no rate; the error names the use case and the count."""
    with pytest.raises(EvidenceError, match=f"'assistant' has {len(times)} requests over 0 s"):
        fit(trace_of(times), "assistant")


def test_cut_off_windows_are_left_out() -> None:
    """Counts are of whole windows, and dispersion needs ten of them."""
    assert counts(np.array([0.0, 1, 2, 3, 4, 5, 6.5]), 3.0).tolist() == [3, 3]
    assert dispersion(np.arange(9.0), 1.0) is None
    assert dispersion(np.arange(101.0), 10.0) == 0.0


def test_silences_are_counted() -> None:
    """One gap of 90 s among gaps of 1 s is one silence of its length."""
    quiet = silences(np.concatenate([np.arange(100.0), 190 + np.arange(100.0)]))
    assert quiet.count == 1
    assert quiet.longest_s == pytest.approx(91)
    assert quiet.share == pytest.approx(91 / 289)
