"""Blocks of prompts of which a stated part came before."""

from __future__ import annotations

import numpy as np

from breakeven.workload.arrivals import Vector

REMEMBERED = 2000
"""Earlier requests among which a prompt's beginning is found."""


def blocks(prompt: Vector, seen: Vector, block_tokens: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Offsets and hashes: each request begins as an earlier one for as many blocks as `seen` tokens are, then anew.

    Where no remembered request is as long, it begins as the longest of some; so that the share seen comes out a little
    lower, never higher.
    """
    offsets, hashes, fresh = [0], [], 0
    chains: list[list[int]] = []
    depths = np.round(seen / block_tokens).astype(int).tolist()
    lengths = np.ceil(prompt / block_tokens).astype(int).tolist()
    picks = rng.random((len(depths), 8))
    for row, (depth, length) in enumerate(zip(depths, lengths, strict=True)):
        head = _head(chains, min(depth, length), picks[row].tolist())
        chain = head + list(range(fresh, fresh + length - len(head)))
        fresh += length - len(head)
        hashes.extend(chain)
        offsets.append(len(hashes))
        if len(chains) < REMEMBERED:
            chains.append(chain)
        else:
            chains[int(picks[row][0] * REMEMBERED)] = chain
    return offsets, hashes


def _head(chains: list[list[int]], depth: int, picks: list[float]) -> list[int]:
    if not depth or not chains:
        return []
    tried = [chains[int(pick * len(chains))] for pick in picks]
    found = next((chain for chain in tried if len(chain) >= depth), None)
    if found is None:
        found = next((chain for chain in chains if len(chain) >= depth), None) or max(tried, key=len)
    return found[:depth]
