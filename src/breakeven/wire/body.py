"""The body of a request, bytes in at any cut: of a length told before, or in chunks (RFC 9112, section 7.1). Pure."""

from __future__ import annotations

import re

from breakeven.wire.refused import RefusedError, body_too_large, head_too_large, malformed

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_NEVER_LAST = frozenset({b"content-length", b"host", b"transfer-encoding"})
"""A trailer must not say what frames or addresses a request (RFC 9110, section 6.5.1)."""

MAX_LINE_BYTES = 4096
MAX_EXTRA_BYTES = 64 * 1024
"""Extensions and trailers of one body together; sizes themselves are not counted."""

_AT_SIZE, _AT_DATA, _AT_DATA_END, _AT_TRAILER = range(4)


class LengthReader:
    """Takes a body of `length` bytes; `whole` is true once they are here."""

    __slots__ = ("_body", "_left", "whole")

    def __init__(self, length: int) -> None:
        self.whole = not length
        self._left = length
        self._body = bytearray()

    def __len__(self) -> int:
        """Bytes that are held."""
        return len(self._body)

    def body(self) -> bytes:
        """The data so far."""
        return bytes(self._body)

    def take(self, data: bytes) -> int:
        """Read on; returns how many bytes of `data` belong to the body."""
        piece = data[: self._left]
        self._body += piece
        self._left -= len(piece)
        self.whole = not self._left
        return len(piece)


class ChunkedReader:
    """Takes a chunked body apart, and drops extensions and trailers; `whole` is true once its end was seen.

    Args:
        limit: the largest body, in bytes of data.
    """

    __slots__ = ("_body", "_extra", "_left", "_limit", "_line", "_state", "whole")

    def __init__(self, limit: int) -> None:
        self.whole = False
        self._limit = limit
        self._body = bytearray()
        self._state = _AT_SIZE
        self._left = 0
        self._line = b""
        self._extra = 0

    def __len__(self) -> int:
        """Bytes that are held."""
        return len(self._body) + len(self._line)

    def body(self) -> bytes:
        """The data so far."""
        return bytes(self._body)

    def take(self, data: bytes) -> int:
        """Read on; returns how many bytes of `data` belong to the body, all of them while it is not whole.

        Raises:
            RefusedError: malformed, or larger than the limits.
        """
        at = 0
        while at < len(data) and not self.whole:
            at = self._take_data(data, at) if self._state == _AT_DATA else self._take_line(data, at)
        return at

    def _take_data(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._left]
        self._body += piece
        self._left -= len(piece)
        if not self._left:
            self._state = _AT_DATA_END
        return at + len(piece)

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        self._line += data[at : end or len(data)]
        if len(self._line) > MAX_LINE_BYTES:
            raise malformed(problem=f"a line of more than {MAX_LINE_BYTES} bytes between chunks")
        if not end:
            return len(data)
        line, self._line = self._line, b""
        if self._state == _AT_SIZE:
            self._begin_chunk(line)
        elif self._state == _AT_DATA_END:
            self._end_chunk(line)
        else:
            self._trailer(line)
        return end

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise malformed(problem=f"the size of a chunk is {line[:40]!r}")
        self._count(len(line) - len(match[1]) - 2)
        self._left = int(match[1], 16)
        if len(self._body) + self._left > self._limit:
            raise body_too_large(len(self._body) + self._left, self._limit)
        self._state = _AT_DATA if self._left else _AT_TRAILER

    def _end_chunk(self, line: bytes) -> None:
        if line != b"\r\n":
            raise malformed(problem="a chunk is longer than its size")
        self._state = _AT_SIZE

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.whole = True
        elif _TRAILER.fullmatch(line) is None or line.partition(b":")[0].lower() in _NEVER_LAST:
            raise malformed(problem=f"a trailer is {line[:40]!r}")
        self._count(len(line))

    def _count(self, extra: int) -> None:
        self._extra += extra
        if self._extra > MAX_EXTRA_BYTES:
            raise self._too_much()

    def _too_much(self) -> RefusedError:
        return head_too_large(self._extra, MAX_EXTRA_BYTES, "bytes of chunk extensions and trailers")
