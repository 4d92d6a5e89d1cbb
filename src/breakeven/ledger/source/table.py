"""The readers of foreign logs, by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from breakeven.ledger.source import csv, lines, parquet
from breakeven.ledger.source.field import Bad, Row

SOURCES: dict[str, Callable[[Path], Iterator[Row | Bad]]] = {
    ".csv": csv.rows,
    ".tsv": csv.rows,
    ".parquet": parquet.rows,
    ".json": lines.rows,
    ".jsonl": lines.rows,
    ".ndjson": lines.rows,
}
