"""Ready to decide? `breakeven readiness`."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, print_json


@click.command()
@config_option
@data_dir_option
@click.option("--use-case", help="Only this use case.")
@form_option
@click.option("--fail-if-unready", is_flag=True, help="Exit 1 while a question is open.")
@as_json
@explained
def readiness(
    *, config: str, data_dir: str | None, use_case: str | None, form: str, fail_if_unready: bool, json_: bool
) -> None:
    """What a team must be able to answer before it decides, and what to instrument first where it cannot."""
    from breakeven.app import readiness as app
    from breakeven.app import render

    found = app.look(Path(config), data_dir, use_case)
    if json_:
        print_json(app.plain(found))
    else:
        click.echo(render.in_form(app.document(found), form))
    if fail_if_unready:
        app.gate(found)
