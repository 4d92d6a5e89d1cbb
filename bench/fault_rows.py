"""Records that the fault runs write, and every row as a report reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import duckdb

from breakeven.ledger import duck
from breakeven.ledger.restore import restore
from breakeven.ledger.snapshot import of_folder
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import CapacityPrice, Policy, PolicyDeployment
from breakeven.schema.record import Prediction

T0 = 1_795_000_000.0
_PRICE = CapacityPrice(price_id="rent", replicas=1, pico_usd_per_replica_s=10**6)
POLICY = Policy(
    id="p", use_cases=(), deployments=(PolicyDeployment(name="gpu", backend="b", capacity=_PRICE),), backends=()
)


def prediction(name: str, node: str, sequence: int, time_s: float = T0, labels: str = "") -> Prediction:
    """A prediction of a worker."""
    return Prediction(
        prediction_id=name,
        request_id=name,
        node=node,
        sequence=sequence,
        time_s=time_s,
        use_case="rank",
        deployment="gpu",
        labels={"l": labels} if labels else {},
    )


def event(name: str, node: str, sequence: int, time_s: float = T0, data: str = "") -> Outcome:
    """An event that a worker was told."""
    return Outcome(
        event_id=name,
        source="app",
        kind="exposure",
        event_type="breakeven.exposure.v1",
        time_s=time_s,
        received_s=time_s,
        node=node,
        sequence=sequence,
        prediction_id="seen",  # an event that is about nobody violates the tracking plan, and is no outcome
        data=data,
    )


def correction(number: int, name: str, time_s: float = T0) -> Correction:
    """What a prediction cost after all."""
    return Correction(
        id=f"k{number}",
        prediction_id=name,
        cost_pico_usd=number,
        reason="wrong price",
        author="bench",
        time_s=time_s,
    )


def rows(folder: Path, connection: duckdb.DuckDBPyConnection | None = None) -> Iterator[Record]:
    """Every row as a report's reader finds it; with a connection for those who read ten thousand times."""
    found = of_folder(folder)
    yield from found.records
    if connection is None:
        yield from restore(found)
        return
    with patch.object(duck, "connect", connection.cursor):
        yield from restore(found)
