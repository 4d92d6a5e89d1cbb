"""One figure of a model or a board changed for a question: `accelerator.memory_bandwidth=4e12`, `model.kv_heads=8`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple, NoReturn, TypeVar, get_args

import msgspec

from breakeven.catalog.fields import ACCELERATOR, MODEL, MODEL_WORDS, Measure
from breakeven.catalog.measure import in_measure
from breakeven.catalog.node import Node
from breakeven.errors import FactError, UsageError
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Attention, Model

SHORT = {
    "memory": "memory_bytes",
    "memory_bandwidth": "bandwidth_bytes_s",
    "bandwidth": "bandwidth_bytes_s",
    "link": "link_bytes_s",
    "link_bandwidth": "link_bytes_s",
    "tdp": "tdp_w",
}
"""Other names of a board's fields."""

EXAMPLE = "write it as accelerator.memory_bandwidth=4.8e12 or model.kv_heads=8"
_NUMBER = re.compile(r"([+-]?[0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*(.*)")

Entry = TypeVar("Entry", Model, Accelerator)


class Adjusted(NamedTuple):
    """A model and a board as a question wants them, and a sentence for each figure that was changed."""

    model: Model
    accelerator: Accelerator
    said: tuple[str, ...]


def adjust(model: Model, accelerator: Accelerator, assignments: Iterable[str]) -> Adjusted:
    """Change fields one after another; a later assignment of the same field wins.

    A value is a number in the field's unit, or with a unit behind it (`4.8 TB/s`, `80 GB`); `attention` and
    `weight_format` are words. Nothing else is recounted: fewer `kv_heads` shrink the cache, not `params`.

    Raises:
        UsageError: no assignment, an unknown field, an unbelievable value, or sizes that contradict each other.
    """
    said = []
    for assignment in assignments:
        kind, field, value = _parts(assignment)
        if kind == "model":
            model, sentence = _changed(model, kind, field, value)
        else:
            accelerator, sentence = _changed(accelerator, kind, field, value)
        said.append(sentence)
    _consistent(model)
    return Adjusted(model, accelerator, tuple(said))


def _parts(assignment: str) -> tuple[str, str, str]:
    left, equals, value = assignment.partition("=")
    kind, dot, name = (part.strip() for part in left.partition("."))
    if not equals or not dot or not value.strip():
        _refuse(f"--set {assignment!r} is no assignment", EXAMPLE)
    tables = {"accelerator": [*ACCELERATOR, *SHORT], "model": [*MODEL, *MODEL_WORDS]}
    if kind not in tables:
        close = get_close_matches(kind, tables, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}.{name}?" if close else EXAMPLE
        _refuse(f"--set {assignment!r}: {kind!r} is neither accelerator nor model", hint)
    if name not in tables[kind]:
        close = get_close_matches(name, tables[kind], n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(f'{kind}.{one}' for one in close)}?" if close else ""
        _refuse(f"--set {assignment!r}: {kind} has no field {name!r}", hint or f"fields: {', '.join(tables[kind])}")
    return kind, SHORT.get(name, name) if kind == "accelerator" else name, value.strip()


def _changed(entry: Entry, kind: str, field: str, text: str) -> tuple[Entry, str]:
    before = getattr(entry, field)
    value = _word(field, text) if field in MODEL_WORDS else _figure(kind, field, text)
    stated = {**msgspec.structs.asdict(entry), field: bool(value) if isinstance(before, bool) else value}
    try:
        changed = msgspec.convert(stated, type(entry), strict=False)
    except msgspec.ValidationError:
        _refuse(f"--set {kind}.{field}={text}: should be a whole number", f"write {kind}.{field}={round(float(value))}")
    unit = "" if isinstance(before, str | bool) else f" {_measure(kind, field).unit.partition(',')[0]}"
    was = "unknown" if before in {None, ""} else f"{_shown(before)}"
    source = f" ({entry.source})" if entry.source and before not in {None, ""} else ""
    return changed, f"{kind} {entry.id}: {field} = {_shown(getattr(changed, field))}{unit} instead of {was}{source}"


def _shown(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _measure(kind: str, field: str) -> Measure:
    return (MODEL if kind == "model" else ACCELERATOR)[field]


def _word(field: str, text: str) -> str:
    allowed = MODEL_WORDS[field]
    if allowed and text not in allowed:
        _refuse(f"--set model.{field}={text}: is none of {', '.join(get_args(Attention))}", f"write {allowed[0]}")
    return text


def _figure(kind: str, field: str, text: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        _refuse(f"--set {kind}.{field}={text}: {text!r} is no number", EXAMPLE)
    measure = _measure(kind, field)
    stated: dict[str, object] = {"value": float(match[1])}
    if match[2]:
        stated["unit"] = match[2]
    node = Node(file=f"--set {kind}.{field}={text}", path="", data=stated, inherited={})
    try:
        values, _, _ = in_measure(node, ("value",), measure)
    except FactError as error:
        message = error.message.replace(": value:", ":").replace(": unit:", ":")
        raise UsageError(message, error.way_out.partition(", or ")[0]) from error
    return values["value"] or 0.0


def _consistent(model: Model) -> None:
    if model.kv_heads > model.heads:
        _refuse(
            f"model {model.id}: {model.kv_heads} kv_heads and {model.heads} heads", "set no more kv_heads than heads"
        )
    if model.full_layers < 0:
        special = f"{model.window_layers} window, {model.linear_layers} linear and {model.plain_layers} plain layers"
        _refuse(f"model {model.id}: {special} of {model.layers} layers", "set layers and their kinds together")
    if model.experts_per_token > model.experts:
        chosen = f"{model.experts_per_token} experts_per_token of {model.experts} experts"
        _refuse(f"model {model.id}: {chosen}", "set experts to no fewer than a token is sent to")
    if model.active_params > model.params:
        counted = f"{model.active_params:g} active_params of {model.params:g} params"
        _refuse(f"model {model.id}: {counted}", "set both")


def _refuse(message: str, way_out: str) -> NoReturn:
    raise UsageError(message, way_out)
