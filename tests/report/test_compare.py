"""The document of a comparison: traceable, honest about what is unknown, and the one that the docs show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from breakeven.catalog.load import load as load_catalog
from breakeven.config.grammar import tables
from breakeven.config.study.proposal import load_proposal, load_workload
from breakeven.report.brief import without_sources
from breakeven.report.compare import comparison_document
from breakeven.report.document import Document, Table, Verdict
from breakeven.report.render import html, markdown, text
from breakeven.schema.comparison import Comparison
from breakeven.study.vendor.assess import assess

ROOT = Path(__file__).parents[2]
EXAMPLES, DOC = ROOT / "examples/compare", ROOT / "docs/compare.md"
SHOWN = {"Answer", "Cost by load", "Where the cheaper one changes", "Red flags"}


@pytest.fixture(scope="module")
def compared() -> Comparison:
    proposals = [load_proposal((EXAMPLES / f"{name}.yaml").read_text()) for name in ("managed", "dedicated", "api")]
    return assess(proposals, load_workload((EXAMPLES / "workload.yaml").read_text()), load_catalog())


@pytest.fixture(scope="module")
def document(compared: Comparison) -> Document:
    return comparison_document(compared)


def tables_of(document: Document) -> dict[str, Table]:
    return {block.caption: block for block in document.blocks() if isinstance(block, Table)}


def test_every_number_can_be_traced(document: Document) -> None:
    """Each mark has a footnote, each footnote a source and a date."""
    assert document.problems() == ()
    assert len(document.sources()) > 10


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_every_renderer_takes_it(document: Document, render) -> None:
    """Vendors, the reason for a missing price and the open questions are in every form."""
    shown = render(document)
    for words in ("Example Managed Inference", "no price for egress", "By how much may prices rise a year?"):
        assert words in shown


def test_unknown_is_written_out(compared: Comparison, document: Document) -> None:
    """An incomplete cost is at least what it is, ranks as unknown, and is named in the table of what is not priced."""
    [incomplete] = [one for one in compared.proposals if one.missing]
    [row] = [row for row in tables_of(document)["Ranking"].rows if row[1] == incomplete.vendor]
    assert row[2:4] == ("unknown", "unknown")
    [cost] = [row for row in tables_of(document)["A month of the mean demand, USD"].rows if row[0] == incomplete.vendor]
    assert cost[1].startswith("at least $")
    assert cost[3] == "no price"


def test_the_verdict_names_the_first_place(compared: Comparison, document: Document) -> None:
    """The sentence speaks of the first of the list, with its month."""
    [verdict] = [block for block in document.blocks() if isinstance(block, Verdict)]
    assert compared.proposals[0].vendor in verdict.sentence
    assert f"${compared.proposals[0].cost.value:,.0f}" in verdict.figure


def test_nobody_first_is_said(compared: Comparison) -> None:
    """Where every proposal is excluded, the verdict says why instead of naming the least bad."""
    out = tuple(
        msgspec.structs.replace(
            one, standing=msgspec.structs.replace(one.standing, place=None, excluded=("Data must stay in eu.",))
        )
        for one in compared.proposals
    )
    shown = text.render(comparison_document(msgspec.structs.replace(compared, proposals=out)))
    assert "No proposal can be taken" in shown
    assert "Data must stay in eu." in shown


def test_the_document_follows_the_order_of_places(compared: Comparison, document: Document) -> None:
    """Rows stand as the proposals do, and the order of the files does not show."""
    assert [row[1] for row in tables_of(document)["Ranking"].rows] == [one.vendor for one in compared.proposals]


def test_the_docs_show_what_the_example_prints(document: Document, same: Callable[..., None]) -> None:
    """The worked example is real: it is what the command prints of the example, without sources as it does."""
    some = msgspec.structs.replace(
        document, sections=tuple(section for section in document.sections if section.title in SHOWN)
    )
    same(DOC, "example", f"```text\n{text.render(without_sources(some))}```")


@pytest.mark.parametrize("grammar", ["proposal", "workload"])
def test_the_docs_hold_the_grammar(grammar: str, same: Callable[..., None]) -> None:
    """The tables of the docs are the descriptions of the code."""
    same(DOC, grammar, tables(grammar))
