"""What it costs: studies (tco), vendors (compare), memos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from breakeven.cli.group import WithDefault
from breakeven.cli.output import as_json, counted, data_dir_option, explained, note, print_json, sources_option
from breakeven.errors import UsageError
from breakeven.report.document import Document
from breakeven.schema.check import Checked, CheckReport

FORMS = ("text", "md", "html", "pdf")
FORM_HELP = "text, md, html or pdf to stdout, or a file with that ending."
output_option = click.option("-o", "--output", metavar="FORM|FILE", help=FORM_HELP)


@click.group(cls=WithDefault, options_metavar="", subcommand_metavar="CASE.yaml [OPTIONS] | check PATH...")
def tco() -> None:
    """Total cost of ownership of a study (docs/tco.md says how to write one): `breakeven tco CASE.yaml`.

    Every option over the horizon, itemised; break-even in every sense; variants and rules. A study with
    `uncertainty:` (or --draws) also gets Monte Carlo, a tornado, and what would flip the decision.
    """


@tco.command("show", hidden=True)
@click.argument("case", type=click.Path(dir_okay=False))
@click.option("--draws", type=click.IntRange(100, 1_000_000), help="Draws of the Monte Carlo.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the draws.")
@click.option("--facts", multiple=True, type=click.Path(), help="Your own fact file or folder; may be repeated.")
@click.option(
    "-o", "--output", metavar="FORM|FILE", help="text, md, html or pdf to stdout, or a file with that ending."
)
@click.option("--all", "everything", is_flag=True, help="Every figure of every option and pair.")
@sources_option
@as_json
@explained
def tco_show(
    *,
    case: str,
    draws: int | None,
    seed: int | None,
    facts: tuple[str, ...],
    output: str | None,
    everything: bool,
    sources: bool,
    json_: bool,
) -> None:
    """Compute one study."""
    from breakeven.app import money, render

    _one_form(output, json_=json_)
    found = money.tco(Path(case), facts=[Path(one) for one in facts], draws=draws, seed=seed)
    if json_:
        print_json(money.tco_json(found))
    elif output:
        _deliver(output, money.tco_document(found), found.as_of)
    else:
        click.echo(render.brief(money.tco_document(found), sources=sources, everything=everything))


@tco.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--all", "everything", is_flag=True, help="List every value, and what had to be inferred for it.")
@as_json
@explained
def tco_check(*, paths: tuple[str, ...], everything: bool, json_: bool) -> None:
    """Compare each study's `expected:` values with what its inputs come to; exit 1 if any differ."""
    from breakeven.app import money

    found = money.tco_check([Path(path) for path in paths])
    if json_:
        print_json({"cases": found.cases, "checked": found.checked, "failed": _failures(found)})
    else:
        for one in found.values if everything else found.failed:
            click.echo(_line(one))
        for broken in found.broken:
            click.echo(broken.error)
        missing = f", {counted(len(found.broken), 'case')} not computed" if found.broken else ""
        cases, values = counted(found.cases, "case"), counted(found.checked, "value")
        click.echo(f"{cases}, {values} checked, {len(found.failed)} failed{missing}")
    if found.failed or found.broken:
        sys.exit(1)


def _line(one: Checked) -> str:
    expected, actual = (_told(value, one.unit) for value in (one.expected, one.actual))
    inferred = f"; inferred: {one.inferred}" if one.inferred else ""
    failed = "" if one.passed else ", which differs"
    return f"{one.case}: {one.name} is {actual}, published as {expected} ({one.published}{inferred}){failed}"


def _failures(found: CheckReport) -> list[dict[str, object]]:
    """What was not reproduced; a case that cannot be computed fails as a whole, and says why."""
    failed: list[dict[str, object]] = [
        {"case": one.case, "name": one.name, "expected": one.expected, "actual": one.actual} for one in found.failed
    ]
    return failed + [
        {"case": one.case, "name": "", "expected": None, "actual": None, "error": one.error} for one in found.broken
    ]


def _told(value: float | None, unit: str) -> str:
    return "never" if value is None else f"{value:.6g} {unit}".strip()


@click.command()
@click.argument("proposals", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--workload", required=True, type=click.Path(dir_okay=False), help="What they are compared on (YAML).")
@click.option("--facts", multiple=True, type=click.Path(), help="Your own fact file or folder; may be repeated.")
@click.option(
    "-o", "--output", metavar="FORM|FILE", help="text, md, html or pdf to stdout, or a file with that ending."
)
@sources_option
@as_json
@explained
def compare(
    *,
    proposals: tuple[str, ...],
    workload: str,
    facts: tuple[str, ...],
    output: str | None,
    sources: bool,
    json_: bool,
) -> None:
    """Compare vendors' PROPOSALS (YAML, docs/compare.md) on one workload at low, medium and peak load.

    Ranked on cost per prediction, latency variance and tracking reliability together, with crossovers, red flags, what
    leaving would cost, and the questions that the proposals leave open.
    """
    from breakeven.app import render, vendor

    _one_form(output, json_=json_)
    found = vendor.compare([Path(one) for one in proposals], Path(workload), facts=[Path(one) for one in facts])
    if json_:
        print_json(found)
    elif output:
        _deliver(output, vendor.compare_document(found), found.as_of)
    else:
        click.echo(render.brief(vendor.compare_document(found), sources=sources))


@click.command()
@click.argument("plan", required=False)
@click.option("--facts", multiple=True, type=click.Path(), help="Your own fact file, for a study; may be repeated.")
@data_dir_option
@click.option("-o", "--output", default="text", show_default=True, metavar="FORM|FILE", help=FORM_HELP)
@explained
def memo(*, plan: str | None, facts: tuple[str, ...], data_dir: str | None, output: str) -> None:
    """The decision memo of a PLAN (its id; the latest without one) or of a study (CASE.yaml)."""
    document, as_of = _memo(plan, Path(data_dir or ".breakeven"), [Path(one) for one in facts])
    _deliver(output, document, as_of)


def _memo(plan: str | None, folder: Path, facts: Sequence[Path]) -> tuple[Document, str]:
    """The memo of a study, where a file is named, else of a plan; and the day of its prices."""
    if plan is not None and (Path(plan).suffix.lower() in {".yaml", ".yml"} or Path(plan).exists()):
        from breakeven.app import money

        return money.tco_memo(Path(plan), facts=facts)
    if facts:
        message = "--facts is for the memo of a study; a plan keeps the facts it was made with"
        raise UsageError(message, "name a study (CASE.yaml), or leave it out")
    from breakeven.app import memo

    return memo.of_plan(plan, folder)


def _one_form(output: str | None, *, json_: bool) -> None:
    """Raise where two forms are asked for."""
    if output and json_:
        message = f"--json and -o {output} are two forms of one answer"
        raise UsageError(message, "keep one of them; write `--json > file` for a file")


def _deliver(output: str, document: Document, as_of: str) -> None:
    """A document in a form to stdout, or into a file whose ending is the form."""
    from breakeven.app import render

    form = output if output in FORMS else Path(output).suffix.removeprefix(".")
    if form not in FORMS and form != "txt":
        message = f"`{output}` is none of {', '.join(FORMS)}, nor a file with such an ending"
        raise UsageError(message, "write `-o html`, or `-o memo.html`")
    content = render.content(document, form, as_of=as_of)
    if output in FORMS:
        if form == "pdf" and sys.stdout.isatty():
            message = "a PDF is not for the terminal"
            raise UsageError(message, "write `-o memo.pdf`, or pipe it")
        sys.stdout.buffer.write(content)
        return
    render.write(Path(output), content)
    note(f"wrote {output}")
