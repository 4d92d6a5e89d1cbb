"""Rows of a FOCUS file as capacity: what a resource cost in a period, which the predictions in it share.

A record holds a rate, not an amount: an amount becomes two rows, of which the second, of one second, carries what the
division left, so that they sum to the row's EffectiveCost to the pico-dollar.
"""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from breakeven.ledger.source.field import Row
from breakeven.quantity import pico_from_usd
from breakeven.schema.noun import Placement
from breakeven.schema.record import Capacity

NEEDED = frozenset({"EffectiveCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ServiceName"})
_WHO = ("x_option", "ResourceId", "SkuId", "ServiceName")
_PLACEMENTS: frozenset[str] = frozenset(get_args(Placement))


def records(row: Row, name: str) -> tuple[Capacity, ...]:
    """The capacity of one row; none where it cost nothing.

    Raises:
        LedgerError: another currency, a credit, or a period that is none.
    """
    cost = _cost(row)
    start_s, end_s = (row.instant(column, "iso") for column in ("ChargePeriodStart", "ChargePeriodEnd"))
    if start_s is None or end_s is None or end_s - start_s < 1 or (end_s - start_s) % 1:
        row.refuse("ChargePeriodEnd", "a charge has a period of whole seconds", "export with ChargePeriodStart and End")
    if not cost:
        return ()
    seconds = int(end_s - start_s)
    rate, rest = divmod(cost, seconds)
    parts = ((start_s, end_s - 1, rate), (end_s - 1, end_s, rate + rest))
    return tuple(_capacity(row, f"focus-{name}-{place}", part) for place, part in enumerate(parts) if part[0] < part[1])


def _cost(row: Row) -> int:
    currency = row.text("BillingCurrency").upper()
    if currency != "USD":
        row.refuse("BillingCurrency", "costs are USD: other money is not converted", "export it in USD")
    text = row.text("EffectiveCost")
    if text.startswith("-") and Decimal(text) < 0:
        row.refuse("EffectiveCost", "capacity costs something: credits are no capacity", "reconcile credits apart")
    return row.money("EffectiveCost") or pico_from_usd(0)


def _capacity(row: Row, name: str, part: tuple[float, float, int]) -> Capacity:
    placement = row.text("x_placement")
    return Capacity(
        id=name,
        deployment=next((row.text(column) for column in _WHO if row.text(column)), "unknown"),
        start_s=part[0],
        end_s=part[1],
        replicas=1,
        pico_usd_per_replica_s=part[2],
        price_id=row.text("SkuPriceId") or row.text("SkuId"),
        basis="measured",
        placement=placement if placement in _PLACEMENTS else "unknown",  # type: ignore[arg-type]  # one of its values
        model=row.text("x_model"),
    )
