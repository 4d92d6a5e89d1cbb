"""Laws of the catalog commands: own and refreshed layers are seen, as of a day, and what is unpriced says so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from breakeven.catalog.find import index
from breakeven.catalog.load import load, shipped
from breakeven.catalog.snapshot import Unpriced
from breakeven.catalog.unpriced import example
from breakeven.cli.main import main

LISTED = "lambda-h100-sxm-8x-on-demand"
OURS = f"""\
source: quotation 4711
as_of: 2026-11-01
licence: own
retrieved: 2026-11-02
confidence: high
facts:
  electricity/DEU/usd_per_kwh: {{value: 200, unit: USD/MWh, note: our contract}}
offers:
  - {{id: {LISTED}, provider: lambda, kind: accelerator_hour, accelerator: h100-sxm, count: 8, valid_from: 2026-11-01,
     usd_per_hour: 55.04, valid_to: 2027-11-01}}
"""


@pytest.fixture(autouse=True)
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ours.yaml"
    path.write_text(OURS)
    return path


def said(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["catalog", *arguments])


def rows(*arguments: str) -> list[dict[str, object]]:
    found = said(*arguments, "--json")
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def test_a_fact_file_reaches_list_show_and_check() -> None:
    """What the user states is listed, shown with what it stands in for, and checked against it."""
    (offer,) = [row for row in rows("list", "offers", "--facts", "ours.yaml") if row["id"] == LISTED]
    assert (offer["usd_per_hour"], offer["layer"]) == (55.04, "user")
    assert [row["value"] for row in rows("show", LISTED, "--facts", "ours.yaml")] == [55.04, 27.52]
    flagged = {(row["check"], row["offer"]) for row in rows("check", "--facts", "ours.yaml")}
    assert ("exact_double", LISTED) in flagged
    assert not [row for row in rows("check") if row["check"] == "exact_double" and row["offer"] == LISTED]


def test_overrides_are_a_section() -> None:
    """Each figure of the user's over a published one, with both; without a fact file there is none."""
    found = {row["key"]: row for row in rows("list", "overrides", "--facts", "ours.yaml")}
    assert {key: (row["value"], row["published"]) for key, row in found.items()} == {
        "electricity/DEU/usd_per_kwh": (0.2, 0.1552),
        f"offer/{LISTED}/usd_per_hour": (55.04, 27.52),
    }
    assert rows("list", "overrides") == []


def test_look_ups_are_as_of_a_day() -> None:
    """Before the user's price began the published one is shown, and before anybody stated one there is none."""
    before = ("--facts", "ours.yaml", "--on", "2026-10-31")
    assert [row["value"] for row in rows("show", LISTED, *before)] == [27.52]
    assert rows("show", "electricity/DEU/usd_per_kwh", *before)[0]["value"] == 0.1552
    energy = {row["key"]: row["value"] for row in rows("list", "energy", *before)}
    assert energy["electricity/DEU/usd_per_kwh"] == 0.1552
    assert LISTED not in {row["id"] for row in rows("list", "offers", "--on", "2026-03-15")}
    assert said("list", "--on", "soon").exit_code == 3


def test_a_folder_is_one_layer(tmp_path: Path) -> None:
    """A folder as `catalog import` writes it is refreshed prices, or the user's own; its sources are its own file."""
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "api-sources.yaml").write_text(
        "sources: {list-2026: {source: a list, as_of: 2026-11-20, licence: MIT}}\n"
    )
    (folder / "api-x.yaml").write_text(
        "offers:\n  - {id: api-x-m, provider: x, kind: api, model: m, valid_from: 2026-11-20, source: list-2026,"
        " input_usd_per_mtok: 1}\n"
    )
    for option, layer in (("--facts", "user"), ("--refreshed", "refreshed")):
        (row,) = rows("show", "api-x-m", option, "prices", "--on", "2026-11-24")
        assert (row["value"], row["layer"], row["licence"]) == (1.0, layer, "MIT")


def test_the_facts_of_a_configuration_count(tmp_path: Path) -> None:
    """In the folder of a breakeven.yaml its `facts:` are laid over, under files that are named beside it."""
    (tmp_path / "breakeven.yaml").write_text("facts: [ours.yaml]\n")
    assert rows("show", "electricity/DEU/usd_per_kwh")[0]["value"] == 0.2
    (tmp_path / "later.yaml").write_text(OURS.replace("200", "210"))
    assert rows("show", "electricity/DEU/usd_per_kwh", "--facts", "later.yaml")[0]["value"] == 0.21


def test_a_figure_shows_all_that_is_known_of_it() -> None:
    """Text names source and date, term and validity, when it was read, licence, confidence, layer and note."""
    found = said("show", LISTED, "--facts", "ours.yaml").stdout
    first = found.split("\noffer/")[0]
    for words in (
        "[quotation 4711, 2026-11-01]",
        "term on_demand",
        "valid to 2027-11-01",
        "retrieved 2026-11-02",
        "licence own",
        "confidence high",
        "layer user",
    ):
        assert words in first
    power = said("show", "electricity/DEU/usd_per_kwh", "--facts", "ours.yaml").stdout
    assert "note: our contract; stated as 200 USD/MWh" in power


@pytest.mark.parametrize(("name", "keys"), [("pue", {"assumption/pue"}), ("DEU", {"electricity/DEU/usd_per_kwh"})])
def test_short_names_are_understood(name: str, keys: set[str]) -> None:
    """An assumption by its own name, and all that is known of a region."""
    assert {row["key"] for row in rows("show", name)} >= keys


@pytest.mark.parametrize(
    ("name", "near"), [("h100", "h100-sxm"), ("puee", "pue"), ("api-openai-gpt4o", "api-openai-gpt-4o"), ("jetson", "")]
)
def test_an_unknown_name_is_met_with_near_ones_of_every_kind(name: str, near: str) -> None:
    """What is proposed may be an accelerator, a model, an offer, an assumption or something unpriced."""
    found = said("show", name)
    assert found.exit_code == 3
    assert f"entry {name!r} is not in the catalog" in found.stderr
    assert near in found.stderr


@pytest.mark.parametrize("row", load().unpriced, ids=lambda row: row.id)
def test_what_is_unpriced_says_how_to_price_it(row: Unpriced, tmp_path: Path) -> None:
    """It names what is missing and gives a fact file; that file loads, fills it, and it is unpriced no more."""
    found = said("show", row.id)
    assert found.exit_code == 0
    assert f"{row.id} is unpriced" in found.stdout
    assert all(name in found.stdout for name in row.missing)
    path = tmp_path / "mine.yaml"
    path.write_text(found.stdout.partition("like this:\n\n")[2])
    known = load((path,))
    offer = known.offer(row.id, "2026-11-24")
    assert row.id not in {one.id for one in known.unpriced}
    if "memory_bytes" in row.missing:
        assert known.accelerator(offer.accelerator).memory_bytes == 16e9
    assert rows("show", row.id)[0]["example"] == example(load(), row)


def test_what_is_missing_does_not_deny_what_was_rejected() -> None:
    """A figure that was read and rejected is said to be; a machine that is sold is not listed as unsold."""
    listed = {(row["id"], row["kind"]): row for row in rows("list", "unpriced")}
    assert "read and rejected: bandwidth_bytes_s" in str(listed["trainium-1", "accelerator"]["note"])
    assert ("v100-sxm-16gb", "accelerator_hour") not in listed


def test_rows_that_are_left_out_say_why() -> None:
    """Each has a reason and a source; every provider of the list is taken over or left out."""
    left = rows("list", "left_out")
    assert all(row["reason"] and row["source"] for row in left)
    assert {"provider openrouter of genai-prices", "Vultr A16 x1"} <= {row["what"] for row in left}


def test_every_provider_of_the_installed_list_is_chosen_or_left_out() -> None:
    """A provider that a newer list adds must be chosen, or left out with a reason."""
    providers = pytest.importorskip("genai_prices.data").providers
    from breakeven.catalog.source.genai import PROVIDERS

    left = {row.what.split()[1] for row in load().left_out if row.what.startswith("provider ")}
    assert {provider.id for provider in providers} <= left | PROVIDERS.keys()
    assert not left & PROVIDERS.keys()


def test_every_fact_and_price_says_when_it_was_read_and_how_far_it_is_trusted() -> None:
    """Retrieved and confidence are required of the shipped layer, of every figure and every price."""
    known = index(shipped())
    prices = (fact for history in known.history.values() for offer in history for fact in known.facts_of(offer))
    for fact in (*known.known.values(), *prices):
        assert fact.retrieved, fact.key
        assert fact.confidence, fact.key
        assert fact.licence, fact.key
