"""From a fact file with devices to files: a policy for what reaches a gateway, and words where nothing does."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main

CONFIG = """
version: 1
facts: [ours.yaml]
backends:
  - {name: pool, kind: openai, base_url: "http://127.0.0.1:9000/v1"}
deployments:
  - {name: pilot, backend: pool, model: llama-3.1-8b, catalog_model: llama-3.1-8b, placement: cloud,
     offer: runpod-l4-1x-on-demand, accelerator: l4, engine: vllm}
planning: {accelerators: [l4], engines: [vllm], batch_tokens: [2048]}
"""
POLICY = """
version: 1
use_cases:
  - {name: answers, latency: {ttft_ms: 4000, tpot_ms: 300}, route: {targets: [{deployment: pilot}]}}
"""
OFFERS = """
sources:
  trial: {{source: our trial, as_of: 2026-11-10, retrieved: 2026-11-10, licence: own, confidence: medium}}
offers:
  - {{id: phones, provider: users, kind: edge, model: llama-3.1-8b, valid_from: 2026-11-10, source: trial,
     usd_per_device_month: 0.01, device: {{prompt_tokens_per_s: 4000, answer_tokens_per_s: 60, devices: 500,
     share: {share}, owned_by: users, electricity: users, fallback: runpod-l4-1x-on-demand}}}}
"""


def run(*arguments: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project on one L4, and a trace that one cannot carry."""
    (tmp_path / "breakeven.yaml").write_text(CONFIG)
    (tmp_path / "policy.yaml").write_text(POLICY)
    rows = "".join(f"{at * 0.2:.1f},{600 + 37 * (at % 7)},{90 + 11 * (at % 5)}\n" for at in range(80))
    (tmp_path / "trace.csv").write_text(f"arrived_at,num_prefill_tokens,num_decode_tokens\n{rows}")
    return tmp_path


def planned(folder: Path, share: float) -> dict[str, Any]:
    """The plan of the folder's trace with so many devices that can."""
    (folder / "ours.yaml").write_text(OFFERS.format(share=share))
    with contextlib.chdir(folder):
        return run("plan", "--trace", "trace.csv", "--use-case", "answers", "--as-of", "2026-11-24")


def test_devices_leave_a_policy_for_the_rest(folder: Path) -> None:
    """The plan chooses the devices; the gateway is told of what answers the rest, and accepts it."""
    found = planned(folder, 0.9)
    chosen = found["chosen"]
    assert chosen["name"] == "phones"
    assert chosen["placed"]["share"] == pytest.approx(0.9)
    rest = chosen["placed"]["rest"]
    assert rest["offer"] == "runpod-l4-1x-on-demand"
    memo = (folder / found["memo_path"]).read_text()
    assert "never reach the gateway" in memo
    assert rest["name"] in memo
    policy = (folder / found["policy_path"]).read_text()
    assert f"deployment: {rest['name']}" in policy
    assert "phones" not in policy.partition("use_cases")[2]
    with contextlib.chdir(folder):
        result = CliRunner().invoke(
            main, ["check", "--config", str(Path(found["policy_path"]).parent / "breakeven.yaml")]
        )
        assert result.exit_code == 0, result.output
        run("apply", "--backend-url", "http://127.0.0.1:9001/v1")
        assert CliRunner().invoke(main, ["check"]).exit_code == 0
    assert f"name: {rest['name']}" in (folder / "breakeven.yaml").read_text()


def test_devices_that_answer_everything_leave_words(folder: Path) -> None:
    """No request reaches a gateway: no policy is written, and the command says why."""
    found = planned(folder, 1.0)
    assert found["chosen"]["name"] == "phones"
    assert found["policy_path"] is None
    assert "No request reaches a gateway" in (folder / found["memo_path"]).read_text()
    with contextlib.chdir(folder):
        result = CliRunner().invoke(main, ["apply", "--backend-url", "http://127.0.0.1:9001/v1"])
    assert result.exit_code != 0
    assert "devices answer every request" in result.output


def test_a_fact_file_is_for_plans_without_a_configuration(folder: Path) -> None:
    """Beside a configuration, which names its own, it is refused rather than ignored."""
    (folder / "ours.yaml").write_text(OFFERS.format(share=1))
    with contextlib.chdir(folder):
        asked = ["plan", "--trace", "trace.csv", "--config", "breakeven.yaml", "--facts", "ours.yaml"]
        result = CliRunner().invoke(main, asked)
    assert result.exit_code == 2
    assert "--facts ours.yaml is given, and breakeven.yaml names facts of its own" in result.output


MEASURED = """
version: 1
backends:
  - {name: pool, kind: openai, base_url: "http://127.0.0.1:9000/v1"}
deployments:
  - {name: bought, backend: pool, model: llama-3.1-8b, catalog_model: llama-3.1-8b, placement: api,
     offer: api-groq-llama-3.1-8b}
planning: {accelerators: [l4], engines: [vllm], batch_tokens: [2048]}
"""
COLUMNS = {
    "time": "at", "use_case": "case", "input_tokens": "into", "output_tokens": "out", "total_ms": "ms",
    "ttft_ms": "first", "deployment": "at_what",
}  # fmt: skip


@pytest.mark.parametrize(("calls", "known"), [(150, True), (60, False)])
def test_an_api_in_use_is_as_fast_as_the_ledger_says(tmp_path: Path, calls: int, known: bool) -> None:
    """What was measured of it meets a target in the next plan; few answers say nothing, and it stays unmeasured."""
    (tmp_path / "breakeven.yaml").write_text(MEASURED)
    (tmp_path / "policy.yaml").write_text(POLICY.replace("pilot", "bought"))
    (tmp_path / "map.yaml").write_text("".join(f"{name}: {column}\n" for name, column in COLUMNS.items()))
    start = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    rows = [
        f"{(start + dt.timedelta(seconds=at)).isoformat()},answers,800,100,{first + 99 * 10},{first},bought"
        for at, first in enumerate(300 + number % 50 for number in range(calls))
    ]
    (tmp_path / "log.csv").write_text("\n".join(("at,case,into,out,ms,first,at_what", *rows)) + "\n")
    with contextlib.chdir(tmp_path):
        run("import", "log.csv", "--map", "map.yaml")
        found = run("plan", "--as-of", "2026-11-24")
    mine = next(one for one in found["options"] if one["name"] == "bought")
    assert mine["feasible"] == known
    if known:
        assert mine["performance"]["ttft_p95_s"]["value"] == pytest.approx(0.347, abs=0.002)
        assert mine["performance"]["ttft_p95_s"]["how"] == "measured of 150 requests, the ledger, 2026-11-24"
    else:
        assert mine["binding"].startswith("latency unmeasured")
