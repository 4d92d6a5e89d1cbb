"""TTFT, TPOT and percentiles: one definition for the simulator, the gateway and the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ttft_s(sent_s: float, first_token_s: float) -> float:
    """Time to first token: first token received - request sent, in seconds, queueing included."""
    return first_token_s - sent_s


def tpot_s(total_s: float, first_token_s: float, output_tokens: int) -> float | None:
    """Time per output token after the first: (E2E - TTFT) / (output tokens - 1), in seconds.

    None for fewer than two output tokens, where there is no gap to measure.
    """
    return None if output_tokens < 2 else (total_s - first_token_s) / (output_tokens - 1)  # noqa: PLR2004


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """Linear-interpolation percentile (Hyndman & Fan 1996, type 7) of ascending values; None when empty.

    Raises:
        ValueError: `share` lies outside 0..1.
    """
    if not 0 <= share <= 1:
        message = f"a percentile's share lies in 0..1, got {share}"
        raise ValueError(message)
    if not ascending:
        return None
    position = share * (len(ascending) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (position - below)
