"""How much of its prompts a trace could reuse: what a prefix cache of any size spares at most."""

from __future__ import annotations

from breakeven.schema.workload import Trace


def reuse_share(trace: Trace) -> float:
    """Share of prompt tokens whose blocks were seen before in the trace, all kept; 0 where the trace has no hashes."""
    total = sum(trace.column("input_tokens"))
    return sum(spared(trace)) / total if total > 0 else 0.0


def spared(trace: Trace) -> list[float]:
    """Prompt tokens of each request in its longest leading run of blocks seen earlier; its last is always computed."""
    if not trace.block_offsets or not trace.hash_block_tokens:
        return [0.0] * trace.n
    offsets, hashes = trace.integers("block_offsets"), trace.integers("block_hashes")
    seen: set[int] = set()
    found: list[float] = []
    for number, prompt in enumerate(trace.column("input_tokens")):
        own = hashes[offsets[number] : offsets[number + 1]].tolist()
        run = next((at for at, block in enumerate(own) if block not in seen), len(own))
        found.append(min(run * trace.hash_block_tokens, max(0.0, prompt - 1)))
        seen.update(own)
    return found
