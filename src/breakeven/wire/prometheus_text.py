"""The text in which servers expose their metrics, as samples. Formats: Prometheus text 0.0.4 and OpenMetrics 1.0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from breakeven.errors import ConfigError

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(rf'({_NAME})(?:\{{((?:[^"}}]|{_QUOTED})*)\}})?\s+(\S+)(?:\s+([-+0-9.eE]+))?\s*(?:#.*)?')
_LABEL = re.compile(rf"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*({_QUOTED})\s*(?:,|$)")
_ESCAPED = re.compile(r"\\(.)")
_OPEN_METRICS_END = "# EOF"
_MS = 1e-3
_SHOWN = 80


class Sample(NamedTuple):
    """One value; `at_s` is the Unix time that its line states, None where it states none."""

    name: str
    labels: Mapping[str, str]
    value: float
    at_s: float | None = None


class Scrape(NamedTuple):
    """All samples of one moment, by name; `at_s` is on whatever clock the reader of several of them uses."""

    at_s: float
    samples: Mapping[str, tuple[Sample, ...]]

    def find(self, name: str, where: Mapping[str, str]) -> tuple[Sample, ...]:
        """The samples of a name whose labels have these values."""
        return tuple(one for one in self.samples.get(name, ()) if where.items() <= one.labels.items())

    def total(self, name: str, where: Mapping[str, str]) -> float | None:
        """The sum of such samples; None without any."""
        found = self.find(name, where)
        return sum(one.value for one in found) if found else None


def scrape(text: str, at_s: float | None = None, name: str = "metrics") -> Scrape:
    """A text of metrics as of `at_s`; without it, of the time that the text's own lines state.

    Raises:
        ConfigError: a line cannot be read, or nobody says of when the text is; the message names file and line.
    """
    found = parse(text, name)
    stated = max((one.at_s for one in found if one.at_s is not None), default=None)
    when = stated if at_s is None else at_s
    if when is None:
        message = f"{name} does not say when it was taken: none of its {len(found)} samples has a time"
        raise ConfigError(message, "state the seconds between the texts")
    return Scrape(when, _by_name(found))


def parse(text: str, name: str = "metrics") -> tuple[Sample, ...]:
    """Every sample in its order.

    Raises:
        ConfigError: a line is no sample; the message names file and line.
    """
    to_s = 1.0 if text.rstrip().endswith(_OPEN_METRICS_END) else _MS
    lines = enumerate(text.split("\n"), start=1)
    return tuple(
        _sample(line.strip(), to_s, f"{name}, line {number}")
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    )


def write(samples: Iterable[Sample]) -> str:
    """Samples as Prometheus text; `parse` gives them again."""
    return "".join(f"{one.name}{_labels(one.labels)} {one.value!r}{_stamp(one.at_s)}\n" for one in samples)


def _sample(line: str, to_s: float, place: str) -> Sample:
    try:
        name, labels, value, stamp = _matched(_LINE.fullmatch(line)).groups()
        return Sample(name, _read(labels or ""), float(value), None if stamp is None else float(stamp) * to_s)
    except ValueError as error:
        message = f"{place}: {line[:_SHOWN]!r} is no line of Prometheus metrics"
        raise ConfigError(message, "save the text of the server's /metrics as it comes") from error


def _matched(found: re.Match[str] | None) -> re.Match[str]:
    if found is None:
        raise ValueError
    return found


def _read(text: str) -> dict[str, str]:
    labels, place = {}, 0
    while place < len(text.rstrip()):
        found = _matched(_LABEL.match(text, place))
        labels[found[1]] = _ESCAPED.sub(_unescaped, found[2][1:-1])
        place = found.end()
    return labels


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _labels(labels: Mapping[str, str]) -> str:
    parts = [f'{key}="{_escaped(value)}"' for key, value in labels.items()]
    return f"{{{','.join(parts)}}}" if parts else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _stamp(at_s: float | None) -> str:
    return "" if at_s is None else f" {round(at_s / _MS)}"


def _by_name(found: Iterable[Sample]) -> dict[str, tuple[Sample, ...]]:
    names: dict[str, list[Sample]] = {}
    for one in found:
        names.setdefault(one.name, []).append(one)
    return {key: tuple(group) for key, group in names.items()}
