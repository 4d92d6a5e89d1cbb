"""Demand: fitted, written, drawn again, foreseen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from breakeven.assembly import demand, files
from breakeven.config import demand as grammar
from breakeven.errors import UsageError
from breakeven.schema.demand import Foreseen, Profile
from breakeven.workload import told
from breakeven.workload.campaign import campaign as read_campaign
from breakeven.workload.campaign import seconds
from breakeven.workload.forecast.path import forecast, lifted
from breakeven.workload.generate import draw
from breakeven.workload.likeness import gaps
from breakeven.workload.series import values
from breakeven.workload.written import json_lines


def fit(path: Path) -> Profile:
    """The profile of a trace, of counts, or of a workload in YAML.

    Raises:
        ConfigError, LedgerError, EvidenceError: see `assembly.demand`.
    """
    return demand.of_file(path)


def of_ledger(data_dir: Path, use_case: str | None) -> Profile:
    """The profile of a use case's own traffic."""
    return demand.of_ledger(data_dir, use_case)


def write(found: Profile, out: Path) -> None:
    """A workload in YAML for `plan --workload`, `sample` and `forecast`."""
    files.write_atomically(out, grammar.write(found).encode())


def to_json(found: Profile) -> dict[str, Any]:
    """The answer of `fit --json`."""
    return told.to_json(found)


def lines(found: Profile) -> list[str]:
    """The answer of `fit` for people."""
    return told.lines(found)


def foresee(
    path: Path, *, horizon: str, quantiles: Sequence[float], step: str | None = None, campaign: str | None = None
) -> Foreseen:
    """Quantile paths of a file's demand.

    Raises:
        UsageError: the horizon, the step or the campaign cannot be meant.
    """
    span_s = seconds(horizon, "--horizon")
    series = demand.series_of(path, None if step is None else seconds(step, "--step"))
    found = forecast(values(series), series.step_s, max(1, math.ceil(span_s / series.step_s - 1e-9)), quantiles)
    return found if campaign is None else lifted(found, read_campaign(campaign))


def levels(text: str) -> list[float]:
    """Quantile levels from `0.05,0.5,0.95`.

    Raises:
        UsageError: one is no number.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        message = f"--quantiles is {text!r}"
        raise UsageError(message, "write numbers between 0 and 1 with commas between, such as 0.05,0.5,0.95") from None


def foreseen_json(found: Foreseen) -> dict[str, Any]:
    """The answer of `forecast --json`; levels are the keys."""
    return {
        "step_s": found.step_s,
        "start_s": found.start_s,
        "quantiles": {f"{level:g}": path for level, path in found.quantiles},
        "method": found.method,
        "coverage_backtest": {f"{level:g}": share for level, share in found.coverage},
        "tested": found.tested,
        "warnings": found.warnings,
    }


def foreseen_lines(found: Foreseen) -> list[str]:
    """The answer of `forecast` for people: some of its windows, and how it fared before."""
    horizon = len(found.quantiles[0][1])
    shown = sorted({0, *(round(part * (horizon - 1) / 8) for part in range(9))})
    names = [f"{level:g}" for level, _ in found.quantiles]
    table = ["requests/s by hours ahead and quantile", "   hours" + "".join(name.rjust(10) for name in names)]
    for at in shown:
        ahead = (at + 1) * found.step_s / 3600
        table.append(f"{ahead:8.2f}" + "".join(f"{path[at]:10.4g}" for _, path in found.quantiles))
    table.append(f"method: {found.method}")
    if found.coverage:
        held = ", ".join(f"{share:.1%} under {level:g}" for level, share in found.coverage)
        table.append(f"in the past, over {found.tested:,} windows and leads: {held}")
    return table + [f"warning: {sentence}" for sentence in found.warnings]


def sample(path: Path, *, span_s: float, seed: int, out: Path, campaign: str | None = None) -> dict[str, Any]:
    """Draw a trace like a file's, write it, and say how near it came.

    Raises:
        UsageError: too few or too many requests, lengths are unknown, or the campaign cannot be meant.
    """
    profile = demand.of_file(path)
    laid = None if campaign is None else read_campaign(campaign)
    found = draw(profile, span_s, np.random.default_rng(seed), campaign=laid)
    files.write_atomically(out, "".join(json_lines(found)).encode())
    return {"requests": found.n, "seconds": span_s, "seed": seed, "out": str(out), "gaps": gaps(profile, found)}


def sample_lines(found: Mapping[str, Any]) -> list[str]:
    """The answer of `sample` for people."""
    told = ", ".join(f"{name} {gap:+.1%}" for name, gap in found["gaps"].items() if gap is not None)
    return [f"{found['requests']:,} requests in {found['out']}", f"fitted again, against the source: {told}"]
