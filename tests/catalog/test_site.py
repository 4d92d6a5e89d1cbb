"""Laws of where owned machines stand: the tariff is in USD/kWh whatever unit it was stated in, and of its day."""

from pathlib import Path

from breakeven.assembly.resolve import site_of
from breakeven.catalog.load import load
from breakeven.config import settings

FOUND = settings.load("planning: {electricity_country: DEU}\n")
CONTRACT = """\
source: our contract
facts:
  electricity/DEU/usd_per_kwh: {value: 120, unit: USD/MWh, as_of: 2026-01-01, valid_to: 2027-01-01}
"""


def test_a_contract_per_mwh_is_a_tariff_per_kwh(tmp_path: Path) -> None:
    """120 USD/MWh is 0.12 USD/kWh while the contract holds; before and after it the published tariff is."""
    path = tmp_path / "ours.yaml"
    path.write_text(CONTRACT)
    days = ("2025-12-31", "2026-06-01", "2027-01-01")
    known = load((path,))
    assert [site_of(FOUND, known, day).usd_per_kwh for day in days] == [0.1552, 0.12, 0.1552]


def test_without_a_country_the_tariff_is_assumed() -> None:
    """Nothing is looked up that nobody asked for."""
    assert site_of(settings.load(""), load(), "2026-06-01").usd_per_kwh is None
