"""Request bodies, decoded as far as a decision needs and forwarded as they came."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from breakeven.gateway.decision.refusal import RequestError

Decoded = TypeVar("Decoded")
_NOT_ANSWER = frozenset({"user", "metadata", "id"})
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode(decoder: msgspec.json.Decoder[Decoded], body: bytes) -> Decoded:
    """Decode a body.

    Raises:
        RequestError: 400, with the position of malformed JSON or the path of a wrong field.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        field = str(error).partition("`$.")[2].rstrip("`")
        message = f"the body's field {field or '$'} is wrong: {error}"
        raise RequestError(message, "see the API's reference for its type", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        place = "" if "byte" in str(error) else f" (byte {len(body)})"
        message = f"the body is not JSON: {error}{place}"
        raise RequestError(message, "send UTF-8 JSON", field="body", kind="malformed_json") from None
    except RecursionError:
        message = "the body's JSON is nested too deeply"
        raise RequestError(message, "send it flatter", field="body", kind="malformed_json") from None


def replaced(body: bytes, fields: dict[str, Any]) -> bytes:
    """The body with top-level fields replaced (None removes one); every other value keeps its bytes."""
    raw: dict[str, Any] = dict(_raw_fields.decode(body))
    for name, value in fields.items():
        if value is None:
            raw.pop(name, None)
        else:
            raw[name] = value
    return msgspec.json.encode(raw)


def cache_key(body: bytes, *parts: str) -> str:
    """A key that is equal for bodies that ask the same, whatever the order of fields, the user or the request id.

    `parts` separate what must never share an answer: protocol, use case, policy's auth scope.
    """
    value: object = msgspec.json.decode(body)
    if isinstance(value, dict):
        value = {name: one for name, one in value.items() if name not in _NOT_ANSWER}
    digest = blake2b(digest_size=24)
    for part in parts:
        digest.update(part.encode() + b"\0")
    digest.update(msgspec.json.encode(value, order="sorted"))
    return digest.hexdigest()
