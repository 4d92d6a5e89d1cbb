"""Every figure of docs/benchmarks.md: `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = tuple(
    HERE / f"{name}.py"
    for name in (
        "gateway",
        "budget_race",
        "onnx_batching",
        "price_lookup",
        "hybrid",
        "uncertainty",
        "tco_start",
        "simulator",
        "scaling",
        "planner",
        "demo_time",
    )
)


def main() -> None:
    for bench in BENCHES:
        print(f"== {bench.name}", flush=True)
        subprocess.run([sys.executable, str(bench), *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
