"""Laws of fact files: without a source nothing loads, and every error names file, line, key, value and the way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.build import compile_tree
from breakeven.catalog.cite import offer_facts
from breakeven.catalog.load import load
from breakeven.catalog.parse import parse, read_yaml
from breakeven.catalog.snapshot import Snapshot
from breakeven.errors import FactError

DAY = "2026-11-24"
OFFER = """\
offers:
  - id: our-h100-quote
    provider: dealer
    kind: server_purchase
    accelerator: h100-sxm
    count: 8
    valid_from: 2026-10-01
    source: quotation 4711
    purchase_usd: 231000
"""


def read(text: str) -> Snapshot:
    return parse(read_yaml(text, "facts.yaml"))


def test_a_users_offer_overlays_the_catalog(tmp_path: Path) -> None:
    """A fact file adds an offer with its source; the shipped ones stay."""
    path = tmp_path / "ours.yaml"
    path.write_text(OFFER)
    known = load((path,))
    offer = known.offer("our-h100-quote", DAY)
    assert (offer.purchase_usd, offer.source, offer.term) == (231_000, "quotation 4711", "purchase")
    assert known.accelerator("h100-sxm") == load().accelerator("h100-sxm")
    assert known.facts_of(offer)[0].as_of == "2026-10-01"


def test_a_user_fills_what_is_unknown(tmp_path: Path) -> None:
    """One more fact about a known accelerator completes its sheet and keeps its name and its other facts."""
    fact = "flops_fp16: 125000000000000"
    path = tmp_path / "ours.yaml"
    path.write_text(
        f"source: vendor datasheet\nas_of: 2026-10-01\naccelerators:\n  rtx-a5000:\n    facts: {{{fact}}}\n"
    )
    before, after = load().accelerator("rtx-a5000"), load((path,)).accelerator("rtx-a5000")
    assert before.flops_fp16 is None
    assert after.flops_fp16 == 125e12
    assert (after.name, after.bandwidth_bytes_s) == (before.name, before.bandwidth_bytes_s)
    assert "vendor datasheet" in after.source


def test_a_whole_new_model(tmp_path: Path) -> None:
    """A model is one YAML entry and no Python."""
    sizes = {"params": 3e9, "active_params": 2.5e9, "layers": 28, "hidden": 3072}
    sizes |= {"heads": 24, "kv_heads": 8, "head_dim": 128, "vocab": 128256}
    facts = ", ".join(f"{name}: {value}" for name, value in sizes.items())
    path = tmp_path / "model.yaml"
    path.write_text(
        f"source: config.json\nas_of: 2026-10-01\nmodels:\n  ours-3b: {{name: Ours 3B, facts: {{{facts}}}}}\n"
    )
    model = load((path,)).model("ours-3b")
    assert (model.params, model.layers, model.experts) == (3e9, 28, 0)


def test_a_source_id_is_inherited() -> None:
    """An entry that names a source id inherits its text, date, address and licence; its own values come first."""
    found = read(
        "sources:\n  q: {source: our quote, as_of: 2026-01-02, url: 'https://x', licence: ours}\n"
        "facts:\n  a/b: {value: 1, unit: W, source: q}\n  a/c: {value: 1, unit: W, source: q, as_of: 2026-05-06}\n"
    )
    first, second = found.facts
    assert (first.source, first.as_of, first.url, first.licence) == ("our quote", "2026-01-02", "https://x", "ours")
    assert second.as_of == "2026-05-06"


API = """\
offers:
  - id: api-x-y
    provider: x
    kind: api
    model: y
    valid_from: 2026-10-01
    source: price list
    note: free while in preview
    input_usd_per_mtok: 2
    cache_write_usd_per_mtok: 2.5
    batch_input_usd_per_mtok: 1
    tiers:
      - {above_input_tokens: 200000, input_usd_per_mtok: 4}
      - {above_input_tokens: 500000, input_usd_per_mtok: 6, batch_input_usd_per_mtok: 3}
"""


def test_an_api_offer_states_tiers_batch_and_cache_prices() -> None:
    """Every kind of price of an API is read, and each is a fact of its own, those of tiers by their length."""
    (offer,) = read(API).offers
    assert (offer.cache_write_usd_per_mtok, offer.batch_input_usd_per_mtok) == (2.5, 1)
    assert [tier.above_input_tokens for tier in offer.tiers] == [200_000, 500_000]
    keys = {fact.key.removeprefix("offer/api-x-y@2026-10-01/"): fact.value for fact in offer_facts(offer)}
    assert keys["tiers/500000/batch_input_usd_per_mtok"] == 3
    assert len(keys) == 6


def test_a_free_offer_says_so_with_a_reason() -> None:
    """A price of 0 is loaded where `free: true` and a note say that it is meant."""
    text = API[: API.index("    tiers")].replace("input_usd_per_mtok: 2\n", "input_usd_per_mtok: 0\n    free: true\n")
    (offer,) = read(text).offers
    assert (offer.free, offer.input_usd_per_mtok) == (True, 0)


QUOTED = """\
sources: {quote: {source: our quote, as_of: 2026-11-01}}
offers:
  - {id: x, provider: a, kind: accelerator_hour, accelerator: h100-sxm, valid_from: 2026-11-01, source: quote, \
usd_per_hour: 3, valid_to: 2026-12-31}
"""

SPEC_TWICE = """\
source: s
as_of: 2026
facts: {accelerator/x/tdp_w: {value: 90, unit: W}}
accelerators: {x: {facts: {tdp_w: 91}}}
"""

BAD = [  # text, what the error says, where
    (OFFER.replace("    source: quotation 4711\n", ""), "no source", "facts.yaml:2:5"),
    (OFFER.replace("    kind: server_purchase\n", ""), "no kind", "facts.yaml:2:5"),
    (OFFER.replace("    valid_from: 2026-10-01\n", ""), "no valid_from", "facts.yaml:2:5"),
    (OFFER.replace("231000", "-5"), "above 0, got -5", "facts.yaml:9:5"),
    (OFFER.replace("231000", "0"), "above 0, got 0", "facts.yaml:9:5"),
    (OFFER.replace("231000", ".inf"), "finite, got inf", "facts.yaml:9:5"),
    (OFFER.replace("231000", ".nan"), "finite, got nan", "facts.yaml:9:5"),
    (OFFER.replace("231000", "'231000'"), "should be a number, got '231000'", "facts.yaml:9:5"),
    (OFFER.replace("2026-10-01", "last week"), "got 'last week'", "facts.yaml:7:5"),
    (OFFER.replace("2026-10-01", "2026-10"), "should be a date", "facts.yaml:7:5"),
    (OFFER.replace("server_purchase", "server_purchas"), "'server_purchas' is not known", "facts.yaml:4:5"),
    (OFFER.replace("purchase_usd", "usd_per_hour"), "is no price of a server_purchase", "facts.yaml:9:5"),
    (OFFER.replace("provider", "provder"), "provder: unknown key", "facts.yaml:3:5"),
    (OFFER.replace("count: 8", "count: 0"), "outside 1", "facts.yaml:6:5"),
    ("offers: 5\n", "list of mappings", "facts.yaml:1:1"),
    ("ofers: []\n", "unknown key", "facts.yaml:1:1"),
    ("facts: [1]\n", "should be a mapping", "facts.yaml:1:1"),
    ("a: [1\n", "not valid YAML", "facts.yaml:2:1"),
    ("- 1\n", "mapping of sections", "facts.yaml"),
    ("facts:\n  a/b: {value: 1, source: s, as_of: 2026}\n", "no unit", "facts.yaml:2:8"),
    ("facts:\n  a/b: {value: 1, unit: W, as_of: 2026}\n", "no source", "facts.yaml:2:8"),
    ("facts:\n  a/b: {value: 0, unit: USD/kWh, source: s, as_of: 2026}\n", "above 0", "facts.yaml:2:9"),
    (
        "source: s\nas_of: 2026\naccelerators:\n  x: {facts: {tdp_w: 700000}}\n",
        "700000 W lies outside 10..5000",
        "facts.yaml:4:15",
    ),
    (
        "assumptions:\n  pue: {low: 2, base: 1.4, high: 1.6, unit: ratio, source: s, as_of: 2026}\n",
        "low <= base <= high",
        "facts.yaml:2:17",
    ),
    (API.replace("_mtok: 2\n", "_mtok: 0\n"), "above 0, got 0", "facts.yaml:9:5"),
    (API.replace("note: free while in preview", "free: true"), "needs a reason", "facts.yaml:8:5"),
    (API.replace("provider: x", "free: true\n    provider: x"), "no price of 0 is stated", "facts.yaml:3:5"),
    (API.replace("provider: x", "free: 1\n    provider: x"), "should be true, got 1", "facts.yaml:3:5"),
    (
        API.replace("_mtok: 2\n", "_mtok: -2\n    free: true\n"),
        "-2 USD/Mtok lies outside 0..10000",
        "facts.yaml:9:5: offers/api-x-y/input_usd_per_mtok",
    ),
    (API.replace("500000", "100000"), "should ascend, got [200000, 100000]", "facts.yaml:12:5"),
    (API.replace("500000", "0.5"), "0.5 lies outside 1", "facts.yaml:14:10"),
    (API.replace("above_input_tokens: 5", "above_tokens: 5"), "above_tokens: unknown key", "facts.yaml:14:10"),
    (API.replace("_mtok: 6", "_mtok: -6"), "above 0, got -6", "facts.yaml:14:38"),
    (API.replace("_mtok: 4", "_mtok: null"), "no price changes above 200,000", "facts.yaml:13:10"),
    (API[: API.index("tiers:")] + "tiers: 5\n", "got 5", "facts.yaml:12:5"),
    (OFFER + "    tiers: [{above_input_tokens: 5, input_usd_per_mtok: 1}]\n", "tiers of an api", "facts.yaml:10:5"),
    (OFFER.replace("quotation 4711", "quotation-4711"), "no source has the id 'quotation-4711'", "facts.yaml:8:5"),
    (QUOTED.replace("source: quote", "source: quoet"), "no source has the id 'quoet'", "facts.yaml:3:97"),
    (OFFER + "    valid_to: 2026-10-01\n", "ends on 2026-10-01 and holds from 2026-10-01", "facts.yaml:10:5"),
    (OFFER.replace("    purchase_usd: 231000\n", ""), "no price is stated", "facts.yaml:2:5: offers/our-h100-quote"),
    (QUOTED.replace("accelerator: h100-sxm, ", ""), "no accelerator", "facts.yaml:3:5"),
    (API.replace("    model: y\n", ""), "no model", "facts.yaml:2:5"),
    (QUOTED.replace("hour: 3", "hour: 3e9"), "3e+09 USD/hour lies outside 0.001..100000", "facts.yaml:3:112"),
    (
        QUOTED + QUOTED.splitlines()[2] + "\n",
        "offer/x@2026-11-01 is stated already at facts.yaml:3:5",
        "facts.yaml:4:5",
    ),
    (
        QUOTED + QUOTED.splitlines()[2].replace("11-01", "11-15") + "\n",
        "begins on 2026-11-15, before the end of the entry at facts.yaml:3:5 on 2026-12-31",
        "facts.yaml:4:5",
    ),
    (
        SPEC_TWICE,
        "accelerator/x/tdp_w is stated already at facts.yaml:4:28",
        "facts.yaml:3:30",
    ),
    ("left_out:\n  - {what: x, source: s}\n", "no reason", "facts.yaml:2:5"),
    ("unpriced:\n  - {id: x, kind: api, missing: []}\n", "should list the fields", "facts.yaml:2:"),
]


@pytest.mark.parametrize(("text", "problem", "place"), BAD)
def test_bad_facts_name_the_place_and_the_way_out(text: str, problem: str, place: str) -> None:
    """One clear error: file, line, column, key, value, and what to do."""
    with pytest.raises(FactError) as caught:
        read(text)
    assert problem in caught.value.message
    assert caught.value.message.startswith(place)
    assert caught.value.way_out


def test_an_unknown_accelerator_is_named_at_its_place(tmp_path: Path) -> None:
    """What only the whole catalog can tell is told with file, line and column too, of offers and of facts."""
    texts = {
        "offer": QUOTED.replace("h100-sxm", "h100sxm"),
        "fact": "source: s\nas_of: 2026\nfacts:\n  accelerator/h100sxm/tdp_w: {value: 700, unit: W}\n",
    }
    for name, line in (("offer", "3:5"), ("fact", "4:30")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(texts[name])
        with pytest.raises(FactError, match=f"{name}.yaml:{line}: .*'h100sxm'") as caught:
            load((path,))
        assert "h100-sxm" in caught.value.way_out


def test_a_folder_is_one_layer_whose_errors_name_its_files(tmp_path: Path) -> None:
    """Files of a folder share their sources, may not contradict one another, and are named with the folder."""
    (tmp_path / "sources.yaml").write_text("sources: {quote: {source: our quote, as_of: 2026-11-01}}\n")
    (tmp_path / "a.yaml").write_text("\n".join(QUOTED.splitlines()[1:]))
    assert load((tmp_path,)).offer("x", "2026-11-02").source == "our quote"
    (tmp_path / "b.yaml").write_text("\n".join(QUOTED.splitlines()[1:]))
    with pytest.raises(FactError, match=f"{tmp_path}/b.yaml:2:5: .* stated already at {tmp_path}/a.yaml:2:5"):
        load((tmp_path,))


def test_a_typing_error_is_met_with_the_nearest_key() -> None:
    """An unknown key proposes the nearest known one."""
    with pytest.raises(FactError) as caught:
        read(OFFER.replace("provider", "provder"))
    assert "'provider'" in caught.value.way_out


@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=1, max_value=1e8))
def test_prices_round_trip(value: float) -> None:
    """A positive price is loaded as it was written."""
    offer = read(OFFER.replace("231000", repr(value))).offers[0]
    assert offer.purchase_usd == value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A fact file that cannot be read is an error with its path."""
    with pytest.raises(FactError, match=r"gone\.yaml"):
        load((tmp_path / "gone.yaml",))


def test_a_folder_without_facts_is_named(tmp_path: Path) -> None:
    """A folder that holds nothing to read was hardly meant."""
    with pytest.raises(FactError, match=r"holds no \*\.yaml"):
        load((tmp_path,))


def test_nothing_is_stated_twice(tmp_path: Path) -> None:
    """Two shipped files may not state the same key; the error names both."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("facts:\n  x/y: {value: 1, unit: W, source: s, as_of: 2026}\n")
    with pytest.raises(FactError, match=r"b\.yaml:2:8: x/y is stated already at a\.yaml:2:8"):
        compile_tree(tmp_path)


def test_an_empty_file_states_nothing() -> None:
    """An empty fact file is no error."""
    assert read("") == Snapshot()
