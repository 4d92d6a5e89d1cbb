"""Demand as a series of rates, from arrivals or a file; and a rule as the files that enact it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import arriving, files
from breakeven.errors import ConfigError, EvidenceError
from breakeven.planner.scaling.of_plan import GROUP, Given, ask_of
from breakeven.planner.scaling.rule import Demand, make_rule
from breakeven.report.manifest import kubernetes, prometheus
from breakeven.report.manifest.yaml_text import text
from breakeven.schema.plan import Plan
from breakeven.schema.scaling import IdleHour, ScalingRule, Work
from breakeven.schema.workload import Trace, pack

FEWEST_STEPS, MOST_STEPS = 8, 5_000_000
"""Windows of a series: the most are half a minute each for five years."""
LONGEST_SHOWN = 80
"""Characters of a value that an error repeats."""
LEDGER_STEP_S = 300.0
"""Windows of the ledger's own arrivals."""


def rule_of(plan: Plan, demand: Demand | None, given: Given) -> ScalingRule:
    """The scaling rule of a plan's choice, its deployment named as the gateway names it."""
    ask = ask_of(plan, given)
    named = {
        "deployment": files.deployment_name(ask.deployment),
        "burst": files.deployment_name(ask.burst) if ask.burst else "",
    }
    load = plan.workload
    return make_rule(
        msgspec.structs.replace(ask, **named), demand, mean_rps=load.rate_mean_rps, p95_rps=load.rate_p95_rps
    )


def demand_of(trace: Trace, step_s: float, start_s: float | None = None) -> Demand | None:
    """Rates of a trace's arrivals in whole windows; None where there are fewer than eight."""
    arrivals = np.frombuffer(trace.arrival_s, dtype="<f8")
    whole = int((arrivals[-1] - arrivals[0]) // step_s) if trace.n else 0
    if whole < FEWEST_STEPS:
        return None
    places = ((arrivals - arrivals[0]) // step_s).astype(int)
    counts = np.bincount(places[places < whole], minlength=whole)
    return Demand(rates_rps=pack((counts / step_s).tolist()), step_s=step_s, start_s=start_s)


def read_rates(path: Path) -> tuple[Demand, tuple[str, ...]]:
    """A CSV (or .csv.xz) of `t_s` or `timestamp`, and `rate_rps`: the series with its gaps filled, and what was filled.

    `t_s` are seconds, Unix time where they are after 2001; `timestamp` is ISO 8601, UTC without a zone.
    Windows are as long as the commonest step. A missing window is not silence: it lies between its neighbours.

    Raises:
        ConfigError: a line cannot be read (the message names file, line and value), or the times lie too far apart.
        EvidenceError: fewer than eight windows.
    """
    rows = list(_rows(path))
    if len(rows) < FEWEST_STEPS:
        message = f"{path} holds {len(rows)} windows"
        raise EvidenceError(message, f"give at least {FEWEST_STEPS}, best two weeks of 5 or 10 minutes each")
    at, rates = np.array(rows).T
    steps = np.diff(at)
    if not (steps > 0).all():
        place = int(np.flatnonzero(~(steps > 0))[0])
        message = f"{path}: window {at[place + 1]:g} s follows {at[place]:g} s"
        raise ConfigError(message, "sort the windows by time, each once")
    values, counts = np.unique(steps, return_counts=True)
    step_s = float(values[counts.argmax()])
    if not (at[-1] - at[0]) / step_s < MOST_STEPS:
        message = f"{path}: from {at[0]:g} s to {at[-1]:g} s are more than {MOST_STEPS:,} windows of {step_s:g} s"
        raise ConfigError(message, "check the times, or give a shorter series")
    places = np.rint((at - at[0]) / step_s).astype(int)
    places, first = np.unique(places, return_index=True)
    whole = np.interp(np.arange(places[-1] + 1), places, rates[first])
    missing = len(whole) - len(places)
    notes = (f"{missing} of {len(whole)} windows are missing and lie between their neighbours",) if missing else ()
    start_s = float(at[0]) if at[0] > datetime(2001, 1, 1, tzinfo=UTC).timestamp() else None
    return Demand(rates_rps=pack(whole.tolist()), step_s=step_s, start_s=start_s), notes


def _rows(path: Path) -> Iterator[tuple[float, float]]:
    for place, row in table(path, "rate_rps"):
        dated = "timestamp" in row
        if not dated and "t_s" not in row:
            message = f"{path} has the columns {', '.join(row)}"
            raise ConfigError(message, "name them t_s (or timestamp) and rate_rps")
        at = _unix(place, row["timestamp"]) if dated else number(place, row, "t_s", least=-math.inf)
        yield at, number(place, row, "rate_rps")


def _unix(place: str, when: str) -> float:
    try:
        at = datetime.fromisoformat(when)
    except ValueError as error:
        message = f"{place}: timestamp {when!r} is none"
        raise ConfigError(message, "write ISO 8601, such as 2026-11-02T08:00:00Z") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def table(path: Path, *columns: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV or .csv.xz with these columns, each with its file and line; lines that start with # are none.

    Raises:
        ConfigError: it cannot be read, a column is missing, or a row is shorter than the first line.
    """
    lines = enumerate(io.StringIO(arriving.text(path), newline=""), start=1)
    kept = [(number, line) for number, line in lines if not line.startswith("#")]
    found = csv.DictReader(line for _, line in kept)
    try:
        named = found.fieldnames or ()
        missing = [name for name in columns if name not in named]
        if missing:
            message = f"{path} has the columns {', '.join(named) or 'none'}, and not {', '.join(missing)}"
            raise ConfigError(message, f"name {', '.join(columns)} in its first line")
        for row in found:
            place = f"{path}, line {kept[found.line_num - 1][0]}"
            if None in row.values():
                message = f"{place} has fewer than {len(named)} values"
                raise ConfigError(message, "give every column a value")
            yield place, {name: str(row[name]).strip() for name in named}
    except csv.Error as error:
        message = f"{path}, after line {kept[max(1, found.line_num) - 1][0]}: {error}"
        raise ConfigError(message, "write one row a line, with commas between") from error


def number(place: str, row: dict[str, str], name: str, *, least: float = 0.0) -> float:
    """A finite number of a row, at least `least`.

    Raises:
        ConfigError: it is none; the message names file, line, column and value.
    """
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        message = f"{place}: {name} is {row[name][:LONGEST_SHOWN]!r}"
        raise ConfigError(message, "write a number" if least < 0 else f"write a number of at least {least:g}")
    return value


def read_hours(path: Path) -> tuple[IdleHour, ...]:
    """A CSV of `hour`, `idle_replicas` and, where known, `usd_per_replica_hour` and `gco2_per_kwh`.

    Raises:
        ConfigError: a line cannot be read; the message names file, line and value.
    """
    found = []
    for place, row in table(path, "hour", "idle_replicas"):
        cost = number(place, row, "usd_per_replica_hour") if row.get("usd_per_replica_hour") else 0.0
        carbon = number(place, row, "gco2_per_kwh") if row.get("gco2_per_kwh") else None
        hour, free = _whole(place, row, "hour"), number(place, row, "idle_replicas")
        found.append(IdleHour(hour=hour, replicas=free, usd_per_replica_hour=cost, gco2_per_kwh=carbon))
    return tuple(found)


def read_work(path: Path) -> tuple[Work, ...]:
    """A CSV of `name`, `replica_hours`, `deadline` and, where it is not 0, `earliest`.

    Raises:
        ConfigError: a line cannot be read; the message names file, line and value.
    """
    return tuple(
        Work(
            name=row["name"],
            replica_hours=number(place, row, "replica_hours"),
            deadline=_whole(place, row, "deadline"),
            earliest=_whole(place, row, "earliest") if row.get("earliest") else 0,
        )
        for place, row in table(path, "name", "replica_hours", "deadline")
    )


def _whole(place: str, row: dict[str, str], name: str) -> int:
    value = number(place, row, name)
    if value != round(value):
        message = f"{place}: {name} is {row[name]!r}, no whole hour"
        raise ConfigError(message, f"write {math.floor(value)} or {math.ceil(value)}")
    return round(value)


def manifests(rule: ScalingRule, target: kubernetes.Target, attainment: float) -> dict[str, str]:
    """The files that enact a rule, by name."""
    head = f"Made by breakeven for deployment {rule.deployment} of {rule.use_case}. "
    head += "Take KEDA's or the HPA's file, not both; both need the rules in Prometheus."
    head += "".join(f" {note.capitalize()}." for note in rule.notes if note.startswith(GROUP))
    return {
        "prometheus-rules.yaml": text(prometheus.rules(rule, attainment), head),
        "keda.yaml": text(kubernetes.keda(rule, target), head),
        "hpa.yaml": text(kubernetes.hpa(rule, target), head),
    }
