"""Request traces from the text of the formats in which they are published."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from breakeven.errors import LedgerError
from breakeven.schema.workload import Trace, pack


class Request(NamedTuple):
    """One parsed line: seconds on any clock, and token counts."""

    at_s: float
    input_tokens: float
    output_tokens: float


class _Columns(NamedTuple):
    at: str
    prompt: str
    output: str
    clock: Callable[[str], float]


def _iso_s(text: str) -> float:
    """Seconds of an ISO timestamp without a zone since an arbitrary day; only differences are used."""
    moment = datetime.fromisoformat(text)
    since = moment.replace(tzinfo=None) - datetime(2000, 1, 1)  # noqa: DTZ001 - the zone is not stated; it cancels
    return since.total_seconds()


AZURE = _Columns("TIMESTAMP", "ContextTokens", "GeneratedTokens", _iso_s)
SPLITWISE = _Columns("arrived_at", "num_prefill_tokens", "num_decode_tokens", float)


class _Mooncake(msgspec.Struct):
    timestamp: float
    input_length: float
    output_length: float


def parse(text: str, name: str) -> Trace:
    """A trace from text in a known format, told by its first line; arrivals sorted and counted from the first.

    Azure LLM inference CSV, splitwise CSV (as in Vidur), Mooncake JSON lines.

    Raises:
        LedgerError: the format is not known, a line is bad (named with its value), or there is no request.
    """
    first = text.lstrip("\ufeff \n").split("\n", 1)[0]
    if first.startswith("{"):
        return _trace(_mooncake(text, name), name)
    for columns in (AZURE, SPLITWISE):
        if {columns.at, columns.prompt, columns.output} <= {part.strip() for part in first.split(",")}:
            return _trace(_table(text, name, columns), name)
    message = f"{name}:1: no known trace format has the first line {first[:80]!r}"
    way_out = f"give JSON lines with timestamp, or a CSV with {AZURE.at} or {SPLITWISE.at} in its header"
    raise LedgerError(message, way_out)


def _table(text: str, name: str, columns: _Columns) -> Iterator[Request]:
    rows = csv.DictReader(text.lstrip("\ufeff \n").splitlines())
    for row in rows:
        where = f"{name}:{rows.line_num}"
        yield Request(
            _number(row.get(columns.at), columns.clock, f"{where}: {columns.at}"),
            _count(row.get(columns.prompt), f"{where}: {columns.prompt}"),
            _count(row.get(columns.output), f"{where}: {columns.output}"),
        )


def _mooncake(text: str, name: str) -> Iterator[Request]:
    decoder = msgspec.json.Decoder(_Mooncake)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = decoder.decode(line.encode())
        except msgspec.MsgspecError as error:
            message = f"{where}: {error}, got {line[:80]!r}"
            way_out = "each line needs timestamp (ms), input_length and output_length"
            raise LedgerError(message, way_out) from error
        yield Request(
            row.timestamp / 1e3, _count(row.input_length, f"{where}: input_length"), _count(row.output_length, where)
        )


def _number(text: str | None, read: Callable[[str], float], where: str) -> float:
    try:
        value = read(text or "")
    except ValueError as error:
        message = f"{where} is {text!r}, which is not a time or number"
        raise LedgerError(message, "correct or remove the line") from error
    if not math.isfinite(value):
        message = f"{where} is {text!r}, which is not finite"
        raise LedgerError(message, "correct or remove the line")
    return value


def _count(raw: str | float | None, where: str) -> float:
    value = _number("" if raw is None else str(raw), float, where)
    if value < 0:
        message = f"{where} is {raw!r}, and a token count is never negative"
        raise LedgerError(message, "correct or remove the line")
    return value


def _trace(requests: Iterable[Request], name: str) -> Trace:
    ordered = sorted(requests, key=lambda request: request.at_s)
    if not ordered:
        message = f"{name}: there is no request in it"
        raise LedgerError(message, "give a trace with at least one line below the header")
    start = ordered[0].at_s
    return Trace(
        name=name,
        arrival_s=pack(request.at_s - start for request in ordered),
        input_tokens=pack(request.input_tokens for request in ordered),
        output_tokens=pack(request.output_tokens for request in ordered),
        source=name,
    )
