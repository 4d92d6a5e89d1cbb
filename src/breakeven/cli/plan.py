"""What to do: plan."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from breakeven.cli.output import (
    as_json,
    config_option,
    data_dir_option,
    explained,
    note,
    owner_option,
    print_json,
    reason_option,
    review_option,
    sources_option,
)
from breakeven.errors import UsageError

if TYPE_CHECKING:
    from breakeven.app.planning import Given


@click.command()
@click.option("--workload", type=click.Path(dir_okay=False), help="Demand of a few lines of YAML; needs --model.")
@click.option("--trace", type=click.Path(dir_okay=False), help="Demand from a trace file instead of the ledger.")
@config_option
@click.option("--model", "models", multiple=True, help="A model of the catalog that may answer. Repeatable.")
@click.option("--slo-ttft-s", "ttft_s", type=float, help="Time to the first token, seconds.")
@click.option("--slo-tpot-s", "tpot_s", type=float, help="Time per output token after the first, seconds.")
@click.option("--slo-latency-s", "latency_s", type=float, help="The whole use case, network included, seconds.")
@click.option(
    "--curve",
    "curves",
    multiple=True,
    metavar="NAME=FILE",
    help="A classic model's measured batches, and what they hold for: cpu, an accelerator, an offer. Repeatable.",
)
@click.option(
    "--facts", multiple=True, type=click.Path(), help="Your own fact file or folder over the catalog. Repeatable."
)
@click.option("--margin", type=float, help="Carry so much more than the p95 of demand, such as 0.2.  [default: 0]")
@click.option("--sample-alone", is_flag=True, help="Size by these very requests, not by other samples of them too.")
@click.option("--use-case", help="Which use case to plan.  [default: the policy's first with token traffic]")
@data_dir_option
@click.option("--as-of", help="Prices as of this ISO date.  [default: today]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=click.Path(file_okay=False), help="Where memo and policy are written instead.")
@owner_option
@review_option
@reason_option
@click.option("--all", "everything", is_flag=True, help="Print the whole memo.")
@sources_option
@as_json
@click.pass_context
@explained
def plan(
    context: click.Context,
    /,
    *,
    config: str,
    data_dir: str | None,
    out: str | None,
    owner: str,
    review_on: str,
    reason: str,
    everything: bool,
    sources: bool,
    json_: bool,
    **asked: object,
) -> None:
    """Weigh every way to serve the demand; write a memo and a policy.

    Demand is the ledger's of --config, or a --trace, or a --workload. The last two need no configuration: name the
    models with --model. A classic model (ranking, fraud, imaging: rows in, scores out) is planned from its measured
    batches instead: --curve.
    """
    from breakeven.app import planning as app
    from breakeven.app.decisions import on as decided
    from breakeven.cli.progress import shown

    began_s = time.process_time()
    about = decided(owner=owner, review_on=review_on, reason=reason)
    given = app.given(asked)
    alone = _from_files(given, context, config)
    if alone and (owner or review_on or reason):
        note("no decision log without a configuration: --owner, --review-on and --reason are not kept")
    with shown() as progress:
        if alone:
            written = app.from_files(given, data_dir=data_dir, out=out, progress=progress)
        else:
            written = app.from_project(
                Path(config), given, data_dir_override=data_dir, out=out, progress=progress, about=about
            )
    if json_:
        print_json(app.contract(written, cpu_s=time.process_time() - began_s))
    else:
        click.echo(app.brief(written, sources=sources, everything=everything))
    for path in written.paths:
        note(f"wrote {path}")
    note(app.next_step(written, in_project=not alone))


def _from_files(given: Given, context: click.Context, config: str) -> bool:
    """Whether no configuration takes part: none is named, and none is needed or at hand."""
    alone = _alone(given, context, config)
    if given.facts and not alone:
        message = f"--facts {given.facts[0]} is given, and {config} names facts of its own"
        raise UsageError(message, "name the file under `facts:` there, or give --model with a --trace or a --workload")
    return alone


def _alone(given: Given, context: click.Context, config: str) -> bool:
    workload, trace, models = given.workload, given.trace, given.models
    named = context.get_parameter_source("config") is not ParameterSource.DEFAULT
    if workload is not None and named:
        message = f"--workload {workload} and --config {config} are both given"
        raise UsageError(message, "leave one out: a configuration plans for its ledger, or for a --trace")
    if given.curves and named:
        message = f"--curve and --config {config} are both given"
        raise UsageError(message, "leave one out: curves are planned with a --workload or a --trace")
    if workload is not None or given.curves:
        return True
    return trace is not None and not named and (bool(models) or not Path(config).exists())
