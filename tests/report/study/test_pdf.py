"""The PDF: tagged, dated by its prices, the same bytes every time, and no name becomes markup."""

from __future__ import annotations

import re
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.report.chart import bars
from breakeven.report.document import (
    Assumption,
    Chart,
    Document,
    Items,
    Provenance,
    Risk,
    Section,
    Source,
    Table,
    Text,
    Verdict,
)
from breakeven.report.memo import memo
from breakeven.report.render import pdf
from breakeven.report.render import typst as markup
from breakeven.report.tco import tco_document
from breakeven.schema.plan import Plan
from breakeven.schema.tco import Tco

HOSTILE = '#read("/etc/passwd") *a* _b_ $x$ @c <d> \\ "quoted" ]); #panic() // [^1] \x00\x1b[31m'
SVG = bars.bars([bars.Row(name="a", value=1)], unit="USD", title="t", description="d")


def document(words: str) -> Document:
    """One of each kind of block, all filled with the same words."""
    source = Source(mark=1, key=words, value=words, source=words, as_of=words, url=words, licence=words, note=words)
    blocks = (
        Verdict(sentence=words, figure=words, interval=words),
        Text(text=words),
        Items(items=(words, words)),
        Table(caption=words, columns=(words, "b"), rows=((words, words),), note=words),
        Chart(title=words, svg=SVG, summary=words),
        Assumption(name=words, value=words, source=words, as_of=words, note=words),
        Risk(text=words),
        Provenance(sources=(source,)),
    )
    section = Section(title=words, blocks=blocks)
    return Document(title=words, subtitle=words, sections=(section,), meta=((words, words),))


@pytest.fixture
def compiler():
    """The real compiler."""
    return pytest.importorskip("typst")


def test_a_study_and_a_memo_become_tagged_pdfs(compiler, tco: Tco, weighed: Plan) -> None:
    """Tags, a language, a title, alternative texts, and the two standards they are checked against."""
    for made in (tco_document(tco), memo(weighed)):
        found = pdf.render(made, as_of="2026-11-24")
        assert found.startswith(b"%PDF")
        assert b"/StructTreeRoot" in found
        assert re.search(rb"/Lang\s*\(en", found)
        assert b"pdfuaid" in found
        assert b"D:20261124" in found


def test_same_document_same_pdf(compiler, tco: Tco) -> None:
    """No clock, no machine name, no random id; another date is another file."""
    made = tco_document(tco)
    first = pdf.render(made, as_of="2026-11-24")
    assert first == pdf.render(made, as_of="2026-11-24")
    assert first != pdf.render(made, as_of="2026-11-25")


def test_hostile_words_compile_and_stay_words(compiler) -> None:
    """Code, labels, paths and quotes in a name are text: nothing is read and nothing fails."""
    made = document(HOSTILE)
    assert pdf.render(made, as_of="2026-11-24").startswith(b"%PDF")
    paragraphs = compiler.query(
        markup.render(made).source.encode(),
        "heading",
        field="body",
        sys_inputs={"chart-1": SVG},
        ignore_system_fonts=True,
    )
    assert "panic" in paragraphs


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(max_codepoint=0x17F), max_size=40))
def test_any_latin_words_compile(words: str) -> None:
    """Whatever a name holds."""
    pytest.importorskip("typst")
    assert pdf.render(document(words or "x"), as_of="2026-11-24").startswith(b"%PDF")


@given(st.text(max_size=60))
def test_a_literal_ends_where_its_text_does(words: str) -> None:
    """No quote in a text closes the string, and no control character is left."""
    found = markup.literal(words)
    assert re.fullmatch(r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\["\\])*"', found)


def test_drawings_are_passed_and_have_words(tco: Tco) -> None:
    """Each chart is an input by name, in plain colours, with an alternative text; none is a file."""
    made = tco_document(tco)
    charts = [block for block in made.blocks() if isinstance(block, Chart)]
    found = markup.render(made)
    assert sorted(found.images) == [f"chart-{at}" for at in range(1, len(charts) + 1)]
    assert all(b"light-dark" not in svg for svg in found.images.values())
    assert found.source.count("alt: ") == len(charts)
    assert not re.search(r'image\("|read\(|@preview|#import', found.source)


def test_tables_have_headers_and_marks_lead_to_sources(tco: Tco) -> None:
    """Every table has a header row; every link within goes to a label that exists."""
    made = tco_document(tco)
    found = markup.render(made).source
    assert found.count("table.header(") == sum(isinstance(block, Table) for block in made.blocks())
    wanted = set(re.findall(r"link\(<(source-\d+)>", found))
    labels = re.findall(r"^#block\(below.*<(source-\d+)>$", found, re.MULTILINE)
    assert wanted <= set(labels)
    assert len(labels) == len(set(labels)) == len(made.sources())


def test_a_mark_without_a_source_is_no_link() -> None:
    """It is still printed, so that the gap is seen, and the file still compiles."""
    assert "link" not in markup.rich("a[^7]", frozenset())
    assert "7" in markup.rich("a[^7]", frozenset())


def test_without_the_package_the_way_out_is_said(monkeypatch, tco: Tco) -> None:
    """A usage error that names the extra."""
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match="typst") as raised:
        pdf.render(tco_document(tco), as_of="2026-11-24")
    assert "pip install 'breakeven[pdf]'" in raised.value.way_out


def test_characters_that_no_font_has_are_an_error_with_a_way_out(compiler, tco: Tco) -> None:
    """A box in place of a character would be a silent loss."""
    made = msgspec.structs.replace(tco_document(tco), title="private \U000f1234")
    with pytest.raises(UsageError, match="could not be made") as raised:
        pdf.render(made, as_of="2026-11-24")
    assert "font" in raised.value.way_out
