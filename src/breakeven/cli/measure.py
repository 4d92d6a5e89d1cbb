"""What the ledger says: report, verify."""

from __future__ import annotations

from pathlib import Path

import click

from breakeven.cli.ledger import since_option, until_option
from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, print_json


@click.command()
@config_option
@data_dir_option
@click.option("--from", "file", type=click.Path(dir_okay=False), help="Ask a CSV, Parquet or LiteLLM log instead.")
@click.option("--map", "mapping", type=click.Path(dir_okay=False), help="How that file's columns are named (YAML).")
@click.option("--use-case", help="Only this use case.")
@click.option("--policy-id", help="Only what this policy answered.")
@since_option
@until_option
@click.option("--engine", type=click.Choice(["duckdb", "memory", "spark"]), default="duckdb", show_default=True)
@click.option(
    "--spark-master", envvar="BREAKEVEN_SPARK_MASTER", default="local[*]", help="spark://host:7077, or sc://."
)
@click.option("--spark-data", envvar="BREAKEVEN_SPARK_DATA", default="", help="URL of the data directory for workers.")
@form_option
@click.option("--fail-over", type=float, help="Exit 1 when cost per useful prediction exceeds this many USD.")
@click.option("--fail-if-unmeasured", is_flag=True, help="Exit 1 when usefulness or cost was not measured.")
@as_json
@explained
def report(
    *,
    config: str,
    data_dir: str | None,
    file: str | None,
    mapping: str | None,
    use_case: str | None,
    policy_id: str | None,
    since: str | None,
    until: str | None,
    engine: str,
    spark_master: str,
    spark_data: str,
    form: str,
    fail_over: float | None,
    fail_if_unmeasured: bool,
    json_: bool,
) -> None:
    """What one useful prediction costs, and where the rest of the money went."""
    from breakeven.app import loop as app
    from breakeven.app import render

    opener = app.engine(engine, spark_master=spark_master, spark_data=spark_data)
    if file is not None:
        statement = app.report_file(Path(file), mapping_file=None if mapping is None else Path(mapping), engine=opener)
    else:
        where = app.data_dir(config=Path(config), override=data_dir)
        period = {"since": since, "until": until}
        statement = app.report(where, use_case=use_case, policy_id=policy_id, engine=opener, **period)
    if json_:
        print_json(app.statement_json(statement))
    else:
        click.echo(render.in_form(app.statement_document(statement), form))
    app.gate(statement, fail_over_usd=fail_over, fail_if_unmeasured=fail_if_unmeasured)


@click.command()
@click.argument("plan_id", required=False)
@config_option
@data_dir_option
@form_option
@as_json
@explained
def verify(*, plan_id: str | None, config: str, data_dir: str | None, form: str, json_: bool) -> None:
    """Compare what a plan promised (the latest applied, or PLAN_ID) with what the ledger measured, and say why."""
    from breakeven.app import decisions as app
    from breakeven.app import loop, render

    plan, seen, decision = app.verify(loop.data_dir(config=Path(config), override=data_dir), plan_id)
    if json_:
        print_json(app.verified_json(plan, seen, decision))
    else:
        click.echo(render.in_form(app.verified_document(seen), form))
