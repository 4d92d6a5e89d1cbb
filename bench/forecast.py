"""Do forecast quantiles cover as they say? `python bench/forecast.py [--origins 40] [--horizon-hours 24] [--json]`.

Real series of several days (bench/data/series): the first half is known, then at each of so many instants of the
second half a fresh forecast of the next day is made from what was known by then, and each of its windows compared with
what came.
How far a share may be off by chance is its standard error, days taken as independent: one that is off by less than
twice that cannot be told from one that is right. Beside it the pinball loss (the smaller the better) over that of the
plain rule: as yesterday at this hour, with the quantiles of how wrong that was so far. One JSON object; CPU seconds by
process time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from breakeven.assembly.arriving import text
from breakeven.workload.forecast.path import LEVELS, forecast
from breakeven.workload.series import values
from breakeven.workload.tables import parse_series

DATA = Path(__file__).parent / "data/series"
Vector = NDArray[np.float64]
LEVEL = np.array(LEVELS)


def yesterday(counts: Vector, step_s: float, horizon: int) -> Vector:
    day = round(86_400 / step_s)
    wrong = np.log1p(counts[day:]) - np.log1p(counts[:-day])
    spread = np.quantile(wrong[~np.isnan(wrong)], LEVEL)
    base = np.log1p(counts[len(counts) - day + np.arange(horizon) % day])
    base = np.where(np.isnan(base), np.log1p(np.nanmedian(counts)), base)
    return np.maximum(np.expm1(base[None, :] + spread[:, None]), 0.0)


def pinball(paths: Vector, came: Vector) -> float:
    over = came[None, :] - paths
    return float(np.nanmean(np.maximum(LEVEL[:, None] * over, (LEVEL[:, None] - 1) * over)))


def error(inside: NDArray[np.bool_], days: NDArray[np.int64]) -> Vector:
    """Standard error of the share of rows that are inside, by column: rows of a day go together."""
    off, names = inside - inside.mean(axis=0), np.unique(days)
    summed = np.array([off[days == one].sum(axis=0) for one in names])
    return np.asarray(np.sqrt((summed**2).sum(axis=0) * len(names) / (len(names) - 1)) / len(inside))


def measure(path: Path, origins: int, hours: float) -> dict[str, object]:
    series = parse_series(text(path), path.name)
    counts, step_s = values(series), series.step_s
    horizon, began = round(hours * 3600 / step_s), time.process_time()
    own, plain, said = 0.0, 0.0, np.zeros(len(LEVEL))
    held, days = [], []
    for origin in np.linspace(len(counts) // 2, len(counts) - horizon, origins).astype(int):
        came = counts[origin : origin + horizon]
        found = forecast(counts[:origin], step_s, horizon)
        paths = np.array([path for _, path in found.quantiles]) * step_s
        there = ~np.isnan(came)
        held.append((came[None, there] <= paths[:, there]).T)
        days.append((origin + np.flatnonzero(there)) * step_s // 86_400)
        own, plain = own + pinball(paths, came), plain + pinball(yesterday(counts[:origin], step_s, horizon), came)
        said += np.array([share for _, share in found.coverage]) / origins
    inside = np.concatenate(held)
    shares, errors = inside.mean(axis=0), error(inside, np.concatenate(days))
    widest = int(np.abs(shares - LEVEL).argmax())
    return {
        "series": path.name.removesuffix(".csv.xz"), "windows": len(counts), "compared": len(inside),
        "coverage": dict(zip(map(str, LEVELS), np.round(shares, 4).tolist(), strict=True)),
        "gap_points": round(float(np.abs(shares - LEVEL).max()) * 100, 2),
        "gap_standard_error_points": round(float(errors[widest]) * 100, 2),
        "standard_error_points": dict(zip(map(str, LEVELS), np.round(errors * 100, 2).tolist(), strict=True)),
        "gap_points_90_interval": round(abs(float(shares[-1] - shares[0]) - 0.9) * 100, 2),
        "gap_points_backtest": round(float(np.abs(said - LEVEL).max()) * 100, 2),
        "pinball_over_yesterday": round(own / plain, 3),
        "cpu_s_each": round((time.process_time() - began) / origins, 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--origins", type=int, default=40)
    parser.add_argument("--horizon-hours", type=float, default=24.0)
    parser.add_argument("--json", action="store_true", help="this is what it prints anyway")
    asked = parser.parse_args()
    rows = [measure(path, asked.origins, asked.horizon_hours) for path in sorted(DATA.glob("*.csv.xz"))]
    pooled = {level: float(np.mean([row["coverage"][str(level)] for row in rows])) for level in LEVELS}  # type: ignore[index]
    gap = max(abs(share - level) for level, share in pooled.items())
    print(json.dumps({"forecast_coverage_gap_points": round(gap * 100, 2), "series": rows}, indent=1))


if __name__ == "__main__":
    main()
