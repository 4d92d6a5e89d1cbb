"""In and out of the ledger: import, export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import as_json, config_option, counted, data_dir_option, explained, note, print_json

if TYPE_CHECKING:
    from breakeven.ledger.intake import Intake

PROGRESS_ROWS = 100_000


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--format", "form", default="", help="The files' format.  [default: told by their columns]")
@click.option("--map", "mapping", type=click.Path(dir_okay=False), help="How the files' columns are named (YAML).")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@config_option
@data_dir_option
@as_json
@explained
def import_(
    *,
    files: tuple[str, ...],
    form: str,
    mapping: str | None,
    dry_run: bool,
    config: str,
    data_dir: str | None,
    json_: bool,
) -> None:
    """Take FILES of other tools into the ledger: spans, spend logs, traces, costs (docs/import-export.md).

    Durably and once: importing a file again changes nothing. Rows that cannot be read are kept aside and named; the
    others are imported.
    """
    from breakeven.app import loop, transfer

    found = transfer.import_files(
        [Path(one) for one in files],
        loop.data_dir(config=Path(config), override=data_dir),
        mapping_file=None if mapping is None else Path(mapping),
        form=form,
        dry_run=dry_run,
        progress=_progress,
    )
    if json_:
        print_json({"files": found})
    for one in () if json_ else found:
        _told(one)
    if any(one.bad and one.bad == one.rows for one in found):
        sys.exit(1)  # not one row of a file could be read: a job that imports it should stop


def _progress(name: str, rows: int) -> None:
    if rows >= PROGRESS_ROWS or sys.stderr.isatty():
        note(f"{name}: {counted(rows, 'row')} read")


def _told(one: Intake) -> None:
    wrote = ", ".join(f"{number:,} {table}" for table, number in one.records.items()) or "nothing new"
    verb = "would write" if one.dry_run else "wrote"
    click.echo(f"{one.file} ({one.format}): {counted(one.rows, 'row')} read, {verb} {wrote}")
    others = {"held already": one.duplicates, "no predictions": one.skipped, "bad": one.bad}
    told = [f"{number:,} {what}" for what, number in others.items() if number]
    if told:
        click.echo(f"  {', '.join(told)}")
    for problem in one.problems:
        note(f"  {one.file}:{problem.line}: {problem.reason}")
    if one.bad_file:
        note(f"  all bad rows are kept in {one.bad_file}")


@click.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(["parquet", "focus", "otlp", "prometheus", "grafana"]))
@click.option("--out", "-o", required=True, type=click.Path(), help="The file; a folder for parquet and grafana.")
@click.option("--since", help="From this date or time on, ISO.")
@click.option("--until", help="Before this date or time, ISO.")
@click.option("--partitioned", is_flag=True, help="Parquet: a folder for each day, dt=YYYY-MM-DD.")
@config_option
@data_dir_option
@as_json
@explained
def export(
    *,
    form: str,
    out: str,
    since: str | None,
    until: str | None,
    partitioned: bool,
    config: str,
    data_dir: str | None,
    json_: bool,
) -> None:
    """The ledger in other tools' formats: parquet, focus, otlp, prometheus, grafana (docs/import-export.md)."""
    from breakeven.app import loop, transfer

    where = loop.data_dir(config=Path(config), override=data_dir)
    found = transfer.export(form, where, Path(out), since=since, until=until, partitioned=partitioned)
    if json_:
        print_json(found)
        return
    for remark in found.remarks:
        note(remark)
    counts = ", ".join(f"{number:,} {what}" for what, number in found.rows.items())
    click.echo(f"wrote {', '.join(found.out)}: {counts}")
