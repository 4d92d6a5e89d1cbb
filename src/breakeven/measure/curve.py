"""Batch curve of an ONNX model: how long one call takes by batch size, on this machine, one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun
from breakeven.schema.policy import WorkCurve

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


class Point(Noun, frozen=True, kw_only=True):
    """Seconds per call at one batch size: median over `repeats` calls, and the fastest."""

    batch: int
    median_s: float
    fastest_s: float
    repeats: int


class Curve(Noun, frozen=True, kw_only=True):
    """What was measured of one model; ascending in batch size. Input values are zeros."""

    model: str
    threads: int
    points: tuple[Point, ...]


def batch_curve(
    path: str | Path, batches: Sequence[int] = BATCHES, *, repeats: int = 30, clock: Callable[[], float] | None = None
) -> Curve:
    """Measure a model whose first axis is the batch; further free axes are taken as 1.

    Raises:
        UsageError: onnxruntime is missing, or the file is none of its models, or has inputs that cannot be made up.
    """
    points = tuple(
        Point(batch=batch, median_s=statistics.median(times), fastest_s=min(times), repeats=repeats)
        for batch, times in call_times(path, batches, repeats=repeats, clock=clock).items()
    )
    return Curve(model=Path(path).stem, threads=1, points=points)


def call_times(
    path: str | Path, batches: Sequence[int] = BATCHES, *, repeats: int = 30, clock: Callable[[], float] | None = None
) -> dict[int, list[float]]:
    """Seconds of every call by batch size, ascending in size and in the order of the calls; as `batch_curve`."""
    session = _session(path)
    return {batch: _times(session, batch, repeats, clock or time.perf_counter) for batch in sorted(set(batches))}


def work_curve(curve: Curve) -> WorkCurve:
    """The work of a classic model: median seconds = request_s + rows x row_s, least squares of relative errors.

    Neither part is negative; one point gives all its time to the rows.
    """
    xs, ys = [point.batch for point in curve.points], [point.median_s for point in curve.points]
    weights = [1 / y**2 for y in ys]
    total = sum(weights)
    mean_x = sum(w * x for w, x in zip(weights, xs, strict=True)) / total
    mean_y = sum(w * y for w, y in zip(weights, ys, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, x in zip(weights, xs, strict=True))
    joint = sum(w * (x - mean_x) * (y - mean_y) for w, x, y in zip(weights, xs, ys, strict=True))
    row_s = min(max(0.0, joint / spread), mean_y / mean_x) if spread else mean_y / mean_x
    return WorkCurve(row_s=row_s, request_s=mean_y - row_s * mean_x)


def _session(path: str | Path) -> ort.InferenceSession:
    if not Path(path).is_file():
        message = f"there is no model file {path}"
        raise UsageError(message, "name an .onnx file")
    try:
        import onnxruntime as ort  # noqa: PLC0415 - an extra, and half a second to load
    except ImportError as error:
        message = "a batch curve needs onnxruntime, which is not installed"
        raise UsageError(message, "install breakeven[onnx]") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        message = f"onnxruntime cannot load {path}: {error}"
        raise UsageError(message, "check that it is a whole ONNX model of an opset onnxruntime knows") from error


def _feeds(session: ort.InferenceSession, batch: int) -> dict[str, np.ndarray]:
    import numpy as np  # noqa: PLC0415 - only curves need it

    feeds: dict[str, np.ndarray] = {}
    for given in session.get_inputs():
        if given.type not in _TYPES:
            message = f"input {given.name!r} is a {given.type}, which cannot be made up"
            raise UsageError(message, f"known are {', '.join(_TYPES)}")
        rest = [size if isinstance(size, int) else 1 for size in given.shape[1:]]
        feeds[given.name] = np.zeros([batch, *rest], dtype=_TYPES[given.type])
    return feeds


def _times(session: ort.InferenceSession, batch: int, repeats: int, clock: Callable[[], float]) -> list[float]:
    feeds = _feeds(session, batch)
    for _ in range(3):
        session.run(None, feeds)
    times = []
    for _ in range(repeats):
        began = clock()
        session.run(None, feeds)
        times.append(clock() - began)
    return times
