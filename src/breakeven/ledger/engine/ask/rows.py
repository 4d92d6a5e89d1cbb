"""Predictions with what outcomes and capacity say about them: the twin of `engine.fate`."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.attribution import flags
from breakeven.ledger.engine.ask.tables import MEASURES, WHOLE, C, Values, asked, delivered, rint

_FLAGS = ("exposed", "touched", "converted", "unobserved")
_LARGE = 9.2e18
_PLAIN = ("time_s", "use_case", "tenant", "model", "arm", "deployment", "status", "in_budget", "emulated", "subject")
_MORE = (
    "session",
    "cost_pico_usd",
    "cost_basis",
    "served_input_tokens",
    "served_output_tokens",
    "energy_kwh",
    "energy_basis",
)


def judged(values: Values, *, subjects: bool) -> ibis.Table:
    """Every prediction asked about, with its fate's ingredients, its share of capacity and its revenue."""
    t = _measured(_rated(_flagged(values, subjects=subjects)))
    served = delivered(t)
    used = t.used_when.cases(
        ("delivered", served),
        ("outcome", served & t.touched),
        ("exposure", served & (t.exposed | t.touched)),
        else_=ibis.null("boolean"),
    )
    return t.mutate(
        was_used=used,
        delivered=served,
        unpriced=t.cost_pico_usd.isnull() & (t.status != "refused"),
        work_pico_usd=_work(t),
    )


def fate(t: ibis.Table) -> ibis.Value:
    """What became of a judged prediction."""
    return ibis.cases(
        (t.unobserved, "unobserved"),
        (~t.delivered, "not_served"),
        (~t.in_budget, "late"),
        (t.was_used.isnull(), "not_measurable"),
        ((t.subject == "") & (t.session == ""), "unidentified"),
        (~t.was_used, "not_used"),
        (t.converted, "converted"),
        else_="used",
    )


def _flagged(values: Values, *, subjects: bool) -> ibis.Table:
    p, f = asked(values), flags(subjects=subjects, money=True)
    joined = p.left_join(f, (p.prediction_id == f.target) & (p.tenant == f.tenant))
    said = {name: joined[name].fill_null(False) for name in _FLAGS}
    money = joined.revenue_micro.coalesce(ibis.literal(0).cast(WHOLE))
    return joined.select(*_PLAIN, *_MORE, "policy_id", "work_s", **said, revenue_micro=money)


def _rated(t: ibis.Table) -> ibis.Table:
    rates = C.group_by(owner=C.deployment, under=C.policy_id).aggregate(rate=C.pico_usd_per_replica_s.max())
    joined = t.left_join(rates, (t.deployment == rates.owner) & (t.policy_id == rates.under))
    return joined.select(*t.columns, "rate")


def _measured(t: ibis.Table) -> ibis.Table:
    m = MEASURES.select("used_when", measured="use_case")
    joined = t.left_join(m, t.use_case == m.measured)
    return joined.select(*t.columns, used_when=joined.used_when.coalesce("unmeasured"))


def _work(t: ibis.Table) -> ibis.Value:
    """What the work of a prediction is worth at its deployment's rate, at most what it cost."""
    worth = t.work_s * t.rate.cast("float64")
    return ibis.cases(
        (worth.isnull() | t.cost_pico_usd.isnull(), 0),
        (worth < _LARGE, ibis.least(t.cost_pico_usd, rint(worth).cast("int64"))),
        else_=t.cost_pico_usd,
    )
