"""Studies of a few lines, read and evaluated as files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config.study.file import StudyFile, load
from breakeven.study.evaluate import Evaluated

Body = Mapping[str, Any]
HEAD = {
    "study": 1,
    "id": "made-up",
    "title": "Made up",
    "source": {"title": "made up", "published": "2026-01-01"},
    "conventions": {"hours_per_month": 730, "horizon_months": 36},
}


def _tuples(value: Any) -> Any:
    """Lists as the tuples that a file is read into."""
    if isinstance(value, Mapping):
        return {key: _tuples(one) for key, one in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@cache
def _catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    """The shipped facts, read once."""
    return _catalog()


@pytest.fixture(scope="session")
def study_of() -> Callable[[Body | str], StudyFile]:
    """A study of these sections, or of YAML text, after the usual head."""

    def read(body: Body | str) -> StudyFile:
        if isinstance(body, str):
            head = "\n".join(f"{key}: {value}" for key, value in HEAD.items() if f"\n{key}:" not in f"\n{body}")
            return load(f"{head}\n{body}")
        return StudyFile.model_validate(_tuples({**HEAD, **body}))

    return read


@pytest.fixture(scope="session")
def evaluated(study_of: Callable[[Body | str], StudyFile]) -> Callable[..., Evaluated]:
    """A study of these sections, evaluated."""

    def found(body: Body | str, drawn: Mapping[str, Any] | None = None) -> Evaluated:
        return Evaluated(study_of(body), _catalog(), drawn)

    return found


@pytest.fixture(scope="session")
def option(evaluated: Callable[..., Evaluated]) -> Callable[..., Any]:
    """One option of a study: its parts, and other sections by name; `months` and `rate` are its conventions."""

    def found(parts: Body, *, months: int = 36, rate: str | None = None, **sections: Any) -> Any:
        conventions = {"hours_per_month": 730, "horizon_months": months, "discount_rate": rate}
        conventions |= sections.pop("conventions", {})
        body = {**sections, "conventions": conventions, "options": {"it": parts}}
        return evaluated(body).option("it")

    return found
