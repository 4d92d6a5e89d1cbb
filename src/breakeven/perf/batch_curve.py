"""How long a classic model takes for a batch: a line, or the points that were measured."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError
from breakeven.schema.measurement import Measurement
from breakeven.schema.noun import Basis, Noun

_KIND, _METRICS = "batch", ("p50_latency_ms", "latency_ms")
_MS = 1e-3


class BatchCurve(Noun, frozen=True, kw_only=True):
    """Seconds of a batch of b requests, and how batches are formed.

    `points` are (batch, seconds), ascending in batch: linear between them, the first value below, the last slope, if it
    rises, beyond. Without points it is the line t(b) = `base_s` + `request_s` x b. A batch starts when the server is
    free and either `max_batch` requests wait or the oldest has waited `max_delay_s`; without a delay that is batching
    until idle. `error_low`..`error_high` are factors on t(b) that hold 80 % of measurements.
    """

    base_s: float = 0.0
    request_s: float = 0.0
    points: tuple[tuple[float, float], ...] = ()
    max_batch: int = 32
    max_delay_s: float = 0.0
    basis: Basis = "measured"
    error_low: float = 1.0
    error_high: float = 1.0
    power_idle_w: float | None = None
    power_busy_w: float | None = None


def batch_s(curve: BatchCurve, sizes: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Seconds of batches of these sizes."""
    wanted = np.asarray(sizes, dtype=np.float64)
    if not curve.points:
        return np.asarray(curve.base_s + curve.request_s * wanted)
    batches, seconds = np.array(curve.points, dtype=np.float64).T
    slope = max(0.0, (seconds[-1] - seconds[-2]) / (batches[-1] - batches[-2])) if len(batches) > 1 else 0.0
    return np.asarray(np.interp(wanted, batches, seconds) + slope * np.maximum(0.0, wanted - batches[-1]))


def line_of(curve: BatchCurve) -> tuple[float, float]:
    """(base, per request) of the curve: its own, or what fits its points."""
    if len(curve.points) < 2:  # noqa: PLR2004 - a line needs two points
        return (curve.points[0][1], 0.0) if curve.points else (curve.base_s, curve.request_s)
    batches, seconds = zip(*curve.points, strict=True)
    return fit_batches(batches, seconds)


def fit_batches(batches: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """(base, per request) of t(b) = base + per request x b by relative least squares, both non-negative.

    Raises:
        EvidenceError: fewer than two different batch sizes were measured.
    """
    sizes, times = np.array(batches, dtype=float), np.array(seconds, dtype=float)
    if len(np.unique(sizes)) < 2:  # noqa: PLR2004 - a line needs two points
        message = f"{len(set(batches))} batch size was measured, a line needs 2"
        raise EvidenceError(message, "measure at least two batch sizes")
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / times[:, None]
    base, slope = np.linalg.lstsq(design, np.ones_like(times), rcond=None)[0]
    return max(0.0, float(base)), max(0.0, float(slope))


def of_requests(curve: BatchCurve, rows: float) -> BatchCurve:
    """The curve of requests that score so many rows each: t(b requests) = t(b x rows); `max_batch` in whole requests.

    Raises:
        EvidenceError: a single request has more rows than the largest batch that was measured.
    """
    if rows > curve.max_batch:
        message = f"a request scores {rows:g} rows, and the largest batch that was measured has {curve.max_batch}"
        raise EvidenceError(message, f"measure batches of up to {math.ceil(rows)} rows, or send fewer rows a request")
    return msgspec.structs.replace(
        curve,
        request_s=curve.request_s * rows,
        points=tuple((batch / rows, seconds) for batch, seconds in curve.points),
        max_batch=int(curve.max_batch // rows),
    )


def of_rows(rows: Iterable[Measurement]) -> BatchCurve:
    """The curve of rows that `breakeven measure` wrote of an ONNX file or a v2 server, all of one model.

    Median latency where stated, else the mean; several rows of a batch size give their median. `max_batch` is the
    largest batch that was measured.

    Raises:
        EvidenceError: there is no latency by batch size, or there are several models or accelerators.
    """
    times: dict[str, dict[float, list[float]]] = {name: defaultdict(list) for name in _METRICS}
    served = set()
    for row in rows:
        size, value = row.load or 0.0, row.value or 0.0
        if row.load_kind == _KIND and row.metric in times and 1 <= size < math.inf and value > 0:
            times[row.metric][size].append(value * _MS)
            served.add((row.model, row.engine, row.gpu))
    if len(served) != 1:
        message = f"the rows hold latencies by batch size of {len(served)} deployments, a curve needs 1"
        raise EvidenceError(message, "measure one with `breakeven measure`, or keep its rows alone")
    found = times[_METRICS[1]] | times[_METRICS[0]]
    points = tuple((load, statistics.median(found[load])) for load in sorted(found))
    return BatchCurve(points=points, max_batch=int(points[-1][0]))
