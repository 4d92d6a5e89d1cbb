"""Makes the scenarios' data from what NOTICE names: `python examples/scenarios/make.py [MOONCAKE.jsonl.xz]`."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SMALLER = 1000
"""The shop is a thousandth of the service whose shape it has."""
LOGGED, CALLED = 600, 500


def rows(path: Path) -> list[str]:
    """Lines of a packed text file."""
    return lzma.decompress(path.read_bytes()).decode().splitlines()


def visits() -> str:
    """Requests per hour of a shop: a real service's two weeks, a thousandth as many; hours with a gap are left out."""
    hours: dict[int, list[int]] = {}
    for line in rows(ROOT / "bench/data/series/servegen_m_small.csv.xz")[1:]:
        at, value = line.split(",")
        hours.setdefault(int(at) // 3600, []).append(int(value))
    whole = {hour: sum(found) // SMALLER for hour, found in hours.items() if len(found) == 6}
    return "timestamp,value\n" + "".join(f"{hour * 3600},{count}\n" for hour, count in sorted(whole.items()))


def questions() -> str:
    """The first conversations of an hour of a real service."""
    found = rows(ROOT / "src/breakeven/demo/data/azure_llm_conv_2023.csv.xz")[1 : LOGGED + 1]
    return "\n".join(("arrived_at,num_prefill_tokens,num_decode_tokens", *found)) + "\n"


def calls(source: Path) -> str:
    """The first requests of a real service whose prompts are known by block."""
    return "\n".join(rows(source)[:CALLED]) + "\n"


def main() -> None:
    """Write the files."""
    (HERE / "campaign/visits.csv").write_text(visits())
    (HERE / "regulated/questions.csv").write_text(questions())
    for source in sys.argv[1:]:
        (HERE / "agent/calls.jsonl.xz").write_bytes(lzma.compress(calls(Path(source)).encode(), preset=9))


if __name__ == "__main__":
    main()
