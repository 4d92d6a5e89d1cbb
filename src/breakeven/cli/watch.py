"""What changed and what it will come to: drift, spend, alerts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, note, print_json

if TYPE_CHECKING:
    from breakeven.schema.drift import Alert


@click.command()
@config_option
@data_dir_option
@click.option("--recent-days", type=click.IntRange(1, 14), default=3, show_default=True, help="Whole days judged.")
@click.option(
    "--baseline-days", type=click.IntRange(3, 28), default=7, show_default=True, help="The fewest that stand before."
)
@click.option("--alpha", type=click.FloatRange(1e-6, 0.2), default=0.01, show_default=True, help="False alarms a look.")
@click.option("--fail-on-worse", is_flag=True, help="Exit 1 when something got worse.")
@form_option
@as_json
@explained
def drift(
    *,
    config: str,
    data_dir: str | None,
    recent_days: int,
    baseline_days: int,
    alpha: float,
    fail_on_worse: bool,
    form: str,
    json_: bool,
) -> None:
    """What changed in cost, latency, usefulness, cache, routing and tracking: the last days against those before."""
    from breakeven.app import render
    from breakeven.app import watch as app

    limits = app.Limits(recent_days=recent_days, baseline_days=baseline_days, alpha=alpha)
    found = app.look(Path(config), data_dir, limits=limits).drifts
    if json_:
        print_json({"drifts": found})
    else:
        click.echo(render.in_form(app.drift_document(found), form))
    if fail_on_worse and any(one.verdict == "worse" for one in found):
        sys.exit(1)


@click.command()
@config_option
@data_dir_option
@form_option
@as_json
@explained
def spend(*, config: str, data_dir: str | None, form: str, json_: bool) -> None:
    """What this month cost so far, by budget, and what it will come to by the end of it."""
    from breakeven.app import render
    from breakeven.app import watch as app

    found = app.look(Path(config), data_dir).spending
    if json_:
        print_json({"spending": found})
    else:
        click.echo(render.in_form(app.spending_document(found), form))


@click.command()
@config_option
@data_dir_option
@click.option("--send", is_flag=True, help="Post what is new to the webhook of breakeven.yaml.")
@click.option("--follow", is_flag=True, help="Look and send again and again, as `serve` does beside the gateway.")
@click.option("--prometheus", is_flag=True, help="Print Prometheus text, for a textfile collector.")
@click.option("--parent-fd", type=int, hidden=True, help="Exit when this pipe closes.")
@click.option("--fail-on-critical", is_flag=True, help="Exit 1 when a critical one stands.")
@form_option
@as_json
@explained
def alerts(
    *,
    config: str,
    data_dir: str | None,
    send: bool,
    follow: bool,
    prometheus: bool,
    parent_fd: int | None,
    fail_on_critical: bool,
    form: str,
    json_: bool,
) -> None:
    """What somebody should be told: drift, budgets that will be passed, figures over their limits, lost records."""
    from breakeven.app import render
    from breakeven.app import watch as app

    if follow:
        app.follow(Path(config), data_dir, _said, parent_fd)
        return
    found = app.look(Path(config), data_dir)
    if json_:
        print_json({"alerts": found.alerts})
    elif prometheus:
        click.echo(app.expose(found), nl=False)
    else:
        click.echo(render.in_form(app.alerts_document(found.alerts), form))
    if send:
        news = app.tell(Path(config), data_dir, found)
        note("nothing new to send" if news is None else f"sent: {len(news.began)} began, {len(news.ended)} ended")
    if fail_on_critical and any(one.severity == "critical" for one in found.alerts):
        sys.exit(1)


def _said(news: tuple[Alert, ...]) -> None:
    for one in news:
        note(f"{one.severity}: {one.message}")
