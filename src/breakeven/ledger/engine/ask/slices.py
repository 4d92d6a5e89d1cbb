"""Slices: what deployments did in slices of time."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import (
    Values,
    asked,
    floor,
    json_array_length,
    sequence,
    total,
    whole,
)
from breakeven.ledger.engine.port import LONGEST_S, NANO
from breakeven.ledger.engine.slices import BUSY, FIRST_S, LAST_S

_KEY = ["deployment", "slice"]
_OTHER = ("cached", "cancelled", "failed", "fallback", "refused")
_TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens")


def slices(values: Values) -> ibis.Table:
    """One row for each deployment and slice of `width_s`, in the order of `port.Slice`."""
    stays = _stays(values)
    width_s = values["width_s"]
    placed = stays.mutate(first=floor(stays.from_s / width_s), last=floor(stays.to_s / width_s))
    busy, ended = _busy(placed, width_s), _ended(placed)
    keys = ibis.union(busy.select(*_KEY), ended.select(*_KEY), distinct=True)
    found = keys.left_join(busy, _KEY).left_join(ended, _KEY)
    names = [name for name in ended.columns if name not in _KEY]
    return found.select(*_KEY, "busy_ns", *names).order_by(*_KEY)


def _stays(values: Values) -> ibis.Table:
    """One prediction for each request, the first of its sequence, with the time in which it was in flight."""
    p = asked(values)
    p = p.filter(p.time_s >= FIRST_S, p.time_s < LAST_S)
    request = [p.deployment, p.node, p.request_id, p.time_s]
    order = ibis.window(group_by=request, order_by=[p.sequence, p.prediction_id])
    p = p.mutate(place=ibis.row_number().over(order))
    p = p.filter(p.place == 0)
    answered = p.status == "answered"
    again = json_array_length(p.attempts).fill_null(0) > 1
    return p.select(
        "deployment",
        "status",
        "model",
        "emulated",
        "ttft_s",
        "tpot_s",
        **{name: p[f"served_{name}"] for name in _TOKENS},
        finished=answered & ~again,
        retried=answered & again,
        from_s=p.time_s,
        to_s=p.time_s + ibis.least(ibis.greatest(p.total_s, 0.0), LONGEST_S),
    )


def _busy(placed: ibis.Table, width_s: ibis.Value) -> ibis.Table:
    kept = placed.filter(placed.status.isin(BUSY))
    parts = kept.select("deployment", "from_s", "to_s", slice=sequence(kept["first"], kept["last"]).unnest())
    edge = parts.slice.cast("float64")
    inside_s = ibis.least(parts.to_s, (edge + 1.0) * width_s) - ibis.greatest(parts.from_s, edge * width_s)
    parts = parts.mutate(ns=whole(inside_s, NANO))
    return parts.group_by(*_KEY).aggregate(busy_ns=total(parts.ns))


def _ended(placed: ibis.Table) -> ibis.Table:
    t = placed.mutate(slice=placed["last"])
    done = t.finished
    found = {"finished": t.count(where=done), "emulated": t.count(where=done & t.emulated)}
    found |= {name: t.count(where=t.status == name) for name in _OTHER}
    found["retried"] = t.count(where=t.retried)
    for name in ("ttft", "tpot"):
        value = t[f"{name}_s"]
        found |= {f"{name}_n": value.count(where=done), f"{name}_ns": total(whole(value, NANO), done)}
    found |= {name: total(t[name], done) for name in _TOKENS}
    found |= {"model_low": t.model.min(where=done), "model_high": t.model.max(where=done)}
    return t.group_by(*_KEY).aggregate(**found)
