"""What a trace would see from `replicas` replicas: continuous batching in virtual time, token by token."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.metric.latency import tpot_s, ttft_s
from breakeven.perf import batching
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace, pack

Routing = Literal["least_loaded", "round_robin"]


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
    fleet = [batching.Replica(curve, max_batch_tokens=max_batch_tokens) for _ in range(replicas)]
    sequences = _sequences(trace, scale, curve.request_s)
    placed = [_place(fleet, ROUTINGS[routing], sequence) for sequence in sequences]
    for replica in fleet:
        replica.advance(math.inf)
    return _summary(sequences, placed, fleet, curve.request_s)


def _sequences(trace: Trace, scale: float, request_s: float) -> list[batching.Sequence]:
    columns = zip(trace.column("arrival_s"), trace.column("input_tokens"), trace.column("output_tokens"), strict=True)
    return [
        batching.Sequence(key, at / scale + request_s, round(prompt), round(output))
        for key, (at, prompt, output) in enumerate(columns)
    ]


def _place(fleet: Sequence[batching.Replica], choose: Router, sequence: batching.Sequence) -> int:
    for replica in fleet:
        replica.advance(sequence.ready_s)
    chosen = choose(fleet, sequence.key)
    return chosen if fleet[chosen].submit(sequence) else -1


def _least_loaded(fleet: Sequence[batching.Replica], key: int) -> int:  # noqa: ARG001 - the shape of a router
    return min(range(len(fleet)), key=lambda index: (fleet[index].in_flight, index))


def _round_robin(fleet: Sequence[batching.Replica], key: int) -> int:
    return key % len(fleet)


Router = Callable[[Sequence[batching.Replica], int], int]
ROUTINGS: dict[Routing, Router] = {"least_loaded": _least_loaded, "round_robin": _round_robin}


def _summary(
    sequences: Sequence[batching.Sequence], placed: Sequence[int], fleet: Sequence[batching.Replica], request_s: float
) -> Simulation:
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
        replica=pack(placed),
        busy_s=math.fsum(replica.busy_s for replica in fleet),
        span_s=span,
        in_flight_mean=residence / span if span > 0 else 0.0,
        steps=sum(replica.steps for replica in fleet),
    )


def _tpot_s(sequence: batching.Sequence) -> float:
    """TPOT by the one definition; NaN where it does not exist."""
    value = tpot_s(sequence.done_s, sequence.first_s, sequence.output_tokens)
    return math.nan if value is None else value
