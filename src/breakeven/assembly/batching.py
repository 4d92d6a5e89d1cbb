"""The batches that `auto` stands for: from each model's measured curve, within the budgets of who asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from breakeven.config import reading
from breakeven.config.compile_use_case import use_case
from breakeven.config.policy_file import PolicyFile
from breakeven.config.settings import BackendSettings, Settings
from breakeven.errors import ConfigError, EvidenceError
from breakeven.perf.batch_choice import BatchChoice, choose_batch, inference_slot_s
from breakeven.perf.batch_curve import BatchCurve, of_rows
from breakeven.schema.measurement import read_rows
from breakeven.schema.policy import TO, Backend, UseCase

_AUTO = "auto"
_WAY_OUT = "measure it: breakeven measure MODEL.onnx --accelerator NAME --rows FILE.csv"


def choices(found: Settings, policies: PolicyFile, base: Path) -> dict[str, BatchChoice]:
    """What was chosen for each backend that says `auto` and has a curve, by name.

    Raises:
        ConfigError: a curve cannot be read, or is not of one model.
    """
    cases = [use_case(entry) for entry in policies.use_cases]
    return {
        entry.name: choose_batch(
            _curve(base / entry.batch_curve),
            _slot_s(entry, found, cases),
            max_batch=None if entry.max_batch == _AUTO else int(entry.max_batch),
        )
        for entry in found.backends
        if entry.batch_curve and _AUTO in {entry.max_batch, entry.max_delay_ms}
    }


def curve_paths(found: Settings, base: Path) -> tuple[Path, ...]:
    """The files of measured curves."""
    return tuple(base / entry.batch_curve for entry in found.backends if entry.batch_curve)


def line(backend: Backend, chosen: BatchChoice | None) -> str:
    """What a backend's batches are, and where that comes from, in words."""
    threads = "1 thread" if backend.threads == 1 else f"{backend.threads} threads"
    said = f"{backend.name} runs batches of {backend.max_batch} rows at most in {threads}"
    said += f", and waits {backend.max_delay_s * 1e3:.3g} ms at most"
    if chosen is None:
        return f"{said} (as stated, or by default)"
    bound = f"p95 at most {chosen.latency_s * 1e3:.3g} ms"
    slot = "no target" if chosen.slot_s is None else f"{chosen.slot_s * 1e3:.3g} ms"
    verdict = (
        f"{bound} of {slot}" if chosen.fits else f"{bound}, MORE THAN THE SLOT of {slot}: give it more, or threads"
    )
    return f"{said} (by its curve: {verdict} at 80 % of {chosen.rows_s:.3g} rows/s and thread)"


def _curve(path: Path) -> BatchCurve:
    try:
        return of_rows(read_rows(reading.read_text(path, way_out=_WAY_OUT), str(path)))
    except EvidenceError as error:
        message = f"{path} is no batch curve: {error.message}"
        raise ConfigError(message, _WAY_OUT) from error


def _slot_s(entry: BackendSettings, found: Settings, cases: list[UseCase]) -> float | None:
    """The tightest slot of the use cases that may ask this backend; None where none of them has a budget."""
    here = {one.name for one in found.deployments if one.backend == entry.name}
    slots = [inference_slot_s(case) for case in cases if not here.isdisjoint(_asked(case))]
    return min((slot_s for slot_s in slots if slot_s is not None), default=None)


def _asked(case: UseCase) -> Iterator[str]:
    yield from (target.deployment for target in case.route.targets)
    yield from (step.removeprefix(TO) for step in case.failure if step.startswith(TO))
