"""Factors on what a study states: numbers are drawn anew, formulas are multiplied where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
from pydantic import BaseModel

from breakeven.algebra.amount import Array
from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.study.evaluate import Evaluated

TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
Tree = TypeVar("Tree", bound=BaseModel)
Parts = tuple[str | int, ...]


def read_demand(plain: Evaluated) -> None:
    """Every flow of the demand, so that what is wrong with it is an error of the demand.

    Raises:
        StudyError: a flow cannot be computed.
    """
    for name in ("requests", *TOKENS, "useful", "egress"):
        with plain.scope.at("demand", name):
            plain.demand.flow(name)


def token_flows(plain: Evaluated) -> list[str]:
    """Paths of the token flows that are stated as such; a share of them, such as cached input, moves with them."""
    found = []
    for name in TOKENS:
        known = plain.scope.read(getattr(plain.study.demand, name), "demand", name)
        if known is not None and known.amount.dims:
            found.append(f"demand.{name}")
    return found


def factored(plain: Evaluated, factors: Mapping[str, float]) -> tuple[StudyFile, dict[str, Array]]:
    """The study with its formulas multiplied, and draws for its numbers, by dotted path.

    Raises:
        StudyError: a quantity cannot be read.
    """
    stated, drawn = givens(plain.study), {}
    wanted = {path: size for path, size in factors.items() if size != 1 and path in stated}
    formulas = {path: size for path, size in wanted.items() if stated[path][1].formula is not None}
    for path, size in wanted.items():
        parts, given = stated[path]
        plain.scope.read(given, *parts)
        leaf = plain.scope.leaves.get(path)
        if path not in formulas and leaf is not None:
            drawn[path] = np.array([leaf.base * size])
    return (_multiplied(plain.study, (), formulas) if formulas else plain.study), drawn


def factored_offers(plain: Evaluated, keys: Iterable[str], factor: float) -> dict[str, Array]:
    """Draws for catalog prices per token and per request, by fact key."""
    drawn = {}
    for key in keys if factor != 1 else ():
        unit = plain.scope.unit("USD/Mtok" if key.endswith("_per_mtok") else "USD/request")
        drawn[key] = np.array([(plain.scope.facts[key].value or 0.0) * unit.factor * factor])
    return drawn


def givens(tree: BaseModel, prefix: str = "") -> dict[str, tuple[Parts, Given]]:
    """Every quantity of a tree by dotted path."""
    start: Parts = tuple(prefix.split(".")) if prefix else ()
    return {".".join(map(str, parts)): (parts, given) for parts, given in _walk(tree, start)}


def _walk(value: object, at: Parts) -> Iterator[tuple[Parts, Given]]:
    if isinstance(value, Given):
        yield at, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name), (*at, name))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(one, (*at, key))
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _walk(one, (*at, number))


def _multiplied(tree: Tree, at: Parts, factors: Mapping[str, float]) -> Tree:
    """The tree with the formulas at some paths multiplied."""
    changed = {name: _changed(getattr(tree, name), (*at, name), factors) for name in type(tree).model_fields}
    return tree.model_copy(update=changed)


def _changed(value: object, at: Parts, factors: Mapping[str, float]) -> object:
    if isinstance(value, Given):
        size = factors.get(".".join(map(str, at)))
        return value if size is None else value.model_copy(update={"value": f"= ({value.formula}) * {size!r}"})
    if isinstance(value, BaseModel):
        return _multiplied(value, at, factors)
    if isinstance(value, dict):
        return {key: _changed(one, (*at, key), factors) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(_changed(one, (*at, number), factors) for number, one in enumerate(value))
    return value
