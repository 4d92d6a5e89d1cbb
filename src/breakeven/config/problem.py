"""What is wrong with a file people wrote, and how it is shown: place, line, caret, suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from breakeven.schema.noun import Noun

Path = tuple[str | int, ...]
"""Where a value sits in the data: keys and list indices from the root."""

MAX_PROBLEMS = 200
"""Told of one file; nobody reads more at once."""
_SHOWN = 120
_MARGIN = 12
_SECRET_KEY = re.compile(
    r"(?i)\b(?P<key>(?:\w*(?:secret|passw(?:or)?d|(?:api|access|private)_?key|(?:api|access|auth|bearer)_?token)"
    r"|key|token)(?P<env>_env)?)(?P<colon>['\"]?\s*:\s*)"
)
_SECRET_VALUE = re.compile(r"[^\s,}\]]+")
_ENV_NAME = re.compile(r"[\"']?[A-Za-z_][A-Za-z0-9_]*[\"']?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_USERINFO = re.compile(r"(?<=//)[^/\s@]+(?=@)")


class Place(Noun, frozen=True, kw_only=True):
    """A stretch of one line of a file; line and column count from 1."""

    line: int
    column: int
    width: int = 1


class Complaint(Noun, frozen=True, kw_only=True):
    """A problem by its path in the data. With `on_key` the key is at fault, otherwise its value."""

    path: Path
    message: str
    hint: str = ""
    on_key: bool = False


class Problem(Noun, frozen=True, kw_only=True):
    """A problem by its place in the file."""

    place: Place
    message: str
    hint: str = ""


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, upper and lower case alike; None when none comes close."""
    folded = {choice.lower(): choice for choice in choices if abs(len(choice) - len(word)) <= max(2, len(word) // 3)}
    found = difflib.get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggest(word: str, choices: Sequence[str], *, kind: str = "known here") -> str:
    """A way out for a word that is not among `choices`: the nearest one, otherwise all of them."""
    close = nearest(word, choices)
    if close is not None:
        return f"did you mean `{close}`?"
    return f"{kind}: {', '.join(choices)}" if choices else f"{kind}: nothing yet"


def masked(line: str) -> str:
    """The line with what looks like a secret starred out, columns unchanged."""
    line = _USERINFO.sub(lambda found: "*" * len(found.group()), line)
    for key in reversed(list(_SECRET_KEY.finditer(line))):
        line = _mask_value(line, key)
    return line


def _mask_value(line: str, key: re.Match[str]) -> str:
    value = _SECRET_VALUE.match(line, key.end())
    if value is None or (key["env"] and _ENV_NAME.fullmatch(value.group())):
        return line
    return line[: value.start()] + "*" * len(value.group()) + line[value.end() :]


def listing(problems: Sequence[Problem], text: str, filename: str) -> str:
    """All problems in the order of the file, each with `file:line:column`, its line, a caret and a suggestion."""
    lines = text.splitlines()
    more = "at least " if len(problems) >= MAX_PROBLEMS else ""
    count = f"{more}{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return "\n".join([f"{filename} has {count}", *(_one(problem, lines, filename) for problem in problems)])


def _one(problem: Problem, lines: Sequence[str], filename: str) -> str:
    place = problem.place
    shown = [f"{filename}:{place.line}:{place.column}: {visible(problem.message)}"]
    if place.line <= len(lines):
        shown += _excerpt(masked(lines[place.line - 1]), place)
    return "\n".join([*shown, f"      {visible(problem.hint)}"] if problem.hint else shown)


def visible(text: str) -> str:
    """The text with its control characters written out, so that what a file holds cannot steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def _excerpt(line: str, place: Place) -> list[str]:
    start = max(0, place.column - _SHOWN // 2) if place.column > _SHOWN - _MARGIN else 0
    piece = line[start : start + _SHOWN]
    before = "".join("\t" if letter == "\t" else " " for letter in piece[: place.column - 1 - start])
    carets = "^" * max(1, min(place.width, len(piece) - len(before)))
    piece = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", piece.rstrip())
    return [f"{place.line:>5} | {piece}", f"      | {before}{carets}"]
