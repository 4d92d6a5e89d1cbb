"""Outcomes as they come in: bad events, replay, health, the browser snippet."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, counted, data_dir_option, explained, print_json
from breakeven.errors import GATE_FAILED

rule_option = click.option("--reason", "rule", help="Only this class of violation, such as schema or missing_identity.")
type_option = click.option("--type", "event_type", help="Only this event type, such as breakeven.conversion.v1.")
since_option = click.option("--since", metavar="WHEN", help="Received since: 90m, 24h, 7d, or an ISO time.")


@click.group()
def events() -> None:
    """What comes in as events: what violates the tracking plan, its replay, and the snippet for pages."""


@events.command()
@config_option
@data_dir_option
@rule_option
@type_option
@since_option
@as_json
@explained
def bad(
    *, config: str, data_dir: str | None, rule: str | None, event_type: str | None, since: str | None, json_: bool
) -> None:
    """Events that violate the tracking plan: counts by reason and type, with examples."""
    from breakeven.app import events as app
    from breakeven.app import loop

    where = loop.data_dir(config=Path(config), override=data_dir)
    found = app.bad(where, app.asked(rule, event_type, since))
    if json_:
        print_json({"bad": sum(one.events for one in found), "counts": found})
    else:
        click.echo("\n".join(app.lines(found)))


@events.command()
@config_option
@data_dir_option
@rule_option
@type_option
@since_option
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@as_json
@explained
def replay(
    *,
    config: str,
    data_dir: str | None,
    rule: str | None,
    event_type: str | None,
    since: str | None,
    dry_run: bool,
    json_: bool,
) -> None:
    """Judge bad events by the plan in force now; those that are sound become outcomes, each once."""
    from breakeven.app import events as app
    from breakeven.app import loop

    where = loop.data_dir(config=Path(config), override=data_dir)
    done = app.replay(where, app.asked(rule, event_type, since), dry_run=dry_run)
    if json_:
        print_json(done)
        return
    verb = "would become" if dry_run else "became"
    click.echo(f"{counted(done.replayed, 'event')} {verb} outcomes, {counted(done.still_bad, 'event')} still bad")
    for rule_, number in done.by_rule.items():
        click.echo(f"  {number:>8,}  {rule_}")


@events.command()
@config_option
@data_dir_option
@click.option("--hours", type=click.FloatRange(min=1), default=24.0, show_default=True, help="The hours judged.")
@click.option(
    "--baseline-hours", type=click.FloatRange(min=0), default=168.0, show_default=True, help="The hours before them."
)
@click.option("--fail-if-bad", is_flag=True, help="Exit 1 when the verdict is bad.")
@as_json
@explained
def health(
    *, config: str, data_dir: str | None, hours: float, baseline_hours: float, fail_if_bad: bool, json_: bool
) -> None:
    """Whether tracking is sound: by use case and source, against limits and against the hours before."""
    from breakeven.app import events as app
    from breakeven.app import loop

    where = loop.data_dir(config=Path(config), override=data_dir)
    found = app.health(where, hours=hours, baseline_hours=baseline_hours)
    if json_:
        print_json(found)
    else:
        click.echo("\n".join(app.health_lines(found)))
    if fail_if_bad and found.verdict == "bad":
        raise click.exceptions.Exit(GATE_FAILED)


@events.command()
@click.option("--url", required=True, help="Where pages reach the gateway, such as https://gateway.example.")
@click.option("--key", default="", help="A key of `scope: events`; anyone can read it in the page.")
@click.option(
    "--consent",
    type=click.Choice(["granted", "denied", "unknown"]),
    default="unknown",
    show_default=True,
    help="What holds until the page says otherwise by breakeven.consent().",
)
@explained
def snippet(*, url: str, key: str, consent: str) -> None:
    """Print the script for your pages: exposure, render time and clicks of elements with data-prediction."""
    from breakeven.app import events as app

    click.echo(app.snippet(url, key, consent))


@events.command()
@config_option
@data_dir_option
@click.option("--tenant", default="default", show_default=True, help="Whose subject it is.")
@click.option("--subject", required=True, help="The subject as the application sends it; all ids linked to it go too.")
@click.option("--hashed", is_flag=True, help="The subject is the hash that the ledger shows.")
@click.option("--reason", default="", help="Why, for the record of erasures.")
@as_json
@explained
def erase(
    *, config: str, data_dir: str | None, tenant: str, subject: str, hashed: bool, reason: str, json_: bool
) -> None:
    """Erase a person's subject, session, labels, prompt and data from the ledger; money stays."""
    from breakeven.app import events as app
    from breakeven.app import loop

    where = loop.data_dir(config=Path(config), override=data_dir)
    found = app.erase(where, tenant, subject, hashed=hashed, reason=reason)
    if json_:
        print_json(found)
    else:
        click.echo("\n".join(app.erased_lines(found)))
