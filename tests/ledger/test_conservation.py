"""Money and predictions are conserved in every breakdown (invariants 1 and 2), and order never shows (invariant 3)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.ledger.allot import UNATTRIBUTED, allot, balance
from breakeven.ledger.cut import STATUSES
from breakeven.ledger.engine.port import DIMENSIONS
from breakeven.ledger.statement import conserved
from breakeven.schema.journal import Record
from breakeven.schema.record import Capacity, Prediction
from breakeven.schema.statement import Statement

Ledgers = st.SearchStrategy[list[Record]]
ADDITIVE = ("predictions", "answered", "in_budget", "unobserved", "unpriced", "cost_pico_usd", "served_cost_pico_usd")
MORE = ("idle_pico_usd", "unobserved_cost_pico_usd", "input_tokens", "output_tokens", "emulated")


@settings(max_examples=80)
@given(data=st.data())
def test_every_breakdown_and_every_waterfall_sums_to_its_total(data: st.DataObject, make, ledgers: Ledgers) -> None:
    """Idle, over-attribution and what belongs to nobody are rows, so that nothing is missing."""
    found = make.statement(data.draw(ledgers))
    for dimension in DIMENSIONS:
        cuts = [one for one in found.cuts if one.dimension == dimension]
        for name in ADDITIVE + MORE:
            assert sum(getattr(one, name) for one in cuts) == getattr(found.total, name), (dimension, name)
    for one in (found.total, *(one for one in found.cuts if one.dimension == "use_case")):
        assert sum(step.cost_pico_usd for step in one.waterfall) == one.cost_pico_usd
        assert sum(step.predictions or 0 for step in one.waterfall) == one.predictions
    assert found.waterfall == found.total.waterfall
    assert found.conserved


@settings(max_examples=80)
@given(data=st.data())
def test_the_total_is_what_was_charged(data: st.DataObject, make, ledgers: Ledgers) -> None:
    """Capacity whether used or not, plus every charge that is no share of it; idle is never negative."""
    records = data.draw(ledgers)
    found = make.statement(records)
    capacity = sum(one.cost_pico_usd for one in records if isinstance(one, Capacity))
    charged = sum(one.cost_pico_usd or 0 for one in records if isinstance(one, Prediction))
    work = found.capacity_pico_usd - found.idle_pico_usd - found.over_attributed_pico_usd
    assert found.capacity_pico_usd == capacity
    assert found.direct_pico_usd + work == charged
    assert found.cost_total_pico_usd == capacity + charged - work
    assert found.idle_pico_usd >= 0 >= found.over_attributed_pico_usd
    assert all(one.idle_pico_usd >= 0 for one in found.cuts)


@settings(max_examples=50)
@given(data=st.data())
def test_every_prediction_ends_in_one_status(data: st.DataObject, make, ledgers: Ledgers) -> None:
    """Arrived = answered + cached + fallback + refused + failed + cancelled."""
    records = data.draw(ledgers)
    found = make.statement(records)
    assert found.predictions == sum(isinstance(one, Prediction) for one in records)
    assert sum(found.total.statuses.values()) == found.predictions
    assert set(found.total.statuses) <= set(STATUSES)


@settings(max_examples=60)
@given(data=st.data())
def test_order_and_repetition_never_show(
    data: st.DataObject, make, ledgers: Ledgers, to_bytes: Callable[[Statement], bytes]
) -> None:
    """Records in any order, any of them any number of times, give the same bytes."""
    records = data.draw(ledgers)
    again = data.draw(st.lists(st.sampled_from(records), max_size=8)) if records else []
    shuffled = data.draw(st.permutations([*records, *again]))
    assert to_bytes(make.statement(shuffled)) == to_bytes(make.statement(records))


@settings(max_examples=40)
@given(data=st.data())
def test_use_cases_alone_sum_to_everybody(data: st.DataObject, make, ledgers: Ledgers) -> None:
    """A statement of one use case has its charges and the capacity that follows its work; together they are all."""
    records = data.draw(ledgers)
    whole = make.statement(records)
    names = [one.key for one in whole.cuts if one.dimension == "use_case"]
    parts = [make.statement(records, use_case=name) for name in names]
    assert sum(one.cost_total_pico_usd for one in parts) == whole.cost_total_pico_usd
    assert sum(one.predictions for one in parts) == whole.predictions
    assert all(one.conserved for one in parts)
    for name, one in zip(names, parts, strict=True):
        assert one.total.cost_pico_usd == make.cut(whole, "use_case", name).cost_pico_usd


@settings(max_examples=40)
@given(data=st.data())
def test_two_halves_of_a_period_have_all_its_predictions(data: st.DataObject, make, ledgers: Ledgers) -> None:
    """A bound belongs to the later half only."""
    records, border = data.draw(ledgers), make.t0 + data.draw(st.integers(0, 7200))
    early, late = make.statement(records, end_s=border), make.statement(records, start_s=border)
    whole = make.statement(records)
    assert early.predictions + late.predictions == whole.predictions
    assert early.capacity_pico_usd + late.capacity_pico_usd == whole.capacity_pico_usd


def test_idle_of_an_hour_without_work_goes_to_the_same_day(make) -> None:
    """The night's idle follows the day's work; only a deployment nobody used belongs to nobody."""
    records = [
        make.prediction(1, work_s=1.0, cost_pico_usd=10**6, tenant="a"),
        make.capacity(0, 10),
        make.capacity(3600 + 10, 3600 + 20),
        make.capacity(0, 10, deployment="spare", model="big"),
    ]
    found = make.statement(records)
    assert make.cut(found, "tenant", "a").cost_pico_usd == 20 * 10**6
    assert make.cut(found, "deployment", "spare").cost_pico_usd == 10 * 10**6
    nobody = make.cut(found, "use_case", UNATTRIBUTED)
    assert (nobody.predictions, nobody.cost_pico_usd, nobody.useful) == (0, 10 * 10**6, None)
    assert make.cut(found, "model", "big").idle_pico_usd == 10 * 10**6


def test_work_beyond_capacity_is_a_negative_row(make) -> None:
    """Fifteen seconds of work on ten of capacity: money adds up to what was paid, and the report says so."""
    records = [make.prediction(1, work_s=15.0, cost_pico_usd=15 * 10**6), make.capacity(0, 10)]
    found = make.statement(records)
    steps = {step.name: step.cost_pico_usd for step in found.waterfall}
    assert steps == {"idle": 0, "over_attributed": -5 * 10**6, "not_used": 15 * 10**6}
    assert found.cost_total_pico_usd == 10 * 10**6
    assert found.total.served_cost_pico_usd == 10 * 10**6
    assert "work exceeded capacity" in " ".join(found.warnings)


def test_a_charge_under_a_policy_without_capacity_is_direct(make) -> None:
    """Work priced by the token under one policy is not taken for a share of capacity metered under another."""
    records = [
        make.prediction(1, work_s=5.0, cost_pico_usd=77, policy_id="tokens"),
        make.capacity(0, 10, policy_id="rented"),
    ]
    found = make.statement(records)
    assert found.direct_pico_usd == 77
    assert found.idle_pico_usd == 10 * 10**6


def test_token_fees_beside_capacity_are_not_idle(make) -> None:
    """A deployment may cost by the token and by the hour: only the work is taken out of capacity."""
    records = [make.prediction(1, work_s=2.0, cost_pico_usd=2 * 10**6 + 500), make.capacity(0, 10)]
    found = make.statement(records)
    assert (found.direct_pico_usd, found.idle_pico_usd) == (500, 8 * 10**6)
    assert found.cost_total_pico_usd == 10 * 10**6 + 500


def test_conserved_is_computed_not_assumed(make) -> None:
    """A breakdown that lost a unit is noticed, whichever it is."""
    found = make.statement([make.prediction(1, work_s=1.0, cost_pico_usd=10**6), make.capacity(0, 10)])
    money = balance((), ())
    assert not conserved(money, found.total, found.cuts)
    for at, one in enumerate(found.cuts):
        wrong = msgspec.structs.replace(one, cost_pico_usd=one.cost_pico_usd - 1)
        cuts = (*found.cuts[:at], wrong, *found.cuts[at + 1 :])
        assert not conserved(_money(found), found.total, cuts)
    assert conserved(_money(found), found.total, found.cuts)


def _money(found: Statement):
    return msgspec.structs.replace(
        balance((), ()),
        capacity_pico_usd=found.capacity_pico_usd,
        direct_pico_usd=found.direct_pico_usd,
        work_pico_usd=found.capacity_pico_usd - found.idle_pico_usd - found.over_attributed_pico_usd,
        idle_pico_usd=found.idle_pico_usd,
        over_pico_usd=found.over_attributed_pico_usd,
    )


def test_nothing_is_shared_out_of_nothing() -> None:
    """An empty ledger costs nothing and has no shares."""
    assert allot((), ()) == ()
    assert balance((), ()).total_pico_usd == 0
