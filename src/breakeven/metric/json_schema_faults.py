"""What is wrong with a JSON Schema itself: each fault with its path, so that a file can be pointed into."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from re import _parser as patterns  # type: ignore[attr-defined] # the one way to see what a pattern repeats
from typing import Any

from breakeven.metric.json_schema import ANNOTATIONS, DIALECT, KEYWORDS, TYPES, Fault, Path, is_number, shown

MAX_DEPTH = 24
MAX_PATTERN = 500

Judge = Callable[[Any, Path], Iterator[Fault]]


def faults(schema: Any, path: Path = ()) -> Iterator[Fault]:  # noqa: ANN401 - whatever a file holds
    """Everything that keeps a value from being a schema that `compiled` can check with."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield Fault(
            path=path, message=f"a schema must be a mapping, true or false, got {shown(schema)}", hint="write {}"
        )
        return
    if len(path) > MAX_DEPTH:
        yield Fault(path=path, message=f"the schema is nested deeper than {MAX_DEPTH}", hint="make it flatter")
        return
    for key, value in schema.items():
        at = (*path, key)
        if key in _JUDGES:
            yield from _JUDGES[key](value, at)
        elif key not in ANNOTATIONS:
            yield _unknown(key, at)
        elif key == "$schema" and value != DIALECT:
            yield Fault(path=at, message=f"the dialect {shown(value)} is not read", hint=f"write {DIALECT}")


def _unknown(key: str, at: Path) -> Fault:
    reasons = {
        "$ref": "write the schema out where it is used",
        "format": "write a `pattern`; a format asserts nothing in draft 2020-12",
        "if": "write it with `anyOf`",
        "additionalItems": "`items` is for all entries",
        "dependencies": "write it with `anyOf`",
    }
    hint = reasons.get(key, f"keywords that are checked: {', '.join(KEYWORDS)}")
    return Fault(path=at, message=f"the keyword `{key}` is not checked here", hint=hint, on_key=True)


def _needs(test: Callable[[Any], bool], wanted: str) -> Judge:
    def judge(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
        if not test(value):
            yield Fault(path=path, message=f"`{path[-1]}` must be {wanted}, got {shown(value)}", hint=f"write {wanted}")

    return judge


def _type(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
    names = value if isinstance(value, list | tuple) and value else (value,)
    for name in names:
        if name not in TYPES:
            yield Fault(path=path, message=f"there is no type {shown(name)}", hint=f"write one of {', '.join(TYPES)}")


def _named(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        yield Fault(path=path, message=f"`{path[-1]}` must be a mapping, got {shown(value)}", hint="write name: schema")
        return
    for name, below in value.items():
        yield from faults(below, (*path, name))


def _several(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
    if not isinstance(value, list | tuple) or not value:
        yield Fault(
            path=path, message=f"`{path[-1]}` must be a list of schemas, got {shown(value)}", hint="write [...]"
        )
        return
    for at, below in enumerate(value):
        yield from faults(below, (*path, at))


def _pattern(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401
    problem = impossible(value)
    if problem:
        yield Fault(path=path, message=f"the pattern {shown(value)} {problem[0]}", hint=problem[1])


def impossible(pattern: Any) -> tuple[str, str] | None:  # noqa: ANN401
    """Why a pattern cannot be used, and the way out; None when it can.

    Besides what is no regular expression: repetitions of repetitions or of alternatives, references to groups and
    looking around, with which a few dozen characters can keep a matcher busy for years.
    """
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
        return f"must be text of at most {MAX_PATTERN} characters", "write a regular expression"
    try:
        re.compile(pattern, re.ASCII)
        parsed = patterns.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}", "quote it in YAML, and escape what is meant literally by \\"
    risky = _risky(parsed, repeated=False)
    return (f"{risky}, which can take forever", "write it without, such as [ab]* for (a|b)*") if risky else None


def _risky(parsed: Any, *, repeated: bool) -> str:  # noqa: ANN401 - the parser's own
    for kind, details in parsed:
        name = str(kind)
        if name in {"ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS"}:
            return "looks around or refers to a group"
        if name == "BRANCH" and repeated:
            return "repeats alternatives"
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"} and details[1] > 1:
            if repeated:
                return "repeats a repetition"
            found = _risky(details[2], repeated=True)
        else:
            found = _below(name, details, repeated=repeated)
        if found:
            return found
    return ""


def _below(name: str, details: Any, *, repeated: bool) -> str:  # noqa: ANN401
    if name == "SUBPATTERN":
        return _risky(details[3], repeated=repeated)
    if name == "BRANCH":
        return next(filter(None, (_risky(one, repeated=repeated) for one in details[1])), "")
    if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        return _risky(details[2], repeated=repeated)
    return _risky(details, repeated=repeated) if name == "ATOMIC_GROUP" else ""


_COUNT = _needs(lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0, "a count")
_NUMBER = _needs(is_number, "a number")
_TEXTS = _needs(
    lambda value: isinstance(value, list | tuple) and all(isinstance(one, str) for one in value), "a list of names"
)

_JUDGES: dict[str, Judge] = {
    "type": _type,
    "enum": _needs(lambda value: isinstance(value, list | tuple) and bool(value), "a list of values"),
    "const": _needs(lambda _: True, "a value"),
    "required": _TEXTS,
    "properties": _named,
    "items": faults,
    "additionalProperties": faults,
    "not": faults,
    "uniqueItems": _needs(lambda value: isinstance(value, bool), "true or false"),
    "pattern": _pattern,
    "multipleOf": _needs(lambda value: is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _several),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT),
}
