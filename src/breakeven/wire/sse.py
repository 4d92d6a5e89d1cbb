"""Server-sent events, incrementally: bytes in at any cut, whole events out, and back. Pure.

The grammar is that of the HTML standard, section 9.2: lines end in CR LF, LF or CR; a blank line ends an event; a line
that begins with a colon is a comment; several `data` lines are joined with LF.
"""

from __future__ import annotations

import re

from breakeven.schema.noun import Noun
from breakeven.wire.failure import protocol_error

MAX_EVENT_BYTES = 4 * 1024 * 1024
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_BOM = b"\xef\xbb\xbf"
_OVERLAP = 3


class Event(Noun, frozen=True, kw_only=True):
    """One event. `raw` are its own bytes, blank line included; `data` is None for a block without data lines."""

    raw: bytes
    data: bytes | None = None
    name: bytes = b"message"
    id: bytes = b""
    comments: tuple[bytes, ...] = ()


class Parser:
    """Splits a byte stream into events, whatever the cuts.

    Args:
        place: whose stream it is, for errors.
        max_event_bytes: an event larger than this is malformed.
    """

    __slots__ = ("_buffer", "_limit", "_place", "_scanned", "_skip_lf", "_started")

    def __init__(self, place: str = "the stream", max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._place = place
        self._limit = max_event_bytes
        self._buffer = b""
        self._scanned = 0
        self._skip_lf = False
        self._started = False

    @property
    def pending(self) -> bytes:
        """What came after the last whole event: not empty at the end of a stream that was cut."""
        return self._buffer

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order.

        Raises:
            ProtocolError: an event exceeds the limit.
        """
        if self._is_plain(data):
            return [_plain_block(block) for block in data[:-2].split(b"\n\n")]
        buffer = self._buffer + data
        if self._skip_lf and buffer:
            buffer, self._skip_lf = buffer.removeprefix(b"\n"), False
        if not self._started and len(buffer) >= len(_BOM):
            buffer, self._started = buffer.removeprefix(_BOM), True
        events: list[Event] = []
        start, scan = 0, self._scanned
        while match := _BLANK_LINE.search(buffer, scan):
            start = self._cut(buffer, start, match.end(), events)
            scan = start
        self._keep(buffer[start:])
        return events

    def _is_plain(self, data: bytes) -> bool:
        """Whether these bytes are whole events whose lines end in LF, as nearly all are: they need no search."""
        return (
            not self._buffer
            and self._started
            and not self._skip_lf
            and data.endswith(b"\n\n")
            and not data.endswith(b"\n\n\n")
            and b"\r" not in data
            and len(data) <= self._limit
        )

    def _cut(self, buffer: bytes, start: int, end: int, events: list[Event]) -> int:
        raw = buffer[start:end]
        if len(raw) > self._limit:
            raise self._too_large()
        self._skip_lf = raw.endswith(b"\r") and end == len(buffer)
        events.append(_parse_block(raw))
        return end

    def _keep(self, rest: bytes) -> None:
        if len(rest) > self._limit:
            raise self._too_large()
        self._buffer = rest
        self._scanned = max(0, len(rest) - _OVERLAP)

    def _too_large(self) -> Exception:
        return protocol_error(self._place, f"a server-sent event of more than {self._limit} bytes")


def _plain_block(block: bytes) -> Event:
    """A block less the line ends that close it; most are one data line."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return Event(raw=block + b"\n\n", data=block[6:])
    return _parse_block(block + b"\n\n")


def _parse_block(raw: bytes) -> Event:
    data: list[bytes] = []
    comments: list[bytes] = []
    fields: dict[bytes, bytes] = {}
    for line in raw.splitlines():
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif line.startswith(b":"):
            comments.append(value)
        elif name in {b"event", b"id"}:
            fields[name] = value
    return Event(
        raw=raw,
        data=b"\n".join(data) if data else None,
        name=fields.get(b"event") or b"message",
        id=fields.get(b"id", b""),
        comments=tuple(comments),
    )


def encode(data: bytes, *, name: bytes = b"") -> bytes:
    """One event as bytes; every line of `data` becomes a data line."""
    head = b"event: " + name + b"\n" if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in _lines(data)) + b"\n"


def comment(text: bytes) -> bytes:
    """A comment block, which clients ignore."""
    return b"".join(b": " + line + b"\n" for line in _lines(text)) + b"\n"


def _lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
