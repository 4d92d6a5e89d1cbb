"""Measured rows joined with the catalog: what the performance model says of each, or why it says nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from breakeven.catalog.alias import PRECISIONS, accelerator_meant, model_meant
from breakeven.catalog.find import Catalog
from breakeven.errors import BreakevenError, FactError, UsageError
from breakeven.perf import effects, roofline
from breakeven.perf.calibrate import Outcome, Row
from breakeven.perf.effects import Load, Place
from breakeven.perf.precision import required
from breakeven.schema.hardware import Accelerator
from breakeven.schema.measurement import Measurement
from breakeven.schema.model import Model

NODE_BOARDS = 8
"""Boards of an HGX node. Published rows that give more boards than a node's with a square number of them state tensor
times expert parallel: DeepSeek and Qwen3.5 rows at 16 and 64 equal those at 4 and 8 to all digits."""

_LARGEST_SHARE = 0.99
_PROMPT_SHARE = 0.15
_METRICS: dict[str, Outcome] = {
    "output_tok_s": "throughput",
    "mean_tpot_ms": "tpot",
    "mean_itl_ms": "tpot",
    "mean_ttft_ms": "ttft",
}
_LOADS: dict[str, Load] = {"offline_max": "offline", "closed_concurrency": "closed", "open_qps": "open"}
_FORMATS = {"fp8": "fp8", "mxfp4": "fp4", "nvfp4": "fp4", "int4": "int4"}
_PRECISIONS = PRECISIONS | {"float16": "fp16", "half": "fp16", "bfloat16": "bf16", "fp8_e4m3": "fp8", "float8": "fp8"}
_ENGINES = {"tensorrt-llm": "trtllm", "tensorrtllm": "trtllm", "tensorrt_llm": "trtllm"}


T = TypeVar("T")


class Case(NamedTuple):
    """A row the model can be asked about: the deployment, its load, and the quantity in seconds or tokens per second.

    `metric` is throughput, tpot or ttft; `scale` x that is in the row's unit.
    """

    number: int
    at: Place
    model: Model
    accelerator: Accelerator
    size: roofline.Size
    stages: int
    load: Load
    metric: Outcome
    prompt: float
    output: float
    rate: float
    value: float | None
    scale: float


class Refusal(NamedTuple):
    """A row that is not predicted, and why in one sentence. `supported` rows could have been."""

    number: int
    why: str
    supported: bool


class Names:
    """The catalog's entries by the names of measured rows, each looked up once."""

    def __init__(self, catalog: Catalog, own: Iterable[Model] = ()) -> None:
        self._catalog = catalog
        self._own = {model.id: model for model in own} | {model.name: model for model in own}
        self._models: dict[str, tuple[Model, str] | FactError] = {}
        self._boards: dict[str, Accelerator | FactError] = {}

    def model(self, name: str) -> tuple[Model, str]:
        """The model and the precision its name states.

        Raises:
            FactError: there is none of that name.
        """
        return _once(self._models, name, self._find_model)

    def accelerator(self, name: str) -> Accelerator:
        """The accelerator.

        Raises:
            FactError: there is none of that name.
        """
        return _once(self._boards, name, self._find_board)

    def _find_model(self, name: str) -> tuple[Model, str]:
        if name in self._own:
            return self._own[name], ""
        meant = model_meant(self._catalog, name)
        return self._catalog.model(meant.id), meant.precision

    def _find_board(self, name: str) -> Accelerator:
        return self._catalog.accelerator(accelerator_meant(self._catalog, name).id)


def _once(known: dict[str, T | FactError], name: str, find: Callable[[str], T]) -> T:
    if name not in known:
        try:
            known[name] = find(name)
        except FactError as error:
            known[name] = error
    found = known[name]
    if isinstance(found, FactError):
        raise found
    return found


def cases(rows: Iterable[Measurement], names: Names) -> tuple[list[Case], list[Refusal]]:
    """The rows the model can be asked about, and the others; numbers count from 0."""
    found: list[Case] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows):
        why = _unsupported(row)
        if why:
            refused.append(Refusal(number, why, supported=False))
            continue
        try:
            found.append(_case(number, row, names))
        except BreakevenError as error:
            refused.append(Refusal(number, error.message, supported=True))
    return found, refused


def _unsupported(row: Measurement) -> str:
    missing = [
        name
        for name in ("model", "gpu", "tp", "isl", "osl", "load", "load_kind", "metric")
        if getattr(row, name) is None
    ]
    if missing:
        return f"the row does not state {', '.join(missing)}"
    if row.load_kind not in _LOADS:
        return f"load_kind {row.load_kind!r} is not one of {', '.join(_LOADS)}"
    if row.metric not in _METRICS:
        return f"metric {row.metric!r} is not one of {', '.join(_METRICS)}"
    if row.load_kind == "offline_max" and row.metric != "output_tok_s":
        return f"metric {row.metric!r} says nothing of an offline run, where only output_tok_s does"
    if not row.osl or not row.isl or (row.load or 0) <= 0:
        return f"isl {row.isl:g}, osl {row.osl:g} and load {row.load:g} must all be above 0"
    return ""


def _case(number: int, row: Measurement, names: Names) -> Case:
    model, stated = names.model(row.model or "")
    accelerator = names.accelerator(row.gpu or "")
    boards, stages = _layout(row, model, accelerator)
    precision = (row.precision or stated or _FORMATS.get(model.weight_format, "bf16")).lower()
    precision = _PRECISIONS.get(precision, precision)
    engine = (row.engine or "").lower()
    engine = _ENGINES.get(engine, engine)
    at = effects.place(
        accelerator, engine=engine, version=row.version or "", precision=precision, model=model.id, boards=boards,
        offline=row.load_kind == "offline_max" or _compiled(engine, row.version or ""),
    )  # fmt: skip
    size = roofline.size(
        model, accelerator, boards, precision, stages=stages, engine=engine, expert_parallel=boards > NODE_BOARDS
    )
    required(accelerator, "memory_bytes", "holding the weights needs")
    if not size.weight_bytes <= _LARGEST_SHARE * size.memory_bytes:
        _too_large(model, accelerator, boards * stages, precision, size)
    scale = 1.0 if row.metric == "output_tok_s" else 1e3
    return Case(
        number, at, model, accelerator, size, stages, _LOADS[row.load_kind or ""], _METRICS[row.metric or ""],
        row.isl or 0.0, row.osl or 0.0, row.load or 0.0, None if row.value is None else row.value / scale, scale,
    )  # fmt: skip


def _compiled(engine: str, version: str) -> bool:
    """TensorRT-LLM before 1.0 served with the engine that its offline tables measure; since then with PyTorch."""
    return engine == "trtllm" and re.match(r"v?0\.", version) is not None


def _layout(row: Measurement, model: Model, accelerator: Accelerator) -> tuple[int, int]:
    """Boards that share a layer, and pipeline stages."""
    boards, total = row.tp or 1, row.ngpu or row.tp or 1
    root = math.isqrt(boards)
    if boards > NODE_BOARDS and root * root == boards and model.experts and not accelerator.id.startswith("gb"):
        return root, 1
    if total % boards:
        message = f"{total} accelerators are not a whole number of tensor-parallel groups of {boards}"
        raise UsageError(message, f"give ngpu as a multiple of tp, {boards} or {2 * boards} say")
    return boards, max(1, total // boards)


def _too_large(model: Model, accelerator: Accelerator, boards: int, precision: str, size: roofline.Size) -> None:
    needed, there = float(size.weight_bytes) / 1e9, float(size.memory_bytes) / 1e9
    least = next((n for n in (2, 4, 8, 16, 32, 64) if needed * boards / n < 0.9 * there), None)
    message = (
        f"{model.id} in {precision} needs {needed:.0f} GB on each of {boards} x {accelerator.id}, with {there:.0f} GB"
    )
    raise UsageError(message, f"the nearest that fits is {least} boards" if least else "no number of boards fits it")


def fit_rows(found: Sequence[Case]) -> list[Row]:
    """Cases with a value as rows to fit; open loops as the closed ones they amount to (see `_as_closed`)."""
    direct = [_row(case, case.rate, case.value) for case in found if case.load != "open" and case.value]
    return direct + _as_closed(found)


def _row(case: Case, in_flight: float, value: float) -> Row:
    return Row(case.at, case.size, case.metric, case.prompt, case.output, in_flight, value)


def _as_closed(found: Iterable[Case]) -> list[Row]:
    """TPOT and TTFT of open loops, with the number in flight that Little's law gives for what was measured.

    Only where the queue was short: a TTFT under `_PROMPT_SHARE` of the whole.
    """
    by_load: dict[object, dict[str, Case]] = {}
    for case in found:
        if case.load == "open" and case.value and math.isfinite(case.rate):
            by_load.setdefault((case.at, case.prompt, case.output, case.rate), {})[case.metric] = case
    rows: list[Row] = []
    for one in by_load.values():
        if {"tpot", "ttft"} <= one.keys():
            tpot, ttft = one["tpot"], one["ttft"]
            whole_s = (ttft.value or 0.0) + (tpot.value or 0.0) * tpot.output
            if (ttft.value or 0.0) < _PROMPT_SHARE * whole_s:
                in_flight = max(1.0, tpot.rate * whole_s)
                rows += [_row(each, in_flight, each.value or 0.0) for each in (tpot, ttft)]
    return rows
