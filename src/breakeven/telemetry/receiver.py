"""One OTLP receiver over HTTP: posts protobuf, and says whether to go on, to try again later, or to give a batch up."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote, urlsplit

from breakeven.errors import ConfigError
from breakeven.schema.noun import Noun

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_WAIT_S = 300.0
_LATER = frozenset({408, 429, 502, 503, 504})
_OK = range(200, 300)


class Answer(Noun, frozen=True, kw_only=True):
    """What became of a post; OTLP's specification says which statuses mean "later". `wait_s` was asked for."""

    verdict: Literal["taken", "later", "refused"]
    detail: str = ""
    wait_s: float = 0.0
    body: bytes = b""


class Receiver:
    """Where an endpoint such as `http://collector:4318` listens. One connection is kept; nothing is raised by `post`.

    Raises:
        ConfigError: the endpoint is no http(s) URL with a host.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        self._secure, self._host, self._port, self._prefix = _parts(endpoint)
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "breakeven", **headers}
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes) -> Answer:
        """Send one message and read the answer."""
        connection = self._connection or self._connect()
        try:
            connection.request("POST", self._prefix + path, body, self._headers)
            with connection.getresponse() as response:
                answer = _judged(response)
                kept = response.isclosed() and not response.will_close
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._connection = None
            return Answer(verdict="later", detail=f"{type(error).__name__}: {error}")
        self._connection = connection if kept else None
        if not kept:
            connection.close()
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)


def headers_from(variable: str) -> dict[str, str]:
    """Headers that an environment variable holds, as `OTEL_EXPORTER_OTLP_HEADERS` would: `name=value,name=value`.

    Raises:
        ConfigError: the variable is not set, or is written otherwise. Its value is not told.
    """
    if not variable:
        return {}
    text = os.environ.get(variable)
    if text is None:
        message = f"telemetry.headers_env names {variable}, which is not set"
        raise ConfigError(message, f"set {variable} to name=value,name=value, or leave headers_env out")
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = part.partition("=")
        clean = unquote(value.strip())
        if not name.strip() or not clean or not (name + clean).isprintable() or not (name + clean).isascii():
            message = f"the variable {variable} holds headers in another form than name=value,name=value"
            raise ConfigError(message, "percent-encode commas and other characters that HTTP headers do not take")
        found[name.strip().lower()] = clean
    return found


def _parts(endpoint: str) -> tuple[bool, str, int | None, str]:
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        message = f"telemetry.otlp_endpoint is {endpoint.rpartition('@')[2]!r}"
        raise ConfigError(
            message, "give the receiver's base URL, such as http://localhost:4318; keys go to headers_env"
        )
    return parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/")


def _judged(response: http.client.HTTPResponse) -> Answer:
    body = response.read(MAX_ANSWER_BYTES)
    if response.status in _OK:
        return Answer(verdict="taken", body=body)
    verdict: Literal["later", "refused"] = "later" if response.status in _LATER else "refused"
    return Answer(verdict=verdict, detail=f"HTTP {response.status}", wait_s=_wait_s(response.getheader("retry-after")))


def _wait_s(text: str | None) -> float:
    return min(float(text), MAX_WAIT_S) if text is not None and text.strip().isdecimal() else 0.0
