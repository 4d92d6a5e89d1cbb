"""Checks across keys that both files need. They see plain values and pass over what has another form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from breakeven.config.problem import Complaint, Path, suggest
from breakeven.config.tree import Value, items


def unique(value: Value, *path: str, key: str = "name", what: str) -> Iterator[Complaint]:
    """No two entries of the list under `path` share the value of `key`."""
    first: dict[object, Path] = {}
    for at, entry in items(value, *path):
        name = entry.get(key)
        if isinstance(name, str) and name in first:
            message = f"two {what} have the {key} `{name}`: entries {first[name][-1]} and {at[-1]}"
            yield Complaint(path=(*at, key), message=message, hint=f"give one of them another {key}, or remove it")
        elif isinstance(name, str):
            first[name] = at


def reference(name: Value, path: Path, known: Collection[str], *, what: str, where: str) -> Iterator[Complaint]:
    """A name written at `path` is one of `known`."""
    if isinstance(name, str) and name and name not in known:
        hint = suggest(name, sorted(known), kind=f"{where} has")
        yield Complaint(path=path, message=f"unknown {what} `{name}`", hint=hint)


def names(value: Value, *path: str) -> frozenset[str]:
    """The names of the entries of a list."""
    found = (entry.get("name") for _, entry in items(value, *path))
    return frozenset(name for name in found if isinstance(name, str))


def number(entry: Mapping[str, Value], key: str) -> float | None:
    """A number under `key`; None when it is absent or something else."""
    found = entry.get(key)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def mapping(value: Value, key: str) -> dict[str, Value]:
    """The mapping under `key`; empty when it is absent or something else."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
