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
@click.option("--slo-ttft-s", type=float, help="Time to the first token, seconds.")
@click.option("--slo-tpot-s", type=float, help="Time per output token after the first, seconds.")
@click.option("--slo-latency-s", type=float, help="The whole use case, network and features included, seconds.")
@click.option(
    "--curve",
    "curves",
    multiple=True,
    metavar="NAME=FILE",
    help="A classic model's measured batches, and what they hold for: cpu, an accelerator, an offer. Repeatable.",
)
@click.option("--use-case", help="Which use case to plan.  [default: the policy's first with token traffic]")
@data_dir_option
@click.option("--as-of", help="Prices as of this ISO date.  [default: today]")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=click.Path(file_okay=False), help="Where memo and policy are written instead.")
@owner_option
@review_option
@reason_option
@sources_option
@as_json
@click.pass_context
@explained
def plan(
    context: click.Context,
    *,
    sources: bool,
    workload: str | None,
    trace: str | None,
    config: str,
    models: tuple[str, ...],
    slo_ttft_s: float | None,
    slo_tpot_s: float | None,
    slo_latency_s: float | None,
    curves: tuple[str, ...],
    use_case: str | None,
    data_dir: str | None,
    as_of: str | None,
    seed: int,
    out: str | None,
    owner: str,
    review_on: str,
    reason: str,
    json_: bool,
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
    given = app.Given(
        trace=None if trace is None else Path(trace),
        workload=None if workload is None else Path(workload),
        models=models,
        use_case=use_case or "",
        ttft_s=slo_ttft_s,
        tpot_s=slo_tpot_s,
        latency_s=slo_latency_s,
        curves=curves,
        as_of=as_of or "",
        seed=seed,
    )
    alone = _from_files(given, context, config)
    with shown() as progress:
        if alone:
            written = app.from_files(given, out=out, progress=progress)
        else:
            about = decided(owner=owner, review_on=review_on, reason=reason)
            written = app.from_project(
                Path(config), given, data_dir_override=data_dir, out=out, progress=progress, about=about
            )
    if json_:
        print_json(app.contract(written, cpu_s=time.process_time() - began_s))
    else:
        click.echo(app.brief(written, sources=sources))
    for path in written.paths:
        note(f"wrote {path}")
    note(app.next_step(written, in_project=not alone))


def _from_files(given: Given, context: click.Context, config: str) -> bool:
    """Whether no configuration takes part: none is named, and none is needed or at hand."""
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
