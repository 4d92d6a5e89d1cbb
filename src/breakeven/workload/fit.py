"""A workload from a trace: rates, burstiness, token mix and shape."""

from __future__ import annotations

import numpy as np

from breakeven.schema.workload import Trace, Workload
from breakeven.workload.arrivals import Vector, dispersion, variation
from breakeven.workload.seen import seen
from breakeven.workload.shape import classify


def fit(
    trace: Trace, use_case: str, *, window_s: float = 60.0, source: str = "", rows_scored_mean: float = 1.0
) -> Workload:
    """Sufficient statistics of a trace. The mean rate is requests / (last - first arrival).

    Arrivals of a clock that ticks are spread over their tick first, and the evidence says so.

    Raises:
        EvidenceError: fewer than two requests, or all at one instant.
    """
    came = seen(trace, use_case, window_s)
    prompt, output = _column(trace, "input_tokens"), _column(trace, "output_tokens")
    shape, evidence = classify(came.arrivals)
    return Workload(
        use_case=use_case,
        n=trace.n,
        span_s=came.span_s,
        rate_mean_rps=came.mean_rps,
        rate_p95_rps=came.p95_rps,
        rate_max_rps=came.max_rps,
        window_s=came.window_s,
        iat_cv=variation(came.arrivals),
        idc=dispersion(came.arrivals, came.window_s),
        shape=shape,
        input_tokens_mean=float(prompt.mean()),
        input_tokens_p50=float(np.percentile(prompt, 50)),
        input_tokens_p95=float(np.percentile(prompt, 95)),
        output_tokens_mean=float(output.mean()),
        output_tokens_p50=float(np.percentile(output, 50)),
        output_tokens_p95=float(np.percentile(output, 95)),
        evidence=_tick_sentence(came.tick_s) + evidence,
        source=source or trace.source,
        rows_scored_mean=rows_scored_mean,
    )


def _column(trace: Trace, name: str) -> Vector:
    return np.frombuffer(getattr(trace, name), dtype="<f8")


def _tick_sentence(tick_s: float) -> tuple[str, ...]:
    if not tick_s:
        return ()
    sentence = (
        f"The log's clock ticks every {tick_s:.2f} s; arrivals were spread evenly over their tick before anything else,"
        " so burstiness below it is unknown."
    )
    return (sentence,)
