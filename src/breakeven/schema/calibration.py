"""Fitted coefficients as data: a base, what each engine, accelerator, version or model adds, and measured errors."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Spread(Noun, frozen=True, kw_only=True):
    """80 % of rows that were not fitted had ln(measured / predicted) between `low` and `high`; `n` such rows.

    `metric` is throughput, tpot or ttft, `load` offline, closed or open; `unseen` names what of the deployment no
    fitted row had: nothing, version, model, accelerator or engine. `mape`, `median` and `p90` are absolute relative
    errors of the same rows.
    """

    metric: str
    load: str
    unseen: str
    low: float
    high: float
    n: int
    mape: float = 0.0
    median: float = 0.0
    p90: float = 0.0


class Calibration(Noun, frozen=True, kw_only=True):
    """`base` holds the coefficients by name; `effects[kind][level]` what ln(coefficient) gains at a level of a kind.

    Kinds and levels are those of `perf.effects`. `spreads` make the intervals. `n` rows of `source` were fitted.
    `progress` is what ln(time) of a serving engine's step gains in versions later than any fitted: engines get faster.
    """

    name: str
    base: dict[str, float]
    effects: dict[str, dict[str, dict[str, float]]]
    spreads: tuple[Spread, ...] = ()
    progress: float = 0.0
    n: int = 0
    source: str = ""
    licence: str = ""
    as_of: str = ""
