"""Sampled traces keep what the workload states."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.schema.workload import Workload
from breakeven.workload.fit import fit
from breakeven.workload.sample import sample, tokens

WORKLOAD = Workload(
    use_case="assistant", n=19366, span_s=3501.7, rate_mean_rps=5.53, rate_p95_rps=7.0, rate_max_rps=8.0, window_s=60.0,
    iat_cv=1.09, idc=16.0, shape="steady", input_tokens_mean=1154.7, input_tokens_p50=1020.0, input_tokens_p95=4083.0,
    output_tokens_mean=211.1, output_tokens_p50=129.0, output_tokens_p95=451.0, source="a log",
)  # fmt: skip


def test_a_fit_of_the_sample_is_the_workload() -> None:
    """Rate exactly, means and percentiles to 2 %, burstiness to 10 %."""
    found = fit(sample(WORKLOAD, n=4000, rng=np.random.default_rng(1)), "assistant")
    assert found.rate_mean_rps == pytest.approx(5.53)
    assert found.iat_cv == pytest.approx(1.09, rel=0.1)
    for name in ("mean", "p50", "p95"):
        for kind in ("input_tokens", "output_tokens"):
            field = f"{kind}_{name}"
            assert getattr(found, field) == pytest.approx(getattr(WORKLOAD, field), rel=0.02), field


@pytest.mark.parametrize("cv", [0.3, 1.0, 2.5])
def test_burstiness_is_reproduced(cv) -> None:
    """Gaps have the coefficient of variation asked for."""
    wanted = msgspec.structs.replace(WORKLOAD, iat_cv=cv)
    found = fit(sample(wanted, n=20_000, rng=np.random.default_rng(2)), "a")
    assert found.iat_cv == pytest.approx(cv, rel=0.08)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 300), st.integers(0, 2**32), st.floats(0.01, 1000))
def test_a_sample_is_a_trace(n, seed, rate) -> None:
    """As many requests as asked, arrivals ascending, whole tokens of at least one; same seed, same bytes (inv. 7)."""
    wanted = msgspec.structs.replace(WORKLOAD, rate_mean_rps=rate)
    found = sample(wanted, n=n, rng=np.random.default_rng(seed))
    arrivals, prompt = np.frombuffer(found.arrival_s), np.frombuffer(found.input_tokens)
    assert found.n == n == len(prompt)
    assert arrivals[0] == 0
    assert (np.diff(arrivals) > 0).all()
    assert arrivals[-1] == pytest.approx(n / rate)
    assert (prompt >= 1).all()
    assert (prompt == prompt.round()).all()
    assert sample(wanted, n=n, rng=np.random.default_rng(seed)) == found


@settings(max_examples=100, deadline=None)
@given(st.floats(10, 5000), st.floats(1.2, 20), st.floats(0, 1))
def test_median_tail_and_mean_are_met_together(p50, spread, position) -> None:
    """One curve has the median, the 95th percentile and any mean from a light to a heavy body."""
    p95 = p50 * spread
    light, heavy = 0.6 * p50 + 0.05 * p95, 0.5 * p50 + 0.3 * p95
    mean = light + position * (heavy - light)
    drawn = tokens(mean, p50, p95, (np.arange(20_000) + 0.5) / 20_000)
    assert drawn.mean() == pytest.approx(mean, rel=0.03, abs=0.6)
    assert np.percentile(drawn, 50) == pytest.approx(p50, rel=0.03, abs=1)
    assert np.percentile(drawn, 95) == pytest.approx(p95, rel=0.03, abs=1)


def test_constant_tokens_stay_constant() -> None:
    """A mix without spread gives one count."""
    assert set(tokens(64.0, 64.0, 64.0, np.array([0.1, 0.9]))) == {64.0}


def test_a_span_holds_rate_times_seconds() -> None:
    """Ninety seconds at 5.53 requests/s are 498 requests."""
    assert sample(WORKLOAD, span_s=90.0, rng=np.random.default_rng(1)).n == 498


@pytest.mark.parametrize("size", [{}, {"n": 5, "span_s": 1.0}, {"n": 1}, {"span_s": 0.01}])
def test_nonsense_is_refused(size) -> None:
    """Neither or both sizes, or too small a one, is a usage error with a way out."""
    with pytest.raises(UsageError) as caught:
        sample(WORKLOAD, rng=np.random.default_rng(1), **size)
    assert caught.value.way_out
