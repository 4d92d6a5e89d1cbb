"""YAML 1.2 text to plain values, each with its place; bounded, so that a hostile file costs little."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, StringMark, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from breakeven.config.problem import MAX_PROBLEMS, Complaint, Path, Place, Problem

Value: TypeAlias = "str | int | float | bool | tuple[Value, ...] | dict[str, Value] | None"

MAX_BYTES = 256 * 1024
MAX_MARKS = 20_000
"""Lines, commas, colons and brackets a file may hold, which is at least as many as it has values."""
MAX_LINE = 64 * 1024
MAX_DEPTH = 32
MAX_BRACKETS = 2 * MAX_DEPTH
"""Open at once in a line; some of them may stand in words."""

_CORE = "tag:yaml.org,2002:"
_HALVES = re.compile("[\ud800-\udfff]")
_TEXT_TAGS = frozenset({f"{_CORE}str", f"{_CORE}timestamp", f"{_CORE}null"})


class _Composer(Composer):
    """Without aliases: a few lines of them stand for millions of values."""

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """The next node.

        Raises:
            ComposerError: it is an alias.
        """
        if self.parser.check_event(AliasEvent):
            event = self.parser.peek_event()
            raise ComposerError(problem=f"an alias (`*{event.anchor}`)", problem_mark=event.start_mark)
        found: Node | None = super().compose_node(parent, index)
        return found


class Tree:
    """A parsed file: its plain value, where every key and value stands, and what was wrong already."""

    def __init__(self) -> None:
        self.value: Value = None
        self.keys: dict[Path, Place] = {}
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []

    def place(self, path: Path, *, on_key: bool = False) -> Place:
        """Where a path stands; a path that is not in the file stands where its nearest parent does."""
        while path:
            first, second = (self.keys, self.places) if on_key else (self.places, self.keys)
            if path in first or path in second:
                return first.get(path) or second[path]
            path, on_key = path[:-1], True
        return self.places.get((), Place(line=1, column=1))

    def add(self, complaint: Complaint) -> None:
        """Note a complaint, once per place and message; what is beyond MAX_PROBLEMS is not noted."""
        if self.full:
            return
        place = self.place(complaint.path, on_key=complaint.on_key)
        problem = Problem(place=place, message=complaint.message, hint=complaint.hint)
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def full(self) -> bool:
        """Whether enough is wrong already."""
        return len(self.problems) >= MAX_PROBLEMS

    def in_order(self) -> list[Problem]:
        """The problems as they follow in the file."""
        return sorted(self.problems, key=lambda problem: (problem.place.line, problem.place.column))


def parse(text: str) -> Tree:
    """Read YAML text; what cannot be read is a problem of the tree, never an exception."""
    tree = Tree()
    try:
        root = compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        tree.problems.append(_syntax(error, text))
        return tree
    if root is not None:
        tree.value = _Walk(tree).value(root, ())
    return tree


def compose(text: str) -> Node | None:
    """The node tree of YAML text, None when it is empty.

    Raises:
        YAMLError: the text is no YAML, or nests too deep.
        ValueError: the text is larger than a file people write.
    """
    _check_size(text)
    yaml = YAML(typ="rt", pure=True)
    yaml.Composer = _Composer
    yaml.max_depth = MAX_DEPTH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        node: Node | None = yaml.compose(text)
    return node


def _check_size(text: str) -> None:
    """Counts what makes a reader work before it works: a value costs it 40 microseconds, a mark here nanoseconds."""
    size, marks = len(text.encode()), sum(map(text.count, _MARKS))
    if size > MAX_BYTES:
        message = f"the file has {size} bytes, at most {MAX_BYTES} are read"
    elif marks > MAX_MARKS:
        message = f"the file has {marks} lines, commas, colons and brackets, at most {MAX_MARKS} are read"
    elif (longest := max(map(len, lines := text.split("\n")))) > MAX_LINE:
        message = f"the file has a line of {longest} characters, at most {MAX_LINE} are read"
    elif (deepest := max(map(_brackets, lines))) > MAX_BRACKETS:
        message = (
            f"the file has a line that opens {deepest} brackets inside one another, more than {MAX_DEPTH} are no use"
        )
    else:
        return
    raise ValueError(message)


def _brackets(line: str) -> int:
    """How deep the brackets of a line nest; each open one costs the reader time at every further character."""
    if line.count("[") + line.count("{") <= MAX_BRACKETS:
        return 0
    return max(accumulate(1 if letter in "[{" else -1 if letter in "]}" else 0 for letter in line))


_MARKS = ("\n", ",", ": ", "[", "{", "- ", "? ")


def _syntax(error: Exception, text: str) -> Problem:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part).strip() for part in (error.context, error.problem) if part)
        place = Place(line=mark.line + 1, column=mark.column + 1) if mark else Place(line=1, column=1)
        message = f"{what} is not read here" if what.startswith("an alias") else f"not YAML: {what}"
        return Problem(place=place, message=message, hint=_syntax_hint(what))
    if isinstance(error, RecursionError):
        return Problem(place=Place(line=1, column=1), message=f"nested deeper than {MAX_DEPTH} levels")
    position = getattr(error, "position", None)
    if position is None:
        return Problem(
            place=Place(line=1, column=1), message=str(error), hint="split the file or remove generated parts"
        )
    before = text[:position]
    place = Place(line=before.count("\n") + 1, column=position - (before.rfind("\n") + 1) + 1)
    return Problem(place=place, message=f"the character {text[position]!r} is not allowed", hint="save as UTF-8 text")


def _syntax_hint(what: str) -> str:
    hints = {
        "\\t": "indent with spaces, YAML allows no tabs",
        "mapping values are not allowed": "quote a value that holds `: `",
        "an alias": "write the value out; text that starts with `*` must be quoted",
        "another document": "keep one document, remove the second `---`",
        "end of stream": "a quote was never closed",
        "<stream end>": "a bracket was never closed",
        "maximum depth": "flatten it: no key of breakeven nests this deep",
    }
    return next((hint for sign, hint in hints.items() if sign in what), "check indentation and quotes here")


class _Walk:
    """Turns nodes into values and fills a tree's places on the way."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def value(self, node: Node, path: Path) -> Value:
        self.tree.places[path] = _place(node, self.tree.keys.get(path))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return tuple(self.value(item, (*path, at)) for at, item in enumerate(node.value))
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is not None and self._is_new(key, key_node, (*path, key), found):
                self.tree.keys[*path, key] = _place(key_node, None)
                found[key] = self.value(value_node, (*path, key))
        return found

    def _key(self, node: Node) -> str | None:
        if isinstance(node, ScalarNode) and node.tag in _TEXT_TAGS and node.value and not _HALVES.search(node.value):
            return str(node.value)
        hint = "write the keys out" if node.tag == f"{_CORE}merge" else "quote it, or write a name"
        if isinstance(node, ScalarNode) and node.value.isdigit():
            hint = "quote it; inside { } a comma ends an entry, also one between digits"
        self._problem(node, f"a key must be text, got {_shown(node)}", hint)
        return None

    def _is_new(self, key: str, node: Node, path: Path, found: dict[str, Value]) -> bool:
        if key not in found:
            return True
        first = self.tree.keys[path]
        self._problem(node, f"duplicate key `{key}`, first given in line {first.line}", "keep one of them")
        return False

    def _problem(self, node: Node, message: str, hint: str) -> None:
        if self.tree.full:
            return
        self.tree.problems.append(Problem(place=_place(node, None), message=message, hint=hint))

    def _scalar(self, node: Node, path: Path) -> Value:
        text, tag = str(node.value), str(node.tag)
        try:
            return resolve(text, tag.removeprefix(_CORE))
        except ValueError as error:
            self.tree.add(Complaint(path=path, message=str(error), hint="quote it if it is meant as text"))
            return None


def resolve(text: str, kind: str) -> Value:
    """A scalar by YAML 1.2 rules: `no`, `12:30` and dates are text, `3e-7` is a number.

    Raises:
        ValueError: the scalar is no value of YAML's core schema.
    """
    if kind in {"str", "timestamp"}:
        return _whole(text)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind == "int" and len(text) < 40 and ":" not in text:  # noqa: PLR2004 - no quantity needs forty digits
        return _integer(text.replace("_", ""))
    if kind == "float" and ":" not in text:
        return _real(text.replace("_", "").lower())
    message = f"`{text[:60]}` is no plain value of YAML 1.2 (read as {kind})"
    raise ValueError(message)


def _whole(text: str) -> str:
    if text.isascii() or not _HALVES.search(text):
        return text
    message = "half a character: `\\ud800` to `\\udfff` mean nothing alone"
    raise ValueError(message)


def _integer(text: str) -> int:
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    bases = {"0o": 8, "0x": 16, "0b": 2}
    base = bases.get(digits[:2].lower(), 10)
    return sign * int(digits if base == 10 else digits[2:], base)  # noqa: PLR2004 - the decimal system


def _real(text: str) -> float:
    sign, size = (-1.0 if text.startswith("-") else 1.0), text.lstrip("+-")
    special = {".inf": math.inf, ".nan": math.nan}
    return sign * (special[size] if size in special else float(size))


def _place(node: Node, key: Place | None) -> Place:
    start, end = node.start_mark, node.end_mark
    if key is not None and start.index == end.index:
        return key
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return _place(node.value[0][0], None)
    return Place(line=start.line + 1, column=start.column + 1, width=_width(start, end))


def _width(start: StringMark, end: StringMark) -> int:
    return max(1, end.column - start.column) if end.line == start.line else 1


def _shown(node: Node) -> str:
    return (
        f"`{_HALVES.sub('?', str(node.value))[:40]}`"
        if isinstance(node, ScalarNode) and node.value
        else "nothing or a collection"
    )


def items(value: Value, *path: str) -> Sequence[tuple[Path, dict[str, Value]]]:
    """The mappings of a list found under `path`, each with its own path; what has another form is passed over."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    listed = value if isinstance(value, tuple) else ()
    return [((*path, at), entry) for at, entry in enumerate(listed) if isinstance(entry, dict)]
