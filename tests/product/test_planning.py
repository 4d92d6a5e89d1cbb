"""A plan from files alone: what `plan --json` promises to scripts, and a policy that the gateway accepts."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from breakeven.assembly import planning_files, project, speeds_file
from breakeven.assembly.asking import Given
from breakeven.assembly.planning import scope_of
from breakeven.planner.speed import Kept
from breakeven.schema.serving import Speculation

WORKLOAD = """\
rate: 3
input_tokens: {mean: 900, p50: 700, p95: 2500}
output_tokens: {mean: 120, p50: 90, p95: 400}
requests: 800
"""
PLANNING = """\
version: 1
backends: [{name: api, kind: openai, base_url: "http://127.0.0.1:9"}]
deployments: [{name: chat, backend: api}]
planning:
  margin: 0.25
  batch_tokens: [1024, 1024]
  speculation: {draft_tokens: 4, acceptance: 0.7, draft_ms: 2}
"""
POLICY = """\
version: 1
use_cases:
  - {name: chat, failure: ["deployment:chat"], route: {targets: [{deployment: chat}]}}
"""
ASKED = ("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--as-of", "2026-11-24", "--json")
CALLS = Path(__file__).parents[2] / "examples/scenarios/agent/calls.jsonl.xz"
CONTRACT = {
    "chosen", "options", "low_medium_peak", "interval", "flips_if", "rejected", "candidates", "cpu_s", "policy_path",
    "memo_path",
}  # fmt: skip


def breakeven(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "breakeven", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("plan")
    (found / "chat.yaml").write_text(WORKLOAD)
    return found


@pytest.fixture(scope="module")
def plan(folder: Path) -> dict[str, Any]:
    ran = breakeven(folder, "plan", *ASKED, "--slo-ttft-s", "1", "--slo-tpot-s", "0.05", "--out", "a")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_the_contract_for_scripts_is_kept(plan: dict[str, Any]) -> None:
    """Every promised key is there; the chosen option is an option, priced per useful prediction and per month."""
    assert set(plan) >= CONTRACT
    chosen = plan["chosen"]
    assert chosen["cost_per_useful_prediction_usd"] > 0
    assert chosen["monthly_cost_usd"] > 0
    assert chosen["name"] in {option["name"] for option in plan["options"]}
    assert set(plan["low_medium_peak"]) == {"low", "medium", "peak"}


def test_the_same_question_prints_the_same_bytes(folder: Path, plan: dict[str, Any]) -> None:
    """All but the CPU time, whatever the folder held before."""
    again = breakeven(folder, "plan", *ASKED, "--slo-ttft-s", "1", "--slo-tpot-s", "0.05", "--out", "a")
    assert json.loads(again.stdout) | {"cpu_s": 0} == plan | {"cpu_s": 0}


def test_settings_of_planning_reach_the_search(tmp_path: Path) -> None:
    """A draft in milliseconds, token budgets and a margin; and a command line's margin wins over the file's."""
    (tmp_path / "breakeven.yaml").write_text(PLANNING)
    (tmp_path / "policy.yaml").write_text(POLICY)
    loaded = project.load(tmp_path / "breakeven.yaml")
    scope = scope_of(loaded, ("llama-3.1-8b",), "2026-11-24")
    assert scope.chunks == (1024,)
    assert scope.speculation == Speculation(draft_tokens=4, acceptance=0.7, draft_s=0.002)
    assert loaded.settings.planning.margin == 0.25
    assert Given(margin=0.5, ttft_s=1.0).targets() == {"ttft_s": 1.0, "margin": 0.5}


def test_without_a_configuration_nothing_is_passed_over_in_silence(folder: Path) -> None:
    """The plan goes to the data directory, and what only a decision log would keep is said not to be kept."""
    ran = breakeven(folder, "plan", *ASKED, "--slo-ttft-s", "1", "--data-dir", "mine", "--owner", "Ada")
    assert ran.returncode == 0, ran.stderr
    assert "--owner" in ran.stderr
    found = json.loads(ran.stdout)
    assert found["memo_path"] == f"mine/plans/{found['id']}/memo.md"
    assert (folder / found["memo_path"]).exists()
    assert not (folder / ".breakeven").exists()


@pytest.mark.parametrize("content", [b"", b"\xa1\xff", b"\x81\xa7highest\x81\xa1\xff\x01", b"\xc1" * 9])
def test_kept_speeds_that_cannot_be_read_are_made_again(tmp_path: Path, content: bytes) -> None:
    """They are a cache: whatever the file holds, planning begins with none."""
    (tmp_path / speeds_file.NAME).write_bytes(content)
    assert speeds_file.read(tmp_path) == Kept()


def test_the_gateway_accepts_the_policy(folder: Path, plan: dict[str, Any]) -> None:
    """`check` of the written files finds nothing; the memo is there and names the choice."""
    policy = folder / plan["policy_path"]
    assert plan["id"] in policy.read_text()
    ran = breakeven(folder, "check", "--config", str(policy.with_name("breakeven.yaml")))
    assert ran.returncode == 0, ran.stderr
    assert plan["chosen"]["name"] in (folder / plan["memo_path"]).read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--workload", "chat.yaml"), "--model"),
        (("--workload", "chat.yaml", "--trace", "t.csv", "--model", "llama-3.1-8b"), "both given"),
        (("--workload", "chat.yaml", "--model", "llama-9"), "llama-9"),
        (("--workload", "gone.yaml", "--model", "llama-3.1-8b"), "gone.yaml"),
        (("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--slo-ttft-s", "-1"), "--slo-ttft-s"),
        (("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--slo-tpot-s", "0.00001"), "none of"),
        (("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--margin", "-0.1"), "--margin"),
        (("--workload", "chat.yaml", "--config", "breakeven.yaml"), "both given"),
        (("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--seed", "-1"), "--seed"),
        (("--workload", "chat.yaml", "--model", "llama-3.1-8b", "--as-of", "1999-01-01"), "--as-of"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    """The message names the option or file, and nothing is written."""
    ran = breakeven(folder, "plan", *arguments, "--out", "wrong")
    assert ran.returncode not in {0, 1}
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (folder / "wrong").exists()


def test_who_plans_by_the_sample_alone_pays_no_more_and_is_told_no_samples(tmp_path: Path) -> None:
    """Few requests: other samples of them never make a plan cheaper, and they are in what it promises."""
    calls = lzma.decompress(CALLS.read_bytes()).decode().splitlines()[:150]
    trace = tmp_path / "calls.jsonl"
    trace.write_text("\n".join(calls), encoding="utf-8")
    given = Given(trace=trace, models=("llama-3.1-8b",), ttft_s=3.0, tpot_s=0.05, as_of="2026-11-24")
    costs, told = zip(*(_cost_and_how(given, tmp_path, alone=alone) for alone in (False, True)), strict=True)
    assert costs[1] <= costs[0]
    assert ["samples" in how for how in told] == [True, False]


def _cost_and_how(given: Given, folder: Path, *, alone: bool) -> tuple[float, str]:
    plan = planning_files.plan(msgspec.structs.replace(given, sample_alone=alone), folder, lambda *_: None)
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    [share] = [promise.predicted for promise in plan.promises if promise.metric == "goodput_share"]
    assert chosen.monthly_cost_usd is not None
    return chosen.monthly_cost_usd, share.how
