"""Histories in any order: duplicated, permuted, late, over several journals and passes, under clocks that jump."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from fault_cuts import scratch
from fault_rows import POLICY
from msgspec.structs import replace

from breakeven.ledger import store
from breakeven.ledger.engine.port import Query
from breakeven.ledger.layout import journals
from breakeven.ledger.meter import Meter
from breakeven.ledger.seal import seal_once
from breakeven.ledger.statement import build
from breakeven.schema.journal import Record, frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Route, UseCase
from breakeven.schema.record import Capacity, Prediction
from breakeven.schema.statement import Statement

DAY = 1_795_046_400.0
"""A UTC midnight."""
_ROUTE = Route(strategy="fixed", targets=())
USE_CASES = {
    "rank": UseCase(name="rank", route=_ROUTE, used_when="exposure", window_s=600.0),
    "shop": UseCase(name="shop", route=_ROUTE, used_when="outcome", window_s=3000.0),
}
ON_DISK = 100
"""Every so many histories one goes through journals, sealing and DuckDB as well."""
JUMPS_S = (-3600.0, 3600.0, -1.0, 1.0, -86.4, 0.5)
"""Daylight saving set by hand, a leap second, a time server's steps."""


def clean(chance: random.Random) -> list[Record]:
    """A small ledger as it would be written on a quiet day."""
    predictions = [_prediction(n, chance) for n in range(1, chance.randrange(3, 12))]
    events = [_event(n, chance.choice(predictions), chance) for n in range(1, chance.randrange(2, 10))]
    hour = Capacity(id="c", deployment="gpu", start_s=DAY, end_s=DAY + 3600, replicas=1, pico_usd_per_replica_s=10**6)
    return [*predictions, *events, hour]


def _prediction(n: int, chance: random.Random) -> Prediction:
    return Prediction(
        prediction_id=f"p{n:04d}",
        request_id=f"r{n}",
        node="gw",
        sequence=n,
        time_s=DAY + 40_000 + 60.0 * n,
        use_case=chance.choice(("rank", "shop")),
        tenant=chance.choice("ab"),
        deployment="gpu",
        subject=chance.choice(("", "ann", "bob")),
        in_budget=chance.random() < 0.8,
        cost_pico_usd=chance.choice((None, 1000, 10**9)),
        total_s=chance.random(),
    )


def _event(n: int, of: Prediction, chance: random.Random) -> Outcome:
    by_id = chance.random() < 0.5
    return Outcome(
        event_id=f"e{n}",
        source="app",
        kind=chance.choice(("exposure", "click", "conversion", "revenue")),
        event_type="",
        time_s=of.time_s + chance.randrange(1000),
        received_s=of.time_s + 1000,
        node="events",
        sequence=n,
        tenant=of.tenant,
        prediction_id=of.prediction_id if by_id else "",
        subject="" if by_id else of.subject,
        value=chance.choice((None, 1.5)),
        currency="USD",
    )


def disturbed(records: Sequence[Record], chance: random.Random) -> list[Record]:
    """The same, some sent again by their clients, some written twice, all in any order."""
    events = [one for one in records if isinstance(one, Outcome)]
    resent = chance.sample(events, chance.randrange(len(events) + 1))
    again = [
        replace(one, node="other", sequence=n, received_s=one.received_s + chance.randrange(1, 10**5))
        for n, one in enumerate(resent, 1)
    ]
    mixed = [*records, *again, *chance.sample(list(records), chance.randrange(len(records) + 1))]
    chance.shuffle(mixed)
    return mixed


def on_disk(records: Sequence[Record], chance: random.Random, folder: Path) -> Statement:
    """What DuckDB says of them, written to several journals that are sealed one pass after another, or not yet."""
    journals(folder).mkdir()
    for number in range(3):
        part = records[number::3]
        (journals(folder) / f"gw-{number:08d}.journal").write_bytes(b"".join(map(frame, part)))
        if chance.random() < 0.7:
            seal_once(folder, DAY + number)
    return build(store.open_ledger(folder), USE_CASES)


def said(statement: Statement) -> bytes:
    return msgspec.json.encode(statement)


def jumped(records: Sequence[Record], chance: random.Random) -> list[Record]:
    """A gateway whose wall clock is set in the middle of its day; clients name the prediction they tell of."""
    predictions = [one for one in records if isinstance(one, Prediction)]
    at, by_s = chance.randrange(len(predictions)), chance.choice(JUMPS_S)
    moved = [replace(one, time_s=one.time_s + by_s) if n >= at else one for n, one in enumerate(predictions)]
    return [*moved, *(one for one in records if not isinstance(one, Prediction))]


def day_totals(records: Sequence[Record]) -> dict[str, object]:
    """Counts and money of each day, of events that name their prediction."""
    kept = [one for one in records if not isinstance(one, Outcome) or one.prediction_id]
    statement = build(store.of_records(kept), USE_CASES)
    days = [one for one in statement.cuts if one.dimension == "day"]
    return {one.key: (one.predictions, one.in_budget, one.useful, one.cost_pico_usd) for one in days}


def metered_s(chance: random.Random, folder: Path) -> tuple[float, float]:
    """Seconds charged and seconds passed, under a wall clock that jumps at random."""
    meter, steady_s, wall_s = Meter(folder, "sealer-1", 2.0), 0.0, DAY
    meter.tick(POLICY, wall_s, steady_s)
    for _ in range(40):
        step_s = chance.random()
        steady_s += step_s
        wall_s += step_s + (chance.choice(JUMPS_S) if chance.random() < 0.1 else 0.0)
        meter.tick(POLICY, wall_s, steady_s)
    meter.stop(steady_s)
    seal_once(folder, DAY)
    charged = store.open_ledger(folder, "memory").standby(Query())
    return sum(one.up_ns for one in charged) / 1e9, steady_s


def run(count: int, seed: int = 1) -> Iterator[Counter[str]]:
    """`count` histories; yields how many differed from the clean one, by what was asked."""
    found: Counter[str] = Counter()
    for number in range(count):
        chance = random.Random(seed * 1_000_003 + number)
        records = clean(chance)
        mixed = disturbed(records, chance)
        truth = build(store.of_records(records), USE_CASES)
        found["histories"] += 1
        found["differing"] += said(build(store.of_records(mixed), USE_CASES)) != said(truth)
        found["days_differing"] += day_totals(jumped(records, chance)) != day_totals(records)
        if number % ON_DISK == 0:
            folder, plain = scratch(), build(store.of_records(records, "duckdb"), USE_CASES)
            try:
                found["on_disk"] += 1
                found["on_disk_differing"] += said(on_disk(mixed, chance, folder)) != said(plain)
            finally:
                shutil.rmtree(folder)
            with TemporaryDirectory() as other:
                charged_s, passed_s = metered_s(chance, Path(other))
                found["seconds_lost"] += abs(charged_s - passed_s) > 1e-3
        yield found
