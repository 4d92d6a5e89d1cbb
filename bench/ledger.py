"""What the ledger costs: ingest, bytes, compaction and questions, beside the same by hand in plain DuckDB.

    python bench/ledger.py [--rows 10000000] [--json]

Ingest: predictions as the gateway records them, up to a million of them, through the gateway's own journal (in groups,
each durable before the next) and the sealer, then half as many outcomes, then compaction. Figures are per prediction:
ingest is the CPU of the predictions alone, without making them; bytes hold the outcomes; compaction is per row. The
history of `--rows` predictions, half as many outcomes over 14 days, is made by DuckDB in our own layout; every question
runs in a process of its own, whose CPU and memory are the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import ledger_rows

from breakeven.gateway.journal import ROTATE_ROWS, Journal
from breakeven.ledger import duck, store
from breakeven.ledger.compact import compact
from breakeven.ledger.days import finalise
from breakeven.ledger.disk import Disk
from breakeven.ledger.seal import Work, alone, seal_all
from breakeven.schema.journal import Record

INGEST_ROWS, GROUP, PART = 1_000_000, 512, ROTATE_ROWS
ASKED = Path(__file__).with_name("ledger_asked.py")


class Ingest:
    """A journal and a sealer in one process, their CPU counted apart from that of making rows."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.cpu_s = {"journal": 0.0, "seal": 0.0}

    async def run(self, rows: int) -> float:
        """Journal and seal; returns the CPU seconds of the predictions alone."""
        journal = Journal(self.data_dir / "journal", "gateway")
        made, predictions = ledger_rows.records(rows), []
        with alone(self.data_dir), duck.connect(self.data_dir / "tmp") as connection:
            while part := list(islice(made, PART)):
                await self._part(journal, connection, part)
                predictions += [one for one in part[::2] if len(predictions) < INGEST_ROWS]
            own_s = sum(self.cpu_s.values())
            events = ledger_rows.outcomes([one for one in predictions for _ in (0, 1)], rows + 1)
            while some := list(islice(events, PART)):
                await self._part(journal, connection, some)
            await journal.close()
            self._seal(connection)
        return own_s

    async def _part(self, journal: Journal, connection: duck.duckdb.DuckDBPyConnection, part: list[Record]) -> None:
        begun_s = time.process_time()
        for at in range(0, len(part), GROUP):
            if not journal.append(part[at : at + GROUP]):
                sys.exit("the journal refused rows")
            await journal.durable()
        self.cpu_s["journal"] += time.process_time() - begun_s
        self._seal(connection)

    def _seal(self, connection: duck.duckdb.DuckDBPyConnection) -> None:
        begun_s = time.process_time()
        work = Work(data_dir=self.data_dir, now_s=time.time(), disk=Disk(), connection=connection)
        if seal_all(work).warnings:
            sys.exit("a journal could not be sealed")
        self.cpu_s["seal"] += time.process_time() - begun_s


def ingested(data_dir: Path, rows: int) -> dict[str, float]:
    """Ingest, compaction and bytes of rows as the gateway writes them."""
    data_dir.mkdir()
    ingest = Ingest(data_dir)
    begun_s = time.monotonic()
    own_s = asyncio.run(ingest.run(rows))
    wall_s = time.monotonic() - begun_s
    with alone(data_dir), duck.connect(data_dir / "tmp") as connection:
        begun_s = time.process_time()
        compacted = compact(Work(data_dir=data_dir, now_s=4e9, disk=Disk(), connection=connection))
        compact_s = time.process_time() - begun_s
        work = Work(data_dir=data_dir, now_s=5e9, disk=Disk(), connection=connection)
        compact(work, grace_s=0.0)
    held = sum(path.stat().st_size for path in data_dir.rglob("*.parquet"))
    return {
        "ingest_rows_per_core_s": rows / own_s,
        "ingest_us_per_row": own_s / rows * 1e6,
        "bytes_per_prediction": held / rows,
        "compact_cpu_s_per_million": compact_s / compacted.rows * 1e6,
        "ingest_rows": rows,
        "ingest_wall_s_making_rows_included": wall_s,
    }


def asked(data_dir: Path, question: str, by: str) -> dict[str, float]:
    """A question in a process of its own."""
    command = [sys.executable, str(ASKED), str(data_dir), question, by]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _looked_at(data_dir: Path) -> None:
    """What the sealer does as it goes: take note of which days and hours new journals touch. No day is made final."""
    work = finalise.Work(data_dir=data_dir, now_s=0.0, measures=(), opener=store.opener("duckdb"), disk=Disk())
    while finalise.step(work).looked_at:
        continue


def figures(folder: Path, rows: int) -> dict[str, object]:
    """Everything, in the order of the contract."""
    own = ingested(folder / "ingested", min(rows, INGEST_ROWS))
    (folder / "narrow").mkdir()
    narrow = ledger_rows.narrow(folder / "narrow", min(rows, INGEST_ROWS))
    ledger_rows.history(folder / "history", rows)
    _looked_at(folder / "history")
    ours, raw = (
        {name: asked(folder / "history", name, by) for name in ("core", "hour", "day")} for by in ("engine", "raw")
    )
    for name, one in ours.items():
        if one["answer"] != raw[name]["answer"]:
            sys.exit(f"{name}: the engine says {one['answer']}, plain DuckDB {raw[name]['answer']}")
    first = ("ingest_rows_per_core_s", "ingest_us_per_row", "bytes_per_prediction")
    return {
        **{name: own[name] for name in first},
        "bytes_per_prediction_narrow": narrow,
        "core_query_cpu_s": ours["core"]["cpu_s"],
        "core_query_rss_mb": ours["core"]["rss_mb"],
        "last_hour_cpu_ms": ours["hour"]["cpu_s"] * 1000,
        "day_cpu_s": ours["day"]["cpu_s"],
        "compact_cpu_s_per_million": own["compact_cpu_s_per_million"],
        "raw_engine": {
            "core_query_cpu_s": raw["core"]["cpu_s"],
            "core_query_rss_mb": raw["core"]["rss_mb"],
            "last_hour_cpu_ms": raw["hour"]["cpu_s"] * 1000,
            "day_cpu_s": raw["day"]["cpu_s"],
            **{f"{name}_ratio": ours[name]["cpu_s"] / raw[name]["cpu_s"] for name in ours},
        },
        "rows": rows,
        "useful": ours["core"]["answer"][1],
        **{name: value for name, value in own.items() if name.startswith("ingest_") and name not in first},
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = figures(Path(folder), chosen.rows)
    if chosen.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value:,.2f}" if isinstance(value, float) else f"{name}: {value}")


if __name__ == "__main__":
    main()
