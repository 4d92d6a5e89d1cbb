"""Points as rows of the calibration schema; a point in doubt gives none."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.schema.load import LoadPoint, LoadReport
from breakeven.schema.measurement import Measurement

_MS = 1e3


def rows(report: LoadReport) -> tuple[Measurement, ...]:
    """The rows of all sound points: mean TTFT and TPOT in ms and output tok/s, or of batches latency and rows/s."""
    return tuple(_row(report, point, *figure) for point in report.points if point.sound for figure in _figures(point))


def _figures(point: LoadPoint) -> Iterator[tuple[str, float, str]]:
    if point.kind == "batch":
        if point.e2e_s is not None:
            yield "latency_ms", point.e2e_s.mean * _MS, "ms"
            yield "p50_latency_ms", point.e2e_s.p50 * _MS, "ms"
        if point.rows_s is not None:
            yield "rows_s", point.rows_s, "rows/s"
        return
    if point.ttft_s is not None:
        yield "mean_ttft_ms", point.ttft_s.mean * _MS, "ms"
    if point.tpot_s is not None:
        yield "mean_tpot_ms", point.tpot_s.mean * _MS, "ms"
    if point.output_tok_s is not None:
        yield "output_tok_s", point.output_tok_s, "tok/s"


def _row(report: LoadReport, point: LoadPoint, metric: str, value: float, unit: str) -> Measurement:
    return Measurement(
        source=report.source,
        version=report.version,
        date=report.date,
        engine=report.engine,
        model=report.model,
        gpu=report.gpu,
        ngpu=report.ngpu,
        tp=report.tp,
        precision=report.precision,
        isl=_short(point.input_tokens),
        osl=_short(point.output_tokens),
        load_kind=point.kind,
        load=point.load,
        metric=metric,
        value=_short(value),
        unit=unit,
    )


def _short(value: float | None) -> float | None:
    """Six significant digits: more was not measured."""
    return None if value is None else float(f"{value:.6g}")
