"""Laws of layers: the later wins, nothing it replaces is lost, and both values are shown."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.build import encode
from breakeven.catalog.find import Catalog, index
from breakeven.catalog.layer import Layer, stack
from breakeven.catalog.load import load, second, shipped
from breakeven.catalog.override import overrides
from breakeven.catalog.snapshot import Head, Snapshot, Source
from breakeven.catalog.view import override_rows, rows, show
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

DAY = "2026-11-24"
LISTED = "azure-nd96isr-v5-h100-on-demand"
QUOTE = f"""\
source: quotation 4711
offers:
  - {{id: {LISTED}, provider: azure, kind: accelerator_hour, accelerator: h100-sxm, count: 8, valid_from: 2026-06-01,
      usd_per_hour: 61.5}}
assumptions:
  pue: {{low: 1.15, base: 1.18, high: 1.2, unit: ratio, as_of: 2026-10-01}}
"""
dates = st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 31)).map(dt.date.isoformat)
prices = st.floats(0.1, 100)
names = st.sampled_from(["shipped", "refreshed", "user"])
ORDER = ("shipped", "refreshed", "user")


def offer(day: str, usd: float, **more: object) -> Offer:
    values = {"id": "x", "provider": "x", "kind": "accelerator_hour", "source": "test", "accelerator": "a"}
    return Offer(valid_from=day, usd_per_hour=usd, **(values | more))


def pue(value: float, as_of: str = "2026-01-01", **more: object) -> Fact:
    return Fact(key="assumption/pue", value=value, unit="ratio", source="test", as_of=as_of, **more)


def catalog(*layers: tuple[str, Snapshot]) -> Catalog:
    base = Snapshot(accelerators=(Head(id="a", name="A"),))
    laid = stack([Layer(name="shipped", snapshot=base), *(Layer(name=name, snapshot=part) for name, part in layers)])
    return index(laid.snapshot, laid)


@given(entries=st.lists(st.tuples(names, dates, prices), max_size=8), on=dates)
def test_the_users_own_price_holds_over_published_ones(entries: list[tuple[str, str, float]], on: str) -> None:
    """Whatever was published and when, the user's quote in force is the price; without one the latest published is."""
    ordered = sorted(entries, key=lambda entry: ORDER.index(entry[0]))
    known = catalog(*((name, Snapshot(offers=(offer(day, usd),))) for name, day, usd in ordered))
    found = {one.id: one for one in known.offers(on=on)}.get("x")
    begun = [(name, day, usd) for name, day, usd in ordered if day <= on]
    own = [entry for entry in begun if entry[0] == "user"]
    expected = max(own or begun, key=lambda entry: (entry[1],), default=None)
    assert (found is None) == (expected is None)
    if expected and found:
        last = [usd for name, day, usd in (own or begun) if day == expected[1]][-1]
        assert (found.valid_from, found.usd_per_hour) == (expected[1], last)


@given(entries=st.lists(st.tuples(names, dates, prices), max_size=8))
def test_nothing_replaced_is_lost(entries: list[tuple[str, str, float]]) -> None:
    """History is kept: each stated price is in force in its history, or beneath the entry that replaced it."""
    ordered = sorted(entries, key=lambda entry: ORDER.index(entry[0]))
    known = catalog(*((name, Snapshot(offers=(offer(day, usd),))) for name, day, usd in ordered))
    kept = [entry.usd_per_hour for history in known.history.values() for entry in history]
    under = [below.entry.usd_per_hour for found in known.beneath.values() for below in found]
    assert sorted([*kept, *under]) == sorted(usd for _, _, usd in entries)


def test_a_users_quote_shows_both_values(tmp_path: Path) -> None:
    """A quote for a published offer is used, marked as the user's, and the published price stands beside it."""
    path = tmp_path / "quote.yaml"
    path.write_text(QUOTE.replace("offers:", "as_of: 2026-06-01\noffers:", 1))
    known = load((path,))
    (used,) = known.facts_of(known.offer(LISTED, DAY))
    assert (used.value, used.layer, used.source) == (61.5, "user", "quotation 4711")
    price, assumed = sorted(overrides(known, DAY), key=lambda found: found.key, reverse=True)
    assert price.over is not None
    assert (price.used.value, price.over.value, price.over.layer) == (61.5, 98.32, "shipped")
    assert price.percent == pytest.approx(100 * (61.5 / 98.32 - 1))
    assert assumed.over is not None
    assert (assumed.used.value, assumed.over.value) == (1.18, 1.4)
    assert known.fact("assumption/pue").layer == "user"
    table = {row["key"]: row for row in override_rows(known, DAY)}
    assert table[f"offer/{LISTED}/usd_per_hour"]["published"] == 98.32
    assert {row["layer"] for row in rows(known, "offers", DAY)} == {"shipped", "user"}
    assert [row["value"] for row in show(known, LISTED, DAY)] == [61.5, 98.32]


def test_before_the_quote_the_list_price_holds(tmp_path: Path) -> None:
    """Look-ups are as of a day: a quote that had not begun changes no earlier answer."""
    path = tmp_path / "quote.yaml"
    path.write_text(QUOTE.replace("offers:", "as_of: 2026-06-01\noffers:", 1))
    assert load((path,)).offer(LISTED, "2026-05-31") == load().offer(LISTED, "2026-05-31")


def test_an_ended_quote_gives_way_to_the_list_price() -> None:
    """After the end of a quote the published price is back, also where the quote replaced its very entry."""
    known = catalog(
        ("shipped", Snapshot(offers=(offer("2026-01-01", 9.0),))),
        ("user", Snapshot(offers=(offer("2026-01-01", 5.0, valid_to="2026-03-01"),))),
    )
    assert known.offer("x", "2026-02-28").usd_per_hour == 5.0
    listed = known.offer("x", "2026-03-01")
    assert (listed.usd_per_hour, known.layer(listed)) == (9.0, "shipped")
    assert known.published("x", "2026-02-28") == listed


def test_a_refreshed_price_is_history_like_any_other() -> None:
    """A refreshed entry is found from its day on; before, the shipped one holds; it is no override of the user's."""
    known = catalog(
        ("shipped", Snapshot(offers=(offer("2026-01-01", 9.0),))),
        ("refreshed", Snapshot(offers=(offer("2026-02-01", 8.0),))),
    )
    assert [known.offer("x", day).usd_per_hour for day in ("2026-01-31", "2026-02-01")] == [9.0, 8.0]
    assert known.layer(known.offer("x", "2026-02-01")) == "refreshed"
    assert overrides(known, "2026-02-01") == ()


def test_a_refreshed_snapshot_older_than_the_shipped_does_not_win() -> None:
    """Among published prices the later date wins, so that a new release is not held back by an old refresh."""
    known = catalog(
        ("shipped", Snapshot(offers=(offer("2026-03-01", 9.0),))),
        ("refreshed", Snapshot(offers=(offer("2026-02-01", 8.0),))),
    )
    assert known.offer("x", "2026-04-01").usd_per_hour == 9.0


def test_facts_are_looked_up_as_of_a_day() -> None:
    """A fact of the user's holds from its date; before it the shipped one does, and before that nothing."""
    known = catalog(
        ("shipped", Snapshot(facts=(pue(1.4, "2026-01-01"),))), ("user", Snapshot(facts=(pue(1.2, "2026-06-01"),)))
    )
    assert known.fact("assumption/pue").value == 1.2
    assert [known.fact("assumption/pue", day).value for day in ("2026-05-31", "2026-06-01")] == [1.4, 1.2]
    with pytest.raises(FactError, match="does not hold on 2025-12-31"):
        known.fact("assumption/pue", "2025-12-31")
    with pytest.raises(FactError, match="soon"):
        known.fact("assumption/pue", "soon")


def test_a_refreshed_file_is_read_back(tmp_path: Path) -> None:
    """What the build writes can be laid over the shipped catalog as a refreshed layer."""
    path = tmp_path / "refreshed.json"
    newer = offer("2026-11-01", 3.0, accelerator="h100-sxm")
    path.write_bytes(encode(Snapshot(offers=(newer,), sources=(Source(source="test", retrieved="2026-11-02"),))))
    known = load(refreshed=(path,))
    (fact,) = known.facts_of(known.offer("x", DAY))
    assert (fact.value, fact.layer, fact.retrieved) == (3.0, "refreshed", "2026-11-02")
    assert len(known.history) == len(load().history) + 1


def test_a_refreshed_folder_shares_its_sources(tmp_path: Path) -> None:
    """A folder is one layer: an offer names a source that another of its files describes."""
    (tmp_path / "a.yaml").write_text("sources:\n  q: {source: price list, as_of: 2026-11-20, licence: MIT}\n")
    (tmp_path / "b.yaml").write_text(
        "offers:\n  - {id: y, provider: p, kind: accelerator_hour, accelerator: h100-sxm, source: q,\n"
        "     valid_from: 2026-11-20, usd_per_hour: 2.5}\n"
    )
    found = load(refreshed=(tmp_path,)).offer("y", DAY)
    assert (found.source, found.licence, found.usd_per_hour) == ("price list", "MIT", 2.5)


BAD = [
    (Snapshot(offers=(offer("2026-11-01", 0.0),)), "must be above 0"),
    (Snapshot(offers=(offer("2026-11-01", 1.0, source=""),)), "no source"),
    (Snapshot(offers=(offer("", 1.0),)), "no date"),
    (Snapshot(facts=(pue(1.0, ""),)), "no date"),
    (Snapshot(facts=(Fact(key="k", value=0.0, unit="EUR/kWh", source="s", as_of="2026"),)), "must be above 0"),
]


@pytest.mark.parametrize(("snapshot", "problem"), BAD)
def test_unpriced_is_never_zero_whoever_wrote_the_file(snapshot: Snapshot, problem: str, tmp_path: Path) -> None:
    """A machine's file keeps the laws of people's: no price of 0, no figure without source and date."""
    path = tmp_path / "refreshed.json"
    path.write_bytes(encode(snapshot))
    with pytest.raises(FactError, match=problem):
        load(refreshed=(path,))


def test_a_file_that_is_no_snapshot_is_named(tmp_path: Path) -> None:
    """A truncated file is an error with its path."""
    path = tmp_path / "refreshed.json"
    path.write_text('{"facts": [')
    with pytest.raises(FactError, match=r"refreshed\.json: no snapshot"):
        load(refreshed=(path,))


def test_second_opinions_speak_of_what_is_known() -> None:
    """Each second opinion has a source, a date and a licence, and names it in its key; prices are of known offers."""
    for thing, said in second().items():
        for fact in said:
            assert fact.key.partition("@")[0] == thing
            assert fact.key.partition("@")[2]
            assert fact.source
            assert fact.as_of
            assert fact.licence
            assert fact.retrieved
            assert fact.value is not None
            assert fact.value > 0
        if thing.startswith("offer/"):
            assert thing.split("/")[1] in load().history


def test_the_world_is_found_under_its_own_source() -> None:
    """Only a second source speaks of the world's grid: it is found, in grams, and its key says whose word it is."""
    world = load().carbon("WOR")
    assert (world.key, world.value) == ("carbon/WOR/gco2_per_kwh@ecologits-0.11.3", 458.29)
    assert (world.unit, world.licence, world.region) == ("gCO2e/kWh", "MPL-2.0", "WOR")
    assert load().fact("carbon/DEU/gco2_per_kwh@ecologits-0.11.3").value == 329.65
    assert load().carbon("DEU").source.startswith("codecarbon")
    with pytest.raises(FactError):
        load().carbon("CAF")


def test_grids_of_two_sources_have_the_same_unit() -> None:
    """A factor of 1000 between kg and g would show: no country's two figures are further than threefold apart."""
    pairs = [(load().known[key].value, said[0].value) for key, said in second().items() if key in load().known]
    assert len(pairs) >= 200
    assert all(1 / 3 < mine / theirs < 3 for mine, theirs in pairs if mine and theirs)


def test_facts_name_currency_and_region() -> None:
    """Currency is derived from the unit, kind and region from the key."""
    power = load().electricity("DEU")
    assert (power.currency, power.kind, power.region, power.valid_from) == ("USD", "electricity", "DEU", power.as_of)
    assert load().assumption("staff_loaded").currency == "USD"
    assert load().assumption("staff_fte_per_8gpu_node").currency == ""
    assert {fact.currency for fact in shipped().facts} <= {"", "USD", "EUR"}
