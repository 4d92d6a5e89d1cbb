"""How much of its prompts a trace could reuse: what a prefix cache of any size spares at most."""

from __future__ import annotations

from breakeven.schema.workload import Trace


def reuse_share(trace: Trace) -> float:
    """Share of prompt tokens whose blocks were seen before in the trace, all kept; 0 where the trace has no hashes.

    A request reuses its longest leading run of blocks seen earlier, and computes its last token in any case.
    """
    if not trace.block_offsets or not trace.hash_block_tokens:
        return 0.0
    offsets, hashes = trace.integers("block_offsets"), trace.integers("block_hashes")
    prompts = trace.column("input_tokens")
    seen: set[int] = set()
    spared = total = 0.0
    for number, prompt in enumerate(prompts):
        own = hashes[offsets[number] : offsets[number + 1]].tolist()
        run = next((at for at, block in enumerate(own) if block not in seen), len(own))
        spared += min(run * trace.hash_block_tokens, max(0.0, prompt - 1))
        total += prompt
        seen.update(own)
    return spared / total if total > 0 else 0.0
