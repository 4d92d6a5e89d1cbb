"""The logged data that ships with the package; licences and sources are in `data/NOTICE.md` beside it.

The Open Bandit rows before `SPLIT_US` trained the ranker; those from it on are replayed, so that no replayed row was
ever trained on.
"""

from __future__ import annotations

import csv
import lzma
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from breakeven.schema.noun import Noun
from breakeven.schema.workload import Trace, pack

CAMPAIGNS = ("all", "men", "women")
ITEMS = (80, 34, 46)
"""Items a campaign chooses from, by campaign code."""
FIRST_DAY = "2019-11-24"
SPLIT_US = int(3.5 * 86_400 * 10**6)
"""2019-11-27 12:00 UTC, the middle of the logged week, in microseconds since it began."""


class Impression(Noun, frozen=True, kw_only=True):
    """One logged impression of the uniformly random policy.

    `time_us` counts from the first day, 00:00 UTC; `propensity` is the chance that the logger chose `item` for
    `position` (1 to 3); `user` holds the codes of the four anonymous user features.
    """

    time_us: int
    campaign: int
    item: int
    position: int
    clicked: bool
    propensity: float
    user: tuple[int, int, int, int]


def text(name: str) -> str:
    """A packaged file, uncompressed when its name ends in .xz."""
    raw = _data(name).read_bytes()
    return (lzma.decompress(raw) if name.endswith(".xz") else raw).decode()


def ranker_path() -> str:
    """Where the packaged ONNX ranker lies on disk."""
    return str(_data("ranker.onnx"))


@cache
def impressions() -> tuple[Impression, ...]:
    """All 30,000 rows of the random log in the order of their times."""
    rows = csv.reader(text("open_bandit_random.csv.xz").splitlines()[1:])
    return tuple(sorted(map(_impression, rows), key=lambda row: (row.time_us, row.campaign, row.item)))


def training() -> tuple[Impression, ...]:
    """The rows the ranker was trained on: before `SPLIT_US`."""
    return tuple(row for row in impressions() if row.time_us < SPLIT_US)


def evaluation() -> tuple[Impression, ...]:
    """The rows the demo may replay: from `SPLIT_US` on."""
    return tuple(row for row in impressions() if row.time_us >= SPLIT_US)


@cache
def conversations() -> Trace:
    """The Azure LLM conversation trace of 2023: 19,366 requests over 3,502 s, neither cut nor scaled."""
    rows = [line.split(",") for line in text("azure_llm_conv_2023.csv.xz").splitlines()[1:]]
    return Trace(
        name="azure-llm-conv-2023",
        arrival_s=pack(float(row[0]) for row in rows),
        input_tokens=pack(float(row[1]) for row in rows),
        output_tokens=pack(float(row[2]) for row in rows),
        source="Azure Public Dataset, AzureLLMInferenceTrace_conv 2023, CC BY 4.0",
    )


def _data(name: str) -> Traversable:
    return files("breakeven.demo").joinpath("data", name)


def _impression(row: list[str]) -> Impression:
    return Impression(
        time_us=int(row[0]),
        campaign=int(row[1]),
        item=int(row[2]),
        position=int(row[3]),
        clicked=row[4] == "1",
        propensity=float(row[5]),
        user=(int(row[6]), int(row[7]), int(row[8]), int(row[9])),
    )
