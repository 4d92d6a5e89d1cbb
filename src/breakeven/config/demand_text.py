"""Values as YAML text in the order of a grammar, each with what it means; lists on wrapped lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from breakeven.config.scalar import number, scalar

WIDTH = 110
COLUMN = 34


class Key(NamedTuple):
    """A key and its comment."""

    name: str
    comment: str


def block(values: Mapping[str, Any], keys: Sequence[Key], indent: str, needed: frozenset[str] = frozenset()) -> str:
    """A line or a block for every key that has a value; those in `needed` are written as null without one."""
    return "".join(
        _entry(key, values[key.name], indent)
        for key in keys
        if key.name in values and (key.name in needed or values[key.name] not in (None, (), [], "", {}))
    )


def _entry(key: Key, value: Any, indent: str) -> str:  # noqa: ANN401 - what JSON holds
    text = _flow(value)
    if not isinstance(value, str) and len(text) + len(indent) + len(key.name) > WIDTH - 2:
        return f"{indent}{key.name}:  # {key.comment}\n{_wrapped(value, indent + '  ')}"
    line = f"{indent}{key.name}: {text}"
    return f"{line.ljust(COLUMN)}  # {key.comment}\n"


def _wrapped(value: Any, indent: str) -> str:  # noqa: ANN401
    """Texts one to a line; other lists in brackets over as many lines as they take."""
    if isinstance(value, Mapping):
        return "".join(f"{indent}{name}: {_flow(one)}\n" for name, one in value.items())
    if value and isinstance(value[0], str):
        return "".join(f"{indent}- {_flow(one)}\n" for one in value)
    lines, line = [], indent + "["
    for place, one in enumerate(value):
        text = _flow(one) + ("," if place < len(value) - 1 else "]")
        if len(line) + len(text) > WIDTH:
            lines.append(line.rstrip())
            line = indent + " "
        line += text + " "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def _flow(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else number(value)
