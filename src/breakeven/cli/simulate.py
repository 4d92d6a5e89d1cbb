"""What a deployment would do, before it is there: simulate, size."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import click

from breakeven.cli.output import as_json, explained, print_json

_COUNT = click.IntRange(1, 100_000)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_NOT_NEGATIVE = click.FloatRange(min=0)

DEPLOYMENT = (
    click.option("--engine", metavar="NAME", help="vllm, sglang or trtllm.  [default: vllm]"),
    click.option("--engine-version", "version", metavar="V", help="Its version, where rows of it were measured."),
    click.option(
        "--model-config", type=click.Path(dir_okay=False), help="The model's config.json, where the catalog has none."
    ),
    click.option(
        "--set", "changes", multiple=True, metavar="FACT=VALUE",
        help="Another figure than the catalog's: accelerator.memory_bandwidth=4.8TB/s; may be repeated.",
    ),
    click.option(
        "--coefficients", type=click.Path(dir_okay=False), help="Coefficients of your own, from `breakeven calibrate`."
    ),
    click.option("--facts", multiple=True, type=click.Path(), help="Your own fact file or folder; may be repeated."),
)  # fmt: skip
ARRIVALS = (
    click.option("--trace", type=click.Path(dir_okay=False), help="Recorded requests: CSV or JSON lines."),
    click.option("--workload", type=click.Path(dir_okay=False), help="Requests to draw, in a few lines of YAML."),
    click.option("--rate", type=_POSITIVE, help="Requests per second instead of theirs."),
    click.option("--requests", type=_COUNT, help="At most so many, from the middle of the trace."),
    click.option("--drop-empty", is_flag=True, help="Leave out requests without a prompt or an answer."),
)
TARGETS = (
    click.option("--ttft", type=_POSITIVE, metavar="S", help="Target: first token within so many seconds."),
    click.option("--tpot", type=_POSITIVE, metavar="S", help="Target: seconds per further token at most."),
    click.option("--budget", type=_POSITIVE, metavar="S", help="Target: the whole answer within so many seconds."),
)
SERVING = (
    click.option("--max-sequences", type=_COUNT, help="Sequences of a step at most.  [default: 256]"),
    click.option("--max-batch-tokens", type=_COUNT, help="Tokens of a step at most.  [default: 2048]"),
    click.option("--block-tokens", type=_COUNT, help="Tokens of a block of the cache.  [default: 16]"),
    click.option("--chunked/--no-chunked", default=None, help="Prompts in chunks beside answers, or in own steps."),
    click.option(
        "--growth", type=click.Choice(["reserve", "recompute", "swap"]),
        help="Room for the whole answer at once, or as it grows, and what preemption does.  [default: reserve]",
    ),
    click.option("--swap-s-per-token", type=_NOT_NEGATIVE, help="Seconds to swap a token out or in."),
    click.option("--prefix-cache", metavar="off|blocks|CHANCE", help="Prompts found by the trace's hashes, or chance."),
    click.option("--speculate", metavar="K:A[:MS]", help="Draft K tokens a step, each accepted with chance A."),
    click.option("--seed", type=click.IntRange(0), help="Of the prefix cache's chance.  [default: 0]"),
)  # fmt: skip
FLEET = (
    click.option(
        "--routing", type=click.Choice(["least_loaded", "round_robin", "prefix_affinity"]),
        help="Which replica a request goes to.  [default: least_loaded]",
    ),
    click.option("--split", metavar="N[:GB/s]", help="N replicas do prompts only, the others answers."),
    click.option("--autoscale", metavar="MIN:MAX:N[:S]", help="A replica for every N in flight, started in S seconds."),
    click.option("--admit-ttft", type=_POSITIVE, metavar="S", help="Refuse what would wait longer for a first token."),
    click.option("--admit-tpot", type=_POSITIVE, metavar="S", help="Refuse what would slow a step beyond this."),
    click.option("--outage", multiple=True, metavar="N:DOWN[:UP]", help="Replica N is gone between these seconds."),
)  # fmt: skip

Command = Callable[..., None]


def with_options(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    """Groups of options in their order, whose values a command takes as one mapping `given`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*, json_: bool, facts: tuple[str, ...], **given: object) -> None:
            command(json_=json_, facts=tuple(Path(one) for one in facts), given=given)

        decorated: Command = run
        for option in reversed([option for group in groups for option in group]):
            decorated = option(decorated)
        return decorated

    return decorate


@click.command()
@click.option("--model", required=True, help="A model of the catalog under any of its names.")
@click.option("--accelerator", required=True, help="An accelerator of the catalog under any of its names.")
@click.option("--tp", type=int, default=1, show_default=True, help="Accelerators that hold one layer together.")
@click.option("--pp", type=int, default=1, show_default=True, help="Stages of layers, one after another.")
@click.option("--replicas", type=int, default=1, show_default=True, help="How many of those there are.")
@click.option("--precision", metavar="NAME", help="bf16, fp16, fp8, int8, int4 or fp4.  [default: as published]")
@with_options(DEPLOYMENT, ARRIVALS, TARGETS, SERVING, FLEET)
@as_json
@explained
def simulate(*, json_: bool, facts: tuple[Path, ...], given: dict[str, object]) -> None:
    """Serve a trace or a drawn workload token by token in virtual time: latencies, goodput, power, with intervals."""
    from breakeven.app import render
    from breakeven.app import simulate as app

    found = app.simulate(given, facts=facts)
    if json_:
        print_json(app.answer_json(found))
    else:
        click.echo(render.in_form(app.answer_document(found), "text"), nl=False)


@click.command()
@click.option("--model", required=True, help="A model of the catalog under any of its names.")
@click.option("--accelerator", "accelerators", required=True, metavar="A[,B...]", help="What it may run on.")
@click.option("--precision", "precisions", metavar="NAME[,NAME...]", help="In which formats.  [default: as published]")
@click.option(
    "--attainment",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="The share of requests that must be inside every target.",
)
@click.option("--most", type=click.IntRange(1, 1024), default=64, show_default=True, help="Accelerators at most.")
@with_options(DEPLOYMENT, ARRIVALS, TARGETS, SERVING)
@as_json
@explained
def size(
    *, json_: bool, facts: tuple[Path, ...], given: dict[str, object]
) -> None:  # fmt: skip
    """The smallest deployment that keeps its targets: all screened in closed form, the best simulated."""
    from breakeven.app import render
    from breakeven.app import simulate as app

    accelerators, precisions = (
        tuple(filter(None, (part.strip() for part in str(given.pop(name) or "").split(","))))
        for name in ("accelerators", "precisions")
    )
    most = given.pop("most")
    found = app.size(given, accelerators=accelerators, precisions=precisions, most=int(str(most)), facts=facts)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.size_document(found), "text"), nl=False)
