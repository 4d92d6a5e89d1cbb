"""`breakeven plan --curve`: what it promises to scripts, what it refuses, and a gateway that serves what it wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from breakeven.cli.main import main
from breakeven.demo.process import free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
HOME = ROOT / "examples/scenarios/homepage"
RANKER = ROOT / "src/breakeven/demo/data/ranker.onnx"
ASKED = ("--workload", "homepage.yaml", "--as-of", "2026-11-28")
CURVE = ("--curve", "cpu=ranker_curve.csv")
KEYS = {
    "chosen",
    "options",
    "low_medium_peak",
    "interval",
    "flips_if",
    "rejected",
    "candidates",
    "cpu_s",
    "policy_path",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the homepage's folder, in which commands run."""
    shutil.copytree(HOME, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    ran = plan(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.usefixtures("folder")
def test_the_contract_for_scripts_is_that_of_other_plans() -> None:
    """The same keys, three levels of load, an interval of the unit cost; the same question prints the same bytes."""
    found = told(*ASKED, *CURVE, "--out", "a")
    assert set(found) >= KEYS
    assert set(found["low_medium_peak"]) == {"low", "medium", "peak"}
    assert found["interval"]["p5"] < found["interval"]["p50"] < found["interval"]["p95"]
    assert {one["binding"] for one in found["rejected"]} >= {"unmeasured"}
    assert told(*ASKED, *CURVE, "--out", "a") | {"cpu_s": 0} == found | {"cpu_s": 0}


def test_a_board_is_routed_to_as_a_server_that_is_told_its_batches(folder: Path) -> None:
    """What a process of one's own cannot hold is a server of the inference protocol; the file says how it batches."""
    found = told(*ASKED, "--curve", "h100-sxm=ranker_curve.csv", "--out", "board")
    written = (folder / "board/breakeven.yaml").read_text()
    assert found["chosen"]["accelerator"] == "h100-sxm"
    assert "kind: oip" in written
    assert "form batches of at most" in written
    assert CliRunner().invoke(main, ["check", "--config", "board/breakeven.yaml"]).exit_code == 0


def test_what_the_curve_was_measured_on_is_said(folder: Path) -> None:
    """On other hardware than the rows name an interval is assumed; the memo names rows, engine and day."""
    told(*ASKED, *CURVE, "--out", "a")
    memo = (folder / "a/memo.txt" if (folder / "a/memo.txt").exists() else folder / "a/memo.md").read_text()
    for words in ("cpu-epyc-1-core", "onnxruntime", "2026-11-28", "0.8 to 1.25 times"):
        assert words in memo.replace("\\", ""), words


@pytest.mark.usefixtures("folder")
def test_a_trace_gives_the_arrivals() -> None:
    """Requests of a recorded trace are scored a row each, whatever tokens it holds."""
    Path("t.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        + "".join(f"2023-11-16 18:{n // 600:02d}:{n % 600 / 10:04.1f}00000,10,5\n" for n in range(3000))
    )
    found = told("--trace", "t.csv", *CURVE, "--slo-latency-s", "0.05", "--as-of", "2026-11-28", "--out", "t")
    assert found["workload"]["rate_mean_rps"] == pytest.approx(10, rel=0.01)
    assert found["workload"]["input_tokens_mean"] == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*ASKED, "--curve", "ranker_curve.csv"), "is not NAME=FILE"),
        ((*ASKED, "--curve", "abacus=ranker_curve.csv"), "'abacus'"),
        ((*ASKED, "--curve", "cpu=gone.csv"), "gone.csv"),
        ((*ASKED, "--curve", "cpu=empty.csv"), "empty.csv"),
        ((*ASKED, *CURVE, "--model", "other"), "other, ranker"),
        ((*ASKED, *CURVE, "--slo-ttft-s", "1"), "a classic model has none"),
        ((*ASKED, *CURVE, "--slo-latency-s", "0"), "--slo-latency-s must be a positive number"),
        ((*ASKED, *CURVE, "--slo-latency-s", "0.07"), "of which network and other stages take 75 ms"),
        ((*ASKED, *CURVE, "--slo-latency-s", "0.0755"), "a batch of one takes"),
        ((*ASKED, *CURVE, "--config", "breakeven.yaml"), "are both given"),
        (CURVE, "--curve needs a --workload or a --trace"),
        (("--workload", "wide.yaml", *CURVE), "a request scores 5000 rows"),
        (("--workload", "open.yaml", *CURVE), "no latency budget is stated"),
        (("--workload", "full.yaml", *CURVE), "the stages take 0.3 s of a budget of 0.2 s"),
        (("--workload", "tokens.yaml", *CURVE), "input_tokens"),
    ],
)
def test_what_cannot_be_planned_is_said_with_its_values(arguments: tuple[str, ...], says: str) -> None:
    """No traceback, no silent default: a sentence that names the thing and the way out."""
    Path("empty.csv").write_text(Path("ranker_curve.csv").read_text().splitlines()[0] + "\n")
    Path("wide.yaml").write_text("rate: 5\nrows: 5000\nlatency_s: 1\n")
    Path("open.yaml").write_text("rate: 5\n")
    Path("full.yaml").write_text("rate: 5\nlatency_s: 0.2\nstages: {network_s: 0.3}\n")
    Path("tokens.yaml").write_text("rate: 5\nlatency_s: 0.2\ninput_tokens: 100\n")
    ran = plan(*arguments)
    assert ran.exit_code not in {0, 1}, ran.output
    assert says in " ".join(ran.output.split())
    assert "Traceback" not in ran.output


@pytest.mark.slow
def test_measured_planned_and_served(
    breakeven: Callable[..., subprocess.CompletedProcess[str]],
    start: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    """The demo's own ranker: measured here, planned for, put beside the files that the plan wrote, and answering."""
    shutil.copy(RANKER, tmp_path / "ranker.onnx")
    sizes = ("--batch", "1,16,64", "--requests", "30")
    ran = breakeven("measure", "ranker.onnx", *sizes, "--accelerator", "here", "--rows", "curve.csv")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "page.yaml").write_text("rate: 200\nrows: 10\nlatency_s: 0.1\nspare_replicas: 1\n")
    ran = breakeven(
        "plan", "--workload", "page.yaml", "--curve", "cpu=curve.csv", "--as-of", "2026-11-28", "--out", "p"
    )
    assert ran.returncode == 0, ran.stderr
    shutil.copy(RANKER, tmp_path / "p/ranker.onnx")
    port = free_port()
    process = start("serve", "--config", "p/breakeven.yaml", "--port", str(port), "--only", "gateway", "--workers", "1")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz", lambda: process.poll() is None)
    tensor = {"name": "candidates", "datatype": "INT64", "shape": [10, 7], "data": [[row % 3] * 7 for row in range(10)]}
    body = json.dumps({"inputs": [tensor]}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/page/infer", body, timeout=30) as answer:
        assert len(json.load(answer)["outputs"][0]["data"]) == 10
