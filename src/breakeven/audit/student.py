"""Student's t without a statistics library: its tails by the incomplete beta function.

Abramowitz and Stegun 26.7.1 and 26.5.8 (continued fraction, evaluated by Lentz's method).
"""

from __future__ import annotations

import math

_TINY = 1e-300
_CLOSE = 1e-14
_STEPS = 500


def two_sided_p(t: float, df: float) -> float:
    """The chance of a |t| at least as large with `df` degrees of freedom.

    Raises:
        ValueError: `df` is not positive.
    """
    if df <= 0:
        message = f"Student's t needs degrees of freedom, got {df}"
        raise ValueError(message)
    if math.isinf(t):
        return 0.0
    return incomplete_beta(df / 2, 0.5, df / (df + t * t))


def two_sided_quantile(p: float, df: float) -> float:
    """The t whose two-sided tails hold `p`, by bisection to 1e-9.

    Raises:
        ValueError: `p` is not inside 0..1.
    """
    if not 0 < p < 1:
        message = f"a two-sided level lies inside 0..1, got {p}"
        raise ValueError(message)
    low, high = 0.0, 1.0
    while two_sided_p(high, df) > p:
        high *= 2
    while high - low > 1e-9 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, df) > p else (low, middle)
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        for step in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                     -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):  # fmt: skip
            d = 1.0 / _away(1 + step * d)
            c = _away(1 + step / c)
            found *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
