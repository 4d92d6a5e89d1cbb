"""The performance model on files of measured rows: predict, judge the predictions, fit coefficients of one's own."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from breakeven.app.facts import SHIPPED, Asked
from breakeven.assembly import deploying, judged, measured, predicted
from breakeven.assembly.accuracy import Accuracy, accuracy
from breakeven.assembly.predicted import Predicted
from breakeven.assembly.today import today
from breakeven.catalog.source.hf_config import model_from_config
from breakeven.errors import ConfigError, EvidenceError
from breakeven.perf.prior import PRIOR
from breakeven.schema.calibration import Calibration
from breakeven.schema.measurement import Measurement, read_rows
from breakeven.schema.model import Model

OUT_COLUMNS = ("row", "predicted", "low80", "high80", "refused")
LEAST_ROWS = 4
"""Fewer rows of one deployment say too little to leave one out."""
MOST_BYTES = 64 * 1024 * 1024


def asked(facts: Iterable[str]) -> Asked:
    """The shipped catalog under fact files of one's own."""
    return Asked(facts=tuple(Path(one) for one in facts))


def rows_of(file: Path, *, values: bool = True) -> tuple[Measurement, ...]:
    """The rows of a CSV in the calibration schema; without `values` the column `value` is not read.

    Raises:
        ConfigError: the file is missing, too large, or a cell is bad (named by row and column).
    """
    return read_rows(_text(file), file.name, values=values)


def coefficients_of(file: Path | None) -> Calibration:
    """The coefficients of a file that `calibrate` wrote, or the shipped ones.

    Raises:
        ConfigError: the file is no calibration.
    """
    return PRIOR if file is None else deploying.coefficients_of(str(file))


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            message = f"{file} has {size:,} bytes, at most {MOST_BYTES:,} are read"
            raise ConfigError(message, "split it, or leave out what is not needed")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {error}"
        raise ConfigError(message, "check the name, and that it is text") from error


def models_of(configs: Iterable[Path]) -> list[Model]:
    """Models from their `config.json`, each called like its file or the folder that holds it.

    Raises:
        FactError: a configuration lacks a size, or its architecture is unknown.
    """
    found = []
    for file in configs:
        name = file.parent.name if file.stem == "config" else file.stem
        found.append(model_from_config(_text(file), name, shown=str(file)))
    return found


def predict_rows(
    rows: Sequence[Measurement], by: Calibration = PRIOR, *, asked: Asked = SHIPPED, configs: Iterable[Path] = ()
) -> list[Predicted]:
    """What the model says of every row, or why it says nothing."""
    names = measured.Names(asked.catalog(), models_of(configs))
    return predicted.predict(*measured.cases(rows, names), by)


def predictions_csv(found: Iterable[Predicted]) -> str:
    """Predictions as CSV: row,predicted,low80,high80,refused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(OUT_COLUMNS)
    for one in found:
        figures = ("" if value is None else f"{value:.6g}" for value in (one.predicted, one.low80, one.high80))
        writer.writerow((one.row, *figures, one.refused))
    return text.getvalue()


def judge(
    rows: Sequence[Measurement], by: Calibration = PRIOR, *, asked: Asked = SHIPPED, configs: Iterable[Path] = ()
) -> Accuracy:
    """How far off the predictions of the rows are."""
    return accuracy(rows, predict_rows(rows, by, asked=asked, configs=configs))


def calibrate(
    rows: Sequence[Measurement],
    name: str,
    *,
    asked: Asked = SHIPPED,
    configs: Iterable[Path] = (),
    start: Calibration = PRIOR,
) -> tuple[Calibration, list[measured.Refusal]]:
    """The shipped coefficients bent to one's own rows, with spreads from leaving each load out; and rows not used.

    Raises:
        EvidenceError: fewer than 4 rows can be fitted.
    """
    cases, refused = measured.cases(rows, measured.Names(asked.catalog(), models_of(configs)))
    usable = measured.fit_rows(cases)
    if len(usable) < LEAST_ROWS:
        why = f"; the first refusal: {refused[0].why}" if refused else ""
        message = f"{len(usable)} of {len(rows)} rows can be fitted, {LEAST_ROWS} are needed{why}"
        raise EvidenceError(message, "measure a deployment at 4 loads or more: `breakeven measure --rows FILE.csv`")
    own = judged.fit_own(usable, start)
    spreads = (*judged.own_spreads(usable, start), *start.spreads)
    found = msgspec.structs.replace(
        own, name=name, spreads=spreads, n=start.n + len(usable), as_of=today(), licence=start.licence,
        source=f"{len(usable)} rows of {_sources(rows)}, from {start.name}",
    )  # fmt: skip
    return found, refused


def _sources(rows: Iterable[Measurement]) -> str:
    return ", ".join(sorted({row.source or "no stated source" for row in rows}))
