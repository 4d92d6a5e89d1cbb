"""The packaged logs are the public ones, whole, attributed, and read without a checkout."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import statistics
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

from breakeven.demo import logs

ROOT = Path(__file__).parents[2]
DIGESTS = {
    "open_bandit_random.csv.xz": "5db0a21d2a0f280f2a5bd3f400222bd2f43d06eafe7a65631b78168c62d19510",
    "azure_llm_conv_2023.csv.xz": "719966053e3caba544b709f6a7833880597ee0fd2a6638c330fdd95490fb86d6",
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", DIGESTS)
def test_the_packed_text_is_the_reviewed_one(name: str) -> None:
    """Every byte of the logged data is the one that the pack script made."""
    assert hashlib.sha256(logs.text(name).encode()).hexdigest() == DIGESTS[name]


def test_every_data_file_is_attributed() -> None:
    """The notice beside the data names each file, its source, its licence and whom to cite."""
    folder = files("breakeven.demo") / "data"
    notice = (folder / "NOTICE.md").read_text()
    shipped = [file.name for file in folder.iterdir() if file.name != "NOTICE.md"]
    assert [name for name in shipped if f"`{name}`" not in notice] == []
    for words in (
        "Apache License, Version 2.0",
        "CC BY 4.0",
        "Saito",
        "arXiv:2008.07146",
        "Azure Public Dataset",
        "https://creativecommons.org/licenses/by/4.0/",
        "ZOZO Technologies",
    ):
        assert words in notice


def test_the_data_stays_small() -> None:
    """A wheel that carries its own evidence stays under half a megabyte of it."""
    assert sum(len(file.read_bytes()) for file in (files("breakeven.demo") / "data").iterdir()) < 450_000


def test_the_log_is_the_published_sample() -> None:
    """10,000 rows a campaign, the published items, and the click rates that were measured on the sample."""
    rows = logs.impressions()
    assert len(rows) == 30_000
    for campaign, (items, clicks) in enumerate(zip(logs.ITEMS, (38, 46, 46), strict=True)):
        mine = [row for row in rows if row.campaign == campaign]
        assert len(mine) == 10_000
        assert sum(row.clicked for row in mine) == clicks
        assert {row.item for row in mine} == set(range(items))
        assert {row.propensity for row in mine} == {1 / items}
    assert {row.position for row in rows} == {1, 2, 3}


def test_the_logger_chose_uniformly() -> None:
    """Chi-squared of the item counts of each campaign lies within five standard deviations: random is random."""
    for campaign, items in enumerate(logs.ITEMS):
        counts = Counter(row.item for row in logs.impressions() if row.campaign == campaign)
        expected = 10_000 / items
        chi2 = sum((counts[item] - expected) ** 2 / expected for item in range(items))
        assert abs(chi2 - (items - 1)) < 5 * (2 * (items - 1)) ** 0.5


def test_codes_lead_back_to_the_source() -> None:
    """Each user code is the index of one published hash, and no hash is left out."""
    codes = json.loads(logs.text("open_bandit_features.json"))
    for k, values in enumerate(codes.values()):
        assert values == sorted(values)
        assert {row.user[k] for row in logs.impressions()} == set(range(len(values)))


def test_no_evaluation_row_was_trained_on() -> None:
    """The halves are disjoint, lie in order of time, and together are the whole log."""
    known, held_out = logs.training(), logs.evaluation()
    assert known + held_out == logs.impressions()
    assert known[-1].time_us < logs.SPLIT_US <= held_out[0].time_us
    assert (len(known), len(held_out)) == (14_593, 15_407)


def test_the_trace_is_the_published_one() -> None:
    """Counts, span, rate and token percentiles that were measured on the public file."""
    trace = logs.conversations()
    arrivals = list(trace.column("arrival_s"))
    assert trace.n == 19_366
    assert arrivals[0] == 0
    assert arrivals == sorted(arrivals)
    assert round(arrivals[-1]) == 3_502
    assert statistics.median(trace.column("input_tokens")) == 1_020
    assert statistics.median(trace.column("output_tokens")) == 129
    assert max(trace.column("output_tokens")) == 1_000
    assert "CC BY 4.0" in trace.source


def test_packing_loses_nothing() -> None:
    """What the pack script writes reads back as what the source said, to the microsecond and the 100 ns tick."""
    pack = script("pack_demo_data")
    source = {
        "timestamp": "2019-11-25 00:00:01.000002+00:00",
        "item_id": "14",
        "position": "3",
        "click": "1",
        "propensity_score": "0.0125",
    } | {name: f"hash{k}" for k, name in enumerate(pack.FEATURES)}
    other = source | {"user_feature_2": "aaa", "click": "0"}
    campaigns = {"all": [source], "men": [other], "women": []}
    codes = pack.feature_codes([source, other])
    lines = list(pack.bandit_lines(campaigns, codes))
    assert codes["user_feature_2"] == ["aaa", "hash2"]
    first = logs._impression(lines[1].split(","))
    assert (first.time_us, first.campaign, first.item, first.position) == (86_401_000_002, 0, 14, 3)
    assert (first.clicked, first.propensity, first.user) == (True, 0.0125, (0, 0, 1, 0))
    assert logs._impression(lines[2].split(",")).user == (0, 0, 0, 0)
    turns = [
        {"TIMESTAMP": "2023-11-16 18:15:46.6805900", "ContextTokens": "374", "GeneratedTokens": "44"},
        {"TIMESTAMP": "2023-11-16 18:15:47.0000001", "ContextTokens": "1", "GeneratedTokens": "2"},
    ]
    assert list(pack.trace_lines(turns))[1:] == ["0.0000000,374,44", "0.3194101,1,2"]
