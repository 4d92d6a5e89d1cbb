"""What the gateway does under faults, by the wall clock: the real `breakeven serve`, goals beside what was measured.

    python bench/faults_gateway.py [--json] [--only R7,R9]

Everything stays on loopback. Exit code 1 when a goal was missed. The laws behind these figures, order, counts and
deadlines on a virtual clock, are in tests/faults; here stands what a real clock and real sockets add to them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable

import uvloop
from fault_listening import huge, identities, malformed, reloads, slowloris
from fault_load import drain, overload
from fault_money import canaries, race
from fault_upstream import gone, hangs, hostile, storms
from served import REST, Upstream
from verdict import Row

Fault = Callable[[Upstream], AsyncIterator[Row]]
FAULTS: dict[str, Fault] = {
    "R1": slowloris,
    "R2": huge,
    "R3": malformed,
    "R6": reloads,
    "R7": gone,
    "R8": storms,
    "R9": hangs,
    "R10": hostile,
    "R14": overload,
    "R17": drain,
    "R24": race,
    "R28": canaries,
    "R33": identities,
}
PATIENCE_S = 90.0


async def judged(name: str, fault: Fault, up: Upstream) -> list[Row]:
    """The rows of one fault; what breaks the check itself is a row that did not hold."""
    rows: list[Row] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for row in fault(up):
                rows += [row]
                shown(row)
    except Exception as error:  # noqa: BLE001 - the other faults are still to be measured
        traceback.print_exc()
        rows.append(
            Row(name, fault.__name__, "it can be measured", f"{type(error).__name__}: {error}"[:200], held=False)
        )
        shown(rows[-1])
    return rows


def shown(row: Row) -> None:
    """A row as it comes."""
    mark = "ok  " if row.held else "MISS"
    print(f"{mark} {row.fault:<4} {row.what:<58} {row.goal:<26} {row.measured}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(FAULTS))
    options = parser.parse_args()
    os.sched_setaffinity(0, REST)
    rows: list[Row] = []
    for name in options.only.split(","):
        start_s = time.monotonic()
        with Upstream() as up:
            rows += uvloop.run(judged(name, FAULTS[name], up))
        print(f"     {name} took {time.monotonic() - start_s:.0f} s", file=sys.stderr)
    if options.json:
        print(json.dumps([row._asdict() for row in rows]))
    else:
        print("| fault | what | goal | measured | |\n|---|---|---|---|---|")
        for row in rows:
            print(f"| {row.fault} | {row.what} | {row.goal} | {row.measured} | {'' if row.held else '**missed**'} |")
    sys.exit(not all(row.held for row in rows))


if __name__ == "__main__":
    main()
