"""Which outcome belongs to which prediction: the twin of `engine.attribute`, without an ASOF join, which Spark has not.

Touches and the questions that events put to them are laid on one axis for each tenant, subject and use case: time for
the last touch, time backwards for the first. The greatest touch at or before a question is the one that it gets.
"""

from __future__ import annotations

import ibis

from breakeven.ledger.engine.ask.tables import MEASURES, WHOLE, E, P, bit_or, delivered, total, unique, whole
from breakeven.ledger.engine.port import DEFAULT_WINDOW_S, MICRO
from breakeven.ledger.people import KINDS

_TRAIL = ("tenant", "subject", "use_case")
_EVENT = ("tenant", "source", "event_id")


def events(o: ibis.Table = E) -> ibis.Table:
    """What attribution needs of outcomes. Subjects are persons already: see `ledger.people`."""
    o = o.filter(o.kind.notin(KINDS))
    names = ("kind", "time_s", "prediction_id", "subject", "use_case", "consent", "value", "currency")
    return o.select(*_EVENT, *names)


def touches(p: ibis.Table = P) -> ibis.Table:
    """Delivered predictions of known subjects, one for each instant, placed on their use case's axis."""
    seen = p.filter(delivered(p), p.subject != "").select(*_TRAIL, "time_s", "prediction_id", "consent")
    placed = _measured(seen)
    first = placed.touch == "first"
    placed = placed.mutate(at=ibis.ifelse(first, -placed.time_s, placed.time_s))
    groups = placed.group_by(*_TRAIL, "touch", "window_s", "time_s", "at").aggregate(
        low=placed.prediction_id.min(),
        high=placed.prediction_id.max(),
        low_consent=placed.consent.argmin(placed.prediction_id),
        high_consent=placed.consent.argmax(placed.prediction_id),
    )
    first = groups.touch == "first"
    return groups.select(
        *_TRAIL,
        "touch",
        "window_s",
        "at",
        touch_s=groups.time_s,
        target=ibis.ifelse(first, groups.low, groups.high),
        touch_consent=ibis.ifelse(first, groups.low_consent, groups.high_consent),
    )


def by_subject(e: ibis.Table, p: ibis.Table = P) -> ibis.Table:
    """Events that name no prediction and found one: their key, `target` and `denied`."""
    lost = e.filter(e.prediction_id == "", e.subject != "")
    near = touches(_of(p, lost))
    found = _matched(_questions(lost, near), near)
    order = ibis.window(group_by=[found[name] for name in _EVENT], order_by=[found.touch_s.desc(), found.target.desc()])
    best = found.mutate(place=ibis.row_number().over(order))
    return best.filter(best.place == 0).select(*_EVENT, "target", "denied")


def attributed(e: ibis.Table, p: ibis.Table = P) -> ibis.Table:
    """Key, `target` and `denied` of every event that found a prediction."""
    ids = p.select(target=p.prediction_id, owner=p.tenant)
    named = e.filter(e.prediction_id != "")
    named = named.join(ids, (named.prediction_id == ids.target) & (named.tenant == ids.owner))
    return ibis.union(named.select(*_EVENT, "target", denied=ibis.literal(False)), by_subject(e, p))


def flags(p: ibis.Table = P, *, subjects: bool, money: bool) -> ibis.Table:
    """What outcomes say about each prediction that they belong to, by tenant and `target`.

    `subjects`: some event names no prediction. `money`: revenue too.
    """
    e = events()
    named = e.filter(e.prediction_id != "").select("tenant", "kind", "value", "currency", target="prediction_id")
    if subjects:
        found = by_subject(e, p)
        rest = e.join(found.filter(~found.denied), list(_EVENT))
        named = ibis.union(named, rest.select("tenant", "kind", "value", "currency", "target"))
    if not money:
        return _briefly(named)
    said = {
        "exposed": (named.kind == "exposure").any(),
        "touched": named.kind.isin(["click", "conversion", "revenue"]).any(),
        "converted": named.kind.isin(["conversion", "revenue"]).any(),
        "unobserved": (named.kind == "unobserved").any(),
    }
    return named.group_by("tenant", "target").aggregate(**said, revenue_micro=_revenue(named))


def _briefly(t: ibis.Table) -> ibis.Table:
    """Exposed, touched, unobserved: one number while it is gathered."""
    bit = t.kind.cases(("exposure", 1), ("click", 2), ("conversion", 2), ("revenue", 2), ("unobserved", 4), else_=0)
    t = t.mutate(bit=bit.cast("int32")).group_by("tenant", "target").aggregate(bits=bit_or(ibis._.bit))
    names = {"exposed": 1, "touched": 2, "unobserved": 4}
    return t.select("tenant", "target", **{name: (t.bits & bit) != 0 for name, bit in names.items()})


def _revenue(t: ibis.Table) -> ibis.Value:
    home = t.currency.upper().isin(["", "USD"]) & t.value.notnull()
    micro = ibis.ifelse(home, whole(t.value, MICRO), ibis.literal(0).cast(WHOLE))
    paid, converted = t.kind == "revenue", t.kind == "conversion"
    return ibis.ifelse(paid.any(), total(micro, paid), total(micro, converted))


def _measured(t: ibis.Table) -> ibis.Table:
    m = MEASURES.select("window_s", "touch", measured="use_case")
    joined = t.left_join(m, t.use_case == m.measured)
    plain = {"window_s": joined.window_s.coalesce(DEFAULT_WINDOW_S), "touch": joined.touch.coalesce("last")}
    return joined.select(*t.columns, **plain)


def _of(p: ibis.Table, lost: ibis.Table) -> ibis.Table:
    """The predictions of subjects that some event asks for."""
    who = unique(lost, "tenant", "subject")
    return p.semi_join(who, (p.tenant == who.tenant) & (p.subject == who.subject))


def _questions(lost: ibis.Table, near: ibis.Table) -> ibis.Table:
    """Each event once for every use case that may have served its subject."""
    trails = unique(near, *_TRAIL, "touch", "window_s")
    trails = trails.select("touch", "window_s", owner="tenant", who="subject", place="use_case")
    fits = (lost.tenant == trails.owner) & (lost.subject == trails.who)
    joined = lost.join(trails, [fits, (lost.use_case == "") | (lost.use_case == trails.place)])
    opens_s = joined.time_s - joined.window_s
    return joined.select(
        *_EVENT,
        "subject",
        "consent",
        "touch",
        "time_s",
        use_case="place",
        opens_s=opens_s,
        at=ibis.ifelse(joined.touch == "first", -opens_s, joined.time_s),
    )


def _matched(questions: ibis.Table, near: ibis.Table) -> ibis.Table:
    """Each question with the touch that its use case offers, if that lies within the window."""
    nothing = ibis.null("string"), ibis.null("float64")
    axis = ibis.union(
        near.select(
            *_TRAIL,
            "at",
            touch_at="at",
            source=nothing[0],
            event_id=nothing[0],
            consent=nothing[0],
            time_s=nothing[1],
            opens_s=nothing[1],
        ),
        questions.select(
            *_TRAIL, "at", "source", "event_id", "consent", "time_s", "opens_s", touch_at=nothing[1]
        ).select(*_TRAIL, "at", "touch_at", "source", "event_id", "consent", "time_s", "opens_s"),
    )
    until = ibis.range_window(
        preceding=None, following=0, group_by=[axis[name] for name in _TRAIL], order_by=axis["at"]
    )
    axis = axis.mutate(touch_at=axis.touch_at.max().over(until))
    axis = axis.filter(axis.event_id.notnull(), axis.touch_at.notnull()).drop("at")
    there = near.select(*_TRAIL, "touch_s", "target", "touch_consent", touch_at="at")
    found = axis.join(there, [*_TRAIL, "touch_at"])
    held = (found.touch_s >= found.opens_s) & (found.touch_s <= found.time_s)
    denied = (found.consent == "denied") | (found.touch_consent == "denied")
    return found.filter(held).select(*_EVENT, "touch_s", "target", denied=denied)
