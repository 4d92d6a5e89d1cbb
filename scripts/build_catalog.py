"""Write src/breakeven/catalog/data/catalog.json, and second/*.json, from the YAML files beside them.

Usage: python scripts/build_catalog.py [--rewrite-history]

Entries of offers that are in the file already may not change or go, because records of the past name them; a
correction of a wrong entry is made with --rewrite-history and explained in the commit.
"""

import sys

import msgspec

from breakeven.catalog.build import compile_second, compile_tree, encode, rewritten
from breakeven.catalog.load import DATA, GENERATED
from breakeven.catalog.snapshot import Snapshot
from breakeven.errors import FactError


def main(arguments: list[str]) -> int:
    """Build; 0 when written, 3 when a fact does not load or history would change."""
    try:
        snapshot, second = compile_tree(DATA), compile_second(DATA)
    except FactError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if GENERATED.exists() and "--rewrite-history" not in arguments:
        changed = rewritten(msgspec.json.decode(GENERATED.read_bytes(), type=Snapshot), snapshot)
        if changed:
            print(f"would change {len(changed)} past entries: {', '.join(changed[:5])}", file=sys.stderr)
            print("  way out: append an entry with a new valid_from, or say --rewrite-history", file=sys.stderr)
            return FactError.exit_code
    GENERATED.write_bytes(encode(snapshot))
    for path, part in second.items():
        path.write_bytes(encode(part))
        print(f"{path.relative_to(DATA)}: {len(part.facts)} facts")
    print(f"{GENERATED.name}: {len(snapshot.facts)} facts, {len(snapshot.offers)} offers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
