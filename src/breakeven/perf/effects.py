"""Coefficients of a deployment: a base, times what its engine, accelerator, format, version and model add.

A level nobody measured adds nothing, so that a deployment never seen has the base of what it shares with others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import msgspec

from breakeven.perf.coefficients import FIELDS, START, Coefficients, Errors, Residuals
from breakeven.schema.calibration import Calibration, Spread
from breakeven.schema.hardware import Accelerator
from breakeven.schema.noun import Noun

Load = Literal["offline", "closed", "open"]
Unseen = Literal["nothing", "version", "model", "accelerator", "engine"]
_ORDER: tuple[str, ...] = get_args(Unseen)

HOST = ("step_s", "layer_s", "moe_layer_s", "state_layer_s", "sequence_s", "token_s", "link_latency_s")
"""Costs of launching and scheduling, which belong to an engine; the rest belongs to hardware and kernels."""

PCIE_BYTES_S = 1.3e11
"""A link at most this fast is PCIe."""


class Place(Noun, frozen=True, kw_only=True):
    """What of a deployment its coefficients depend on; empty where unknown."""

    engine: str = ""
    version: str = ""
    accelerator: str = ""
    generation: str = ""
    link: str = ""
    precision: str = ""
    model: str = ""
    boards: int = 1
    offline: bool = False

    @property
    def family(self) -> str:
        """The engine, and whether it is run in process on a whole data set or serves requests."""
        return f"{self.engine} offline" if self.offline else self.engine


def place(
    accelerator: Accelerator,
    *,
    engine: str = "",
    version: str = "",
    precision: str = "",
    model: str = "",
    boards: int = 1,
    offline: bool = False,
) -> Place:
    """The place of a deployment on that accelerator: the narrowest format it multiplies is its generation."""
    narrow = next((f for f in ("fp4", "fp8", "int8") if getattr(accelerator, f"flops_{f}")), "fp16")
    rate = accelerator.link_bytes_s or 0.0
    return Place(
        engine=engine, version=version, accelerator=accelerator.id, generation=narrow,
        link="pcie" if rate <= PCIE_BYTES_S else "nvlink", precision=precision, model=model, boards=boards,
        offline=offline,
    )  # fmt: skip


Level = Callable[[Place], str]

LEVELS: dict[str, Level] = {
    "kernel_format": lambda at: f"{at.generation}/{at.precision}",
    "kernel": lambda at: f"{at.accelerator}/{at.precision}",
    "engine": lambda at: at.family,
    "accelerator": lambda at: at.accelerator,
    "link": lambda at: at.link,
    "format": lambda at: f"{at.generation}/{at.precision}",
    "pair": lambda at: f"{at.family}/{at.accelerator}",
    "version": lambda at: f"{at.family}/{at.version}",
    "model": lambda at: at.model,
    "engine_model": lambda at: f"{at.family}/{at.model}",
    "case": lambda at: f"{at.family}/{at.version}/{at.accelerator}/{at.model}/{at.precision}",
    "layout": lambda at: f"{at.family}/{at.version}/{at.accelerator}/{at.model}/{at.precision}/{at.boards}",
}
"""Kinds of effects and the level of each that a place has.

`kernel` and `kernel_format` are known before any fit (`perf.kernels`); `case` scales and says how prompts come;
`layout` scales.
"""

UNFITTED_FORMAT = 2.0
"""By how much bounds widen, in log units, where no row of the engine had the number format. Assumed."""


def resolve(found: Calibration, at: Place) -> Coefficients:
    """The coefficients of a place: exp(ln base + effects of its levels), and progress for later versions."""
    logs = {field: math.log(found.base.get(field, getattr(START, field))) for field in FIELDS}
    for kind, level in LEVELS.items():
        for field, gain in found.effects.get(kind, {}).get(level(at), {}).items():
            logs[field] += gain
    logs["scale"] += found.progress if later(found, at) else 0.0
    return Coefficients(**{field: math.exp(value) for field, value in logs.items()})


def later(found: Calibration, at: Place) -> bool:
    """Whether a serving engine's version is later than all of it that were fitted; False where it has no number."""
    mine = _numbers(at.version)
    fitted = [
        _numbers(version)
        for family, _, version in (level.partition("/") for level in found.effects.get("version", {}))
        if family == at.family
    ]
    return bool(mine and fitted) and not at.offline and mine > max(fitted)


def _numbers(version: str) -> tuple[int, ...]:
    """1.2.0rc6.post2 -> (1, 2, 0); () for `nightly-dev`."""
    found = re.match(r"v?(\d+(?:\.\d+)+)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def unseen(found: Calibration, at: Place) -> Unseen:
    """What of a place no fitted row had, the gravest first. A version that is not stated is not seen either.

    An engine that was measured offline only is unseen as a server, and the other way round; an accelerator likewise,
    for that engine. So are they left out when the errors are measured.
    """
    if not _has(found, "engine", at):
        return "engine"
    if not _has(found, "pair", at):
        return "accelerator"
    if not _model_seen(found.effects.get("case", {}), at):
        return "model"
    return "nothing" if at.version and _has(found, "case", at) else "version"


def _has(found: Calibration, kind: str, at: Place) -> bool:
    return LEVELS[kind](at) in found.effects.get(kind, {})


def _model_seen(cases: Mapping[str, object], at: Place) -> bool:
    """Whether a case has the same engine, accelerator and model, whatever version and precision."""
    wanted = (at.family, at.accelerator, at.model)
    return any((parts[0], parts[2], parts[3]) == wanted for parts in (case.split("/") for case in cases))


def _format_seen(found: Calibration, at: Place) -> bool:
    """Whether the engine has a case of the number format, or no case at all."""
    cases = (case.split("/") for case in found.effects.get("case", {}))
    formats = {parts[4] for parts in cases if parts[0] == at.family}
    return not formats or at.precision in formats


def spread(found: Calibration, metric: str, load: str, at: Place) -> Spread | None:
    """The errors measured where as much was unseen, else of the next graver case, else of the gravest there is.

    Its bounds hold the prediction and those of every milder case: whoever knows less is never surer. None where the
    metric was never judged; a load that was not is taken for a closed loop.
    """
    wanted = _ORDER.index(unseen(found, at))
    for kind in (load, "closed", "open", "offline"):
        judged = {_ORDER.index(one.unseen): one for one in found.spreads if (one.metric, one.load) == (metric, kind)}
        if judged:
            level = min((rank for rank in judged if rank >= wanted), default=max(judged))
            milder = [one for rank, one in judged.items() if rank <= level]
            wider = 1.0 if _format_seen(found, at) else UNFITTED_FORMAT
            low, high = wider * min(one.low for one in milder), wider * max(one.high for one in milder)
            return msgspec.structs.replace(judged[level], low=min(0.0, low), high=max(0.0, high))
    return None


def errors(found: Calibration, at: Place | None = None) -> Errors:
    """How far off each quantity was where as much was unseen as of `at`; without it, where only the model was."""
    return Errors(
        tpot=_residuals(found, "tpot", "closed", at),
        ttft=_residuals(found, "ttft", "closed", at),
        throughput=_residuals(found, "throughput", "offline", at),
    )


def _residuals(found: Calibration, metric: str, load: str, at: Place | None) -> Residuals:
    known = {(one.metric, one.load, one.unseen): one for one in found.spreads}
    one = known.get((metric, load, "model")) if at is None else spread(found, metric, load, at)
    if one is None:
        return Residuals(n=0, mape=0.0, median=0.0, p90=0.0, log_low=0.0, log_high=0.0)
    how = f"{load} {metric}, {one.unseen} left out of the fit"
    return Residuals(
        n=one.n, mape=one.mape, median=one.median, p90=one.p90, log_low=one.low, log_high=one.high, how=how
    )
