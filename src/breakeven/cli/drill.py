"""Faults on purpose: drill."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import (
    INTERRUPTED,
    as_json,
    config_option,
    counted,
    data_dir_option,
    explained,
    note,
    print_json,
)
from breakeven.errors import UsageError

if TYPE_CHECKING:
    from breakeven.app.drill import OnTime
    from breakeven.schema.policy import Fault


@click.command()
@click.option("--deployment", metavar="NAME", help="Which deployment of the policy in force.")
@click.option("--fault", type=click.Choice(["slow", "fail", "garble", "absent"]), help="What it does.")
@click.option("--for", "length", metavar="TIME", default="30s", show_default=True, help="How long; at most 15m.")
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, help="Of its requests."
)
@click.option("--delay", metavar="TIME", default="2s", show_default=True, help="How late, for slow.")
@click.option("--send", type=click.IntRange(1), help="Send so many small requests meanwhile.")
@click.option("--use-case", default="", metavar="NAME", help="Of --send.  [default: the first that may ask it]")
@click.option("--model", default="", help="Of --send.  [default: the use case's first]")
@click.option("--url", help="The gateway, for --send.  [default: the configuration's]")
@click.option("--key-env", metavar="NAME", help="Environment variable with the key for --send, which is never shown.")
@click.option("--cancel", is_flag=True, help="End the drills that are on, of --deployment or all, and report nothing.")
@config_option
@data_dir_option
@as_json
@explained
def drill(
    *,
    deployment: str | None,
    fault: Fault | None,
    length: str,
    share: float,
    delay: str,
    send: int | None,
    use_case: str,
    model: str,
    url: str | None,
    key_env: str | None,
    cancel: bool,
    config: str,
    data_dir: str | None,
    json_: bool,
) -> None:
    """Make a deployment slow, failing, garbled or absent for a while, and say whether the failure policy held."""
    from breakeven.app import drill as app
    from breakeven.app import load, loop, render

    folder = loop.data_dir(config=Path(config), override=data_dir)
    if cancel:
        ended = app.cancel(folder, deployment)
        print_json(ended) if json_ else click.echo(f"{counted(len(ended), 'drill')} ended")
        return
    if deployment is None or fault is None:
        message = f"what to drill is not stated: --deployment is {deployment}, --fault is {fault}"
        raise UsageError(message, "give both, such as --deployment vllm --fault absent")
    own = app.Load()
    if send is not None:
        key, at = load.key(key_env), app.url_of(Path(config), url)
        own = app.Load(requests=send, use_case=use_case, model=model, url=at, key=key)
    for_s, delay_s = app.seconds(length, "--for"), app.seconds(delay, "--delay")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    planned = app.plan(deployment, fault, for_s=for_s, share=share, delay_s=delay_s)
    with _shown(f"{deployment} {fault}", quiet=json_) as on_time:
        found = app.run(folder, planned, own, on_time)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.document(found), "text"))
    if found.interrupted:
        sys.exit(INTERRUPTED)
    app.gate(found)


@contextlib.contextmanager
def _shown(name: str, *, quiet: bool) -> Iterator[OnTime | None]:
    """Progress on stderr: a bar on a terminal, else one line."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        note(f"drill: {name}; Ctrl-C ends it early")
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(f"drill: {name}")
        yield lambda at_s, whole_s: bars.update(task, completed=at_s, total=whole_s)
