"""What `drill` prints, word for word; BREAKEVEN_SNAPSHOT=1 regenerates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from breakeven.report.drilled import WORDS, drill_line, drilled_document
from breakeven.report.render import html, markdown, text
from breakeven.schema.drilled import CaseDrilled, Drilled, Ending, Kept
from breakeven.schema.policy import Drill

Compare = Callable[[str, str], None]
SLOW = Drill(
    id="drill-0a1b2c3d", deployment="vllm", fault="slow", from_s=1.8e9, until_s=1.8e9 + 30, share=0.5, delay_s=2.0
)
HELD = Drilled(
    drill=SLOW,
    ended_s=1.8e9 + 30,
    verdict="held",
    why="",
    touched=240,
    beside=251,
    beside_in_budget=250,
    in_budget=231,
    endings=(
        Ending(how="answered by backup", requests=180),
        Ending(how="answered by vllm", requests=51),
        Ending(how="default", requests=9),
    ),
    cases=(
        CaseDrilled(
            use_case="assistant", requests=200, in_budget=191, p50_s=0.81, p99_s=2.9, budget_s=3.0, overrun_s=0.004
        ),
        CaseDrilled(use_case="search", requests=40, in_budget=40, p50_s=0.3, p99_s=0.9),
    ),
    tries=445,
    retries=22,
    hedges=3,
    fallbacks=189,
    amplification=1.0448,
    cost_pico_usd=1_234_567_890,
    unpriced=9,
    sent=20,
    answers=20,
    promises=(
        Kept(promise="in_time", kept=True, said="all 200 requests ended within their budget and 20 ms"),
        Kept(promise="recorded", kept=True, said="each of 240 requests has one record, with its reason"),
        Kept(promise="chain", kept=True, said="all 240 requests walked the failure chain as written"),
        Kept(promise="amplification", kept=True, said="retries: 22 of 59 allowed, hedges: 3, first tries: 491"),
    ),
)
LATE = Kept(
    promise="in_time",
    kept=False,
    said="2 of 200 requests ended more than 20 ms past their budget, the worst 1.1 s past 3 s",
    breaches=("0197f0c2-a7d8-7c3e-8b9f-5d2e4a6b8c0d", "0197f0c2-a7d8-7c3e-8b9f-5d2e4a6b8c0e"),
)


def changed(**changes: Any) -> Drilled:
    return replace(HELD, **changes)


BROKEN = changed(verdict="broken", why=LATE.said, promises=(LATE, *HELD.promises[1:]), notes=("ended early",))
NOTHING = Drilled(drill=SLOW, ended_s=1.8e9 + 12, verdict="not_enough_evidence", why="no request was touched")


@pytest.mark.parametrize(("name", "found"), [("held", HELD), ("broken", BROKEN), ("nothing", NOTHING)])
def test_a_drill_reads_as_committed(same_as_committed: Compare, name: str, found: Drilled) -> None:
    """The verdict first, then promise by promise, then what the requests met."""
    same_as_committed(f"drill_{name}.txt", text.render(drilled_document(found)))


@pytest.mark.parametrize("found", [HELD, BROKEN, NOTHING])
@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_every_form_and_the_line_say_the_verdict(found: Drilled, render: Callable[..., str]) -> None:
    """Nobody has to look for it."""
    assert WORDS[found.verdict] in render(drilled_document(found)).lower()
    assert f": {WORDS[found.verdict]}" in drill_line(found)
