"""Each check finds its planted fault, and stays silent about the clean twin beside it."""

import msgspec
import pytest

from breakeven.catalog.check import CHECKS, check
from breakeven.catalog.find import index
from breakeven.catalog.load import second, shipped
from breakeven.catalog.snapshot import Head, Snapshot, merge
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

DAY = "2026-11-24"
HEADS = (Head(id="h100-sxm", name="H100"), Head(id="a100", name="A100"))


def hour(offer_id: str, usd: float, **more: object) -> Offer:
    values = {"kind": "accelerator_hour", "provider": "x", "source": "s", "accelerator": "h100-sxm"}
    return Offer(id=offer_id, usd_per_hour=usd, **({**values, "valid_from": "2026-11-01"} | more))


def api(**more: object) -> Offer:
    values = {"kind": "api", "provider": "x", "source": "s", "valid_from": "2026-11-01", "model": "m"}
    values |= {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}
    return Offer(**({"id": "a", **values} | more))


def said(value: float, key: str = "offer/a/input_usd_per_mtok", **more: object) -> Fact:
    values = {"unit": "USD/Mtok", "source": "another", "as_of": "2026-10-01"}
    return Fact(key=f"{key}@another", value=value, **(values | more))


def grid(value: float) -> Fact:
    return Fact(key="carbon/DEU/gco2_per_kwh", value=value, unit="gCO2e/kWh", source="s", as_of="2025")


PEERS = tuple(hour(f"p{n}-8x", 10.0 + n, provider=f"p{n}", count=1) for n in range(3))
LIST = hour("x-8x-on-demand", 80.0, count=8)
GCP = {"provider": "gcp", "region": "us-central1", "accelerator": "a100", "count": 8}
WHOLE = hour("gcp-whole", 29.39, **GCP)
HOST = hour("gcp-host", 5.91, **(GCP | {"accelerator": "", "count": 1}))
BOARDS = hour("gcp-boards", 23.48, **GCP)

FAULTS = {  # check, what is planted, what is clean, second opinions on both
    "an old price": ("stale", (hour("f", 9.0, valid_from="2026-08-20"),),
                     (hour("f", 9.0, valid_from="2026-08-26"),), ()),
    "a price of nothing": ("placeholder", (hour("f", 0.0),), (hour("f", 0.3),), ()),
    "a cent": ("placeholder", (hour("f", 0.01),), (hour("f", 0.02),), ()),
    "a cent for eight": ("placeholder", (hour("f", 0.01, count=8),), (hour("f", 0.1, count=8),), ()),
    "free tokens nobody explained": ("placeholder", (api(input_usd_per_mtok=0.0),),
                                     (api(input_usd_per_mtok=0.0, free=True),), ()),
    "a dear cache": ("cache_above_input", (api(cached_input_usd_per_mtok=1.1),),
                     (api(cached_input_usd_per_mtok=0.1),), ()),
    "a batch at list price": ("batch_is_list", (api(batch_input_usd_per_mtok=1.0),),
                              (api(batch_input_usd_per_mtok=0.5),), ()),
    "no term": ("missing_term", (hour("f", 9.0, term=""),), (hour("f", 9.0),), ()),
    "a bought hour": ("missing_term", (hour("f", 9.0, term="purchase"),), (hour("f", 9.0, term="spot"),), ()),
    "spot in the basis only": ("missing_term", (hour("f", 9.0, basis="spot"),),
                               (hour("f", 9.0, basis="spot", term="spot"),), ()),
    "far below peers": ("below_peers", (*PEERS, hour("f", 4.0)), (*PEERS, hour("f", 5.0)), ()),
    "far below its own list price": ("below_peers", (LIST, hour("f", 16.0, count=8)),
                                     (LIST, hour("f", 16.0, count=8, term="spot")), ()),
    "below its own commitment": ("below_peers", (hour("f-on-demand", 40.0), hour("r", 41.0, term="reserved_3y")),
                                 (hour("f-on-demand", 40.0), hour("r", 39.0, term="reserved_3y")), ()),
    "a dear commitment": ("commitment_above_on_demand",
                          (hour("f-on-demand", 4.0), hour("f-reserved-1y", 5.0, term="reserved_1y")),
                          (hour("f-on-demand", 4.0), hour("f-reserved-1y", 3.0, term="reserved_1y")), ()),
    "parts beside their sum": ("split_price", (WHOLE, HOST, BOARDS), (WHOLE, HOST), ()),
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
    known = index(Snapshot(accelerators=HEADS, offers=offers, facts=facts), elsewhere=lambda: table)
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
