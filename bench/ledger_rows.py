"""Rows for bench/ledger.py: records as a gateway writes them, and a history made in bulk by DuckDB itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

from msgspec.structs import replace

from breakeven.gateway.identity import uuid7
from breakeven.ledger import duck, layout
from breakeven.ledger.columns import COLUMNS, TABLES, Table
from breakeven.ledger.disk import Disk
from breakeven.ledger.manifest import Journal, Manifest, Segment
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Attempt, Prediction, Tokens

T0_S = 1_794_268_800.0
"""A UTC midnight."""
LIVE = "live"
DAY_S, DAYS, FILE_ROWS = 86_400, 14, 500_000
TENANTS, USE_CASES, DEPLOYMENTS = 40, 12, ("gpu-a", "gpu-b", "api-a", "cpu-a")
EXPOSED, CONVERTED = 0.4, 0.1
UPTIME_S = 400_000.0


def records(number: int, seed: int = 1) -> Iterator[Prediction]:
    """Predictions at 2,000/s. Durations are differences of a monotonic clock, as in the gateway; ids are its own."""
    random = Random(seed)
    for n in range(number):
        yield _prediction(random, n)


def live(from_s: float) -> Iterator[Prediction]:
    """Predictions without end, ten milliseconds apart, of a use case of their own."""
    random = Random(7)
    for n in count():
        time_s = from_s + n / 100
        name = uuid7(int(time_s * 1000), random.getrandbits(74))
        yield replace(_prediction(random, n), prediction_id=name, node="live", use_case=LIVE, time_s=time_s)


def _prediction(random: Random, n: int) -> Prediction:
    time_s = T0_S + n / 2000
    begun_s = UPTIME_S + n / 2000
    first_s, ended_s = begun_s + random.random() / 1e4, begun_s + random.lognormvariate(-1.5, 0.6)
    now_s = ended_s + random.random() / 1e4
    tokens = Tokens(input=int(random.lognormvariate(6, 1)), output=int(random.lognormvariate(4.5, 0.8)))
    ttft_s, name = (ended_s - begun_s) * random.random(), random.choice(DEPLOYMENTS)
    work_s = (tokens.input * 2e-5 + tokens.output * 3e-4) / 8
    return Prediction(
        prediction_id=uuid7(int(time_s * 1000), random.getrandbits(74)),
        request_id=uuid7(int(time_s * 1000), random.getrandbits(74)),
        node="gateway-7d9f-4k-mi3k2p1x",
        sequence=n + 1,
        time_s=round(time_s, 6),
        use_case=f"use-case-{random.randrange(USE_CASES)}",
        tenant=f"tenant-{random.randrange(TENANTS)}",
        trace_id=f"{random.getrandbits(128):032x}",
        subject=f"{random.getrandbits(128):032x}",
        subject_kind="visitor",
        consent="granted",
        policy_id="b5d1c2a7e0f3",
        plan_id="plan-2026-11-20",
        arm="plan",
        eligible=DEPLOYMENTS,
        propensities=(0.85, 0.05, 0.05, 0.05),
        chosen=name,
        seed=random.getrandbits(53),
        deployment=name,
        model="llama-3.1-8b",
        placement="on_prem",
        attempts=(
            Attempt(
                deployment=name,
                kind="primary",
                outcome="ok",
                start_s=round(first_s - begun_s, 6),
                duration_s=round(ended_s - first_s, 6),
            ),
        ),
        stages={
            "gateway": round(first_s - begun_s, 6),
            "inference": round(ended_s - first_s, 6),
            "post": round(now_s - ended_s, 6),
        },
        total_s=now_s - begun_s,
        ttft_s=ttft_s,
        tpot_s=(ended_s - begun_s - ttft_s) / max(1, tokens.output - 1),
        budget_s=0.8,
        in_budget=now_s - begun_s <= 0.8,
        stream=True,
        served=tokens,
        consumed=tokens,
        billable=tokens,
        priced=tokens,
        tokens_basis="measured",
        cost_pico_usd=round(work_s * 6.94e8),
        price_id="gpu-rent",
        cost_basis="derived",
        work_s=work_s,
        in_flight=float(random.randrange(1, 32)),
        energy_kwh=work_s * 0.35 / 3600,
        energy_basis="derived",
    )


def outcomes(predictions: list[Prediction], sequence: int, seed: int = 2) -> Iterator[Outcome]:
    """One outcome for every second prediction: four exposures to a conversion."""
    random = Random(seed)
    for n, one in enumerate(predictions[::2]):
        kind = "conversion" if n % 5 == 4 else "exposure"
        lag_s = random.expovariate(1 / 1200 if kind == "conversion" else 0.5)
        yield Outcome(
            event_id=uuid7(int((one.time_s + lag_s) * 1000), random.getrandbits(74)),
            source="shop",
            kind=kind,
            event_type=f"breakeven.{kind}.v1",
            time_s=round(one.time_s + lag_s, 3),
            received_s=round(one.time_s + lag_s + random.random() / 10, 6),
            node=one.node,
            sequence=sequence + n,
            tenant=one.tenant,
            prediction_id=one.prediction_id,
            value=round(random.lognormvariate(3, 1), 2) if kind == "conversion" else None,
            currency="USD" if kind == "conversion" else "",
        )


# --- the history -----------------------------------------------------------------------------------------------------


def _u(salt: int) -> str:
    """A number from 0 to 1 that follows from the row."""
    return f"(hash(i, {salt}) / 18446744073709551616.0)"


def _normal(salt: int) -> str:
    return f"(sqrt(-2 * ln({_u(salt)} + 1e-12)) * cos({math.tau} * {_u(salt + 100)}))"


def _bits(salt: int, bits: int) -> str:
    return f"(hash(i, {salt}) >> {64 - bits})"


def _uuid(salt: int) -> str:
    ms = "(time_s * 1000)::BIGINT"
    parts = f"{ms} >> 16, {ms} & 65535, {_bits(salt, 12)}, {_bits(salt + 1, 12)}, {_bits(salt + 2, 48)}"
    return f"format('{{:08x}}-{{:04x}}-7{{:03x}}-8{{:03x}}-{{:012x}}', {parts})"


def _hex(salt: int) -> str:
    return f"format('{{:016x}}{{:016x}}', hash(i, {salt}), hash(i, {salt + 1}))"


def _plain(table: Table) -> dict[str, str]:
    empty = {"VARCHAR": "''", "BIGINT": "0", "UBIGINT": "0", "BOOLEAN": "false", "DOUBLE": "NULL::DOUBLE"}
    return {one.name: "'[]'" if one.kind == "JSON" else empty[one.kind] for one in COLUMNS[table]}


_TIME = "({low} + (i - {first}) * {step})"
_PREDICTION = {
    "prediction_id": _uuid(1),
    "request_id": _uuid(4),
    "node": "'history'",
    "sequence": "i + 1",
    "time_s": "time_s",
    "use_case": f"'use-case-' || ({_bits(10, 32)} % {USE_CASES})",
    "tenant": f"'tenant-' || ({_bits(11, 32)} % {TENANTS})",
    "subject": _hex(12),
    "trace_id": _hex(14),
    "deployment": f"['gpu-a', 'gpu-b', 'api-a', 'cpu-a'][({_bits(16, 32)} % 4)::INTEGER + 1]",
    "model": f"'model-' || ({_bits(17, 32)} % 8)",
    "status": f"CASE WHEN {_u(18)} < 0.18 THEN 'cached' WHEN {_u(18)} < 0.2 THEN 'fallback' ELSE 'answered' END",
    "in_budget": f"{_u(19)} < 0.92",
    "cost_pico_usd": f"(exp(18 + {_normal(20)}))::BIGINT",
    "cost_basis": "'derived'",
    "seed": "hash(i, 40)::UBIGINT",
    "policy_id": "'policy'",
    "total_s": f"exp({_normal(21)} - 1.5)",
    "ttft_s": f"exp({_normal(22)} - 3)",
    "tpot_s": f"exp({_normal(23)} - 4)",
    "work_s": f"exp({_normal(24)} - 4)",
    "served_input_tokens": f"(exp(6 + {_normal(25)}))::BIGINT",
    "served_output_tokens": f"(exp(4.5 + {_normal(26)}))::BIGINT",
    "stages": f'format(\'{{{{"gateway":{{}},"inference":{{}}}}}}\', {_u(27)}, {_u(28)})',
    "labels": "'{}'",
    "http_status": "200",
    "version": "1",
    "tier": "'important'",
    "protocol": "'chat'",
    "placement": "'on_prem'",
    "consent": "'granted'",
    "cache": "'off'",
    "in_flight": "1.0",
}
_LAG = f"-ln({_u(31)} + 1e-12) * CASE WHEN {_u(30)} < {EXPOSED} THEN 2 ELSE 1200 END"
_OUTCOME = {
    "event_id": _uuid(32),
    "source": "'shop'",
    "kind": f"CASE WHEN {_u(30)} < {EXPOSED} THEN 'exposure' ELSE 'conversion' END",
    "event_type": "'breakeven.exposure.v1'",
    "time_s": f"time_s + {_LAG}",
    "received_s": f"time_s + {_LAG} + 0.01",
    "node": "'history-events'",
    "sequence": "0",
    "tenant": _PREDICTION["tenant"],
    "prediction_id": _PREDICTION["prediction_id"],
    "value": f"CASE WHEN {_u(30)} < {EXPOSED} THEN NULL ELSE round(exp(3 + {_normal(33)}), 2) END",
    "currency": f"CASE WHEN {_u(30)} < {EXPOSED} THEN '' ELSE 'USD' END",
    "consent": "'granted'",
    "version": "1",
}
_ROWS: dict[Table, tuple[dict[str, str], str]] = {
    "predictions": (_PREDICTION, "true"),
    "outcomes": (_OUTCOME, f"{_u(30)} < {EXPOSED + CONVERTED}"),
}


def history(data_dir: Path, rows: int) -> None:
    """`rows` predictions and half as many outcomes over 14 days, in our layout and manifest, a file at a time."""
    layout.journals(data_dir).mkdir(parents=True, exist_ok=True)
    with duck.connect(data_dir / "tmp") as connection, Manifest(data_dir) as manifest:
        for day in range(DAYS):
            first, last = rows * day // DAYS, rows * (day + 1) // DAYS
            for start in range(first, last, FILE_ROWS):
                name, end = f"history-{start:012d}", min(start + FILE_ROWS, last)
                step = DAY_S / (last - first)
                time_s = f"({T0_S + day * DAY_S!r}::DOUBLE + (i - {first}) * {step!r}::DOUBLE)"
                source = f"(SELECT i, {time_s} AS time_s FROM range({start}, {end}) t(i))"
                segments = [_file(connection, data_dir, table, day, name, source) for table in TABLES if table in _ROWS]
                manifest.record(_journal(name, start, end), segments)


def _file(
    connection: duck.duckdb.DuckDBPyConnection, data_dir: Path, table: Table, day: int, name: str, source: str
) -> Segment:
    own, where = _ROWS[table]
    names = ", ".join(
        f'({text})::{_kind(table, column)} AS "{column}"' for column, text in (_plain(table) | own).items()
    )
    path = layout.segment_path(table, int(T0_S // DAY_S) + day, name)
    (data_dir / path).parent.mkdir(parents=True, exist_ok=True)
    Disk().write(connection, f"SELECT {names} FROM {source} WHERE {where}", data_dir / path)
    times = f"SELECT count(*), min(time_s), max(time_s) FROM '{data_dir / path}'"
    ((count, low, high),) = connection.execute(times).fetchall()
    return Segment(path=path, name=name, table=table, rows=count, min_time_s=low, max_time_s=high)


def _kind(table: Table, name: str) -> str:
    kind = next(one.kind for one in COLUMNS[table] if one.name == name)
    return "VARCHAR" if kind == "JSON" else kind


def _journal(name: str, start: int, end: int) -> Journal:
    return Journal(
        name=name,
        node="history",
        first_sequence=start + 1,
        last_sequence=end,
        records=end - start,
        repeated=0,
        bytes=0,
        stopped="",
        sealed_at_s=0.0,
    )


NARROW = {
    "id": "i",
    "time_us": "(time_s * 1000000)::BIGINT",
    "session": f"({_bits(50, 64)} % 2000000)::BIGINT",
    "tenant": f"({_bits(11, 32)} % {TENANTS})::UTINYINT",
    "use_case": f"({_bits(10, 32)} % {USE_CASES})::UTINYINT",
    "budget_ms": f"([50, 100, 200, 500, 1000, 2000, 5000, 10000][({_bits(10, 32)} % 8)::INTEGER + 1])::INTEGER",
    "model": f"({_bits(17, 32)} % 8)::UTINYINT",
    "backend": f"({_bits(16, 32)} % 4)::UTINYINT",
    "input_tokens": _PREDICTION["served_input_tokens"],
    "output_tokens": _PREDICTION["served_output_tokens"],
    "queue_us": f"(exp({_normal(51)} + 6))::INTEGER",
    "feature_us": f"(exp({_normal(52)} + 7))::INTEGER",
    "ttft_us": f"(exp({_normal(22)} + 10))::INTEGER",
    "tpot_us": f"(exp({_normal(23)} + 9))::INTEGER",
    "total_us": f"(exp({_normal(21)} + 13))::INTEGER",
    "cost_micro_usd": f"(exp({_normal(20)} + 6))::INTEGER",
    "status": f"(CASE WHEN {_u(18)} < 0.18 THEN 1 WHEN {_u(18)} < 0.2 THEN 2 ELSE 0 END)::UTINYINT",
    "variant": f"({_bits(53, 32)} % 2)::UTINYINT",
}
"""The 18 columns of a bare ledger: numbers only, times to the microsecond."""


def narrow(folder: Path, rows: int) -> float:
    """Bytes a prediction of the bare ledger with half as many outcomes, by the same writer, by use case and time."""
    source = f"(SELECT i, {T0_S} + i * 0.12::DOUBLE AS time_s FROM range({rows}) t(i))"
    columns = ", ".join(f"{text} AS {name}" for name, text in NARROW.items())
    events = f"SELECT i AS id, {_u(30)} >= {EXPOSED} AS converted, ((time_s + {_LAG}) * 1000)::BIGINT AS time_ms"
    with duck.connect(folder) as connection:
        Disk().write(connection, f"SELECT {columns} FROM {source} ORDER BY use_case, time_us", folder / "p.parquet")
        where = f"FROM {source} WHERE {_ROWS['outcomes'][1]}"
        Disk().write(connection, f"{events} {where}", folder / "o.parquet")
    return sum((folder / name).stat().st_size for name in ("p.parquet", "o.parquet")) / rows
