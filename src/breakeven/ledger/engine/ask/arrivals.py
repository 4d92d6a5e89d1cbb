"""Arrivals and samples: what simulations and intervals are fed with."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import Values, asked, delivered
from breakeven.ledger.engine.port import SAMPLE_LIMIT


def arrivals(values: Values) -> ibis.Table:
    """When requests came and how large they were."""
    p = asked(values).order_by("time_s", "prediction_id")
    tokens = {name: p[f"served_{name}"].cast("float64") for name in ("input_tokens", "output_tokens")}
    return p.select("time_s", **tokens)


def samples(values: Values, metric: str) -> ibis.Table:
    """The sorted values of one latency, thinned evenly above the limit."""
    p = asked(values)
    v = p.filter(p[metric].notnull(), delivered(p)).select(value=p[metric])
    ranked = v.mutate(
        place=ibis.row_number().over(ibis.window(order_by=v.value)),
        step=ibis.greatest(1, (v.count().over(ibis.window()) / SAMPLE_LIMIT).ceil().cast("int64")),
    )
    return ranked.filter(ranked.place % ranked.step == 0).select("value").order_by("value")
