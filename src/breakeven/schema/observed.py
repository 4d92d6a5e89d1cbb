"""What a window of running traffic shows of a deployment's speed, and the rows that calibration reads."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.schema.measurement import Measurement
from breakeven.schema.noun import Noun

MS = 1e3


class Limits(Noun, frozen=True, kw_only=True):
    """What a window must meet to give rows.

    - `finished`: requests that ended in it, at least; of a server that counts none, tokens: `tokens`.
    - `variation`: coefficient of variation of requests in flight, over slices of the window. Requests see a load of
      (1 + variation^2) times its mean, so 0.3 keeps what they see within 9 % of what the row says.
    - `left_out`: share of requests that failed, were cancelled, retried or answered by a fallback.
    - `cached`: share of prompt tokens that a prefix cache had. `queued`: share of a request's time spent in a queue.
    - `answers`: a window is at least so many mean answers long, so that those it cuts do not matter.
    - `gap`: relative difference allowed between two counts of requests in flight.
    - `samples`: gauges count as sampled often from so many samples on.
    """

    finished: int = 30
    tokens: int = 500
    variation: float = 0.3
    left_out: float = 0.05
    cached: float = 0.1
    queued: float = 0.15
    answers: float = 3.0
    gap: float = 0.25
    samples: int = 20


class Served(Noun, frozen=True, kw_only=True):
    """Who serves, as far as it is stated: the columns of a row that traffic cannot tell.

    `replicas` share the traffic that was observed evenly; rows are of one of them.
    """

    source: str | None = None
    version: str | None = None
    date: str | None = None
    engine: str | None = None
    model: str | None = None
    gpu: str | None = None
    ngpu: int | None = None
    tp: int | None = None
    precision: str | None = None
    replicas: int = 1


class Observed(Noun, frozen=True, kw_only=True):
    """One window of traffic: means in seconds, tokens a request, and the mean number in flight.

    `start_s` is Unix time. `finished` is None where the server does not count requests. `tpot_s` is the mean over
    requests, `itl_s` the mean over tokens. With anything in `refused` it gives no rows; `notes` are worth knowing.
    """

    name: str
    model: str = ""
    start_s: float = 0.0
    window_s: float
    finished: int | None = None
    in_flight: float = 0.0
    input_tokens: float | None = None
    output_tokens: float | None = None
    ttft_s: float | None = None
    tpot_s: float | None = None
    itl_s: float | None = None
    output_tok_s: float | None = None
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rows_of(seen: Observed, served: Served) -> tuple[Measurement, ...]:
    """The rows of a window, none of a refused one: a closed loop with as many in flight as there were on average."""
    return () if seen.refused else tuple(_row(seen, served, *figure) for figure in _figures(seen, served))


def _figures(seen: Observed, served: Served) -> Iterator[tuple[str, float, str]]:
    if seen.ttft_s is not None:
        yield "mean_ttft_ms", seen.ttft_s * MS, "ms"
    if seen.tpot_s is not None:
        yield "mean_tpot_ms", seen.tpot_s * MS, "ms"
    elif seen.itl_s is not None:
        yield "mean_itl_ms", seen.itl_s * MS, "ms"
    if seen.output_tok_s is not None:
        yield "output_tok_s", seen.output_tok_s / served.replicas, "tok/s"


def _row(seen: Observed, served: Served, metric: str, value: float, unit: str) -> Measurement:
    return Measurement(
        source=served.source,
        version=served.version,
        date=served.date,
        engine=served.engine,
        model=served.model or seen.model or None,
        gpu=served.gpu,
        ngpu=served.ngpu,
        tp=served.tp,
        precision=served.precision,
        isl=_short(seen.input_tokens),
        osl=_short(seen.output_tokens),
        load_kind="closed_concurrency",
        load=_short(seen.in_flight / served.replicas),
        metric=metric,
        value=_short(value),
        unit=unit,
    )


def _short(value: float | None) -> float | None:
    """Six significant digits: more was not measured."""
    return None if value is None else float(f"{value:.6g}")
