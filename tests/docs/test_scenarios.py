"""docs/scenarios: each page's commands run in its folder and print what stands there; the gateway serves the end."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from breakeven.assembly import files
from breakeven.cli.main import main
from breakeven.config import settings
from breakeven.demo.process import free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
PAGES, FOLDERS = ROOT / "docs/scenarios", ROOT / "examples/scenarios"
HERE = ("campaign", "regulated", "tutor", "agent", "vendors")
"""The scenarios of this file."""


class Walked(msgspec.Struct):
    """A scenario walked to its end: its folder, and what its page says and should say."""

    name: str
    folder: Path
    page: str
    should: str

    def plan(self, number: int = -1) -> dict[str, Any]:
        """One of the plans that were made, in their order."""
        found = sorted(self.folder.glob(".breakeven/plans/*.json"), key=lambda path: path.stat().st_mtime_ns)
        plan: dict[str, Any] = json.loads(found[number].read_text())
        return plan


@pytest.fixture(scope="module", params=HERE)
def walked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, walk: Callable[[Path], tuple[str, str]]
) -> Walked:
    """Every block of a page, in order, in a copy of its folder."""
    examples = tmp_path_factory.mktemp("scenario")
    folder = examples / "scenarios" / request.param
    shutil.copytree(FOLDERS / request.param, folder)
    shutil.copytree(FOLDERS.parent / "compare", examples / "compare")
    with contextlib.chdir(folder):
        page, should = walk(PAGES / f"{request.param}.md")
    return Walked(name=request.param, folder=folder, page=page, should=should)


def only(name: str) -> pytest.MarkDecorator:
    """A test of one scenario."""
    return pytest.mark.parametrize("walked", [name], indirect=True)


def test_the_commands_print_what_stands_under_them(walked: Walked) -> None:
    """Figures on a page are those of its commands."""
    assert walked.page == walked.should


def test_it_ends_with_a_memo_and_a_policy(walked: Walked) -> None:
    """The plan was applied to the folder's own files; they compile, as do those beside the memo."""
    plan = walked.plan()
    policy = (walked.folder / "policy.yaml").read_text()
    assert f"plan_id: {plan['id']}" in policy
    result = CliRunner().invoke(main, ["check", "--config", str(walked.folder / "breakeven.yaml")])
    assert result.exit_code == 0, result.output
    [memo] = walked.folder.rglob(f"{plan['id']}/memo.md")
    result = CliRunner().invoke(main, ["check", "--config", str(memo.with_name("breakeven.yaml"))])
    assert result.exit_code == 0, result.output
    assert plan["chosen"] in memo.read_text()


def test_the_mix_never_costs_more_than_the_choice(walked: Walked) -> None:
    """The choice alone is a mix too, so that what says how to hold it does not contradict what was decided."""
    for path in walked.folder.glob(".breakeven/plans/*.json"):
        plan = json.loads(path.read_text())
        assert plan["portfolio"]["monthly_usd"] <= option(plan)["monthly_cost_usd"] * 1.001


def test_the_index_names_every_scenario() -> None:
    """A folder has a page, and a page its line."""
    index = (PAGES / "README.md").read_text()
    names = {path.name for path in FOLDERS.iterdir() if path.is_dir()}
    assert names == {path.stem for path in PAGES.glob("*.md")} - {"README"}
    for name in names:
        assert f"]({name}.md)" in index


def option(plan: dict[str, Any]) -> dict[str, Any]:
    """The option that was chosen."""
    found: dict[str, Any] = next(one for one in plan["options"] if one["name"] == plan["chosen"])
    return found


@only("campaign")
def test_three_weeks_commit_to_nothing(walked: Walked) -> None:
    """Neither a purchase nor a term is an option of the campaign; both are counted among what was ruled out."""
    plan = walked.plan()
    assert {one["placement"] for one in plan["options"] if one["feasible"]} == {"cloud"}
    assert not [one["name"] for one in plan["options"] if "reserved" in one["name"]]
    assert min(plan["rejected_by"][kind] for kind in ("commitment", "lead time")) > 10


@only("campaign")
def test_the_year_is_held_as_a_mix_and_taken_back(walked: Walked) -> None:
    """The mix of a term and boards by the hour was applied with its promises, and left nothing behind."""
    log = [json.loads(line) for line in (walked.folder / ".year/decisions.jsonl").read_text().splitlines()]
    assert [entry["kind"] for entry in log] == ["plan", "apply", "rollback"]
    [plan] = [json.loads(path.read_text()) for path in walked.folder.glob(".year/plans/*.json")]
    assert plan["mix"]["cheaper"]
    assert log[1]["predicted"] == plan["mix"]["promises"]
    assert all(part in log[1]["chosen"] for part in plan["mix"]["order"])
    assert (walked.folder / "held.yaml").read_bytes() == (FOLDERS / "campaign/held.yaml").read_bytes()


@only("regulated")
def test_nothing_is_weighed_abroad(walked: Walked) -> None:
    """Options are inside the country or one's own; what was applied says its region, and the score that admitted it."""
    plan = walked.plan()
    inside = {one["name"] for one in plan["options"] if one["placement"] in {"on_prem", "colocated"}} | {"pilot"}
    assert all("frankfurt" in one["name"] for one in plan["options"] if one["name"] not in inside)
    entry = settings.read(walked.folder / "breakeven.yaml").deployment(files.deployment_name(plan["chosen"]))
    assert entry is not None
    assert (entry.region, entry.quality) == ("deu", 0.83)


@only("regulated")
def test_an_auditor_sees_what_was_changed(walked: Walked, tmp_path: Path) -> None:
    """Plan and apply are in the log with owner and review date; one letter more, and the check fails."""
    shutil.copytree(walked.folder, tmp_path, dirs_exist_ok=True)
    log = tmp_path / ".breakeven/decisions.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 2
    assert '"compliance"' in log.read_text()
    assert '"2027-02-24"' in log.read_text()
    check = ["decisions", "check", "--data-dir", str(tmp_path / ".breakeven")]
    assert CliRunner().invoke(main, check).exit_code == 0
    log.write_text(log.read_text().replace("compliance", "somebody", 1))
    assert CliRunner().invoke(main, check).exit_code == 1


@only("tutor")
def test_the_study_has_what_the_plan_said(walked: Walked) -> None:
    """What a board carries is the plan's goodput of a replica, to a tenth."""
    [stated] = re.findall(r"carried: {value: ([0-9.]+) ", (walked.folder / "study.yaml").read_text())
    assert float(stated) == pytest.approx(option(walked.plan())["capacity"]["goodput_rps"], abs=0.1)


@only("vendors")
def test_our_own_proposal_is_the_plan_s(walked: Walked) -> None:
    """Board and capacity from the plan; latencies at the peak from the simulator, as its table rounds them."""
    ours, chosen = (walked.folder / "ours.yaml").read_text(), option(walked.plan())
    assert f"offer: {chosen['deployment']['offer']}," in ours
    [stated] = re.findall(r"capacity: ([0-9.]+) request", ours)
    assert float(stated) == pytest.approx(chosen["capacity"]["goodput_rps"], abs=0.1)
    [row] = re.findall(r"^TTFT .*", walked.page.split("Side by side")[0].split("simulate --workload")[1], re.MULTILINE)
    simulated = [float(one) for one in re.findall(r"([0-9.]+) \(", row)][1:]
    [peak] = re.findall(r"peak: {p50: (\d+) ms, p95: (\d+) ms, p99: (\d+) ms}", ours)
    assert [float(one) for one in peak] == pytest.approx(simulated, abs=1)


@only("agent")
def test_the_cache_is_worth_something(walked: Walked) -> None:
    """Of the same machine more is in budget with the cache, and what is chosen has it."""
    without, with_ = re.findall(r"goodput, share of requests +([0-9.]+)", walked.page)
    assert float(without) < float(with_)
    assert option(walked.plan())["serving"]["prefix_cache"] == "blocks"


@pytest.mark.slow
def test_the_policy_is_served(walked: Walked, start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """The gateway answers from the emulated choice of the plan, with its cost; without it, as the policy says."""
    shutil.copytree(walked.folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".breakeven"))
    model, port = free_port(), free_port()
    file = tmp_path / "breakeven.yaml"
    file.write_text(re.sub(r"127\.0\.0\.1:900\d/", f"127.0.0.1:{model}/", file.read_text()))
    plan, arguments = walked.plan(), ("--port", str(port), "--only", "gateway", "--workers", "1")
    chosen = files.deployment_name(plan["chosen"])
    engine = start("emulate", "--config", "breakeven.yaml", "--deployment", chosen, "--port", str(model))
    process = start("serve", "--config", "breakeven.yaml", *arguments)
    wait_until_ready(f"http://127.0.0.1:{model}/v1/models")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz", lambda: process.poll() is None)
    words, headers = asked(port, plan["use_case"])
    assert words
    assert float(headers["x-breakeven-cost"]) > 0
    engine.terminate()
    engine.wait(20)
    prepared = re.findall(r'default_answer: "(.*)"', (tmp_path / "policy.yaml").read_text())
    assert [asked(port, plan["use_case"])[0]] == (prepared or [""])


def asked(port: int, use_case: str) -> tuple[str, Mapping[str, str]]:
    """What a client reads, nothing where it gets an error, and the headers."""
    body = {"model": "any", "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"x-breakeven-use-case": use_case, "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)["choices"][0]["message"]["content"], answer.headers
    except urllib.error.HTTPError as error:
        return "", error.headers
