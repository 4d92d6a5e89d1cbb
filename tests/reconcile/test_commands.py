"""The command: gates, what is refused and what is kept aside, months that are closed, and money that adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.audit.close import checked, sealed
from breakeven.audit.reconcile.items import Items
from breakeven.audit.reconcile.name import matched
from breakeven.audit.reconcile.sums import Sums
from breakeven.schema.close import Close, Frozen
from breakeven.schema.journal import frame
from breakeven.schema.reconcile import Amount, Item, Side, Tally
from breakeven.schema.record import Prediction

Run = Callable[..., Result]
EXAMPLES = Path(__file__).parents[2] / "examples/reconcile"
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledger")
    subprocess.run([sys.executable, str(EXAMPLES / "make.py"), str(folder)], check=True)
    return folder


def test_the_gate_says_no_by_amount_and_by_share(reconcile: Run, ledger: Path) -> None:
    """Exit 1 and the money over the limit; 0 under it."""
    asked = ("invoice", EXAMPLES / "openai_usage.csv", "--data-dir", ledger)
    assert reconcile(*asked, "--fail-above", "1").exit_code == 0
    assert reconcile(*asked, "--fail-above", "50%").exit_code == 0
    refused = reconcile(*asked, "--fail-above", "1%")
    assert refused.exit_code == 1
    assert "BE600" in refused.stderr
    assert "missing, price" in refused.stderr


def test_another_currency_is_refused_with_the_line_and_the_way_out(reconcile: Run, ledger: Path) -> None:
    """And accepted with a dated rate, which is part of the result."""
    asked = ("invoice", EXAMPLES / "focus_eur.csv", "--data-dir", ledger)
    refused = reconcile(*asked)
    assert refused.exit_code == 3
    assert "focus_eur.csv:2: BilledCost is in EUR" in refused.stderr
    assert "--fx EUR=" in refused.stderr
    found = json.loads(reconcile(*asked, "--fx", "EUR=1.08@2026-10-31", "--json").stdout)
    assert found["agrees"]
    assert found["assumptions"] == ["1 EUR = 1.08 USD as of 2026-10-31"]


@pytest.mark.parametrize(
    "row", ["2026-10-02,claude,x", "tomorrow,claude,3", "2026-10-02,claude", "2026-10-02,claude,3,4"]
)
def test_a_bad_row_is_named_and_the_rest_is_reconciled(reconcile: Run, ledger: Path, tmp_path: Path, row: str) -> None:
    """Line and value, whatever is wrong with it."""
    lines = [
        "usage_date_utc,model,cost_usd",
        "2026-10-01,claude-haiku-4-5,0.01",
        row,
        "2026-10-03,claude-haiku-4-5,0.02",
    ]
    path = tmp_path / "cost.csv"
    path.write_text("\n".join(lines) + "\n")
    found = json.loads(reconcile("invoice", path, "--data-dir", ledger, "--json").stdout)
    [bad] = found["bad_rows"]
    assert bad["line"] == 3
    assert found["other"]["usd"] == pytest.approx(0.03)


def test_a_file_of_no_known_form_is_refused_by_its_columns(reconcile: Run, ledger: Path, tmp_path: Path) -> None:
    """And --map is the way out."""
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    refused = reconcile("invoice", path, "--data-dir", ledger)
    assert refused.exit_code == 3
    assert "a, b" in refused.stderr
    assert "--map" in refused.stderr


def test_a_month_is_closed_once_and_later_data_are_an_adjustment(reconcile: Run, ledger: Path, tmp_path: Path) -> None:
    """Disputed months need a reason; a frozen statement never changes; a changed file breaks the chain."""
    folder = tmp_path / "data"
    journal = folder / "journal"
    journal.mkdir(parents=True)
    shipped = next((ledger / "journal").iterdir())
    (journal / shipped.name).write_bytes(shipped.read_bytes())
    close = ("close", "2026-10", "--data-dir", folder)
    disputed = reconcile(*close, "--invoice", EXAMPLES / "openai_usage.csv")
    assert disputed.exit_code == 1
    made = reconcile(
        *close, "--invoice", EXAMPLES / "openai_usage.csv", "--force", "--reason", "agreed by mail", "--json"
    )
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["forced"] == "agreed by mail"
    assert reconcile(*close, "--force", "--reason", "again").exit_code == 1
    path = folder / "closes/2026-10.json"
    before = path.read_bytes()
    late = Prediction(
        prediction_id="late", request_id="late", node="gw", sequence=5000, time_s=1_790_812_800.0 + 3600,
        use_case="assistant", cost_pico_usd=7, cost_basis="derived",
    )  # fmt: skip
    (journal / "gw-00000002.journal").write_bytes(frame(late))
    [standing] = json.loads(reconcile("closes", "--data-dir", folder, "--json").stdout)["closes"]
    assert standing["adjustment"]["predictions"] == 1
    assert standing["adjustment"]["cost_pico_usd"] == 7
    assert path.read_bytes() == before
    path.chmod(0o640)
    path.write_bytes(before.replace(b"agreed by mail", b"agreed by fax!"))
    broken = reconcile("closes", "--data-dir", folder)
    assert broken.exit_code == 1
    assert "changed after it was closed" in broken.stderr


@given(at=st.integers(0, 4), field=st.sampled_from(["cost_pico_usd", "predictions", "useful_predictions"]))
def test_no_figure_of_a_chain_can_be_changed_unseen(at: int, field: str) -> None:
    """Nor a close left out of its middle."""
    chain: list[Close] = []
    for number in range(1, 6):
        frozen = Frozen(
            predictions=number,
            useful_predictions=1,
            cost_pico_usd=5,
            direct_pico_usd=5,
            capacity_pico_usd=0,
            revenue_usd=1.0,
        )
        chain.append(
            sealed(Close(month=f"2026-{number:02d}", closed_at=str(number), statement=frozen, statement_hash=""), chain)
        )
    assert all(one.sound for one in checked(chain))
    assert at == 4 or not all(one.sound for one in checked(chain[:at] + chain[at + 1 :]))
    import msgspec

    other = msgspec.structs.replace(chain[at].statement, **{field: 99})
    chain[at] = msgspec.structs.replace(chain[at], statement=other)
    assert not checked(chain)[at].sound


AMOUNTS = st.builds(
    Amount, calls=st.integers(0, 9), input_tokens=st.integers(0, 900), cached_input_tokens=st.integers(0, 90),
    output_tokens=st.integers(0, 90), pico_usd=st.integers(0, 10**10),
)  # fmt: skip


@st.composite
def tallies(draw: st.DrawFn, width_s: float) -> tuple[Tally, ...]:
    days = draw(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from("ab"), AMOUNTS, AMOUNTS), max_size=8))
    return tuple(
        Tally(
            start_s=day * DAY_S,
            end_s=day * DAY_S + width_s,
            model=model,
            total=total,
            duplicate=part,
            batch=part,
            unpriced=part,
        )
        for day, model, total, part in days
    )


@settings(max_examples=60)
@given(ours=tallies(1800.0), theirs=tallies(DAY_S), counted=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_classes_and_the_rest_sum_to_the_difference(
    ours: tuple[Tally, ...], theirs: tuple[Tally, ...], counted: tuple[bool, bool, bool]
) -> None:
    """Conservation, whatever the sums: nothing is explained away and nothing invented."""
    calls, tokens, money = counted
    other = Side(name="x", tallies=theirs, has_calls=calls, has_tokens=tokens, has_money=money or not (calls or tokens))
    found = Sums(ledger=Side(name="l", tallies=ours), other=other, start_s=0.0, end_s=3 * DAY_S).run()
    explained = sum(one.net_pico_usd for one in found.differences)
    assert explained + found.unexplained_pico_usd == found.difference_pico_usd


ITEMS = st.lists(
    st.builds(Item, id=st.sampled_from("pqrstu"), time_s=st.floats(-9e4, 4e5), model=st.just("m"), amount=AMOUNTS,
              failed=st.booleans(), unpriced=st.booleans(), batch=st.booleans()),
    max_size=9,
)  # fmt: skip


@given(ours=ITEMS, theirs=ITEMS)
def test_requests_and_the_rest_sum_to_the_difference(ours: list[Item], theirs: list[Item]) -> None:
    """The same of requests; and what is in no class and unexplained is rounding."""
    sides = {"ledger": Side(name="l", items=tuple(ours)), "other": Side(name="x", items=tuple(theirs))}
    found = Items(**sides, start_s=0.0, end_s=3 * DAY_S).run()
    assert sum(one.net_pico_usd for one in found.differences) + found.unexplained_pico_usd == found.difference_pico_usd


def test_names_match_without_vendor_date_and_version() -> None:
    """And an alias wins."""
    ours = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5"]
    theirs = [
        "gpt-4o-2024-08-06",
        "openai/gpt-4o-mini",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "Claude4.5Sonnet",
    ]
    found = matched(ours, theirs, {"Claude4.5Sonnet": "claude-sonnet-4-5"})
    assert [found[name] for name in theirs] == ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-sonnet-4-5"]


@pytest.mark.parametrize("arguments", [("closes",), ("events",), ("close", "2026-10")])
def test_a_folder_that_is_not_there_is_no_sound_ledger(
    reconcile: Callable[..., Result], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A mistyped data directory is an error, not an empty chain that holds."""
    answer = reconcile(*arguments, "--data-dir", tmp_path / "nowhere")
    assert answer.exit_code == 3
    assert "no ledger at" in answer.stderr


def test_bytes_of_a_file_do_not_reach_the_terminal(reconcile: Callable[..., Result], tmp_path: Path) -> None:
    """A binary file is refused in printable words."""
    (tmp_path / "invoice.csv").write_bytes(b"\x1b[2J\x07,\x1b]0;title\x07\n1,2\n")
    answer = reconcile("invoice", tmp_path / "invoice.csv", "--data-dir", tmp_path)
    assert answer.exit_code == 3
    assert "\x1b" not in answer.stderr
    assert "\x07" not in answer.stderr
