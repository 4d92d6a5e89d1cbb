"""Months closed in a data directory: `closes/2026-10.json`, written once and never again."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from breakeven.assembly import files
from breakeven.audit.close import adjustment, checked, digest, freeze, sealed
from breakeven.errors import GateError, LedgerError, UsageError
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import DEFAULT_WINDOW_S
from breakeven.ledger.statement import build
from breakeven.ledger.store import open_ledger
from breakeven.schema.close import Close, Frozen, Standing

DAY_S = 86_400.0


def month_span(month: str) -> tuple[float, float]:
    """A calendar month in UTC, in Unix seconds.

    Raises:
        UsageError: it is no month.
    """
    found = re.fullmatch(r"(\d{4})-(\d{2})", month)
    if found is None or not 1 <= int(found[2]) <= 12:  # noqa: PLR2004 - months
        message = f"{month!r} is no month"
        raise UsageError(message, "write it as 2026-10")
    year, number = int(found[1]), int(found[2])
    following = (year + number // 12, number % 12 + 1)
    return tuple(datetime(*one, 1, tzinfo=UTC).timestamp() for one in ((year, number), following))  # type: ignore[return-value]


def closes(folder: Path) -> tuple[Close, ...]:
    """Every close, in the order of the chain.

    Raises:
        LedgerError: a file of one is no close.
    """
    found = []
    for path in sorted((folder / "closes").glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Close))
        except msgspec.MsgspecError as error:
            message = f"{path}: not a close: {error}"
            raise LedgerError(message, "restore it from a backup: closes are never written again") from error
    return _chained(found)


def _chained(found: Sequence[Close]) -> tuple[Close, ...]:
    """In the order in which they were closed, which need not be that of the months."""
    return tuple(sorted(found, key=lambda one: (one.closed_at, one.month)))


@anew
def frozen(folder: Path, start_s: float, end_s: float) -> Frozen:
    """The month's figures as the ledger has them now."""
    return freeze(build(open_ledger(folder), files.use_cases(folder), start_s=start_s, end_s=end_s))


def unfinished(folder: Path, end_s: float, now_s: float | None = None) -> tuple[str, ...]:
    """The days of a month that may still change: those whose longest attribution window is open."""
    windows = [one.window_s for one in files.use_cases(folder).values()]
    now = time.time() if now_s is None else now_s
    open_s = end_s + max(windows, default=DEFAULT_WINDOW_S) - now
    count = int(-(-open_s // DAY_S)) if open_s > 0 else 0
    days = [datetime.fromtimestamp(end_s - DAY_S * (at + 1), UTC).date().isoformat() for at in range(min(count, 31))]
    return tuple(sorted(days))


def close(folder: Path, made: Close) -> Close:
    """Write a close after those there are, durably and once.

    Raises:
        GateError: the month is closed already, or the chain does not hold.
    """
    before = closes(folder)
    broken = next((one for one in checked(before) if not one.sound), None)
    if broken is not None:
        message = f"the close of {broken.close.month} does not hold: {broken.wrong}"
        raise GateError(message, "restore its file from a backup before closing another month")
    whole = sealed(made, before)
    path = folder / "closes" / f"{whole.month}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_once(path, msgspec.json.format(msgspec.json.encode(whole, order="deterministic"), indent=2) + b"\n")
    return whole


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over what is there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o440)
        os.link(draft, path)
    except FileExistsError as error:
        message = f"{path} exists"
        raise GateError(message, "a closed month is never written again") from error
    finally:
        draft.unlink(missing_ok=True)


def standing(folder: Path) -> tuple[Standing, ...]:
    """Every close with what the ledger says of its month now."""
    return tuple(_adjusted(folder, one, month_span(one.close.month)) for one in checked(closes(folder)))


def _adjusted(folder: Path, one: Standing, span: tuple[float, float]) -> Standing:
    now = frozen(folder, *span)
    return (
        one
        if digest(now) == one.close.statement_hash
        else replace(one, adjustment=adjustment(one.close.statement, now))
    )
