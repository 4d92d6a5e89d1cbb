"""Other samples cut anew from a trace: as long, made of its own requests, which keep their neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.perf.resample import BLOCKS, FEWEST, resampled
from breakeven.schema.workload import Trace, pack, pack_integers

GAPS = st.lists(st.floats(0.0, 10.0, allow_subnormal=False), min_size=FEWEST, max_size=60).filter(sum)


def trace_of(gaps: list[float]) -> Trace:
    """Every request has lengths and a block of its own, after one that all share."""
    n = len(gaps)
    return Trace(
        name="t",
        arrival_s=pack(np.cumsum([0.0, *gaps[1:]]).tolist()),
        input_tokens=pack(100.0 + at for at in range(n)),
        output_tokens=pack(10.0 + at for at in range(n)),
        priority=pack(float(at % 3) for at in range(n)),
        block_offsets=pack_integers(2 * at for at in range(n + 1)),
        block_hashes=pack_integers(value for at in range(n) for value in (7, 1000 + at)),
        hash_block_tokens=16,
    )


@given(GAPS, st.integers(0, 9))
def test_a_sample_is_made_of_the_requests_of_the_trace(gaps: list[float], seed: int) -> None:
    """What belongs together stays together, arrivals ascend, and it is no longer than the trace and its last gap."""
    trace = trace_of([0.0, *gaps])
    found = resampled(trace, np.random.default_rng(seed))
    at = np.frombuffer(found.arrival_s)
    assert (np.diff(at) >= 0).all()
    span = trace.column("arrival_s")[-1] * trace.n / (trace.n - 1)
    assert found.n == 0 or at[-1] <= span * (1 + 1e-9)
    which = np.frombuffer(found.input_tokens) - 100
    assert (np.frombuffer(found.output_tokens) == which + 10).all()
    assert (np.frombuffer(found.priority) == which % 3).all()
    assert len(found.integers("block_offsets")) == found.n + 1
    again = resampled(trace, np.random.default_rng(seed))
    assert again == found


@given(GAPS, st.integers(0, 9))
def test_a_cache_spares_of_a_request_that_comes_again_what_it_spared_at_first(gaps: list[float], seed: int) -> None:
    """What was new with it is new again; what others had had before it stays theirs."""
    found = resampled(trace_of([0.0, *gaps]), np.random.default_rng(seed))
    which = (np.frombuffer(found.input_tokens) - 100).tolist()
    shared, own = found.integers("block_hashes")[::2].tolist(), found.integers("block_hashes")[1::2].tolist()
    assert len(set(own)) == len(own)
    assert all(block == 7 for request, block in zip(which, shared, strict=True) if request > 0)
    of_first = [block for request, block in zip(which, shared, strict=True) if request == 0]
    assert len(set(of_first)) == len(of_first)


def test_on_average_a_sample_is_as_busy_as_the_trace() -> None:
    """Every instant is as likely to be drawn as any other, the end followed by the start."""
    random = np.random.default_rng(1)
    trace = trace_of(random.exponential(1.0, 300).tolist())
    sizes = [resampled(trace, random).n for _ in range(400)]
    assert np.mean(sizes) == pytest.approx(trace.n, rel=0.02)
    assert np.std(sizes) > 0


def test_neighbours_stay_neighbours() -> None:
    """Bursts survive: all but the cuts between blocks are pairs that follow each other in the trace."""
    trace = trace_of([1.0] * 200)
    which = np.frombuffer(resampled(trace, np.random.default_rng(2)).input_tokens)
    assert np.count_nonzero((np.diff(which) - 1) % 200) <= BLOCKS
