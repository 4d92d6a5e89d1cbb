"""The performance model on files of measured rows: predict, accuracy, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from breakeven.cli.observed import taken, traffic_options
from breakeven.cli.output import as_json, config_option, counted, data_dir_option, explained, note, print_json
from breakeven.errors import UsageError

if TYPE_CHECKING:
    from breakeven.assembly.accuracy import Accuracy, Group

_rows = click.option(
    "--rows", "rows_file", required=True, type=click.Path(dir_okay=False), help="Rows in the calibration schema (CSV)."
)
_coefficients = click.option(
    "--coefficients", type=click.Path(dir_okay=False), help="Coefficients that `calibrate` wrote.  [shipped]"
)
_facts = click.option("--facts", multiple=True, type=click.Path(), help="Your own fact file; may be repeated.")
_configs = click.option(
    "--model-config", "configs", multiple=True, type=click.Path(dir_okay=False),
    help="A model's config.json, for rows that name its file or folder; may be repeated.",
)  # fmt: skip
_MOST_SHOWN = 5


@click.command()
@_rows
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="Where to write the predictions (CSV).")
@_coefficients
@_facts
@_configs
@as_json
@explained
def predict(
    *,
    rows_file: str,
    out: str,
    coefficients: str | None,
    facts: tuple[str, ...],
    configs: tuple[str, ...],
    json_: bool,
) -> None:
    """Predict every row of a file, never reading its `value`: row,predicted,low80,high80,refused."""
    from breakeven.app import speed

    rows = speed.rows_of(Path(rows_file), values=False)
    by = speed.coefficients_of(Path(coefficients) if coefficients else None)
    found = speed.predict_rows(rows, by, asked=speed.asked(facts), configs=[Path(one) for one in configs])
    Path(out).write_text(speed.predictions_csv(found), encoding="utf-8")
    if json_:
        print_json({"rows": len(rows), "refused": sum(bool(one.refused) for one in found), "out": out})
        return
    refused = [one for one in found if one.refused]
    click.echo(f"{counted(len(rows) - len(refused), 'prediction')} of {counted(len(rows), 'row')} in {out}")
    _say_refused([(one.row, one.refused) for one in refused])


@click.command()
@_rows
@_coefficients
@_facts
@_configs
@as_json
@explained
def accuracy(
    *, rows_file: str, coefficients: str | None, facts: tuple[str, ...], configs: tuple[str, ...], json_: bool
) -> None:
    """Predict every row and say how far off: errors and coverage of the 80 % interval, by group."""
    from breakeven.app import speed

    rows = speed.rows_of(Path(rows_file))
    by = speed.coefficients_of(Path(coefficients) if coefficients else None)
    found = speed.judge(rows, by, asked=speed.asked(facts), configs=[Path(one) for one in configs])
    if json_:
        print_json(found)
        return
    _show(found)


def _show(found: Accuracy) -> None:
    width = max(len(_named(one)) for one in found.groups)
    click.echo(f"{'':{width}}  {'n':>6} {'mean':>7} {'median':>7} {'p90':>7} {'in 80 %':>8}")
    for one in found.groups:
        click.echo(_line(_named(one), one, width))
    click.echo(_line("all", found.overall, width))
    click.echo("\nfarthest off:")
    for far in found.worst[:_MOST_SHOWN]:
        click.echo(f"  row {far.row}: measured {far.measured:.4g}, predicted {far.predicted:.4g}: {far.what}")
    _say_refused([(one.row, one.why) for one in found.refused])
    if found.miss:
        note(f"{found.refused_supported} refused rows are of a supported kind: more than 5 %, which counts as a miss")


def _named(one: Group) -> str:
    return " ".join(part for part in (one.source, one.engine, one.gpu, one.metric) if part) or "all"


def _line(name: str, one: Group, width: int) -> str:
    shares = f"{one.mape:>7.1%} {one.median_ape:>7.1%} {one.p90_ape:>7.1%} {one.coverage80:>8.1%}"
    return f"{name:{width}}  {one.n:>6,} {shares}"


def _say_refused(refused: list[tuple[int, str]]) -> None:
    reasons: dict[str, list[int]] = {}
    for row, why in refused:
        reasons.setdefault(why, []).append(row)
    if reasons:
        note(f"\n{counted(len(refused), 'row')} refused:")
    for why, rows in sorted(reasons.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(str(row) for row in rows[:_MOST_SHOWN])
        more = f" and {len(rows) - _MOST_SHOWN:,} more" if len(rows) > _MOST_SHOWN else ""
        note(f"  {why} (row {shown}{more})")


@click.command()
@click.option(
    "--rows", "rows_files", multiple=True, type=click.Path(dir_okay=False), help="Your measured rows (CSV); repeatable."
)
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="Where to write the coefficients (JSON).")
@_coefficients
@_facts
@_configs
@traffic_options
@click.option("--model", help="--metrics: the model's name in the catalog, where the server's is another.")
@click.option("--accelerator", "gpu", metavar="NAME", help="--metrics: what it runs on, a name of the catalog.")
@click.option(
    "--tp", type=click.IntRange(1), default=1, show_default=True, help="--metrics: boards that share a layer."
)
@click.option("--ngpu", type=click.IntRange(1), help="--metrics: boards of the replica in all.  [tp]")
@click.option("--engine", help="--metrics: the engine, where it is not told by its metrics.")
@click.option("--precision", help="--metrics: of the weights, such as fp8.")
@click.option("--engine-version", "version", help="The engine's version, where it does not say so.")
@click.option("--key-env", metavar="NAME", help="--metrics: environment variable that holds a bearer token.")
@config_option
@data_dir_option
@as_json
@explained
def calibrate(
    *,
    rows_files: tuple[str, ...],
    out: str,
    coefficients: str | None,
    facts: tuple[str, ...],
    configs: tuple[str, ...],
    json_: bool,
    **given: Any,  # noqa: ANN401 - options of click
) -> None:
    """Bend the shipped coefficients to your own measurements, and say how well they hold on loads left out.

    Rows come from files (--rows), a server's metrics (--metrics) or the ledger (--ledger).
    """
    import msgspec

    from breakeven.app import speed

    rows = [row for file in rows_files for row in speed.rows_of(Path(file))]
    traffic = taken(given)
    if traffic is not None:
        from breakeven.app.observed import gate

        gate(traffic)
        rows += traffic.rows
    if not rows_files and traffic is None:
        message = "nothing says where the measured rows are"
        raise UsageError(message, "give --rows FILE.csv, --metrics URL or --ledger")
    start = speed.coefficients_of(Path(coefficients) if coefficients else None)
    found, refused = speed.calibrate(
        rows,
        Path(out).stem,
        asked=speed.asked(facts),
        configs=[Path(one) for one in configs],
        start=start,
    )
    Path(out).write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    own = found.spreads[: len(found.spreads) - len(start.spreads)]
    if json_:
        print_json({"out": out, "rows": len(rows), "refused": len(refused), "n": found.n, "spreads": own})
        return
    click.echo(f"{out}: {found.source}")
    for one in own[:3]:
        click.echo(
            f"  {one.metric}, {one.load}: loads left out were off by {one.mape:.1%} on average (median"
            f" {one.median:.1%}, n = {one.n})"
        )
    _say_refused([(one.number, one.why) for one in refused])
