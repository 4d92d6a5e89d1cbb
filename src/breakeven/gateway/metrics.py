"""Counters, gauges and histograms as Prometheus reads them. Label values come from the policy, so they are bounded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

Labels = tuple[str, ...]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Counter:
    """A sum that only grows, by labels."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        self.name, self.help, self.labels = name, help_text, labels
        self.values: dict[Labels, float] = {}

    def add(self, *values: str, amount: float = 1.0) -> None:
        """Add to the series with these label values."""
        self.values[values] = self.values.get(values, 0.0) + amount

    def samples(self) -> Iterator[tuple[str, Labels, Labels, float]]:
        """Name, label names, label values and value of each series."""
        for values, value in sorted(self.values.items()):
            yield self.name, self.labels, values, value


class Gauge:
    """What is true now, asked for when it is read."""

    kind = "gauge"

    def __init__(self, name: str, help_text: str, labels: Labels, read: Callable[[], dict[Labels, float]]) -> None:
        self.name, self.help, self.labels, self._read = name, help_text, labels, read

    def samples(self) -> Iterator[tuple[str, Labels, Labels, float]]:
        """Name, label names, label values and value of each series."""
        for values, value in sorted(self._read().items()):
            yield self.name, self.labels, values, value


class Histogram:
    """Durations in seconds, by labels, in fixed buckets."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        self.name, self.help, self.labels = name, help_text, labels
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *values: str) -> None:
        """Count one duration."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(SECONDS) + 1)
        counts[bisect_left(SECONDS, seconds)] += 1
        self._sums[values] = self._sums.get(values, 0.0) + seconds

    def samples(self) -> Iterator[tuple[str, Labels, Labels, float]]:
        """Cumulative buckets, sum and count of each series."""
        names = (*self.labels, "le")
        for values, counts in sorted(self._counts.items()):
            running = 0
            for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                running += count
                yield f"{self.name}_bucket", names, (*values, bound), float(running)
            yield f"{self.name}_sum", self.labels, values, self._sums[values]
            yield f"{self.name}_count", self.labels, values, float(running)


Metric = Counter | Gauge | Histogram


def render(metrics: list[Metric], worker: str) -> bytes:
    """The text exposition format, version 0.0.4. Every series names its worker: each process counts for itself."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for name, labels, values, value in metric.samples():
            pairs = zip((*labels, "worker"), (*values, worker), strict=True)
            told = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in pairs)
            lines.append(f"{name}{{{told}}} {value:.15g}")
    return ("\n".join(lines) + "\n").encode()
