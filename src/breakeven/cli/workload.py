"""Demand: workload show, fit, forecast, sample."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.group import WithDefault
from breakeven.cli.output import as_json, config_option, data_dir_option, explained, note, print_json

_FILE = click.Path(dir_okay=False)
_campaign = click.option(
    "--campaign",
    metavar="PARTS",
    help="A what-if on top: lift=20,start=2d,ramp=6h,duration=21d[,shape=step|ramp|decay].",
)
_out = click.option("--out", type=_FILE, help="Write the workload as commented YAML, for `plan --workload`.")


@click.group(
    cls=WithDefault,
    options_metavar="",
    subcommand_metavar="[USE_CASE] [OPTIONS] | fit FILE | forecast FILE | sample FILE",
)
def workload() -> None:
    """The shape of demand (docs/workload.md): of the ledger's own traffic, of a trace, or drawn again.

    `breakeven workload [USE_CASE]` reads the ledger; `fit` a file.
    """


@workload.command("show", hidden=True)
@click.argument("use_case", required=False)
@config_option
@data_dir_option
@click.option("--trace", type=_FILE, help="A trace file instead of the ledger.")
@_out
@as_json
@explained
def show(
    *, use_case: str | None, config: str, data_dir: str | None, trace: str | None, out: str | None, json_: bool
) -> None:
    """Rate, burstiness and token mix of a use case, with the evidence."""
    from breakeven.app import loop as app

    where = app.data_dir(config=Path(config), override=data_dir)
    if out is not None:
        from breakeven.app import workload as demand

        demand.write(demand.of_ledger(where, use_case) if trace is None else demand.fit(Path(trace)), Path(out))
        note(f"wrote {out}")
    found = app.fit_workload(where, use_case, trace=None if trace is None else Path(trace))
    if json_:
        print_json(found)
        return
    click.echo(f"{found.use_case}: {found.shape}, n={found.n} over {found.span_s:.1f} s")
    click.echo(
        f"  requests/s: mean {found.rate_mean_rps:.3g}, p95 {found.rate_p95_rps:.3g}, max {found.rate_max_rps:.3g}"
    )
    click.echo(
        f"  input tokens: mean {found.input_tokens_mean:.0f}, p50 {found.input_tokens_p50:.0f},"
        f" p95 {found.input_tokens_p95:.0f}; output: mean {found.output_tokens_mean:.0f},"
        f" p50 {found.output_tokens_p50:.0f}, p95 {found.output_tokens_p95:.0f}"
    )
    for sentence in found.evidence:
        note(f"  {sentence}")


@workload.command("fit")
@click.argument("file", type=_FILE)
@_out
@as_json
@explained
def fit(*, file: str, out: str | None, json_: bool) -> None:
    """The profile of FILE: a trace, ServeGen windows, counts (timestamp,value), or a workload in YAML."""
    from breakeven.app import workload as app

    found = app.fit(Path(file))
    if out is not None:
        app.write(found, Path(out))
        note(f"wrote {out}")
    if json_:
        print_json(app.to_json(found))
    else:
        click.echo("\n".join(app.lines(found)))


@workload.command("forecast")
@click.argument("file", type=_FILE)
@click.option("--horizon", required=True, metavar="TIME", help="How far ahead: 6h, 2d, 1w.")
@click.option("--quantiles", default="0.05,0.1,0.25,0.5,0.75,0.9,0.95", show_default=True, help="Which levels.")
@click.option("--step", metavar="TIME", help="Windows of a trace: 1m, 10m.  [default: by its span]")
@_campaign
@as_json
@explained
def forecast(*, file: str, horizon: str, quantiles: str, step: str | None, campaign: str | None, json_: bool) -> None:
    """Quantile paths of requests per second after the end of FILE, held to what came in its past."""
    from breakeven.app import workload as app

    levels = app.levels(quantiles)
    found = app.foresee(Path(file), horizon=horizon, quantiles=levels, step=step, campaign=campaign)
    if json_:
        print_json(app.foreseen_json(found))
    else:
        click.echo("\n".join(app.foreseen_lines(found)))


@workload.command("sample")
@click.argument("file", type=_FILE)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), required=True, help="For how long.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option("--out", type=_FILE, required=True, help="Where the trace goes, as JSON lines.")
@_campaign
@as_json
@explained
def sample(*, file: str, seconds: float, seed: int, out: str, campaign: str | None, json_: bool) -> None:
    """Draw a trace like FILE's: its rate, bursts, lengths and prefixes, with new chance."""
    from breakeven.app import workload as app

    found = app.sample(Path(file), span_s=seconds, seed=seed, out=Path(out), campaign=campaign)
    if json_:
        print_json(found)
    else:
        click.echo("\n".join(app.sample_lines(found)))
