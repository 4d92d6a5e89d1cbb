"""`breakeven tco` of a plain study, start of the program included.

    python bench/tco_start.py [--repeats 9] [--case examples/tco/lenovo_lp2225.yaml]

Prints JSON: CPU seconds (user and system) and wall seconds, minimum and median of the repeats; beside them
those of `python -c pass` and of `import numpy`, which nothing that computes with arrays can start faster than.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As installed programs run: modules are compiled once, by the run that is not counted."""


def run(command: list[str], repeats: int) -> dict[str, float]:
    """CPU and wall seconds of a command, after one run that fills the caches of the disk."""
    cpu, wall = [], []
    for at in range(repeats + 1):
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=CACHED)
        after = os.times()
        if at:
            wall.append(time.perf_counter() - start)
            cpu.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return {
        "cpu_s_min": round(min(cpu), 3),
        "cpu_s_median": round(statistics.median(cpu), 3),
        "wall_s_min": round(min(wall), 3),
        "wall_s_median": round(statistics.median(wall), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--case", default="examples/tco/lenovo_lp2225.yaml")
    options = parser.parse_args()
    found = {
        "case": options.case,
        "tco": run([sys.executable, "-m", "breakeven", "tco", options.case], options.repeats),
        "import_numpy": run([sys.executable, "-c", "import numpy"], options.repeats),
        "python": run([sys.executable, "-c", "pass"], options.repeats),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
