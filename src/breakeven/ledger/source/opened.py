"""Files as they come: plain or compressed, read as lines of a bounded length, never whole."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from breakeven.errors import LedgerError

LONGEST_LINE_BYTES = 16 * 1024 * 1024


def _zstd(path: Path) -> IO[bytes]:
    try:
        module = importlib.import_module("compression.zstd")
    except ImportError as error:
        message = f"{path}: this Python has no zstd (3.14 and later do)"
        raise LedgerError(message, f"unpack it: `zstd -d {path}`") from error
    return cast("IO[bytes]", module.open(path))


_OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {
    ".gz": lambda path: cast("IO[bytes]", gzip.open(path)),  # noqa: SIM115 - whoever opens it closes it
    ".xz": lambda path: cast("IO[bytes]", lzma.open(path)),  # noqa: SIM115 - as above
    ".bz2": lambda path: cast("IO[bytes]", bz2.open(path)),  # noqa: SIM115 - as above
    ".zst": _zstd,
}
COMPRESSED = tuple(_OPENERS)
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What reading a damaged file raises."""


def suffix_of(path: Path) -> str:
    """The ending that names the format, without that of the compression."""
    return (Path(path.stem) if path.suffix in _OPENERS else path).suffix.lower()


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked.

    Raises:
        LedgerError: there is no such file, or nothing here unpacks it.
    """
    if not path.is_file():
        message = f"{path}: no such file"
        raise LedgerError(message, "check the path")
    return _OPENERS[path.suffix](path) if path.suffix in _OPENERS else path.open("rb")


def lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Every line with its number from 1 and its end; None for one longer than `LONGEST_LINE_BYTES`, which is skipped.

    Raises:
        LedgerError: the file cannot be opened, or its compression is damaged: what came before was read.
    """
    number = 0
    try:
        with opened(path) as file:
            while line := file.readline(LONGEST_LINE_BYTES):
                number += 1
                long = len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n")
                yield number, None if long and _skip(file) else line
    except BROKEN as error:
        message = f"{path}:{number + 1}: cannot be read on: {error}"
        raise LedgerError(message, "the file is damaged or was cut off: fetch it again") from error


def _skip(file: IO[bytes]) -> bool:
    """Whether more of a line follows; it is passed over."""
    more = False
    while rest := file.readline(LONGEST_LINE_BYTES):
        more = True
        if rest.endswith(b"\n"):
            break
    return more
