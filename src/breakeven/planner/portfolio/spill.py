"""When a part of a mix is full: as many requests in flight as it has at the goodput that the plan found for it."""

from __future__ import annotations

import math

from breakeven.metric.work import tpot_at
from breakeven.perf.work import work_curve
from breakeven.schema.plan import Option
from breakeven.schema.workload import Workload

MOST = 100_000


def in_flight(option: Option, workload: Workload) -> float | None:
    """Requests in flight at a replica that is asked for its goodput of the workload; None where no steps are known.

    Little's law: b = goodput x T(b), where T(b) = P + n (TPOT(b) + b P / n) for prompts of P seconds and n output
    tokens: in every step of b sequences b / n prompts begin. TPOT by batch alone, without the prompts, would fill a
    replica until its answers are late.
    """
    speed = option.performance
    if speed is None or speed.curve is None or not speed.max_goodput_rps.value:
        return None
    context = workload.input_tokens_mean + workload.output_tokens_mean / 2
    work, tokens = work_curve(speed.curve, context), max(1.0, workload.output_tokens_mean)
    prompt_s = workload.input_tokens_mean * (1 - workload.cached_share) * work.prefill_s_per_token
    most = min(speed.curve.max_sequences, MOST)
    for batch in range(1, most + 1):
        stays_s = prompt_s * (1 + batch) + tokens * tpot_at(work, float(batch))
        if batch >= speed.max_goodput_rps.value * stays_s:
            return float(batch)
    return float(most)


def spills_at(option: Option, workload: Workload, *, replicas: int, share: float, workers: int) -> int | None:
    """What one worker of the gateway may have in flight at a part, so that together they have what its replicas bear.

    `share` is the part of a limit up to which the use case's tier is admitted.
    """
    each = in_flight(option, workload)
    return None if each is None else max(1, math.ceil(each * replicas / share / workers))
