"""Series of counts from the text of published formats: ServeGen's windows and tokens, and timestamp,value tables."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np

from breakeven.errors import LedgerError
from breakeven.schema.demand import Series
from breakeven.workload.request import number

WINDOWS = frozenset({"client", "t_s", "rate_rps", "iat_cv"})
TOKENS = frozenset({"client", "t_s", "field", "mean", "p50", "max"})
COUNTED = frozenset({"timestamp", "value"})
Key = tuple[str, float]
DATED_S = 1e8
"""Seconds since 1970 from which a number is a date; a smaller one counts from a start whose hour nobody knows."""


def header(text: str) -> frozenset[str]:
    """The columns that the first line names."""
    return frozenset(part.strip() for part in text.lstrip("\ufeff \n").split("\n", 1)[0].strip("\r").split(","))


def is_series(text: str) -> bool:
    """Whether the text is a table of counts or rates per window."""
    return header(text) >= WINDOWS or header(text) == COUNTED


def parse_series(text: str, name: str) -> Series:
    """Counts per window of a table that `is_series`.

    ServeGen: clients summed; a window in which no client has a row is missing, since a quiet client has none while the
    others do. timestamp,value: each value is the count of the window that begins there; absent windows are missing.

    Raises:
        LedgerError: a line is bad (named with its value), or there are fewer than two windows.
    """
    found = windows(text, name) if header(text) >= WINDOWS else {}
    return _clients(found, name) if found else _counted(text, name)


def windows(text: str, name: str) -> dict[Key, tuple[float, float]]:
    """(client, window start): rate in requests/s, and the gaps' coefficient of variation, of ServeGen's windows."""
    found = {}
    for row, where in _rows(text, name):
        at_s, rate, variation = (_number(row, column, where) for column in ("t_s", "rate_rps", "iat_cv"))
        if rate < 0:
            message = f"{where}: rate_rps is {rate:g}, and a rate is never negative"
            raise LedgerError(message, "correct or remove the line")
        found[str(row["client"]), at_s] = rate, variation
    return found


def _clients(found: Mapping[Key, tuple[float, float]], name: str) -> Series:
    step_s = _step(sorted({at_s for _, at_s in found}), name)
    first = min(at_s for _, at_s in found)
    rates: defaultdict[int, float] = defaultdict(float)
    for (_, at_s), (rate, _) in found.items():
        rates[round((at_s - first) / step_s)] += rate
    counts = np.full(max(rates) + 1, np.nan)
    for place, rate in rates.items():
        counts[place] = round(rate * step_s)
    total = sum(rate for rate, _ in found.values())
    clumped = sum(rate * min(variation**2, rate * step_s) for rate, variation in found.values())
    return Series(
        name=name, step_s=step_s, counts=counts.tobytes(), start_s=None, source=f"{name}: {len(found)} client windows",
        within_idc=clumped / total if total else None,
    )  # fmt: skip


def _counted(text: str, name: str) -> Series:
    times, values = [], []
    for row, where in _rows(text, name):
        times.append(number(row.get("timestamp"), _moment, f"{where}: timestamp"))
        values.append(_number(row, "value", where))
        if values[-1] < 0:
            message = f"{where}: value is {values[-1]:g}, and a count is never negative"
            raise LedgerError(message, "correct or remove the line")
    step_s = _step(times, name)
    counts = np.full(round((times[-1] - times[0]) / step_s) + len(times) + 1, np.nan)
    place = -1
    for k, value in enumerate(values):
        place = max(place + 1, round((times[k] - times[0]) / step_s)) if k else 0
        counts[place] = value
    start_s = times[0] if times[0] >= DATED_S else None
    return Series(name=name, step_s=step_s, counts=counts[: place + 1].tobytes(), start_s=start_s, source=name)


def _moment(text: str) -> float:
    """Seconds on the source's own clock."""
    try:
        return float(text)
    except ValueError:
        pass
    since = datetime.fromisoformat(text).replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - a clock of its own
    return since.total_seconds()


def _step(times: list[float], name: str) -> float:
    """The distance that most neighbours have, the shortest of equals.

    Raises:
        LedgerError: there are fewer than two, or they do not ascend.
    """
    gaps = np.diff(times)
    if not len(gaps) or gaps.min() < 0 or gaps.max() <= 0:
        message = f"{name}: {len(times)} windows{'' if not len(gaps) else ', not in the order of time'}"
        raise LedgerError(message, "give at least two windows, the earlier first")
    widths, often = np.unique(gaps[gaps > 0], return_counts=True)
    return float(widths[np.argmax(often)])


def _number(row: Mapping[str, str | None], column: str, where: str) -> float:
    return number(row.get(column), float, f"{where}: {column}")


def _rows(text: str, name: str) -> Iterator[tuple[dict[str, str | None], str]]:
    rows = csv.DictReader(text.lstrip("\ufeff \n").splitlines(), skipinitialspace=True)
    for row in rows:
        yield row, f"{name}:{rows.line_num}"
