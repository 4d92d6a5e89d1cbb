"""The benchmark behind docs/planner-accuracy.md runs by parts, and its quickest part says what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/planner-accuracy.md").read_text()


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    command = [sys.executable, str(ROOT / "bench/planner.py"), "--json", "--part", "engines"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


def test_a_part_alone_leaves_the_figures_of_others_open(told: dict[str, object]) -> None:
    """Every figure of the contract is there, null where its part was not run."""
    assert told["engines_right_share"] == 1.0
    open_figures = {"slo_attainment_gap_points", "saving_vs_static", "saving_vs_reactive"}
    for name in (*open_figures, "forecast_coverage_gap_points", "self_consistent_share"):
        assert told[name] is None


def test_the_page_states_what_was_found_of_two_engines(told: dict[str, object]) -> None:
    """Measured and predicted tokens/s, and which was picked, by clients."""
    stated = re.findall(r"^\| (\d+) \| ([\d.]+) / ([\d.]+) \| ([\d.]+) / ([\d.]+) \| (\S+) \|", PAGE, re.MULTILINE)
    found = {str(one["clients"]): one for one in told["engines"]["loads"]}
    assert sorted(found) == sorted(row[0] for row in stated)
    for clients, *figures, picked in stated:
        one = found[clients]
        assert picked.lower() == one["picked"] == one["right"]
        expected = [
            one[kind][engine] for kind in ("tok_s_measured", "tok_s_predicted") for engine in ("llama.cpp", "vllm")
        ]
        assert [float(figure) for figure in figures] == pytest.approx(expected, rel=0.01)
