"""Inputs that nothing uses: a misspelt name would otherwise vanish without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from breakeven.config.study.file import StudyFile

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def unused(study: StudyFile) -> tuple[str, ...]:
    """The inputs that no formula, rule, variant or grid names."""
    used = {name for text in _texts(study) for name in _NAME.findall(text)}
    return tuple(name for name in study.inputs if name not in used)


def _texts(study: StudyFile) -> Iterator[str]:
    yield from _formulas(study.model_dump(exclude={"results", "rules", "expected"}, exclude_defaults=True))
    yield from (result.formula for result in study.results.values())
    yield from (text for rule in study.rules.values() for text in (rule.holds, rule.vary))
    yield from (wanted.name for wanted in study.expected)
    yield from (name for changed in study.variants.values() for name in changed)
    yield from study.grid


def _formulas(value: object) -> Iterator[str]:
    """Every text that begins as a formula does."""
    if isinstance(value, str) and value.lstrip().startswith("="):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.values() for text in _formulas(one))
    elif isinstance(value, tuple | list):
        yield from (text for one in value for text in _formulas(one))
