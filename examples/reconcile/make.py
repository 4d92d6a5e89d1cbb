"""A small ledger, and what five providers' exports and a shop's report would say of it.

    python examples/reconcile/make.py DATA_DIR [EXPORTS_DIR]

Six days of October 2026, two models, drawn from a fixed seed. The exports differ from the ledger on purpose; what in
each is said in docs/reconcile.md.
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from breakeven.schema.journal import frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction, Tokens

START_S, DAYS, DAY_S = 1_790_812_800, 6, 86_400  # 2026-10-01 UTC
RATES = {"gpt-4o-mini": (150_000, 75_000, 600_000), "claude-haiku-4-5": (1_000_000, 100_000, 5_000_000)}
"""Pico-USD per uncached, cached and output token."""


def predictions() -> list[Prediction]:
    """Forty requests a day, a quarter of them to the dearer model, a third with a cached prefix."""
    rng, found = random.Random(7), []
    for at in range(40 * DAYS):
        model = "claude-haiku-4-5" if at % 4 == 0 else "gpt-4o-mini"
        time_s = START_S + (at // 40) * DAY_S + 6 * 3600 + (at % 40) * 1500 + rng.uniform(0, 600)
        tokens = Tokens(input=rng.randrange(400, 4000), cached_input=0, output=rng.randrange(50, 600))
        if at % 3 == 0:
            tokens = Tokens(input=tokens.input, cached_input=tokens.input // 2, output=tokens.output)
        found.append(
            Prediction(
                prediction_id=f"p-{at:04d}",
                request_id=f"req-{at:04d}",
                node="gw",
                sequence=at,
                time_s=time_s,
                use_case="assistant",
                tenant="shop",
                subject=f"visitor-{at % 30}",
                model=model,
                deployment=model,
                placement="api",
                consumed=tokens,
                billable=tokens,
                priced=tokens,
                tokens_basis="measured",
                cost_pico_usd=cost(model, tokens),
                cost_basis="derived",
                total_s=rng.uniform(0.5, 4.0),
                in_budget=True,
            )
        )
    return found


def outcomes(asked: list[Prediction]) -> list[Outcome]:
    """Every second answer is seen, every tenth sells something."""
    found = []
    for at, one in enumerate(asked):
        kinds = (["exposure"] if at % 2 == 0 else []) + (["conversion"] if at % 10 == 0 else [])
        for kind in kinds:
            time_s = one.time_s + (5.0 if kind == "exposure" else 300.0)
            found.append(
                Outcome(
                    event_id=f"order-{at:04d}" if kind == "conversion" else f"seen-{at:04d}",
                    source="/shop",
                    kind=kind,
                    event_type=f"breakeven.{kind}.v1",
                    time_s=time_s,
                    received_s=time_s + 1,
                    node="gw",
                    sequence=10_000 + len(found),
                    tenant="shop",
                    prediction_id=one.prediction_id,
                    value=19.9 + at % 7 if kind == "conversion" else None,
                    currency="USD",
                )
            )
    return found


def cost(model: str, tokens: Tokens, rise: int = 100) -> int:
    """Pico-USD at the list price, or at `rise` percent of it."""
    parts = (tokens.input - tokens.cached_input, tokens.cached_input, tokens.output)
    return sum(rate * n for rate, n in zip(RATES[model], parts, strict=True)) * rise // 100


def day(one: Prediction) -> int:
    """Which day of the ledger it ended on."""
    return int((one.time_s + one.total_s - START_S) // DAY_S)


def date(number: int) -> str:
    """That day, ISO."""
    return datetime.fromtimestamp(START_S + number * DAY_S, UTC).date().isoformat()


def usd(pico: int) -> str:
    """As exports write money."""
    return f"{pico / 1e12:.6f}"


def by_day(asked: list[Prediction], model: str) -> list[list[Prediction]]:
    """The requests to one model, day by day."""
    return [[one for one in asked if one.model == model and day(one) == at] for at in range(DAYS)]


def total(asked: list[Prediction], name: str) -> int:
    """A sum of tokens consumed."""
    return sum(getattr(one.consumed, name) for one in asked)


def openai(asked: list[Prediction]) -> list[list[object]]:
    """Usage with requests: a price rose on the third day, two requests of the fifth are not in the ledger."""
    rows: list[list[object]] = [
        [
            "start_time",
            "end_time",
            "model",
            "api_key_id",
            "num_model_requests",
            "input_tokens",
            "input_cached_tokens",
            "output_tokens",
            "batch",
            "cost",
            "currency",
        ]
    ]
    for at, mine in enumerate(by_day(asked, "gpt-4o-mini")):
        rise = 120 if at == 2 else 100
        extra = 2 if at == 4 else 0
        start_s = START_S + at * DAY_S
        money = sum(cost(one.model, one.consumed, rise) for one in mine) + extra * cost(
            "gpt-4o-mini", Tokens(input=1000, output=200)
        )
        rows.append(
            [
                start_s,
                start_s + DAY_S,
                "gpt-4o-mini-2024-07-18",
                "key_shop",
                len(mine) + extra,
                total(mine, "input") + extra * 1000,
                total(mine, "cached_input"),
                total(mine, "output") + extra * 200,
                "false",
                usd(money),
                "usd",
            ]
        )
    return rows


def anthropic(asked: list[Prediction]) -> tuple[list[list[object]], list[list[object]]]:
    """Usage and cost: the provider counted no cached tokens on the second day."""
    usage: list[list[object]] = [
        [
            "usage_date_utc",
            "model_version",
            "api_key",
            "workspace",
            "usage_type",
            "usage_input_tokens_no_cache",
            "usage_input_tokens_cache_write_5m",
            "usage_input_tokens_cache_write_1h",
            "usage_input_tokens_cache_read",
            "usage_output_tokens",
        ]
    ]
    costs: list[list[object]] = [["usage_date_utc", "model", "workspace", "token_type", "cost_usd"]]
    for at, mine in enumerate(by_day(asked, "claude-haiku-4-5")):
        cached = 0 if at == 1 else total(mine, "cached_input")
        plain = total(mine, "input") - cached
        usage.append(
            [
                date(at),
                "claude-haiku-4-5-20251001",
                "shop",
                "Default",
                "standard",
                plain,
                0,
                0,
                cached,
                total(mine, "output"),
            ]
        )
        for kind, rate, n in zip(
            ("input_no_cache", "input_cache_read", "output"),
            RATES["claude-haiku-4-5"],
            (plain, cached, total(mine, "output")),
            strict=True,
        ):
            costs.append([date(at), "claude-haiku-4-5-20251001", "Default", kind, usd(rate * n)])
    return usage, costs


def bedrock(asked: list[Prediction]) -> list[list[object]]:
    """A Cost and Usage Report of the same model under its billing name, a line for each token type, in agreement."""
    rows: list[list[object]] = [
        [
            "line_item_usage_start_date",
            "line_item_usage_end_date",
            "line_item_product_code",
            "line_item_usage_type",
            "line_item_usage_amount",
            "pricing_unit",
            "line_item_unblended_cost",
            "line_item_currency_code",
        ]
    ]
    for at, mine in enumerate(by_day(asked, "claude-haiku-4-5")):
        cached = total(mine, "cached_input")
        counts = {
            "input-tokens": total(mine, "input") - cached,
            "cache-read-input-token-count": cached,
            "output-tokens": total(mine, "output"),
        }
        for (meter, n), rate in zip(counts.items(), RATES["claude-haiku-4-5"], strict=True):
            rows.append(
                [
                    f"{date(at)}T00:00:00Z",
                    f"{date(at + 1)}T00:00:00Z",
                    "AmazonBedrock",
                    f"USE1-Claude4.5Haiku-{meter}",
                    n / 1000,
                    "1K tokens",
                    usd(rate * n),
                    "USD",
                ]
            )
    return rows


def focus(asked: list[Prediction], currency: str = "USD", per: float = 1.0) -> list[list[object]]:
    """FOCUS rows of both models by day, money only."""
    rows: list[list[object]] = [
        [
            "BilledCost",
            "BillingCurrency",
            "ChargeCategory",
            "ChargePeriodStart",
            "ChargePeriodEnd",
            "ServiceName",
            "ResourceName",
        ]
    ]
    for model in RATES:
        for at, mine in enumerate(by_day(asked, model)):
            money = sum(one.cost_pico_usd or 0 for one in mine) / per
            rows.append(
                [
                    f"{money / 1e12:.9f}",
                    currency,
                    "Usage",
                    f"{date(at)}T00:00:00Z",
                    f"{date(at + 1)}T00:00:00Z",
                    "Inference",
                    model,
                ]
            )
    return rows


def requests(asked: list[Prediction]) -> list[list[object]]:
    """Request by request: one billed twice, one not in the ledger, one that is missing, and a row that is no row."""
    rows: list[list[object]] = [["at", "id", "model", "prompt", "cached", "completion", "charge", "currency"]]
    for at, one in enumerate(asked):
        if at == 50:
            continue
        tokens, when = (
            one.consumed,
            datetime.fromtimestamp(one.time_s + one.total_s, UTC).isoformat(timespec="milliseconds"),
        )
        row = [
            when,
            one.request_id,
            one.model,
            tokens.input,
            tokens.cached_input,
            tokens.output,
            f"{(one.cost_pico_usd or 0) / 1e12:.9f}",
            "USD",
        ]
        rows += [row, row] if at == 20 else [row]
        if at == 30:
            rows.append([when, "req-unknown", one.model, 1000, 0, 100, "0.000210000", "USD"])
        if at == 70:
            rows.append([when, "req-bad", one.model, "many", 0, 100, "0.1", "USD"])
    return rows


def report(sold: list[Outcome]) -> list[list[object]]:
    """What the shop counted by day: an order more on the fourth day."""
    rows: list[list[object]] = [["day", "use_case", "outcomes", "revenue"]]
    for at in range(DAYS):
        mine = [one for one in sold if one.kind == "conversion" and (one.time_s - START_S) // DAY_S == at]
        extra = 1 if at == 3 else 0
        rows.append(
            [date(at), "assistant", len(mine) + extra, f"{sum(one.value or 0 for one in mine) + 25 * extra:.2f}"]
        )
    return rows


def write(path: Path, rows: list[list[object]]) -> None:
    """A CSV."""
    with path.open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def main() -> None:
    """Write the ledger, and the exports where a second folder is named."""
    asked = predictions()
    sold = outcomes(asked)
    journal = Path(sys.argv[1]) / "journal"
    journal.mkdir(parents=True, exist_ok=True)
    (journal / "gw-00000001.journal").write_bytes(b"".join(map(frame, [*asked, *sold])))
    if len(sys.argv) > 2:
        folder = Path(sys.argv[2])
        usage, costs = anthropic(asked)
        write(folder / "openai_usage.csv", openai(asked))
        write(folder / "anthropic_usage.csv", usage)
        write(folder / "anthropic_cost.csv", costs)
        write(folder / "bedrock_cur.csv", bedrock(asked))
        write(folder / "focus.csv", focus(asked))
        write(folder / "focus_eur.csv", focus(asked, "EUR", 1.08))
        write(folder / "requests.csv", requests(asked))
        write(folder / "report.csv", report(sold))


if __name__ == "__main__":
    main()
