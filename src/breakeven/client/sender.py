"""Sends batches of events over one kept-alive connection, with bounded retries."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from breakeven.errors import BackendError, UsageError
from breakeven.schema.noun import Noun

_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SPLIT = frozenset({400, 413, 422})
_MULTIPLE = 300


class Options(Noun, frozen=True, kw_only=True):
    """How events are sent. Seconds and counts.

    `source` names the application; (`source`, event id) identify an event, so keep it the same across restarts where
    you choose event ids yourself. `capacity` bounds the queue: events beyond it are dropped and counted. `strict`: what
    cannot be meant, or not be sent by `close`, is raised; else it is counted, and nothing of tracking reaches the
    request that it is about. `consent` is what events say that state none of their own.
    """

    source: str = "urn:breakeven:client"
    batch: int = 100
    capacity: int = 10_000
    interval_s: float = 1.0
    attempts: int = 5
    backoff_s: float = 0.1
    backoff_max_s: float = 5.0
    timeout_s: float = 10.0
    strict: bool = False
    consent: str | None = None


class Sender:
    """One connection to one gateway; not to be shared between threads without a lock."""

    def __init__(self, base_url: str, key: str | None, options: Options) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"{base_url!r} is not the URL of a gateway"
            raise UsageError(message, "write it as http://host:port or https://host")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=options.timeout_s)
        self._path = parts.path.rstrip("/") + "/events"
        self._headers = {"content-type": "application/cloudevents-batch+json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        self._place = base_url
        self._options = options

    def send(self, batch: Sequence[bytes], hurry: threading.Event) -> tuple[int, str]:
        """How many events of the batch were accepted, and what was wrong with the others.

        The same bytes go out on every attempt, so a retry never counts twice. A batch that is refused as such is sent
        again in halves, so that one bad event costs only itself. `hurry` set: nobody waits out a backoff any more.

        Raises:
            BackendError: no attempt got an answer that settles the batch.
        """
        status, answer = self._settled(batch, hurry)
        if status in _SPLIT and len(batch) > 1:
            middle = len(batch) // 2
            (first, problem), (second, other) = self.send(batch[:middle], hurry), self.send(batch[middle:], hurry)
            return first + second, other or problem
        return _count(status, answer, len(batch))

    def _settled(self, batch: Sequence[bytes], hurry: threading.Event) -> tuple[int, str]:
        body = b"[" + b",".join(batch) + b"]"
        problem = ""
        for attempt in range(self._options.attempts):
            if attempt:
                hurry.wait(self._pause_s(attempt))
            status, answer = self._post(body)
            if status and status not in _RETRY:
                return status, answer
            problem = f"HTTP {status}" if status else answer
        message = (
            f"{len(batch)} events could not be sent to {self._place} in {self._options.attempts} attempts: {problem}"
        )
        raise BackendError(message, "check that the gateway runs there; the events stay queued for the next flush")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _post(self, body: bytes) -> tuple[int, str]:
        try:
            self._connection.request("POST", self._path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return 0, f"{type(error).__name__}: {error}"

    def _pause_s(self, attempt: int) -> float:
        """Exponential backoff with full jitter, so that many clients do not come back at once."""
        ceiling = min(self._options.backoff_max_s, self._options.backoff_s * 2.0**attempt)
        return random.SystemRandom().uniform(0, ceiling)


def _count(status: int, answer: str, size: int) -> tuple[int, str]:
    """Events accepted, and what a gateway that took some and refused others said (`rejected`: a number or a list)."""
    if status >= _MULTIPLE:
        return 0, f"HTTP {status}: {answer[:500]}"
    try:
        said = json.loads(answer)
    except ValueError:
        return size, ""
    refused = said.get("rejected", 0) if isinstance(said, dict) else 0
    count = min(size, len(refused) if isinstance(refused, list) else int(refused))
    return size - count, answer[:500] if count else ""
