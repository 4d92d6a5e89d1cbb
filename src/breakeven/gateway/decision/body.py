"""Request bodies, decoded as far as a decision needs and forwarded as they came."""

from __future__ import annotations

import re
from hashlib import blake2b
from math import copysign
from typing import Any, TypeVar

import msgspec

from breakeven.gateway.decision.refusal import RequestError

Decoded = TypeVar("Decoded")
EXACT = 2**53
"""Below it every whole number is its own double, so that 3.0 and 3 cannot mean different numbers."""
SHOWN = 80
SHOWABLE_BYTES = 64 * 1024
"""A longer body is not decoded a second time to show what is wrong in it."""
_NOT_ANSWER = frozenset(
    {"user", "safety_identifier", "metadata", "id", "request_id", "prompt_cache_key", "breakeven_subjects"}
)
_AT = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.+?)`")
_STEPS = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_outside = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw])
_whole = msgspec.json.Decoder(Any)


def decode(decoder: msgspec.json.Decoder[Decoded], body: bytes, *, at: str = "") -> Decoded:
    """Decode a body, or the part of one that stands in the field `at`.

    A decoder does not look into what it skips, which may be rewritten or forwarded all the same: it must be UTF-8, and
    the body's names must be text (no half of a surrogate pair).

    Raises:
        RequestError: 400, with the position of malformed JSON, or the path of a wrong field and its value.
    """
    try:
        if not body.isascii():
            str(body, "utf-8")
        found = decoder.decode(body)
        if not at and b"\\u" in body:
            _outside.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), body, at) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        place = "" if "byte" in str(error) else f" (byte {len(body)})"
        message = f"the body is not JSON: {error}{place}"
        raise RequestError(message, "send UTF-8 JSON", field=at or "body", kind="malformed_json") from None
    except RecursionError:
        message = "the body's JSON is nested too deeply"
        raise RequestError(message, "send it flatter", field=at or "body", kind="malformed_json") from None
    return found


def _wrong(said: str, body: bytes, at: str) -> RequestError:
    found = _AT.search(said)
    path, what = (found[1], said[: found.start()]) if found else ("", said)
    field = f"{at}{path}".removeprefix(".")
    if missing := _MISSING.fullmatch(what):
        field = f"{field}.{missing[1]}".removeprefix(".")
        return RequestError(f"the body has no {field}", "add it; the API's reference says what it holds", field=field)
    wanted = what.removeprefix("Expected ").partition(", got")[0].replace("`", "").replace(" | ", " or ")
    way_out = f"send {wanted}" if what.startswith("Expected") else "see the API's reference for its type"
    place = f"the body's field {field}" if field else "the body"
    return RequestError(f"{place} is {_value_at(body, path)}: {what}", way_out, field=field or "body")


def _value_at(body: bytes, path: str) -> str:
    """What stands at a path, for an error; the path ends where a key's name is not told."""
    if len(body) > SHOWABLE_BYTES:
        return "wrong"
    try:
        value: Any = _whole.decode(body)
        for name, position in _STEPS.findall(path.partition("[...]")[0]):
            value = value[int(position)] if position else value[name]
        text = msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, LookupError, TypeError):
        return "wrong"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


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
    """A key that is equal for bodies that ask for the same answer, and stable across processes.

    Order of fields, blanks, escapes and a parameter's spelling (0.50 and 5e-1; 1 and 1.0) do not matter; neither do
    fields that no answer depends on: who asks, ids, notes, `null`, `stream: false`, and options of a stream where none
    is asked for. Deeper inside, 1 and 1.0 are kept apart, since a prompt's template prints them and a tensor's type may
    refuse one; so is -0.0 from 0 everywhere. `parts` separate what must never share an answer: protocol, use case,
    policy, scope of the credentials, model. The tenant is no part: its answers lie in a partition of their own.

    Raises:
        RequestError: 400, the body is not JSON through and through.
    """
    value: object = decode(_whole, body)
    if isinstance(value, dict):
        value = _relevant(value)
    digest = blake2b(msgspec.json.encode(parts), digest_size=24)
    digest.update(msgspec.json.encode(value, order="sorted"))
    return digest.hexdigest()


def _relevant(fields: dict[str, object]) -> dict[str, object]:
    kept = {name: _number(value) for name, value in fields.items() if value is not None and name not in _NOT_ANSWER}
    if kept.get("stream") is not True:
        kept.pop("stream_options", None)
        if kept.get("stream") is False:
            del kept["stream"]
    return kept


def _number(value: object) -> object:
    """A whole float as the integer that it is; a negative zero keeps its sign, since a model may see it."""
    if not isinstance(value, float) or not value.is_integer() or abs(value) >= EXACT:
        return value
    return value if value == 0 and copysign(1, value) < 0 else int(value)
