"""Renderers: everything escaped, nothing loaded from elsewhere, marks lead to sources, tables say what they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.report.document import (
    Assumption,
    Block,
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
    cite,
    marks,
)
from breakeven.report.memo import memo
from breakeven.report.render import html, markdown, text
from breakeven.report.statement import statement_document
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Statement

HOSTILE = "<img src=x onerror=alert(1)> | `rm` [a](javascript:x) \x1b[31m\r\n\"quoted\" & 'single'"
VOID = {"meta", "br", "img", "hr", "link"}


def blocks(words: str) -> tuple[Block, ...]:
    """One of each kind, all filled with the same words."""
    source = Source(mark=1, key=words, value=words, source=words, as_of=words, url=words, licence=words, note=words)
    return (
        Verdict(sentence=words, figure=words, interval=words),
        Text(text=words),
        Items(items=(words, words)),
        Table(caption=words, columns=(words, "b"), rows=((words, words),), note=words),
        Chart(title=words, svg="<svg></svg>", summary=words),
        Assumption(name=words, value=words, source=words, as_of=words, note=words),
        Risk(text=words),
        Provenance(sources=(source,)),
    )


def document(words: str) -> Document:
    section = Section(title=words, blocks=blocks(words))
    return Document(title=words, subtitle=words, sections=(section,), meta=((words, words),))


class Page(HTMLParser):
    """Opens and closes every tag it meets, and notes what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(document: Document) -> Page:
    found = Page()
    found.feed(html.render(document))
    assert found.open == []
    return found


def test_hostile_words_stay_words_in_html() -> None:
    """No tag, attribute or link comes out of a name."""
    found = page(document(HOSTILE))
    assert not {tag for tag, _ in found.seen} & {"img", "script", "iframe"}
    assert not any(name.startswith("on") for _, attributes in found.seen for name in attributes)
    assert not any("javascript" in (attributes.get("href") or "") for _, attributes in found.seen)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_words_make_a_well_formed_page(words: str) -> None:
    """Tags close in order, whatever the text."""
    page(document(words))


@given(st.text(max_size=60))
def test_terminal_text_holds_no_control_characters(words: str) -> None:
    """A name from outside cannot steer the terminal."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text.render(document(words)))


def test_hostile_words_stay_words_in_markdown() -> None:
    """No table cell, tag, link or code span comes out of a name."""
    found = re.sub(r"(?<!\\)`[^`]*`", "", markdown.render(document(HOSTILE)))
    assert "<img" not in found.replace("\\<img", "")
    assert not re.search(r"(?<!\\)\]\(javascript", found)
    rows = [line for line in found.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_the_page_loads_nothing_and_runs_nothing(plan: Plan, statement: Statement) -> None:
    """One file: no script, no style sheet, no picture from elsewhere."""
    for found in (page(memo(plan)), page(statement_document(statement))):
        assert not {tag for tag, _ in found.seen} & {"script", "link", "img", "iframe", "object"}
        assert not any("src" in attributes for _, attributes in found.seen)
    assert "url(" not in html.STYLE
    assert "@import" not in html.STYLE


def test_the_page_is_light_dark_and_printable() -> None:
    """By CSS alone."""
    assert "color-scheme: light dark" in html.STYLE
    assert "light-dark(" in html.STYLE
    assert "@media print" in html.STYLE


def test_the_page_can_be_read_by_a_screen_reader(plan: Plan) -> None:
    """A language, one h1, a caption for each table, scoped headers, a name for each section and drawing."""
    found = page(memo(plan)).seen
    tags = [tag for tag, _ in found]
    assert ("html", {"lang": "en"}) in found
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption") > 3
    assert all("scope" in attributes for tag, attributes in found if tag == "th")
    assert all("aria-labelledby" in attributes for tag, attributes in found if tag == "section")
    assert all(attributes.get("role") == "img" for tag, attributes in found if tag == "svg")


def test_ids_are_unique_and_every_mark_leads_somewhere(plan: Plan, statement: Statement) -> None:
    """Within one page, drawings included."""
    for made in (memo(plan), statement_document(statement)):
        found = page(made).seen
        ids = [attributes["id"] for _, attributes in found if "id" in attributes]
        assert len(ids) == len(set(ids))
        targets = {attributes["href"] for _, attributes in found if (attributes.get("href") or "").startswith("#")}
        assert {target.removeprefix("#") for target in targets} <= set(ids)


@pytest.mark.parametrize("render", [html.render, markdown.render, text.render])
def test_every_kind_of_block_is_rendered(render: Callable[[Document], str]) -> None:
    """No format drops a block."""
    found = render(document("heliotrope"))
    assert found.count("heliotrope") >= 20


def test_marks_are_found_wherever_they_may_stand() -> None:
    """And nowhere else."""
    for block in blocks("a[^7] and [^12]"):
        assert marks(block) == (set() if isinstance(block, Provenance) else {7, 12})


@given(st.sets(st.integers(1, 60), max_size=30))
def test_citing_keeps_first_and_last_of_each_run(numbers: set[int]) -> None:
    """Ascending, each once; three or more in a row become first to last, nothing is lost."""
    shown = cite("x", numbers)
    covered: set[int] = set()
    for piece in re.findall(r"\[\^(\d+)\](?:-\[\^(\d+)\])?", shown):
        first = int(piece[0])
        covered |= set(range(first, int(piece[1] or first) + 1))
    assert covered == numbers
    assert shown.startswith("x")


def test_problems_name_dangling_marks_and_unsourced_numbers() -> None:
    """What the memo's test relies on."""
    source = Source(mark=1, key="price", value="1", source="", as_of="2026-01-01")
    made = Document(
        title="t", sections=(Section(title="s", blocks=(Text(text="[^1] [^2]"), Provenance(sources=(source,)))),)
    )
    assert made.problems() == ("[^2] has no footnote", "price has no source or date")
