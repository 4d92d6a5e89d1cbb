"""Samples: the same seed the same bytes, and fitted again they have the statistics they were drawn from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.demo.logs import conversations
from breakeven.errors import UsageError
from breakeven.schema.demand import Split
from breakeven.schema.workload import Trace, pack, pack_integers
from breakeven.workload.arrivals import dispersion
from breakeven.workload.assumed import Stated, assumed, single
from breakeven.workload.campaign import Campaign
from breakeven.workload.cascade import gamma_splits, place, splits
from breakeven.workload.generate import draw, path, rates
from breakeven.workload.likeness import gaps
from breakeven.workload.parse import parse
from breakeven.workload.planned import planned, rates_of
from breakeven.workload.profile import profile
from breakeven.workload.written import json_lines

CONVERSATIONS = profile(conversations(), "conversations")


def rng(seed=1):
    return np.random.default_rng(seed)


def trace_of(arrivals, prompt=None, answer=None, **more):
    n = len(arrivals)
    return Trace(
        name="t", arrival_s=pack(arrivals), input_tokens=pack(prompt if prompt is not None else [100.0] * n),
        output_tokens=pack(answer if answer is not None else [10.0] * n), source="made", **more,
    )  # fmt: skip


def test_the_same_seed_gives_the_same_bytes() -> None:
    """And another seed other ones."""
    first, again, other = (draw(CONVERSATIONS, 600.0, rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.arrival_s != other.arrival_s


def test_real_conversations_are_like_themselves() -> None:
    """An hour drawn from the fitted hour: rates, dispersion at 1, 10 and 60 s, lengths and their correlation."""
    found = gaps(CONVERSATIONS, draw(CONVERSATIONS, CONVERSATIONS.span_s, rng()))
    assert abs(found["rate_mean"]) < 0.02
    assert abs(found["rate_p95"]) < 0.05
    assert all(abs(found[f"dispersion_{scale}s"]) < 0.15 for scale in (1, 10, 60))
    assert all(
        abs(found[f"{side}_{figure}"]) < 0.03 for side in ("input", "output") for figure in ("mean", "p50", "p95")
    )
    assert abs(found["correlation"]) < 0.03


def test_a_short_sample_is_typical_of_the_whole() -> None:
    """Ten minutes of an hour whose rate drifts by half have its mean rate, not that of its first ten minutes."""
    found = gaps(CONVERSATIONS, draw(CONVERSATIONS, 600.0, rng()))
    assert abs(found["rate_mean"]) < 0.03


@pytest.mark.parametrize("variation", [2.0, 4.0])
def test_bursts_stay_at_every_scale(variation) -> None:
    """Gaps of a gamma law that clump: dispersion per second, ten seconds and minute come back within a fifth."""
    arrivals = np.cumsum(rng(3).gamma(1 / variation**2, variation**2 / 10.0, 40_000))
    fitted = profile(trace_of(arrivals), "a")
    found = gaps(fitted, draw(fitted, fitted.span_s, rng()))
    assert all(abs(found[f"dispersion_{scale}s"]) < 0.2 for scale in (1, 10, 60))


def test_silences_stay_silent() -> None:
    """On-off traffic is drawn on-off: the same shape, and at least nine tenths of the empty minutes."""
    parts = [start + np.cumsum(rng(start + 1).exponential(0.2, 3000)) for start in (0, 1300, 2600)]
    fitted = profile(trace_of(np.concatenate(parts)), "a")
    drawn = profile(draw(fitted, fitted.span_s, rng()), "b")
    assert fitted.shape == drawn.shape == "event_driven"
    empty = [sum(count == 0 for count in one.counts) for one in (fitted, drawn)]
    assert empty[1] >= 0.9 * empty[0]


def test_prefixes_come_before_as_often() -> None:
    """Requests that share a system prompt, and sometimes more: the share of blocks seen is kept within 5 points."""
    chance, blocks, chains, fresh = rng(4), [], [], 10
    for _ in range(2000):
        old = chains[chance.integers(len(chains))] if chains and chance.random() < 0.5 else [1, 2]
        head = old[: max(2, chance.integers(0, len(old) + 1))]
        chain = head + list(range(fresh, fresh + int(chance.integers(1, 6))))
        fresh += 10
        chains.append(chain)
        blocks.append(chain)
    offsets = np.concatenate([[0], np.cumsum([len(chain) for chain in blocks])])
    trace = trace_of(
        np.cumsum(chance.exponential(1, 2000)), prompt=[512.0 * len(chain) for chain in blocks],
        block_offsets=pack_integers(offsets.tolist()), hash_block_tokens=512,
        block_hashes=pack_integers(block for chain in blocks for block in chain),
    )  # fmt: skip
    fitted = profile(trace, "a")
    assert 0.3 < fitted.prefix_share < 0.9
    assert abs(gaps(fitted, draw(fitted, fitted.span_s, rng()))["prefix_share"]) < 0.05


def test_a_written_sample_is_read_back() -> None:
    """As JSON lines that the parser knows, to the microsecond."""
    drawn = draw(CONVERSATIONS, 120.0, rng())
    read = parse("".join(json_lines(drawn)), "s.jsonl")
    assert read.input_tokens == drawn.input_tokens
    assert np.allclose(np.frombuffer(read.arrival_s), np.frombuffer(drawn.arrival_s), atol=1e-6)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=20).filter(any),
    st.none() | st.floats(1e-3, 1e3),
    st.integers(0, 5),
)
def test_every_request_falls_into_its_window(counts, concentration, seed) -> None:
    """Placing conserves: each window keeps its count, times ascend."""
    laws = (Split(window_s=60.0, parts=6, concentration=concentration),
            Split(window_s=10.0, parts=10, concentration=concentration))  # fmt: skip
    found = place(np.array(counts), 60.0, laws, rng(seed))
    assert np.bincount((found // 60).astype(int), minlength=len(counts)).tolist() == counts
    assert (np.diff(found) >= 0).all()


def test_independent_requests_are_fitted_as_such() -> None:
    """A Poisson process has no clumping at any rung beyond the one in forty that chance allows."""
    fitted = splits(np.cumsum(rng(5).exponential(0.1, 50_000)), 60.0)
    assert sum(law.concentration is not None and law.concentration < 100 for law in fitted) == 0


def test_a_gamma_process_has_its_dispersion_at_all_scales() -> None:
    """The stated variance / mean of 16 comes out at one, ten and sixty seconds within a quarter."""
    stated = assumed(Stated(name="a", rate_rps=20.0, shape="bursty", input=single(100.0), output=single(10.0)))
    drawn = draw(stated, 20_000.0, rng())
    arrivals = np.frombuffer(drawn.arrival_s)
    assert all(dispersion(arrivals, scale) == pytest.approx(16, rel=0.25) for scale in (1.0, 10.0, 60.0))
    assert gamma_splits(600.0, 20.0, 1.0)[0].concentration is None


def test_stated_events_have_their_peak() -> None:
    """Event-driven at 2 requests/s: events at ten times that, nothing between, the mean kept."""
    stated = assumed(Stated(name="a", rate_rps=2.0, shape="event_driven", input=single(100.0), output=single(10.0)))
    levels = np.array(stated.counts) / stated.step_s
    assert levels.mean() == pytest.approx(2.0)
    assert levels.max() == pytest.approx(20.0, rel=0.05)
    assert np.median(levels) == 0


@pytest.mark.parametrize("ratio", [1.2, 2.0, 4.0])
def test_a_stated_peak_is_kept(ratio) -> None:
    """The 95th percentile that was stated is that of the day assumed for it."""
    stated = assumed(Stated(name="a", rate_rps=10.0, rate_p95_rps=10.0 * ratio))
    assert np.percentile(stated.counts, 95) / np.mean(stated.counts) == pytest.approx(ratio, rel=0.02)


@given(st.floats(60, 20_000), st.floats(10, 3000))
def test_rates_hold_the_requests_whatever_the_windows(seconds, window_s) -> None:
    """The load curve integrates to the same requests in windows of any width."""
    wide = path(CONVERSATIONS, seconds)
    last = seconds - (len(wide) - 1) * CONVERSATIONS.step_s
    total = wide[:-1].sum() + wide[-1] * last / CONVERSATIONS.step_s
    found = rates(CONVERSATIONS, window_s, seconds)
    widths = np.diff(np.append(np.arange(0, seconds - 1e-9, window_s), seconds))
    assert (found * widths).sum() == pytest.approx(total, rel=1e-9)


def test_a_campaign_adds_its_integral() -> None:
    """Requests of a sample with a campaign less those without: lift x base x duration, within three deviations."""
    laid = Campaign(lift=3.0, duration_s=600.0, start_s=1200.0)
    plain, more = (draw(CONVERSATIONS, 3000.0, rng(6), campaign=one) for one in (None, laid))
    base = path(CONVERSATIONS, 3000.0)[20:30].sum()
    assert more.n - plain.n == pytest.approx(3 * base, abs=3 * (2 * plain.n + 3 * base) ** 0.5)


def test_the_planner_s_view_has_the_profile_s_figures() -> None:
    """Workload and trace for `plan`: rates, lengths and shape of the profile; about as many requests as asked."""
    workload, trace = planned(CONVERSATIONS, rng=rng(), requests=5000)
    assert workload.rate_p95_rps == CONVERSATIONS.rate_p95_rps
    assert workload.output_tokens_p95 == CONVERSATIONS.mix.output.p95
    assert trace.n == pytest.approx(5000, rel=0.05)
    rates = rates_of(CONVERSATIONS)
    assert len(rates) == len(CONVERSATIONS.counts)
    assert rates.mean() == pytest.approx(CONVERSATIONS.rate_mean_rps)


def test_what_cannot_be_drawn_is_told() -> None:
    """No lengths, no requests, or too many: with the figures and a way out."""
    bare = assumed(Stated(name="a", rate_rps=2.0))
    with pytest.raises(UsageError, match="no lengths"):
        draw(bare, 60.0, rng())
    with pytest.raises(UsageError, match="requests, and 2 to"):
        draw(CONVERSATIONS, 1e9, rng())
