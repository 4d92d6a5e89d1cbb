"""The first ten minutes: init, doctor, check, schema, completion."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, explained, note, print_json
from breakeven.errors import GATE_FAILED


@click.command()
@click.option("--backend", "backend", help="Base URL of an OpenAI-compatible server, or the path of an .onnx file.")
@click.option("--model", help="The model's name.")
@click.option("--use-case", help="What its answers are for, such as assistant.")
@click.option(
    "--latency-ms", type=click.FloatRange(min=0, min_open=True), help="The whole latency budget of an answer."
)
@click.option("--cost", help="A catalog offer, USD per hour such as 2.5/h, or IN/OUT in USD per million tokens.")
@click.option("--out", type=click.Path(file_okay=False), default=".", show_default=True, help="Where to write.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@explained
def init(
    *,
    backend: str | None,
    model: str | None,
    use_case: str | None,
    latency_ms: float | None,
    cost: str | None,
    out: str,
    force: bool,
) -> None:
    """Write a commented breakeven.yaml and policy.yaml by asking five questions (or from the options)."""
    from breakeven.app import loop as app

    answers = {
        "backend": backend or click.prompt("1/5 OpenAI-compatible base URL, or path of an .onnx file"),
        "model": model or click.prompt("2/5 Name of the model"),
        "use_case": use_case or click.prompt("3/5 What are its answers for (one word)", default="assistant"),
        "latency_ms": latency_ms
        or click.prompt("4/5 Latency budget of a whole answer, in milliseconds", type=float, default=30_000.0),
        "cost": cost
        if cost is not None
        else click.prompt(
            "5/5 What does it cost: 2.5/h, 0.15/0.60 (USD per million tokens in/out), a catalog offer, or unknown",
            default="unknown",
        ),
    }
    for path in app.init(answers, Path(out), force=force):
        note(f"wrote {path}")
    note("next: breakeven doctor, then breakeven serve")


@click.command()
@config_option
@as_json
@explained
def doctor(*, config: str, json_: bool) -> None:
    """Check ports, clock, disk, keys and backends, and say what to do."""
    from breakeven.app import loop as app

    checks = app.doctor(Path(config))
    if json_:
        print_json({"ok": all(found.ok for found in checks), "checks": checks})
    else:
        for found in checks:
            click.echo(f"{'ok  ' if found.ok else 'FAIL'}  {found.name}: {found.detail}")
            if not found.ok and found.way_out:
                click.echo(f"      way out: {found.way_out}")
    if not all(found.ok for found in checks):
        raise click.exceptions.Exit(GATE_FAILED)


@click.command()
@config_option
@as_json
@explained
def check(*, config: str, json_: bool) -> None:
    """Validate breakeven.yaml and policy.yaml; every problem with file, line and column."""
    from breakeven.app import loop as app

    policy, batches = app.examine(Path(config))
    if json_:
        print_json(policy)
        return
    unpriced = [found.name for found in policy.deployments if found.tokens is None and found.capacity is None]
    click.echo(f"{config}: ok ({len(policy.use_cases)} use cases, {len(policy.deployments)} deployments), {policy.id}")
    for line in batches:
        click.echo(f"  {line}")
    for name in unpriced:
        click.echo(f"  {name} is unpriced: its predictions will be counted, not costed; give it `offer:` or `price:`")


@click.command()
@click.argument(
    "file", type=click.Choice(["settings", "policy", "mapping", "study", "proposal", "workload", "traffic", "demand"])
)
@explained
def schema(*, file: str) -> None:
    """Print the JSON Schema of a file people write, for editors: breakeven.yaml is `settings`, CASE.yaml `study`."""
    from breakeven.config.json_schema import SCHEMAS

    print_json(SCHEMAS[file]())


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell completion script: eval "$(breakeven completion bash)"."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101 - click knows the three shells offered
    click.echo(found(click.get_current_context().find_root().command, {}, "breakeven", "_BREAKEVEN_COMPLETE").source())
