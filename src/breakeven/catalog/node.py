"""One mapping of a YAML file with its place, and typed reads whose errors name file, line, column, key and value."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from breakeven.errors import FactError


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A mapping in `file`; `path` is how a person would point at it. Inherited values stand behind its own.

    `at` is line and column of a mapping that the file writes as a single value, counted from 0.
    """

    file: str
    path: str
    data: Mapping[str, object]
    inherited: Mapping[str, object]
    at: tuple[int, int] | None = None

    def fail(self, key: str, problem: str, way_out: str) -> NoReturn:
        """Raise a FactError that names file, line and column, path and key."""
        path = "/".join(part for part in (self.path, key) if part)
        message = f"{self.place(key)}: {path}: {problem}"
        raise FactError(message, way_out)

    def place(self, key: str = "") -> str:
        """File, line and column of a key, or of the mapping where it does not state the key itself."""
        found = self.position(key)
        return f"{self.file}:{found[0] + 1}:{found[1] + 1}" if found else self.file

    def position(self, key: str = "") -> tuple[int, int] | None:
        """Line and column of a key, counted from 0; None where nobody knows."""
        lines = getattr(self.data, "lc", None)
        if lines is None or self.at is not None:
            return self.at
        line, column = lines.key(key) if key in self.data else (lines.line, lines.col)
        return line, column

    def get(self, key: str) -> object:
        """The value, the inherited one where it states none, or None."""
        own = self.data.get(key)
        return self.inherited.get(key) if own is None else own

    def only(self, allowed: Sequence[str]) -> None:
        """Refuse keys that are not in `allowed`, with the nearest that is."""
        for key in self.data:
            if key not in allowed:
                near = difflib.get_close_matches(str(key), allowed, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(allowed))}"
                self.fail(str(key), "unknown key", hint)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without `default` it must be there."""
        value = self.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if value is None and default is not None:
            return default
        problem = f"no {key}" if value is None else f"{key} should be a text, got {value!r}"
        return self.fail(key, problem, f"state {key}:{SOURCELESS if key == 'source' else ''}")

    def number(
        self, key: str, *, price: bool = False, low: float = 0.0, high: float = math.inf, unit: str = ""
    ) -> float | None:
        """A finite number inside low..high, above zero for a price; None where the file says nothing or null."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(key, f"should be a number, got {value!r}", f"write digits without quotes or unit{_in(unit)}")
        if not math.isfinite(value):
            self.fail(key, f"must be finite, got {value}", "leave it out if it is unknown: unpriced is not a number")
        if price and value <= 0:
            self.fail(
                key, f"a price must be above 0, got {value}", "leave it out if it is unknown; free is not a price"
            )
        if not low <= value <= high:
            problem = f"{' '.join((f'{value:g}', unit)).strip()} lies outside {low:g}..{high:g}"
            self.fail(key, problem, f"check the figure{_in(unit)}")
        return float(value)

    def date(self, key: str, *, whole: bool = False, default: str | None = None) -> str:
        """An ISO date; unless `whole`, a month or a year (2026-03, 2026) will do, as some sources say no more."""
        value = self.get(key)
        if value is None and default is not None:
            return default
        text = value.isoformat()[:10] if isinstance(value, dt.date) else str(value or "")
        if is_date(text) or (not whole and is_date(f"{text}-01-01"[:10])):
            return text
        problem = f"no {key}" if value is None else f"{key} should be a date such as 2026-11-24, got {value!r}"
        return self.fail(key, problem, "say since when the figure holds")

    def child(self, key: str, inherited: Mapping[str, object] | None = None) -> Node:
        """The mapping under `key`, empty where there is none."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, Mapping):
            self.fail(key, f"should be a mapping, got {value!r}", "indent its entries below it")
        path = f"{self.path}/{key}" if self.path else key
        at = None if value else self.position(key)
        return Node(file=self.file, path=path, data=value or {}, inherited=inherited or {}, at=at)

    def short(self, key: str, inherited: Mapping[str, object]) -> Node:
        """The mapping under `key`, where `key: 5` means `key: {value: 5}`."""
        value = self.data[key]
        if isinstance(value, Mapping):
            return self.child(key, inherited)
        path = f"{self.path}/{key}"
        return Node(file=self.file, path=path, data={"value": value}, inherited=inherited, at=self.position(key))

    def children(self, inherited: Mapping[str, object] | None = None) -> Iterator[tuple[str, Node]]:
        """Every entry as a mapping of its own."""
        for key in self.data:
            yield str(key), self.child(key, inherited)

    def behind(self, inherited: Mapping[str, object]) -> Node:
        """The same node with more values behind its own."""
        both = {**self.inherited, **inherited}
        return Node(file=self.file, path=self.path, data=self.data, inherited=both, at=self.at)


Sources = Mapping[str, Mapping[str, object]]
"""Source id -> source, as_of, url and licence that an entry naming the id inherits."""


def sourced(node: Node, known: Sources) -> Node:
    """The node with what its source id stands for behind its own values; a free text stands for itself.

    Raises:
        FactError: the source looks like an id, and no table of sources has it.
    """
    source = node.get("source")
    if not isinstance(source, str) or source not in known:
        if isinstance(source, str):
            _refuse_unknown(node, source, known)
        return node
    entry = _Entry({key: value for key, value in node.data.items() if key != "source"})
    entry.lc = getattr(node.data, "lc", None)
    named = {**node.inherited, **known[source]}
    return Node(file=node.file, path=node.path, data=entry, inherited=named, at=node.at)


def _refuse_unknown(node: Node, source: str, known: Sources) -> None:
    """Ids have hyphens and no spaces; a single word that is nearly an id was meant as one."""
    near = difflib.get_close_matches(source, known, n=1, cutoff=0.75)
    if " " in source or not (near or _ID.fullmatch(source)):
        return
    hint = f"did you mean {near[0]!r}?" if near else "define it under sources:, or write the source as a sentence"
    node.fail("source", f"no source has the id {source!r}", hint)


SOURCELESS = " a fact without source and date does not load"
_ID = re.compile(r"[a-z0-9._]+(-[a-z0-9._]+)+")


class _Entry(dict[str, object]):
    """A mapping that keeps the place of the one it was made from."""

    lc: object = None


def _in(unit: str) -> str:
    return f": it is in {unit}" if unit else ""


def is_date(text: str) -> bool:
    """Whether the text is a whole ISO date."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-24")
