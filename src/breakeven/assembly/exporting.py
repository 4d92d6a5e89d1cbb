"""A ledger in the formats of other tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.assembly.sellers import sellers
from breakeven.catalog.load import load as load_catalog
from breakeven.errors import LedgerError
from breakeven.ledger import snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.export import parquet
from breakeven.ledger.export.focus import usage
from breakeven.ledger.restore import record
from breakeven.ledger.statement import build
from breakeven.ledger.store import open_ledger
from breakeven.report.exposition import exposition
from breakeven.report.grafana import DASHBOARDS, dashboard
from breakeven.schema.focus_row import Parties
from breakeven.schema.noun import Noun
from breakeven.schema.record import Prediction
from breakeven.telemetry.otlp_lines import line
from breakeven.telemetry.span import Span, span_of

SPANS_A_LINE = 100


class Asked(Noun, frozen=True, kw_only=True):
    """What to export of which ledger, and where to: `start_s` <= time < `end_s` (Unix seconds, None is open)."""

    data_dir: Path
    out: Path
    start_s: float | None = None
    end_s: float | None = None
    partitioned: bool = False


class Exported(Noun, frozen=True, kw_only=True):
    """The files or folder that were written, how many of what, and what must be said about them."""

    out: tuple[str, ...]
    rows: dict[str, int]
    remarks: tuple[str, ...] = ()


def _parquet(asked: Asked) -> Exported:
    found = snapshot.of_folder(asked.data_dir)
    rows = parquet.write(found, asked.out, start_s=asked.start_s, end_s=asked.end_s, partitioned=asked.partitioned)
    return Exported(out=(str(asked.out),), rows=rows, remarks=found.warnings)


def _focus(asked: Asked) -> Exported:
    policies = files.policies(asked.data_dir)
    parties = Parties(sellers=sellers(policies, load_catalog()), grid_gco2_per_kwh=files.grids(asked.data_dir))
    sheet = usage(
        open_ledger(asked.data_dir),
        files.use_cases(asked.data_dir),
        policies=policies,
        parties=parties,
        start_s=asked.start_s,
        end_s=asked.end_s,
    )
    files.write_atomically(asked.out, sheet.text.encode())
    return Exported(out=(str(asked.out),), rows={"rows": len(sheet.table.rows)}, remarks=sheet.remarks)


def _otlp(asked: Asked) -> Exported:
    """Written aside and renamed, so that a reader never meets half of it."""
    found = snapshot.of_folder(asked.data_dir)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    aside = asked.out.with_name(f".{asked.out.name}.tmp")
    try:
        rows = _spans(asked, found, aside)
        aside.replace(asked.out)
    finally:
        aside.unlink(missing_ok=True)
    return Exported(out=(str(asked.out),), rows={"predictions": rows}, remarks=found.warnings)


def _spans(asked: Asked, found: snapshot.Snapshot, path: Path) -> int:
    """Every prediction as spans, some to a line; how many predictions."""
    rows, spans = 0, list[Span]()
    with path.open("wb") as file:
        for row in parquet.predictions(found, asked.start_s, asked.end_s):
            one = record("predictions", row)
            if isinstance(one, Prediction):
                rows += 1
                spans.append(span_of(one))
            if len(spans) == SPANS_A_LINE:
                file.write(line(spans, asked.data_dir.name))
                spans = []
        file.write(line(spans, asked.data_dir.name) if spans else b"")
    return rows


def _prometheus(asked: Asked) -> Exported:
    found = build(
        open_ledger(asked.data_dir), files.use_cases(asked.data_dir), start_s=asked.start_s, end_s=asked.end_s
    )
    text = exposition(found)
    files.write_atomically(asked.out, text.encode())
    samples = sum(not one.startswith("#") for one in text.splitlines())
    return Exported(out=(str(asked.out),), rows={"samples": samples}, remarks=found.warnings)


def _grafana(asked: Asked) -> Exported:
    paths = {name: asked.out / f"breakeven-{name}.json" for name in DASHBOARDS}
    for name, path in paths.items():
        files.write_atomically(path, msgspec.json.format(msgspec.json.encode(dashboard(name)), indent=1))
    return Exported(out=tuple(map(str, paths.values())), rows={"dashboards": len(paths)})


EXPORTS: dict[str, Callable[[Asked], Exported]] = {
    "parquet": _parquet,
    "focus": _focus,
    "otlp": _otlp,
    "prometheus": _prometheus,
    "grafana": _grafana,
}


@anew
def export(form: str, asked: Asked) -> Exported:
    """The ledger in one of `EXPORTS`.

    Raises:
        LedgerError: there is no ledger, or no such format.
    """
    if form not in EXPORTS:
        message = f"no export {form!r}"
        raise LedgerError(message, f"use one of {', '.join(EXPORTS)}")
    return EXPORTS[form](asked)
