"""docs/tco.md: its study runs, its tables are the code's, and its mistakes are caught."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest

from breakeven.assembly import studies
from breakeven.catalog.load import load as load_catalog
from breakeven.config.grammar import GRAMMARS, tables
from breakeven.config.study.file import load
from breakeven.report import brief
from breakeven.report.render import text
from breakeven.report.tco import tco_document
from breakeven.study.compute import compute
from breakeven.study.figures import FIGURES as OF_OPTION
from breakeven.study.outlook.outlook import outlook
from breakeven.study.pair import FIGURES as OF_PAIR

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs/tco.md"
SHOWN = {"Answer", "Warnings", "By load", "Break-even", "How sure it is", "What would change it"}
Same = Callable[[Path, str, str], None]


def first() -> str:
    """The study of the document."""
    [found] = re.findall(r"```yaml\n(.*?)```", DOC.read_text(), re.DOTALL)
    return found


def test_the_first_study_answers_as_printed(same: Same) -> None:
    """The worked example is real: it is the text of its document, with the seed it states."""
    study, catalog = load(first()), load_catalog()
    ahead = study.uncertainty
    assert ahead is not None
    rng = np.random.default_rng(ahead.seed)
    found = compute(study, catalog, lambda: outlook(study, catalog, rng, seed=ahead.seed, draws=ahead.draws))
    document = brief.without_sources(brief.without_details(tco_document(found)))
    some = tuple(section for section in document.sections if section.title in SHOWN)
    printed = text.render(msgspec.structs.replace(document, sections=some))
    same(DOC, "first answer", f"```text\n{printed}```")


@pytest.mark.parametrize("grammar", ["study", "quantity"])
def test_the_grammar_is_the_code_s(grammar: str, same: Same) -> None:
    """The tables of the page are the descriptions that errors and editors show."""
    same(DOC, grammar, tables(grammar))


def _table(figures: Mapping[str, object]) -> str:
    rows = (f"| `{name}` | {_unit(spec)} | {spec.meaning} |" for name, spec in figures.items())  # type: ignore[attr-defined]
    return "\n".join(("| figure | unit | meaning |", "|---|---|---|", *rows))


def _unit(spec: object) -> str:
    unit: str = spec.unit  # type: ignore[attr-defined]
    return unit.replace("CUR", "currency") or "-"


@pytest.mark.parametrize(("mark", "figures"), [("figures", OF_OPTION), ("pairs", OF_PAIR)])
def test_what_results_may_name_is_listed(mark: str, figures: Mapping[str, object], same: Same) -> None:
    """Every figure stands in the page with its unit and meaning."""
    same(DOC, mark, _table(figures))


@pytest.mark.parametrize("name", ["study", "quantity", "proposal", "workload"])
def test_every_field_is_described(name: str) -> None:
    """No row of a grammar is empty."""
    assert name in GRAMMARS
    empty = [row for row in tables(name).splitlines() if re.fullmatch(r"\| `\w+` \| .* \| *(\(needed\))? *\|", row)]
    assert empty == []


def test_every_example_is_listed() -> None:
    """Each study of examples/tco has its line on the page."""
    for path in (ROOT / "examples/tco").glob("*.yaml"):
        assert f"examples/tco/{path.name})" in DOC.read_text(), path.name


MISTAKES = {
    "licence": ("staff: {rate: {fact: assumption/staff_loaded}, count: 0.3 FTE}", "licence: 4500 USD/year", "per what"),
    "watts": ("per_server: 8.5 kW/server", "per_accelerator: 700 kW/accelerator", "700 W"),
    "month": ("hours_per_month: 730, ", "", "hours_per_month: 730"),
    "currency": ("maintenance: 8 %/year of purchase", "maintenance: 100 EUR/month", "fx:"),
    "negative": ("rent: {offer: lambda-h100-sxm-8x-on-demand", "rent: {price: -2 USD/server/h", "negative"),
    "nan": ("value: 24 request/s/server", "value: nan request/s/server", "no quantity"),
    "residual": (
        "residual: {fact: assumption/residual_36m}",
        "residual: 300000 USD/server",
        "above the purchase price",
    ),
    "term": ("overhead: 5 %", "overhead: 5 %, term: 60 month, basis: reserved", "horizon of 36 months"),
    "share": ("useful: 70 %", "useful: 70", "between 0 and 100 %"),
    "name": ("capacity: = carried, spare", "capacity: = caried, spare", "did you mean `carried`"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught_where_it_stands(mistake: str, tmp_path: Path) -> None:
    """The page's mistakes, each written into its study: refused with file, line, what is wrong and the way out."""
    before, after, told = MISTAKES[mistake]
    assert before in first()
    case = tmp_path / "case.yaml"
    case.write_text(first().replace(before, after))
    with pytest.raises(studies.StudyError) as raised:
        studies.computed(case)
    said = str(raised.value)
    assert told in said
    assert re.search(r"case\.yaml:\d+:\d+", said)


def test_without_a_change_of_sign_there_is_no_rate_and_the_rest_stands() -> None:
    """A purchase that never pays has no IRR, and says why."""
    changed = first().replace("rent: {offer: lambda-h100-sxm-8x-on-demand", "rent: {price: 0.01 USD/server/h")
    changed = changed.replace("residual: {fact: assumption/residual_36m}", "residual: 0 %")
    found = compute(load(changed), load_catalog())
    figures = {one.name: one.figure for pair in found.base.pairs for one in pair.figures}
    assert figures["buy_vs_rent.irr_year"].value is None
    assert "never changes sign" in figures["buy_vs_rent.irr_year"].note
    assert figures["buy_vs_rent.npv"].value is not None
