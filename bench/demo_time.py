"""How long the demo runs, installation left out, and the CPU of its load driver: `python bench/demo_time.py`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "breakeven", "demo", "--once", "--json", "--dir", f"{folder}/demo"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(f"demo: {found['elapsed_s']:.0f} s for a window of 90 s; {found['predictions']:,} predictions recorded")
    traffic = found["traffic"]
    print(f"load driver CPU: {sum(traffic['driver_cpu_s']):.1f} s; fell behind: {traffic['fell_behind']}")
    print(f"records lost: {found['ledger']['lost']}; money conserved: {found['ledger']['conserved']}")


if __name__ == "__main__":
    main()
