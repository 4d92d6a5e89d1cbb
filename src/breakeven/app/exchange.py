"""Costs in the format of finance tools: FOCUS 1.2 rows out of the ledger or a study, and a provider's rows in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import MAXYEAR, date
from pathlib import Path

from breakeven.assembly import files, studies
from breakeven.assembly.sellers import sellers
from breakeven.assembly.today import today
from breakeven.catalog.load import load as load_catalog
from breakeven.catalog.source import focus as incoming
from breakeven.errors import LedgerError, UsageError
from breakeven.ledger.anew import anew
from breakeven.ledger.export.focus import usage
from breakeven.ledger.store import open_ledger
from breakeven.report.focus import planned
from breakeven.schema.focus_csv import Sheet
from breakeven.schema.focus_row import Parties

MONTHS_PER_YEAR = 12


@anew
def focus_of_ledger(folder: Path) -> Sheet:
    """The usage of a data directory as FOCUS rows."""
    policies = files.policies(folder)
    parties = Parties(sellers=sellers(policies, load_catalog()), grid_gco2_per_kwh=files.grids(folder))
    return usage(open_ledger(folder), files.use_cases(folder), policies=policies, parties=parties)


def focus_of_study(path: Path, option: str, start: str | None) -> Sheet:
    """An option of a study as planned FOCUS rows, from the month of `start` (ISO) on."""
    try:
        month = date.fromisoformat(start or today())
    except ValueError as error:
        message = f"--start {start!r} is no date"
        raise UsageError(message, "write it as 2026-12-01") from error
    found = studies.computed(path)
    if month.year + len(found.base.options[0].cash) // MONTHS_PER_YEAR >= MAXYEAR:
        message = f"--start {start} leaves no room for the months of {path}"
        raise UsageError(message, "name the month in which the study begins")
    return planned(found, option, month)


def focus_totals(
    path: Path, rates: Sequence[incoming.Rate] = ()
) -> tuple[tuple[incoming.Total, ...], incoming.Prices, Sequence[str]]:
    """What a FOCUS file cost by provider, service and month, and the prices that were paid, as a fact file's text.

    Raises:
        LedgerError: it is not a FOCUS file.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text"
        raise LedgerError(message, "export it as CSV in UTF-8") from error
    sheet = incoming.read(text, str(path))
    priced = incoming.prices(sheet.table.rows, source=path.name, as_of=today(), rates=rates)
    return incoming.totals(sheet.table.rows), priced, sheet.remarks


def rate(text: str) -> incoming.Rate:
    """`EUR=1.08@2026-01-15 ECB` as a dated exchange rate.

    Raises:
        UsageError: it is written otherwise.
    """
    found = re.fullmatch(r"([A-Z]{3})=([0-9.]+)@([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s+(.+))?", text.strip())
    if found is None:
        message = f"--rate {text!r} is no dated rate"
        raise UsageError(message, "write it as `EUR=1.08@2026-01-15 ECB`: USD for one unit, the day, the source")
    return incoming.Rate(
        currency=found[1], usd=float(found[2]), on=found[3], source=found[4] or "stated on the command line"
    )
