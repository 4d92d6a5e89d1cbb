"""A trace drawn from a workload of a few lines of YAML."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from breakeven.config import reading, traffic
from breakeven.config.traffic import Lengths, Traffic
from breakeven.errors import UsageError
from breakeven.schema.workload import Trace, Workload, pack
from breakeven.workload.sample import sample

REQUESTS = 4000
"""Drawn where a workload says neither how many nor for how long."""

BURSTY = 4.0
"""Variation of the gaps of bursty arrivals where none is stated."""


def drawn(path: Path, rate: float | None = None) -> Trace:
    """The trace of a file; `rate` replaces its own.

    Raises:
        ConfigError: the workload is wrong; with every problem, each with its place.
        UsageError: it holds fewer than two requests.
    """
    asked = traffic.load(reading.read_text(path, way_out=reading.CHECK_PATH), str(path))
    if rate is not None:
        asked = asked.model_copy(update={"rate": rate})
    return draw(asked, name=path.stem)


def draw(asked: Traffic, *, name: str) -> Trace:
    """A trace like the workload; the same seed gives the same bytes. Steady arrivals are at equal distances."""
    n = asked.requests or (round(asked.rate * asked.seconds) if asked.seconds else REQUESTS)
    if n < 2:  # noqa: PLR2004 - a rate needs two
        message = f"{name}: {asked.rate:g} requests/s for {asked.seconds or 0:g} s is {n} requests"
        raise UsageError(message, f"ask for {2 / asked.rate:g} seconds, or `requests: 2`, at least")
    found = sample(_workload(asked, name, n), rng=np.random.default_rng(asked.seed), n=n)
    if asked.arrivals == "steady":
        found = msgspec.structs.replace(found, arrival_s=pack((np.arange(n) / asked.rate).tolist()))
    return msgspec.structs.replace(found, name=name, source=f"{name}, drawn with seed {asked.seed}")


def _workload(asked: Traffic, name: str, n: int) -> Workload:
    span = n / asked.rate
    prompt, output = _lengths(asked.input_tokens), _lengths(asked.output_tokens)
    return Workload(
        use_case=name, n=n, span_s=span, rate_mean_rps=asked.rate, rate_p95_rps=asked.rate, rate_max_rps=asked.rate,
        window_s=span, iat_cv=(asked.cv or BURSTY) if asked.arrivals == "bursty" else 1.0, idc=None, shape="unknown",
        input_tokens_mean=prompt.mean, input_tokens_p50=prompt.p50, input_tokens_p95=prompt.p95,
        output_tokens_mean=output.mean, output_tokens_p50=output.p50, output_tokens_p95=output.p95,
    )  # fmt: skip


def _lengths(tokens: float | Lengths) -> Lengths:
    return tokens if isinstance(tokens, Lengths) else Lengths(mean=tokens, p50=tokens, p95=tokens)
