"""The ledger itself: `breakeven ledger days`, `finalise`, `status`, `compact`, `correct`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, counted, data_dir_option, explained, note, print_json

since_option = click.option("--since", metavar="TIME", help="From this date or ISO time on (UTC).")
until_option = click.option("--until", metavar="TIME", help="Before this date or ISO time (UTC).")


@click.group()
def ledger() -> None:
    """Days of the ledger, provisional and final (docs/ledger.md)."""


@ledger.command("days")
@config_option
@data_dir_option
@since_option
@until_option
@as_json
@explained
def days(*, config: str, data_dir: str | None, since: str | None, until: str | None, json_: bool) -> None:
    """List the days with predictions: provisional or final, which version and why, cost per useful prediction."""
    from breakeven.app import ledger as app
    from breakeven.app import loop, render

    where = loop.data_dir(config=Path(config), override=data_dir)
    found = app.days(where, since=since, until=until)
    if json_:
        print_json({"days": [app.day_json(one) for one in found]})
    else:
        click.echo(render.in_form(app.days_document(found), "text"))


@ledger.command("finalise")
@config_option
@data_dir_option
@as_json
@explained
def finalise(*, config: str, data_dir: str | None, json_: bool) -> None:
    """Make the roll-ups of all days whose windows have closed, now; the sealer does it while `serve` runs."""
    from breakeven.app import ledger as app
    from breakeven.app import loop

    where = loop.data_dir(config=Path(config), override=data_dir)
    made = app.finalise(where, note)
    if json_:
        print_json({"made": [{"day": day, "version": version} for day, version in made]})
    else:
        click.echo(f"{counted(len(made), 'roll-up')} made")


@ledger.command("status")
@config_option
@data_dir_option
@as_json
@explained
def status(*, config: str, data_dir: str | None, json_: bool) -> None:
    """Say what the ledger holds on disk: segments, rows and bytes of each table, journals that wait."""
    from breakeven.app import ledger as app
    from breakeven.app import loop, render
    from breakeven.report.plain import noun_json

    found = app.status(loop.data_dir(config=Path(config), override=data_dir))
    if json_:
        print_json(noun_json(found))
    else:
        click.echo(render.in_form(app.status_document(found), "text"))


@ledger.command("compact")
@config_option
@data_dir_option
@as_json
@explained
def compact(*, config: str, data_dir: str | None, json_: bool) -> None:
    """Make few segments of many, now, where nothing serves; the sealer does it while `serve` runs."""
    from breakeven.app import ledger as app
    from breakeven.app import loop
    from breakeven.report.plain import noun_json

    done = app.compact(loop.data_dir(config=Path(config), override=data_dir))
    if json_:
        print_json(noun_json(done))
    else:
        click.echo(f"{counted(done.before, 'segment')} of {counted(done.rows, 'row')} became {done.after}")


@ledger.command("correct")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--reason", required=True, help="Why the costs were wrong, for whoever reads it later.")
@click.option("--author", required=True, help="Who says so.")
@config_option
@data_dir_option
@as_json
@explained
def correct(*, file: str, reason: str, author: str, config: str, data_dir: str | None, json_: bool) -> None:
    """Correct what predictions cost by FILE with the columns prediction_id, cost_usd and, if told, price_id.

    Records stay what they are: corrections are kept beside them, the latest holds. Rows that cannot be read are named,
    the others are taken.
    """
    from breakeven.app import ledger as app
    from breakeven.app import loop

    found = app.correct(loop.data_dir(config=Path(config), override=data_dir), Path(file), reason, author)
    if json_:
        print_json(app.corrected_json(found))
    else:
        click.echo("\n".join(app.corrected_lines(found)))
        for one in found.problems:
            note(f"  {found.file}:{one.line}: {one.reason}")
    if found.bad == found.rows:
        sys.exit(1)  # not one row could be read
