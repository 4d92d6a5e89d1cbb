"""Laws of fact files: without a source nothing loads, and every error names file, line, key, value and the way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.build import compile_tree
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
    path.write_text(f"source: vendor datasheet\nas_of: 2026-10-01\naccelerators:\n  a10:\n    facts: {{{fact}}}\n")
    before, after = load().accelerator("a10"), load((path,)).accelerator("a10")
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


BAD = [  # text, what the error says, where
    (OFFER.replace("    source: quotation 4711\n", ""), "no source", "facts.yaml:2:5"),
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
        "700000 lies outside 10..5000",
        "facts.yaml",
    ),
    (
        "assumptions:\n  pue: {low: 2, base: 1.4, high: 1.6, unit: ratio, source: s, as_of: 2026}\n",
        "low <= base <= high",
        "facts.yaml:2:17",
    ),
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


def test_a_typing_error_is_met_with_the_nearest_key() -> None:
    """An unknown key proposes the nearest known one."""
    with pytest.raises(FactError) as caught:
        read(OFFER.replace("provider", "provder"))
    assert "'provider'" in caught.value.way_out


@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=1e-6, max_value=1e9))
def test_prices_round_trip(value: float) -> None:
    """A positive price is loaded as it was written."""
    offer = read(OFFER.replace("231000", repr(value))).offers[0]
    assert offer.purchase_usd == value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A fact file that cannot be read is an error with its path."""
    with pytest.raises(FactError, match=r"gone\.yaml"):
        load((tmp_path / "gone.yaml",))


def test_nothing_is_stated_twice(tmp_path: Path) -> None:
    """Two shipped files may not state the same key; the error names both."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("facts:\n  x/y: {value: 1, unit: W, source: s, as_of: 2026}\n")
    with pytest.raises(FactError, match=r"b\.yaml: x/y is stated already in a\.yaml"):
        compile_tree(tmp_path)


def test_an_empty_file_states_nothing() -> None:
    """An empty fact file is no error."""
    assert read("") == Snapshot()
