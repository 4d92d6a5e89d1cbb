"""A counted sheet as a fact file: a `models:` entry that loads with --facts or ships with the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import msgspec

from breakeven.catalog.fields import MODEL, SIZE
from breakeven.catalog.source.hf_config import Sheet

Note = Callable[[str], str]
"""Field -> what is noted of it; empty for nothing."""


def model_file(key: str, found: Sheet, head: Mapping[str, object], origin: Mapping[str, str], note: Note) -> str:
    """The YAML text of one model.

    `head` are `name`, `vendor` and `aliases` as known; `origin` the keys under which the file states where its figures
    come from (`source`, `as_of` ...). Facts that equal a plain dense transformer's are left out.
    """
    words = {"attention": "" if found.attention == "gqa" else found.attention, "weight_format": found.weight_format}
    return "\n".join(
        [
            *(f"{name}: {_scalar(value)}" for name, value in origin.items()),
            "models:",
            f"  {_scalar(key)}:",
            *(f"    {name}: {_scalar(value)}" for name, value in {**head, **words}.items() if value),
            "    facts:",
            *(f"      {name}: {_fact(value, note(name))}" for name, value in _stated(found).items()),
            "",
        ]
    )


def _stated(found: Sheet) -> dict[str, float]:
    """The numbers every transformer has, and those that differ from their defaults."""
    plain = {field.name: field.default for field in msgspec.structs.fields(Sheet)}
    values = {name: getattr(found, name) for name in found.__struct_fields__ if name in MODEL}
    return {name: value for name, value in values.items() if name in SIZE or value != plain[name]}


def _fact(value: float, note: str) -> str:
    number = f"{int(value)}" if value == int(value) else f"{value:.10g}"
    return f"{{value: {number}, note: {json.dumps(note)}}}" if note else number


def _scalar(value: object) -> str:
    """Plain where YAML reads it back as the same text, else quoted."""
    text = str(value)
    return (
        text if isinstance(value, str) and _PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(value)
    )


_PLAIN = re.compile(r"[A-Za-z][\w. -]*\w|[A-Za-z]")
WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""What YAML takes for something other than text."""
