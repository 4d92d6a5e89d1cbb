"""The batch curve of an ONNX model as points of load: one caller, this machine, one thread."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from breakeven.measure.answer import Answer
from breakeven.measure.curve import call_times
from breakeven.measure.kept import Kept
from breakeven.measure.summary import spread
from breakeven.schema.load import LoadPoint


def measure(path: Path, batches: Sequence[int], calls: int, kept: Kept) -> None:
    """A point per batch size.

    Raises:
        UsageError: as `measure.curve.batch_curve`.
    """
    found = call_times(path, batches, repeats=calls)
    kept.identity("onnx", path.stem, "onnxruntime", version("onnxruntime"))
    kept.remark([f"in process on {processor()}, one thread, inputs of zeros; 3 calls of warm-up, not counted"])
    for rows, times in found.items():
        kept.point(_point(rows, times))


def _point(rows: int, times: Sequence[float]) -> LoadPoint:
    answers = [Answer(index=index, at_s=0.0, total_s=time_s) for index, time_s in enumerate(times)]
    return LoadPoint(
        kind="batch",
        load=float(rows),
        sent=len(times),
        answered=len(times),
        failed=0,
        measured=len(times),
        window_s=sum(times),
        e2e_s=spread(answers, lambda one: one.total_s, 1.0),
        rows_s=rows * len(times) / sum(times),
    )


def processor() -> str:
    """What this machine's processor is called, as far as it says."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
