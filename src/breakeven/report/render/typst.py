"""A document as Typst markup, from which `render.pdf` makes a tagged PDF.

Every text travels as a Typst string literal (`#"..."`), in which only backslash and quote mean anything: no name can
become markup, whatever it holds. Drawings are `sys.inputs`, by name, so that nothing is read from a file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from breakeven.report.chart import theme
from breakeven.report.document import (
    MARK,
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
)
from breakeven.schema.noun import Noun

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffe\uffff]+")
_LINK = re.compile(r"https?://[^\s<>\"\\]+")

STYLE = """
#set page(paper: "a4", margin: (x: 1.7cm, y: 1.8cm), footer: context align(right, text(8pt, fill: luma(90),
  counter(page).display("1 / 1", both: true))))
#set text(font: "Libertinus Serif", size: 10pt, fallback: true)
#set par(leading: 0.58em, spacing: 0.8em)
#set table(stroke: (x, y) => (bottom: 0.4pt + luma(200)), inset: (x: 4pt, y: 3pt))
#show title: set text(17pt)
#show title: set block(below: 0.5em)
#show heading: set text(12pt)
#show heading: set block(above: 1.3em, below: 0.6em)
#show table: set text(8pt)
#show table: set par(justify: false, leading: 0.45em)
#show figure: set block(above: 0.9em, below: 0.9em, breakable: true)
#show figure: set align(left)
#set super(size: 0.8em)
#show figure.where(kind: table): set figure.caption(position: top)
#show figure.caption: it => block(sticky: true, text(9pt, it.body))
#show link: set text(fill: rgb("#0b57a4"))
""".strip()
SHORT = 14
"""Rows up to which a table stays on one page."""
TONES = {"good": "#116b3a", "warn": "#8a5200", "bad": "#a3241b", "neutral": "#59616b"}


class Markup(Noun, frozen=True, kw_only=True):
    """Typst source, and the drawings it asks for through `sys.inputs`, by name, as SVG in UTF-8."""

    source: str
    images: dict[str, bytes]


def render(document: Document) -> Markup:
    """The document as Typst markup with its light drawings."""
    charts = [block for block in document.blocks() if isinstance(block, Chart)]
    known = frozenset(source.mark for source in document.sources())
    images = {f"chart-{at}": theme.flatten(chart.svg, "light").encode() for at, chart in enumerate(charts, 1)}
    numbers = {id(chart): at for at, chart in enumerate(charts, 1)}
    return Markup(source="\n".join(_lines(document, known, numbers)) + "\n", images=images)


def _lines(document: Document, known: frozenset[int], numbers: dict[int, int]) -> Iterator[str]:
    yield f'#set document(title: {literal(document.title)}, author: "breakeven")'
    yield '#set text(lang: "en")'
    yield from (STYLE, "#title()")
    if document.subtitle:
        yield f"#par(text(fill: luma(90), [{rich(document.subtitle, known)}]))"
    for section in document.sections:
        yield from _section(section, known, numbers)
    if document.meta:
        imprint = " · ".join(f"{name} {value}" for name, value in document.meta)
        yield f"#v(1em)\n#par(text(8pt, fill: luma(90), [{rich(imprint, frozenset())}]))"


def _section(section: Section, known: frozenset[int], numbers: dict[int, int]) -> Iterator[str]:
    yield f"\n#heading(level: 1, [{rich(section.title, known)}])"
    for block in section.blocks:
        yield block_markup(block, known, numbers)


def literal(text: str) -> str:
    """A Typst string literal; control characters become spaces, and what is never seen and in no font is dropped."""
    plain = "".join(one for one in _CONTROL.sub(" ", text) if unicodedata.category(one) != "Cf")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rich(text: str, known: frozenset[int]) -> str:
    """A text as Typst content; footnote marks link to their source where there is one."""
    pieces, content = MARK.split(text), []
    for at, piece in enumerate(pieces):
        apart = "#super([,]);" if at % 2 and at > 1 and not pieces[at - 1] else ""
        content.append(apart + _mark(int(piece), known) if at % 2 else _words(piece))
    return "".join(content)


def _words(text: str) -> str:
    return f"#{literal(text)};" if text else ""


def _mark(mark: int, known: frozenset[int]) -> str:
    shown = f"[#{literal(str(mark))};]"
    return f"#super(link(<source-{mark}>, {shown}));" if mark in known else f"#super({shown});"


def block_markup(block: Block, known: frozenset[int], numbers: dict[int, int]) -> str:  # noqa: PLR0911 - one per kind
    """One block."""
    match block:
        case Verdict():
            return _verdict(block, known)
        case Text():
            return f"#par([{rich(block.text, known)}])"
        case Items():
            return "#list(" + ", ".join(f"[{rich(item, known)}]" for item in block.items) + ")"
        case Table():
            return _table(block, known)
        case Chart():
            return _chart(block, numbers[id(block)], known)
        case Assumption():
            return _assumption(block, known)
        case Risk():
            return _framed(f"[{rich(block.text, known)}]", block.tone)
        case Provenance():
            return "\n".join(map(_source, block.sources))


def _framed(content: str, tone: str, fill: str = "none") -> str:
    colour = TONES[tone]
    return f'#block(width: 100%, inset: 6pt, fill: {fill}, stroke: (left: 2.5pt + rgb("{colour}")), {content})'


def _verdict(block: Verdict, known: frozenset[int]) -> str:
    interval = f"#h(0.6em)#text(9pt, [{rich(block.interval, known)}])" if block.interval else ""
    figure = f"#par(text(13pt, [{rich(block.figure, known)}]) + [{interval}])" if block.figure else ""
    return _framed(f"[#par(strong([{rich(block.sentence, known)}]))\n{figure}]", block.tone, "luma(246)")


def _table(block: Table, known: frozenset[int]) -> str:
    align = ", ".join(block.aligns)
    head = ", ".join(f"[#strong([{rich(name, known)}])]" for name in block.columns)
    rows = "\n".join("  " + ", ".join(f"[{rich(cell, known)}]" for cell in row) + "," for row in block.rows)
    note = f"\n#par(text(8.5pt, fill: luma(70), [{rich(block.note, known)}]))" if block.note else ""
    kept = "false" if len(block.rows) <= SHORT else "true"
    return (
        f"#show figure.where(kind: table): set block(breakable: {kept})\n"
        f"#figure(kind: table, supplement: none, numbering: none, caption: [#strong([{rich(block.caption, known)}])], "
        f"table(columns: {len(block.columns)}, align: ({align},),\n  table.header({head}),\n{rows}\n))"
        f"{note}"
    )


def _chart(block: Chart, number: int, known: frozenset[int]) -> str:
    words = f"{block.title}: {block.summary}"
    plain = MARK.sub("", words)
    return (
        f"#figure(kind: image, supplement: none, numbering: none, caption: [{rich(words, known)}], "
        f'image(bytes(sys.inputs.at("chart-{number}")), format: "svg", width: 100%, alt: {literal(plain)}))'
    )


def _assumption(block: Assumption, known: frozenset[int]) -> str:
    note = f"; {block.note}" if block.note else ""
    tail = rich(f" = {block.value} ({block.source}, {block.as_of}{note})", known)
    return f"#par([#strong([{rich(block.name, known)}]){tail}])"


def _source(source: Source) -> str:
    """One footnote, the target of its marks; an address that is no plain web address stays text."""
    extra = ", ".join(part for part in (source.basis, source.licence, source.note) if part)
    tail = f", {source.as_of}" + (f" ({extra})" if extra else "")
    name, origin = _words(f"[{source.mark}] {source.key} = {source.value}: "), _words(source.source)
    if _LINK.fullmatch(source.url):
        origin = f"#link({literal(source.url)}, [{origin}]);"
    body = f"#par(text(8.5pt, [{name}{origin}{_words(tail)}]))"
    return f"#block(below: 0.5em, [{body}]) <source-{source.mark}>"
