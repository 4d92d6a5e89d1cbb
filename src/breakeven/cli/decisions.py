"""The decision log: `breakeven decisions`."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.group import Bare
from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, print_json


class Decisions(Bare):
    """What is no subcommand is an option of `list`."""

    default = "list"


@click.group(cls=Decisions)
def decisions() -> None:
    """What was decided, from what, by whom: every plan, apply, rollback and verify, each chained to the one before."""


@decisions.command("list")
@config_option
@data_dir_option
@click.option("--whole", is_flag=True, help="Each decision in full after the list, as for a regulator.")
@form_option
@as_json
@explained
def list_(*, config: str, data_dir: str | None, whole: bool, form: str, json_: bool) -> None:
    """The decisions of the data directory, oldest first."""
    from breakeven.app import decisions as app
    from breakeven.app import loop, render

    found = app.listing(loop.data_dir(config=Path(config), override=data_dir))
    if json_:
        print_json({"decisions": found.entries, "check": found.check})
    else:
        click.echo(render.in_form(app.log_document(found.entries, found.check, whole=whole), form))


@decisions.command()
@click.argument("decision_id")
@config_option
@data_dir_option
@form_option
@as_json
@explained
def show(*, decision_id: str, config: str, data_dir: str | None, form: str, json_: bool) -> None:
    """One decision: inputs, alternatives, promises, owner, and what became of it."""
    from breakeven.app import decisions as app
    from breakeven.app import loop, render

    found = app.find(loop.data_dir(config=Path(config), override=data_dir), decision_id)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.decision_document(found), form))


@decisions.command()
@config_option
@data_dir_option
@click.option("--expect", default="", help="The hash of a line that you noted elsewhere; it must be in the log.")
@as_json
@explained
def check(*, config: str, data_dir: str | None, expect: str, json_: bool) -> None:
    """Exit 1 when any entry was changed, removed or inserted since it was written."""
    from breakeven.app import decisions as app
    from breakeven.app import loop

    found = app.check(loop.data_dir(config=Path(config), override=data_dir), expect)
    if json_:
        print_json(found)
        return
    click.echo(f"{found.entries} decisions, each chained to the one before; the last line is {found.head or 'none'}")
    if found.torn_bytes:
        click.echo(f"an append of {found.torn_bytes} bytes was cut off; the next sets it aside")
