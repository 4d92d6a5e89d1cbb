"""A trace as JSON lines that `parse` reads back."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.schema.workload import Trace


def json_lines(trace: Trace) -> Iterator[str]:
    """One line a request, as Mooncake's: milliseconds from the first, lengths, and hashes where there are any."""
    offsets = trace.integers("block_offsets") if trace.block_offsets else None
    hashes = trace.integers("block_hashes")
    columns = (trace.column(name) for name in ("arrival_s", "input_tokens", "output_tokens"))
    for row, (at_s, prompt, output) in enumerate(zip(*columns, strict=True)):
        line = f'{{"timestamp": {at_s * 1e3:.3f}, "input_length": {prompt:.0f}, "output_length": {output:.0f}'
        if offsets is not None:
            line += f', "hash_ids": {hashes[offsets[row] : offsets[row + 1]].tolist()}'
        yield line + "}\n"
