"""Asks a backend who it is: `/v1/models` of an OpenAI-compatible server, `/v2` of an inference server."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

from breakeven.schema.policy import Backend

_OK = 200
_NAMED = 5
_MAX_BYTES = 1 << 20


def identity(backend: Backend, key: str, timeout_s: float) -> tuple[str, str]:
    """What the backend says it is, or ("", what is wrong)."""
    try:
        parts = urlsplit(backend.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return "", "is not an http or https URL"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=timeout_s)
    except ValueError as error:
        return "", f"is not a URL: {error}"
    try:
        connection.request("GET", path(backend), headers={"authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return _read(backend, response.status, response.read(_MAX_BYTES))
    except (OSError, http.client.HTTPException) as error:
        return "", f"does not answer: {type(error).__name__}: {error}"
    finally:
        connection.close()


def path(backend: Backend) -> str:
    """Where it is asked; a base URL may or may not end in the protocol's prefix."""
    prefix, tail = ("/v2", "") if backend.kind == "oip" else ("/v1", "/models")
    base = urlsplit(backend.base_url).path.rstrip("/")
    return (base if base.endswith(prefix) else base + prefix) + tail


def _read(backend: Backend, status: int, body: bytes) -> tuple[str, str]:
    if status != _OK:
        return "", f"answers HTTP {status} at {path(backend)}"
    try:
        said = json.loads(body)
    except ValueError:
        return "", f"answers {path(backend)}, but not with JSON"
    if not isinstance(said, dict):
        return "", f"answers {path(backend)} with something that is no JSON object"
    if backend.kind == "oip":
        return f"is {said.get('name', 'nameless')} {said.get('version', '')}".rstrip(), ""
    models = said.get("data")
    if not isinstance(models, list):
        return "", f"answers {path(backend)} without a list of models"
    names = [str(one.get("id")) for one in models if isinstance(one, dict)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"serves {', '.join(names[:_NAMED]) or 'no model'}{more}", ""
