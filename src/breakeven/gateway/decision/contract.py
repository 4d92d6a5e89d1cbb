"""The request contract: what a request says about itself in `x-breakeven-*` headers or the body's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from operator import methodcaller
from typing import get_args
from unicodedata import normalize

from breakeven.gateway.decision.refusal import RequestError, shown
from breakeven.schema.noun import Noun
from breakeven.schema.record import Consent

PREFIX = "x-breakeven-"
METADATA_PREFIX = "breakeven_"
LENGTHS = {"use-case": 128, "subject": 256, "session": 256, "region": 64, "device-class": 64, "channel": 64}
NAMES = (*LENGTHS, "deadline-ms", "consent", "labels")
MAX_LABELS, MAX_LABEL_KEY, MAX_LABEL_VALUE, MAX_LABELS_LENGTH = 8, 64, 128, 2048
MAX_DEADLINE_MS = 86_400_000.0
CONSENTS: tuple[str, ...] = get_args(Consent)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


class Contract(Noun, frozen=True, kw_only=True):
    """What was said; empty where nothing was. `deadline_s` is the time left at receipt, in seconds."""

    use_case: str = ""
    subject: str = ""
    subject_kind: str = ""
    session: str = ""
    deadline_s: float | None = None
    consent: Consent = "unknown"
    region: str = ""
    device_class: str = ""
    channel: str = ""
    labels: dict[str, str] = {}
    trace_id: str = ""
    parent_span_id: str = ""


_SILENT = Contract()
_is_ours = methodcaller("startswith", PREFIX)


def contract_of(headers: Mapping[str, str], *, user: str = "", metadata: Mapping[str, str] | None = None) -> Contract:
    """Read the contract. A header wins over metadata, an explicit subject over the body's `user`.

    Args:
        headers: lower-case names; values as latin-1 text, in which UTF-8 is recognised.
        user: the OpenAI body's `user`.
        metadata: the OpenAI body's `metadata`; its `breakeven_*` keys count, with underscores for hyphens.

    Raises:
        RequestError: 400, naming header or key, value and way out.
    """
    if not user and not metadata and not any(map(_is_ours, headers)):
        if "traceparent" not in headers:
            return _SILENT
        trace_id, parent_span_id = trace_of(headers["traceparent"])
        return Contract(trace_id=trace_id, parent_span_id=parent_span_id)
    said = {name: (f"{PREFIX}{name}", value) for name, value in _from_headers(headers)}
    for key, value in (metadata or {}).items():
        if key.startswith(METADATA_PREFIX):
            place = f"metadata.{key}"
            said.setdefault(_known(key.removeprefix(METADATA_PREFIX).replace("_", "-"), place), (place, value))
    kind = said["subject"][0] if "subject" in said else ""
    if user and not kind:
        said["subject"], kind = ("user", user), "user"
    trace_id, parent_span_id = trace_of(headers.get("traceparent", ""))
    texts = {name: _text(*said[name], limit) for name, limit in LENGTHS.items() if name in said}
    return Contract(
        use_case=texts.get("use-case", ""),
        subject=texts.get("subject", ""),
        subject_kind={"user": "user", f"{PREFIX}subject": "header"}.get(kind, "metadata" if kind else ""),
        session=texts.get("session", ""),
        deadline_s=_deadline(*said["deadline-ms"]) if "deadline-ms" in said else None,
        consent=_consent(*said["consent"]) if "consent" in said else "unknown",
        region=texts.get("region", ""),
        device_class=texts.get("device-class", ""),
        channel=texts.get("channel", ""),
        labels=_labels(*said["labels"]) if "labels" in said else {},
        trace_id=trace_id,
        parent_span_id=parent_span_id,
    )


def trace_of(traceparent: str) -> tuple[str, str]:
    """The trace id and the caller's span of a W3C traceparent; "" when it is absent or invalid, as W3C asks."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or traceparent.startswith("ff") or not found[1].strip("0") or not found[2].strip("0"):
        return "", ""
    return found[1], found[2]


def _from_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (_known(name[len(PREFIX) :], name), _utf8(name, value))
        for name, value in headers.items()
        if name.startswith(PREFIX)
    ]


def _known(name: str, place: str) -> str:
    if name in NAMES:
        return name
    close = get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {place.replace(name, close[0])}?" if close else f"known are {', '.join(NAMES)}"
    message = f"{shown(place)} is not part of the request contract"
    raise RequestError(message, hint, field=place)


def _utf8(place: str, value: str) -> str:
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        message = f"{place} is not UTF-8: {shown(value)}"
        raise RequestError(message, "send it as UTF-8 or ASCII", field=place) from None


def _text(place: str, value: str, limit: int) -> str:
    text = value if value.isascii() else normalize("NFC", value)
    if len(text) > limit or not text.isprintable():
        message = f"{place} is {shown(text)}, of {len(text)} characters"
        raise RequestError(message, f"send at most {limit} printable characters", field=place)
    return text.strip()


def _deadline(place: str, value: str) -> float:
    try:
        left_ms = float(value)
    except ValueError:
        left_ms = -1.0
    if not isfinite(left_ms) or not 0 <= left_ms <= MAX_DEADLINE_MS:
        message = f"{place} is {shown(value)}"
        raise RequestError(message, f"send the milliseconds left at receipt, 0 to {MAX_DEADLINE_MS:.0f}", field=place)
    return left_ms / 1000


def _consent(place: str, value: str) -> Consent:
    for known in ("granted", "denied", "unknown"):
        if value == known:
            return known
    message = f"{place} is {shown(value)}"
    raise RequestError(message, f"send one of {', '.join(CONSENTS)}", field=place)


def _labels(place: str, value: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in value[:MAX_LABELS_LENGTH].split(","):
        key, equals, text = (part.strip() for part in pair.partition("="))
        fits = 0 < len(key) <= MAX_LABEL_KEY and len(text) <= MAX_LABEL_VALUE and pair.isprintable()
        if not equals or not fits or key in labels:
            message = f"{place} has the pair {shown(pair)}"
            way_out = (
                f"send k=v,k=v with different keys of 1 to {MAX_LABEL_KEY} characters, values to {MAX_LABEL_VALUE}"
            )
            raise RequestError(message, way_out, field=place)
        labels[key] = text
    if len(labels) > MAX_LABELS or len(value) > MAX_LABELS_LENGTH:
        message = f"{place} has {len(labels)} labels in {len(value)} characters"
        raise RequestError(message, f"send at most {MAX_LABELS} in {MAX_LABELS_LENGTH} characters", field=place)
    return labels
