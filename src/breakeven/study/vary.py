"""The study again with other inputs: its named variants, and every combination of a grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from breakeven.config.study.file import StudyFile
from breakeven.config.study.given import Given
from breakeven.errors import StudyError
from breakeven.study.reading import split

MOST_VARIANTS = 2_000


def variants(study: StudyFile) -> Iterator[tuple[str, Mapping[str, Given]]]:
    """Name and changed inputs of each variant, then of each point of the grid (`input=value,input=value`).

    Raises:
        StudyError: there are too many points.
    """
    count = 1
    for values in study.grid.values():
        count *= max(1, len(values))
    if count > MOST_VARIANTS:
        message = f"the grid has {count:,} points, at most {MOST_VARIANTS:,} are computed"
        raise StudyError(message, "leave out values, or state single `variants:`", path=("grid",))
    yield from study.variants.items()
    if study.grid:
        taken = set(study.variants)
        for point in product(*(enumerate(values) for values in study.grid.values())):
            changed = {name: value for name, (_, value) in zip(study.grid, point, strict=True)}
            named = ",".join(f"{name}={shown(value)}" for name, value in changed.items())
            if named in taken:
                message = f"`{named}` is a point of the grid, and another variant or point"
                raise StudyError(message, "give the variant another name, and each value once", path=("grid",))
            taken.add(named)
            yield named, changed


def changed(study: StudyFile, name: str, inputs: Mapping[str, Given]) -> StudyFile:
    """The study with some inputs replaced; a bare number keeps the unit of what it replaces.

    Raises:
        StudyError: an input to be replaced does not exist.
    """
    unknown = [key for key in inputs if key not in study.inputs]
    if unknown:
        message = f"variant `{name}` changes `{unknown[0]}`, which is no input"
        raise StudyError(message, f"inputs are {', '.join(study.inputs) or 'none'}", path=_place(study, name))
    merged = {**study.inputs, **{key: _inherited(study.inputs[key], given) for key, given in inputs.items()}}
    return study.model_copy(update={"inputs": merged})


def _place(study: StudyFile, name: str) -> tuple[str, ...]:
    return ("variants", name) if name in study.variants else ("grid",)


def _inherited(before: Given, after: Given) -> Given:
    """A bare number keeps the unit of what it replaces."""
    bare = isinstance(after.value, float) and not after.unit
    return after.model_copy(update={"unit": _unit(before)}) if bare else after


def _unit(given: Given) -> str:
    """The unit that a quantity is written in; a formula has none of its own."""
    stated = isinstance(given.value, str) and given.formula is None
    return given.unit or (split(str(given.value))[1] if stated else "")


def shown(given: Given) -> str:
    """A value as it is written."""
    return str(given.fact or (f"{given.value:g}" if isinstance(given.value, float) else given.value))
