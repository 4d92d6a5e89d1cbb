"""The power of a deployment: idle, while prompts are read, and while answers are written."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from breakeven.perf.power.law import IDLE_SHARE, Activity, PowerLaw, share
from breakeven.perf.power.prior import PRIOR
from breakeven.schema.hardware import Accelerator
from breakeven.schema.performance import PowerCurve, StepCurve

UNMEASURED = 2.0
"""Factor on the logarithmic interval of a board whose power nobody measured. Assumed: with boards of one family
measured, nothing says how much families differ."""

TOKENS = (1, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def limit_w(accelerator: Accelerator, accelerators: int, cap_w: float | None = None) -> float | None:
    """The most that the boards draw: their TDP, or a lower power cap of each; None when the TDP is unknown."""
    if accelerator.tdp_w is None:
        return None
    return accelerators * (accelerator.tdp_w if cap_w is None else min(cap_w, accelerator.tdp_w))


def idle_w(accelerator: Accelerator, accelerators: int, cap_w: float | None = None) -> float | None:
    """Watts of boards that hold weights and wait; None when the TDP is unknown."""
    limit = limit_w(accelerator, accelerators, cap_w)
    if limit is None or accelerator.tdp_w is None:
        return None
    return min(limit, accelerators * accelerator.tdp_w * IDLE_SHARE)


def power_curve(
    accelerator: Accelerator,
    accelerators: int,
    prefill: Callable[[Sequence[int]], Iterable[Activity]],
    decode: Callable[[Sequence[int]], Iterable[Activity]],
    *,
    max_sequences: int,
    cap_w: float | None = None,
    law: PowerLaw = PRIOR,
) -> PowerCurve | None:
    """Watts by prompt tokens in a step, and by decoding sequences up to `max_sequences`; None without a TDP.

    `prefill` and `decode` say what each of some steps of so many tokens or sequences does. Where a larger step would
    draw less, the larger value so far stands: measured power did not fall when bandwidth did. A board under a cap of
    `cap_w` watts draws at most that; that it then takes longer is not in here.
    """
    limit, tdp = limit_w(accelerator, accelerators, cap_w), accelerator.tdp_w
    if limit is None or tdp is None:
        return None

    def watts(activity: Activity) -> float:
        return min(limit, accelerators * tdp * share(law, activity))

    sizes = [size for size in BATCHES if size < max_sequences] + [max(1, max_sequences)]
    low, high = factors(accelerator, law)
    return PowerCurve(
        limit_w=limit,
        prefill_w=_rising(TOKENS, map(watts, prefill(TOKENS))),
        decode_w=_rising(sizes, map(watts, decode(sizes))),
        low=low,
        high=high,
    )


def _rising(sizes: Iterable[int], watts: Iterable[float]) -> tuple[tuple[float, float], ...]:
    return tuple((float(size), most) for size, most in zip(sizes, accumulate(watts, max), strict=True))


def factors(accelerator: Accelerator, law: PowerLaw = PRIOR) -> tuple[float, float]:
    """Factors on busy watts that hold 80 % of measurements; of a board nobody measured, wider by `UNMEASURED`."""
    wider = 1.0 if accelerator.id.startswith(law.boards) else UNMEASURED
    return math.exp(wider * law.errors.log_low), math.exp(wider * law.errors.log_high)


def prefill_w(curve: StepCurve, tokens: float) -> float | None:
    """Watts while steps read `tokens` prompt tokens each; None where unknown."""
    return curve.power_busy_w if curve.power is None else at(curve.power.prefill_w, tokens)


def decode_w(curve: StepCurve, sequences: float) -> float | None:
    """Watts while `sequences` answers are written at a time; None where unknown."""
    return curve.power_busy_w if curve.power is None else at(curve.power.decode_w, sequences)


def at(points: tuple[tuple[float, float], ...], size: float) -> float:
    """Linear between points, flat outside them."""
    after = bisect.bisect_left(points, (size,))
    if after == 0 or after == len(points):
        return points[min(after, len(points) - 1)][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (size - left) / (right - left)
