"""Useful: cost per useful prediction by use case and UTC day, of as few columns as that takes."""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.attribution import flags
from breakeven.ledger.engine.ask.tables import MEASURES, Values, asked, day, delivered, total


def useful(values: Values, *, subjects: bool = True) -> ibis.Table:
    """One row for each use case and day, in the order of `port.Useful`."""
    t = _rows(values, subjects=subjects)
    seen = ~t.unobserved
    groups = t.group_by("use_case", "day").aggregate(
        predictions=t.count(),
        observed=t.count(where=seen),
        unpriced=t.count(where=seen & t.unpriced),
        cost_pico_usd=total(t.cost_pico_usd, seen),
        served=t.count(where=seen & t.good),
        shown=t.count(where=seen & t.good & (t.exposed | t.touched)),
        acted=t.count(where=seen & t.good & t.touched),
    )
    return _judged(groups).order_by("use_case", "day")


def _rows(values: Values, *, subjects: bool) -> ibis.Table:
    # Judged by what is its own first, so that what outcomes say is joined to three columns and two flags.
    p = asked(values)
    good = delivered(p) & p.in_budget & ((p.subject != "") | (p.session != ""))
    unpriced = p.cost_pico_usd.isnull() & (p.status != "refused")
    p = p.select(
        "prediction_id", "tenant", "use_case", "cost_pico_usd", day=day(p.time_s), good=good, unpriced=unpriced
    )
    f = flags(subjects=subjects, money=False)
    t = p.left_join(f, (p.prediction_id == f.target) & (p.tenant == f.tenant))
    said = {name: t[name].fill_null(False) for name in ("exposed", "touched", "unobserved")}
    return t.select("use_case", "day", "cost_pico_usd", "good", "unpriced", **said)


def _judged(groups: ibis.Table) -> ibis.Table:
    m = MEASURES.select("used_when", measured="use_case")
    t = groups.left_join(m, groups.use_case == m.measured)
    used = t.used_when.cases(
        ("delivered", t.served), ("outcome", t.acted), ("exposure", t.shown), else_=ibis.null("int64")
    )
    return t.select("use_case", "day", "predictions", "observed", "unpriced", "cost_pico_usd", useful=used)
