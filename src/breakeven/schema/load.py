"""What a load test of a server found: points of load, with an interval on each mean and every doubt said."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

LoadKind = Literal["closed_concurrency", "open_qps", "batch"]
"""Requests always in flight, arrivals per second whatever the answers, or rows per request of one caller."""


class Spread(Noun, frozen=True, kw_only=True):
    """A sample in its own unit; `low`..`high` is the 95 % interval of the mean, None where there was too little."""

    n: int
    mean: float
    p50: float
    p95: float
    p99: float
    low: float | None = None
    high: float | None = None


class LoadPoint(Noun, frozen=True, kw_only=True):
    """One load. sent = answered + failed, and measured <= answered: the others were warm-up, ramp or fill.

    Seconds. Of an open loop latencies count from when a request was due, so that the generator's lateness is in them.
    `output_tok_s` is over the window in which the load was steady, `rows_s` replaces it for batches. A point with
    `doubts` is not what it seems and must not be fitted to; `notes` say what else is worth knowing; `failures` how
    often which error came.
    """

    kind: LoadKind
    load: float
    sent: int
    answered: int
    failed: int
    measured: int
    window_s: float
    ttft_s: Spread | None = None
    tpot_s: Spread | None = None
    e2e_s: Spread | None = None
    output_tok_s: float | None = None
    output_tok_s_low: float | None = None
    output_tok_s_high: float | None = None
    rows_s: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    in_flight: float | None = None
    late_p99_s: float | None = None
    failures: tuple[tuple[str, int], ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether its figures may be relied on."""
        return self.measured > 0 and not self.doubts


class LoadReport(Noun, frozen=True, kw_only=True):
    """All points of one run, in the order in which they were measured, of one server as it named itself or was named.

    `remarks` say how the load was made; `interrupted` is True when points are missing because somebody stopped it.
    """

    url: str
    api: str
    model: str
    engine: str | None = None
    version: str | None = None
    gpu: str | None = None
    ngpu: int | None = None
    tp: int | None = None
    precision: str | None = None
    source: str
    date: str
    points: tuple[LoadPoint, ...] = ()
    remarks: tuple[str, ...] = ()
    interrupted: bool = False
