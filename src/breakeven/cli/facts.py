"""The facts everything rests on: list, show, check, diff, import."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from breakeven.cli.output import as_json, explained, note, print_json

if TYPE_CHECKING:
    from breakeven.app.facts import Asked


@click.group()
def catalog() -> None:
    """The facts everything rests on: accelerators, models, offers, electricity, carbon, assumptions."""


def layered(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which layers are looked at and as of when, handed on as one value `asked`."""

    @functools.wraps(command)
    def run(*, facts: tuple[str, ...], refreshed: tuple[str, ...], on: str | None, config: str, **more: object) -> None:
        from breakeven.app.facts import Asked

        mine, theirs = (tuple(Path(one) for one in named) for named in (facts, refreshed))
        command(asked=Asked(facts=mine, refreshed=theirs, config=Path(config), on=on), **more)

    for option in reversed(LAYERS):
        run = option(run)
    return run


LAYERS = (
    click.option(
        "--facts", multiple=True, type=click.Path(), help="Your own fact file or folder over it; may be repeated."
    ),
    click.option(
        "--refreshed", multiple=True, type=click.Path(), help="Refreshed prices under yours: a folder or file."
    ),
    click.option("--on", metavar="DATE", help="As of this day, ISO.  [default: today]"),
    click.option(
        "--config",
        type=click.Path(dir_okay=False),
        default="breakeven.yaml",
        show_default=True,
        envvar="BREAKEVEN_CONFIG",
        help="A configuration whose `facts:` count too, where there is one.",
    ),
)


@catalog.command("list")
@click.argument("kind", required=False)
@layered
@as_json
@explained
def catalog_list(*, kind: str | None, asked: Asked, json_: bool) -> None:
    """List entries, all or of one KIND; `overrides` are yours over published ones."""
    from breakeven.app import facts, render

    rows = facts.catalog_rows(kind, asked)
    if json_:
        print_json(rows)
        return
    click.echo(render.in_form(facts.list_document(rows), "text"), nl=False)


@catalog.command("show")
@click.argument("name")
@layered
@as_json
@explained
def catalog_show(*, name: str, asked: Asked, json_: bool) -> None:
    """Every fact of one entry, with source, dates, licence and what else is said of it."""
    from breakeven.app import facts

    found = facts.catalog_facts(name, asked)
    if json_:
        print_json(found)
        return
    for row in found:
        click.echo(_unpriced(row) if "example" in row else _shown(row))


SAID = ("region", "term", "basis", "valid_to", "retrieved", "licence", "confidence", "layer")
"""What is shown below a figure, each where it is known, by the names of the catalog."""


def _shown(fact: Mapping[str, object]) -> str:
    value = "unknown" if fact["value"] is None else f"{fact['value']:g}"
    range_ = f" ({fact['low']:g} to {fact['high']:g})" if fact["low"] is not None and fact["high"] is not None else ""
    lines = [f"{fact['key']} = {value}{range_} {fact['unit']}  [{fact['source']}, {fact['as_of']}]"]
    lines.append("; ".join(f"{name.replace('_', ' ')} {fact[name]}" for name in SAID if fact[name]))
    lines += [f"{name}: {fact[name]}" for name in ("note", "warning") if fact[name]]
    return "\n    ".join(lines)


def _unpriced(row: Mapping[str, object]) -> str:
    said = f" ({row['note']})" if row["note"] else ""
    stated = f"missing: {row['missing']}\nstate it in a fact file like this:\n\n{row['example']}"
    return f"{row['id']} is unpriced{said}\n{stated}"


@catalog.command("check")
@click.option("--all", "everything", is_flag=True, help="A line an entry, where many are stale alike.")
@layered
@as_json
@explained
def catalog_check(*, everything: bool, asked: Asked, json_: bool) -> None:
    """Flag stale, contradictory and impossible facts."""
    from breakeven.app import facts, render

    problems = facts.catalog_problems(asked)
    if json_:
        print_json(problems)
        return
    click.echo(render.in_form(facts.check_document(problems, everything=everything), "text"), nl=False)
    counted = {problem.check: 0 for problem in problems}
    for problem in problems:
        counted[problem.check] += 1
    note(f"{len(problems)} remarks" + "".join(f", {count} {name}" for name, count in counted.items()))


@catalog.command("diff")
@click.argument("before")
@click.argument("after")
@as_json
@explained
def catalog_diff(*, before: str, after: str, json_: bool) -> None:
    """What changed from BEFORE to AFTER: two dates (2026-01-01), or `shipped` and fact files of your own."""
    from breakeven.app import facts

    rows = facts.catalog_changes(before, after)
    if json_:
        print_json(rows)
        return
    for row in rows:
        click.echo("  ".join("-" if cell is None else str(cell) for cell in row.values()))
    note(f"{len(rows)} changes")


@catalog.command("import")
@click.argument("source", default="genai-prices")
@click.option("--into", default="offers", show_default=True, help="Folder of offer files (YAML) to append to.")
@click.option("--retrieved", help="The day the list is of, ISO.  [default: today]")
@click.option("--provider", "providers", multiple=True, help="Only this provider; may be repeated.")
@as_json
@explained
def catalog_import(*, source: str, into: str, retrieved: str | None, providers: tuple[str, ...], json_: bool) -> None:
    """Append a price list to your fact files: `genai-prices` (extra `prices`), or the path of a data_slim.json.

    Prices are appended with their dates and never overwritten. Use the folder with --refreshed, where your own facts
    win over it, or with --facts, where it wins over what is published. A list that is older than one taken over
    already fills only what has no price on its day.
    """
    from breakeven.app import facts

    found = facts.import_prices(source, Path(into), retrieved=retrieved, providers=providers)
    if json_:
        print_json(found)
        return
    for name in found.__struct_fields__:
        value = getattr(found, name)
        click.echo(f"{name}: {value if isinstance(value, int | str) else len(value)}")


@catalog.command("model")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--id", "model_id", required=True, help="What the model is to be called.")
@click.option("--quantization", type=click.Path(dir_okay=False), help="The hf_quant_config.json beside it, if any.")
@as_json
@explained
def catalog_model(*, file: str, model_id: str, quantization: str | None, json_: bool) -> None:
    """Count the parameters of a published config.json; prints a fact file to use with --facts.

    Parameters, cache, experts and number format are read from the configuration alone: the weights are not needed.
    """
    from breakeven.app import facts

    model, entry = facts.model_entry(Path(file), model_id, Path(quantization) if quantization else None)
    if json_:
        print_json(model)
        return
    click.echo(entry, nl=False)
    note(f"{model.params / 1e9:.2f} billion parameters, {model.active_params / 1e9:.2f} read for one token")


@click.group()
def focus() -> None:
    """Costs in FOCUS 1.2, the format of finance tools (docs/focus.md)."""


@focus.command("export")
@click.option("--data-dir", type=click.Path(file_okay=False), envvar="BREAKEVEN_DATA_DIR", help="A ledger's directory.")
@click.option("--study", type=click.Path(dir_okay=False), help="A study (CASE.yaml) instead of a ledger.")
@click.option("--option", help="The option of the study.")
@click.option("--start", help="First month of a study's rows, ISO.  [default: this month]")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file instead of stdout.")
@explained
def focus_export(
    *, data_dir: str | None, study: str | None, option: str | None, start: str | None, output: str | None
) -> None:
    """The ledger's usage, or an option of a study, as FOCUS rows (CSV)."""
    from breakeven.app import exchange, render
    from breakeven.errors import UsageError

    if study and not option:
        message = "--study needs --option: rows are of one option"
        raise UsageError(message, "name one of the study's options with --option")
    if study and click.get_current_context().get_parameter_source("data_dir") == ParameterSource.COMMANDLINE:
        message = "--study and --data-dir are two sources of rows"
        raise UsageError(message, "keep one of them")
    if study and option:
        sheet = exchange.focus_of_study(Path(study), option, start)
    else:
        sheet = exchange.focus_of_ledger(Path(data_dir or ".breakeven"))
    for remark in sheet.remarks:
        note(remark)
    if output:
        render.write(Path(output), sheet.text.encode())
        note(f"wrote {output}: {len(sheet.table.rows)} rows")
    else:
        click.echo(sheet.text, nl=False)


@focus.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--facts", "into", type=click.Path(dir_okay=False), help="Write the prices paid as a fact file (YAML).")
@click.option("--rate", "rates", multiple=True, metavar="RATE", help="`EUR=1.08@2026-01-15 ECB`; may be repeated.")
@as_json
@explained
def focus_import(*, file: str, into: str | None, rates: tuple[str, ...], json_: bool) -> None:
    """What a provider's FOCUS file cost by service and month; with --facts, the prices paid as facts of your own."""
    from breakeven.app import exchange, render

    totals, prices, remarks = exchange.focus_totals(Path(file), [exchange.rate(one) for one in rates])
    if into:
        render.write(Path(into), prices.text.encode())
    if json_:
        print_json({"totals": totals, "paid": prices.paid, "remarks": [*remarks, *prices.remarks]})
        return
    for row in totals:
        click.echo(f"{row.month}  {row.provider}  {row.service}  {row.effective:f} {row.currency}  ({row.rows} rows)")
    for remark in (*remarks, *prices.remarks):
        note(remark)
    if into:
        note(f"wrote {into}: {len(prices.paid)} prices")
