"""Enacting a plan's replicas: scale, scale run, scale rehearse, scale idle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from breakeven.cli.group import Bare
from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, note, print_json
from breakeven.schema.scaling import ScalingRule

Command = TypeVar("Command", bound=Callable[..., Any])
POSITIVE, NOT_NEGATIVE = click.FloatRange(min=0, min_open=True), click.FloatRange(min=0)


def rule_options(command: Command) -> Command:
    """What a rule may be told beside its plan."""
    for option in reversed(
        (
            click.option("--rates", type=click.Path(dir_okay=False), help="Demand as CSV instead of the ledger's."),
            click.option("--deployment", default="", help="Its name in the gateway.  [default: as `apply` names it]"),
            click.option("--goodput", "goodput_rps", type=POSITIVE, help="Requests/s of a replica inside its targets."),
            click.option("--cold-start-s", type=NOT_NEGATIVE, help="Seconds to start a replica.  [default: 300]"),
            click.option("--miss-usd", type=NOT_NEGATIVE, help="Cost of a request beyond capacity."),
            click.option("--interval-s", type=POSITIVE, default=60.0, show_default=True, help="Between looks."),
            click.option("--stabilisation-s", type=NOT_NEGATIVE, default=300.0, show_default=True),
            click.option("--least", type=click.IntRange(min=0), default=1, show_default=True),
            click.option("--most", type=click.IntRange(min=1), help="[default: twice the observed peak]"),
            click.option("--burst", help="The deployment that takes what is beyond.  [default: the cheapest API]"),
        )
    ):
        command = option(command)
    return command


@click.group(cls=Bare)
def scale() -> None:
    """How many replicas when: the rule of a plan (PLAN_ID, or the one in force), and the files that enact it."""


@scale.command(hidden=True)
@click.argument("plan_id", required=False)
@config_option
@data_dir_option
@rule_options
@click.option("--manifests", type=click.Path(file_okay=False), help="Write KEDA, HPA and Prometheus files here.")
@click.option("--target", default="", help="The Kubernetes workload.  [default: the deployment's name]")
@click.option("--namespace", default="default", show_default=True)
@click.option("--prometheus-url", default="http://prometheus.monitoring.svc:9090", show_default=True)
@form_option
@as_json
@explained
def show(
    *,
    plan_id: str | None,
    config: str,
    data_dir: str | None,
    manifests: str | None,
    target: str,
    namespace: str,
    prometheus_url: str,
    form: str,
    json_: bool,
    **given: object,
) -> None:
    """How many replicas when: the rule of a plan (PLAN_ID, or the one in force), and the files that enact it."""
    from breakeven.app import render
    from breakeven.app import scaling as app

    found, attainment, notes = _rule(plan_id, config, data_dir, given)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.rule_document(found), form))
    for remark in notes:
        note(remark)
    if manifests is not None:
        where = app.target(found, target, namespace, prometheus_url)
        for path in app.write_manifests(found, where, attainment, Path(manifests)):
            note(f"wrote {path}")


@scale.command()
@click.argument("plan_id", required=False)
@config_option
@data_dir_option
@rule_options
@click.option("--metrics", default="http://127.0.0.1:8080/metrics", show_default=True, help="A gateway's /metrics.")
@click.option("--webhook", envvar="BREAKEVEN_SCALE_WEBHOOK", help="Where each decision is posted as JSON.")
@click.option("--dry-run", is_flag=True, help="Say what is wanted, post nothing.")
@click.option("--looks", type=click.IntRange(min=2), help="End after so many looks.")
@as_json
@explained
def run(
    *,
    plan_id: str | None,
    config: str,
    data_dir: str | None,
    metrics: str,
    webhook: str | None,
    dry_run: bool,
    looks: int | None,
    json_: bool,
    **given: object,
) -> None:
    """Read a gateway's metrics every interval and tell a webhook how many replicas are wanted, until stopped."""
    from breakeven.app import scaling as app

    found, _, notes = _rule(plan_id, config, data_dir, given)
    for remark in notes:
        note(remark)
    said = app.json_line if json_ else app.line
    app.run(
        found,
        metrics=metrics,
        webhook=app.posted(webhook, dry_run=dry_run),
        told=lambda decision: click.echo(said(decision)),
        looks=looks,
    )


def _rule(
    plan_id: str | None, config: str, data_dir: str | None, given: dict[str, object]
) -> tuple[ScalingRule, float, tuple[str, ...]]:
    from breakeven.app import loop
    from breakeven.app import scaling as app

    rates = given.pop("rates")
    where = loop.data_dir(config=Path(config), override=data_dir)
    return app.rule(where, plan_id, given, rates=None if rates is None else Path(str(rates)))


@scale.command()
@click.argument("rates", type=click.Path(dir_okay=False))
@click.option("--goodput", type=POSITIVE, required=True, help="Requests/s of a replica inside its targets.")
@click.option("--cold-start-s", type=NOT_NEGATIVE, default=300.0, show_default=True)
@click.option("--quantile", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@form_option
@as_json
@explained
def rehearse(*, rates: str, goodput: float, cold_start_s: float, quantile: float, form: str, json_: bool) -> None:
    """What the rule would have done on the second half of RATES (CSV), beside fixed and reactive scaling."""
    from breakeven.app import render
    from breakeven.app import scaling as app

    found, notes = app.rehearse(Path(rates), goodput_rps=goodput, cold_start_s=cold_start_s, quantile=quantile)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.rehearsal_document(found), form))
    for remark in notes:
        note(remark)


@scale.command()
@click.argument("hours", type=click.Path(dir_okay=False))
@click.argument("work", type=click.Path(dir_okay=False))
@form_option
@as_json
@explained
def idle(*, hours: str, work: str, form: str, json_: bool) -> None:
    """Place work that may wait (WORK.csv) into idle hours (HOURS.csv): the cheapest, then the cleanest."""
    from breakeven.app import render
    from breakeven.app import scaling as app

    found = app.idle(Path(hours), Path(work))
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.idle_document(found), form))
