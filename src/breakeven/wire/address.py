"""URLs as the pool needs them: who to connect to, and what to ask for."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from breakeven.errors import ConfigError
from breakeven.schema.noun import Noun

_HOST = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]*|[0-9A-Fa-f:]+[0-9A-Fa-f:.]*")
_PORTS = {"http": 80, "https": 443}


class Origin(Noun, frozen=True, kw_only=True):
    """Where a connection goes; connections are shared per origin."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


class Address(Noun, frozen=True, kw_only=True):
    """A URL taken apart; `target` is the path with its query."""

    origin: Origin
    target: str


@lru_cache(maxsize=1024)
def address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ConfigError: it is not an http or https URL with a host, or holds credentials, blanks or control characters.
    """
    problem = _problem(url)
    if problem:
        message = f"{url!r} is not a URL of a backend: {problem}"
        raise ConfigError(message, "write it as http://host:port/path or https://host/path")
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    target = parts.path or "/"
    return Address(
        origin=Origin(host=parts.hostname or "", port=parts.port or _PORTS[parts.scheme], tls=tls),
        target=f"{target}?{parts.query}" if parts.query else target,
    )


def _problem(url: str) -> str:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "it holds blanks, control characters or letters outside ASCII"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in _PORTS:
        return f"its scheme is {parts.scheme!r}, not http or https"
    if parts.username is not None or parts.password is not None:
        return "it holds credentials"
    if not parts.hostname:
        return "it names no host"
    return "" if _HOST.fullmatch(parts.hostname) else f"{parts.hostname!r} is no host's name or address"
