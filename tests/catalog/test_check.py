"""Each check finds its planted fault, and stays silent about the clean twin beside it."""

import msgspec
import pytest

from breakeven.catalog.check import CHECKS, check
from breakeven.catalog.find import index
from breakeven.catalog.layer import Layer, stack
from breakeven.catalog.load import second, shipped
from breakeven.catalog.snapshot import Head, Snapshot, merge
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer, PriceTier

DAY = "2026-11-24"
HEADS = (Head(id="h100-sxm", name="H100"), Head(id="a100", name="A100"), Head(id="hot", name="Hot"))
HEAT = Fact(key="accelerator/hot/tdp_w", value=1200.0, unit="W", source="s", as_of="2025")


def hour(offer_id: str, usd: float, **more: object) -> Offer:
    values = {"kind": "accelerator_hour", "provider": "x", "source": "s", "accelerator": "h100-sxm"}
    return Offer(id=offer_id, usd_per_hour=usd, **({**values, "valid_from": "2026-11-01"} | more))


def api(**more: object) -> Offer:
    values = {"kind": "api", "provider": "x", "source": "s", "valid_from": "2026-11-01", "model": "m"}
    values |= {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}
    return Offer(**({"id": "a", **values} | more))


def tier(usd: float, cached: float | None = None) -> PriceTier:
    return PriceTier(above_input_tokens=1000, input_usd_per_mtok=usd, cached_input_usd_per_mtok=cached)


def said(value: float, key: str = "offer/a/input_usd_per_mtok", **more: object) -> Fact:
    values = {"unit": "USD/Mtok", "source": "another", "as_of": "2026-10-01"}
    return Fact(key=f"{key}@another", value=value, **(values | more))


def grid(value: float) -> Fact:
    return Fact(key="carbon/DEU/gco2_per_kwh", value=value, unit="gCO2e/kWh", source="s", as_of="2025")


PEERS = tuple(hour(f"p{n}-8x", 10.0 + n, provider=f"p{n}", count=1) for n in range(3))
SPOT = hour("x-1x-spot", 4.0, term="spot")
RISE = (api(valid_from="2026-10-01"), api(valid_from="2026-11-01", input_usd_per_mtok=2.0))
LIST = hour("x-8x-on-demand", 80.0, count=8)
GCP = {"provider": "gcp", "region": "us-central1", "accelerator": "a100", "count": 8}
WHOLE = hour("gcp-whole", 29.39, **GCP)
HOST = hour("gcp-a2-vm", 5.91, **(GCP | {"accelerator": "", "count": 1, "kind": "cpu_hour"}))
BOARDS = hour("gcp-boards", 23.48, **GCP)

FAULTS = {  # check, what is planted, what is clean, second opinions on both
    "an old price": ("stale", (hour("f", 9.0, valid_from="2026-08-20"),),
                     (hour("f", 9.0, valid_from="2026-08-26"),), ()),
    "a price of nothing": ("placeholder", (hour("f", 0.0),), (hour("f", 0.3),), ()),
    "a cent": ("placeholder", (hour("f", 0.011),), (hour("f", 0.02),), ()),
    "a cent for eight": ("placeholder", (hour("f", 0.01, count=8),), (hour("f", 0.2, count=8),), ()),
    "less than its power": ("placeholder", (hour("f", 0.03, accelerator="hot"),),
                            (hour("f", 0.05, accelerator="hot"),), ()),
    "free tokens nobody explained": ("placeholder", (api(input_usd_per_mtok=0.0),),
                                     (api(input_usd_per_mtok=0.0, free=True),), ()),
    "a dear cache": ("cache_above_input", (api(cached_input_usd_per_mtok=1.1),),
                     (api(cached_input_usd_per_mtok=0.1),), ()),
    "a dear cache in a tier": ("cache_above_input", (api(cached_input_usd_per_mtok=0.5, tiers=(tier(2.0, 3.0),)),),
                               (api(cached_input_usd_per_mtok=0.5, tiers=(tier(2.0, 1.0),)),), ()),
    "a cheap input above a length": ("cache_above_input", (api(cached_input_usd_per_mtok=0.5, tiers=(tier(0.4),)),),
                                     (api(cached_input_usd_per_mtok=0.5, tiers=(tier(0.6),)),), ()),
    "a dear cache in a batch": ("cache_above_input",
                                (api(batch_input_usd_per_mtok=0.5, batch_cached_input_usd_per_mtok=0.8),),
                                (api(batch_input_usd_per_mtok=0.5, batch_cached_input_usd_per_mtok=0.1),), ()),
    "a batch at list price": ("batch_is_list", (api(batch_input_usd_per_mtok=1.0),),
                              (api(batch_input_usd_per_mtok=0.5),), ()),
    "no term": ("missing_term", (hour("f", 9.0, term=""),), (hour("f", 9.0),), ()),
    "a bought hour": ("missing_term", (hour("f", 9.0, term="purchase"),), (hour("f", 9.0, term="spot"),), ()),
    "spot in the basis only": ("missing_term", (hour("f", 9.0, basis="spot"),),
                               (hour("f", 9.0, basis="spot", term="spot"),), ()),
    "far below peers": ("below_peers", (*PEERS, hour("f", 4.0)), (*PEERS, hour("f", 5.0)), ()),
    "far below its only peer": ("below_peers", (hour("p", 10.0, provider="p"), hour("f", 2.9)),
                                (hour("p", 10.0, provider="p"), hour("f", 3.1)), ()),
    "far below the lower of two": ("below_peers", (*PEERS[:2], hour("f", 2.9)), (*PEERS[:2], hour("f", 3.1)), ()),
    "spot posed as on demand": ("posed_as_on_demand", (SPOT, hour("f", 4.05)), (SPOT, hour("f", 4.2)), ()),
    "less than spot": ("posed_as_on_demand", (SPOT, hour("f-8x", 30.0, count=8)),
                       (SPOT, hour("f-8x", 30.0, count=8, term="spot")), ()),
    "a price that came back": ("blip", (*RISE, api(valid_from="2026-11-10")),
                               (*RISE, api(valid_from="2026-11-23")), ()),
    "far below its own list price": ("below_peers", (LIST, hour("f", 16.0, count=8)),
                                     (LIST, hour("f", 16.0, count=8, term="spot")), ()),
    "below its own commitment": ("below_peers", (hour("f-on-demand", 40.0), hour("r", 41.0, term="reserved_3y")),
                                 (hour("f-on-demand", 40.0), hour("r", 39.0, term="reserved_3y")), ()),
    "a dear commitment": ("commitment_above_on_demand",
                          (hour("f-on-demand", 4.0), hour("f-reserved-1y", 5.0, term="reserved_1y")),
                          (hour("f-on-demand", 4.0), hour("f-reserved-1y", 3.0, term="reserved_1y")), ()),
    "parts beside their sum": ("split_price", (WHOLE, HOST, BOARDS), (WHOLE, HOST), ()),
    "a host and its accelerators": ("split_price", (hour("gcp-a2-host", 5.91, **GCP), BOARDS), (BOARDS,), ()),
    "parts of another region": ("split_price", (WHOLE, HOST, BOARDS),
                                (WHOLE, HOST, msgspec.structs.replace(BOARDS, region="europe-west4")), ()),
    "a part that says so": ("split_price", (hour("f", 9.0, note="GPU only, VM billed apart"),), (hour("f", 9.0),), ()),
    "sources apart": ("disagreement", (api(),), (api(input_usd_per_mtok=1.3),), (said(1.3),)),
    "twice the other source": ("exact_double", (api(),), (api(input_usd_per_mtok=0.5),), (said(0.5),)),
    "half the other source": ("exact_double", (api(),), (api(input_usd_per_mtok=2.0),), (said(2.0),)),
    "two lists of one machine": ("disagreement", (LIST, hour("f", 70.0, count=8, source="t")),
                                 (LIST, hour("f", 80.0, count=8, source="t")), ()),
}  # fmt: skip


def found(offers: tuple[Offer, ...], opinions: tuple[Fact, ...] = (), facts: tuple[Fact, ...] = ()) -> list[str]:
    table = {fact.key.partition("@")[0]: (fact,) for fact in opinions}
    known = index(Snapshot(accelerators=HEADS, offers=offers, facts=(HEAT, *facts)), elsewhere=lambda: table)
    return [issue.check for issue in check(known, DAY)]


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_its_clean_twin_is_not(name: str) -> None:
    """The check meant for a fault names it, and no check says anything once it is mended."""
    meant, planted, clean, opinions = FAULTS[name]
    assert meant in found(planted, opinions)
    assert set(found(clean, opinions)) == set()


def test_every_check_has_a_planted_fault() -> None:
    """No check is listed that no fault shows to work."""
    assert {meant for meant, *_ in FAULTS.values()} == set(CHECKS)


def test_the_median_is_over_providers() -> None:
    """Ten offers of one cheap provider are one voice: the price is held against what three providers ask."""
    cheap = tuple(hour(f"c{n}", 3.0, provider="cheap", count=1) for n in range(10))
    assert "below_peers" in found((*PEERS[:2], *cheap, hour("f", 3.9)))


def test_a_host_names_the_rest_of_its_machine() -> None:
    """A host posed as a machine is told from spot: the remark names the accelerators that belong to it."""
    host = hour("gcp-a2-host", 5.91, **GCP)
    known = index(Snapshot(accelerators=HEADS, offers=(host, BOARDS)))
    (issue,) = check(known, DAY)
    assert (issue.check, issue.offer) == ("split_price", host.id)
    assert "gcp-boards at 23.48" in issue.message


def layered(name: str, mine: Snapshot, beneath: Snapshot) -> list[tuple[str, str]]:
    base = Snapshot(accelerators=HEADS, facts=(HEAT,))
    laid = stack([Layer(name="shipped", snapshot=merge([base, beneath])), Layer(name=name, snapshot=mine)])
    return [(issue.check, issue.offer) for issue in check(index(laid.snapshot, laid), DAY)]


@pytest.mark.parametrize("layer", ["user", "refreshed"])
@pytest.mark.parametrize(("factor", "meant"), [(2.0, "exact_double"), (1.5, "disagreement"), (1.0, None)])
def test_what_lies_beneath_is_another_opinion(layer: str, factor: float, meant: str | None) -> None:
    """A price and a figure are held against the layer they replace: exactly twice, apart, or alike."""
    theirs = Snapshot(offers=(hour("f", 9.0, source="list"),), facts=(grid(300.0),))
    twice = msgspec.structs.replace(grid(300.0 * factor), source="ours")
    mine = Snapshot(offers=(hour("f", 9.0 * factor, source="quote"),), facts=(twice,))
    expected = [] if meant is None else [(meant, twice.key), (meant, "f")]
    assert sorted(layered(layer, mine, theirs)) == sorted(expected)


def test_a_later_quote_is_held_against_the_price_it_stands_in_for() -> None:
    """The user's entry of another day than the published one, exactly twice it, is flagged."""
    theirs = Snapshot(offers=(hour("f", 9.0, valid_from="2026-10-01"),))
    mine = Snapshot(offers=(hour("f", 18.0, source="quote"),))
    assert layered("user", mine, theirs) == [("exact_double", "f")]


def test_the_shipped_spot_prices_are_found_when_posed_as_on_demand() -> None:
    """Azure's A100 at 0.73 and RunPod's H100 NVL at 1.40 are their own spot prices: as on demand they are flagged."""
    posed = {"azure": ("a100-sxm-80gb", 0.73), "runpod": ("h100-nvl", 1.40)}
    traps = tuple(
        hour(f"{provider}-trap", usd, provider=provider, accelerator=board) for provider, (board, usd) in posed.items()
    )
    known = index(merge([shipped(), Snapshot(offers=traps)]), elsewhere=second)
    flagged = {issue.offer for issue in check(known, DAY) if issue.check == "posed_as_on_demand"}
    assert flagged == {trap.id for trap in traps}


def test_a_stale_list_shows_as_a_blip() -> None:
    """gpt-5.6-luna as two lists told it: 0.2, a day of 1.0, and 0.2 again."""
    luna = [("2026-07-30", 0.2), ("2026-08-21", 1.0), ("2026-08-22", 0.2)]
    assert found(tuple(api(valid_from=day, input_usd_per_mtok=usd) for day, usd in luna)).count("blip") == 1


def test_azure_spot_posed_as_on_demand_is_flagged() -> None:
    """One collector's 19.66 USD/hour for ND96isr H100 v5, laid over the shipped catalog as on demand, is flagged.

    It is neither below 40 % of the peers' median, which small providers keep low, nor below any limit of its own: only
    Azure's own list price of 98.32 and its commitments give it away.
    """
    trap = hour("azure-nd96isr-h100-v5", 19.66, provider="azure", count=8, region="eastus2", source="a collector")
    known = index(merge([shipped(), Snapshot(offers=(trap,))]), elsewhere=second)
    issues = [issue for issue in check(known, DAY) if issue.offer == trap.id]
    assert {issue.check for issue in issues} >= {"below_peers", "disagreement"}
    assert any("20.0% of 12.29" in issue.message for issue in issues)
    marked = msgspec.structs.replace(trap, term="spot", basis="spot")
    mended = index(merge([shipped(), Snapshot(offers=(marked,))]), elsewhere=second)
    assert not [issue for issue in check(mended, DAY) if issue.offer == trap.id and issue.check == "below_peers"]


def test_grids_of_two_sources_may_differ_by_years_but_not_by_much() -> None:
    """Carbon statistics of different years are let pass up to a fifth."""
    wide = said(400.0, "carbon/DEU/gco2_per_kwh", unit="gCO2e/kWh")
    assert found((), (wide,), (grid(380.0),)) == []
    assert found((), (wide,), (grid(310.0),)) == ["disagreement"]


def test_an_opinion_counts_only_while_it_holds() -> None:
    """A second source's price of a past year, or of the same source, contradicts nothing today."""
    assert found((api(),), (said(1.3, valid_to="2026-11-01"),)) == []
    assert found((api(),), (said(1.3, as_of="2026-12-01"),)) == []
    assert found((api(),), (said(1.3, source="s"),)) == []


def test_two_sources_of_api_prices_are_compared() -> None:
    """The second opinions that ship disagree with prices of August: gemini-3.6-flash by exactly two."""
    known = index(shipped(), elsewhere=second)
    twice = {issue.offer for issue in check(known, "2026-08-22") if issue.check == "exact_double"}
    assert "api-google-gemini-3.6-flash" in twice


def test_issues_come_in_the_order_of_the_checks() -> None:
    """Issues are grouped by check, in the order the checks are listed."""
    order = [list(CHECKS).index(issue.check) for issue in check(index(shipped(), elsewhere=second), DAY)]
    assert order == sorted(order)
