"""Errors of a comparison at their place: which file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from breakeven.config.problem import Problem, listing
from breakeven.config.tree import parse
from breakeven.errors import StudyError


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that was read: its name as given, and its text."""

    name: str
    text: str


def located(error: StudyError, workload: File, proposals: Mapping[str, File]) -> StudyError:
    """An error of `assess` as one of the file it comes from, with line, column and caret.

    Args:
        error: what `assess` raised; its path begins with `workload`, or with `proposals` and an id.
        workload: the workload's file.
        proposals: the proposals' files by id.
    """
    file, path = _file(error.path, workload, proposals)
    if file is None:
        return error
    problem = Problem(place=parse(file.text).place(path), message=error.message, hint=error.way_out)
    message = listing([problem], file.text, file.name)
    return StudyError(message, "correct the place above; nothing was compared", path=error.path)


def _file(
    path: tuple[str | int, ...], workload: File, proposals: Mapping[str, File]
) -> tuple[File | None, tuple[str | int, ...]]:
    if path[:1] == ("workload",):
        return workload, path[1:]
    if path[:1] == ("proposals",) and len(path) > 1:
        return proposals.get(str(path[1])), path[2:]
    return None, ()
