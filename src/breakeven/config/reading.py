"""From text to a checked value: parse, validate, cross-check, and report everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from breakeven.config.explain import described, explain
from breakeven.config.problem import Complaint, Problem, listing
from breakeven.config.tree import MAX_BYTES, Tree, Value, parse
from breakeven.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Rule = Callable[[Value], Iterable[Complaint]]
"""A check across keys. It sees plain values, so that it works in a file with other errors too."""


def check(model: type[Model], text: str, rules: Sequence[Rule]) -> tuple[Model | None, list[Problem]]:
    """The checked value, or None and every problem of the text in the order of the file."""
    tree = parse(text)
    if tree.value is None and not tree.problems:
        tree.value = {}
    value = None
    if isinstance(tree.value, dict):
        if (other := _other_grammar(tree.value, model)) is not None:
            tree.add(other)
        else:
            value = _validated(model, tree)
    if value is None and not tree.problems:
        tree.add(_no_mapping(tree.value, model))
    for complaint in (found for rule in rules for found in rule(tree.value)):
        if tree.full:
            break
        tree.add(complaint)
    return (None if tree.problems else value), tree.in_order()


def _validated(model: type[Model], tree: Tree) -> Model | None:
    try:
        return model.model_validate(tree.value)
    except ValidationError as failed:
        for error in failed.errors(include_url=False):
            if tree.full:
                break
            complaint = explain(error, model)
            if complaint is not None:
                tree.add(complaint)
    return None


def _no_mapping(value: Value, model: type[BaseModel]) -> Complaint:
    message = f"the file must be a mapping of keys to values, got {described(value)}"
    return Complaint(path=(), message=message, hint=f"start with `{next(iter(model.model_fields))}: 1`")


COMMANDS = {
    "study": "`breakeven tco` computes it",
    "proposal": "`breakeven compare` takes it",
    "workload": "`breakeven compare --workload` takes it",
}
"""Files whose first key says what they are, and what they are for."""


def _other_grammar(value: dict[str, Value], model: type[BaseModel]) -> Complaint | None:
    """One complaint where a file is of another kind, instead of one for each of its keys."""
    wanted = next(iter(model.model_fields))
    found = [kind for kind in COMMANDS if kind in value]
    if wanted in value or wanted not in COMMANDS or len(found) != 1:
        return None
    message = f"this is a {found[0]}, and a {wanted} is needed"
    return Complaint(path=(found[0],), message=message, hint=COMMANDS[found[0]], on_key=True)


def load(
    model: type[Model], text: str, filename: str, rules: Sequence[Rule], error: type[ConfigError] = ConfigError
) -> Model:
    """The checked value of a file's text.

    Raises:
        ConfigError: (or the subclass `error`) with every problem of the text, each with `file:line:column`.
    """
    value, problems = check(model, text, rules)
    if value is None:
        there = "the place" if len(problems) == 1 else f"the {len(problems)} places"
        raise error(listing(problems, text, filename), f"correct {there} above; nothing was changed")
    return value


CONFIGURE = "`breakeven init` writes one, or name another with --config"
CHECK_PATH = "check the path: a file of YAML is needed"


def read_text(path: FilePath, error: type[ConfigError] = ConfigError, *, way_out: str = CONFIGURE) -> str:
    """The text of a configuration file; `way_out` is what to do where it cannot be read.

    Raises:
        ConfigError: (or the subclass `error`) when it is missing, too large, unreadable or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as failed:
        message = f"cannot read {path}: {failed.strerror or failed}"
        raise error(message, way_out) from failed
    if len(data) > MAX_BYTES:
        message = f"{path} has more than {MAX_BYTES} bytes"
        raise error(message, "split it or remove generated parts")
    return _decoded(data, path, error)


def _decoded(data: bytes, path: FilePath, error: type[ConfigError]) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as failed:
        line = data[: failed.start].count(b"\n") + 1
        column = failed.start - (data.rfind(b"\n", 0, failed.start) + 1) + 1
        message = f"{path}:{line}:{column}: the byte 0x{data[failed.start]:02x} is not UTF-8"
        raise error(message, "save the file as UTF-8") from failed
