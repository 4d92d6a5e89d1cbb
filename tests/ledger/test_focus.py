"""The ledger as FOCUS rows: money conserved to the pico-dollar, the same from every engine, nothing unpriced as 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import LedgerError
from breakeven.ledger import store
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.export import focus as export
from breakeven.ledger.export.price import usd
from breakeven.ledger.statement import build
from breakeven.schema.focus import Cell, Row, total
from breakeven.schema.focus_csv import Sheet, from_csv
from breakeven.schema.focus_row import Account, Parties, Seller
from breakeven.schema.focus_rules import faults
from breakeven.schema.journal import Record
from breakeven.schema.policy import CapacityPrice, Policy, PolicyDeployment, TokenPrice
from breakeven.schema.record import Tokens

USD = 10**12
OTHERS = sorted(set(EMBEDDED) - {"memory"})
RATE = 10**6


def policies() -> list[Policy]:
    """Two policies: the second pays more for the same capacity."""
    return [policy("pol-a", RATE), policy("pol-b", 3 * RATE)]


def policy(name: str, rate: int) -> Policy:
    rent = CapacityPrice(price_id=f"rent-{name}@2026-01-15", replicas=2, pico_usd_per_replica_s=rate)
    tokens = TokenPrice(price_id="api-x@2026-08-21", input_pico_usd=1000, output_pico_usd=2000)
    deployments = (
        PolicyDeployment(name="gpu", backend="vllm", placement="on_prem", capacity=rent),
        PolicyDeployment(name="cpu", backend="own", placement="cloud", capacity=rent),
        PolicyDeployment(name="api", backend="openai", placement="api", tokens=tokens),
    )
    return Policy(id=name, use_cases=(), deployments=deployments, backends=())


def rows(sheet: Sheet, **about: str) -> list[Row]:
    return [row for row in sheet.table.rows if all(row[name] == value for name, value in about.items())]


def one(sheet: Sheet, **about: str) -> Row:
    (found,) = rows(sheet, **about)
    return found


def exported(make, records: Iterable[Record], engine: str = "memory", **more: object) -> Sheet:
    return export.usage(store.of_records(records, engine), make.use_cases, **more)


@settings(max_examples=60)
@given(data=st.data())
def test_every_pico_dollar_of_the_statement_is_in_the_rows(
    data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]
) -> None:
    """On any ledger and period, with or without its policies: EffectiveCost sums to the statement's total, exactly.

    The rows break no rule of FOCUS, and predictions that are not in them are those that the remark counts.
    """
    records = data.draw(ledgers)
    known = data.draw(st.sampled_from([[], policies(), policies()[:1]]))
    start_s, end_s = (data.draw(st.none() | st.integers(0, 8).map(lambda n: make.t0 + n * 1800)) for _ in range(2))
    engine = store.of_records(records)
    statement = build(engine, make.use_cases, start_s=start_s, end_s=end_s)
    sheet = export.usage(engine, make.use_cases, policies=known, start_s=start_s, end_s=end_s)
    assert faults(sheet.table.rows, effective_cost=usd(statement.cost_total_pico_usd)) == ()
    left_out = statement.predictions - total(sheet.table.rows, "x_predictions")
    assert any(remark.startswith(f"{left_out} predictions of") for remark in sheet.remarks) == (left_out > 0)
    assert total(sheet.table.rows, "x_useful_predictions") <= (statement.useful_predictions or 0)


@pytest.mark.parametrize("engine", OTHERS)
@settings(max_examples=25)
@given(data=st.data())
def test_every_engine_gives_the_same_rows(
    engine: str, data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]
) -> None:
    """Row by row and remark by remark, and in whatever order the records came."""
    records = data.draw(ledgers)
    shuffled = data.draw(st.permutations(records))
    expected = exported(make, records, policies=policies())
    assert exported(make, shuffled, engine, policies=policies()) == expected


@settings(max_examples=40)
@given(data=st.data())
def test_the_file_reads_back_as_the_rows(data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]) -> None:
    """Export, text, import: equal, without a remark."""
    sheet = exported(make, data.draw(ledgers), policies=policies())
    assert from_csv(sheet.text) == Sheet(table=sheet.table)


@settings(max_examples=40)
@given(data=st.data())
def test_days_add_up_to_the_period(data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]) -> None:
    """What is billed for the parts of a period is what is billed for it, whatever idle moves between days."""
    records = data.draw(ledgers)
    noon = make.t0 + 3600
    parts = [exported(make, records, end_s=noon), exported(make, records, start_s=noon)]
    whole = exported(make, records)
    assert sum(total(part.table.rows) for part in parts) == total(whole.table.rows)


def served(make) -> list[Record]:
    """An hour of one owned deployment, three quarters idle, beside an API."""
    about = {"policy_id": "pol-a", "tenant": "acme"}
    tokens = Tokens(input=300, output=100)
    return [
        make.prediction(1, work_s=900.0, cost_pico_usd=900 * RATE, **about),
        make.prediction(2, deployment="api", model="gpt", served=tokens, cost_pico_usd=500_000, **about),
        make.outcome(1, prediction_id="p000001", tenant="acme"),
        make.capacity(0, 3600, policy_id="pol-a"),
    ]


def test_an_api_row_is_billed_as_charged_by_the_token(make) -> None:
    """BilledCost and EffectiveCost are the charge, the quantity is the tokens, the provider is the backend."""
    row = one(exported(make, served(make), policies=policies()), x_option="api")
    assert (row["BilledCost"], row["EffectiveCost"], row["ListCost"]) == (Decimal("5e-7"),) * 3
    assert (row["PricingQuantity"], row["PricingUnit"]) == (Decimal(400), "Tokens")
    assert row["ListUnitPrice"] == Decimal("1.25e-9")
    assert (row["SkuId"], row["SkuPriceId"]) == ("api-x", "api-x@2026-08-21")
    assert (row["ProviderName"], row["ServiceName"], row["PricingCategory"]) == ("openai", "Inference API", "Standard")
    assert (row["x_tokens_input"], row["x_tokens_output"], row["x_model"]) == (Decimal(300), Decimal(100), "gpt")


def test_owned_capacity_is_used_up_but_not_billed(make) -> None:
    """Work and idle are rows of their own in replica-seconds at the policy's price; idle is not consumed."""
    sheet = exported(make, served(make), policies=policies())
    work, idle = (one(sheet, x_option="gpu", x_cost_kind=kind) for kind in ("work", "idle"))
    assert (work["EffectiveCost"], idle["EffectiveCost"]) == (Decimal("900e-6"), Decimal("2700e-6"))
    assert (work["BilledCost"], idle["BilledCost"]) == (Decimal(0), Decimal(0))
    assert (work["PricingQuantity"], idle["PricingQuantity"]) == (Decimal(900), Decimal(2700))
    assert {row["PricingUnit"] for row in (work, idle)} == {"Replica-Seconds"}
    assert (work["ConsumedQuantity"], idle["ConsumedQuantity"]) == (Decimal(900), Decimal(0))
    assert (work["ChargeFrequency"], idle["ChargeFrequency"]) == ("Usage-Based", "Recurring")
    assert (work["PricingCategory"], work["ProviderName"], work["x_placement"]) == ("Other", "own", "on_prem")


def test_counts_stand_once_in_a_group(make) -> None:
    """Predictions and useful ones are on the first row, so that summing the column counts each once."""
    sheet = exported(make, served(make), policies=policies())
    assert total(sheet.table.rows, "x_predictions") == 2
    assert total(sheet.table.rows, "x_useful_predictions") == 1
    assert one(sheet, x_option="gpu", x_cost_kind="idle")["x_predictions"] is None


def test_rented_capacity_is_billed_as_it_stands_by(make) -> None:
    """A cloud's hours are on its invoice, idle or not; a seller may say so of any deployment, or deny it.

    Idle of no policy has the placement that all policies agree on, and no price where they disagree.
    """
    records = [make.capacity(0, 10, deployment="cpu", policy_id="pol-a"), make.capacity(0, 10, policy_id="pol-a")]
    plain = exported(make, records, policies=policies())
    assert [row["BilledCost"] == row["EffectiveCost"] for row in plain.table.rows] == [True, False]
    sellers = {name: Seller(provider=name, rented=name == "gpu", region="eu-1") for name in ("cpu", "gpu")}
    stated = exported(make, records, policies=policies(), parties=Parties(sellers=sellers))
    assert [row["BilledCost"] == row["EffectiveCost"] for row in stated.table.rows] == [False, True]
    assert {row["PricingUnit"] for row in plain.table.rows} == {"Seconds"}
    assert {row["ProviderName"] for row in stated.table.rows} == {"cpu", "gpu"}
    assert {row["RegionId"] for row in stated.table.rows} == {"eu-1"}


def test_work_beyond_capacity_is_taken_back_in_a_row_of_its_own(make) -> None:
    """A negative quantity at the same price: what is left is what capacity cost."""
    records = [make.prediction(1, work_s=100.0, cost_pico_usd=100 * RATE, policy_id="pol-a")]
    sheet = exported(make, [*records, make.capacity(0, 60, policy_id="pol-a")], policies=policies())
    over = one(sheet, x_cost_kind="over_attributed")
    assert (over["EffectiveCost"], over["PricingQuantity"]) == (Decimal("-40e-6"), Decimal(-40))
    assert total(sheet.table.rows) == Decimal("60e-6")


def test_unpriced_usage_is_left_out_and_counted(make) -> None:
    """No row says 0 for what has no price; beside priced predictions the unpriced ones are counted in their column."""
    records = [
        make.prediction(1, deployment="new", cost_pico_usd=None, cost_basis="unknown"),
        make.prediction(2, cost_pico_usd=None, cost_basis="unknown"),
        make.prediction(3, cost_pico_usd=7),
    ]
    sheet = exported(make, records)
    assert rows(sheet, x_option="new") == []
    assert any(
        remark.startswith("1 predictions of 1 groups are unpriced and left out (new on") for remark in sheet.remarks
    )
    kept = one(sheet, x_option="gpu")
    assert (kept["x_predictions"], kept["x_unpriced_predictions"], kept["x_basis"]) == (
        Decimal(2),
        Decimal(1),
        "unknown",
    )
    assert any(remark.startswith("1 unpriced predictions stand in x_predictions") for remark in sheet.remarks)


def test_what_cost_nothing_is_a_row_of_nothing(make) -> None:
    """An answer from the cache is priced, at 0: it counts as a prediction, and refused ones need no price."""
    records = [
        make.prediction(1, deployment="", status="cached", cost_pico_usd=0),
        make.prediction(2, deployment="", status="refused", cost_pico_usd=None, tenant="zeta"),
    ]
    sheet = exported(make, records)
    assert [row["EffectiveCost"] for row in sheet.table.rows] == [Decimal(0)] * 2
    assert {row["ServiceName"] for row in sheet.table.rows} == {"Gateway"}
    assert faults(sheet.table.rows) == ()


def test_a_price_change_splits_the_rows(make) -> None:
    """Two policies of a day are two rows with two price entries, each at its own price."""
    records = [
        make.prediction(n, work_s=10.0, cost_pico_usd=10 * rate, policy_id=name)
        for n, (name, rate) in enumerate((("pol-a", RATE), ("pol-b", 3 * RATE)), 1)
    ]
    stood = [
        make.capacity(n * 20, n * 20 + 20, policy_id=f"pol-{'ab'[n]}", pico_usd_per_replica_s=(1 + 2 * n) * RATE)
        for n in (0, 1)
    ]
    sheet = exported(make, [*records, *stood], policies=policies())
    work = rows(sheet, x_cost_kind="work")
    assert [row["SkuPriceId"] for row in work] == ["rent-pol-a@2026-01-15", "rent-pol-b@2026-01-15"]
    assert [row["PricingQuantity"] for row in work] == [Decimal(10), Decimal(10)]
    assert total(sheet.table.rows) == usd(80 * RATE)


def test_without_policies_capacity_is_counted_by_up_time(make) -> None:
    """Seconds of the deployment being up, at what they cost on average; the remark says that no price is known."""
    sheet = exported(make, served(make))
    work = one(sheet, x_cost_kind="work")
    assert (work["PricingUnit"], work["PricingQuantity"], work["SkuPriceId"]) == ("Seconds", Decimal(900), "gpu")
    assert any("no price entry is known under policy pol-a" in remark for remark in sheet.remarks)


def test_idle_that_nobody_caused_is_unattributed(make) -> None:
    """Capacity without any work has one row, on its day, of the use case `unattributed`."""
    row = one(exported(make, [make.capacity(0, 60, policy_id="pol-a")], policies=policies()))
    assert (row["x_use_case"], row["x_cost_kind"], row["EffectiveCost"]) == ("unattributed", "idle", Decimal("60e-6"))
    start = datetime.fromtimestamp(make.t0, UTC).replace(hour=0)
    assert row["ChargePeriodStart"] == start
    assert row["BillingPeriodStart"] == start.replace(day=1)


def test_energy_and_carbon_are_empty_where_unknown(make) -> None:
    """Unknown energy is null, not 0; carbon needs a grid; partly known energy is said to be so."""
    records = [make.prediction(1, energy_kwh=2.0, energy_basis="derived"), make.prediction(2)]
    grid = Parties(grid_gco2_per_kwh={"gpu": 300.0})
    known = exported(make, records, parties=grid)
    assert (one(known)["x_kwh"], one(known)["x_gco2"]) == (Decimal(2), Decimal(600))
    assert any(remark.startswith("x_kwh of 1 rows") for remark in known.remarks)
    assert one(exported(make, records))["x_gco2"] is None
    assert one(exported(make, records[1:], parties=grid))["x_kwh"] is None


def test_emulated_answers_are_said_to_be(make) -> None:
    """A file of costs that a model made up says so in a column and in a remark."""
    sheet = exported(make, [make.prediction(1, emulated=True), make.prediction(2)])
    assert one(sheet)["x_emulated_predictions"] == Decimal(1)
    assert any(remark.startswith("1 predictions were answered by the emulator") for remark in sheet.remarks)


def test_an_account_signs_its_rows(make) -> None:
    """Account, owner and tags are the caller's."""
    parties = Parties(account=Account(id="acme-prod", name="Acme production", owner="Acme"))
    row = one(exported(make, [make.prediction(1)], parties=parties))
    expected: dict[str, Cell] = {
        "BillingAccountId": "acme-prod",
        "BillingAccountName": "Acme production",
        "ProviderName": "Acme",
        "InvoiceIssuerName": "Acme",
        "Tags": '{"tenant": "default", "use_case": "rank"}',
    }
    assert {name: row[name] for name in expected} == expected


def test_nothing_is_a_file_with_a_header(make) -> None:
    """An empty ledger has no rows, no remarks, and still a header that reads back."""
    sheet = exported(make, [])
    assert (sheet.table.rows, sheet.remarks) == ((), ())
    assert from_csv(sheet.text) == sheet


def test_a_file_that_lost_money_is_not_made(make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a row go missing, there is an error with both sums and no file."""
    records = served(make)
    lines = export._lines

    def short(group, terms):  # a fault planted in the export itself
        return list(lines(group, terms))[1:]

    monkeypatch.setattr(export, "_lines", short)
    with pytest.raises(LedgerError, match=r"FOCUS rows sum to .* USD, the statement to 0.0036"):
        exported(make, records, policies=policies())


def test_groups_are_sorted_and_unique(make) -> None:
    """The same ledger gives the same bytes; no two rows say the same thing twice."""
    sheet = exported(make, served(make), policies=policies())
    names = ("ChargePeriodStart", "x_option", "x_model", "x_use_case", "x_tenant", "x_policy_id", "x_cost_kind")
    found: Sequence[tuple[Cell, ...]] = [tuple(row[name] for name in names) for row in sheet.table.rows]
    assert max(Counter(found).values()) == 1
    assert exported(make, served(make)[::-1], policies=policies()).text == sheet.text


def test_the_documentation_s_example_runs(run_page: Callable[..., dict[str, object]]) -> None:
    """What stands after `#>` in `docs/focus.md` is what its code prints."""
    run_page(Path(__file__).parents[2] / "docs/focus.md")
