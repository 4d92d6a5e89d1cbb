"""Cost per useful prediction, and how idle capacity follows work."""

from __future__ import annotations

from collections.abc import Mapping

from breakeven.quantity import usd_from_pico


def cost_per_useful_usd(cost_pico_usd: int, unobserved_pico_usd: int, useful: int | None) -> float | None:
    """(cost - cost of the unobserved rows) / useful predictions, in USD; None when nothing useful was measured."""
    return None if not useful else usd_from_pico(cost_pico_usd - unobserved_pico_usd) / useful


def share_out(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split an integer amount in proportion to non-negative integer weights, exactly (largest remainder).

    The parts sum to `amount`. Ties go to the smaller key, so that the same inputs give the same parts. With no
    positive weight everything goes to the key "unattributed".
    """
    total = sum(weights.values())
    if total <= 0:
        return {"unattributed": amount} if amount else {}
    sign, size = (-1 if amount < 0 else 1), abs(amount)
    parts = {key: size * weight // total for key, weight in weights.items()}
    order = sorted(weights, key=lambda key: (-(size * weights[key] % total), key))
    for key in order[: size - sum(parts.values())]:
        parts[key] += 1
    return {key: sign * part for key, part in parts.items()}
