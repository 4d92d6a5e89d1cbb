"""The demo, shortened, keeps the contract for scripts; from the checkout and from a wheel installed elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
SHORT = ("demo", "--once", "--json", "--seconds", "10", "--rows", "800")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def check_contract(summary: dict[str, object]) -> None:
    """What scripts rely on: totals that sum, one Parquet row a prediction, a plan, findings."""
    found = json.loads(json.dumps(summary))
    assert found["ledger"]["conserved"] is True
    assert found["ledger"]["lost"] == 0
    assert found["predictions"] == found["traffic"]["sent"]
    cases = {case["name"]: case for case in found["use_cases"]}
    assert sum(case["predictions"] for case in cases.values()) == found["predictions"]
    assert sum(case["cost_usd"] for case in cases.values()) == pytest.approx(found["cost_total_usd"], rel=1e-9)
    assert cases["assistant"]["useful_predictions"] is None
    homepage = cases["homepage"]
    assert homepage["useful_predictions"] == found["useful_predictions"] > 0
    spent = homepage["cost_usd"] - homepage["unobserved_cost_usd"]
    assert found["cost_per_useful_prediction_usd"] == pytest.approx(spent / homepage["useful_predictions"], rel=1e-6)
    check_segments(found)
    options = {option["name"]: option for option in found["plan"]["options"]}
    assert options[found["plan"]["chosen"]["name"]] == found["plan"]["chosen"]
    assert {option["placement"] for option in options.values()} >= {"on_prem", "cloud", "api", "cpu"}
    for option in options.values():
        assert (option["cost_per_useful_prediction_usd"] is None) == bool(option["binding"])
    for finding in found["verify"]:
        assert {"metric", "predicted", "actual", "low", "high", "verdict"} <= finding.keys()
    assert found["verify"]
    assert found["drill"]["verdict"] == "held"
    assert sum(ending["requests"] for ending in found["drill"]["endings"]) == found["drill"]["touched"] > 0
    check_trust(found["trust"], {case["name"]: case for case in found["use_cases"]}["assistant"])


def check_trust(found: dict[str, Any], assistant: dict[str, Any]) -> None:
    """The provider's own count is the ledger's to the token; what violates the plan is kept aside, not counted."""
    assert {one["rule"]: one["events"] for one in found["bad"]} == {"schema": 1, "unknown_type": 2}
    agreed = found["reconciled"]
    assert agreed["ledger"] == agreed["other"]
    assert (agreed["ledger"]["calls"], agreed["differences"]) == (assistant["answered"], [])
    assert agreed["ledger"]["input_tokens"] == assistant["input_tokens"]
    assert found["lift"] is None or {found["lift"]["control"], found["lift"]["treatment"]} == {"holdout", "plan"}
    assert set(found["exported"]) == {"parquet", "focus", "prometheus", "grafana"}


def check_segments(found: dict[str, object]) -> None:
    """Every prediction is a row of the segments, once, and their costs with idle make the total."""
    ledger = found["ledger"]
    assert isinstance(ledger, dict)
    rows = duckdb.sql(
        "SELECT count(*), count(DISTINCT prediction_id), sum(cost_pico_usd), count_if(in_budget)"
        f" FROM read_parquet('{ledger['segments']}')"
    ).fetchall()[0]
    assert rows[0] == rows[1] == found["predictions"]
    served = sum(case["served_cost_usd"] for case in found["use_cases"])  # type: ignore[attr-defined]
    assert rows[2] / 1e12 == pytest.approx(served, rel=1e-9)
    assert rows[3] == sum(case["in_budget"] for case in found["use_cases"])  # type: ignore[attr-defined]


def test_the_demo_keeps_the_contract(
    breakeven: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """From the checkout; and its data directory answers `report` and `verify` afterwards."""
    done = breakeven(*SHORT)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    check_contract(summary)
    report = json.loads(breakeven("report", "--data-dir", ".demo/data", "--json").stdout)
    assert report["predictions"] == summary["predictions"]
    assert report["cost_total_usd"] == pytest.approx(summary["cost_total_usd"])
    plain = json.loads(breakeven("report", "--data-dir", ".demo/data", "--engine", "memory", "--json").stdout)
    for part in ("predictions", "useful_predictions", "cost_total_usd", "waterfall", "conserved", "events", "lost"):
        assert plain[part] == report[part]
    verified = json.loads(breakeven("verify", "--data-dir", ".demo/data", "--json").stdout)
    assert verified["verify"] == summary["verify"]
    memo = (tmp_path / ".demo" / "decision" / "memo.md").read_text()
    assert summary["plan"]["chosen"]["name"] in memo


def test_a_folder_that_is_no_demo_is_left_alone(
    breakeven: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """The demo empties only what a demo made."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("keep")
    refused = breakeven(*SHORT, "--dir", "precious")
    assert refused.returncode == 3
    assert (tmp_path / "precious" / "file").read_text() == "keep"


def test_a_wheel_installed_elsewhere_runs_it_too(tmp_path: Path) -> None:
    """Built, installed outside the checkout, started from there: nothing of the checkout is needed."""
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT)], check=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    environment = tmp_path / "env"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    python = environment / "bin/python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), f"{wheel}[all]"], check=True)
    done = subprocess.run(
        [str(environment / "bin/breakeven"), *SHORT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    check_contract(json.loads(done.stdout))
