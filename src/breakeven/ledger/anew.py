"""Reading again when a file that was listed is gone: compaction and erasure remove what a slow reader still lists.

Compaction leaves replaced files a quarter of an hour; erasure takes them at once. Who reads for longer takes the
listing anew and asks again from the beginning, so that an answer is never made of two listings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from breakeven.errors import BreakevenError, LedgerError
from breakeven.ledger import manifest

P = ParamSpec("P")
T = TypeVar("T")
ATTEMPTS = 3
_SIGNS = ("no files found that match", "no such file", "does not exist", "file_not_exist", "filenotfound")


class GoneError(LedgerError):
    """A file that was listed is neither there nor listed any more: who reads must take the listing anew."""


def gone(error: BaseException) -> bool:
    """Whether a reader failed since a segment's file is not there: what DuckDB, Spark or Python say of it."""
    if isinstance(error, BreakevenError):
        return isinstance(error, GoneError)
    told = str(error).lower()
    return "segments/" in told and ".parquet" in told and any(sign in told for sign in _SIGNS)


def anew(read: Callable[P, T]) -> Callable[P, T]:
    """`read` takes a listing and asks; where a file went away in between, it does so again, up to `ATTEMPTS` times.

    Raises:
        LedgerError: files went away every time.
    """

    @functools.wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return read(*args, **kwargs)
            except Exception as error:
                if not gone(error):
                    raise
        try:
            return read(*args, **kwargs)
        except Exception as error:
            if not gone(error):
                raise
            message = (
                f"files of the ledger went away while they were read, {ATTEMPTS} times: {str(error).splitlines()[0]}"
            )
            raise LedgerError(message, "try again, or ask for a shorter period") from error

    return reading


def check_listed(data_dir: Path, path: str) -> None:
    """Whether a file that is missing is still listed, and so must be put back from a backup.

    Raises:
        GoneError: it is not: the listing that named it is old.
    """
    if path not in {one.path for one in manifest.read(data_dir).segments}:
        message = f"{path} was replaced after it was listed"
        raise GoneError(message, "take the listing anew")
