"""Server-sent events, incrementally: bytes in at any cut, whole events out, and back. Pure.

The grammar is that of the HTML standard, section 9.2: lines end in CR LF, LF or CR; a blank line ends an event; a line
that begins with a colon is a comment; several `data` lines are joined with LF.
"""

from __future__ import annotations

import re

from breakeven.schema.noun import Noun
from breakeven.wire.failure import ProtocolError, protocol_error

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

    __slots__ = ("_buffer", "_limit", "_place", "_scanned", "_skip_lf", "_started", "broken", "swallowed")

    def __init__(self, place: str = "the stream", max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._place = place
        self._limit = max_event_bytes
        self._buffer = b""
        self._scanned = 0
        self._skip_lf = False
        self._started = False
        self.broken: ProtocolError | None = None
        """Why no more can be read: an event was too large, and what came before it has been handed over."""
        self.swallowed = False
        """Whether the last read began with the LF of an event that was handed over before."""

    @property
    def pending(self) -> bytes:
        """What came after the last whole event: not empty at the end of a stream that was cut."""
        return self._buffer

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order. Their raw bytes are the stream's, less a byte order mark.

        An event that ended in CR is handed over at once; should its LF come later, it is `swallowed`.

        Raises:
            ProtocolError: an event exceeds the limit. Those before it are handed over first.
        """
        if self.broken is not None:
            raise self.broken
        self.swallowed = False
        if self._is_plain(data):
            return [_plain_block(block) for block in data[:-2].split(b"\n\n")]
        buffer = self._buffer + data
        if not self._started:
            if _BOM.startswith(buffer):
                self._buffer = buffer
                return []
            buffer, self._started = buffer.removeprefix(_BOM), True
        events: list[Event] = []
        if self._skip_lf and buffer:
            self._skip_lf = False
            self.swallowed = buffer.startswith(b"\n")
            buffer = buffer.removeprefix(b"\n")
        self._split(buffer, events)
        if self.broken is not None and not events:
            raise self.broken
        return events

    def _split(self, buffer: bytes, events: list[Event]) -> None:
        start, scan = 0, self._scanned
        while match := _BLANK_LINE.search(buffer, scan):
            end = match.end()
            if end - start > self._limit:
                self.broken = self._too_large()
                return
            raw = buffer[start:end]
            self._skip_lf = raw.endswith(b"\r") and end == len(buffer)
            events.append(_parse_block(raw))
            start = scan = end
        self._buffer = buffer[start:]
        self._scanned = max(0, len(self._buffer) - _OVERLAP)
        if len(self._buffer) > self._limit:
            self.broken = self._too_large()

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

    def _too_large(self) -> ProtocolError:
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
