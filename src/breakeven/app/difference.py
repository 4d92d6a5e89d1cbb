"""Two plans, policies or statements compared."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.audit.difference.differ import difference, gate
from breakeven.audit.difference.side import Side, side_of
from breakeven.errors import UsageError
from breakeven.report.differs import difference_document
from breakeven.report.plain import JsonObject, noun_json
from breakeven.schema.difference import Difference

__all__ = ["compare", "difference_document", "difference_json", "gate", "share"]


def compare(before: str, after: str, folder: Path) -> Difference:
    """What differs between two files or two ids of plans or policies of a data directory."""
    return difference(_side(before, folder), _side(after, folder))


def difference_json(found: Difference) -> JsonObject:
    """What `diff --json` prints; `cost_rise` is the share by which the cost per useful prediction rises, or null."""
    return {**noun_json(found), "empty": found.empty, "cost_rise": None if found.cost is None else found.cost.rise}


def share(text: str) -> float:
    """`5%`, or a bare 5, as 0.05.

    Raises:
        UsageError: it is no percentage.
    """
    try:
        value = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        message = f"--fail-above {text!r} is no percentage"
        raise UsageError(message, "write it as 5%")
    return value


def _side(name: str, folder: Path) -> Side:
    path = Path(name) if Path(name).is_file() else folder / "policies" / f"{name}.json"
    if not path.is_file():
        return side_of(msgspec.to_builtins(files.find_plan(folder, name)), name)
    try:
        plain = msgspec.json.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"{path} is no JSON: {error}"
        raise UsageError(message, "give what a command printed with --json, or an id") from error
    if not isinstance(plain, dict):
        message = f"{path} holds {type(plain).__name__}, not an object"
        raise UsageError(message, "give what a command printed with --json, or an id")
    return side_of(plain, path.name)
