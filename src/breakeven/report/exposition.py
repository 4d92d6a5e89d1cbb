"""A statement as Prometheus metrics, for a textfile folder or a scrape. What is not known is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.statement import Cut, Statement
from breakeven.wire.prometheus_text import Sample, write


class Named(Noun, frozen=True, kw_only=True):
    """A metric of the ledger; all are gauges, as a statement may be of any period."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


def _named(*named: Named) -> dict[str, Named]:
    return {one.name: one for one in named}


CUTS = {"use_case": "use_case", "tenant": "tenant", "deployment": "deployment", "model": "model"}
NAMED = _named(
    Named(name="breakeven_ledger_cost_usd", help="Everything the ledger holds, idle included."),
    Named(name="breakeven_ledger_idle_cost_usd", help="Capacity that stood idle."),
    Named(name="breakeven_ledger_capacity_cost_usd", help="Capacity, used or not."),
    Named(name="breakeven_ledger_predictions", help="Predictions in the statement."),
    Named(name="breakeven_ledger_useful_predictions", help="Predictions that were useful; absent: not measurable."),
    Named(name="breakeven_ledger_useful_share", help="Useful of all predictions, 0 to 1."),
    Named(name="breakeven_ledger_cost_per_useful_prediction_usd", help="Cost of one useful prediction."),
    Named(name="breakeven_ledger_unpriced_predictions", help="Predictions without a price: costs are a lower bound."),
    Named(name="breakeven_ledger_lost_records", help="Records missing from their node's sequence."),
    Named(name="breakeven_ledger_conserved", help="1 while every breakdown sums to the total."),
    Named(name="breakeven_ledger_cut_cost_usd", help="Cost of a group, idle included.", labels=("by", "key")),
    Named(name="breakeven_ledger_cut_predictions", help="Predictions of a group.", labels=("by", "key")),
    Named(name="breakeven_ledger_cut_useful_predictions", help="Useful ones of a group.", labels=("by", "key")),
    Named(name="breakeven_ledger_cut_cost_per_useful_prediction_usd", help="Cost of a useful one in a group.",
          labels=("by", "key")),
    Named(name="breakeven_ledger_end_timestamp_seconds", help="The end of the statement's period, Unix time."),
)  # fmt: skip
"""Every metric of the ledger; dashboards may ask for these and a gateway's only."""

_TOTAL: dict[str, Callable[[Statement], float | None]] = {
    "breakeven_ledger_cost_usd": lambda one: usd_from_pico(one.cost_total_pico_usd),
    "breakeven_ledger_idle_cost_usd": lambda one: usd_from_pico(one.idle_pico_usd),
    "breakeven_ledger_capacity_cost_usd": lambda one: usd_from_pico(one.capacity_pico_usd),
    "breakeven_ledger_predictions": lambda one: one.predictions,
    "breakeven_ledger_useful_predictions": lambda one: one.useful_predictions,
    "breakeven_ledger_useful_share": lambda one: _share(one.useful_predictions, one.predictions),
    "breakeven_ledger_cost_per_useful_prediction_usd": lambda one: one.cost_per_useful_prediction_usd.value,
    "breakeven_ledger_unpriced_predictions": lambda one: one.total.unpriced,
    "breakeven_ledger_lost_records": lambda one: one.lost,
    "breakeven_ledger_conserved": lambda one: float(one.conserved),
    "breakeven_ledger_end_timestamp_seconds": lambda one: one.end_s,
}
_CUT: dict[str, Callable[[Cut], float | None]] = {
    "breakeven_ledger_cut_cost_usd": lambda one: usd_from_pico(one.cost_pico_usd),
    "breakeven_ledger_cut_predictions": lambda one: one.predictions,
    "breakeven_ledger_cut_useful_predictions": lambda one: one.useful,
    "breakeven_ledger_cut_cost_per_useful_prediction_usd": lambda one: one.cost_per_useful_prediction_usd.value,
}


def _share(part: int | None, whole: int) -> float | None:
    return None if part is None or not whole else part / whole


def exposition(statement: Statement) -> str:
    """The text of all metrics, format 0.0.4."""
    return "".join(_metric(one, samples) for one in NAMED.values() if (samples := list(_samples(one, statement))))


def _metric(named: Named, samples: Iterable[Sample]) -> str:
    return f"# HELP {named.name} {named.help}\n# TYPE {named.name} gauge\n{write(samples)}"


def _samples(named: Named, statement: Statement) -> Iterator[Sample]:
    if named.name in _TOTAL:
        value = _TOTAL[named.name](statement)
        if value is not None:
            yield Sample(named.name, {}, float(value))
        return
    for cut in statement.cuts:
        value = _CUT[named.name](cut) if cut.dimension in CUTS else None
        if value is not None:
            yield Sample(named.name, {"by": cut.dimension, "key": cut.key}, float(value))
