"""Two plans, policies or statements compared: `breakeven diff`."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, print_json


@click.command()
@click.argument("before")
@click.argument("after")
@config_option
@data_dir_option
@click.option("--fail-above", metavar="X%", help="Exit 1 when the cost per useful prediction rises by more.")
@click.option("--markdown", is_flag=True, help="As Markdown, for a pull request.")
@as_json
@explained
def diff(
    *,
    before: str,
    after: str,
    config: str,
    data_dir: str | None,
    fail_above: str | None,
    markdown: bool,
    json_: bool,
) -> None:
    """What two plans, two policies or two statements differ in, and why. Each is a file or an id."""
    from breakeven.app import difference as app
    from breakeven.app import loop, render

    allowed = None if fail_above is None else app.share(fail_above)
    found = app.compare(before, after, loop.data_dir(config=Path(config), override=data_dir))
    if json_:
        print_json(app.difference_json(found))
    else:
        click.echo(render.in_form(app.difference_document(found), "markdown" if markdown else "text"))
    if allowed is not None:
        app.gate(found, allowed)
