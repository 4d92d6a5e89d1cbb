"""One question of bench/ledger.py, by our engine or by hand; prints its CPU seconds, peak memory and answer as JSON.

    python bench/ledger_asked.py DATA_DIR core|hour|day engine|raw

`core`: cost per useful prediction by use case and day. `hour`: the same of the last hour, while a writer appends a
hundred rows a second to it. `day`: of one day in the middle. Start and imports are not counted; opening the ledger is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from ledger_rows import DAY_S, DAYS, LIVE, T0_S, USE_CASES

from breakeven.ledger import duck, manifest, store
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.engine.port import Measure, Query

WINDOW_S = 1800.0
PERIODS = {
    "core": (None, None),
    "hour": (T0_S + DAYS * DAY_S - 3600, T0_S + DAYS * DAY_S),
    "day": (T0_S + 7 * DAY_S, T0_S + 8 * DAY_S),
}
WRITER = """
import asyncio, sys
from itertools import count
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_rows import live
from breakeven.gateway.journal import Journal
async def main():
    journal = Journal(Path(sys.argv[1]) / "journal", "live")
    made = live(float(sys.argv[3]))
    print("on", flush=True)
    for _ in count():
        journal.append([next(made) for _ in range(20)])
        await journal.durable()
        await asyncio.sleep(0.2)
asyncio.run(main())
"""
RAW = """
SELECT p.use_case, (p.time_s // 86400)::BIGINT AS day, count(*) AS n, sum(p.cost_pico_usd)::HUGEINT AS cost,
  count(*) FILTER (p.in_budget AND p.subject <> '' AND o.exposed) AS useful
FROM read_parquet({p}) p LEFT JOIN (
  SELECT prediction_id, bool_or(kind IN ('exposure', 'conversion')) AS exposed FROM read_parquet({o}) GROUP BY 1
) o USING (prediction_id) WHERE {where} GROUP BY 1, 2
"""


def by_engine(data_dir: Path, question: str) -> list[int]:
    """Predictions, useful ones and money of the history; what is written meanwhile is read, and not counted."""
    start_s, end_s = PERIODS[question]
    rules = tuple(Measure(use_case=f"use-case-{n}", used_when="exposure", window_s=WINDOW_S) for n in range(USE_CASES))
    query = Query(measures=rules, start_s=start_s, end_s=end_s)
    # A period is asked as the console asks: only the files that it touches are listed.
    engine = store.open_ledger(data_dir) if start_s is None else open_days(data_dir, query, store.opener("duckdb"))
    groups = [one for one in engine.useful(query) if one.use_case != LIVE]
    counts = ((one.predictions, one.useful or 0, one.cost_pico_usd) for one in groups)
    return [sum(group) for group in zip(*counts, strict=True)]


def by_hand(data_dir: Path, question: str) -> list[int]:
    """The same, in the shortest SQL that says it, over the files whose times it needs."""
    start_s, end_s = PERIODS[question]
    low_s, high_s = start_s or float("-inf"), end_s or float("inf")
    held = manifest.read(data_dir).segments
    near = [one for one in held if one.max_time_s >= low_s and one.min_time_s < high_s + WINDOW_S]
    files = {table: duck.paths([data_dir / one.path for one in near if one.table == table]) for table in PLACES}
    where = "true" if start_s is None else f"p.time_s >= {start_s!r} AND p.time_s < {end_s!r}"
    with duck.connect() as connection:
        query = RAW.format(p=files["predictions"], o=files["outcomes"], where=where)
        rows = connection.execute(query).fetchall()
    return [sum(row[at] for row in rows) for at in (2, 4, 3)]


PLACES = ("predictions", "outcomes")


def _peak_mb() -> float:
    """Of this program alone: what getrusage says includes the process that it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    data_dir, question, by = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    ask = by_engine if by == "engine" else by_hand
    writer = None
    if question == "hour":
        command = [
            sys.executable,
            "-c",
            WRITER,
            str(data_dir),
            str(Path(__file__).parent),
            str(PERIODS["hour"][0] + 60),
        ]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(1.0)
        ask(data_dir, question)
    try:
        begun_s = time.process_time()
        answer = ask(data_dir, question)
        cpu_s = time.process_time() - begun_s
    finally:
        if writer is not None:
            writer.kill()
            writer.wait()
    peak_mb = _peak_mb()
    print(json.dumps({"cpu_s": cpu_s, "rss_mb": peak_mb, "answer": answer}))


if __name__ == "__main__":
    main()
