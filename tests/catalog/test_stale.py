"""Laws of age: a figure is used with a warning from the day after its limit on, and the warning says how old it is."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.catalog.stale import LIMIT_DAYS, age_days, age_warning, limit_days
from breakeven.catalog.view import rows
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

DAY = dt.date(2026, 11, 24)
days = st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1))
KINDS = {"api": "on_demand", "accelerator_hour": "spot", "cpu_hour": "on_demand", "server_purchase": "purchase"}


def offer(since: dt.date, kind: str = "api", term: str = "on_demand", valid_to: str = "") -> Offer:
    return Offer(
        id="o", provider="x", kind=kind, source="s", valid_from=since.isoformat(), term=term, valid_to=valid_to
    )


@given(since=days, age=st.integers(-400, 800), kind=st.sampled_from(sorted(KINDS)))
def test_a_price_is_stale_from_the_day_after_its_limit(since: dt.date, age: int, kind: str) -> None:
    """A warning is given exactly when a price is older than the limit of its kind, and names that age."""
    warning = age_warning(offer(since, kind, KINDS[kind]), (since + dt.timedelta(days=age)).isoformat())
    assert bool(warning) == (age > LIMIT_DAYS[kind])
    assert not warning or (f"{age} days old" in warning and since.isoformat() in warning)


@given(since=days, a=st.integers(0, 2000), b=st.integers(0, 2000))
def test_nothing_gets_fresher(since: dt.date, a: int, b: int) -> None:
    """What is stale on a day is stale on every later one."""
    early, late = (age_warning(offer(since), (since + dt.timedelta(days=n)).isoformat()) for n in sorted((a, b)))
    assert late or not early


def test_commitments_age_slower_than_spot() -> None:
    """A yearly price is quoted for longer than one on demand; every limit is at least the 90 days of list prices."""
    assert limit_days(offer(DAY, "accelerator_hour", "reserved_3y")) == 180
    assert limit_days(offer(DAY, "accelerator_hour", "spot")) == 90
    assert min(LIMIT_DAYS.values()) == 90


def test_a_price_with_an_end_holds_until_then() -> None:
    """A quote that says how long it is good does not age before, and is reported from its end on."""
    quote = offer(dt.date(2024, 1, 1), valid_to="2026-11-24")
    assert age_warning(quote, "2026-11-23") == ""
    assert "ended on 2026-11-24" in age_warning(quote, "2026-11-24")


@pytest.mark.parametrize(
    ("since", "age"), [("2026-11-01", 23), ("2026-10", 24), ("2025", 328), ("2025-12", 328), ("2024-02", 999)]
)
def test_a_month_or_year_ages_from_its_end(since: str, age: int) -> None:
    """Where the source names only month or year, the figure is at least as old as from their last day."""
    assert age_days(since, DAY.isoformat()) == age


def test_specifications_do_not_age() -> None:
    """The memory of an accelerator of 2017 is what it was; the price of electricity is not."""
    board = Fact(key="accelerator/x/memory_bytes", value=1.0, unit="byte", source="s", as_of="2017")
    power = Fact(key="electricity/DEU/usd_per_kwh", value=0.2, unit="USD/kWh", source="s", as_of="2017")
    assert age_warning(board, DAY.isoformat()) == ""
    assert age_warning(power, DAY.isoformat()).startswith("price is of 2017")


def test_a_list_shows_the_age_of_what_it_lists() -> None:
    """The row of a stale offer carries its warning; on the day it began there is none."""
    for day in ("2026-08-21", "2026-11-24"):
        row = next(row for row in rows(load(), "offers", day) if row["id"] == "api-openai-gpt-4o")
        assert bool(row["warning"]) == (age_days(str(row["valid_from"]), day) > 90)


def test_an_age_needs_a_day() -> None:
    """Asking on something that is no date says so."""
    with pytest.raises(FactError, match="today"):
        age_warning(offer(DAY), "today")
