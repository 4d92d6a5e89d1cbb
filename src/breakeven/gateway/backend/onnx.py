"""A real ONNX model in this process (ONNX Runtime), with dynamic batching. The one module that imports numpy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
import onnxruntime

from breakeven.errors import ConfigError
from breakeven.gateway.backend.batch import Batcher
from breakeven.gateway.backend.onnx_try import OnnxTry, RefusedTry
from breakeven.gateway.backend.port import Call, Sink, Try
from breakeven.schema.policy import Backend

Array = np.ndarray[Any, np.dtype[Any]]
DTYPES: dict[str, type[np.generic]] = {
    "BOOL": np.bool_,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
_DATATYPE_OF_ONNX = {
    "tensor(bool)": "BOOL",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
} | {f"tensor({sign}int{bits})": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class _Wanted(msgspec.Struct):
    name: str


class _InferBody(msgspec.Struct):
    inputs: list[_Tensor]
    outputs: list[_Wanted] | None = None
    id: str = ""


_bodies = msgspec.json.Decoder(_InferBody)


class _TensorError(Exception):
    """The caller's tensors do not fit the model."""


class OnnxSender:
    """Runs the model at `model_path`. Making it reads the file; do so off the event loop.

    Raises:
        ConfigError: the file is missing, or no model.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._place = f"the ONNX model of {backend.name!r}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                backend.model_path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            message = f"backend {backend.name!r} cannot load the ONNX model {backend.model_path!r}: {error}"
            raise ConfigError(message, "correct model_path in breakeven.yaml") from error
        self._inputs = {one.name: one for one in self._session.get_inputs()}
        self._outputs = [one.name for one in self._session.get_outputs()]
        self._batches = all(one.shape and not isinstance(one.shape[0], int) for one in self._inputs.values())
        self._batcher: Batcher[dict[str, Array], list[Array] | Exception] | None = None

    def send(self, call: Call, sink: Sink) -> Try:
        """Run one inference; tensors that do not fit come back as a 400."""
        try:
            body = _bodies.decode(call.body)
            arrays = self._arrays(body)
            wanted = self._wanted(body)
        except (_TensorError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            refused = RefusedTry(sink, str(error))
            asyncio.get_running_loop().call_soon(refused.tell)
            return refused
        limit_s = self._backend.timeout_s
        if call.deadline_ms is not None:
            limit_s = min(limit_s, call.deadline_ms / 1000)
        waiter: OnnxTry[list[Array]] = OnnxTry(
            sink, self._place, limit_s, lambda outputs: self._written(outputs, call, body.id, wanted)
        )
        # Arrays join along rows only where all else agrees; a model with a fixed first dimension never batches.
        first = next(iter(arrays.values()))
        key = tuple((name, array.shape[1:]) for name, array in sorted(arrays.items())) if self._batches else object()
        rows = first.shape[0] if first.ndim else 1
        waiter.ticket = self._batching().submit(arrays, waiter, key=key, rows=rows, within_s=limit_s)
        return waiter

    def _written(self, outputs: list[Array], call: Call, id_: str, wanted: set[str]) -> bytes:
        found = [_tensor(name, array) for name, array in zip(self._outputs, outputs, strict=True) if name in wanted]
        answer = {"model_name": call.asked_model, "model_version": call.version or "1", "outputs": found}
        if id_:
            answer["id"] = id_
        return msgspec.json.encode(answer)

    async def get(self, path: str, authorization: str = "") -> tuple[int, bytes]:
        """The model's metadata, or that it is ready."""
        del authorization
        name = path.removeprefix("/models/").partition("/")[0]
        if path.endswith("/ready"):
            return 200, msgspec.json.encode({"name": name, "ready": True})
        described = {
            "name": name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [_described(one) for one in self._inputs.values()],
            "outputs": [_described(one) for one in self._session.get_outputs()],
        }
        return 200, msgspec.json.encode(described)

    async def close(self) -> None:
        """End the threads once they are idle."""
        if self._batcher is not None:
            self._batcher.close()

    def _batching(self) -> Batcher[dict[str, Array], list[Array] | Exception]:
        if self._batcher is None:  # the sender was made off the event loop
            backend = self._backend
            self._batcher = Batcher(self._run, backend.max_batch, backend.max_delay_s, backend.threads)
        return self._batcher

    def _run(self, batch: Sequence[dict[str, Array]]) -> list[list[Array] | Exception]:
        if len(batch) == 1:
            return [self._alone(batch[0])]
        try:
            return list(self._together(batch))
        except Exception:  # noqa: BLE001 - one request may be at fault, and only that one may fail
            return [self._alone(one) for one in batch]

    def _alone(self, arrays: dict[str, Array]) -> list[Array] | Exception:
        try:
            outputs: list[Array] = self._session.run(None, arrays)
        except Exception as error:  # noqa: BLE001 - it is told to who asked
            return error
        return outputs

    def _together(self, batch: Sequence[dict[str, Array]]) -> list[list[Array]]:
        sizes = [len(next(iter(one.values()))) for one in batch]
        joined = {name: np.concatenate([one[name] for one in batch]) for name in batch[0]}
        outputs = self._session.run(None, joined)
        if any(array.ndim == 0 or len(array) != sum(sizes) for array in outputs):
            return [self._session.run(None, one) for one in batch]
        cuts = np.cumsum(sizes)[:-1]
        parts = [np.split(array, cuts) for array in outputs]
        return [[part[position] for part in parts] for position in range(len(batch))]

    def _arrays(self, body: _InferBody) -> dict[str, Array]:
        arrays = {tensor.name: self._array(tensor) for tensor in body.inputs}
        if arrays.keys() != self._inputs.keys():
            message = f"the model's inputs are {sorted(self._inputs)}, the request has {sorted(arrays)}"
            raise _TensorError(message)
        rows = {array.shape[0] for array in arrays.values() if array.ndim}
        if self._batches and len(rows) != 1:
            message = f"the inputs differ in their first dimension: {sorted(rows)}"
            raise _TensorError(message)
        return arrays

    def _array(self, tensor: _Tensor) -> Array:
        expected = self._inputs.get(tensor.name)
        if expected is None:
            message = f"the model has no input {tensor.name!r}, its inputs are {sorted(self._inputs)}"
            raise _TensorError(message)
        datatype = _DATATYPE_OF_ONNX.get(expected.type, expected.type)
        if tensor.datatype != datatype or datatype not in DTYPES:
            message = f"input {tensor.name!r} has datatype {tensor.datatype!r}, the model takes {datatype!r}"
            raise _TensorError(message)
        _check_shape(tensor, expected.shape)
        return _values(tensor)

    def _wanted(self, body: _InferBody) -> set[str]:
        wanted = {one.name for one in body.outputs} if body.outputs else set(self._outputs)
        unknown = sorted(wanted - set(self._outputs))
        if unknown:
            message = f"the model has no output {unknown[0]!r}, its outputs are {self._outputs}"
            raise _TensorError(message)
        return wanted


def _check_shape(tensor: _Tensor, expected: list[int | str | None]) -> None:
    fits = len(tensor.shape) == len(expected) and all(
        given >= 0 and (not isinstance(want, int) or given == want)
        for given, want in zip(tensor.shape, expected, strict=False)
    )
    if not fits:
        shown = [want if isinstance(want, int) else -1 for want in expected]
        message = f"input {tensor.name!r} has shape {tensor.shape}, the model takes {shown}"
        raise _TensorError(message)


def _values(tensor: _Tensor) -> Array:
    flat, size = _flat(tensor.data), prod(tensor.shape)
    if len(flat) != size:
        message = f"input {tensor.name!r} has shape {tensor.shape}, so {size} values, and its data has {len(flat)}"
        raise _TensorError(message)
    wrong = set(map(type, flat)) - _python_types(tensor.datatype)
    if wrong:
        value = next(one for one in flat if type(one) in wrong)
        message = f"input {tensor.name!r} of datatype {tensor.datatype} holds the value {value!r}"
        raise _TensorError(message)
    try:
        return np.array(flat, dtype=DTYPES[tensor.datatype]).reshape(tensor.shape)
    except OverflowError as error:
        message = f"input {tensor.name!r} of datatype {tensor.datatype}: {error}"
        raise _TensorError(message) from None


def _python_types(datatype: str) -> set[type]:
    if datatype == "BOOL":
        return {bool}
    return {int, float} if datatype.startswith("FP") else {int}


def _flat(data: list[Any]) -> list[Any]:
    while data and isinstance(data[0], list):
        if not all(isinstance(row, list) for row in data):
            message = "a tensor's data is nested unevenly"
            raise _TensorError(message)
        data = [value for row in data for value in row]
    return data


def _tensor(name: str, array: Array) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": next(datatype for datatype, dtype in DTYPES.items() if array.dtype == dtype),
        "shape": list(array.shape),
        "data": array.ravel().tolist(),
    }


def _described(node: Any) -> dict[str, Any]:  # noqa: ANN401 - ONNX Runtime has no types
    shape = [one if isinstance(one, int) else -1 for one in node.shape]
    return {"name": node.name, "datatype": _DATATYPE_OF_ONNX.get(node.type, node.type), "shape": shape}
