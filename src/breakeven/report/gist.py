"""The gist of a memo, for a terminal: the verdicts, the options, what would change them. The memo holds the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import msgspec

from breakeven.report.document import Block, Document, Items, Risk, Section, Table, Text, Verdict

MOST_ROWS, MOST_RISKS = 8, 5


def _verdicts(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if isinstance(block, Verdict | Text | Items))


def _sureness(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(islice((block for block in blocks if isinstance(block, Verdict)), 1))


def _sentence(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(islice((block for block in blocks if isinstance(block, Text)), 1))


def _table(blocks: Sequence[Block]) -> tuple[Block, ...]:
    tables = islice((block for block in blocks if isinstance(block, Table)), 1)
    return tuple(msgspec.structs.replace(table, rows=table.rows[:MOST_ROWS]) for table in tables)


def _risks(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(islice((block for block in blocks if isinstance(block, Risk)), MOST_RISKS))


KEPT: Mapping[str, Callable[[Sequence[Block]], tuple[Block, ...]]] = {
    "Decision": _verdicts,
    "Options": _table,
    "How to hold it": _sentence,
    "How sure it is": _sureness,
    "Latency": _table,
    "What would change the decision": _risks,
    "What was ruled out": _sentence,
    "Sources": tuple,
}
"""What is kept of which section."""


def gist(memo: Document) -> Document:
    """The memo's sections that decide, each cut to what it says first."""
    sections = (
        Section(title=section.title, blocks=KEPT[section.title](section.blocks))
        for section in memo.sections
        if section.title in KEPT
    )
    return msgspec.structs.replace(memo, sections=tuple(one for one in sections if one.blocks))
