"""Whether a segment can be read, from its first and last bytes: what is not sound is left out and named, not fatal."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from breakeven.ledger.columns import Table

MISSING = "is missing"
_MAGIC = b"PAR1"
_LEAST_BYTES = 12
_OWN: dict[Table, bytes] = {
    "predictions": b"prediction_id",
    "outcomes": b"event_id",
    "capacity": b"pico_usd_per_replica_s",
    "engine": b"kv_cache_use",
    "corrections": b"author",
    "bad": b"rule",
}
"""A column that only this table's files have."""


def flaw(path: str | Path, table: Table) -> str:
    """What is wrong with a segment of `table`; "" when its frame is whole and its columns are ours.

    Pages between are not looked at: the file was synced before it got its name, so that only a failing disk or a hand
    can have changed them.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - thousands of them, at every question
        return _flaw(str(path), table, state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


@lru_cache(maxsize=16_384)
def _flaw(path: str, table: Table, size: int, _changed_ns: int) -> str:
    if size < _LEAST_BYTES:
        return f"is cut off after {size} bytes"
    with Path(path).open("rb") as file:
        head = file.read(4)
        file.seek(size - 8)
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if head != _MAGIC or tail[4:] != _MAGIC or length > size - _LEAST_BYTES:
            return f"is no whole Parquet file ({size} bytes, damaged or cut off)"
        file.seek(size - 8 - length)
        return "" if _OWN[table] in file.read(length) else f"has not the columns of {table}"
