"""Rules of thumb tested: where along one input a claim is true, and where it is false."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import Dims, require
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import Rule, StudyFile
from breakeven.config.study.given import Given
from breakeven.errors import StudyError
from breakeven.schema.tco import Truth
from breakeven.study.evaluate import Evaluated
from breakeven.study.scope import Scope
from breakeven.study.vary import changed, variants

POINTS = 401
REFINEMENTS = 3
FINE = 33


def truths(study: StudyFile, catalog: Catalog) -> tuple[Truth, ...]:
    """Every rule, in the study as written and in each variant it names."""
    return tuple(found for name, rule in study.rules.items() for found in _tested(study, catalog, name, rule))


def _tested(study: StudyFile, catalog: Catalog, name: str, rule: Rule) -> Iterator[Truth]:
    yield _truth(study, catalog, name, rule, "")
    known = dict(variants(study))
    for variant in rule.variants:
        if variant not in known:
            message = f"rule `{name}` asks for the variant `{variant}`"
            way_out = f"variants are {', '.join(list(known)[:8]) or 'none'}"
            raise StudyError(message, way_out, path=("rules", name, "variants"))
        yield _truth(changed(study, variant, known[variant]), catalog, name, rule, variant)


def _truth(study: StudyFile, catalog: Catalog, name: str, rule: Rule, variant: str) -> Truth:
    scope = Evaluated(study, catalog).scope
    given = study.inputs.get(rule.vary)
    if given is None:
        message = f"rule `{name}` varies `{rule.vary}`, which is no input"
        raise StudyError(message, f"inputs are {', '.join(study.inputs) or 'none'}", path=("rules", name, "vary"))
    with scope.at("rules", name):
        unit = scope.unit_of(given, "inputs", rule.vary)
        like = scope.named(rule.vary).amount.dims
        low, high = (_end(scope, end, unit.text, like) for end in (rule.low, rule.high))
    if low >= high:
        message = f"rule `{name}` varies `{rule.vary}` from {rule.low} to {rule.high}"
        raise StudyError(message, "let low be below high", path=("rules", name, "low"))
    spans = _spans(study, catalog, name, rule, np.linspace(low, high, POINTS))
    shown = tuple((begin / unit.factor, end / unit.factor) for begin, end in spans)
    searched = (low / unit.factor, high / unit.factor)
    return Truth(
        name=name,
        claim=rule.claim,
        varied=rule.vary,
        unit=unit.text,
        searched=searched,
        true_when=shown,
        variant=variant,
    )


def _end(scope: Scope, end: str | float, unit: str, like: Dims) -> float:
    """One end of the search, in base units; a bare number is in the input's unit."""
    text = f"{end:g} {unit}" if isinstance(end, int | float) else end
    found = scope.quantity(Given(value=text))
    require(f"an end of the search, {text},", found.amount.dims, like)
    return found.amount.scalar


def _spans(study: StudyFile, catalog: Catalog, name: str, rule: Rule, points: Array) -> list[tuple[float, float]]:
    """The stretches in which the rule holds, their ends sought between neighbouring points."""
    held = _holds(study, catalog, name, rule, points)
    edges = np.flatnonzero(held[1:] != held[:-1])
    turns = [_turn(study, catalog, name, rule, (points[edge], points[edge + 1]), held[edge]) for edge in edges]
    ends = [float(points[0]), *turns, float(points[-1])]
    stretches = pairwise(ends)
    first = bool(held[0])
    return [span for at, span in enumerate(stretches) if first == (at % 2 == 0)]


def _turn(
    study: StudyFile, catalog: Catalog, name: str, rule: Rule, between: tuple[float, float], before: np.bool_
) -> float:
    low, high = between
    for _ in range(REFINEMENTS):
        points = np.linspace(low, high, FINE)
        held = _holds(study, catalog, name, rule, points)
        first = int(np.argmax(held != before))
        low, high = float(points[max(0, first - 1)]), float(points[first])
    return high if not before else low


def _holds(study: StudyFile, catalog: Catalog, name: str, rule: Rule, points: Array) -> Array:
    """Whether the rule holds at each value (in base units) of what is varied."""
    found = Evaluated(study, catalog, {f"inputs.{rule.vary}": points})
    with found.scope.at("rules", name, "holds"):
        values = found.scope.compute(rule.holds).amount.values[:, 0]
    return np.broadcast_to(values != 0, points.shape)
