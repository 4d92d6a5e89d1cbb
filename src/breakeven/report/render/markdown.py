"""A document as GitHub-flavoured Markdown, for pull requests and decision records."""

from __future__ import annotations

import re
from collections.abc import Iterator

from breakeven.report.document import (
    MARK,
    Assumption,
    Block,
    Chart,
    Document,
    Items,
    Provenance,
    Risk,
    Source,
    Table,
    Text,
    Verdict,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LINK = re.compile(r"https?://[^\s<>]+")


def render(document: Document) -> str:
    """The document as Markdown; charts appear as their words, footnotes as `[^n]`."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield from (f"# {escape(document.title)}", "")
    if document.subtitle:
        yield from (escape(document.subtitle), "")
    for section in document.sections:
        yield from (f"## {escape(section.title)}", "")
        for block in section.blocks:
            yield from block_lines(block)
            yield ""
    if document.meta:
        yield from ("---", "")
        yield from (f"- {escape(name)}: `{_code(value)}`" for name, value in document.meta)


def escape(text: str) -> str:
    """Text that cannot become markup; footnote marks stay marks."""
    plain = _CONTROL.sub(" ", text)
    pieces = MARK.split(plain)
    return "".join(f"[^{piece}]" if at % 2 else _SPECIAL.sub(r"\\\1", piece) for at, piece in enumerate(pieces))


def _code(text: str) -> str:
    return _CONTROL.sub(" ", text).replace("`", "'")


def block_lines(block: Block) -> Iterator[str]:  # noqa: PLR0911 - one return per kind of block
    """The lines of one block."""
    match block:
        case Verdict():
            return _verdict(block)
        case Text():
            return iter((escape(block.text),))
        case Items():
            return (f"- {escape(item)}" for item in block.items)
        case Table():
            return _table(block)
        case Chart():
            return iter((f"*{escape(block.title)}*: {escape(block.summary)}",))
        case Assumption():
            return iter((_assumption(block),))
        case Risk():
            return iter((f"- **{escape(block.text)}**" if block.tone == "bad" else f"- {escape(block.text)}",))
        case Provenance():
            return (_footnote(source) for source in block.sources)


def _verdict(block: Verdict) -> Iterator[str]:
    interval = f" ({escape(block.interval)})" if block.interval else ""
    yield f"> **{escape(block.sentence)}**"
    if block.figure:
        yield f"> {escape(block.figure)}{interval}"


def _assumption(block: Assumption) -> str:
    note = f"; {escape(block.note)}" if block.note else ""
    return f"- {escape(block.name)} = {escape(block.value)} ({escape(block.source)}, {escape(block.as_of)}{note})"


def _table(block: Table) -> Iterator[str]:
    yield from (f"**{escape(block.caption)}**", "")
    yield "| " + " | ".join(map(escape, block.columns)) + " |"
    yield "|" + "|".join("---:" if align == "right" else "---" for align in block.aligns) + "|"
    yield from ("| " + " | ".join(map(escape, row)) + " |" for row in block.rows)
    if block.note:
        yield from ("", escape(block.note))


def _footnote(source: Source) -> str:
    extra = ", ".join(escape(part) for part in (source.basis, source.licence, source.note) if part)
    link = (
        f" <{source.url}>"
        if source.url.startswith(("https://", "http://")) and not set(source.url) & set(" <>")
        else ""
    )
    tail = f" ({extra})" if extra else ""
    body = f"{escape(source.key)} = {escape(source.value)}: {escape(source.source)}, {escape(source.as_of)}"
    return f"[^{source.mark}]: {body}{tail}{link}"
