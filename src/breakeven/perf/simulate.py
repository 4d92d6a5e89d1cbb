"""What a trace would see from `replicas` replicas: continuous batching in virtual time, token by token."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.metric.latency import tpot_s, ttft_s
from breakeven.perf import batching
from breakeven.perf.fleet import Fleet, Routing
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace, pack


class Simulation(Noun, frozen=True, kw_only=True):
    """One row per request of the trace, in its order, as columns of little-endian float64.

    Seconds, NaN where there is none: a request that can never fit in the cache has no answer (`refused` counts them),
    and an answer of one token has no TPOT. `replica` is -1 for a refused request. `busy_s` sums over replicas;
    `span_s` runs from the first arrival to the last token; `in_flight_mean` is the time average over all replicas.
    """

    n: int
    refused: int
    arrival_s: bytes
    ttft_s: bytes
    tpot_s: bytes
    e2e_s: bytes
    replica: bytes
    busy_s: float
    span_s: float
    in_flight_mean: float
    steps: int

    def column(self, name: str) -> NDArray[np.float64]:
        """A column as a read-only array."""
        return np.frombuffer(getattr(self, name), dtype="<f8")


def simulate(
    trace: Trace,
    curve: StepCurve,
    replicas: int,
    *,
    max_batch_tokens: int = 2048,
    routing: Routing = "least_loaded",
    scale: float = 1.0,
) -> Simulation:
    """Serve a trace, arrivals divided by `scale` (2.0 is twice the rate), to the last token. Deterministic.

    Raises:
        UsageError: there are no replicas, or the scale is not positive.
    """
    if replicas < 1 or not scale > 0:
        message = f"cannot simulate {replicas} replicas at {scale} times the rate"
        raise UsageError(message, "use at least 1, and a scale > 0")
    columns = zip(trace.column("arrival_s"), trace.column("input_tokens"), trace.column("output_tokens"), strict=True)
    fleet = Fleet(curve, replicas, routing=routing, max_batch_tokens=max_batch_tokens)
    sequences = [fleet.arrive(at / scale, round(prompt), round(output)) for at, prompt, output in columns]
    fleet.advance(math.inf)
    return _summary(sequences, fleet, curve.request_s)


def _summary(sequences: Sequence[batching.Sequence], fleet: Fleet, request_s: float) -> Simulation:
    arrivals = [sequence.ready_s - request_s for sequence in sequences]
    served = [sequence for sequence in sequences if not sequence.gone]
    start = min(arrivals, default=0.0)
    span = max((sequence.done_s for sequence in served), default=start) - start
    residence = math.fsum(sequence.done_s - sequence.ready_s + request_s for sequence in served)
    return Simulation(
        n=len(sequences),
        refused=len(sequences) - len(served),
        arrival_s=pack(arrivals),
        ttft_s=pack(ttft_s(sent, sequence.first_s) for sent, sequence in zip(arrivals, sequences, strict=True)),
        tpot_s=pack(_tpot_s(sequence) for sequence in sequences),
        e2e_s=pack(sequence.done_s - sent for sent, sequence in zip(arrivals, sequences, strict=True)),
        replica=pack(sequence.replica for sequence in sequences),
        busy_s=fleet.busy_s,
        span_s=span,
        in_flight_mean=residence / span if span > 0 else 0.0,
        steps=fleet.steps,
    )


def _tpot_s(sequence: batching.Sequence) -> float:
    """TPOT by the one definition; NaN where it does not exist."""
    value = tpot_s(sequence.done_s, sequence.first_s, sequence.output_tokens)
    return math.nan if value is None else value
