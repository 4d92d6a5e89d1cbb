"""Does the ledger agree with others' accounts: reconcile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, note, print_json

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
    click.option(
        "--format", "form", type=click.Choice(["text", "markdown", "html"]), default="text", show_default=True
    ),
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
@click.option("--deployment", "deployments", multiple=True, help="Only these of the ledger; may be repeated.")
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
