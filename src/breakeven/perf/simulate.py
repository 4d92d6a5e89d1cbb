"""What a trace would see from `replicas` replicas: continuous batching in virtual time, token by token."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.perf import apart
from breakeven.perf.kernel import build, layout
from breakeven.perf.world import world
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Routing, Serving
from breakeven.schema.workload import Trace

COMPILE_FROM = 30_000
"""So many requests in one process are worth numba's start (about a second, once its cache is filled)."""

_served = {"requests": 0}
"""Requests simulated so far in this process: decides how, never what."""


class Simulation(Noun, frozen=True, kw_only=True):
    """One row per request of the trace, in its order, as columns of little-endian float64.

    Seconds, NaN where there is none: a request that can never fit in the cache, was refused at the door or found no
    replica for good has no answer (`refused` counts all of them), and an answer of one token has no TPOT. `replica` is
    the last one, -1 where there was none. `outcome` holds the codes of `OUTCOMES`; `preemptions` how often a request
    lost its place; `hit_tokens` what the prefix cache spared it.

    `busy_s` sums over replicas, of which `prefill_s` is what prompts added to steps and `decode_s` the rest; `span_s`
    runs from the first arrival to the last token; `in_flight_mean` is the time average over all replicas, `batch_mean`
    that of the decoding sequences over steps that have any. `peak_kv_tokens` is the most that one replica allotted.
    `replica_s` is the time that replicas were on, starting included and down excluded. `output_tokens` were answered.
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
    outcome: bytes = b""
    preemptions: bytes = b""
    hit_tokens: bytes = b""
    prefill_s: float = 0.0
    decode_s: float = 0.0
    batch_mean: float = 0.0
    peak_kv_tokens: int = 0
    replica_s: float = 0.0
    output_tokens: float = 0.0

    def column(self, name: str) -> NDArray[np.float64]:
        """A column as a read-only array."""
        return np.frombuffer(getattr(self, name), dtype="<f8")

    @property
    def output_tokens_s(self) -> float:
        """Output tokens per second of the span, over all replicas."""
        return self.output_tokens / self.span_s if self.span_s > 0 else 0.0


OUTCOMES = ("answered", "refused at the door", "never fits", "unserved")
"""What the codes of `Simulation.outcome` mean. Unserved: every replica was gone for good."""


def simulate(  # noqa: PLR0913 - each changes what is simulated
    trace: Trace,
    curve: StepCurve,
    replicas: int,
    *,
    max_batch_tokens: int | None = None,
    routing: Routing | None = None,
    scale: float = 1.0,
    serving: Serving = Serving(),  # noqa: B008 - frozen
    compiled: bool | None = None,
    per_step: bool = False,
) -> Simulation:
    """Serve a trace, arrivals divided by `scale` (2.0 is twice the rate), to the last token. Deterministic.

    `serving` says how; `max_batch_tokens` and `routing` replace its own where given. `compiled`: with numba or without,
    which gives the same bytes; None takes numba where it is installed and worth its start. `per_step` takes every
    decode step by itself instead of summing runs of them, which gives the same but for rounding. Where `serving.split`
    is of a group, `replicas` are groups.

    Raises:
        UsageError: there are no replicas, the scale is not positive, parts of `serving` do not go together, or
            `compiled` is asked for without numba.
    """
    if (replicas < 1 and serving.autoscale is None) or not scale > 0:
        message = f"cannot simulate {replicas} replicas at {scale} times the rate"
        raise UsageError(message, "use at least 1, and a scale > 0")
    serving = _with(serving, max_batch_tokens, routing)
    replicas, serving = apart.instances(replicas, serving)
    kernel = _kernel(trace.n, compiled=compiled)
    rows = world(trace, curve, replicas, serving, kernel, scale=scale, per_step=per_step)
    kernel.serve(rows)
    return _summary(trace, rows, scale, serving)


def _with(serving: Serving, max_batch_tokens: int | None, routing: Routing | None) -> Serving:
    if max_batch_tokens is not None:
        serving = msgspec.structs.replace(serving, max_batch_tokens=max_batch_tokens)
    return serving if routing is None else msgspec.structs.replace(serving, routing=routing)


def _kernel(requests: int, *, compiled: bool | None) -> build.Kernel:
    if compiled is False:
        return build.PLAIN
    _served["requests"] += requests
    if compiled is None and _served["requests"] < COMPILE_FROM and not build.loaded():
        return build.PLAIN
    found = build.compiled()
    if found is None and compiled:
        message = "numba is not installed, and the compiled simulator was asked for"
        raise UsageError(message, "pip install breakeven[plan]")
    return found or build.PLAIN


def _summary(trace: Trace, rows: layout.World, scale: float, serving: Serving) -> Simulation:
    arrivals = np.frombuffer(trace.arrival_s) / scale
    first, done, outcome = (layout.column(rows.requests, name) for name in ("first_s", "done_s", "outcome"))
    outputs = np.rint(np.frombuffer(trace.output_tokens))
    answered = outcome == layout.ANSWERED
    start = float(arrivals[0]) if trace.n else 0.0
    end = float(done[answered].max(initial=start))
    residence = math.fsum((done - arrivals)[answered].tolist())
    ttft = np.where(answered, first - arrivals, math.nan)
    tpot = np.full(trace.n, math.nan)
    gaps = answered & (outputs > 1)
    tpot[gaps] = (done - first)[gaps] / (outputs[gaps] - 1)
    return Simulation(
        n=trace.n,
        refused=int(trace.n - answered.sum()),
        arrival_s=arrivals.tobytes(),
        ttft_s=ttft.tobytes(),
        tpot_s=tpot.tobytes(),
        e2e_s=(done - arrivals).tobytes(),
        replica=_floats(rows, "replica"),
        span_s=end - start,
        in_flight_mean=residence / (end - start) if end > start else 0.0,
        outcome=_floats(rows, "outcome"),
        preemptions=_floats(rows, "preempted"),
        hit_tokens=_floats(rows, "hit"),
        output_tokens=float(outputs[answered].sum()),
        **_totals(rows, start, end, serving),
    )


def _floats(rows: layout.World, name: str) -> bytes:
    values: NDArray[Any] = layout.column(rows.requests, name)
    return values.astype("<f8").tobytes()


def _totals(rows: layout.World, start_s: float, end_s: float, serving: Serving) -> layout.Columns:
    """Sums over replicas."""
    prefill, decode, steps, loaded, decoded, peak = (
        layout.column(rows.replicas, name).tolist()
        for name in ("prefill_s", "decode_s", "steps", "decode_steps", "decoded", "peak")
    )
    return {
        "busy_s": math.fsum(prefill) + math.fsum(decode),
        "prefill_s": math.fsum(prefill),
        "decode_s": math.fsum(decode),
        "steps": sum(steps),
        "batch_mean": sum(decoded) / sum(loaded) if sum(loaded) else 0.0,
        "peak_kv_tokens": max(peak) * serving.block_tokens,
        "replica_s": _on_s(rows, start_s, end_s),
    }


def _on_s(rows: layout.World, start_s: float, end_s: float) -> float:
    """Seconds that replicas were on; one that was on at first is so from the first arrival."""
    alive, state, started = (layout.column(rows.replicas, name) for name in ("alive_s", "state", "started_s"))
    on = (state != layout.OFF) & (state != layout.DOWN)
    rest = np.where(on, np.maximum(0.0, end_s - np.maximum(start_s, started)), 0.0)
    return math.fsum((alive + rest).tolist())
