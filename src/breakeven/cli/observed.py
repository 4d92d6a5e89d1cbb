"""Options that name running traffic as a source of rows, and the rows they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from breakeven.cli.output import counted, note
from breakeven.errors import UsageError

if TYPE_CHECKING:
    from breakeven.app.observed import Taken

_OPTIONS = (
    click.option("--metrics", multiple=True, metavar="URL|FILE", help="A server's /metrics: a URL, or saved texts."),
    click.option("--ledger", is_flag=True, help="Take rows from the ledger of --config."),
    click.option("--seconds", type=click.FloatRange(1, 86_400), help="URL: watch so long [60]; FILE: between two."),
    click.option("--interval-s", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True, help="URL: a poll."),
    click.option("--windows", type=click.IntRange(1, 10_000), default=1, show_default=True, help="URL: rows' windows."),
    click.option("--minutes", type=click.FloatRange(1 / 3, 1440), default=5.0, show_default=True, help="A window."),
    click.option("--isl", type=click.FloatRange(1), help="Mean prompt tokens, where a server counts none (llama.cpp)."),
    click.option("--osl", type=click.FloatRange(1), help="Mean answer tokens, likewise."),
    click.option("--accept-emulated", is_flag=True, help="Ledger: emulated answers count. Not to calibrate with."),
)  # fmt: skip


def traffic_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `taken` reads; who serves and the key are options of the command itself."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def taken(given: Mapping[str, Any]) -> Taken | None:
    """The rows of the traffic that options name, with remarks on stderr; None where they name none.

    Args:
        given: the options above, `config`, `data_dir`, `key_env`, and what states who serves (`gpu`, `tp`, `model`,
            `version`, ...; see `app.observed.stated`).

    Raises:
        UsageError: two sources are named, or half of the lengths; see also the functions of `app.observed`.
    """
    if not given["metrics"] and not given["ledger"]:
        return None
    if given["metrics"] and given["ledger"]:
        message = f"--ledger and --metrics {given['metrics'][0]} are two sources of rows"
        raise UsageError(message, "name one at a time; rows of files can be put together")
    found = _of_ledger(given) if given["ledger"] else _of_metrics(given)
    for text in (*found.remarks, *(f"no rows of {name}: {why}" for name, why in found.refused)):
        note(text)
    note(f"{counted(len(found.rows), 'row')} of {counted(len(found.windows), 'window')}")
    return found


def _of_ledger(given: Mapping[str, Any]) -> Taken:
    from breakeven.app import observed as app
    from breakeven.assembly import project

    folder = given.get("data_dir")
    return app.of_ledger(
        project.load(Path(given["config"])),
        folder=None if folder is None else Path(folder),
        minutes=given["minutes"],
        version=given.get("version"),
        emulated=given["accept_emulated"],
    )


def _of_metrics(given: Mapping[str, Any]) -> Taken:
    from breakeven.app import load
    from breakeven.app import observed as app

    sources, who, lengths = given["metrics"], app.stated(given), _lengths(given)
    if not sources[0].startswith(("http://", "https://")):
        return app.of_files([Path(one) for one in sources], given["seconds"], who, lengths)
    if len(sources) > 1:
        message = f"--metrics names {len(sources)} sources, of which the first, {sources[0]}, is a URL"
        raise UsageError(message, "watch one server at a time")
    return app.of_server(
        sources[0],
        who,
        seconds=given["seconds"] or 60.0,
        interval_s=given["interval_s"],
        windows=given["windows"],
        lengths=lengths,
        key=load.key(given.get("key_env")),
    )


def _lengths(given: Mapping[str, Any]) -> tuple[float, float] | None:
    isl, osl = given["isl"], given["osl"]
    if (isl is None) != (osl is None):
        message = f"--isl is {isl} and --osl is {osl}: one without the other says nothing of a request"
        raise UsageError(message, "give both, or neither")
    return None if isl is None else (isl, osl)
