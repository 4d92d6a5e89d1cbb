"""Measuring how fast a server answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import INTERRUPTED, as_json, explained, note, print_json
from breakeven.errors import UsageError

if TYPE_CHECKING:
    from breakeven.measure.plan import Listener

_MOST_CLIENTS, _MOST_RPS, _MOST_ROWS, _MOST_POINTS = 1024, 10_000.0, 65_536, 32


class Numbers(click.ParamType[tuple[float, ...]]):
    """A list such as 1,4,16, ascending or not, each within bounds."""

    name = "n,n,..."

    def __init__(self, kind: type[int | float], least: float, most: float) -> None:
        self.kind, self.least, self.most = kind, least, most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The numbers, in their order."""
        if not isinstance(value, str):
            return tuple(value)  # type: ignore[arg-type]
        try:
            found = tuple(self.kind(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 1,4,16", param, ctx)
        if len(found) > _MOST_POINTS:
            self.fail(f"{len(found)} points are more than {_MOST_POINTS}", param, ctx)
        for one in found:
            if not self.least <= one <= self.most:
                self.fail(f"{one:g} lies outside {self.least:g}..{self.most:g}", param, ctx)
        return found


@click.command()
@click.argument("target", metavar="URL|MODEL.onnx")
@click.option("--model", help="The model to ask for.  [default: the only one served]")
@click.option(
    "--accelerator", "gpu", metavar="NAME", help="What it runs on, for the rows: a name of the catalog, or your own."
)
@click.option(
    "--closed", type=Numbers(int, 1, _MOST_CLIENTS), help="Requests always in flight, a point each.  [1,4,16]"
)
@click.option("--open", type=Numbers(float, 1e-3, _MOST_RPS), help="Arrivals per second, a point each: 0.5,2.")
@click.option("--batch", "batches", type=Numbers(int, 1, _MOST_ROWS), help="Rows a request: v2, ONNX.  [1,2,4..128]")
@click.option("--isl", default="128", show_default=True, metavar="N[:S]", help="Prompt tokens; 128:32 is 96 to 160.")
@click.option("--osl", default="64", show_default=True, metavar="N[:S]", help="Output tokens, likewise.")
@click.option("--requests", type=click.IntRange(1, 100_000), help="Measured requests a point.  [default: 16 a client]")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 3600), default=60.0, show_default=True, help="No point is longer than this."
)
@click.option("--warm-up", type=click.IntRange(0, 10_000), help="Uncounted answers a point.  [default: one a client]")
@click.option("--burst", is_flag=True, help="All clients begin at once, instead of spread over one answer.")
@click.option("--api", type=click.Choice(["chat", "completions", "v2"]), help="How to ask.  [default: found out]")
@click.option("--engine", help="For the rows.  [default: what the server says]")
@click.option("--engine-version", "version", help="For the rows.  [default: what the server says]")
@click.option("--precision", help="For the rows: bf16, fp8, ...")
@click.option("--tp", type=click.IntRange(1, 1024), default=1, show_default=True, help="For the rows.")
@click.option("--ngpu", type=click.IntRange(1, 4096), help="For the rows.  [default: tp]")
@click.option("--model-id", metavar="NAME", help="For the rows: the model's name there.  [default: the one asked for]")
@click.option("--source", help="For the rows.  [default: own measurement]")
@click.option("--key-env", metavar="NAME", help="Environment variable with the server's key, which is never shown.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of lengths, words and arrivals.")
@click.option("--allow-prefix-cache", is_flag=True, help="Prompts that begin alike, so that caches help.")
@click.option("--extra", metavar="JSON", help='More fields of every request: {"temperature": 0}.')
@click.option(
    "--tokenizer", type=click.Path(dir_okay=False, exists=True), help="tokenizer.json to check usage against."
)
@click.option("--timeout-s", type=click.FloatRange(1, 3600), default=120.0, show_default=True, help="Longest silence.")
@click.option("--yes-load", metavar="HOST", default="", help="You may load this host, which is not this machine.")
@click.option("--rows", type=click.Path(dir_okay=False), help="Append rows in the calibration schema to this file.")
@as_json
@explained
def measure(*, target: str, rows: str | None, yes_load: str, json_: bool, **given: object) -> None:
    """Measure TTFT, TPOT and throughput of an OpenAI-compatible server, a v2 server, or an ONNX file in process."""
    from breakeven.app import load as app
    from breakeven.app import render

    if rows is not None:
        if given["gpu"] is None:
            message = "--rows without --accelerator: rows of an unknown accelerator are of no use"
            raise UsageError(message, "name it, such as h100-sxm, or cpu-xeon-8481c")
        app.check_rows_file(Path(rows))
    known = app.frame(target, {**given, "model": given["model_id"], "ngpu": given["ngpu"] or given["tp"]})
    with _shown() as listener:
        plan = app.plan(target, given)
        if target.endswith(".onnx"):
            report = app.measure_file(Path(target), known, listener, plan=plan)
        else:
            report = app.measure(plan, known, listener, consent=yes_load)
    if rows is not None:
        note(f"{app.append_rows(report, Path(rows))} rows added to {rows}")
    if json_:
        print_json(report)
    else:
        click.echo(render.in_form(app.document(report), "text"))
    if report.interrupted:
        sys.exit(INTERRUPTED)
    app.gate(report)


@contextlib.contextmanager
def _shown() -> Iterator[Listener]:
    """Progress on stderr: a bar on a terminal, else a line a point."""
    from breakeven.measure.plan import Listener
    from breakeven.report.load import load_line

    if not sys.stderr.isatty():
        yield Listener(point=lambda point: note(load_line(point)))
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def progress(name: str, done: int, of: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=of)
            bars.update(tasks[name], completed=done)  # type: ignore[arg-type]

        yield Listener(
            progress=progress,
            point=lambda point: bars.console.print(load_line(point), markup=False, highlight=False, soft_wrap=True),
        )
