"""Plans the demo's traffic: the same configuration, the same requests at the same times.

Use case 1, *homepage*: logged impressions of the Open Bandit log from its evaluation half, in their logged order,
the three campaigns interleaved as they were. Their week is not replayed in real time: they arrive as a Poisson process
conditioned on its count, at a stated mean pace (a log thinned to 10,000 of 1.4 million rows is close to Poisson).

Use case 2, *assistant*: one contiguous window of the Azure conversation trace at its own arrival times. Arrivals and
token counts are not scaled; the seed only picks where the window begins.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from breakeven.demo.logs import Impression, conversations, evaluation
from breakeven.errors import UsageError
from breakeven.schema.noun import Noun
from breakeven.schema.workload import Trace

HALVES = 2


class Config(Noun, frozen=True, kw_only=True):
    """How much traffic: `rows` homepage impressions over both halves, each half `half_s` seconds long."""

    seed: int = 7
    rows: int = 9_000
    half_s: float = 45.0
    ranker: str = "homepage-ranker"
    assistant: str = "assistant"


class Showing(Noun, frozen=True, kw_only=True):
    """One logged impression to be ranked again, `at_s` seconds into its half."""

    at_s: float
    row: Impression


class Turn(Noun, frozen=True, kw_only=True):
    """One conversation turn of the trace, `at_s` seconds into its half; the trace holds token counts, no text."""

    at_s: float
    number: int
    input_tokens: int
    output_tokens: int


class Half(Noun, frozen=True, kw_only=True):
    """What is sent before the plan (the first half) or after it, each list in the order of its times."""

    homepage: tuple[Showing, ...]
    assistant: tuple[Turn, ...]


class Traffic(Noun, frozen=True, kw_only=True):
    """Both halves. `window_s` is where in the trace the contiguous window lies, `first_row` the first row replayed."""

    config: Config
    window_s: tuple[float, float]
    first_row: int
    halves: tuple[Half, ...]


def plan(config: Config, rows: tuple[Impression, ...] | None = None, trace: Trace | None = None) -> Traffic:
    """The traffic of a configuration; `rows` and `trace` None are the packaged ones.

    Raises:
        UsageError: more rows, or a longer window, than the logs hold, or none.
    """
    rows = evaluation() if rows is None else rows
    trace = conversations() if trace is None else trace
    span_s = trace.column("arrival_s")[-1]
    _check(config, len(rows), span_s)
    random = np.random.default_rng(config.seed)
    start_s = float(random.uniform(0, span_s - HALVES * config.half_s))
    first_row = int(random.integers(0, len(rows) - config.rows + 1))
    cuts = [first_row + config.rows * half // HALVES for half in range(HALVES + 1)]
    halves = tuple(
        Half(
            homepage=_showings(rows[cuts[half] : cuts[half + 1]], config.half_s, random),
            assistant=_turns(trace, start_s + half * config.half_s, config.half_s),
        )
        for half in range(HALVES)
    )
    window_s = (start_s, start_s + HALVES * config.half_s)
    return Traffic(config=config, window_s=window_s, first_row=first_row, halves=halves)


def _check(config: Config, rows: int, span_s: float) -> None:
    if not 0 <= config.rows <= rows:
        message = f"{config.rows:,} homepage rows were asked for, and the evaluation log holds {rows:,}"
        raise UsageError(message, f"ask for 0 to {rows:,}")
    if not 0 < HALVES * config.half_s <= span_s:
        message = f"two halves of {config.half_s:g} s were asked for, and the trace lasts {span_s:,.0f} s"
        raise UsageError(message, f"ask for more than 0 and at most {span_s / HALVES:,.0f} s")


def _showings(rows: tuple[Impression, ...], half_s: float, random: np.random.Generator) -> tuple[Showing, ...]:
    times = np.sort(random.uniform(0, half_s, len(rows)))
    return tuple(Showing(at_s=float(at_s), row=row) for at_s, row in zip(times, rows, strict=True))


def _turns(trace: Trace, start_s: float, half_s: float) -> tuple[Turn, ...]:
    arrivals, given, made = (trace.column(name) for name in ("arrival_s", "input_tokens", "output_tokens"))
    first, last = bisect_left(arrivals, start_s), bisect_left(arrivals, start_s + half_s)
    return tuple(
        Turn(at_s=arrivals[k] - start_s, number=k, input_tokens=int(given[k]), output_tokens=int(made[k]))
        for k in range(first, last)
    )
