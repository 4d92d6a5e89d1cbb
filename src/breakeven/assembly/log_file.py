"""A log of choices and the policy to be judged, read from two files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from breakeven.assembly.rows_file import Bad, BadRowError, RowsFile, number, open_rows, text
from breakeven.audit.offpolicy.log import Choices, Weighed
from breakeven.errors import EvidenceError, LedgerError

SUM_TOLERANCE = 0.01
"""How far the target's probabilities of one stratum may be from summing to 1: published ones are rounded."""
Key = tuple[str, str]


def read(path: Path, target: Path) -> tuple[Weighed, Bad]:
    """The choices of LOG with the probabilities of TARGET; a bad row of LOG is named, one of TARGET an error.

    Raises:
        LedgerError: a file cannot be read or lacks a column, or the target is no distribution.
        EvidenceError: LOG has no good row.
    """
    probabilities = _target(target)
    file = open_rows(path, ("action", "propensity", "reward"))
    rows = []
    for line, fields in file.rows:
        try:
            rows.append(_row(file, fields))
        except BadRowError as error:
            file.bad.add(path, line, str(error))
    if not rows:
        message = f"{path}: none of {file.bad.count} rows can be used"
        raise EvidenceError(message, "; ".join(file.bad.named[:3]) or "give a log with choices in it")
    return _weighed(rows, probabilities, path), file.bad


_Row = tuple[Key, str, float, float, str]


def _row(file: RowsFile, fields: Sequence[object]) -> _Row:
    def at(name: str) -> object:
        place = file.place(name)
        return None if place is None else fields[place]

    propensity = number(at("propensity"), "propensity", low=0.0, high=1.0)
    reward = number(at("reward"), "reward")
    if math.isnan(propensity) or math.isnan(reward):
        message = "propensity or reward is empty"
        raise BadRowError(message)
    if propensity <= 0:
        message = "propensity is 0; what was chosen had a chance"
        raise BadRowError(message)
    subject = "" if at("subject") is None else str(at("subject")).strip()
    return _key(at("position"), at("context")), _label(text(at("action"), "action")), propensity, reward, subject


def _key(position: object, context: object) -> Key:
    return tuple("" if part is None else _label(str(part).strip()) for part in (position, context))  # type: ignore[return-value]


def _label(value: str) -> str:
    """`3` and `3.0` name the same action."""
    return value.removesuffix(".0")


def _target(path: Path) -> dict[Key, dict[str, float]]:
    file = open_rows(path, ("action", "probability"))
    position, context = file.place("position"), file.place("context")
    found: dict[Key, dict[str, float]] = {}
    for line, fields in file.rows:
        key = _key(*(None if place is None else fields[place] for place in (position, context)))
        try:
            action = _label(text(fields[file.columns.index("action")], "action"))
            value = number(fields[file.columns.index("probability")], "probability", low=0.0, high=1.0)
        except BadRowError as error:
            message = f"{path}:{line}: {error}"
            raise LedgerError(message, "a target policy is whole or it is none: correct the row") from error
        if action in found.setdefault(key, {}) or math.isnan(value):
            message = (
                f"{path}:{line}: action {action} {'has no probability' if math.isnan(value) else 'is there twice'}"
            )
            raise LedgerError(message, "give each action of a position one probability")
        found[key][action] = value
    if file.bad.count:
        raise LedgerError(file.bad.named[0], "a target policy is whole or it is none: correct the row")
    for key, shares in found.items():
        _distribution(path, key, sum(shares.values()))
    return found


def _distribution(path: Path, key: Key, total: float) -> None:
    if abs(total - 1) > SUM_TOLERANCE:
        where = " ".join(f"{name} {part}" for name, part in zip(("position", "context"), key, strict=True) if part)
        message = f"{path}: the probabilities of {where or 'all actions'} sum to {total:.4g}, not to 1"
        raise LedgerError(message, "give every action of each position (and context), 0 included or left out")


def _weighed(rows: Sequence[_Row], probabilities: dict[Key, dict[str, float]], path: Path) -> Weighed:
    keys = {key: code for code, key in enumerate(dict.fromkeys(row[0] for row in rows))}
    matched = {key: _matching(probabilities, key) for key in keys}
    strange = next((key for key, shares in matched.items() if not shares), None)
    if strange is not None:
        said = " ".join(part for part in strange if part) or "no position"
        message = f"{path}: rows at {said}, of which the target says nothing"
        raise LedgerError(message, "give the target's probabilities for every position and context of the log")
    names = [row[1] for row in rows] + [action for key in keys for action in matched[key]]
    actions = {name: code for code, name in enumerate(dict.fromkeys(names))}
    table = np.zeros((len(keys), len(actions)))
    for key, code in keys.items():
        for action, share in matched[key].items():
            table[code, actions[action]] = share
    return Weighed(log=_choices(rows, keys, actions), target=table)


def _matching(probabilities: dict[Key, dict[str, float]], key: Key) -> dict[str, float]:
    """The target's probabilities of a position and context; one that names neither holds for all."""
    position, context = key
    ways: tuple[Key, ...] = (key, (position, ""), ("", context), ("", ""))
    return next((probabilities[way] for way in ways if way in probabilities), {})


def _choices(rows: Sequence[_Row], keys: dict[Key, int], actions: dict[str, int]) -> Choices:
    subjects = [row[4] for row in rows]
    codes = {name: code for code, name in enumerate(dict.fromkeys(subjects))}
    return Choices(
        stratum=np.array([keys[row[0]] for row in rows], dtype=np.intp),
        action=np.array([actions[row[1]] for row in rows], dtype=np.intp),
        propensity=np.array([row[2] for row in rows]),
        reward=np.array([row[3] for row in rows]),
        cluster=np.array([codes[one] for one in subjects], dtype=np.intp) if all(subjects) else None,
    )
