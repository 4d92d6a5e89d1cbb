"""One million predictions a second on paper: from measured cost per row and our own simulator to machines and money.

Nothing here is run at that size. Every input is a figure measured on one machine (docs/benchmarks.md says by which
command) or a dated price of the catalog; the simulator says how busy a gateway worker may be. `--json` for scripts.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import numpy as np

from breakeven.catalog.load import load
from breakeven.perf.batch_curve import BatchCurve
from breakeven.perf.batch_service import serve

RATE_RPS = 1_000_000
AS_OF = "2026-11-28"
WORKER_S = 232e-6
"""CPU of a gateway worker per request under the full policy: bench/gateway.py."""
INGEST_US = 28.0
"""CPU of encoding, appending, syncing and sealing a record: bench/ledger.py."""
COMPACT_US = 2.4
"""CPU of compaction per record: bench/ledger.py."""
BYTES = 152.0
"""Parquet on disk per prediction, the full record with outcomes: bench/ledger.py."""
JOURNAL_BYTES = 1_450.0
"""A record's frame in the journal, before it is sealed: `schema.journal.frame` of the rows of bench/ledger_rows.py."""
DUCKDB_US, SPARK_US = 0.52, 6.7
"""CPU of the core question per prediction, on DuckDB and on Spark: docs/scale.md."""

OVERHEAD_S = 5e-3
"""What the gateway may add at p99, waiting included."""
HISTORY_DAYS = 90
WHOLE_DAY_S = 86_400
SPARES = 1.15
"""N+1 and deploys: capacity beyond what the load needs. Assumed."""
REQUESTS = 400_000


def arrivals(rate: float, cv: float, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Gamma gaps of a coefficient of variation; 1 is Poisson."""
    shape = 1 / cv**2
    return np.cumsum(np.random.default_rng(seed).gamma(shape, 1 / (rate * shape), REQUESTS))


def busiest(cv: float) -> dict[str, float]:
    """How busy one worker may be for its p99 to stay inside the overhead: a scan of the simulator in steps of 5 %."""
    curve = BatchCurve(base_s=0.0, request_s=WORKER_S, max_batch=1)
    # Service times of a Python worker vary; lognormal of 30 % is what its latency histogram looks like. Assumed.
    spread = np.random.default_rng(1).lognormal(-0.5 * math.log1p(0.09), math.sqrt(math.log1p(0.09)), REQUESTS)
    found = {"busy": 0.0, "p99_ms": 0.0, "rps": 0.0}
    for percent in range(5, 100, 5):
        rate = percent / 100 / WORKER_S
        run = serve(arrivals(rate, cv, 7), curve, spread=spread)
        p99_s = float(np.quantile(run.delays, 0.99))
        if p99_s > OVERHEAD_S:
            break
        found = {"busy": percent / 100, "p99_ms": p99_s * 1e3, "rps": rate}
    return found


def paper(cv: float) -> dict[str, Any]:
    """Cores, bytes and money of one shape of traffic."""
    at = busiest(cv)
    gateway = math.ceil(RATE_RPS / at["rps"] * SPARES)
    sealing = math.ceil(RATE_RPS * INGEST_US * 1e-6 * SPARES)
    compacting = math.ceil(RATE_RPS * COMPACT_US * 1e-6 * SPARES)
    rows_day = RATE_RPS * WHOLE_DAY_S
    stored_tb = rows_day * BYTES * HISTORY_DAYS / 1e12
    spark_h = rows_day * SPARK_US * 1e-6 / 3600
    cores = gateway + sealing + compacting
    core_hour, gb_month = prices()
    usd_h = cores * core_hour + spark_h * core_hour / 24 + stored_tb * 1e3 * gb_month / 730
    return {
        "arrivals_cv": cv,
        "worker_busy": at["busy"],
        "worker_p99_ms": round(at["p99_ms"], 2),
        "gateway_cores": gateway,
        "sealing_cores": sealing,
        "compaction_cores": compacting,
        "journal_mb_per_s": round(RATE_RPS * JOURNAL_BYTES / 1e6),
        "segments_mb_per_s": round(RATE_RPS * BYTES / 1e6),
        "rows_per_day": rows_day,
        "stored_tb": round(stored_tb),
        "spark_core_hours_per_day": round(spark_h),
        "duckdb_core_hours_per_day": round(rows_day * DUCKDB_US * 1e-6 / 3600, 1),
        "usd_per_hour": round(usd_h, 2),
        "usd_per_million_predictions": usd_h / (RATE_RPS * 3600) * 1e6,
    }


def prices() -> tuple[float, float]:
    """USD of a core-hour and of a gigabyte-month, from the catalog."""
    catalog = load()
    offer = catalog.offer("lambda-cpu-4x-general-on-demand", AS_OF)
    return float(offer.usd_per_hour or 0.0), float(catalog.assumption("object_storage").value)


def main() -> None:
    """Print each shape of traffic."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = [paper(cv) for cv in (1.0, 2.0, 3.0)]
    if asked.json:
        print(json.dumps({"shapes": found}))
        return
    for name in found[0]:
        print(f"{name:28}" + "".join(f"{one[name]:>16,.6g}" for one in found))


if __name__ == "__main__":
    main()
