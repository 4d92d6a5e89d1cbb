"""Laws of lookups: as of a day, by id, with hints."""

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.catalog.build import rewritten
from breakeven.catalog.check import check
from breakeven.catalog.find import Catalog, index
from breakeven.catalog.load import load
from breakeven.catalog.snapshot import Head, Snapshot, Unpriced, merge
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

dates = st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 31)).map(dt.date.isoformat)
CATALOG, DAY = load(), "2026-11-24"


def priced(valid_from: str, usd: float = 1.0, **changes: object) -> Offer:
    values = {"id": "x-1x-on-demand", "provider": "x", "kind": "accelerator_hour", "source": "test"}
    return Offer(valid_from=valid_from, usd_per_hour=usd, **(values | changes))


def catalog(*offers: Offer) -> Catalog:
    return index(merge([Snapshot(offers=offers)]))


@given(days=st.lists(dates, min_size=1, max_size=8, unique=True), on=dates, later=dates)
def test_later_entries_change_no_earlier_answer(days: list[str], on: str, later: str) -> None:
    """Appending an entry that begins after a day leaves the answer of that day as it was."""
    assume(later > on and later not in days)
    entries = [priced(day, position + 1.0) for position, day in enumerate(days)]
    before, after = catalog(*entries), catalog(*entries, priced(later, 99.0))
    assert before.offers(on=on) == after.offers(on=on)


@given(days=st.lists(dates, min_size=1, max_size=8, unique=True), on=dates)
def test_the_answer_is_the_latest_begun(days: list[str], on: str) -> None:
    """An offer's price on a day is that of the latest entry that began by then; before the first there is none."""
    found = catalog(*(priced(day) for day in days)).offers(on=on)
    begun = [day for day in days if day <= on]
    assert [offer.valid_from for offer in found] == ([max(begun)] if begun else [])


def test_an_ended_price_is_no_price() -> None:
    """The end of validity is exclusive, and an older entry does not come back after it."""
    known = catalog(priced("2026-01-01"), priced("2026-02-01", valid_to="2026-03-01"))
    assert known.offer("x-1x-on-demand", "2026-02-28").valid_from == "2026-02-01"
    with pytest.raises(FactError, match="no price on 2026-03-01"):
        known.offer("x-1x-on-demand", "2026-03-01")


def test_offers_are_narrowed() -> None:
    """Kind, model and accelerator each narrow the list; all are sorted by id."""
    api = CATALOG.offers(on=DAY, kind="api", model="llama-3.1-8b")
    assert {offer.provider for offer in api} >= {"groq", "together", "fireworks"}
    assert list(api) == sorted(api, key=lambda offer: offer.id)
    rented = CATALOG.offers(on=DAY, kind="accelerator_hour", accelerator="h100-sxm")
    assert {offer.accelerator for offer in rented} == {"h100-sxm"}
    assert len(rented) > 10


@pytest.mark.parametrize(
    ("look", "near"),
    [
        (lambda: CATALOG.accelerator("h100"), "h100-sxm"),
        (lambda: CATALOG.model("llama3.1-8b"), "llama-3.1-8b"),
        (lambda: CATALOG.offer("api-openai-gpt4o-mini", DAY), "api-openai-gpt-4o-mini"),
        (lambda: CATALOG.assumption("pu"), "assumption/pue"),
        (lambda: CATALOG.fact("offer/api-openai-gpt-4o-mini@2026-08-21/input"), "input_usd_per_mtok"),
    ],
)
def test_unknown_ids_name_their_nearest(look: object, near: str) -> None:
    """An unknown id is a FactError that proposes what was likely meant."""
    with pytest.raises(FactError) as caught:
        look()
    assert near in caught.value.way_out


def test_nothing_near_points_to_the_list() -> None:
    """An id like nothing in the catalog points to the command that lists it."""
    with pytest.raises(FactError) as caught:
        CATALOG.accelerator("zzzzzzzz")
    assert "catalog list" in caught.value.way_out


def test_a_date_is_a_date() -> None:
    """A lookup on something that is no date says so."""
    with pytest.raises(FactError, match="yesterday"):
        CATALOG.offers(on="yesterday")


def test_an_offer_of_an_unknown_accelerator_does_not_load() -> None:
    """An offer names an accelerator the catalog knows, else it is refused with the nearest."""
    with pytest.raises(FactError, match="h100-smx"):
        index(
            Snapshot(
                offers=(priced("2026-01-01", accelerator="h100-smx"),), accelerators=(Head(id="h100-sxm", name=""),)
            )
        )


def test_a_model_without_its_sizes_is_refused() -> None:
    """A model some of whose sizes nobody states cannot be planned with; the missing ones are named."""
    with pytest.raises(FactError, match="layers"):
        index(Snapshot(models=(Head(id="m", name="m"),))).model("m")


def test_the_later_part_wins() -> None:
    """A user's fact replaces the shipped one of the same key; a user's offer fills an unpriced id."""
    fact = Fact(key="assumption/pue", value=1.2, unit="ratio", source="our hall", as_of="2026-10-01")
    gap = Unpriced(id="x-1x-on-demand", kind="accelerator_hour", missing=("usd_per_hour",))
    before = Snapshot(facts=(CATALOG.assumption("pue"),), unpriced=(gap,))
    assert index(merge([before])).unpriced == (gap,)
    after = index(merge([before, Snapshot(facts=(fact,), offers=(priced("2026-01-01"),))]))
    assert after.assumption("pue").value == 1.2
    assert after.unpriced == ()


def test_history_is_appended_to_never_edited() -> None:
    """A changed or dropped past entry is found; a new entry is not a change."""
    old = Snapshot(offers=(priced("2026-01-01", 1.0), priced("2026-02-01", 2.0)))
    new = Snapshot(offers=(priced("2026-01-01", 1.5), priced("2026-03-01", 3.0)))
    assert rewritten(old, new) == ("x-1x-on-demand@2026-01-01", "x-1x-on-demand@2026-02-01")
    assert rewritten(old, merge([old, Snapshot(offers=(priced("2026-03-01"),))])) == ()


def test_planted_faults_are_flagged() -> None:
    """Stale, cache above input, far below peers, commitment dearer than on demand: each planted fault is found."""
    peers = [
        priced("2026-10-01", 10.0, id=f"p{n}-1x-on-demand", provider=f"p{n}", accelerator="h100-sxm") for n in range(3)
    ]
    known = index(
        Snapshot(
            accelerators=(Head(id="h100-sxm", name="H100"),),
            offers=(
                *peers,
                priced("2026-10-01", 2.0, accelerator="h100-sxm"),
                priced("2026-10-01", 11.0, id="p1-1x-reserved-1y", provider="p1", term="reserved_1y"),
                priced("2024-01-01", id="old"),
                priced("2026-10-01", None, id="a", kind="api", input_usd_per_mtok=1.0, cached_input_usd_per_mtok=2.0),
            ),
        )
    )
    assert [(issue.check, issue.offer) for issue in check(known, DAY)] == [
        ("stale", "old"),
        ("cache_above_input", "a"),
        ("below_peers", "x-1x-on-demand"),
        ("commitment_above_on_demand", "p1-1x-reserved-1y"),
    ]
