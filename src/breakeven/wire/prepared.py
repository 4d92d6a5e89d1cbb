"""What of a request's head is the same every time, made once."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.errors import UsageError
from breakeven.wire.address import Origin, address

Headers = Sequence[tuple[str, str]]
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Prepared:
    """Method, target and fixed headers, already bytes; it may hold a key, so it has no repr of its contents."""

    __slots__ = ("bodiless", "head", "origin", "place", "sized")

    def __init__(self, origin: Origin, head: bytes, method: str) -> None:
        self.origin = origin
        self.place = str(origin)
        self.head = head
        self.bodiless = method == "HEAD"
        self.sized = method in _WITH_BODY

    def encode(self, headers: Headers, body: bytes) -> bytes:
        """The whole request, with headers of its own.

        Raises:
            UsageError: a header holds a line break or letters outside latin-1.
        """
        own = _lines(headers) if headers else b""
        if body or self.sized:
            return b"%s%scontent-length: %d\r\n\r\n%s" % (self.head, own, len(body), body)
        return b"%s%s\r\n" % (self.head, own)


def prepare(method: str, url: str, fixed_headers: Headers = ()) -> Prepared:
    """Take a URL apart and write the head, once per backend and path.

    Raises:
        ConfigError: the URL cannot be meant.
        UsageError: a header holds a line break or letters outside latin-1.
    """
    where = address(url)
    head = f"{method} {where.target} HTTP/1.1\r\nhost: {where.origin.authority}\r\n".encode("latin-1")
    return Prepared(where.origin, head + _lines(fixed_headers), method)


def _lines(headers: Headers) -> bytes:
    lines = []
    for name, value in headers:
        line = f"{name}: {value}"
        if "\n" in line or "\r" in line or "\0" in line:
            message = f"header {name!r} holds a line break or a zero byte"
            raise UsageError(message, "remove it")
        lines.append(line + "\r\n")
    try:
        return "".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        names = ", ".join(repr(name) for name, value in headers if not (name + value).isascii())
        message = f"header {names} holds letters outside latin-1"
        raise UsageError(message, "percent-encode them") from error
