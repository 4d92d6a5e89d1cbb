"""Plain JSON values by path, so that what differs can be named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Leaves = dict[str, str]
"""A value's leaves, each as JSON text under its path."""
_NAMED = ("name", "key", "deployment", "tier", "id")


def leaves(value: object, path: str = "") -> Leaves:
    """Every leaf of a value; entries of lists go by their name where they have one, else by their position."""
    return dict(_walk(value, path))


def _walk(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name in sorted(value):
            yield from _walk(value[name], f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        for name, one in _entries(value):
            yield from _walk(one, f"{path}[{name}]")
    else:
        yield path, text(value)


def _entries(value: list[Any] | tuple[Any, ...]) -> Iterator[tuple[str, object]]:
    names = [_name(one, position) for position, one in enumerate(value)]
    unique = len(set(names)) == len(names)
    for position, one in enumerate(value):
        yield (names[position] if unique else str(position)), one


def _name(value: object, position: int) -> str:
    if isinstance(value, Mapping):
        return next((str(value[field]) for field in _NAMED if value.get(field)), str(position))
    return str(position)


def text(value: object) -> str:
    """A leaf as people write it: words without quotes, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
