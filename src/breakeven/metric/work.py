"""Work: the replica-seconds a request takes of shared capacity (who pays for owned capacity)."""

from __future__ import annotations

from itertools import pairwise

from breakeven.schema.policy import WorkCurve


def tpot_at(curve: WorkCurve, in_flight: float) -> float:
    """Seconds per output token with `in_flight` sequences, linear between the curve's points, flat outside them."""
    points = curve.tpot_s
    if not points:
        return 0.0
    if in_flight <= points[0][0]:
        return points[0][1]
    for (low_b, low_s), (high_b, high_s) in pairwise(points):
        if in_flight <= high_b:
            return low_s + (high_s - low_s) * (in_flight - low_b) / (high_b - low_b)
    return points[-1][1]


def time_share_s(duration_s: float, in_flight: float) -> float:
    """Replica-seconds of a request whose coefficients are unknown: its duration, shared with those in flight beside it.

    `in_flight` is the mean number on its replica over its life, itself included. Summed over all requests this is the
    time the replica was busy (egalitarian processor sharing), whatever the requests were.
    """
    return duration_s / max(1.0, in_flight)


def work_s(curve: WorkCurve, *, input_tokens: int, output_tokens: int, rows: int, in_flight: float) -> float:
    """Replica-seconds of one request: prefill tokens x s/token + output tokens x TPOT(b)/b + rows x s/row + s/request.

    `in_flight` is b, the mean number of sequences in flight on the replica, at least 1.
    """
    batch = max(1.0, in_flight)
    decode_s = output_tokens * tpot_at(curve, batch) / batch
    return curve.request_s + input_tokens * curve.prefill_s_per_token + decode_s + rows * curve.row_s
