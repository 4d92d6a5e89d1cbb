"""Open Inference Protocol v2: what the gateway reads of an inference request."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.decision.body import decode, replaced
from breakeven.gateway.decision.refusal import RequestError, shown
from breakeven.schema.noun import Noun

SUBJECTS = "breakeven_subjects"
PREDICTION_IDS = "breakeven_prediction_ids"
MAX_SUBJECTS = 10_000
MAX_ROWS = 10**9
MAX_LENGTH = 256


class _Input(msgspec.Struct):
    shape: list[int]


class _InferBody(msgspec.Struct):
    inputs: list[_Input]
    id: str = ""
    parameters: dict[str, Any] | None = None


class Infer(Noun, frozen=True, kw_only=True):
    """An inference request as far as it was read. `rows` is the first dimension of the first input.

    `body` goes upstream: the client's bytes, less our own parameter.
    """

    id: str
    rows: int
    subjects: tuple[str, ...]
    body: bytes


_decoder = msgspec.json.Decoder(_InferBody)


def infer_of(body: bytes) -> Infer:
    """Read an inference request.

    Raises:
        RequestError: 400, malformed JSON, no inputs, or subjects that do not fit the rows.
    """
    read = decode(_decoder, body)
    if not read.inputs:
        message = "the body's inputs are empty"
        raise RequestError(message, "send at least one input tensor", field="inputs")
    shape = read.inputs[0].shape
    rows = shape[0] if shape else 1
    if not 0 <= rows <= MAX_ROWS:
        message = f"the first input's shape is {shown(str(shape))}"
        raise RequestError(message, f"send 0 to {MAX_ROWS} rows", field="inputs[0].shape")
    parameters = dict(read.parameters or {})
    said = parameters.pop(SUBJECTS, None)
    subjects = _subjects(said, rows) if said is not None else ()
    return Infer(
        id=read.id,
        rows=rows,
        subjects=subjects,
        body=replaced(body, {"parameters": parameters or None}) if said is not None else body,
    )


def _subjects(said: object, rows: int) -> tuple[str, ...]:
    place = f"parameters.{SUBJECTS}"
    if not isinstance(said, list) or not all(isinstance(one, str) and 0 < len(one) <= MAX_LENGTH for one in said):
        message = f"{place} is {shown(str(said))}"
        raise RequestError(message, f"send a list of ids of 1 to {MAX_LENGTH} characters", field=place)
    if not 1 <= len(said) <= min(rows, MAX_SUBJECTS):
        message = f"{place} has {len(said)} ids for {rows} rows"
        raise RequestError(message, f"send 1 to {MAX_SUBJECTS} ids and no more than rows", field=place)
    return tuple(said)


def finished(body: bytes, *, infer_id: str, prediction_ids: tuple[str, ...]) -> bytes:
    """The answer's body with this request's id, and the predictions' ids where subjects were listed."""
    fields: dict[str, Any] = {"id": infer_id} if infer_id else {}
    if prediction_ids:
        old = msgspec.json.decode(body, type=_Answer).parameters or {}
        fields["parameters"] = {**old, PREDICTION_IDS: prediction_ids}
    return replaced(body, fields) if fields else body


class _Answer(msgspec.Struct):
    parameters: dict[str, Any] | None = None
