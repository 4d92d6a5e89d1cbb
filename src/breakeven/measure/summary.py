"""Answers to figures: percentiles, means with intervals that know answers served together are alike, throughput."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from breakeven.measure.answer import Answer
from breakeven.metric.latency import percentile
from breakeven.schema.load import Spread

FEWEST, MOST = 4, 20
"""Batches of a mean's interval."""

_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip
"""Student's t at 97.5 % by degrees of freedom 1 to 19."""

Latency = Callable[[Answer], float | None]


class Flow(NamedTuple):
    """Tokens per second in a window, with its interval, and requests in flight on average."""

    tok_s: float
    low: float | None
    high: float | None
    in_flight: float


def mean_interval(values: Sequence[float], together: float) -> tuple[float, float] | None:
    """95 % interval of the mean of durations in their order in time, by batch means (Law & Kelton, section 9.5.3).

    Values served at the same time resemble each other, so batches hold at least `together` neighbours where they can.
    None below two values a batch.
    """
    count = min(MOST, max(FEWEST, int(len(values) / max(1.0, together))))
    if len(values) < 2 * count:
        count = len(values) // 2
    if count < FEWEST:
        return None
    edges = [round(index * len(values) / count) for index in range(count + 1)]
    means = [statistics.fmean(values[a:b]) for a, b in pairwise(edges)]
    half = _T[count - 2] * statistics.stdev(means) / math.sqrt(count)
    centre = statistics.fmean(values)
    return max(0.0, centre - half), centre + half


def spread(answers: Iterable[Answer], latency: Latency, together: float) -> Spread | None:
    """A latency of answers in their order in time; None when nobody has it."""
    values = [value for answer in answers if (value := latency(answer)) is not None]
    if not values:
        return None
    ascending = sorted(values)
    low, high = mean_interval(values, together) or (None, None)
    p50, p95, p99 = (percentile(ascending, share) or 0.0 for share in (0.5, 0.95, 0.99))
    return Spread(n=len(values), mean=statistics.fmean(values), p50=p50, p95=p95, p99=p99, low=low, high=high)


def flow(answers: Sequence[Answer], since_s: float, until_s: float) -> Flow | None:
    """Throughput in a window: of each answer the tokens that fell into it, the later ones spread evenly.

    Whole answers would favour a window that begins or ends with one. The interval is of batches no shorter than a mean
    answer. None for an empty window.
    """
    if until_s <= since_s:
        return None
    rate = math.fsum(tokens_within(answer, since_s, until_s) for answer in answers) / (until_s - since_s)
    busy_s = math.fsum(_overlap(_sent(one), _ended(one), since_s, until_s) for one in answers)
    low, high = _flow_interval(answers, since_s, until_s) or (None, None)
    return Flow(rate, low, high, busy_s / (until_s - since_s))


def _flow_interval(answers: Sequence[Answer], since_s: float, until_s: float) -> tuple[float, float] | None:
    answer_s = mean(answer.total_s for answer in answers if answer.ok) or math.inf
    count = min(MOST, int((until_s - since_s) / max(answer_s, 1e-9)))
    if count < FEWEST:
        return None
    width = (until_s - since_s) / count
    starts = [since_s + index * width for index in range(count)]
    rates = [math.fsum(tokens_within(answer, a, a + width) for answer in answers) / width for a in starts]
    half = _T[count - 2] * statistics.stdev(rates) / math.sqrt(count)
    centre = statistics.fmean(rates)
    return max(0.0, centre - half), centre + half


def tokens_within(answer: Answer, since_s: float, until_s: float) -> float:
    """Output tokens that came in a span of time: the first when it came, the others evenly until the end."""
    if not answer.ok or answer.output_tokens is None or answer.ttft_s is None:
        return 0.0
    first_s, end_s = _sent(answer) + answer.ttft_s, _ended(answer)
    if end_s <= first_s:
        return float(answer.output_tokens) if since_s <= first_s < until_s else 0.0
    later = (answer.output_tokens - 1) * _overlap(first_s, end_s, since_s, until_s) / (end_s - first_s)
    return later + (since_s <= first_s < until_s)


def _sent(answer: Answer) -> float:
    return answer.at_s + answer.late_s


def _ended(answer: Answer) -> float:
    return _sent(answer) + (answer.total_s or 0.0)


def _overlap(begin: float, end: float, since_s: float, until_s: float) -> float:
    return max(0.0, min(end, until_s) - max(begin, since_s))


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def problem(answer: Answer, *, streamed: bool = True) -> str:
    """Why an answer counts as failed; empty when it does not. A stream needs a token and the usage that counts it."""
    if answer.error:
        return answer.error
    if not answer.ok:
        return f"HTTP {answer.status}: {answer.refusal}".rstrip(": ")
    if streamed and answer.ttft_s is None:
        return "a whole stream without a token in it"
    return "" if not streamed or answer.output_tokens is not None else "a stream without usage"


def failures(problems: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How often which problem came, the most frequent first."""
    found = Counter(one for one in problems if one)
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
