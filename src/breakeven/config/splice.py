"""Replacing the targets of one route in YAML text: the words around them, and comments among them, stay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from breakeven.config.scalar import number, scalar
from breakeven.schema.noun import Noun
from breakeven.schema.policy import RouteTarget

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_DEPLOYMENT = re.compile(r"deployment['\"]?\s*:\s*['\"]?(?P<name>[A-Za-z0-9._-]+)")


class Edit(Noun, frozen=True, kw_only=True):
    """A stretch of text, by index, and what replaces it."""

    start: int
    end: int
    text: str


class _Notes(Noun, frozen=True, kw_only=True):
    """The comments of one old target: on lines of their own, and beside it."""

    deployment: str
    above: tuple[str, ...]
    beside: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; they must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def newline(text: str) -> str:
    """The line end the text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def replace_targets(text: str, node: SequenceNode, targets: Sequence[RouteTarget]) -> Edit:
    """The edit that makes `targets` of the list at `node`, in the list's own style."""
    return _flow(text, node, targets) if node.flow_style else _block(text, node, targets)


def _flow(text: str, node: SequenceNode, targets: Sequence[RouteTarget]) -> Edit:
    start, end = node.start_mark.index, node.end_mark.index
    comments = [note for line in text[start:end].splitlines() if (note := _comment(line))]
    written = [_written(target) for target in targets]
    if not comments:
        return Edit(start=start, end=end, text=f"[{', '.join(written)}]")
    first = text[text.rfind("\n", 0, start) + 1 : start]
    outer = first[: len(first) - len(first.lstrip())]
    lines = ["[", *(f"  {line}" for line in [*comments, *(f"{item}," for item in written)]), "]"]
    return Edit(start=start, end=end, text=f"{newline(text)}{outer}".join(lines))


def _block(text: str, node: SequenceNode, targets: Sequence[RouteTarget]) -> Edit:
    column = node.start_mark.column
    start = _above(text, node.start_mark.index - column) + column
    end = _end_of_line(text, _last(node).end_mark.index)
    old = [_notes(item) for item in _items(text[start:end], column)]
    stays = {target.deployment for target in targets}
    orphans = [note for notes in old if notes.deployment not in stays for note in _all(notes)]
    first = {target.deployment: target for target in reversed(targets)}
    own = [(target, old if first[target.deployment] is target else ()) for target in targets]
    lines = [*orphans, *(line for target, notes in own for line in _item(target, notes))]
    return Edit(start=start, end=end, text=f"{newline(text)}{' ' * column}".join(lines))


def _items(block: str, column: int) -> list[list[str]]:
    """The lines of each item; comment lines above an item belong to it."""
    items: list[list[str]] = []
    waiting: list[str] = []
    for line in f"{' ' * column}{block}".splitlines():
        if line.startswith(f"{' ' * column}-"):
            items.append([*waiting, line])
            waiting = []
        elif line.strip().startswith("#"):
            waiting.append(line)
        elif line.strip():
            items[-1] += [*waiting, line]
            waiting = []
    return items


def _notes(lines: Sequence[str]) -> _Notes:
    named = next((found["name"] for line in lines if (found := _DEPLOYMENT.search(_COMMENT.sub("", line)))), "")
    above = tuple(line.strip() for line in lines if line.strip().startswith("#"))
    beside = [_comment(line) for line in lines if not line.strip().startswith("#")]
    return _Notes(deployment=named, above=above, beside=" ".join(filter(None, beside)))


def _item(target: RouteTarget, old: Sequence[_Notes]) -> list[str]:
    notes = next((found for found in old if found.deployment == target.deployment), None)
    written = f"- {_written(target)}"
    if notes is None:
        return [written]
    return [*notes.above, f"{written}  {notes.beside}" if notes.beside else written]


def _all(notes: _Notes) -> list[str]:
    return [*notes.above, *filter(None, [notes.beside])]


def _written(target: RouteTarget) -> str:
    arm = f", arm: {scalar(target.arm)}" if target.arm else ""
    return f"{{deployment: {scalar(target.deployment)}, weight: {number(target.weight)}{arm}}}"


def _comment(line: str) -> str:
    found = _COMMENT.search(line)
    return found.group().strip() if found else ""


def _above(text: str, start: int) -> int:
    """The start of the comment lines right above the line that starts at `start`."""
    before = text.rfind("\n", 0, max(0, start - 1)) + 1
    return _above(text, before) if before < start and text[before:start].lstrip().startswith("#") else start


def _last(node: Node) -> Node:
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        node = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    return node


def _end_of_line(text: str, index: int) -> int:
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[index:end].endswith("\r") else end
