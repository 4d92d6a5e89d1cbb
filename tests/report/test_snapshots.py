"""What people read, word for word; BREAKEVEN_SNAPSHOT=1 regenerates it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from breakeven.report.document import Document
from breakeven.report.finding import finding_document
from breakeven.report.memo import memo
from breakeven.report.render import html, markdown, text
from breakeven.report.statement import statement_document
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Statement

Compare = Callable[[str, str], None]
RENDERERS: dict[str, Callable[[Document], str]] = {"txt": text.render, "md": markdown.render, "html": html.render}


@pytest.mark.parametrize("suffix", RENDERERS)
def test_the_memo_reads_as_committed(
    plan: Plan, findings: tuple[Finding, ...], same_as_committed: Compare, suffix: str
) -> None:
    """Same plan, same bytes, in every format."""
    same_as_committed(f"memo.{suffix}", RENDERERS[suffix](memo(plan, findings)))


@pytest.mark.parametrize("suffix", RENDERERS)
def test_the_statement_reads_as_committed(statement: Statement, same_as_committed: Compare, suffix: str) -> None:
    """Same ledger, same report."""
    same_as_committed(f"statement.{suffix}", RENDERERS[suffix](statement_document(statement)))


@pytest.mark.parametrize("suffix", ["txt", "md"])
def test_the_findings_read_as_committed(findings: tuple[Finding, ...], same_as_committed: Compare, suffix: str) -> None:
    """All five verdicts have their words."""
    same_as_committed(f"findings.{suffix}", RENDERERS[suffix](finding_document(findings)))
