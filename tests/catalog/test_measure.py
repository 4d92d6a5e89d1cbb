"""Laws of units: a figure is kept in the unit its key asks for, converted where that is arithmetic, else refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.algebra.unit import Units
from breakeven.catalog.build import encode
from breakeven.catalog.fields import FACTS, measure_of
from breakeven.catalog.find import index
from breakeven.catalog.load import load, second_snapshot, shipped
from breakeven.catalog.parse import parse, read_yaml
from breakeven.catalog.snapshot import Snapshot
from breakeven.errors import FactError
from breakeven.schema.fact import Fact

FROM = "source: our bill\nas_of: 2026-10-01\n"


def fact(key: str, value: float, unit: str) -> str:
    return f"{FROM}facts:\n  {key}: {{value: {value!r}, unit: {unit}}}\n"


def tdp(value: str) -> str:
    return f"{FROM}accelerators:\n  h100-sxm: {{facts: {{tdp_w: {value}}}}}\n"


def assumed(name: str, unit: str, low: float, base: float, high: float) -> str:
    return f"{FROM}assumptions:\n  {name}: {{low: {low}, base: {base}, high: {high}, unit: {unit}}}\n"


def one(text: str) -> Fact:
    (found,) = parse(read_yaml(text, "ours.yaml")).facts
    return found


POWER, GRID = "electricity/DEU/usd_per_kwh", "carbon/DEU/gco2_per_kwh"
CONVERTED = [  # text, what is kept
    (fact(POWER, 120.0, "USD/MWh"), 0.12, "USD/kWh"),
    (fact(POWER, 0.12, "usd/kwh"), 0.12, "USD/kWh"),
    (fact(GRID, 0.38, "kgCO2e/kWh"), 380.0, "gCO2e/kWh"),
    (fact(GRID, 380.0, "gCO2eq/kWh"), 380.0, "gCO2e/kWh"),
    (fact("accelerator/h100-sxm/tdp_w", 0.7, "kW"), 700.0, "W"),
    (tdp("{value: 0.7, unit: kW}"), 700.0, "W"),
    (tdp("700"), 700.0, "W"),
    (fact("accelerator/x/memory_bytes", 80.0, "GB"), 80e9, "byte"),
    (fact("accelerator/x/flops_fp16", 989.0, "TFLOP/s"), 989e12, "FLOP/s, dense"),
    (fact("accelerator/x/flops_int8", 1979.0, "TOP/s"), 1979e12, "OP/s, dense"),
    (fact("accelerator/x/link_bytes_s", 450.0, "GB/s"), 450e9, "byte/s, one direction"),
    (assumed("maintenance", "percent of capex per year", 5, 10, 15), 0.1, "fraction of capex per year"),
    (assumed("maintenance", "'%/year'", 5, 10, 15), 0.1, "fraction of capex per year"),
    (assumed("useful_life", "month", 36, 60, 72), 5.0, "years"),
    (assumed("idle_power_ratio", "'%'", 10, 20, 35), 0.2, "power of an idle accelerator / its TDP"),
    (assumed("colocation_per_kw", "USD/W/month", 0.08, 0.2, 0.3), 200.0, "USD/kW/month"),
]


@pytest.mark.parametrize(("text", "value", "unit"), CONVERTED)
def test_what_arithmetic_can_convert_is_converted(text: str, value: float, unit: str) -> None:
    """The figure is kept in the unit its key asks for, and the note says what was stated where that differs."""
    found = one(text)
    assert (found.value, found.unit) == (pytest.approx(value, rel=1e-12), unit)
    assert found.low is None or found.low < value < (found.high or 0)


def test_a_conversion_can_be_traced() -> None:
    """The stated figure and unit stand in the note; a figure that needed no conversion has none."""
    assert one(fact(POWER, 120.0, "USD/MWh")).note == "stated as 120 USD/MWh"
    assert one(fact(POWER, 0.12, "USD/kWh")).note == ""


REFUSED = [  # text, what the error says, where, what to do
    (fact(POWER, 0.12, "bananas"), "is in bananas, and USD/kWh is needed", "ours.yaml:4:46", "in USD/kWh"),
    (fact(POWER, 0.12, "W"), "is in W, and USD/kWh is needed", "ours.yaml:4:46", "in USD/kWh"),
    (fact(POWER, 0.12, "EUR/kWh"), "is in EUR/kWh, and USD/kWh is needed", "ours.yaml:4:46", "dated rate"),
    (fact(POWER, 12.0, "USD/kWh"), "12 USD/kWh lies outside 0.001..2", "ours.yaml:4:33", "in USD/kWh"),
    (fact(POWER, 12.0, "USD/Wh"), "12000 USD/kWh, stated as 12 USD/Wh, lies outside", "ours.yaml:4:33", "USD/kWh"),
    (fact(GRID, 0.38, "gCO2e/kWh"), "0.38 gCO2e/kWh lies outside 1..2000", "ours.yaml:4:29", "gCO2e/kWh"),
    (fact(GRID, 0.0, "gCO2e/kWh"), "0 gCO2e/kWh lies outside", "ours.yaml:4:29", "gCO2e/kWh"),
    (tdp("{value: 60, unit: kW}"), "60000 W, stated as 60 kW, lies outside 10..5000", "ours.yaml:4:30", "in W"),
    (tdp("0.06"), "0.06 W lies outside 10..5000", "ours.yaml:4:22", "in W"),
    (
        fact("accelerator/x/flops_fp16", 1979.0, "'TFLOP/s, sparse'"),
        "is in TFLOP/s, sparse, and FLOP/s, dense is needed",
        "ours.yaml:4:45",
        "dense",
    ),
    (assumed("maintenance", "percent", 5, 10, 15), "fraction of capex per year is needed", "ours.yaml:4:45", "capex"),
    (assumed("pue", "ratio", 0.2, 0.4, 0.6), "0.4 ratio lies outside 1..3", "ours.yaml:4:19", "in ratio"),
    (fact("electricty/DEU/usd_per_kwh", 0.1, "USD/kWh"), "no kind of facts 'electricty'", "ours.yaml:4:31", POWER),
    (fact("electricity/DEU/usd_kwh", 0.1, "USD/kWh"), "no fact of its kind", "ours.yaml:4:28", "usd_per_kwh"),
    (fact("offer/x/usd_per_hour", 2.0, "USD/hour"), "is a price", "ours.yaml:4:25", "under offers:"),
]


@pytest.mark.parametrize(("text", "problem", "place", "way_out"), REFUSED)
def test_what_cannot_be_meant_is_refused(text: str, problem: str, place: str, way_out: str) -> None:
    """Another dimension, another currency, a figure nobody believes: field, both units, place and the way out."""
    with pytest.raises(FactError) as caught:
        one(text)
    assert problem in caught.value.message
    assert caught.value.message.startswith(f"{place}: ")
    assert way_out in caught.value.way_out


def test_a_kind_of_ones_own_has_the_unit_it_states() -> None:
    """What the catalog has no word for is taken as it is."""
    assert (one(fact("wine/riesling/usd_per_bottle", 9.0, "USD/bottle")).unit) == "USD/bottle"
    assert one(assumed("our_overhead", "fraction of rent", 0, 0.1, 0.2)).value == 0.1


@pytest.mark.parametrize("key", FACTS)
def test_every_measure_admits_something(key: str) -> None:
    """Each kind of fact has a unit and bounds that leave room, and keys of its kind are found by their pattern."""
    measure = FACTS[key]
    assert measure.unit
    assert 0 <= measure.least < measure.most
    assert measure_of(key.replace("*", "gcp/some-where")) == measure
    assert measure_of(f"{key.replace('*', 'x')}@another-source") == measure


def test_every_shipped_fact_is_in_its_unit_and_bounds() -> None:
    """The shipped catalog and its second opinions keep the law that users' files keep; each kind has a measure."""
    for found in (*shipped().facts, *second_snapshot().facts):
        measure = measure_of(found.key)
        assert measure, found.key
        assert found.unit == measure.unit, found.key
        for value in (found.value, found.low, found.high):
            assert value is None or measure.least <= value <= measure.most, found.key


@given(value=st.floats(0.001, 2), size=st.sampled_from(["", "k", "M"]))
def test_converting_there_and_back_is_nothing(value: float, size: str) -> None:
    """A tariff stated per Wh, kWh or MWh is the same tariff."""
    scale = Units().parse("kWh").factor / Units().parse(f"{size}Wh").factor
    found = one(fact(POWER, value / scale, f"USD/{size}Wh")).value
    assert found == pytest.approx(min(max(value, 0.001), 2), rel=1e-9)


BY_MACHINE = [
    (Fact(key=POWER, value=120.0, unit="USD/MWh", source="s", as_of="2026"), "is in USD/MWh, and USD/kWh is needed"),
    (Fact(key=POWER, value=12.0, unit="USD/kWh", source="s", as_of="2026"), "12 USD/kWh lies outside"),
]


@pytest.mark.parametrize(("found", "problem"), BY_MACHINE)
def test_a_machines_file_is_held_to_the_same_units(found: Fact, problem: str, tmp_path: Path) -> None:
    """JSON is not converted: it must be in the unit that is kept, and believable."""
    path = tmp_path / "refreshed.json"
    path.write_bytes(encode(Snapshot(facts=(found,))))
    with pytest.raises(FactError, match=problem):
        load(refreshed=(path,))


def test_nobody_reads_a_tariff_in_another_unit() -> None:
    """Whoever asks for a tariff gets USD/kWh, or an error: also of a catalog that no loader has seen."""
    odd = Fact(key=POWER, value=120.0, unit="USD/MWh", source="s", as_of="2026")
    with pytest.raises(FactError, match="USD/kWh is needed"):
        index(Snapshot(facts=(odd,))).electricity("DEU")
