"""docs/catalog.md: its fact file loads and means what it says, and it names every section and every check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from breakeven.catalog.check import CHECKS
from breakeven.catalog.fields import ACCELERATOR, MODEL
from breakeven.catalog.load import load
from breakeven.catalog.view import SECTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text()


def test_the_fact_file_loads(tmp_path: Path) -> None:
    """The example is laid over the shipped catalog: converted, in force on its days, with all that is known of it."""
    found = re.search(r"<!-- example -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert found
    path = tmp_path / "ours.yaml"
    path.write_text(found[1])
    known = load((path,))
    assert known.electricity("DEU").value == pytest.approx(0.182)
    assert known.electricity("DEU").note == "stated as 182 USD/MWh"
    assert known.accelerator("our-board").memory_bytes == 48e9
    assert known.assumption("maintenance").value == pytest.approx(0.08)
    offer = known.offer("our-8x-server", "2026-11-24")
    (price,) = known.facts_of(offer)
    assert (price.value, price.layer, price.confidence, price.valid_to) == (231_000, "user", "high", "2027-02-20")


@pytest.mark.parametrize("name", [*CHECKS, *SECTIONS])
def test_every_check_and_section_is_named(name: str) -> None:
    """What the command flags or lists is in the text."""
    assert re.search(rf"\b{name}\b", TEXT)


@pytest.mark.parametrize("name", [*MODEL, *(name for name in ACCELERATOR if name.startswith("flops"))])
def test_every_size_is_explained(name: str) -> None:
    """What a model sheet states, and every peak of a board, is in the text."""
    assert f"`{name}`" in TEXT


def test_the_number_of_models_is_the_one_in_the_text() -> None:
    """The text counts the models that are shipped."""
    assert f"{len(load().models())} models are sized" in TEXT
