"""Open Inference Protocol v2: what a model's metadata asks for, filled with seeded random data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from breakeven.errors import BackendError, UsageError
from breakeven.measure.exchange import Request
from breakeven.schema.noun import Noun

_JSON = ("content-type", "application/json")
_BELOW = 2
Values = Callable[[np.random.Generator, int], list[object]]


class Input(Noun, frozen=True, kw_only=True):
    """One declared tensor; -1 is a free axis, of which the first is the batch."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class _Metadata(msgspec.Struct):
    inputs: tuple[Input, ...] = ()


def _whole(random: np.random.Generator, count: int) -> list[object]:
    return list(random.integers(0, _BELOW, count).tolist())


def _real(random: np.random.Generator, count: int) -> list[object]:
    return list(random.standard_normal(count).round(6).tolist())


def _either(random: np.random.Generator, count: int) -> list[object]:
    return list(random.integers(0, 2, count).astype(bool).tolist())


def _text(random: np.random.Generator, count: int) -> list[object]:
    return [str(number) for number in random.integers(0, _BELOW, count)]


FILLS: Mapping[str, Values] = {
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), _whole),
    **dict.fromkeys(("FP16", "FP32", "FP64", "BF16"), _real),
    "BOOL": _either,
    "BYTES": _text,
}
"""0 and 1 (an index into any vocabulary), standard normal numbers, booleans, digits as text."""


def declared(body: bytes | None, model: str, url: str) -> tuple[Input, ...]:
    """The inputs of a model from its metadata.

    Raises:
        BackendError: there is no such metadata.
        UsageError: it declares no input, or one of a type that cannot be made up.
    """
    try:
        inputs = () if body is None else msgspec.json.decode(body, type=_Metadata).inputs
    except msgspec.MsgspecError as error:
        message = f"the metadata of {model!r} at {url} cannot be read: {error}"
        raise BackendError(message, "see that it speaks the Open Inference Protocol v2") from error
    if body is None or not inputs:
        message = f"{url} declares no inputs of a model {model!r}"
        raise UsageError(message, "name a model that it serves, or declare the model's inputs there")
    for one in inputs:
        if one.datatype not in FILLS:
            message = f"input {one.name!r} of {model!r} is {one.datatype}, which cannot be made up"
            raise UsageError(message, f"known are {', '.join(FILLS)}")
    return inputs


def shaped(inputs: Sequence[Input], rows: int) -> tuple[Input, ...]:
    """The inputs with so many rows, further free axes 1.

    Raises:
        UsageError: the first axis of an input is fixed at another number.
    """
    for one in inputs:
        if one.shape and one.shape[0] not in (-1, rows):
            message = f"input {one.name!r} takes batches of {one.shape[0]}, and {rows} were asked for"
            raise UsageError(message, f"measure it with --batch {one.shape[0]}")
    return tuple(
        msgspec.structs.replace(one, shape=(rows, *(1 if size < 0 else size for size in one.shape[1:])))
        for one in inputs
    )


def infer(url: str, inputs: Sequence[Input], seed: Sequence[int], headers: tuple[tuple[str, str], ...]) -> Request:
    """One inference of inputs whose shapes are settled; the same seed gives the same body."""
    random = np.random.default_rng(list(seed))
    tensors = [
        {
            "name": one.name,
            "datatype": one.datatype,
            "shape": one.shape,
            "data": FILLS[one.datatype](random, int(np.prod(one.shape))),
        }
        for one in inputs
    ]
    return Request(
        method="POST",
        url=url,
        headers=(_JSON, *headers),
        body=msgspec.json.encode({"inputs": tensors}),
        timeout_s=120.0,
    )
