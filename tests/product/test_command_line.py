"""The command line: exit codes are a contract, errors name the place, the value and the way out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.demo.process import free_port

Run = Callable[..., subprocess.CompletedProcess[str]]
ANSWERS = ("--backend", "http://127.0.0.1:9/v1", "--model", "llama-3.1-8b", "--use-case", "assistant")
TOKENS = ("--input", "9", "--output", "9")
ANSWERS += ("--latency-ms", "1000", "--cost", "2.5/h")


@pytest.fixture
def project(breakeven: Run, tmp_path: Path) -> Path:
    assert breakeven("init", *ANSWERS).returncode == 0
    return tmp_path


def test_what_init_writes_is_valid_and_commented(breakeven: Run, project: Path) -> None:
    """Five answers make two files that check accepts, with comments for people."""
    checked = breakeven("check")
    assert checked.returncode == 0, checked.stderr
    assert "1 use cases, 1 deployments" in checked.stdout
    assert "#" in (project / "breakeven.yaml").read_text()
    assert json.loads(breakeven("check", "--json").stdout)["deployments"][0]["capacity"]["pico_usd_per_replica_s"] > 0


def test_init_asks_what_is_not_given(breakeven: Run, tmp_path: Path) -> None:
    """Without options the same five answers are asked for."""
    asked = breakeven("init", stdin="http://127.0.0.1:9/v1\nm\nassistant\n500\n0.15/0.60\n")
    assert asked.returncode == 0, asked.stderr
    assert "usd_per_mtok: 0.15" in (tmp_path / "breakeven.yaml").read_text()


def test_init_does_not_overwrite(breakeven: Run, project: Path) -> None:
    """Files that exist are left alone, and the way out is named."""
    before = (project / "breakeven.yaml").read_text()
    refused = breakeven("init", *ANSWERS)
    assert refused.returncode == 3
    assert "--force" in refused.stderr
    assert (project / "breakeven.yaml").read_text() == before


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("usd_per_hour: 2.5", "usd_per_hour: -2.5", "-2.5"),
        ("usd_per_hour: 2.5", "usd_per_hour: .inf", "inf"),
        ("usd_per_hour: 2.5", "usd_per_hour: cheap", "cheap"),
        ("workers: 1", "wrokers: 1", "workers"),
        ("      source: ", "      # source: ", "source"),
        ("backend: upstream", "backend: upstraem", "upstream"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(
    breakeven: Run, project: Path, before: str, after: str, told: str
) -> None:
    """File, line, column, the value and what to do; exit code 3; a file that is wrong is not served."""
    path = project / "breakeven.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    for command in (("check",), ("serve", "--port", str(free_port()))):
        refused = breakeven(*command)
        assert refused.returncode == 3
        assert told in refused.stderr
        assert "breakeven.yaml:" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_beyond_loopback_only_with_keys(breakeven: Run, project: Path) -> None:
    """A gateway without keys does not listen where others can reach it."""
    del project
    refused = breakeven("serve", "--host", "0.0.0.0", "--port", str(free_port()))  # noqa: S104 - that is the point
    assert refused.returncode == 3
    assert "key_env" in refused.stderr


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("plam",), 2, "plan"),
        (("report", "--data-dir", "nowhere"), 3, "nowhere"),
        (("report", "--from", "missing.csv"), 3, "missing.csv"),
        (("check", "--config", "missing.yaml"), 3, "missing.yaml"),
        (("verify", "--data-dir", "nowhere"), 4, "breakeven plan"),
        (("estimate", "--model", "lama-3.1-8b", "--requests", "5/s", *TOKENS), 3, "llama-3.1-8b"),
        (("estimate", "--model", "llama-3.1-8b", "--requests", "many", *TOKENS), 2, "5/s"),
        (("emulate", "--model", "llama-3.1-8b", "--accelerator", "h100", "--port", "0"), 3, "h100-sxm"),
        (("emulate",), 2, "--accelerator"),
        (("catalog", "show", "h100-smx"), 3, "h100-sxm"),
        (("catalog", "list", "gpus"), 3, "accelerators"),
    ],
)  # fmt: skip
def test_bad_input_has_its_exit_code_and_a_way_out(
    breakeven: Run, command: tuple[str, ...], code: int, told: str
) -> None:
    """One clear error each, never a traceback."""
    refused = breakeven(*command)
    assert refused.returncode == code, refused.stderr
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_doctor_says_what_to_do(breakeven: Run, project: Path) -> None:
    """A backend that does not answer is a failed check with a way out, exit code 1."""
    del project
    found = breakeven("doctor")
    assert found.returncode == 1
    assert "FAIL" in found.stdout
    assert "way out:" in found.stdout
    assert json.loads(breakeven("doctor", "--json").stdout)["ok"] is False


def test_an_estimate_is_one_json_object(breakeven: Run) -> None:
    """Three numbers in, three choices out, each with a range and the facts it rests on."""
    found = breakeven(
        "estimate", "--model", "llama-3.1-8b", "--requests", "3000000/month", "--input", "1000", "--output", "200",
        "--against", "gpt-4o-mini", "--json",
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    body = json.loads(found.stdout)
    assert {choice["kind"] for choice in body["choices"]} == {"api", "rent", "own"}


SPEND = """\
request_id,time,model,prompt_tokens,completion_tokens,cost,seconds,user,seen
a,2026-11-01T10:00:00Z,m,10,5,0.001,0.2,u1,1
b,2026-11-01T10:00:01Z,m,10,5,0.001,0.9,u2,0
c,2026-11-01T10:00:02Z,m,10,5,0.001,0.3,u3,1
"""
MAPPING = """\
version: 1
time: time
model: model
input_tokens: prompt_tokens
output_tokens: completion_tokens
cost_usd: cost
total_s: seconds
subject: user
used: seen
defaults: {use_case: chat, budget_ms: 500}
"""


def test_a_log_is_a_ledger_without_any_gateway(breakeven: Run, tmp_path: Path) -> None:
    """Three rows, one late, two useful: 0.003 USD / 2; the gate says no above its limit."""
    (tmp_path / "spend.csv").write_text(SPEND)
    (tmp_path / "map.yaml").write_text(MAPPING)
    asked = ("report", "--from", "spend.csv", "--map", "map.yaml")
    body = json.loads(breakeven(*asked, "--json").stdout)
    assert body["predictions"] == 3
    assert body["useful_predictions"] == 2
    assert body["cost_total_usd"] == pytest.approx(0.003)
    assert body["cost_per_useful_prediction_usd"] == pytest.approx(0.0015)
    assert body["conserved"] is True
    assert breakeven(*asked, "--fail-over", "0.002").returncode == 0
    refused = breakeven(*asked, "--fail-over", "0.001")
    assert refused.returncode == 1
    assert "0.0015" in refused.stderr


def test_unmeasured_fails_a_gate_that_asks_for_it(breakeven: Run, tmp_path: Path) -> None:
    """A log that cannot say what was used has no cost per useful prediction, and the gate says so."""
    (tmp_path / "spend.csv").write_text(SPEND)
    (tmp_path / "map.yaml").write_text(MAPPING.replace("used: seen\n", ""))
    asked = ("report", "--from", "spend.csv", "--map", "map.yaml")
    assert breakeven(*asked).returncode == 0
    assert "not measurable downstream" in breakeven(*asked).stdout
    assert breakeven(*asked, "--fail-if-unmeasured").returncode == 1


def test_every_command_is_documented_and_every_reading_one_has_json(breakeven: Run) -> None:
    """Help names every command; those that read can print JSON."""
    from breakeven.cli.main import main

    for name, command in main.commands.items():
        assert command.help, name
        if name in {"doctor", "check", "report", "verify", "workload", "estimate", "plan", "apply", "demo"}:
            for one in getattr(command, "commands", {name: command}).values():
                assert any("--json" in parameter.opts for parameter in one.params), name
    assert breakeven("completion", "bash").stdout.strip()
