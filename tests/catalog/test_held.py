"""What the catalog holds beside prices: assumptions, second opinions with their licences, and what it knows to lack."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from breakeven.catalog.build import compile_second, encode
from breakeven.catalog.load import DATA, SECOND, load, second_snapshot, shipped
from breakeven.catalog.snapshot import Snapshot
from breakeven.catalog.unpriced import NEEDED
from breakeven.catalog.view import rows
from breakeven.errors import FactError

CATALOG, DAY, ROOT = load(), "2026-11-24", Path(__file__).parents[2]
ASSUMED = [
    "electricity_us_commercial",
    "cooling_adder_air",
    "cooling_adder_liquid",
    "pue",
    "maintenance",
    "colocation_rack_high_density",
    "colocation_per_kw",
    "staff_loaded",
    "staff_fte_per_8gpu_node",
    "gpu_failure_rate",
    "egress_aws_first10TB",
    "egress_aws_10_to_50TB",
    "egress_aws_free",
    "egress_azure",
    "egress_gcp",
    "egress_oci",
    "egress_oci_free",
    "object_storage",
    "residual_12m",
    "residual_24m",
    "residual_36m",
    "residual_60m",
    "useful_life",
    "cost_of_capital",
    "api_price_decay",
    "cloud_gpu_price_decay",
    "goodput_loss",
    "support_uplift_hyperscaler",
]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("second_opinion", ROOT / "scripts" / "second_opinion.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SECOND", tmp_path)
    return module


@pytest.mark.parametrize("name", ASSUMED)
def test_each_operating_assumption_is_a_fact(name: str) -> None:
    """Every input of a cost of ownership has a range, a source and a confidence."""
    fact = CATALOG.assumption(name)
    assert fact.unit
    assert fact.source
    assert fact.confidence in {"medium", "low"}


def test_the_schedule_depreciates_all_of_it() -> None:
    """The six years of the five-year schedule sum to the purchase price."""
    years = [CATALOG.assumption(f"macrs5_year_{year}") for year in range(1, 7)]
    assert [year.value for year in years] == [0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576]
    assert sum(year.value or 0 for year in years) == pytest.approx(1)


def test_the_catalog_is_wide_enough_to_compare() -> None:
    """At least 40 accelerators, 60 rented machines, 200 grids and 60 countries' electricity."""
    assert len(CATALOG.accelerator_heads) >= 40
    assert len(CATALOG.offers(on=DAY, kind="accelerator_hour")) >= 60
    kinds = [fact.kind for fact in CATALOG.known.values()]
    assert kinds.count("carbon") >= 200
    assert kinds.count("electricity") >= 60 + 50


def test_second_opinions_are_built_file_by_file() -> None:
    """Each YAML file has its own JSON file, byte for byte what the build makes of it, so that licences stay apart."""
    built = compile_second(DATA)
    assert {path.name for path in built} == {path.name for path in SECOND.glob("*.json")}
    for path, part in built.items():
        assert encode(part) == path.read_bytes()
        assert msgspec.json.decode(path.read_bytes(), type=Snapshot) == part


def test_what_is_under_another_licence_says_so() -> None:
    """The 214 grids of EcoLogits stand in files of their own, each fact names the licence, and NOTICE does too."""
    mine = [fact for fact in second_snapshot().facts if "ecologits" in fact.key]
    assert len(mine) == 214
    assert {fact.licence for fact in mine} == {"MPL-2.0"}
    assert not [fact for fact in shipped().facts if "MPL" in fact.licence]
    assert "https://mozilla.org/MPL/2.0/" in (SECOND / "carbon-ecologits.yaml").read_text()
    notice = (ROOT / "NOTICE").read_text()
    for named in ("EcoLogits", "Berri AI", "Alpha One Index", "Mozilla Public License 2.0"):
        assert named in notice


def test_every_source_that_is_named_is_described() -> None:
    """Sources in the table have a licence, the day they were read and how far they are trusted."""
    for source in shipped().sources:
        assert source.licence, source.source
    assert len({source.source for source in shipped().sources}) == len(rows(CATALOG, "sources", DAY))


def test_a_second_opinion_names_its_source_in_its_key(tmp_path: Path) -> None:
    """A file of second opinions cannot restate a fact under the fact's own key."""
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "a.yaml").write_text("facts:\n  x/y: {value: 1, unit: W, source: s, as_of: 2026}\n")
    with pytest.raises(FactError, match="x/y is no second opinion"):
        compile_second(tmp_path)


def test_grams_are_made_of_kilograms(script: ModuleType, tmp_path: Path) -> None:
    """0.32965 kg/kWh is 329.65 g/kWh; a grid of 0 is left out."""
    published = tmp_path / "mixes.json"
    published.write_text('{"electricity_mixes": [{"name": "DEU", "gwp": 0.32965}, {"name": "CAF", "gwp": 0.0}]}')
    assert script.main(["carbon", str(published)]) == 0
    text = (tmp_path / "carbon-ecologits.yaml").read_text()
    assert "carbon/DEU/gco2_per_kwh@ecologits-0.11.3: {value: 329.65, unit: gCO2e/kWh" in text
    assert "CAF" not in text


def test_prices_a_token_are_made_prices_a_million(script: ModuleType, tmp_path: Path) -> None:
    """2.5e-6 USD a token is 2.5 USD a million; entries of another provider and prices of 0 are left out."""
    published = tmp_path / "prices.json"
    entry = '"litellm_provider": "%s", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 0'
    rivals = ", ".join(f'"{name}": {{{entry % who}}}' for name, who in [("gpt-4o", "openai"), ("gpt-4.1", "azure")])
    published.write_text(f"{{{rivals}}}")
    assert script.main(["api", str(published)]) == 0
    lines = [line for line in (tmp_path / "api-litellm.yaml").read_text().splitlines() if line.startswith("  offer/")]
    assert len(lines) == 1
    assert "offer/api-openai-gpt-4o/input_usd_per_mtok@litellm-1.109.1: {value: 2.5," in lines[0]


def test_an_unknown_subject_prints_the_usage(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A subject that is not known is answered with what is."""
    assert script.main(["weather", "x.json"]) == 2
    assert "Usage" in capsys.readouterr().err


def test_what_is_unknown_is_listed_by_name() -> None:
    """Devices no source prices, and accelerators without a figure, are listed with the missing fields named."""
    listed = {(row["id"], row["kind"]): str(row["missing"]) for row in rows(CATALOG, "unpriced", DAY)}
    assert {"nvidia-jetson", "apple-silicon", "cpu-server-on-prem"} <= {name for name, _ in listed}
    assert "flops_fp16" in listed["rtx-a5000", "accelerator"]
    for accelerator in CATALOG.accelerators():
        absent = ", ".join(name for name in NEEDED if getattr(accelerator, name) is None)
        assert listed.get((accelerator.id, "accelerator"), "") == absent


def test_an_accelerator_nobody_sells_is_listed_until_somebody_does() -> None:
    """Exactly the accelerators without an offer in force are listed as without a price."""
    sold = {offer.accelerator for offer in CATALOG.offers(on=DAY)}
    listed = {row["id"] for row in rows(CATALOG, "unpriced", DAY) if row["kind"] == "accelerator_hour"}
    assert listed & set(CATALOG.accelerator_heads) == set(CATALOG.accelerator_heads) - sold
