"""A trace to simulate: read from a file, or drawn from a workload of a few lines."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import ConfigError, UsageError
from breakeven.perf.forecast import rate_rps
from breakeven.schema.noun import Noun
from breakeven.schema.workload import Trace
from breakeven.workload.parse import parse

_OPEN: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress}


class Arriving(Noun, frozen=True, kw_only=True):
    """Requests, by how much their arrivals are sped up, and what was done to them on the way."""

    trace: Trace
    scale: float
    remarks: tuple[str, ...] = ()

    def mean(self, column: str) -> float:
        """The mean of a column of tokens."""
        return float(np.frombuffer(getattr(self.trace, column)).mean())


def arriving(
    *,
    trace: Path | None,
    workload: Path | None,
    rate: float | None = None,
    most: int | None = None,
    drop_empty: bool = False,
) -> Arriving:
    """The requests to simulate: of a trace file, or drawn; `rate` replaces theirs, `most` takes so many of the middle.

    Raises:
        UsageError: neither or both are named, requests without tokens are in it, or `rate` has nothing to scale.
        LedgerError: the trace is of no known format, a line is bad, or it is empty.
        ConfigError: the workload is wrong; with every problem.
    """
    found, remarks = _given(trace, workload, rate)
    whole, dropped = _answered(found, drop_empty=drop_empty)
    kept = whole if most is None else whole.middle(most)
    if kept.n < whole.n:
        remarks += (f"the middle {kept.n:,} of {whole.n:,} requests",)
    scale = 1.0 if rate is None or trace is None else _scale(kept, rate)
    return Arriving(trace=kept, scale=scale, remarks=(*remarks, *dropped))


def _given(trace: Path | None, workload: Path | None, rate: float | None) -> tuple[Trace, tuple[str, ...]]:
    if trace is not None and workload is None:
        return _read(trace)
    if trace is None and workload is not None:
        from breakeven.assembly.drawing import drawn  # noqa: PLC0415 - the YAML reader costs more than a simulation

        return drawn(workload, rate), ()
    message = f"{'neither --trace nor --workload is' if trace is None else '--trace and --workload are both'} given"
    raise UsageError(message, "name one of them: what arrives is either recorded or drawn")


def _read(path: Path) -> tuple[Trace, tuple[str, ...]]:
    found = parse(text(path), path.name)
    return found, () if found.source == path.name else (f"trace {found.source}",)


def text(path: Path) -> str:
    """The text of a file, which may be compressed.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        data = path.read_bytes()
        return _OPEN.get(path.suffix, bytes)(data).decode("utf-8-sig")
    except (OSError, lzma.LZMAError, zlib.error, EOFError, UnicodeDecodeError) as error:
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(message, "name a CSV or JSON lines in UTF-8, plain or as .xz or .gz") from error


def _answered(trace: Trace, *, drop_empty: bool) -> tuple[Trace, tuple[str, ...]]:
    """The trace without requests that have no prompt or no answer, which are refused unless they may be dropped."""
    prompt, output = (np.frombuffer(column) for column in (trace.input_tokens, trace.output_tokens))
    empty = np.flatnonzero((prompt < 1) | (output < 1))
    if not len(empty):
        return trace, ()
    first = int(empty[0])
    counted = f"{len(empty):,} of {trace.n:,} requests"
    if not drop_empty or len(empty) == trace.n:
        message = (
            f"{trace.name}: {counted} have no prompt or no answer; the first is number {first + 1} with "
            f"{prompt[first]:g} prompt and {output[first]:g} output tokens"
        )
        raise UsageError(message, "give every request at least 1 of each, or leave these out with --drop-empty")
    return _only(trace, np.flatnonzero((prompt >= 1) & (output >= 1))), (f"{counted} left out: no prompt or no answer",)


def _only(trace: Trace, rows: NDArray[np.intp]) -> Trace:
    columns = {
        name: np.frombuffer(getattr(trace, name))[rows].tobytes()
        for name in ("arrival_s", "input_tokens", "output_tokens", "priority")
        if getattr(trace, name)
    }
    if trace.block_offsets:
        offsets = np.frombuffer(trace.block_offsets, dtype="<i8")
        parts = [trace.block_hashes[8 * offsets[row] : 8 * offsets[row + 1]] for row in rows]
        counts = np.concatenate([[0], np.cumsum([len(part) // 8 for part in parts])])
        columns |= {"block_offsets": counts.astype("<i8").tobytes(), "block_hashes": b"".join(parts)}
    arrivals = np.frombuffer(columns["arrival_s"])
    return msgspec.structs.replace(trace, **{**columns, "arrival_s": (arrivals - arrivals[0]).tobytes()})


def _scale(trace: Trace, rate: float) -> float:
    own = rate_rps(trace)
    if own is None:
        message = f"{trace.name}: {trace.n} requests at one instant have no rate that could become {rate:g}/s"
        raise UsageError(message, "leave --rate out, or give requests at different times")
    return rate / own
