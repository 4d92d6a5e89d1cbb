"""Makes `src/breakeven/demo/data` from the public files, reproducibly.

    python scripts/pack_demo_data.py --data DIR

DIR holds `outcomes/open_bandit/random/{all,men,women}/*.csv.xz` (Open Bandit small sample, as in obp 0.4.1) and
`traces/AzureLLMInferenceTrace_conv.csv.xz` (Azure Public Dataset). Licences: see `demo/data/NOTICE.md`. The digests in
`tests/demo/test_logs.py` are of the uncompressed text, since xz releases differ in how they compress.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src/breakeven/demo/data"
CAMPAIGNS = ("all", "men", "women")
FEATURES = tuple(f"user_feature_{k}" for k in range(4))
EPOCH = datetime(2019, 11, 24, tzinfo=UTC)
TICKS_PER_S = 10**7

Row = Mapping[str, str]


def microseconds(timestamp: str) -> int:
    """Exact microseconds since `EPOCH`."""
    gap = datetime.fromisoformat(timestamp) - EPOCH
    return (gap.days * 86_400 + gap.seconds) * 10**6 + gap.microseconds


def ticks(timestamp: str) -> int:
    """Exact 100 ns ticks of a naive time with seven decimals since its midnight of 2023-11-16."""
    whole, fraction = timestamp.split(".")
    gap = datetime.fromisoformat(whole) - datetime(2023, 11, 16)  # noqa: DTZ001 - the source states no zone
    return (gap.days * 86_400 + gap.seconds) * TICKS_PER_S + int(fraction.ljust(7, "0"))


def feature_codes(rows: Iterable[Row]) -> dict[str, list[str]]:
    """The hashed values of each user feature, sorted; a value's code is its index."""
    values: dict[str, set[str]] = {name: set() for name in FEATURES}
    for row in rows:
        for name in FEATURES:
            values[name].add(row[name])
    return {name: sorted(found) for name, found in values.items()}


def bandit_lines(campaigns: Mapping[str, list[Row]], codes: Mapping[str, list[str]]) -> Iterator[str]:
    """The random log of all campaigns as CSV lines; campaign and features as small codes."""
    index = {name: {value: code for code, value in enumerate(values)} for name, values in codes.items()}
    yield "time_us,campaign,item,position,click,propensity," + ",".join(FEATURES)
    for number, name in enumerate(CAMPAIGNS):
        for row in campaigns[name]:
            user = ",".join(str(index[feature][row[feature]]) for feature in FEATURES)
            logged = f"{row['item_id']},{row['position']},{row['click']},{row['propensity_score']}"
            yield f"{microseconds(row['timestamp'])},{number},{logged},{user}"


def trace_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The conversation trace as CSV lines: seconds since the first arrival (exact to 100 ns) and both token counts."""
    yield "arrival_s,context_tokens,generated_tokens"
    first: int | None = None
    for row in rows:
        at = ticks(row["TIMESTAMP"])
        first = at if first is None else first
        seconds, fraction = divmod(at - first, TICKS_PER_S)
        yield f"{seconds}.{fraction:07d},{row['ContextTokens']},{row['GeneratedTokens']}"


def read(path: Path) -> list[Row]:
    """All rows of one compressed CSV file."""
    with lzma.open(path, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def write(name: str, lines: Iterable[str]) -> None:
    """One compressed text file."""
    raw = ("\n".join(lines) + "\n").encode()
    packed = lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)
    (TARGET / name).write_bytes(packed)
    print(f"{name}: {len(raw):,} bytes -> {len(packed):,}")


def main() -> None:
    """Read the public files below --data, write the packed ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with outcomes/ and traces/")
    data: Path = parser.parse_args().data
    campaigns = {name: read(data / f"outcomes/open_bandit/random/{name}/{name}.csv.xz") for name in CAMPAIGNS}
    codes = feature_codes(row for rows in campaigns.values() for row in rows)
    write("open_bandit_random.csv.xz", bandit_lines(campaigns, codes))
    (TARGET / "open_bandit_features.json").write_text(json.dumps(codes, indent=1) + "\n", encoding="utf-8")
    write("azure_llm_conv_2023.csv.xz", trace_lines(read(data / "traces/AzureLLMInferenceTrace_conv.csv.xz")))


if __name__ == "__main__":
    main()
