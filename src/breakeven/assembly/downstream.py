"""The ledger's outcomes beside a downstream report, and its events beside its predictions."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec

from breakeven.assembly import files
from breakeven.assembly.reconciling import Scope, period, same_names
from breakeven.audit.reconcile import events as odd
from breakeven.audit.reconcile.items import Items
from breakeven.audit.reconcile.sums import Sums
from breakeven.errors import LedgerError
from breakeven.ledger import duck, snapshot
from breakeven.ledger.against import calls, outcomes
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.anew import anew
from breakeven.ledger.invoice import table
from breakeven.ledger.invoice.line import Terms
from breakeven.ledger.invoice.mapped import Columns
from breakeven.schema.reconcile import Amount, Reconciliation

USUAL = (
    Columns(time="time", request_id="order_id", model="use_case", cost="revenue"),
    Columns(time="time", request_id="prediction_id", model="use_case", cost="revenue"),
    Columns(time="day", model="use_case", calls="outcomes", cost="revenue"),
)
"""The columns of a report that needs no mapping file, tried in this order; revenue may be missing."""


@anew
def with_report(
    folder: Path, path: Path, scope: Scope, kind: str, *, terms: Terms | None = None, columns: Columns | None = None
) -> Reconciliation:
    """Outcomes of one kind against a report by day and use case, or by prediction or order id."""
    side = table.side([path], terms, columns=columns or _usual(path))
    report = msgspec.structs.replace(side, has_tokens=False, has_calls=side.has_calls or bool(side.items))
    start_s, end_s = period(report, scope)
    rows = Rows(snapshot.of_folder(folder), start_s - calls.REACH_S, end_s + calls.REACH_S)
    windows = {name: one.window_s for name, one in files.use_cases(folder).items()}
    asked = outcomes.items if report.items else outcomes.tallies
    ours, report = same_names(asked(rows, windows, kind), report, scope)
    if report.items:
        return Items(
            ledger=ours, other=report, start_s=start_s, end_s=end_s, subject="downstream", examples=scope.examples
        ).run()
    return Sums(
        ledger=ours,
        other=report,
        start_s=start_s,
        end_s=end_s,
        subject="downstream",
        width_s=scope.width_s,
        examples=scope.examples,
        find_shift=scope.find_shift,
    ).run()


def _usual(path: Path) -> Columns:
    header = table.header(path)
    for columns in USUAL:
        named = set(columns.named().values())
        if named - {"revenue", "use_case"} <= set(header):
            left_out = {key: "" for key, column in columns.named().items() if column not in header}
            return msgspec.structs.replace(columns, **left_out)
    message = f"{path}: no report by day (day, outcomes) or id (time, order_id); its columns: {', '.join(header)}"
    raise LedgerError(message, "name the columns in a mapping file and pass it with --map")


def queried(query: Path, into: Path) -> Path:
    """A query file run by DuckDB (built-ins only: Parquet, CSV and JSON files), its answer as a Parquet file in `into`.

    Raises:
        LedgerError: it cannot be run; with what DuckDB says.
    """
    answer = into / f"{query.stem}.parquet"
    try:
        with duck.connect() as connection:
            connection.execute(
                f"COPY ({query.read_text().strip().rstrip(';')}) TO {duck.text(answer)} (FORMAT parquet)"
            )
    except (duckdb.Error, UnicodeDecodeError) as error:
        message = f"{query}: cannot be run: {error}"
        raise LedgerError(message, "write one SELECT over Parquet, CSV or JSON files, in DuckDB's SQL") from error
    return answer


@anew
def with_events(folder: Path, start_s: float | None, end_s: float | None, examples: int = 3) -> Reconciliation:
    """Events against predictions within a ledger; predictions a day before the period are known to it."""
    windows = {name: one.window_s for name, one in files.use_cases(folder).items()}
    reach_s = None if start_s is None else start_s - calls.REACH_S
    return of_events(Rows(snapshot.of_folder(folder), reach_s, end_s), windows, start_s, end_s, examples)


def of_events(
    rows: Rows, windows: dict[str, float], start_s: float | None, end_s: float | None, examples: int = 3
) -> Reconciliation:
    """The same of rows that are open."""
    totals = outcomes.totals(rows, windows)
    said = f"{totals.retries:,} events were sent again under their own id and count once"
    found = odd.Events(
        start_s=totals.first_s if start_s is None else start_s,
        end_s=totals.last_s if end_s is None else end_s,
        sent=Amount(calls=totals.calls, pico_usd=totals.pico),
        counted=Amount(calls=totals.counted, pico_usd=totals.counted_pico),
        odd=tuple(map(_odd, outcomes.checks(rows, windows))),
        identified=tuple(map(_identified, outcomes.known(rows))),
        remarks=(*rows.warnings, *([said] if totals.retries else [])),
    )
    return odd.reconciled(found, examples)


def _odd(one: outcomes.Check) -> odd.Odd:
    examples = one.examples
    if one.reason == "shifted":
        examples = (f"clock {-one.steps / 2:+g} h from UTC; {one.examples[0] if one.examples else ''}",)
    return odd.Odd(reason=one.reason, count=one.count, pico_usd=one.pico_usd, examples=examples)


def _identified(one: outcomes.Known) -> odd.Identified:
    return odd.Identified(
        day=one.day,
        use_case=one.use_case,
        predictions=one.predictions,
        known=one.known,
        pico_usd=one.pico,
        unknown_pico_usd=one.unknown_pico,
    )
