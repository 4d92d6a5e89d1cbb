"""CloudEvents 1.0.2 over HTTP (binary, structured, batched) to outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.refusal import RequestError, shown
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import EVENT_TYPES, Outcome, OutcomeKind
from breakeven.schema.record import Consent

STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
PLAIN = "text/plain"
MAX_BATCH, MAX_ATTRIBUTE, MAX_DATA_BYTES = 10_000, 1024, 64 * 1024
_CONSENTS: dict[str, Consent] = {"granted": "granted", "denied": "denied", "unknown": "unknown"}
REQUIRED = ("id", "source", "type", "specversion")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


class _Data(msgspec.Struct):
    value: float | None = None
    currency: str = ""
    stage: str = ""
    duration_s: float | None = None
    prediction_id: str = ""
    subject: str = ""
    use_case: str = ""
    consent: str = ""
    previous: str = ""


class _Named(msgspec.Struct):
    id: str = ""


_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_batches = msgspec.json.Decoder(list[msgspec.Raw])
_texts = msgspec.json.Decoder(str | int | float | bool | None)
_typed = msgspec.json.Decoder(_Data)
_named = msgspec.json.Decoder(_Named)
_kinds: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(float | None if name in {"value", "duration_s"} else str | None)
    for name in _Data.__struct_fields__
}


class Refused(Noun, frozen=True, kw_only=True):
    """An event of a batch that was not accepted: its place, its id where that can be read, and why."""

    index: int
    id: str
    attribute: str
    message: str


class Taken(Noun, frozen=True, kw_only=True):
    """What a request's events became: outcomes, and those of a batch that are none."""

    outcomes: tuple[Outcome, ...] = ()
    refused: tuple[Refused, ...] = ()


class Envelope(Noun, frozen=True, kw_only=True):
    """An event's attributes as text, and its data as the bytes they came in. `place` is where it stands in a batch."""

    place: str
    attributes: dict[str, str]
    data: bytes


def taken(headers: Mapping[str, str], body: bytes, *, tenant: str, received_s: float) -> Taken:
    """The events of a request, by its content type. One bad event of a batch costs only itself.

    `text/plain` is read as a batch: what a page may send without asking first.

    Raises:
        RequestError: 400, malformed JSON, no CloudEvent, a wrong attribute where it is the only event, or of every
            event of a batch (the first is named); 413, too many events.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in {BATCHED, PLAIN} or "ce-id" in headers:
        return Taken(outcomes=(outcome_of(_single(headers, body, media), tenant=tenant, received_s=received_s),))
    batch = decode(_batches, body)
    if len(batch) > MAX_BATCH:
        message = f"the batch holds {len(batch)} events"
        raise RequestError(message, f"send at most {MAX_BATCH}", status=413, field="body")
    found: list[Outcome] = []
    refused: list[Refused] = []
    first: RequestError | None = None
    for at, raw in enumerate(batch):
        try:
            found.append(outcome_of(_of_batch(raw, at), tenant=tenant, received_s=received_s))
        except RequestError as error:
            first = first or error
            refused.append(Refused(index=at, id=_id_of(raw), attribute=error.field, message=str(error)))
    if first is not None and not found:
        raise first
    return Taken(outcomes=tuple(found), refused=tuple(refused))


def _single(headers: Mapping[str, str], body: bytes, media: str) -> Envelope:
    if media == STRUCTURED:
        return _structured(decode(_objects, body), "")
    if "ce-specversion" not in headers and "ce-id" not in headers:
        message = f"the request is no CloudEvent: its content-type is {shown(media)} and it has no ce-id header"
        way_out = f"send {STRUCTURED}, {BATCHED}, or binary mode with ce-id, ce-source, ce-type and ce-specversion"
        raise RequestError(message, way_out, field="content-type")
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    return Envelope(place="ce-", attributes=attributes, data=body)


def _of_batch(raw: msgspec.Raw, at: int) -> Envelope:
    try:
        fields = _objects.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = f"the batch's event [{at}] is no JSON object: {shown(bytes(raw).decode(errors='replace'))}"
        raise RequestError(message, "send a CloudEvent", field=f"[{at}]", kind="invalid_event") from None
    return _structured(fields, f"[{at}].")


def _id_of(raw: msgspec.Raw) -> str:
    try:
        return _named.decode(raw).id[:MAX_ATTRIBUTE]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def outcome_of(event: Envelope, *, tenant: str, received_s: float) -> Outcome:
    """An outcome without its seat in the journal; `subject` is still as it was sent.

    Only the envelope is checked. What data say of the wrong type is left out here, and judged when it is sealed.

    Raises:
        RequestError: 400, naming the attribute, its value and the way out.
    """
    said, place = event.attributes, event.place
    for name in REQUIRED:
        _attribute(said, name, place, required=True)
    if said["specversion"] != "1.0":
        raise _bad(place, "specversion", said["specversion"], "send 1.0")
    data = _data(event)
    prediction_id = _attribute(said, "predictionid", place) or data.prediction_id
    subject = _attribute(said, "subject", place) or data.subject
    kind = EVENT_TYPES.get(said["type"], "custom")
    consent = _consent(said, place, data.consent)
    if kind == "consent":
        consent = _CONSENTS.get(data.consent, consent)
    hidden = consent == "denied" and kind != "consent"
    return Outcome(
        event_id=said["id"],
        source=said["source"],
        kind=kind,
        event_type=said["type"],
        time_s=_time_s(said, place) if "time" in said else received_s,
        received_s=received_s,
        node="",
        sequence=0,
        tenant=tenant,
        prediction_id=prediction_id,
        subject="" if hidden else subject,
        previous=data.previous if kind == "identify" and not hidden else "",
        use_case=_attribute(said, "usecase", place) or data.use_case,
        value=data.value,
        currency=data.currency,
        stage=data.stage,
        duration_s=data.duration_s,
        consent=consent,
        data=_kept(event.data, hidden=hidden, kind=kind),
    )


def _kept(data: bytes, *, hidden: bool, kind: OutcomeKind) -> str:
    """The data as they came, less what names somebody where consent was denied, and an earlier id in the clear."""
    names = {"subject", "session", "previous"} if hidden else {"previous"} if kind == "identify" else set()
    if not names or not data:
        return data.decode(errors="replace")
    try:
        fields = _objects.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return msgspec.json.encode({name: raw for name, raw in fields.items() if name not in names}).decode()


def _structured(fields: dict[str, msgspec.Raw], place: str) -> Envelope:
    if "data_base64" in fields:
        raise _bad(place, "data_base64", "...", "send data as JSON")
    data = bytes(fields.pop("data", b""))
    attributes: dict[str, str] = {}
    for name, raw in fields.items():
        try:
            value: Any = _texts.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _bad(place, name, bytes(raw).decode(errors="replace"), "send a string") from None
        if value is not None:
            attributes[name] = value if isinstance(value, str) else bytes(raw).decode()
    return Envelope(place=place, attributes=attributes, data=data)


def _data(event: Envelope) -> _Data:
    if not event.data or event.data == b"null":
        return _Data()
    if len(event.data) > MAX_DATA_BYTES:
        raise _bad(event.place, "data", f"{len(event.data)} bytes", f"send at most {MAX_DATA_BYTES} bytes")
    try:
        return _typed.decode(event.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _lenient(event.data)


def _lenient(data: bytes) -> _Data:
    """The fields of the right type, so that one wrong field hides none of the others."""
    found = _Data()
    try:
        fields = _objects.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return found
    for name, decoder in _kinds.items():
        try:
            value = decoder.decode(fields[name])
        except (KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if value is not None:
            setattr(found, name, value)
    return found


def _attribute(said: dict[str, str], name: str, place: str, *, required: bool = False) -> str:
    value = said.get(name, "")
    if (required and not value) or len(value) > MAX_ATTRIBUTE or not value.isprintable():
        raise _bad(place, name, value, f"send {'1' if required else '0'} to {MAX_ATTRIBUTE} printable characters")
    return value


def _time_s(said: dict[str, str], place: str) -> float:
    value = said["time"]
    if _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).timestamp()
        except (ValueError, OverflowError):
            pass
    raise _bad(place, "time", value, "send an RFC 3339 time such as 2026-11-24T12:00:00Z")


def _consent(said: dict[str, str], place: str, data: str) -> Consent:
    value = _attribute(said, "consent", place)
    if value and value not in _CONSENTS:
        raise _bad(place, "consent", value, "send granted, denied or unknown")
    return _CONSENTS.get(value or data, "unknown")


def _bad(place: str, name: str, value: str, way_out: str) -> RequestError:
    message = f"the event's attribute {place}{name} is {shown(value) if value else 'missing'}"
    return RequestError(message, way_out, field=f"{place}{name}", kind="invalid_event")
