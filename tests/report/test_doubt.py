"""What a reader is told of a doubt: how sure, in which range, what turns it, what to find out, whether to wait."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.report import doubt as told
from breakeven.report.citation import Citations
from breakeven.report.document import Document, Section, Source
from breakeven.report.render import html, markdown, text
from breakeven.schema.doubt import Doubt, Fate, Flip, Inquiry, Uncertain, Wait
from breakeven.schema.outlook import Band

KNOWN = Citations(
    sources=tuple(
        Source(mark=mark, key=key, value="", source="s", as_of="2026-01-01")
        for mark, key in enumerate(("workload", "assumption/pue"), 1)
    )
)


def fate(option: str, best: float, low: float, regret: float, replicas: int = 3) -> Fate:
    band = Band(p5=low, p50=1.5 * low, p95=4 * low)
    return Fate(
        option=option, base_usd=1.4 * low, cost_per_useful_usd=band, now_usd=band, monthly_usd=band, p_best=best,
        p_misses_slo=0.0, p_short_now=0.4, p_more=0.6, replicas_sure=replicas, expected_regret_usd=regret,
    )  # fmt: skip


@pytest.fixture
def doubt() -> Doubt:
    """Two options, of which the chosen one is best in 65 % of the draws."""
    pue = Uncertain(
        key="assumption/pue", name="pue", unit="ratio", shape="triangular", base=1.4, low=1.1, high=1.6, share=0.2,
        source="a guide", facts=("assumption/pue",),
    )  # fmt: skip
    speed = Uncertain(
        key="speed/m", name="speed of m", unit="of predicted", shape="lognormal", base=1.0, low=0.75, high=1.5,
        share=0.5, source="1606 measured rows",
    )  # fmt: skip
    return Doubt(
        seed=3, draws=10_000, horizon_months=36, chosen="owned", likeliest="owned", runner_up="api",
        interval=Band(p5=2e-4, p50=3e-4, p95=8e-4), p_best=0.65, p_none=0.0,
        fates=(fate("owned", 0.65, 2e-4, 900.0), fate("api", 0.35, 3e-4, 4_000.0, replicas=0)),
        inputs=(speed, pue),
        flips=(
            Flip(key="speed/m", name="speed of m", unit="of predicted", base=1.0, at=0.8, winner="api", chance=0.12),
            Flip(key="price/api", name="input price of api", unit="USD/Mtok", base=0.15, at=0.11, winner="api"),
        ),
        flips_if=("api is best once speed of m is 20% below predicted; 12% of the draws lie beyond.",),
        evpi_usd=900.0,
        inquiries=(
            Inquiry(key="speed/m", name="speed of m", how="8 hours of load", worth_usd=700.0, cost_usd=20.0),
            Inquiry(key="growth", name="growth", how="cannot be measured today", worth_usd=90.0, cost_usd=None),
        ),
        waits=(Wait(months=3, meanwhile="api", worth_usd=100.0, cost_usd=400.0),),
        wait_verdict="What 3 months would teach is worth $100, waiting costs $400: do not wait.",
        assumptions=("Demand grows by +0% a year.",),
    )  # fmt: skip


def document(doubt: Doubt) -> Document:
    blocks = (*told.doubt_blocks(doubt, KNOWN), *told.flip_risks(doubt))
    table = told.flip_table(doubt)
    extra = () if table is None else (table,)
    return Document(title="t", subtitle="s", sections=(Section(title="How sure it is", blocks=(*blocks, *extra)),))


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_everything_is_told_in_every_format(doubt: Doubt, render: object) -> None:
    """The chance, the range, the best next measurement, the wait and the flip stand in each rendering."""
    assert callable(render)
    written = render(document(doubt))
    for words in ("65 %", "$0.2 to $0.8", "8 hours of load", "do not wait", "20% below predicted", "$0.11/Mtok"):
        assert words in written


def test_the_verdict_says_how_sure(doubt: Doubt) -> None:
    """Almost always, usually or only sometimes; and who is best more often, where another is."""
    replace = msgspec.structs.replace
    sure, unsure = replace(doubt, p_best=0.97), replace(doubt, p_best=0.2, likeliest="api")
    assert "almost always" in told.sureness(sure).sentence
    assert told.sureness(sure).tone == "good"
    assert "only sometimes" in told.sureness(unsure).sentence
    assert "api is best in 35 %" in told.sureness(unsure).sentence
    assert told.sureness(unsure).tone == "warn"


def test_without_anything_to_turn_or_ask_it_says_so(doubt: Doubt) -> None:
    """No table without rows; what cannot be bought is no measurement to make next."""
    bare = msgspec.structs.replace(doubt, flips=(), flips_if=(), inquiries=doubt.inquiries[1:], waits=())
    assert told.flip_table(bare) is None
    written = " ".join(text.render(document(bare)).split())
    assert "nothing that can be measured before the decision is worth its cost" in written
    assert "do not wait" in written


def test_an_option_that_never_keeps_its_targets_has_no_range(doubt: Doubt) -> None:
    """It stays in the table, says so, and is left out of the strips."""
    nothing = Band(p5=None, p50=None, p95=None)
    failing = msgspec.structs.replace(doubt.fates[1], cost_per_useful_usd=nothing, p_misses_slo=1.0, p_best=0.0)
    found = msgspec.structs.replace(doubt, fates=(doubt.fates[0], failing))
    assert ">api<" not in told.interval_chart(found).svg
    assert told.fate_table(found, KNOWN).rows[1][1:4] == ("-", "-", "-")
