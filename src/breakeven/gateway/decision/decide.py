"""Decisions among candidates: from a subject, features and candidates to one tensor for the model."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from operator import itemgetter
from typing import Any
from unicodedata import normalize

import msgspec

from breakeven.gateway.decision.body import decode
from breakeven.gateway.decision.contract import (
    LENGTHS,
    MAX_LABEL_KEY,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LABELS_LENGTH,
)
from breakeven.gateway.decision.refusal import RequestError, shown
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Decision

MAX_CANDIDATES = 1000
MAX_ID = 256
MAX_FP32 = 3.4028234663852886e38
"""The largest finite single; what exceeds it would reach the model as infinity."""

_Value = float | bool


class _Candidate(msgspec.Struct):
    id: str
    features: dict[str, _Value] = {}


class _DecideBody(msgspec.Struct):
    candidates: list[str | _Candidate]
    subject: str | None = None
    session: str | None = None
    features: dict[str, _Value] | None = None
    labels: dict[str, str] | None = None
    id: str | None = None


class Ask(Noun, frozen=True, kw_only=True):
    """A decision as it was asked. `ids` are the candidates in their order, one row each of the tensor.

    `id` is the client's own name for the request. `tensor_body` is a v2 inference request with one input; the scores
    that answer it depend on nothing else, so that it is also what a cached answer is keyed by.
    """

    ids: tuple[str, ...]
    tensor_body: bytes
    subject: str = ""
    session: str = ""
    labels: dict[str, str] = {}
    id: str = ""


_decoder = msgspec.json.Decoder(_DecideBody)
_values = msgspec.json.Decoder(_Value)
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decide_of(body: bytes, spec: Decision) -> Ask:
    """Read a decision request.

    Raises:
        RequestError: 400, malformed JSON, no candidates, too many or two alike, a feature that is missing, unknown or
            no finite number.
    """
    read = _read(body)
    candidates = [_Candidate(id=one) if isinstance(one, str) else one for one in read.candidates]
    return Ask(
        ids=_ids(candidates),
        tensor_body=_tensor(read.features or {}, candidates, spec),
        subject=_text("subject", read.subject),
        session=_text("session", read.session),
        labels=_labels(read.labels or {}),
        id=_text("id", read.id, MAX_ID),
    )


def _read(body: bytes) -> _DecideBody:
    try:
        return decode(_decoder, body)
    except RequestError as error:
        place, unnamed, _ = error.field.partition("[...]")
        if not unnamed or not place.endswith("features"):
            raise
        raise _wrong_value(body, place) or error from None


def _wrong_value(body: bytes, place: str) -> RequestError | None:
    """The feature that is no number, by name; `place` is where its object stands."""
    fields = decode(_raw_fields, body)
    if place != "features":
        position = int(place.partition("[")[2].partition("]")[0])
        fields = decode(_raw_fields, bytes(msgspec.json.decode(fields["candidates"], type=list[msgspec.Raw])[position]))
    for name, raw in decode(_raw_fields, bytes(fields["features"])).items():
        try:
            _values.decode(raw)
        except msgspec.DecodeError:
            message = f"the body's feature {place}.{name} is {shown(bytes(raw).decode(errors='replace'))}"
            return RequestError(message, "send a finite number, true or false", field=f"{place}.{name}")
    return None


def _ids(candidates: list[_Candidate]) -> tuple[str, ...]:
    if not 1 <= len(candidates) <= MAX_CANDIDATES:
        message = f"the body has {len(candidates)} candidates"
        raise RequestError(message, f"send 1 to {MAX_CANDIDATES}", field="candidates")
    ids = tuple(one.id for one in candidates)
    for position, one in enumerate(ids):
        if not 0 < len(one) <= MAX_ID or not one.isprintable():
            field = f"candidates[{position}].id"
            message = f"the body's {field} is {shown(one)}, of {len(one)} characters"
            raise RequestError(message, f"send 1 to {MAX_ID} printable characters", field=field)
    if len(set(ids)) < len(ids):
        twice = next(one for position, one in enumerate(ids) if one in ids[:position])
        message = f"two of the body's candidates have the id {shown(twice)}"
        raise RequestError(message, "send every candidate once", field="candidates")
    return ids


class _Columns:
    """The features that make up a part of a row, in the order of the tensor."""

    __slots__ = ("_count", "_take", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._count = len(set(names))
        self._take = itemgetter(*names) if len(names) > 1 else lambda features: [features[name] for name in names]

    def of(self, features: dict[str, _Value], place: str | int) -> Iterable[_Value]:
        """The values in order; `place` is where the features stand, or the position of their candidate."""
        if len(features) == self._count:
            try:
                values: Iterable[_Value] = self._take(features)
            except KeyError:
                pass
            else:
                return values
        raise _misfit(features, self.names, place if isinstance(place, str) else f"candidates[{place}].features")


def _tensor(features: dict[str, _Value], candidates: list[_Candidate], spec: Decision) -> bytes:
    shared = list(map(float, _Columns(spec.features).of(features, "features")))
    columns = _Columns(spec.candidate_features)
    data: list[_Value] = []
    for position, one in enumerate(candidates):
        data += shared
        data += columns.of(one.features, position)
    if spec.datatype == "FP32" and data and (max(data) > MAX_FP32 or min(data) < -MAX_FP32):
        raise _too_large(data, spec)
    if bool in set(map(type, data)):
        data = list(map(float, data))
    width = len(spec.features) + len(spec.candidate_features)
    tensor = {"name": spec.input, "datatype": spec.datatype, "shape": (len(candidates), width), "data": data}
    request: dict[str, Any] = {"inputs": (tensor,)}
    if spec.output:
        request["outputs"] = ({"name": spec.output},)
    return msgspec.json.encode(request)


def _misfit(features: dict[str, _Value], names: tuple[str, ...], place: str) -> RequestError:
    missing = [name for name in names if name not in features]
    for name in features:
        if name not in names:
            close = get_close_matches(name, missing or names, n=1)
            known = f"the use case knows {', '.join(names) or 'none'}"
            message = f"the body's {place} hold {shown(name)}, which the use case does not know"
            return RequestError(message, f"did you mean {close[0]!r}?" if close else known, field=f"{place}.{name}")
    message = f"the body's {place} lack {missing[0]!r}"
    return RequestError(message, f"send {', '.join(names)}", field=f"{place}.{missing[0]}")


def _too_large(data: list[_Value], spec: Decision) -> RequestError:
    at = next(position for position, value in enumerate(data) if abs(value) > MAX_FP32)
    row, column = divmod(at, len(spec.features) + len(spec.candidate_features))
    names = (*spec.features, *spec.candidate_features)
    place = "features" if column < len(spec.features) else f"candidates[{row}].features"
    message = f"the body's feature {place}.{names[column]} is {data[at]}, which is infinite in FP32"
    return RequestError(message, f"send at most {MAX_FP32:g} either way", field=f"{place}.{names[column]}")


def _text(field: str, value: str | None, limit: int = 0) -> str:
    """One canonical form, that of the headers, so that a subject is one subject however it is said."""
    limit = limit or LENGTHS[field]
    text = normalize("NFC", value).strip() if value else ""
    if len(text) > limit or not text.isprintable():
        message = f"the body's {field} is {shown(text)}, of {len(text)} characters"
        raise RequestError(message, f"send at most {limit} printable characters", field=field)
    return text


def _labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        fits = 0 < len(name) <= MAX_LABEL_KEY and len(value) <= MAX_LABEL_VALUE and f"{name}{value}".isprintable()
        if not fits or "," in name + value or "=" in name:
            message = f"the body's labels have {shown(name)}: {shown(value)}"
            way_out = f"send keys of 1 to {MAX_LABEL_KEY} characters, values to {MAX_LABEL_VALUE}, without commas"
            raise RequestError(message, way_out, field="labels")
    size = sum(len(name) + len(value) + 2 for name, value in labels.items())
    if len(labels) > MAX_LABELS or size > MAX_LABELS_LENGTH:
        message = f"the body has {len(labels)} labels of {size} characters"
        raise RequestError(message, f"send at most {MAX_LABELS} in {MAX_LABELS_LENGTH} characters", field="labels")
    return labels
