"""Traces in JSON lines: Mooncake's, and the ledger's own records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from breakeven.errors import LedgerError
from breakeven.schema.record import Tokens
from breakeven.schema.workload import Trace
from breakeven.workload.request import Request, count, number, trace_of

MOONCAKE_BLOCK_TOKENS = 512
"""Tokens of a hashed block, by Mooncake's description of its traces; the last one of a prompt may be partial."""


class _Mooncake(msgspec.Struct):
    timestamp: float
    input_length: float
    output_length: float
    hash_ids: tuple[int, ...] = ()


class _Record(msgspec.Struct):
    """What a trace needs of a record; those that are no prediction are passed over."""

    type: str
    time_s: float = 0.0
    served: Tokens = Tokens()


_Row = TypeVar("_Row")


def parse_lines(text: str, name: str) -> Trace:
    """A trace from JSON lines: predictions as the ledger stores them, else Mooncake's.

    Raises:
        LedgerError: a line is bad (named), or there is no request.
    """
    first = next(line for line in text.lstrip("\ufeff").splitlines() if line.strip())
    if '"type"' in first and '"timestamp"' not in first:
        return trace_of(_records(text, name), name)
    return trace_of(_mooncake(text, name), name, MOONCAKE_BLOCK_TOKENS)


def _mooncake(text: str, name: str) -> Iterator[Request]:
    decoder = msgspec.json.Decoder(_Mooncake)
    for where, line in _numbered(text, name):
        row = _decoded(decoder, line, where, "each line needs timestamp (ms), input_length and output_length")
        yield Request(
            number(str(row.timestamp), float, f"{where}: timestamp") / 1e3,
            count(row.input_length, f"{where}: input_length"),
            count(row.output_length, f"{where}: output_length"),
            row.hash_ids,
        )


def _records(text: str, name: str) -> Iterator[Request]:
    decoder = msgspec.json.Decoder(_Record)
    for where, line in _numbered(text, name):
        row = _decoded(decoder, line, where, "each line needs a type; predictions need time_s and served")
        if row.type == "prediction":
            yield Request(
                row.time_s,
                count(row.served.input, f"{where}: served.input"),
                count(row.served.output, f"{where}: served.output"),
            )


def _numbered(text: str, name: str) -> Iterator[tuple[str, str]]:
    for place, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line.strip():
            yield f"{name}:{place}", line


def _decoded(decoder: msgspec.json.Decoder[_Row], line: str, where: str, way_out: str) -> _Row:
    try:
        return decoder.decode(line.encode())
    except msgspec.MsgspecError as error:
        message = f"{where}: {error}, got {line[:80]!r}"
        raise LedgerError(message, way_out) from error
