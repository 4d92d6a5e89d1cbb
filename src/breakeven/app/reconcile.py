"""Agreement with others' accounts of the same traffic: `breakeven reconcile`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from breakeven.assembly import closing, migrating, reconciling
from breakeven.assembly import downstream as below
from breakeven.assembly.closing import month_span as month_span
from breakeven.assembly.reconciling import Scope
from breakeven.config import invoice_mapping
from breakeven.errors import GateError, UsageError
from breakeven.ledger.invoice import table
from breakeven.ledger.invoice.line import Rate, Terms
from breakeven.ledger.invoice.mapped import Columns
from breakeven.ledger.snapshot import check_folder
from breakeven.quantity import format_usd, pico_from_usd, usd_from_pico
from breakeven.report.closed import closes_document, migration_document
from breakeven.report.document import Document
from breakeven.report.reconciled import reconciled_document, reconciled_json
from breakeven.schema.close import Close, Standing
from breakeven.schema.migration import Migration
from breakeven.schema.reconcile import Reconciliation

__all__ = ["Scope", "closes_document", "migration_document", "reconciled_json"]

_OFFSET = re.compile(r"(?:UTC)?[+-]\d{2}:?\d{2}")


def invoice(
    folder: Path,
    files: Sequence[Path],
    scope: Scope,
    *,
    terms: Terms | None = None,
    form: str | None = None,
    mapping: Path | None = None,
) -> Reconciliation:
    """The ledger of a data directory against a provider's invoice or usage export."""
    billed = table.side(files, terms, form=form, columns=columns(mapping))
    return reconciling.with_invoice(folder, billed, scope)


def columns(mapping: Path | None) -> Columns | None:
    """The columns that a mapping file names."""
    return None if mapping is None else msgspec.convert(invoice_mapping.read(mapping).plain(), Columns)


def document(found: Reconciliation) -> Document:
    """A reconciliation, for people."""
    return reconciled_document(found)


def terms(rates: Sequence[str], zone: str | None) -> Terms:
    """Exchange rates (`EUR=1.08@2026-10-31`) and the zone of times that name none (`Europe/Berlin`, `+02:00`).

    Raises:
        UsageError: one of them cannot be read.
    """
    stated = [_rate(text) for text in rates]
    return Terms(rates={one.currency: one for one in stated}, zone=_zone(zone or "UTC"), zone_name=zone or "UTC")


def _rate(text: str) -> Rate:
    found = re.fullmatch(r"([A-Za-z]{3})=([0-9.]+)@([0-9]{4}-[0-9]{2}-[0-9]{2})", text.strip())
    try:
        if found is not None and Decimal(found[2]) > 0:
            return Rate(currency=found[1].upper(), usd=Decimal(found[2]), on=found[3])
    except InvalidOperation:
        pass
    message = f"--fx {text!r} is no dated rate"
    raise UsageError(message, "write it as EUR=1.08@2026-10-31: USD for one unit, and the day of the rate")


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    if _OFFSET.fullmatch(name):
        found = datetime.fromisoformat(f"2026-01-01T00:00:00{name.removeprefix('UTC')}").tzinfo
        return found or UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:
        message = f"--timezone {name!r} is no time zone"
        raise UsageError(message, "name it as Europe/Berlin, or as an offset such as +02:00") from error


def span(month: str | None, start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """The period of `--month 2026-10`, or of two ISO dates (the end exclusive), in Unix seconds.

    Raises:
        UsageError: one cannot be read, or there is nothing between them.
    """
    if month is not None:
        return month_span(month)
    first, last = (None if text is None else _day(text) for text in (start, end))
    if first is not None and last is not None and last <= first:
        message = f"--end {end} is not after --start {start}"
        raise UsageError(message, "the end is exclusive: name the day after the last")
    return first, last


def _day(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no date"
        raise UsageError(message, "write it as 2026-10-01") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def aliases(pairs: Sequence[str]) -> dict[str, str]:
    """`THEIRS=OURS` pairs.

    Raises:
        UsageError: one has no `=`.
    """
    for pair in pairs:
        if "=" not in pair:
            message = f"--alias {pair!r} names one thing"
            raise UsageError(message, "write it as NAME-IN-THE-FILE=NAME-IN-THE-LEDGER")
    return dict(tuple(pair.rsplit("=", 1)) for pair in pairs)  # type: ignore[misc]


def limit_pico_usd(text: str, found: Reconciliation) -> int:
    """`25` (USD) or `0.5%` (of the larger side) as pico-USD.

    Raises:
        UsageError: it is neither.
    """
    try:
        if text.endswith("%"):
            larger = max(abs(found.ledger.pico_usd), abs(found.other.pico_usd))
            return int(Decimal(text[:-1]) / 100 * larger)
        return pico_from_usd(text.removeprefix("$"))
    except (InvalidOperation, ValueError) as error:
        message = f"--fail-above {text!r} is neither an amount nor a percentage"
        raise UsageError(message, "write 25 (USD), or 0.5%") from error


def gate(found: Reconciliation, fail_above: str | None) -> None:
    """Refuse where more money is in doubt than the limit: what moved in any class, and what is unexplained.

    Raises:
        GateError: it is over.
    """
    if fail_above is None:
        return
    limit = limit_pico_usd(fail_above, found)
    doubt = in_doubt(found)
    if doubt > limit:
        parts = ", ".join(found.alarms) or "what is unexplained"
        message = (
            f"{format_usd(usd_from_pico(doubt))} differ between {found.other_name} and the ledger, "
            f"over the limit of {format_usd(usd_from_pico(limit))}: {parts}"
        )
        raise GateError(message, "see the classes and their examples, or raise --fail-above")


def in_doubt(found: Reconciliation) -> int:
    """Pico-USD that the two sides disagree about, whichever way."""
    classes = sum(one.gross_pico_usd for one in found.differences if one.reason != "edge")
    return classes + max(abs(found.unexplained_pico_usd), found.unexplained_gross_pico_usd)


def downstream(
    folder: Path,
    path: Path,
    scope: Scope,
    kind: str,
    *,
    terms: Terms | None = None,
    mapping: Path | None = None,
) -> Reconciliation:
    """The ledger's outcomes of one kind against a report: a table file, or a query (`.sql`) over such files."""
    with tempfile.TemporaryDirectory() as scratch:
        table_file = below.queried(path, Path(scratch)) if path.suffix == ".sql" else path
        return below.with_report(folder, table_file, scope, kind, terms=terms, columns=columns(mapping))


def events(folder: Path, start_s: float | None, end_s: float | None, examples: int = 3) -> Reconciliation:
    """Events against predictions within the ledger."""
    return below.with_events(folder, start_s, end_s, examples)


def migration(folder: Path, cut_over: str, *, around: int = 28, use_case: str | None = None) -> Migration:
    """Whether tracking is the same after a cut-over as before."""
    return migrating.migration(folder, cut_over, around=around, use_case=use_case)


def close(
    folder: Path, month: str, found: Sequence[Reconciliation], *, fail_above: str = "0.5%", reason: str = ""
) -> Close:
    """Freeze the statement of a month.

    Raises:
        GateError: something speaks against it and no reason is given, or it is closed already.
    """
    start_s, end_s = month_span(month)
    against = [*_unfinished(folder, end_s), *_disputed(found, fail_above)]
    if against and not reason:
        message = f"{month} is not ready to be closed: {'; '.join(against)}"
        raise GateError(message, "settle it, or close it all the same with --force --reason TEXT")
    made = Close(
        month=month,
        closed_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        statement=closing.frozen(folder, start_s, end_s),
        statement_hash="",
        invoices=tuple((one.other_name, in_doubt(one)) for one in found),
        against=tuple(against),
        forced=reason if against else "",
    )
    return closing.close(folder, made)


def _unfinished(folder: Path, end_s: float) -> list[str]:
    days = closing.unfinished(folder, end_s)
    return [f"{len(days)} days are not final yet, from {days[0]} on"] if days else []


def _disputed(found: Sequence[Reconciliation], fail_above: str) -> list[str]:
    over = [one for one in found if in_doubt(one) > limit_pico_usd(fail_above, one)]
    return [f"{format_usd(usd_from_pico(in_doubt(one)))} differ from {one.other_name}" for one in over]


def closes(folder: Path) -> tuple[Standing, ...]:
    """Every closed month, whether the chain holds, and what came later."""
    check_folder(folder)
    return closing.standing(folder)


def chain_gate(found: Sequence[Standing]) -> None:
    """Refuse a chain that does not hold.

    Raises:
        GateError: a close was changed.
    """
    broken = next((one for one in found if not one.sound), None)
    if broken is not None:
        message = f"the close of {broken.close.month} does not hold: {broken.wrong}"
        raise GateError(message, "restore its file from a backup")


def migration_gate(found: Migration) -> None:
    """Refuse a cut-over after which tracking is not the same.

    Raises:
        GateError: a measure has changed.
    """
    changed = [one.name for one in found.measures if one.verdict == "changed"]
    if changed:
        message = f"changed at {found.cut_over}: {', '.join(changed)}"
        raise GateError(message, "see the measures, days before against days after")
