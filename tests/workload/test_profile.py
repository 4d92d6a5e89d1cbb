"""Profiles: the shape has evidence, the log's doing is told from the users', what is missing is no silence."""

import numpy as np
import pytest

from breakeven.errors import EvidenceError, LedgerError
from breakeven.schema.demand import Series
from breakeven.schema.workload import Trace, pack, pack_integers
from breakeven.workload.arrivals import dispersion
from breakeven.workload.mix import prefix_share, representatives, spearman
from breakeven.workload.profile import profile, profile_of_series
from breakeven.workload.series import MOST, step_of, values, wider
from breakeven.workload.tables import is_series, parse_series


def trace_of(arrivals, prompt=None, answer=None):
    n = len(arrivals)
    return Trace(
        name="t", arrival_s=pack(arrivals), input_tokens=pack(prompt if prompt is not None else [100.0] * n),
        output_tokens=pack(answer if answer is not None else [10.0] * n), source="made",
    )  # fmt: skip


def counted(counts, step_s=300.0, start_s=0.0):
    return Series(name="s", step_s=step_s, counts=np.asarray(counts, dtype=float).tobytes(), start_s=start_s)


def daily_counts(days, mean=100.0, step_s=600.0, seed=1):
    at = np.arange(round(days * 86_400 / step_s)) * step_s
    return np.random.default_rng(seed).poisson(mean * (1 + 0.8 * np.sin(2 * np.pi * at / 86_400))).astype(float)


def test_a_day_that_rises_and_falls_is_steady() -> None:
    """Between a tenth and nearly twice the mean over the day: a daily shape, found as one, and no burst."""
    found = profile_of_series(counted(daily_counts(5), 600.0))
    assert found.shape == "steady"
    assert np.argmax(found.daily) in {5, 6}
    assert np.mean(found.daily) == pytest.approx(1)
    assert any("hour" in sentence for sentence in found.evidence)


def test_fast_drift_of_single_requests_is_steady() -> None:
    """A rate that swings between 2 and 38 requests/s every hour is near Poisson within a minute: steady."""
    rng = np.random.default_rng(3)
    rate = 20 + 18 * np.sin(2 * np.pi * np.arange(7200) / 3600)
    arrivals = np.repeat(np.arange(7200.0), rng.poisson(rate))
    arrivals = np.sort(arrivals + rng.random(len(arrivals)))
    assert dispersion(arrivals, 1.0) > 3
    assert profile(trace_of(arrivals), "a").shape == "steady"


def test_a_closed_night_is_an_hour_of_day_and_no_event() -> None:
    """Four days with nobody from 20 to 8 o'clock: steady, as arrivals and as counts; silences at odd times are not."""
    rng, at = np.random.default_rng(8), np.arange(4 * 1440)
    open_hours = (at // 60 % 24 >= 8) & (at // 60 % 24 < 20)
    counts = rng.poisson(20.0 * open_hours)
    arrivals = np.sort(60 * (np.repeat(at, counts) + rng.random(counts.sum())))
    assert profile(trace_of(arrivals), "a").shape == "steady"
    assert profile_of_series(counted(counts, 60.0)).shape == "steady"
    odd = rng.poisson(20.0 * np.repeat(rng.random(96) < 0.5, 60))
    arrivals = np.sort(60 * (np.repeat(at, odd) + rng.random(odd.sum())))
    assert profile(trace_of(arrivals), "a").shape == "event_driven"
    assert profile_of_series(counted(odd, 60.0)).shape == "event_driven"


def test_isolated_spikes_are_events() -> None:
    """Three windows of forty times the base among a thousand calm ones are events; the evidence counts them."""
    counts = np.random.default_rng(2).poisson(50, 1000).astype(float)
    counts[[200, 500, 800]] = 2000
    found = profile_of_series(counted(counts))
    assert found.shape == "event_driven"
    assert any("3 of 1000 are over 10 times" in sentence for sentence in found.evidence)


def test_noise_beyond_chance_is_bursty() -> None:
    """Counts that jump by their own size from window to window are bursty."""
    counts = 50 * np.random.default_rng(4).gamma(1.0, 1.0, 1000)
    assert profile_of_series(counted(np.round(counts))).shape == "bursty"


def test_spikes_do_not_carry_the_hour_of_day() -> None:
    """One window of 400 times the mean moves the mean of its hour fourfold, and its median not at all."""
    counts = np.random.default_rng(5).poisson(50, 14 * 288).astype(float)
    counts[100] = 20_000
    found = profile_of_series(counted(counts))
    assert max(found.daily) < 1.1


def test_what_nobody_recorded_is_missing_and_what_was_counted_as_none_is_zero() -> None:
    """A window without a row is missing: not in the mean, listed as a stretch; a row of 0 is demand of 0."""
    lines = [f"{at * 60},{0 if at == 5 else 7}" for at in range(60) if at not in {20, 21, 40}]
    found = profile_of_series(parse_series("timestamp,value\n" + "\n".join(lines), "c.csv"))
    assert [(one.start_s, one.end_s) for one in found.missing] == [(1200, 1320), (2400, 2460)]
    assert found.rate_mean_rps == pytest.approx(7 * 56 / 57 / 60)
    assert found.counts[5] == 0
    assert found.counts[20] is None
    assert any("3 windows in 2 stretches" in sentence for sentence in found.evidence)


def test_clients_sum_and_only_a_gap_of_all_is_missing() -> None:
    """ServeGen: a client without a row was quiet while another was there; a window without any row is a gap."""
    rows = [("a", 0, 1.0), ("b", 0, 2.0), ("a", 600, 1.0), ("b", 1800, 4.0)]
    text = "client,t_s,rate_rps,iat_cv,family,p1,p2\n" + "\n".join(f"{c},{t},{r},1.0,Gamma,1,1" for c, t, r in rows)
    assert is_series(text)
    found = parse_series(text, "x_windows.csv")
    assert found.step_s == 600
    assert values(found)[[0, 1, 3]].tolist() == [1800, 600, 2400]
    assert np.isnan(values(found)[2])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timestamp,value\n0,1\n60,x\n", "c.csv:3: value is 'x'"),
        ("timestamp,value\n0,1\n60,-2\n", "c.csv:3: value is -2"),
        ("timestamp,value\nsoon,1\n60,2\n", "c.csv:2: timestamp is 'soon'"),
        ("timestamp,value\n0,1\n", "1 windows"),
        ("timestamp,value\n60,1\n0,1\n", "not in the order of time"),
        ("client,t_s,rate_rps,iat_cv\na,0,-1,1\na,600,1,1\n", "rate is never negative"),
    ],
)
def test_a_bad_line_is_named_with_its_value(text, words) -> None:
    """File, line, column and value, and what to do."""
    with pytest.raises(LedgerError, match=words) as caught:
        parse_series(text, "c.csv")
    assert caught.value.way_out


def test_nothing_is_no_workload() -> None:
    """Windows without a single request have no rate."""
    with pytest.raises(EvidenceError, match="0 requests"):
        profile_of_series(counted([0.0] * 20))


def test_a_tick_is_named_and_nothing_is_said_below_it() -> None:
    """Poisson arrivals stamped every 3 s: steady, the tick named, no dispersion per second."""
    rng = np.random.default_rng(6)
    stamped = np.floor(np.cumsum(rng.exponential(1 / 6, 3000)) / 3.05) * 3.05
    found = profile(trace_of(stamped), "a")
    assert found.shape == "steady"
    assert "ticks every 3.05 s" in found.quirks[0]
    assert min(scale for scale, _ in found.dispersion) == 10


def test_stamps_per_minute_are_named_as_aggregation() -> None:
    """A log that says only the minute is per window, not in bursts."""
    stamped = np.floor(np.cumsum(np.random.default_rng(7).exponential(1.0, 6000)) / 60) * 60
    found = profile(trace_of(stamped), "a")
    assert found.shape == "steady"
    assert "per minute" in found.quirks[0]


def test_lengths_cut_at_a_limit_are_named() -> None:
    """A tenth of the answers at exactly 1,000 tokens is a limit of the service, not the users' wish."""
    rng = np.random.default_rng(8)
    answer = np.minimum(np.round(rng.exponential(430, 3000)), 1000)
    found = profile(trace_of(np.arange(3000.0), answer=answer), "a")
    assert any("output tokens" in quirk and "clipped" in quirk for quirk in found.quirks)
    free = profile(trace_of(np.arange(3000.0), answer=np.round(rng.exponential(430, 3000))), "a")
    assert not any("clipped" in quirk for quirk in free.quirks)


def test_milliseconds_taken_for_seconds_are_doubted() -> None:
    """More requests a second than any service has, or one in many hours, is asked about."""
    fast = profile(trace_of(np.arange(1000.0) / 1e6), "a")
    assert any("another unit" in warning for warning in fast.warnings)


def test_representatives_keep_both_laws_and_how_they_hang_together() -> None:
    """512 of 20,000 requests: means within 1 %, percentiles within 5 %, rank correlation within 0.03."""
    rng = np.random.default_rng(9)
    first = rng.lognormal(6, 1.2, 20_000)
    second = first**0.5 * rng.lognormal(0, 0.8, 20_000)
    found = profile(trace_of(np.arange(20_000.0), np.round(first) + 1, np.round(second) + 1), "a").mix
    pairs = np.array(found.pairs)
    assert len(pairs) == 512
    for column, law in ((0, found.input), (1, found.output)):
        assert pairs[:, column].mean() == pytest.approx(law.mean, rel=0.01)
        assert np.percentile(pairs[:, column], 95) == pytest.approx(law.p95, rel=0.05)
    assert spearman(pairs[:, 0], pairs[:, 1]) == pytest.approx(found.correlation, abs=0.03)
    assert representatives(first[:100], second[:100]) == list(range(100))


def test_prefixes_seen_before_are_counted() -> None:
    """Blocks of two requests, [1, 2] and [1, 3]: one of four came before."""
    trace = Trace(
        name="t", arrival_s=pack([0, 1]), input_tokens=pack([1024, 1024]), output_tokens=pack([1, 1]),
        block_offsets=pack_integers([0, 2, 4]), block_hashes=pack_integers([1, 2, 1, 3]), hash_block_tokens=512,
    )  # fmt: skip
    assert prefix_share(trace) == 0.25
    assert [pair[2] for pair in profile(trace, "a").mix.pairs] == [0, 512]


@pytest.mark.parametrize("span_s", [5.0, 90.0, 1000.0, 3600.0, 86_400.0, 14 * 86_400.0, 400 * 86_400.0])
def test_a_profile_stays_small(span_s) -> None:
    """Whatever the span, no more than 2,100 windows are kept."""
    assert span_s / step_of(span_s) <= MOST


def test_wider_windows_hold_the_same_requests() -> None:
    """Sums over whole windows; one that lacks a part is missing."""
    counts = np.array([1.0, 2, 3, np.nan, 5, 6, 7])
    assert wider(counts, 2)[[0, 2]].tolist() == [3, 11]
    assert np.isnan(wider(counts, 2)[1])
