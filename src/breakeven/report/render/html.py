"""A document as one HTML file: no script, nothing loaded from elsewhere, light and dark, printable."""

from __future__ import annotations

import re
from html import escape as escape_html

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

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""No page may hold these, and a terminal would obey them."""
_RUN = re.compile(rf"{MARK.pattern}-{MARK.pattern}")

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1a1d21, #e6e8eb); --soft: light-dark(#59616b, #a3acb7);
  --paper: light-dark(#ffffff, #14171a); --line: light-dark(#d6dbe1, #343b43); --card: light-dark(#f5f7f9, #1d2226);
  --good: light-dark(#116b3a, #58c98a); --warn: light-dark(#8a5200, #e5ad55); --bad: light-dark(#a3241b, #f08a80);
  --link: light-dark(#0b57a4, #7db8f5); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
.subtitle, .note, figcaption, .interval, footer { color: var(--soft); }
.verdict { background: var(--card); border-left: .35rem solid var(--soft); padding: .75rem 1rem; margin: .75rem 0; }
.verdict p { margin: 0; font-size: 1.1rem; font-weight: 600; }
.verdict .figure { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.good { border-color: var(--good); } .warn { border-color: var(--warn); } .bad { border-color: var(--bad); }
.risk { border-left: .25rem solid var(--warn); padding-left: .75rem; margin: .5rem 0; }
.risk.bad { border-color: var(--bad); } .risk.neutral { border-color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { min-width: 11rem; }
th { font-weight: 600; } tbody th { font-weight: 500; } .right { text-align: right; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
.drawing { overflow-x: auto; } .drawing svg { min-width: 34rem; }
sup a { text-decoration: none; }
a { color: var(--link); } code { font-size: .9em; overflow-wrap: anywhere; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--link); }
.sources { font-size: .85rem; padding-left: 2rem; } .sources li { margin: .2rem 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; }
  table, figure, .verdict { break-inside: avoid; } .scroll, .drawing { overflow: visible; }
  .drawing svg { min-width: 0; } a { color: inherit; } }
""".strip()


def render(document: Document) -> str:
    """The document as a self-contained HTML page."""
    sections = "\n".join(section_html(section, at) for at, section in enumerate(document.sections, 1))
    subtitle = f'<p class="subtitle">{rich(document.subtitle)}</p>\n' if document.subtitle else ""
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape_html(document.title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape_html(document.title)}</h1>\n{subtitle}{sections}\n</main>\n{_imprint(document)}</body>\n</html>\n"
    )
    return _CONTROL.sub("", page)


def rich(text: str) -> str:
    """Escaped text, with footnote marks as links."""
    escaped = _RUN.sub(lambda run: f"<sup>{_link(run[1])}-{_link(run[2])}</sup>", escape_html(text))
    marked = MARK.sub(lambda mark: f"<sup>{_link(mark[1])}</sup>", escaped)
    return marked.replace("</sup><sup>", "</sup> <sup>").replace(" %", "&nbsp;%")


def _link(mark: str) -> str:
    return f'<a href="#source-{mark}" aria-label="source {mark}">{mark}</a>'


def section_html(section: Section, at: int) -> str:
    """One section, labelled by its heading."""
    body = "\n".join(block_html(block) for block in section.blocks)
    return f'<section aria-labelledby="s{at}">\n<h2 id="s{at}">{rich(section.title)}</h2>\n{body}\n</section>'


def block_html(block: Block) -> str:  # noqa: PLR0911 - one return per kind of block
    """One block; everything but the SVG of a chart, which is ours, is escaped."""
    match block:
        case Verdict():
            return _verdict(block)
        case Text():
            return f"<p>{rich(block.text)}</p>"
        case Items():
            return "<ul>\n" + "\n".join(f"<li>{rich(item)}</li>" for item in block.items) + "\n</ul>"
        case Table():
            return _table(block)
        case Chart():
            return _chart(block)
        case Assumption():
            return _assumption(block)
        case Risk():
            return f'<p class="risk {block.tone}">{rich(block.text)}</p>'
        case Provenance():
            return '<ul class="sources">\n' + "\n".join(map(_source, block.sources)) + "\n</ul>"


def _verdict(block: Verdict) -> str:
    interval = f' <span class="interval">{rich(block.interval)}</span>' if block.interval else ""
    figure = f'\n<div><span class="figure">{rich(block.figure)}</span>{interval}</div>' if block.figure else ""
    return f'<div class="verdict {block.tone}">\n<p>{rich(block.sentence)}</p>{figure}\n</div>'


def _chart(block: Chart) -> str:
    """On a narrow screen a drawing scrolls rather than shrinks its words; the keyboard can scroll it too."""
    drawing = (
        f'<div class="drawing" tabindex="0" role="group" aria-label="{escape_html(block.title)}">{block.svg}</div>'
    )
    caption = f"<figcaption>{rich(block.title)}: {rich(block.summary)}</figcaption>"
    return f"<figure>\n{drawing}\n{caption}\n</figure>"


def _assumption(block: Assumption) -> str:
    note = f"; {rich(block.note)}" if block.note else ""
    origin = f"{escape_html(block.source)}, {escape_html(block.as_of)}"
    return f'<p><b>{rich(block.name)}</b> = {rich(block.value)} <span class="note">({origin}{note})</span></p>'


def _table(block: Table) -> str:
    classes = [' class="right"' if align == "right" else "" for align in block.aligns]
    head = "".join(f'<th scope="col"{css}>{rich(name)}</th>' for name, css in zip(block.columns, classes, strict=True))
    body = "\n".join(_row(row, classes) for row in block.rows)
    note = f'\n<p class="note">{rich(block.note)}</p>' if block.note else ""
    table = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape_html(block.caption)}">\n<table>\n'
        f"<caption>{rich(block.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n</div>{note}"
    )
    return f"<details>\n<summary>{rich(block.caption)}</summary>\n{table}\n</details>" if block.detail else table


def _row(cells: tuple[str, ...], classes: list[str]) -> str:
    first = f'<th scope="row"{classes[0]}>{rich(cells[0])}</th>'
    rest = "".join(f"<td{css}>{rich(cell)}</td>" for cell, css in zip(cells[1:], classes[1:], strict=True))
    return f"<tr>{first}{rest}</tr>"


def _source(source: Source) -> str:
    name = f"<code>{escape_html(source.key)}</code> = {escape_html(source.value)}"
    origin = escape_html(source.source)
    if source.url.startswith(("https://", "http://")):
        origin = f'<a href="{escape_html(source.url)}" rel="noreferrer">{origin}</a>'
    extra = ", ".join(escape_html(part) for part in (source.basis, source.licence, source.note) if part)
    tail = f" ({extra})" if extra else ""
    return f'<li id="source-{source.mark}">[{source.mark}] {name}: {origin}, {escape_html(source.as_of)}{tail}</li>'


def _imprint(document: Document) -> str:
    if not document.meta:
        return ""
    rows = " · ".join(f"{escape_html(name)} <code>{escape_html(value)}</code>" for name, value in document.meta)
    return f"<footer><p>{rows}</p></footer>\n"
