"""Plain values as YAML 1.2 text: mappings, lists, text, numbers and booleans, nothing that needs a library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"]
Object: TypeAlias = dict[str, Value]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def text(value: Mapping[str, Value], comment: str = "") -> str:
    """A document; `comment` stands above it, line by line."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "\n".join(_mapping(value, 0)) + "\n"


def _mapping(value: Mapping[str, Value], depth: int) -> Iterator[str]:
    for key, one in value.items():
        yield from _entry(f"{'  ' * depth}{_scalar(key)}:", one, depth + 1)


def _entry(head: str, value: Value, depth: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield head
        yield from _mapping(value, depth)
    elif isinstance(value, list) and value:
        yield head
        for one in value:
            yield from _item(one, depth)
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Value, depth: int) -> Iterator[str]:
    if not isinstance(value, dict) or not value:
        yield f"{'  ' * depth}- {_scalar(value)}"
        return
    first, *rest = _mapping(value, depth + 1)
    yield f"{'  ' * depth}- {first.lstrip()}"
    yield from rest


def _scalar(value: Value) -> str:
    """Text that could be read as anything else is quoted as JSON, which is YAML too, other letters by their number."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    shown = json.dumps(value, ensure_ascii=False)
    return "".join(one if " " <= one <= "~" else f"\\U{ord(one):08x}" for one in shown)
