"""How commands answer: results on stdout, errors on stderr with their code and exit status."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import click
import msgspec

from breakeven.errors import BreakevenError

P = ParamSpec("P")
INTERRUPTED = 130

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON object instead of text.")
sources_option = click.option("--sources", is_flag=True, help="List every fact with source and date.")
config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    default="breakeven.yaml",
    show_default=True,
    envvar="BREAKEVEN_CONFIG",
    help="The configuration file.",
)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    default=None,
    envvar="BREAKEVEN_DATA_DIR",
    help="Where journal, segments and policy lie.  [default: the configuration's, else ./.breakeven]",
)
form_option = click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "html"]), default="text", show_default=True
)
owner_option = click.option("--owner", default="", help="Who answers for the decision, kept in the decision log.")
review_option = click.option("--review-on", default="", help="The ISO date on which it is looked at again.")
reason_option = click.option("--reason", default="", help="Why, in your own words.  [default: the plan's reason]")


def print_json(value: object) -> None:
    """One JSON object on stdout, indented for people."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def counted(number: int, thing: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def note(text: str) -> None:
    """Progress and remarks go to stderr, so that stdout stays the result."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """Without control characters, which a file's content could send to the terminal."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Turn an expected error into one clear message and the exit code of its kind."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BreakevenError as error:
            click.echo(printable(f"error {error.code}: {error}"), err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # click ends quietly when whoever reads has gone
        except OSError as error:
            name = error.filename2 or error.filename  # of a rename, what was asked for
            where = f"{name}: " if name else ""
            why = (error.strerror or str(error)).lower()
            click.echo(f"error BE200: {where}{why}\n  way out: check the path, its rights and the disk", err=True)
            sys.exit(3)

    return run
