"""Does the ledger agree with others' accounts: reconcile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, note, print_json

if TYPE_CHECKING:
    from breakeven.schema.reconcile import Reconciliation

Command = Callable[..., None]
FILE = click.Path(dir_okay=False)


@click.group()
def reconcile() -> None:
    """Agreement of the ledger with invoices, downstream reports and its own events (docs/reconcile.md)."""


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


fail_option = click.option("--fail-above", metavar="USD|PERCENT", help="Exit 1 when more differs: 25, or 0.5%.")
period_options = _options(
    click.option("--month", metavar="YYYY-MM", help="A calendar month (UTC).  [default: what the file spans]"),
    click.option("--start", metavar="DATE", help="First day."),
    click.option("--end", metavar="DATE", help="Day after the last."),
)
reading_options = _options(
    click.option("--map", "mapping", type=FILE, help="How the file's columns are named (YAML)."),
    click.option("--fx", "rates", multiple=True, metavar="RATE", help="`EUR=1.08@2026-10-31`; may be repeated."),
    click.option("--timezone", "zone", metavar="ZONE", help="Of times that name none: Europe/Berlin, +02:00."),
    click.option(
        "--alias", "aliases", multiple=True, metavar="THEIRS=OURS", help="A name in the file, and the ledger's."
    ),
    click.option("--by", type=click.Choice(["day", "hour"]), default="day", show_default=True, help="Of sums."),
    click.option("--examples", type=click.IntRange(0, 1000), default=3, show_default=True, help="Of each class."),
)
shown_options = _options(
    form_option,
    as_json,
)


@reconcile.command("invoice")
@click.argument("files", nargs=-1, required=True, type=FILE)
@config_option
@data_dir_option
@click.option(
    "--source",
    "source",
    type=click.Choice(["focus", "openai", "anthropic", "bedrock"]),
    help="Whose form it is.  [default: told from its columns]",
)
@period_options
@reading_options
@click.option("--deployment", "deployments", multiple=True, help="Only these, whatever they are; may be repeated.")
@click.option("--by-key", is_flag=True, help="Keys or projects of the file are tenants of the ledger.")
@click.option("--every-model", is_flag=True, help="Also models that the file does not name.")
@fail_option
@shown_options
@explained
def reconcile_invoice(
    *,
    files: tuple[str, ...],
    config: str,
    data_dir: str | None,
    source: str | None,
    month: str | None,
    start: str | None,
    end: str | None,
    mapping: str | None,
    rates: tuple[str, ...],
    zone: str | None,
    aliases: tuple[str, ...],
    by: str,
    examples: int,
    deployments: tuple[str, ...],
    by_key: bool,
    every_model: bool,
    fail_above: str | None,
    form: str,
    json_: bool,
) -> None:
    """The ledger against FILES of a provider: an invoice, or usage (and costs) by day, hour or request."""
    from breakeven.app import loop
    from breakeven.app import reconcile as app

    first, last = app.span(month, start, end)
    scope = app.Scope(
        start_s=first, end_s=last, by=by, by_key=by_key, deployments=deployments, aliases=app.aliases(aliases),
        every_model=every_model, examples=examples, find_shift=zone is None,
    )  # fmt: skip
    found = app.invoice(
        loop.data_dir(config=Path(config), override=data_dir),
        [Path(one) for one in files],
        scope,
        terms=app.terms(rates, zone),
        form=source,
        mapping=None if mapping is None else Path(mapping),
    )
    show(found, form, fail_above, json_=json_)


def show(found: Reconciliation, form: str, fail_above: str | None, *, json_: bool) -> None:
    """A reconciliation, its rows kept aside on stderr, and its gate."""
    from breakeven.app import reconcile as app
    from breakeven.app import render

    for one in found.bad:
        note(f"kept aside: {one.file}:{one.line}: {one.column} {one.value!r}: {one.problem}")
    if json_:
        print_json(app.reconciled_json(found))
    else:
        click.echo(render.in_form(app.document(found), form))
    app.gate(found, fail_above)


@reconcile.command("downstream")
@click.argument("file", type=FILE)
@config_option
@data_dir_option
@click.option(
    "--outcome",
    type=click.Choice(["conversion", "revenue", "click", "exposure"]),
    default="conversion",
    show_default=True,
    help="The events that the report counts.",
)
@period_options
@reading_options
@fail_option
@shown_options
@explained
def reconcile_downstream(
    *,
    file: str,
    config: str,
    data_dir: str | None,
    outcome: str,
    month: str | None,
    start: str | None,
    end: str | None,
    mapping: str | None,
    rates: tuple[str, ...],
    zone: str | None,
    aliases: tuple[str, ...],
    by: str,
    examples: int,
    fail_above: str | None,
    form: str,
    json_: bool,
) -> None:
    """Outcomes and revenue of the ledger against a report: CSV, Parquet, JSON, or a .sql file over them (DuckDB)."""
    from breakeven.app import loop
    from breakeven.app import reconcile as app

    first, last = app.span(month, start, end)
    scope = app.Scope(
        start_s=first, end_s=last, by=by, aliases=app.aliases(aliases), examples=examples, find_shift=zone is None
    )
    found = app.downstream(
        loop.data_dir(config=Path(config), override=data_dir),
        Path(file),
        scope,
        outcome,
        terms=app.terms(rates, zone),
        mapping=None if mapping is None else Path(mapping),
    )
    show(found, form, fail_above, json_=json_)


@reconcile.command("events")
@config_option
@data_dir_option
@period_options
@click.option("--examples", type=click.IntRange(0, 1000), default=3, show_default=True, help="Of each class.")
@fail_option
@shown_options
@explained
def reconcile_events(
    *,
    config: str,
    data_dir: str | None,
    month: str | None,
    start: str | None,
    end: str | None,
    examples: int,
    fail_above: str | None,
    form: str,
    json_: bool,
) -> None:
    """The ledger's events against its predictions: order, lateness, repeats, identity, consent, clocks."""
    from breakeven.app import loop
    from breakeven.app import reconcile as app

    first, last = app.span(month, start, end)
    found = app.events(loop.data_dir(config=Path(config), override=data_dir), first, last, examples)
    show(found, form, fail_above, json_=json_)


@reconcile.command("close")
@click.argument("month", metavar="YYYY-MM")
@config_option
@data_dir_option
@click.option("--invoice", "invoices", multiple=True, type=FILE, help="An invoice it must agree with; may be repeated.")
@reading_options
@click.option(
    "--fail-above", default="0.5%", show_default=True, metavar="USD|PERCENT", help="Refuse when more differs."
)
@click.option("--force", is_flag=True, help="Close it although something speaks against it.")
@click.option("--reason", default="", help="Why; kept in the close.")
@as_json
@explained
def reconcile_close(
    *,
    month: str,
    config: str,
    data_dir: str | None,
    invoices: tuple[str, ...],
    mapping: str | None,
    rates: tuple[str, ...],
    zone: str | None,
    aliases: tuple[str, ...],
    by: str,
    examples: int,
    fail_above: str,
    force: bool,
    reason: str,
    json_: bool,
) -> None:
    """Freeze the statement of a calendar month (UTC) for good; what comes later is an adjustment."""
    from breakeven.app import loop
    from breakeven.app import reconcile as app
    from breakeven.errors import UsageError

    if force != bool(reason):
        message = "--force and --reason go together"
        raise UsageError(message, "say why the month is closed all the same: --force --reason TEXT")
    folder, span = loop.data_dir(config=Path(config), override=data_dir), app.month_span(month)
    scope = app.Scope(
        start_s=span[0], end_s=span[1], by=by, aliases=app.aliases(aliases), examples=examples, find_shift=zone is None
    )
    terms, columns = app.terms(rates, zone), None if mapping is None else Path(mapping)
    found = [app.invoice(folder, [Path(one)], scope, terms=terms, mapping=columns) for one in invoices]
    made = app.close(folder, month, found, fail_above=fail_above, reason=reason)
    if json_:
        print_json(made)
        return
    click.echo(f"{made.month} is closed: {made.statement.predictions:,} predictions, hash {made.hash}")
    for text in made.against:
        note(f"all the same: {text}")


@reconcile.command("closes")
@config_option
@data_dir_option
@shown_options
@explained
def reconcile_closes(*, config: str, data_dir: str | None, form: str, json_: bool) -> None:
    """Closed months: whether each is as it was closed, and what later data add."""
    from breakeven.app import loop, render
    from breakeven.app import reconcile as app

    found = app.closes(loop.data_dir(config=Path(config), override=data_dir))
    if json_:
        print_json({"closes": found, "sound": all(one.sound for one in found)})
    else:
        click.echo(render.in_form(app.closes_document(found), form))
    app.chain_gate(found)


@reconcile.command("migration")
@config_option
@data_dir_option
@click.option("--cut-over", required=True, metavar="DATE", help="The first day of the new system.")
@click.option("--days", type=click.IntRange(7, 366), default=28, show_default=True, help="On each side, at most.")
@click.option("--use-case", help="Only this use case.")
@click.option("--fail-if-changed", is_flag=True, help="Exit 1 when a measure has changed.")
@shown_options
@explained
def reconcile_migration(
    *,
    config: str,
    data_dir: str | None,
    cut_over: str,
    days: int,
    use_case: str | None,
    fail_if_changed: bool,
    form: str,
    json_: bool,
) -> None:
    """Whether tracking is after a cut-over what it was before: timing, identity, order, match rate, volumes."""
    from breakeven.app import loop, render
    from breakeven.app import reconcile as app

    folder = loop.data_dir(config=Path(config), override=data_dir)
    found = app.migration(folder, cut_over, around=days, use_case=use_case)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.migration_document(found), form))
    if fail_if_changed:
        app.migration_gate(found)
