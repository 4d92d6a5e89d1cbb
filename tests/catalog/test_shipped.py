"""What the shipped catalog holds, and that every number in it can name its source and date."""

import lzma
import re
from pathlib import Path

import pytest

from breakeven.assembly.measured import Names
from breakeven.catalog.build import compile_tree, encode
from breakeven.catalog.check import check
from breakeven.catalog.check_peer import PEER_SHARE
from breakeven.catalog.fields import PRICES
from breakeven.catalog.load import DATA, GENERATED, load, shipped
from breakeven.catalog.view import SECTIONS, rows, show
from breakeven.cost.case import price_key
from breakeven.cost.price import price_field, stated_in
from breakeven.errors import FactError
from breakeven.schema.measurement import read_rows
from breakeven.schema.offer import Offer

MEASURED = Path(__file__).parents[2] / "bench/data/measured_rows.csv.xz"
CATALOG, DAY = load(), "2026-11-24"


def test_the_generated_file_equals_the_yaml() -> None:
    """catalog.json is what scripts/build_catalog.py makes of the YAML beside it, byte for byte."""
    assert encode(compile_tree(DATA)) == GENERATED.read_bytes()


def test_loading_twice_gives_the_same() -> None:
    """The shipped catalog is read once and shared."""
    assert load() is load()


def test_every_fact_names_source_and_date() -> None:
    """No fact without source, unit and an ISO date, whole or cut at month or year; none has an infinite value."""
    for fact in shipped().facts:
        assert fact.source, fact.key
        assert fact.unit, fact.key
        assert re.fullmatch(r"\d{4}(-\d\d){0,2}", fact.as_of), fact.key
        assert fact.as_of <= DAY
        assert fact.value is not None
        assert fact.value >= 0


def price_at(offer: Offer, key: str) -> float | None:
    *_, tier, above, field = key.split("/")
    if tier != "tiers":
        return getattr(offer, field)
    return next(getattr(one, field) for one in offer.tiers if one.above_input_tokens == int(above))


def test_every_entry_resolves_to_facts() -> None:
    """Each stated number of each accelerator, model and offer is a fact with the same value."""
    for accelerator in CATALOG.accelerators():
        stated = {fact.key.rpartition("/")[2]: fact.value for fact in CATALOG.facts_of(accelerator)}
        assert stated == {name: getattr(accelerator, name) for name in stated}
        assert accelerator.facts == tuple(fact.key for fact in CATALOG.facts_of(accelerator))
    for model in CATALOG.models():
        assert {fact.key.split("/")[1] for fact in CATALOG.facts_of(model)} == {model.id}
    for offer in shipped().offers:
        facts = CATALOG.facts_of(offer)
        assert facts, offer.id
        for fact in facts:
            assert CATALOG.fact(fact.key) == fact
            assert fact.value == price_at(offer, fact.key)


def test_cost_and_catalog_agree_on_the_keys_of_prices() -> None:
    """The cost engine cites prices by the keys the catalog resolves; neither imports the other."""
    for offer in shipped().offers:
        fields = [name for name in PRICES[offer.kind] if getattr(offer, name) is not None]
        fields += [price_field(offer, name, t.above_input_tokens + 1) for t in offer.tiers for name in stated_in(t)]
        keys = {price_key(offer, name) for name in fields}
        assert keys == {fact.key for fact in CATALOG.facts_of(offer)}


def test_no_price_is_zero_or_a_placeholder() -> None:
    """No offer costs 0 or a cent an hour, and what was read as such stands among the rejected, with the reason."""
    for offer in shipped().offers:
        prices = [getattr(offer, name) for name in PRICES[offer.kind]]
        assert all(price is None or price > 0 for price in prices)
        assert offer.usd_per_hour is None or offer.usd_per_hour > 0.01
    assert any("H200 NVL" in row.what for row in CATALOG.rejected)
    assert all(row.reason and row.source for row in CATALOG.rejected)


def test_spot_sold_as_on_demand_is_marked() -> None:
    """Azure's rows of one source are spot though it calls them on demand; the list price stands beside them."""
    spot = CATALOG.offer("azure-nd96isr-h100-v5-h100-sxm-spot", DAY)
    listed = CATALOG.offer("azure-nd96isr-v5-h100-on-demand", DAY)
    assert (spot.basis, spot.term) == ("spot", "spot")
    assert spot.usd_per_hour is not None
    assert listed.usd_per_hour is not None
    assert spot.usd_per_hour / listed.usd_per_hour == pytest.approx(0.2, abs=0.001)
    azure = [
        offer for offer in CATALOG.offers(on=DAY) if offer.provider == "azure" and "Infrastructure" in offer.source
    ]
    assert azure
    assert all(offer.term == "spot" for offer in azure)


ACCELERATORS = {  # dense tensor FP16 in TFLOP/s, bandwidth in GB/s, TDP in W
    "h100-sxm": (989, 3350, 700),
    "h100-pcie": (756, 2040, 350),
    "h200-sxm": (989, 4800, 700),
    "a100-sxm-80gb": (312, 2039, 400),
    "l4": (121, 300, 72),
    "l40s": (362, 864, 350),
    "b200": (2250, 7700, 1000),
    "mi300x": (1307, 5300, 750),
    "rtx-4090": (330, 1008, 450),
    "rtx-5090": (419, 1792, 575),
}


@pytest.mark.parametrize("accelerator_id", ACCELERATORS)
def test_peak_figures_are_dense(accelerator_id: str) -> None:
    """Tensor FP16 without sparsity, and not the shader figure: 989 TFLOP/s for an H100, neither 1,979 nor 134."""
    accelerator = CATALOG.accelerator(accelerator_id)
    flops, bandwidth, tdp = ACCELERATORS[accelerator_id]
    assert accelerator.flops_fp16 == pytest.approx(flops * 1e12, rel=0.002)
    assert accelerator.bandwidth_bytes_s == pytest.approx(bandwidth * 1e9, rel=0.002)
    assert accelerator.tdp_w == tdp


def test_lower_precision_is_at_least_as_fast() -> None:
    """Where both are stated, FP8 is at least FP16; it is never more than 2.1 times that."""
    for accelerator in CATALOG.accelerators():
        if accelerator.flops_fp8 and accelerator.flops_fp16:
            assert 1 <= accelerator.flops_fp8 / accelerator.flops_fp16 <= 2.1, accelerator.id


def test_what_no_source_states_is_none() -> None:
    """The FP16 tensor rate of an RTX A5000 is stated nowhere at hand: None, not the shader rate."""
    assert CATALOG.accelerator("rtx-a5000").flops_fp16 is None


MODELS = {  # billions the name states: all, active
    "llama-3.1-8b": (8, None), "llama-3.1-70b": (70, None), "llama-3.1-405b": (405, None),
    "qwen3-0.6b": (0.6, None), "qwen3-1.7b": (1.7, None), "qwen3-8b": (8, None), "qwen3-32b": (32, None),
    "qwen3-30b-a3b": (30, 3), "qwen3-235b-a22b": (235, 22), "qwen3-coder-480b-a35b": (480, 35),
    "gpt-oss-120b": (120, None),
}  # fmt: skip


@pytest.mark.parametrize("model_id", MODELS)
def test_counted_parameters_match_the_name(model_id: str) -> None:
    """The parameters counted from config.json are those the name states, to 3 %."""
    model = CATALOG.model(model_id)
    size, active = MODELS[model_id]
    assert model.params == pytest.approx(size * 1e9, rel=0.03)
    assert model.active_params <= model.params
    if active is not None:
        assert model.active_params == pytest.approx(active * 1e9, rel=0.03)


def test_names_that_round() -> None:
    """gpt-oss-20b has 20.9 billion: its name rounds down by 4.4 %."""
    assert CATALOG.model("gpt-oss-20b").params == pytest.approx(20.9e9, rel=0.005)


def test_every_model_has_a_sheet_that_holds_together() -> None:
    """Key-value heads divide heads, mixtures choose some of their experts, and the vocabulary has a table."""
    for model in CATALOG.models():
        assert model.heads % model.kv_heads == 0
        assert (model.experts == 0) == (model.experts_per_token == 0)
        assert model.experts_per_token <= model.experts
        assert model.vocab * model.hidden < model.params
        assert model.source
        assert model.as_of


def test_list_and_sale_price_are_kept_apart() -> None:
    """A server's list price and the usual sale price differ about threefold; the basis says which is which."""
    sale = CATALOG.offer("lenovo-sr680a-v3-8x-h100-sxm-sale", DAY)
    listed = CATALOG.offer("lenovo-sr675-v3-8x-h100-nvl-list", DAY)
    assert (sale.basis, listed.basis) == ("sale", "list")
    assert sale.purchase_usd is not None
    assert listed.purchase_usd is not None
    assert listed.purchase_usd > 3 * sale.purchase_usd


def test_a_price_that_rose_and_one_that_fell() -> None:
    """Dated entries: claude-sonnet-5 rose on 2026-09-01; p5.48xlarge fell in 2025."""
    assert CATALOG.offer("api-anthropic-claude-sonnet-5", "2026-08-31").input_usd_per_mtok == 2
    assert CATALOG.offer("api-anthropic-claude-sonnet-5", "2026-09-01").input_usd_per_mtok == 3
    assert CATALOG.offer("aws-p5-48xlarge-h100-on-demand", "2025-06-01").usd_per_hour == 98.32
    assert CATALOG.offer("aws-p5-48xlarge-h100-on-demand", DAY).usd_per_hour == 55.04


def test_energy_of_a_country_and_a_state() -> None:
    """Electricity by country and US state, carbon by country and cloud region."""
    assert CATALOG.electricity("DEU").value == 0.1552
    assert CATALOG.electricity("US-TX").value == 0.0612
    assert CATALOG.carbon("USA").value == 369.473
    assert CATALOG.carbon("gcp/europe-west1").value == 122


def test_assumptions_have_a_range() -> None:
    """Each operating assumption states low <= base <= high; the short key is the long one."""
    for fact in CATALOG.assumptions():
        assert fact.low is not None
        assert fact.high is not None
        assert fact.value is not None
        assert fact.low <= fact.value <= fact.high
    assert CATALOG.assumption("pue") == CATALOG.assumption("assumption/pue")


def test_the_check_finds_no_trap_left_in() -> None:
    """No shipped price is far below its peers, a cent, a part, or as dear in a batch: age and contradictions stay.

    One list dates mistral-large-4 to twice its price for nine days, and another still has that price: not decided.
    """
    found = check(CATALOG, DAY)
    assert {issue.check for issue in found} <= {"stale", "disagreement", "exact_double", "blip"}
    assert {issue.offer for issue in found if issue.check == "blip"} == {"api-mistral-mistral-large-4"}
    assert 0 < PEER_SHARE < 1


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "overrides"])
def test_every_section_can_be_listed(section: str) -> None:
    """Each section is a table: at least one row, the same columns in each. What nobody overrides is not listed."""
    assert rows(CATALOG, "overrides", DAY) == ()
    listed = rows(CATALOG, section, DAY)
    assert listed
    assert len({tuple(row) for row in listed}) == 1


@pytest.mark.parametrize(
    "entry", ["h100-sxm", "llama-3.1-8b", "api-openai-gpt-4o-mini", "assumption/pue", "carbon/DEU/gco2_per_kwh"]
)
def test_every_entry_can_be_shown(entry: str) -> None:
    """What is shown of an entry names value, unit, source and date."""
    for row in show(CATALOG, entry, DAY):
        assert row["source"]
        assert row["as_of"]
        assert row["unit"]


def test_an_unknown_section_is_named() -> None:
    """A section that does not exist is an error that lists those that do."""
    with pytest.raises(FactError, match="offers"):
        rows(CATALOG, "prices", DAY)


def test_nothing_that_was_measured_is_called_impossible() -> None:
    """No engine is said not to run a precision on a generation where somebody measured it running."""
    names, said, seen = Names(CATALOG), 0, set()
    for row in read_rows(lzma.decompress(MEASURED.read_bytes()).decode()):
        try:
            board = names.accelerator(row.gpu)
        except FactError:
            continue
        seen.add(f"engine/{row.engine}/{row.precision}/{board.architecture}")
    for key in seen & set(CATALOG.known):
        said += 1
        assert CATALOG.fact(key).value == 1, key
    assert said >= 5
