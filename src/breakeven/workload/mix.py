"""Lengths of requests: their law, jointly, in at most 512 requests that stand for all; prefixes seen before."""

from __future__ import annotations

import numpy as np

from breakeven.schema.demand import Lengths, Mix
from breakeven.schema.workload import Trace
from breakeven.workload.arrivals import Vector

GROUPS, EACH = 32, 16
"""Representatives: groups of equal size by input, and in each so many by output."""
GOLDEN = 0.6180339887498949


def lengths(tokens: Vector) -> Lengths:
    """Mean, median, percentiles and maximum."""
    p50, p95, p99 = (float(value) for value in np.percentile(tokens, (50, 95, 99)))
    return Lengths(mean=float(tokens.mean()), p50=p50, p95=p95, p99=p99, most=float(tokens.max()))


def mix(trace: Trace) -> Mix:
    """The joint law of a trace's lengths."""
    prompt, output = (np.frombuffer(column, dtype="<f8") for column in (trace.input_tokens, trace.output_tokens))
    seen = np.minimum(seen_tokens(trace), prompt)
    rows = representatives(prompt, output)
    return Mix(
        input=lengths(prompt),
        output=lengths(output),
        correlation=spearman(prompt, output),
        pairs=tuple(
            (float(a * prompt[row]), float(b * output[row]), float(a * seen[row]))
            for row, a, b in zip(rows, _keeping(prompt, rows), _keeping(output, rows), strict=True)
        ),
    )


def representatives(first: Vector, second: Vector) -> list[int]:
    """Rows that keep both laws and how they hang together: groups by the first, in each middle ranks of the second."""
    if len(first) <= GROUPS * EACH:
        return list(range(len(first)))
    groups = np.array_split(np.lexsort((second, first)), GROUPS)
    chosen: list[int] = []
    for k, group in enumerate(groups):
        ordered = group[np.argsort(second[group], kind="stable")]
        offset = (0.5 + k * GOLDEN) % 1  # other ranks in each group, so that together they fill the law's tails
        ranks = ((np.arange(EACH) + offset) / EACH * len(ordered)).astype(int)
        chosen.extend(int(row) for row in ordered[ranks])
    return chosen


def _keeping(found: Vector, rows: list[int]) -> Vector:
    """What representatives are multiplied by, so that equal parts of them, by size, have the means of all; 1 if all."""
    chosen, factors = found[rows], np.ones(len(rows))
    if len(rows) < len(found):
        every = np.array_split(np.sort(found), GROUPS)
        for part, whole in zip(np.array_split(np.argsort(chosen, kind="stable"), GROUPS), every, strict=True):
            own = float(chosen[part].mean())
            factors[part] = float(whole.mean()) / own if own > 0 else 1.0
    return factors


def spearman(first: Vector, second: Vector) -> float | None:
    """Rank correlation, ties at their middle rank; None where one of the two is constant or there are under three."""
    if len(first) < 3 or first.min() == first.max() or second.min() == second.max():  # noqa: PLR2004
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(found: Vector) -> Vector:
    _, places, sizes = np.unique(found, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    return np.asarray((ends - (sizes - 1) / 2)[places], dtype=np.float64)


def seen_tokens(trace: Trace) -> Vector:
    """Leading tokens of each prompt whose blocks an earlier request had; 0 without hashes."""
    if not trace.block_offsets:
        return np.zeros(trace.n)
    return leading_blocks(trace) * float(trace.hash_block_tokens)


def leading_blocks(trace: Trace) -> Vector:
    """Blocks at the head of each prompt that an earlier request had."""
    offsets, hashes = trace.integers("block_offsets"), trace.integers("block_hashes")
    known: set[int] = set()
    found = np.zeros(trace.n)
    for row in range(trace.n):
        blocks = hashes[offsets[row] : offsets[row + 1]].tolist()
        found[row] = next((k for k, block in enumerate(blocks) if block not in known), len(blocks))
        known.update(blocks)
    return found


def prefix_share(trace: Trace) -> float | None:
    """Share of blocks that came before, in the trace itself; None without hashes."""
    if not trace.block_offsets:
        return None
    blocks = len(trace.block_hashes) // 8
    return 1 - len(np.unique(np.frombuffer(trace.block_hashes, dtype="<i8"))) / blocks if blocks else 0.0
