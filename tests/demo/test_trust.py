"""The demo's questions about its own numbers: the provider's count is the provider's, and each answer is one line."""

from __future__ import annotations

from pathlib import Path

from breakeven.demo import trust
from breakeven.ledger.invoice import table
from breakeven.report.trusted import bad_line, reconciled_line
from breakeven.schema.reconcile import Amount, Difference, Reconciliation
from breakeven.schema.tracking import BadCount

ONE = trust.Counted(model="m", requests=3, prompt_tokens=30, generation_tokens=12)


def test_the_usage_export_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Requests and tokens of every process, on the day of the run, in OpenAI's form."""
    trust.write_usage(tmp_path / "usage.csv", 1_795_848_196.3, [ONE, ONE])
    (tally,) = table.side([tmp_path / "usage.csv"]).tallies
    assert (tally.start_s, tally.end_s) == (1_795_824_000.0, 1_795_910_400.0)
    assert tally.total == Amount(calls=6, input_tokens=60, output_tokens=24)


def reconciled(ledger: Amount, other: Amount, *differences: Difference) -> Reconciliation:
    return Reconciliation(
        subject="invoice", start_s=0, end_s=1, ledger=ledger, other=other, other_name="usage.csv", mode="sums",
        differences=differences, unexplained_pico_usd=0, unexplained_gross_pico_usd=0,
    )  # fmt: skip


def test_agreement_is_only_said_of_equal_counts() -> None:
    """To the token, but for trifles, or not at all."""
    here, there = Amount(calls=3, input_tokens=30, output_tokens=12), Amount(calls=4, input_tokens=40, output_tokens=12)
    lacking = Difference(kind="missing", reason="not_in_ledger", count=1, net_pico_usd=1, gross_pico_usd=1)
    material = Difference(
        kind="missing", reason="not_in_ledger", count=1, net_pico_usd=1, gross_pico_usd=1, material=True
    )
    assert "to the token: 3 requests, 30 + 12 tokens" in reconciled_line(reconciled(here, here))
    assert "trifles" in reconciled_line(reconciled(here, there, lacking))
    assert "differs (missing)" in reconciled_line(reconciled(here, there, material))


def test_what_is_bad_is_counted_and_named() -> None:
    """None, or how many and why."""
    some = BadCount(rule="schema", event_type="t", path="/data", events=2, sources=(), first_s=0, last_s=0, examples=())
    assert bad_line(()) == "no event violates the tracking plan"
    assert bad_line((some,)) == "2 events violate the tracking plan and are kept aside: 2 x /data of t schema"
