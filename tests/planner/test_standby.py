"""Spares: enough of them are left after what they stand by for, and no fewer would do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.planner.standby import across, beyond, lost


@given(serving=st.integers(1, 60), zones=st.integers(2, 6))
def test_a_zone_can_be_lost(serving: int, zones: int) -> None:
    """Spread evenly, what is left without the fullest zone still serves; one spare fewer and it does not."""

    def left(total: int) -> int:
        return total - math.ceil(total / zones)

    spare = across(serving, zones)
    assert left(serving + spare) >= serving
    assert left(serving + spare - 1) < serving
    assert across(serving, 1) == 0


@given(serving=st.integers(2, 30), survival=st.floats(0.8, 0.999), allowed=st.floats(1e-4, 0.2))
def test_spot_spares_keep_the_chance_allowed(serving: int, survival: float, allowed: float) -> None:
    """P(too few are left) is within what is allowed, and above it with one spare fewer; no more than as many again."""
    spare = beyond(serving, survival, allowed)
    assert spare <= serving
    if spare < serving:
        assert lost(serving + spare, spare, survival)[0] <= allowed
    if spare > 0:
        assert lost(serving + spare - 1, spare - 1, survival)[0] > allowed


def test_losses_are_binomial() -> None:
    """Chance and expected number missing, against 200,000 draws."""
    draws = np.random.default_rng(2).binomial(12, 0.1, 200_000)
    over, missing = lost(12, 2, 0.9)
    assert over == pytest.approx((draws > 2).mean(), abs=0.005)
    assert missing == pytest.approx(np.maximum(0, draws - 2).mean(), abs=0.005)
    assert lost(5, 1, 1.0) == (0.0, 0.0)
    assert lost(5, 1, 0.0) == (1.0, 4.0)
