"""Request traces from the text of the formats in which they are published."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from breakeven.errors import LedgerError
from breakeven.schema.workload import Trace
from breakeven.workload.lines import parse_lines
from breakeven.workload.request import Request, count, number, trace_of


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
BURSTGPT = _Columns("Timestamp", "Request tokens", "Response tokens", float)


def parse(text: str, name: str) -> Trace:
    """A trace from text in a known format, told by its first line; arrivals counted from the first.

    CSV of Azure LLM inference, of splitwise (as in Vidur) and of BurstGPT; JSON lines of Mooncake, with the hashes of
    its 512-token blocks, and of the ledger's own predictions. Lines out of order are sorted, and the trace's source
    says so. A request of 0 output tokens is kept as a prompt without an answer (in BurstGPT: one that failed).

    Raises:
        LedgerError: the format is not known, a line is bad (named with its value), or there is no request.
    """
    first = text.lstrip("\ufeff \n").split("\n", 1)[0]
    if first.startswith("{"):
        return parse_lines(text, name)
    for columns in (AZURE, SPLITWISE, BURSTGPT):
        if {columns.at, columns.prompt, columns.output} <= {part.strip() for part in first.split(",")}:
            return trace_of(_table(text, name, columns), name)
    message = f"{name}:1: no known trace format has the first line {first[:80]!r}"
    way_out = (
        f"give JSON lines with timestamp or time_s, or a CSV with {AZURE.at}, {SPLITWISE.at} or {BURSTGPT.prompt!r} "
        "in its header"
    )
    raise LedgerError(message, way_out)


def _table(text: str, name: str, columns: _Columns) -> Iterator[Request]:
    rows = csv.DictReader(text.lstrip("\ufeff \n").splitlines())
    for row in rows:
        where = f"{name}:{rows.line_num}"
        yield Request(
            number(row.get(columns.at), columns.clock, f"{where}: {columns.at}"),
            count(row.get(columns.prompt), f"{where}: {columns.prompt}"),
            count(row.get(columns.output), f"{where}: {columns.output}"),
        )
