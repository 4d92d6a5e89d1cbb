"""Laws of differences: nothing differs from itself, going back undoes going there, and nothing else is reported."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.diff import diff, diff_dates, inverse
from breakeven.catalog.find import index
from breakeven.catalog.layer import Layer, stack
from breakeven.catalog.load import load, shipped
from breakeven.catalog.snapshot import Snapshot, merge
from breakeven.catalog.view import change_rows
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer, PriceTier

dates = st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 5)).map(dt.date.isoformat)
facts = st.builds(
    Fact,
    key=st.sampled_from(["a/x", "a/y", "b/z"]),
    value=st.none() | st.floats(0, 10),
    unit=st.sampled_from(["W", "USD/GB"]),
    source=st.sampled_from(["s", "t"]),
    as_of=dates,
    note=st.sampled_from(["", "n"]),
)
offers = st.builds(
    Offer,
    id=st.sampled_from(["o", "p"]),
    provider=st.just("x"),
    kind=st.just("api"),
    valid_from=dates,
    source=st.just("s"),
    input_usd_per_mtok=st.none() | st.floats(0.1, 10),
    output_usd_per_mtok=st.none() | st.floats(0.1, 10),
)
states = st.builds(
    lambda stated, sold: merge([Snapshot(facts=tuple(stated), offers=tuple(sold))]),
    st.lists(facts, max_size=5),
    st.lists(offers, max_size=5),
)


@given(state=states)
def test_nothing_differs_from_itself(state: Snapshot) -> None:
    """diff(a, a) is empty, of snapshots, of catalogs, and of a catalog with its snapshot."""
    assert diff(state, state) == ()
    assert diff(index(state), state) == ()


@given(a=states, b=states)
def test_back_undoes_there(a: Snapshot, b: Snapshot) -> None:
    """diff(b, a) is the inverse of diff(a, b), change by change, and the inverse of an inverse is the change."""
    there = diff(a, b)
    assert diff(b, a) == tuple(inverse(change) for change in there)
    assert tuple(inverse(inverse(change)) for change in there) == there


@given(a=states, b=states)
def test_the_changes_lead_from_one_to_the_other(a: Snapshot, b: Snapshot) -> None:
    """Applying the changes to the values of the first state gives the values of the second."""
    found = {change.key: change for change in diff(a, b)}
    before, after = ({change.key: change.after for change in diff(Snapshot(), state)} for state in (a, b))
    moved = {key: found[key].after if key in found else fact for key, fact in (before | after).items()}
    values = {key: fact.value for key, fact in moved.items() if fact is not None}
    assert values == {key: fact.value for key, fact in after.items() if fact is not None}


@given(state=states, on=dates, until=dates)
def test_dates_differ_as_prices_do(state: Snapshot, on: str, until: str) -> None:
    """Between two days exactly those prices differ that an asker is told differently."""
    known = index(state)
    told = [
        {
            (offer.id, fact.key.rpartition("/")[2]): fact
            for offer in known.offers(on=day)
            for fact in known.facts_of(offer)
        }
        for day in (on, until)
    ]
    keys = {tuple(change.key.split("/")[1:]) for change in diff_dates(known, on, until)}
    assert keys == {key for key in told[0].keys() | told[1].keys() if told[0].get(key) != told[1].get(key)}
    assert diff_dates(known, on, on) == ()


def test_a_rise_is_shown_with_both_values_dates_and_per_cent() -> None:
    """claude-sonnet-5 rose by a half on 2026-09-01."""
    found = {change.key: change for change in diff_dates(load(), "2026-08-31", "2026-09-01")}
    rise = found["offer/api-anthropic-claude-sonnet-5/input_usd_per_mtok"]
    assert rise.percent == pytest.approx(50)
    (row,) = change_rows([rise])
    assert (row["before"], row["after"], row["unit"]) == (2.0, 3.0, "USD/Mtok")
    assert row["after_as_of"] == "2026-09-01"
    assert "value" in str(row["fields"])


def test_a_new_entry_is_added_and_changes_none() -> None:
    """Between two states an appended price is one addition for each of its figures, and past prices are unchanged."""
    newer = msgspec.structs.replace(
        load().offer("lambda-h100-sxm-8x-on-demand", "2026-11-20"), valid_from="2026-11-20", usd_per_hour=25.0
    )
    (change,) = diff(shipped(), merge([shipped(), Snapshot(offers=(newer,))]))
    assert (change.what, change.key) == ("added", "offer/lambda-h100-sxm-8x-on-demand@2026-11-20/usd_per_hour")
    assert change.percent is None


def test_a_changed_unit_has_no_per_cent() -> None:
    """A kW beside a W is a change, and no rise by 100,000 %."""
    watt = Fact(key="a/b", value=1.0, unit="kW", source="s", as_of="2026")
    (change,) = diff(Snapshot(facts=(watt,)), Snapshot(facts=(msgspec.structs.replace(watt, value=1e3, unit="W"),)))
    assert set(change.fields) == {"value", "unit"}
    assert change.percent is None


def test_a_tier_is_a_price_that_can_change() -> None:
    """The price above a length of input is compared like any other."""
    tier = PriceTier(above_input_tokens=200_000, input_usd_per_mtok=4.0)
    offer = Offer(
        id="o", provider="x", kind="api", valid_from="2026-01-01", source="s", input_usd_per_mtok=2.0, tiers=(tier,)
    )
    dearer = msgspec.structs.replace(offer, tiers=(msgspec.structs.replace(tier, input_usd_per_mtok=5.0),))
    (change,) = diff(Snapshot(offers=(offer,)), Snapshot(offers=(dearer,)))
    assert change.percent == pytest.approx(25)


def test_layers_are_states_too() -> None:
    """What a user's file changes is the difference between the catalog without and with it."""
    own = Fact(key="assumption/pue", value=1.2, unit="ratio", source="our hall", as_of="2026-10-01", basis="assumption")
    laid = stack([Layer(name="shipped", snapshot=shipped()), Layer(name="user", snapshot=Snapshot(facts=(own,)))])
    (change,) = diff(load(), index(laid.snapshot, laid))
    assert change.key == "assumption/pue"
    assert change.after is not None
    assert change.after.layer == "user"


def test_a_day_that_is_none_is_refused() -> None:
    """A difference between dates needs two dates."""
    with pytest.raises(FactError, match="spring"):
        diff_dates(load(), "2026-11-24", "spring")
