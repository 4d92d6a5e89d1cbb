"""Owned or rented capacity as a price per replica-second, which is how the ledger charges it."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

from breakeven.cost.case import Case
from breakeven.cost.tco import monthly_bill
from breakeven.quantity import PICO_PER_USD, SECONDS_PER_HOUR
from breakeven.schema.bill import Bill
from breakeven.schema.noun import Basis
from breakeven.schema.policy import CapacityPrice


def capacity_price(
    *,
    usd_per_hour_per_replica: float,
    replicas: int,
    price_id: str,
    basis: Basis = "derived",
    power_idle_w: float | None = None,
    power_busy_w: float | None = None,
) -> CapacityPrice:
    """An hourly price in pico-USD per replica-second, halves to even (a rounding below 2 nano-dollars an hour).

    Raises:
        ValueError: the price is negative or not finite, or there is no replica.
    """
    if not math.isfinite(usd_per_hour_per_replica) or usd_per_hour_per_replica < 0 or replicas < 1:
        message = (
            f"capacity {price_id!r} needs a price >= 0 and replicas >= 1, got {usd_per_hour_per_replica}, {replicas}"
        )
        raise ValueError(message)
    exact = Decimal(str(usd_per_hour_per_replica)) * PICO_PER_USD / Decimal(str(SECONDS_PER_HOUR))
    return CapacityPrice(
        price_id=price_id,
        replicas=replicas,
        pico_usd_per_replica_s=int(exact.to_integral_value(ROUND_HALF_EVEN)),
        basis=basis,
        power_idle_w=power_idle_w,
        power_busy_w=power_busy_w,
    )


def usd_per_replica_hour(bill: Bill, replicas: int) -> float | None:
    """Hourly price of one replica: the month's total / hours / replicas; None while something is unpriced."""
    return None if bill.total_usd is None else bill.total_usd / bill.hours_per_month / replicas


def case_capacity(case: Case, *, idle_w: float | None = None, busy_w: float | None = None) -> CapacityPrice | None:
    """The capacity price of a case's whole bill (depreciation, power, staff, spares, all of it); None if unpriced."""
    hourly = usd_per_replica_hour(monthly_bill(case), case.fleet.replicas)
    if hourly is None:
        return None
    return capacity_price(
        usd_per_hour_per_replica=hourly,
        replicas=case.fleet.replicas,
        price_id=f"{case.offer.id}@{case.offer.valid_from}",
        power_idle_w=idle_w,
        power_busy_w=busy_w,
    )
