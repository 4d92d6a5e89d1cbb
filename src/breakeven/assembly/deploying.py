"""A deployment from what people type: names looked up, files read, figures replaced, what is not stated assumed."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from breakeven.catalog.adjust import adjust
from breakeven.catalog.alias import accelerator_meant, model_meant
from breakeven.catalog.find import Catalog
from breakeven.catalog.source.hf_config import model_from_config
from breakeven.config.problem import suggest
from breakeven.errors import ConfigError, UsageError
from breakeven.perf import effects, memory, roofline
from breakeven.perf.coefficients import Coefficients, Errors
from breakeven.perf.curve import step_curve
from breakeven.perf.precision import PRECISIONS
from breakeven.perf.prior import PRIOR
from breakeven.schema.calibration import Calibration
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve

ENGINES = ("vllm", "sglang", "trtllm")
"""Engines that the shipped coefficients know."""

_ALIASES = {"tensorrt-llm": "trtllm", "tensorrtllm": "trtllm", "tensorrt_llm": "trtllm", "trt-llm": "trtllm"}
_FORMATS = {"fp8": "fp8", "mxfp4": "fp4", "nvfp4": "fp4", "int4": "int4"}
_UNSEEN = {
    "version": "this version with this model and precision",
    "model": "this model on this engine and accelerator",
    "accelerator": "this engine on this accelerator",
    "engine": "this engine",
}


class Asked(Noun, frozen=True, kw_only=True):
    """A deployment as somebody typed it; empty is not stated."""

    model: str
    accelerator: str
    tp: int = 1
    pp: int = 1
    replicas: int = 1
    engine: str = ""
    version: str = ""
    precision: str = ""
    model_config: str = ""
    changes: tuple[str, ...] = ()
    coefficients: str = ""
    max_sequences: int = 256


class Kind(Noun, frozen=True, kw_only=True):
    """What all layouts of a deployment share: the model and the board, the engine, and the coefficients at hand."""

    model: Model
    accelerator: Accelerator
    engine: str
    version: str
    precision: str
    calibration: Calibration
    overrides: tuple[str, ...]
    assumed: tuple[str, ...]

    def place(self, boards: int) -> effects.Place:
        """What the coefficients depend on, of `boards` boards to a layer."""
        return effects.place(
            self.accelerator, engine=self.engine, version=self.version, precision=self.precision, model=self.model.id,
            boards=boards,
        )  # fmt: skip


class Replica(Noun, frozen=True, kw_only=True):
    """One replica: its step time, where its memory goes, and the measured errors that apply."""

    curve: StepCurve
    room: memory.Budget
    errors: Errors
    coefficients: Coefficients
    unseen: str


def kind(asked: Asked, catalog: Catalog) -> Kind:
    """The model, board, engine and precision meant.

    Raises:
        FactError: a name is not in the catalog, or means several entries.
        UsageError: an unknown engine or precision, or a figure that cannot be changed so.
        ConfigError: a file cannot be read, or is none of its kind.
    """
    calibration = coefficients_of(asked.coefficients) if asked.coefficients else PRIOR
    engine, assumed = engine_of(asked.engine, calibration)
    model, stated = _model(asked, catalog)
    board = catalog.accelerator(accelerator_meant(catalog, asked.accelerator).id)
    changed = adjust(model, board, asked.changes)
    precision, why = _precision(asked.precision, stated, changed.model)
    at = effects.place(changed.accelerator, engine=engine, version=asked.version)
    return Kind(
        model=changed.model, accelerator=changed.accelerator, engine=engine, version=asked.version, precision=precision,
        calibration=calibration, overrides=changed.said, assumed=(*assumed, *why, *_progress(calibration, at)),
    )  # fmt: skip


def _progress(calibration: Calibration, at: effects.Place) -> tuple[str, ...]:
    if not effects.later(calibration, at) or not calibration.progress:
        return ()
    shorter = 1 - math.exp(calibration.progress)
    return (
        f"{at.engine} {at.version} is later than any that was fitted: steps {shorter:.0%} shorter, as later ones were",
    )


def replica(
    of: Kind, tp: int, pp: int, *, context: float, max_sequences: int, max_batch_tokens: int, block_tokens: int
) -> Replica:
    """One replica of `tp` x `pp` boards, its cache counted for sequences of `context` tokens.

    Raises:
        UsageError: the model cannot be divided so; the nearest number that divides it is named.
        InfeasibleError: it does not fit; the nearest number of boards that holds it is named.
        FactError: the specification lacks a figure.
    """
    roofline.size(of.model, of.accelerator, tp, of.precision, stages=pp, engine=of.engine)
    at = of.place(tp)
    found = effects.resolve(of.calibration, at)
    room = memory.budget(
        of.model, of.accelerator, tp, of.precision, stages=pp, engine=of.engine, context=context,
        max_batch_tokens=max_batch_tokens, block_tokens=block_tokens, fitted=found,
    )  # fmt: skip
    curve = step_curve(
        of.model, of.accelerator, tp, of.precision, found, context_mean=context, max_batch=max_sequences,
        engine=of.engine, version=of.version, stages=pp,
    )  # fmt: skip
    return Replica(
        curve=msgspec.structs.replace(curve, kv_tokens=room.cache_tokens), room=room, coefficients=found,
        errors=effects.errors(of.calibration, at), unseen=effects.unseen(of.calibration, at),
    )  # fmt: skip


def doubt(one: Replica) -> str:
    """A sentence on what of the deployment nobody measured; empty where all was."""
    what = _UNSEEN.get(one.unseen)
    if what is None:
        return ""
    return f"no measured row has {what}: the intervals are those of rows that the fit had not seen either"


def engine_of(name: str, calibration: Calibration) -> tuple[str, tuple[str, ...]]:
    """The engine meant, and what was assumed where none is named.

    Raises:
        UsageError: the coefficients know no such engine.
    """
    if not name:
        return ENGINES[0], (f"engine {ENGINES[0]}: none was named",)
    known = dict.fromkeys((*ENGINES, *(one.removesuffix(" offline") for one in calibration.effects.get("engine", {}))))
    found = _ALIASES.get(name.lower(), name.lower())
    if found not in known:
        message = f"engine {name!r} is unknown"
        raise UsageError(message, f"use one of {', '.join(known)}, or --coefficients fitted to your own measurements")
    return found, ()


def coefficients_of(path: str) -> Calibration:
    """Coefficients from a JSON file.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    text = _text(path, "`breakeven calibrate` writes one")
    try:
        return msgspec.json.decode(text, type=Calibration)
    except msgspec.MsgspecError as error:
        message = f"{path} holds no coefficients: {error}"
        raise ConfigError(message, "`breakeven calibrate` writes one") from error


def _text(path: str, way_out: str) -> str:
    from breakeven.config import reading  # noqa: PLC0415 - the YAML reader costs more than a simulation

    return reading.read_text(Path(path), way_out=way_out)


def _model(asked: Asked, catalog: Catalog) -> tuple[Model, str]:
    if asked.model_config:
        text = _text(asked.model_config, "name the config.json that lies beside the model's weights")
        return model_from_config(text, asked.model, shown=asked.model_config), ""
    meant = model_meant(catalog, asked.model)
    return catalog.model(meant.id), meant.precision


def _precision(typed: str, stated: str, model: Model) -> tuple[str, tuple[str, ...]]:
    if typed:
        if typed.lower() not in PRECISIONS:
            message = f"precision {typed!r} is unknown"
            raise UsageError(message, suggest(typed, sorted(PRECISIONS), kind="use one of"))
        return typed.lower(), ()
    if stated:
        return stated, (f"precision {stated}: the model's name says so",)
    published = _FORMATS.get(model.weight_format)
    if published:
        return published, (f"precision {published}: the format that the weights are published in",)
    return "bf16", ("precision bf16: none was named",)
