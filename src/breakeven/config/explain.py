"""What pydantic found, in words: the key, the value, and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from breakeven.config.field import CHOICES, ENV, OTHERWISE, PATTERNS, WORD
from breakeven.config.problem import Complaint, Path, masked, nearest, suggest

_WANTED = {
    "string_type": "text",
    "string_unicode": "text of whole characters",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


_SYNONYMS = {
    "fallback": "failure",
    "on_error": "failure",
    "failure_policy": "failure",
    "default_body": "default_answer",
    "deadline_ms": "budget_ms",
    "api_key": "api_key_env",
    "key": "key_env",
    "url": "base_url",
    "endpoint": "base_url",
    "path": "model_path",
    "type": "kind",
    "timeout": "timeout_s",
    "gpu": "accelerator",
    "gpus": "accelerators",
    "region": "regions",
    "ttl_s": "cache_ttl_s",
    "window_s": "attribution_window_s",
    "weights": "weight",
    "pii": "personal_data",
    "residency": "data_locality",
    "max_tokens": "max_output_tokens",
    "default_max_tokens": "max_output_tokens",
    "circuit_breaker": "breaker",
    "rate_limit": "quota",
    "rps": "requests_per_s",
    "tpm": "tokens_per_min",
    "max_budget": "limit_usd",
    "amount_usd": "limit_usd",
    "max_retries": "attempts",
    "fail_open": "fail",
}
"""Words people bring along, and the key they mean here."""


def explain(error: ErrorDetails, model: type[BaseModel]) -> Complaint | None:
    """One error of pydantic as a complaint about the file; None for one that only follows from others."""
    if error["type"] == "too_short" and error["input"]:
        return None  # the list was not empty, its entries failed
    side = error["loc"][-1] if error["loc"] else ""
    if (side == _NUMBER and isinstance(error["input"], dict)) or (_is_section(side) and error["type"] == "model_type"):
        return None  # the other side of the union is what was meant, and says what is wrong with it
    path = tuple(part for part in error["loc"] if part not in _NO_KEYS and not _is_section(part))
    if path and path[-1] in _BRANCHES:
        return _either(error, path[:-1])
    kind = error["type"]
    writer = _WRITERS.get(kind) or (_limit if kind in _LIMITS else _wrong_type if kind in _WANTED else _other)
    return writer(error, path, model)


def _is_section(part: int | str) -> bool:
    """Whether a part of a location is pydantic's name for the mapping among the sides of a union."""
    return isinstance(part, str) and part.endswith("Section")


_NUMBER = "constrained-float"
"""How pydantic names a number with limits among the sides of a union."""
_NO_KEYS = frozenset({"[key]", OTHERWISE, WORD, _NUMBER})
"""Parts of a location that name no key of the file."""
_BRANCHES = {"str": "text", "float": "a number"}
"""How pydantic names the sides of a value that may be either."""


def _either(error: ErrorDetails, path: Path) -> Complaint:
    """One complaint for all sides of a union: the tree keeps equal ones once."""
    message = f"{named(path)} must be text or a number, got {described(error['input'])}"
    return Complaint(path=path, message=message, hint="write a number with its unit, such as `98.32 USD/h`")


def _unknown(_: ErrorDetails, path: Path, model: type[BaseModel]) -> Complaint:
    key, parent = str(path[-1]), section_at(model, path[:-1])
    hint = _hint_for_key(key, parent) if parent else ""
    if key[:1].isdigit():
        hint = "inside { } a comma ends the entry: write decimals with a point, or quote the value"
    return Complaint(path=path, message=f"unknown key `{key}`{_inside(path)}", hint=hint, on_key=True)


def _hint_for_key(key: str, section: type[BaseModel]) -> str:
    known = tuple(section.model_fields)
    if nearest(key, known) is None:
        for name in known:
            below = section_at(section, (name,))
            if below is not None and key in below.model_fields:
                return f"did you mean `{name}: {{{key}: ...}}`?"
    meant = _SYNONYMS.get(nearest(key, [word for word, name in _SYNONYMS.items() if name in known]) or "")
    return f"did you mean `{meant}`?" if meant and nearest(key, known) is None else suggest(key, known)


def _missing(_: ErrorDetails, path: Path, model: type[BaseModel]) -> Complaint:
    if isinstance(path[-1], int):
        message = f"{named(path[:-1])} is too short: its entry {path[-1] + 1} is missing"
        return Complaint(path=path[:-1], message=message, hint="write all of its entries")
    key, parent = str(path[-1]), section_at(model, path[:-1])
    field = parent.model_fields[key] if parent else None
    about = f" ({field.description})" if field and field.description else ""
    return Complaint(
        path=path[:-1], message=f"{named(path[:-1])} lacks the key `{key}`", hint=f"add `{key}: ...`{about}"
    )


def _wrong_type(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    wanted, given = _WANTED[error["type"]], error["input"]
    message = f"{named(path)} must be {wanted}, got {described(given)}"
    return Complaint(path=path, message=message, hint=_type_hint(wanted, given))


def _type_hint(wanted: str, given: object) -> str:
    if given is None:
        return "give a value or remove the key" if wanted != "a list" else "write `[]` for none, or remove the key"
    if isinstance(given, str) and "number" in wanted:
        return _number_hint(wanted, given.strip())
    if wanted == "text" and not isinstance(given, tuple | dict):
        return f'quote it: "{str(given).lower() if isinstance(given, bool) else given}"'
    hints = {
        "true or false": "YAML 1.2 knows only true and false; yes, no, on and off are text",
        "a list": "write a list: [..., ...] or one `- ` per line",
    }
    return hints.get(wanted, f"write {wanted}")


def _number_hint(wanted: str, given: str) -> str:
    if re.fullmatch(r"[0-9]+:[0-9:]+", given):
        return "a time of day is no number: write the amount in the unit of the key"
    plain = re.fullmatch(r"[-+]?[0-9.]+(e-?[0-9]+)?", given, re.IGNORECASE)
    return f"remove the quotes: {given}" if plain else f"write {wanted}, without unit or currency sign"


def _choice(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    choices = choices or [str(error.get("ctx", {}).get("expected", ""))]
    if error["loc"][-1] == WORD:
        return _one_word(choices[0], path, str(error["input"]))
    several = len(choices) > 1
    wanted = f"one of {', '.join(choices)}" if several else choices[0]
    message = f"{named(path)} must be {wanted}, got {described(error['input'])}"
    hint = suggest(str(error["input"]), choices, kind="write one of" if several else "write")
    return Complaint(path=path, message=message, hint=hint)


def _one_word(word: str, path: Path, given: str) -> Complaint:
    """A word where only one may stand, or a value of another kind."""
    message = f"the one word that {named(path)} may be is `{word}`, got {described(given)}"
    hint = f"write {word}, or a value" if nearest(given, [word]) is None else f"did you mean `{word}`?"
    if given[:1].isdigit():
        hint = _number_hint("a number", given.strip())
    return Complaint(path=path, message=message, hint=hint)


def _limit(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    name, words = _LIMITS[error["type"]]
    bound = f"{error.get('ctx', {})[name]:.12g}"
    message = f"{named(path)} must be {words} {bound}, got {described(error['input'])}"
    return Complaint(path=path, message=message, hint=f"write a value of {words} {bound}, or remove the key")


def _not_finite(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    hint = "leave the key out where the value is unknown"
    return Complaint(path=path, message=f"{named(path)} must be finite, got {described(error['input'])}", hint=hint)


def _pattern(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    pattern = str(error.get("ctx", {}).get("pattern", ""))
    wanted, hint = PATTERNS.get(pattern, (f"text like {pattern}", ""))
    given = "something else" if pattern == ENV else described(masked(str(error["input"])))
    if (close := nearest(str(error["input"]), CHOICES.get(pattern, ()))) is not None:
        hint = f"did you mean `{close}`?"
    message, on_key = f"{named(path)} must be {wanted}, got {given}", error["loc"][-1] == "[key]"
    return Complaint(path=path, message=message, hint=hint, on_key=on_key)


def _too_short(_: ErrorDetails, path: Path, __: type[BaseModel]) -> Complaint:
    return Complaint(path=path, message=f"{named(path)} is empty, it needs at least one", hint="give a value")


def _too_long(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    most = error.get("ctx", {}).get("max_length", 0)
    what = "characters" if isinstance(error["input"], str) else "entries"
    message = f"{named(path)} has more than {most} {what}, got {described(error['input'])}"
    return Complaint(path=path, message=message, hint=f"at most {most} are read")


def _refused(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    """What a check of our own says: its sentence ends in the way out, behind a colon."""
    message, _colon, hint = str(error.get("ctx", {}).get("error", error["msg"])).rpartition(": ")
    return Complaint(path=path, message=message or hint, hint=hint if message else "")


def _other(error: ErrorDetails, path: Path, _: type[BaseModel]) -> Complaint:
    return Complaint(path=path, message=f"{named(path)}: {error['msg']}, got {described(error['input'])}")


_Writer = Callable[[ErrorDetails, Path, type[BaseModel]], Complaint]
_WRITERS: Mapping[str, _Writer] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _choice,
    "finite_number": _not_finite,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "too_short": _too_short,
    "too_long": _too_long,
    "string_too_long": _too_long,
    "value_error": _refused,
}


def described(value: object) -> str:
    """A value with its kind, shortened."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, tuple | dict):
        return f"a {'list' if isinstance(value, tuple) else 'mapping'} of {len(value)}"
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return f"the text '{text if len(text) <= 60 else text[:57] + '...'}'"  # noqa: PLR2004 - a line's worth


def named(path: Path) -> str:
    """A path for people: the last key, or an entry such as `deployments[2]`."""
    keys = [part for part in path if isinstance(part, str)]
    if not path or not keys:
        return "the file"
    if isinstance(path[-1], str):
        return f"`{path[-1]}`"
    return f"`{keys[-1]}[{path[-1]}]`"


def _inside(path: Path) -> str:
    return f" in {named(path[:-1])}" if len(path) > 1 else ""


def section_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The section that holds the keys at `path`; None where values are no sections."""
    section: type[BaseModel] | None = model
    named_entry = False
    for part in path:
        if named_entry or not isinstance(part, str):
            named_entry = False
            continue
        field = section.model_fields.get(part) if section else None
        section = _section_in(field.annotation) if field else None
        named_entry = field is not None and get_origin(field.annotation) is dict
    return section


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, (_section_in(part) for part in get_args(annotation))), None)
