"""JSON values of a file one at a time: one a line, the elements of one array, or one after another over many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from breakeven.ledger.source.field import Bad
from breakeven.ledger.source.opened import LONGEST_LINE_BYTES, lines, opened

LARGEST_VALUE_BYTES = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_MARK = re.compile(rb'["\\\[\]{}\n]')
_OPEN, _SHUT = frozenset(b"[{"), frozenset(b"]}")
_CHUNK_BYTES = 1 << 20
_SHOWN = 60


class Value(NamedTuple):
    """The text of one value, and the line that it begins in (of an array's element: its place from 1)."""

    number: int
    text: bytes


def values(path: Path) -> Iterator[Value | Bad]:
    """Every value of the file; lines and values that are too long are told as bad and passed over.

    Raises:
        LedgerError: the file cannot be opened or unpacked.
    """
    head = _head(path)
    if head[:1] == b"[" or (head[:1] == b"{" and not _whole(head)):
        yield from _scanned(path, inside=head[:1] == b"[")
    else:
        yield from _by_line(path)


def _head(path: Path) -> bytes:
    """The first line that is not blank, or as much of it as a line may hold."""
    with opened(path) as file:
        line = file.readline(LONGEST_LINE_BYTES).removeprefix(_BOM)
        while line and not line.strip():
            line = file.readline(LONGEST_LINE_BYTES)
    return line.strip()


def _whole(line: bytes) -> bool:
    """Whether the braces of a line close in it: then each line is a value, damaged ones included."""
    depth, quoted, at = 0, False, 0
    for found in _MARK.finditer(line):
        if found.start() < at:
            continue
        mark = line[found.start()]
        if mark == _BACKSLASH:
            at = found.end() + 1
        elif mark == _QUOTE:
            quoted = not quoted
        elif not quoted:
            depth += (mark in _OPEN) - (mark in _SHUT)
    return depth == 0


_QUOTE, _BACKSLASH, _NEWLINE = b'"\\\n'


def _by_line(path: Path) -> Iterator[Value | Bad]:
    for number, line in lines(path):
        if line is None:
            reason = f"a line of more than {LONGEST_LINE_BYTES:,} bytes"
            yield Bad(file=str(path), number=number, reason=reason, way_out="write one object a line")
        elif text := line.removeprefix(_BOM if number == 1 else b"").strip():
            yield Value(number, text)


class _Scanner:
    """Finds where values begin and end, over chunks."""

    def __init__(self, path: Path, *, inside: bool) -> None:
        self.path, self.base = path, int(inside)
        self.kept = bytearray()
        self.depth = self.line = self.count = 0
        self.quoted = self.escaped = self.large = False
        self.began = 1
        self.empty = True

    def feed(self, chunk: bytes) -> Iterator[Value | Bad]:
        """The values that end in this chunk."""
        start = 0 if self.depth > self.base else None
        self.empty = self.empty and not chunk.strip(b" \t\r\n[]")
        for place in self._braces(chunk):
            if chunk[place] in _OPEN:
                if self.depth == self.base:
                    start, self.began = place, self.line + 1
                self.depth += 1
                continue
            self.depth -= 1
            if self.depth == self.base and start is not None:
                yield self._ended(chunk[start : place + 1])
                start = None
        if start is not None:
            self._keep(chunk[start:])

    def _braces(self, chunk: bytes) -> Iterator[int]:
        """Where braces and brackets stand that are in no text."""
        at = int(self.escaped)  # a chunk may end between a backslash and what it stands before
        self.escaped = False
        for found in _MARK.finditer(chunk):
            place = found.start()
            mark = chunk[place]
            if place < at:
                continue
            if self.quoted and mark == _BACKSLASH:
                at = place + 2
                self.escaped = at > len(chunk)
            elif mark == _QUOTE:
                self.quoted = not self.quoted
            elif mark == _NEWLINE:
                self.line += 1
            elif not self.quoted and mark != _BACKSLASH:
                yield place

    def _keep(self, part: bytes) -> None:
        self.large = self.large or len(self.kept) + len(part) > LARGEST_VALUE_BYTES
        self.kept = bytearray() if self.large else self.kept + part

    def _ended(self, part: bytes) -> Value | Bad:
        self._keep(part)
        text, large = bytes(self.kept), self.large
        self.kept, self.large = bytearray(), False
        self.count += 1
        place = self.count if self.base else self.began
        if large:
            return self._bad(place, f"a value of more than {LARGEST_VALUE_BYTES:,} bytes")
        return Value(place, text)

    def rest(self) -> Bad | None:
        """What the end of the file cut off."""
        if self.depth == 0 and not self.quoted:
            return None if self.count or self.empty else self._bad(1, "not an array of JSON objects")
        place = self.count + 1 if self.base else self.began
        shown = bytes(self.kept[:_SHOWN]).decode(errors="replace")
        return self._bad(place, f"the file ends inside a value: {shown!r}: it was cut off")

    def _bad(self, place: int, reason: str) -> Bad:
        way_out = "export the log again, as a JSON array or as one object a line"
        return Bad(file=str(self.path), number=place, reason=reason, way_out=way_out)


def _scanned(path: Path, *, inside: bool) -> Iterator[Value | Bad]:
    scanner = _Scanner(path, inside=inside)
    with opened(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield from scanner.feed(chunk)
    left = scanner.rest()
    if left is not None:
        yield left
