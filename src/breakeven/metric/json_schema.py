"""JSON Schema, draft 2020-12, as far as data of events need it: every keyword below, each meaning what the draft says.

`type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `minProperties`, `maxProperties`, `items`,
`minItems`, `maxItems`, `uniqueItems`, `minLength`, `maxLength`, `pattern`, `minimum`, `maximum`, `exclusiveMinimum`,
`exclusiveMaximum`, `multipleOf`, `allOf`, `anyOf`, `oneOf`, `not`, and `title`, `description`, `$comment`, `default`,
`examples`, `deprecated`, `$schema`, which assert nothing. Any other keyword is an error when the schema is read: what
is not checked must not look as if it were.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from breakeven.schema.noun import Noun

Path = tuple[str | int, ...]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_PATTERN_TEXT = 4096
"""Longer texts match no pattern: what a pattern may cost stays bounded."""

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
ANNOTATIONS = frozenset({"title", "description", "$comment", "default", "examples", "deprecated", "$schema"})


class Fault(Noun, frozen=True, kw_only=True):
    """What is wrong, and where: in a schema when it is read, in an instance when it is checked."""

    path: Path
    message: str
    hint: str = ""
    on_key: bool = False


Check = Callable[[Any, Path], Iterator[Fault]]


def compiled(schema: Mapping[str, Any] | bool) -> Check:  # noqa: FBT001 - true and false are schemas
    """A function that yields what an instance violates; the schema is one that `faults` finds nothing wrong with."""
    if isinstance(schema, bool):
        return _anything if schema else _nothing
    checks = [make(schema[key], schema) for key, make in _MAKERS.items() if key in schema]
    if len(checks) == 1:
        return checks[0]

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any JSON
        for one in checks:
            yield from one(value, path)

    return check


def _anything(_value: Any, _path: Path) -> Iterator[Fault]:  # noqa: ANN401
    return iter(())


def _nothing(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
    yield Fault(path=path, message=f"{shown(value)} is not allowed here")


def shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value in a few characters, with its kind where that says more."""
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = {None: "null", True: "true", False: "false"}.get(value) if value in (None, True, False) else None
    if isinstance(value, bool) or value is None:
        return text or "null"
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."  # noqa: PLR2004 - a line's worth


def is_number(value: object) -> bool:
    """Whether JSON calls it a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: is_number(value) and (isinstance(value, int) or value.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list | tuple),
    "null": lambda value: value is None,
}


def equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON
    """JSON's equality: 1 is 1.0, and true is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _type(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    tests = [_IS[name] for name in names]
    words = " or ".join(names)

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if not any(test(value) for test in tests):
            yield Fault(path=path, message=f"must be of type {words}, got {shown(value)}")

    return check


def _enum(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    words = ", ".join(map(shown, wanted))
    return _holds(lambda value: any(equal(value, one) for one in wanted), f"must be one of {words}")


def _const(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    return _holds(lambda value: equal(value, wanted), f"must be {shown(wanted)}")


def _holds(test: Callable[[Any], bool], words: str) -> Check:
    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if not test(value):
            yield Fault(path=path, message=f"{words}, got {shown(value)}")

    return check


def _for(kind: str, test: Callable[[Any], bool], words: str) -> Check:
    """A keyword that speaks of one kind of value and passes all others."""
    of_kind = _IS[kind]
    return _holds(lambda value: not of_kind(value) or test(value), words)


def _properties(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    checks = {name: compiled(below) for name, below in wanted.items()}

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if isinstance(value, dict):
            for name, below in checks.items():
                if name in value:
                    yield from below(value[name], (*path, name))

    return check


def _required(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if isinstance(value, dict):
            for name in wanted:
                if name not in value:
                    yield Fault(path=(*path, name), message="is missing")

    return check


def _additional(wanted: Any, schema: Mapping[str, Any]) -> Check:  # noqa: ANN401
    known, below = frozenset(schema.get("properties", ())), compiled(wanted)

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if isinstance(value, dict):
            for name in value.keys() - known:
                if wanted is False:
                    yield Fault(path=(*path, name), message="is not named by the plan")
                else:
                    yield from below(value[name], (*path, name))

    return check


def _items(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    below = compiled(wanted)

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if isinstance(value, list | tuple):
            for at, one in enumerate(value):
                yield from below(one, (*path, at))

    return check


def _unique(values: Any) -> bool:  # noqa: ANN401
    return not any(equal(one, other) for at, one in enumerate(values) for other in values[:at])


def _pattern(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    found = re.compile(anchored(wanted), re.ASCII)
    return _for(
        "string",
        lambda value: len(value) <= MAX_PATTERN_TEXT and found.search(value) is not None,
        f"must match the pattern {wanted}",
    )


def anchored(pattern: str) -> str:
    """The pattern with JSON Schema's `$`, which is the very end, where Python's also stands before a last newline."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") and not re.search(r"\\(\\\\)*\$$", pattern) else pattern


def _multiple(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    step = Decimal(str(wanted))

    def test(value: Any) -> bool:  # noqa: ANN401
        return math.isfinite(value) and (Decimal(str(value)) / step) % 1 == 0

    return _for("number", test, f"must be a multiple of {wanted}")


def _any_of(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    tests = [_passes(one) for one in wanted]
    return _holds(lambda value: any(test(value) for test in tests), f"must hold one of {len(tests)} alternatives")


def _one_of(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    tests = [_passes(one) for one in wanted]
    words = f"must hold exactly one of {len(tests)} alternatives"
    return _holds(lambda value: sum(test(value) for test in tests) == 1, words)


def _not(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    test = _passes(wanted)
    return _holds(lambda value: not test(value), "is what `not` forbids")


def _passes(schema: Any) -> Callable[[Any], bool]:  # noqa: ANN401
    check = compiled(schema)
    return lambda value: next(check(value, ()), None) is None


def _all_of(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
    checks = [compiled(one) for one in wanted]

    def check(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        for one in checks:
            yield from one(value, path)

    return check


def _sized(kind: str, words: str, *, least: bool) -> Callable[[Any, Mapping[str, Any]], Check]:
    def make(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
        said = f"must have {'at least' if least else 'at most'} {wanted} {words}"
        return _for(kind, lambda value: len(value) >= wanted if least else len(value) <= wanted, said)

    return make


def _bound(words: str, test: Callable[[Any, Any], bool]) -> Callable[[Any, Mapping[str, Any]], Check]:
    def make(wanted: Any, _: Mapping[str, Any]) -> Check:  # noqa: ANN401
        return _for("number", lambda value: test(value, wanted), f"must be {words} {wanted}")

    return make


_MAKERS: dict[str, Callable[[Any, Mapping[str, Any]], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "minProperties": _sized("object", "properties", least=True),
    "maxProperties": _sized("object", "properties", least=False),
    "items": _items,
    "minItems": _sized("array", "entries", least=True),
    "maxItems": _sized("array", "entries", least=False),
    "uniqueItems": lambda wanted, _: _for("array", lambda value: not wanted or _unique(value), "must not repeat"),
    "minLength": _sized("string", "characters", least=True),
    "maxLength": _sized("string", "characters", least=False),
    "pattern": _pattern,
    "minimum": _bound("at least", lambda value, wanted: value >= wanted),
    "maximum": _bound("at most", lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _bound("more than", lambda value, wanted: value > wanted),
    "exclusiveMaximum": _bound("less than", lambda value, wanted: value < wanted),
    "multipleOf": _multiple,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
}
KEYWORDS = tuple(_MAKERS)
"""The keywords that assert something."""
