"""The head of a request: bytes in at any cut, method, path, headers and framing out. Pure; llhttp knows the grammar.

Stricter than RFC 9112 where leniency lets two parsers disagree: any Content-Length beside a Transfer-Encoding, a
repeated Content-Length even of the same value, a transfer coding other than chunked, folded lines, bare CR or LF, and
blanks around a header's name are refused, and so are repeated headers that may decide who asks for what.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import httptools

from breakeven.wire.http import HttpRequest
from breakeven.wire.refused import RefusedError, head_too_large, malformed
from breakeven.wire.server_context import ServerLimits

_END = b"\r\n\r\n"
_OWN_PREFIX = "x-breakeven-"
_SINGLE = frozenset(
    {"authorization", "content-length", "content-type", "expect", "host", "proxy-authorization", "x-api-key"}
)
_ABSOLUTE = re.compile(r"https?://([^/?#]+)(.*)", re.DOTALL | re.IGNORECASE)
_START_AROUND_TARGET = len(b"  HTTP/1.1")
_LONGEST_REST = 64
"""More than method, blanks and version of a request line take."""
_ONE = ord("1")
_COMMON = """
    accept accept-encoding accept-language authorization cache-control connection content-encoding content-length
    content-type cookie expect host origin referer traceparent tracestate transfer-encoding user-agent x-request-id
    x-breakeven-use-case x-breakeven-subject x-breakeven-session x-breakeven-deadline-ms x-breakeven-consent
    x-breakeven-region x-breakeven-device-class x-breakeven-channel x-breakeven-labels
"""
_NAMES = {form.encode(): name for name in _COMMON.split() for form in (name, name.title())}


class HeadReader:
    """Reads one head after another, the next after `reset`.

    Once `take` returned the end of a head, the attributes hold what it said: `length` is that of the body in bytes, -1
    for a chunked one; `keep_alive` whether the client wants to go on; `modern` whether it speaks HTTP/1.1, not 1.0;
    `expects` whether it waits for leave to send its body.
    """

    __slots__ = (
        "_limits",
        "_lines",
        "_parser",
        "_problem",
        "_start",
        "_tail",
        "_target",
        "_used_up",
        "expects",
        "headers",
        "keep_alive",
        "length",
        "method",
        "modern",
        "path",
        "query",
        "size",
    )

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._parser: Any = None
        self._used_up = True
        self.keep_alive = self.modern = False
        self.path = self.query = ""
        self.reset()

    def reset(self) -> None:
        """Forget the last head."""
        self.size = 0
        self.headers: dict[str, str] = {}
        self.method = ""
        self.length = 0
        self.expects = False
        self._target = self._tail = self._start = b""
        self._lines = 0
        self._problem: RefusedError | None = None

    def close(self) -> None:
        """Let go of the parser, which refers back to this."""
        self._parser = None

    def take(self, data: bytes) -> int:
        """Read on; returns how many bytes of `data` the head ends with, 0 while it is not whole.

        `data` must not begin with a line break when `size` is 0.

        Raises:
            RefusedError: malformed, ambiguous, or larger than the limits.
        """
        if self.size:
            return self._take_on(data)
        if self._used_up:
            self._parser = httptools.HttpRequestParser(self)
            self._used_up = False
        self._start = data
        found = data.find(_END)
        if found < 0:
            self._feed(data)
            self._tail = data[-3:]
            return 0
        end = found + len(_END)
        self._feed(data if end == len(data) else data[:end])
        self._conclude()
        return end

    def _take_on(self, data: bytes) -> int:
        joined = self._tail + data
        found = joined.find(_END)
        end = found + len(_END) - len(self._tail) if found >= 0 else 0
        piece = data[:end] if end else data
        if len(self._start) <= self._limits.target_bytes + _LONGEST_REST:
            self._start += piece
        self._feed(piece)
        self._tail = joined[-3:]
        if end:
            self._conclude()
        return end

    def _feed(self, piece: bytes) -> None:
        limits = self._limits
        self.size += len(piece)
        self._lines += piece.count(b"\n")
        if self.size > limits.header_bytes:
            raise head_too_large(self.size, limits.header_bytes, "bytes")
        if self._lines > limits.header_lines + 2:
            raise head_too_large(self._lines - 2, limits.header_lines, "lines")
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._used_up = True  # an upgrade may be ignored, and is
        except httptools.HttpParserError as error:
            raise self._problem or malformed(problem=str(error)) from None
        if len(self._target) > limits.target_bytes:
            raise self._too_long()
        if self._problem is not None:
            raise self._problem

    def _too_long(self) -> RefusedError:
        message = (
            f"the request's target has {len(self._target)} bytes or more, at most {self._limits.target_bytes} are taken"
        )
        return RefusedError(414, "target_too_long", message)

    @property
    def wants_no_body(self) -> bool:
        """Whether this is HEAD, as far as it can be told."""
        return self._start[:5] == b"HEAD "

    def request(self, body: bytes, *, received_s: float, time_s: float) -> HttpRequest:
        """The whole request, once its body is here too."""
        return HttpRequest(
            method=self.method,
            path=self.path,
            headers=self.headers,
            body=body,
            time_s=time_s,
            received_s=received_s,
            query=self.query,
        )

    def guessed_path(self) -> str:
        """The path as far as it can be told from a head that is not whole or not well-formed."""
        words = self._start[: self._limits.target_bytes].split(b" ", 2)
        target = words[1] if len(words) > 2 else b""  # noqa: PLR2004 - method, target, version
        return target.decode("latin-1").partition("?")[0]

    # What llhttp calls

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        if key in self.headers:
            self._repeat(key, text)
        else:
            self.headers[key] = text

    def _repeat(self, key: str, value: str) -> None:
        if key in _SINGLE or key.startswith(_OWN_PREFIX):
            self._problem = malformed(problem=f"header {key!r} comes twice")
        else:
            self.headers[key] += f", {value}"

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self.method = self._parser.get_method().decode()
        self.keep_alive = self._parser.should_keep_alive()

    # What the head says

    def _conclude(self) -> None:
        headers = self.headers
        self._read_version()
        if "transfer-encoding" in headers:
            self._check_coding()
            self.length = -1
            self._used_up = True
        elif "content-length" in headers:
            self.length = int(headers["content-length"])
            self._used_up = self._used_up or self.length > 0
        self._read_target()
        if "expect" in headers and self.length and self.modern:
            self._read_expectation()

    def _read_version(self) -> None:
        start = self._start
        line_end = start.find(b"\r\n")
        if not self.method or line_end != len(self.method) + len(self._target) + _START_AROUND_TARGET:
            raise malformed(problem="the request line is not method, target and version with one blank between")
        self.modern = start[line_end - 1] == _ONE
        if not self.modern and start[line_end - 3 : line_end] != b"1.0":
            message = f"the request speaks {start[line_end - 8 : line_end]!r}, HTTP/1.1 and HTTP/1.0 are served"
            raise RefusedError(505, "http_version", message)
        if self.modern and "host" not in self.headers:
            raise malformed(problem="header 'host' is missing")
        if self.method == "CONNECT":
            raise RefusedError(501, "not_implemented", "this is no proxy: CONNECT is not served")

    def _check_coding(self) -> None:
        coding = self.headers["transfer-encoding"]
        if "content-length" in self.headers or not self.modern:
            raise malformed(problem="transfer-encoding beside content-length, or in HTTP/1.0")
        if coding.lower() != "chunked":
            message = f"the body's transfer-encoding is {coding[:40]!r}, only chunked is served"
            raise RefusedError(501, "not_implemented", message)

    def _read_expectation(self) -> None:
        expected = self.headers["expect"]
        self.expects = expected.lower() == "100-continue"
        if not self.expects:
            message = f"the request expects {expected[:40]!r}, only 100-continue is served"
            raise RefusedError(417, "expectation_failed", message)

    def _read_target(self) -> None:
        target = self._target.decode("latin-1")
        if target[0] != "/":
            target = self._other_form(target)
        if "#" in target or not target.isascii():
            raise malformed(problem="the target holds a fragment or letters outside ASCII")
        path, _, self.query = target.partition("?")
        self.path = unquote(path) if "%" in path else path

    def _other_form(self, target: str) -> str:
        if target == "*" and self.method == "OPTIONS":
            return target
        match = _ABSOLUTE.fullmatch(target)
        if match is None:
            raise malformed(problem=f"the target is {target[:80]!r}")
        self.headers["host"] = match[1]
        return match[2] if match[2].startswith("/") else f"/{match[2]}"
