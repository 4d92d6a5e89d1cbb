"""What the ledger loses: SIGKILLs of writer and sealer, power cuts, and histories in any order.

    python bench/faults_ledger.py [--kills 1000] [--cuts 10000] [--histories 0] [--seed 1] [--json]

Kills are real processes on a real disk. Cuts replay the writes and syncs of journal, meter, sealer and manifest, with
none, some, or 512-byte pieces of what was not synced. Both are read back through the snapshot and an engine. Histories
are duplicated, permuted and late, under clocks that jump, and must give the statement of the clean one. Exit code
1 when anything that was acknowledged is lost, counted twice, or cannot be read. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable

import fault_cuts
import fault_histories
import fault_kills

WRONG = ("acked_lost", "duplicates", "unreadable")
DIFFERING = ("differing", "days_differing", "on_disk_differing", "seconds_lost")
_EVERY_S = 10.0


def watched(what: str, steps: Iterable[Counter[str]]) -> Counter[str]:
    """The last of the counts; now and then one is shown."""
    last: Counter[str] = Counter()
    shown_s = began_s = time.monotonic()
    for last in steps:
        if time.monotonic() - shown_s > _EVERY_S:
            shown_s = time.monotonic()
            print(f"{what}: {dict(last)} after {shown_s - began_s:.0f} s", file=sys.stderr, flush=True)
    return last


def cuts(count: int, seed: int) -> Iterable[Counter[str]]:
    for judge in fault_cuts.run(count, seed):
        while judge.failures:
            print(judge.failures.pop(), file=sys.stderr, flush=True)
        yield judge.counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--histories", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    killed = watched("kills", fault_kills.run(asked.kills, asked.seed))
    cut = watched("cuts", cuts(asked.cuts, asked.seed))
    told = watched("histories", fault_histories.run(asked.histories, asked.seed))
    both = killed + cut
    found = {"kills": killed["kills"], "cuts": cut["cuts"], **{name: both[name] for name in WRONG}}
    found |= {name: both[name] for name in ("acked", "rows", "sealed_journals", "unanswered", "failed_exits")}
    found |= {name: told[name] for name in ("histories", "on_disk", *DIFFERING)}
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:16} {value:10,}")
    sys.exit(any(found[name] for name in (*WRONG, *DIFFERING, "unanswered", "failed_exits")))


if __name__ == "__main__":
    main()
