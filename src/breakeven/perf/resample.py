"""Other samples of the same demand, cut anew from a trace: the circular block bootstrap (Politis and Romano 1992).

A block is a tenth of the trace's time, so that requests that come together, and the queue that they make, stay
together: ten batches are the fewest from which an interval follows (Schmeiser 1982), and the longest they can be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.schema.workload import Trace

BLOCKS = 10
FEWEST = 2 * BLOCKS
"""Requests below which there is nothing to cut."""
_APART = 0x5851F42D4C957F2D
"""Between the hashes of what was new in a request that is drawn twice."""

Places = NDArray[np.int64]


def resampled(trace: Trace, rng: np.random.Generator) -> Trace:
    """As long a time as the trace spans, of `BLOCKS` stretches of it drawn at random, its end followed by its start.

    Requests keep their lengths and how they follow each other within a block. One that is drawn again has blocks of
    its own where they were new with it in the trace, so that a cache spares of it what it spared of its first self.
    """
    at = np.frombuffer(trace.arrival_s, dtype="<f8")
    around = (float(at[-1]) - float(at[0])) * trace.n / (trace.n - 1)
    block = around / BLOCKS
    taken, arrivals = [], []
    for number, start in enumerate(rng.uniform(0.0, around, BLOCKS).tolist()):
        since = (at - at[0] - start) % around
        inside = np.flatnonzero(since < block)
        inside = inside[np.argsort(since[inside], kind="stable")]
        taken.append(inside)
        arrivals.append(since[inside] + number * block)
    return _of(trace, np.concatenate(taken), np.concatenate(arrivals))


def _of(trace: Trace, taken: Places, arrivals: NDArray[np.float64]) -> Trace:
    offsets, hashes = _blocks(trace, taken)
    return Trace(
        name=trace.name,
        arrival_s=(arrivals - arrivals[:1]).tobytes(),
        input_tokens=_picked(trace.input_tokens, taken),
        output_tokens=_picked(trace.output_tokens, taken),
        source=trace.source,
        priority=_picked(trace.priority, taken) if trace.priority else b"",
        block_offsets=offsets,
        block_hashes=hashes,
        hash_block_tokens=trace.hash_block_tokens,
    )


def _picked(column: bytes, taken: Places) -> bytes:
    return np.frombuffer(column, dtype="<f8")[taken].tobytes()


def _blocks(trace: Trace, taken: Places) -> tuple[bytes, bytes]:
    if not trace.block_offsets:
        return b"", b""
    offsets, hashes = (np.frombuffer(each, dtype="<i8") for each in (trace.block_offsets, trace.block_hashes))
    new = np.zeros(len(hashes), dtype=bool)
    new[np.unique(hashes, return_index=True)[1]] = True
    again, parts = [0] * trace.n, []
    for place in taken.tolist():
        own = slice(offsets[place], offsets[place + 1])
        apart = np.int64(again[place] * _APART % 2**63)
        parts.append(np.where(new[own], hashes[own] ^ apart, hashes[own]))
        again[place] += 1
    lengths = np.array([0, *(len(part) for part in parts)], dtype="<i8")
    every = np.concatenate(parts) if parts else np.zeros(0)
    return np.cumsum(lengths).astype("<i8").tobytes(), every.astype("<i8").tobytes()
