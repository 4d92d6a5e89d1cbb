"""What to do: estimate, apply."""

from __future__ import annotations

from pathlib import Path

import click

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


@click.command()
@click.option("--model", required=True, help="A model of the catalog, such as llama-3.1-70b.")
@click.option("--requests", required=True, metavar="N/month", help="Volume: 3000000/month, 100000/day or 5/s.")
@click.option("--input", "input_tokens", required=True, type=click.FloatRange(min=1), help="Mean input tokens.")
@click.option("--output", "output_tokens", required=True, type=click.FloatRange(min=1), help="Mean output tokens.")
@click.option("--against", help="The API model to compare with, such as gpt-4o-mini.")
@click.option("--as-of", help="Prices as of this ISO date.  [default: today]")
@sources_option
@as_json
@explained
def estimate(
    *,
    sources: bool,
    model: str,
    requests: str,
    input_tokens: float,
    output_tokens: float,
    against: str | None,
    as_of: str | None,
    json_: bool,
) -> None:
    """A first answer from three numbers: API, rent or own, with ranges and what they rest on."""
    from breakeven.app import facts, render

    found = facts.estimate(
        model=model,
        requests_per_month=facts.requests_per_month(requests),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        against=against,
        as_of=as_of,
    )
    if json_:
        print_json(found)
    else:
        click.echo(render.brief(facts.estimate_document(found), sources=sources))


@click.command()
@click.argument("plan_id", required=False)
@config_option
@data_dir_option
@click.option(
    "--backend-url",
    "backend_urls",
    multiple=True,
    metavar="[NAME=]URL",
    help="Where a deployment answers that breakeven.yaml does not hold yet. Repeatable with --mix.",
)
@click.option("--mix", is_flag=True, help="Route to all parts of the plan's mix, in place of its choice alone.")
@click.option("--model-name", help="The name that server gives the model.  [default: the catalog's]")
@click.option("--holdout", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True)
@click.option("--stages", help="The plan's shares of the traffic in turn, such as 0.05,0.25,1; --next moves on.")
@click.option("--next", "next_", is_flag=True, help="The next stage, where the one in force did no harm.")
@click.option("--force", is_flag=True, help="The next stage whatever the holdout says.")
@click.option("--dry-run", is_flag=True, help="Print the difference instead of writing it.")
@owner_option
@review_option
@reason_option
@as_json
@explained
def apply(
    *,
    plan_id: str | None,
    config: str,
    data_dir: str | None,
    backend_urls: tuple[str, ...],
    mix: bool,
    model_name: str | None,
    holdout: float,
    stages: str | None,
    next_: bool,
    force: bool,
    dry_run: bool,
    owner: str,
    review_on: str,
    reason: str,
    json_: bool,
) -> None:
    """Route the use case to what the plan chose, keeping a holdout on the old route.

    With --mix all parts of the plan's cheapest mix are: the gateway fills what is paid for and sends the rest on.
    """
    from breakeven.app import decisions as app

    about = app.on(owner=owner, review_on=review_on, reason=reason, forced=force)
    app.check_stage(
        next_=next_, force=force, begins=[plan_id, *backend_urls, model_name, stages, "--mix" if mix else None]
    )
    if next_:
        found = app.next_stage(Path(config), data_dir=data_dir, dry_run=dry_run, about=about)
    else:
        found = app.apply(
            Path(config),
            plan_id,
            data_dir=data_dir,
            backend_url=backend_urls,
            mix=mix,
            model_name=model_name,
            holdout=holdout,
            stages=app.shares(stages),
            dry_run=dry_run,
            about=about,
        )
    if json_:
        print_json(app.applied_json(found))
    else:
        click.echo(found.difference or "nothing changes")
        for line in app.remarks(found):
            note(line)


@click.command()
@click.argument("decision_id", required=False)
@config_option
@data_dir_option
@click.option("--force", is_flag=True, help="Also where a file was edited since.")
@owner_option
@reason_option
@as_json
@explained
def rollback(
    *,
    decision_id: str | None,
    config: str,
    data_dir: str | None,
    force: bool,
    owner: str,
    reason: str,
    json_: bool,
) -> None:
    """Restore the files of before the last `apply` (or DECISION_ID and all since), byte for byte."""
    from breakeven.app import decisions as app

    about = app.on(owner=owner, reason=reason, forced=force)
    decision, policy = app.rollback(Path(config), decision_id, data_dir=data_dir, about=about)
    if json_:
        print_json({"policy_id": policy.id, "decision_id": decision.id, "undoes": decision.undoes.split()})
    else:
        click.echo(f"took back {decision.undoes} as {decision.id}; in force is {policy.id}")
        for one in decision.files:
            note(f"restored {one.path}")
