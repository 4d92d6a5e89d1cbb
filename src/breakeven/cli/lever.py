"""What levers are worth: `breakeven lever`."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.group import WithDefault
from breakeven.cli.output import as_json, explained, form_option, note, print_json
from breakeven.errors import UsageError

facts_option = click.option(
    "--facts", multiple=True, type=click.Path(path_type=Path), help="Your own fact file or folder; may be repeated."
)


@click.group(cls=WithDefault, options_metavar="", subcommand_metavar="NAME FILE | all FILE | list | example | rules")
def lever() -> None:
    """What a lever saves, when it loses, where it turns (docs/levers.md): `breakeven lever cache levers.yaml`.

    Routing, cascades, caches, context, fewer bits, speculation, experts, distillation, samples, thought, accuracy.
    """


@lever.command("show", hidden=True)
@click.argument("name")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--weights", type=click.Path(dir_okay=False, path_type=Path), help="Write the router's arrays here.")
@facts_option
@form_option
@as_json
@explained
def lever_show(
    *, name: str, file: Path | None, weights: Path | None, facts: tuple[Path, ...], form: str, json_: bool
) -> None:
    """One lever of FILE; with `all`, every one it asks about."""
    from breakeven.app import lever as app
    from breakeven.app import render

    path = _file(name, file)
    if weights is not None and name != "router":
        message = f"--weights is given, and lever {name} learns no router"
        raise UsageError(message, "ask `breakeven lever router FILE --weights OUT.json`")
    if name == "all":
        several = app.every(path, facts=facts)
        if json_:
            print_json(several)
        else:
            click.echo(render.in_form(app.levers_document(several), form), nl=False)
        return
    found = app.lever(path, name, facts=facts)
    if weights is not None:
        for line in app.write_weights(path, weights, facts=facts):
            note(line)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.lever_document(found), form), nl=False)


def _file(name: str, file: Path | None) -> Path:
    if file is None:
        message = f"lever {name} needs a file of questions"
        raise UsageError(message, f"`breakeven lever example {name} > levers.yaml` writes one to begin with")
    return file


@lever.command("list")
@as_json
@explained
def lever_list(*, json_: bool) -> None:
    """The levers there are."""
    from breakeven.app import lever as app

    found = app.names()
    if json_:
        print_json(found)
    else:
        click.echo("\n".join(f"{name:<14}{text}" for name, text in found.items()))


@lever.command("example")
@click.argument("name", required=False, default="")
@explained
def lever_example(*, name: str) -> None:
    """A commented file of questions, of all levers or one, that runs as it stands."""
    from breakeven.app import lever as app

    click.echo(app.question(name), nl=False)


@lever.command("rules")
@click.option("--on", metavar="DATE", help="At the prices of this day, ISO.  [default: today]")
@facts_option
@form_option
@as_json
@explained
def lever_rules(*, on: str | None, facts: tuple[Path, ...], form: str, json_: bool) -> None:
    """The field's rules of thumb: for which inputs each is true."""
    from breakeven.app import lever as app
    from breakeven.app import render

    found = app.rules(on=on, facts=facts)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.rules_document(found), form), nl=False)
