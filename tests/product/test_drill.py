"""A drill against the real gateway: bounded, reported, and gone from the lock afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.app import loop as app
from breakeven.assembly import files
from breakeven.demo.process import free_port, wait_until_ready

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = """\
version: 1
gateway: {{port: {port}, console_port: 0}}
backends:
  - {{name: first, kind: openai, base_url: "{url}"}}
  - {{name: second, kind: openai, base_url: "{url}"}}
deployments:
  - {{name: first, backend: first, model: llama-3.1-8b}}
  - {{name: second, backend: second, model: llama-3.1-8b}}
"""
POLICY = """\
version: 1
default_use_case: assistant
use_cases:
  - name: assistant
    models: [llama-3.1-8b]
    latency: {budget_ms: 2000}
    retry: off
    route: {targets: [{deployment: first}]}
    failure: [CHAIN error]
    default_answer: "Please try again."
"""


def serve(start: Callable[..., subprocess.Popen[bytes]], folder: Path, url: str, chain: str) -> Path:
    """A gateway with that failure chain; returns the policy file."""
    port, policy = free_port(), folder / "policy.yaml"
    (folder / "breakeven.yaml").write_text(SETTINGS.format(port=port, url=url))
    policy.write_text(POLICY.replace("CHAIN", chain))
    start("serve", "--console-port", "0")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    return policy


def test_a_drill_shows_that_the_chain_holds(
    start: Callable[..., subprocess.Popen[bytes]], breakeven: Run, model_url: str, tmp_path: Path
) -> None:
    """While the first deployment is absent the second answers; every record carries the drill; then it is over."""
    serve(start, tmp_path, model_url, "deployment:second, default,")
    drilled = breakeven(
        "drill", "--deployment", "first", "--fault", "absent", "--for", "3s", "--send", "8", "--use-case", "assistant",
        "--json",
    )  # fmt: skip
    assert drilled.returncode == 0, drilled.stderr
    found = json.loads(drilled.stdout)
    assert found["verdict"] == "held"
    assert found["sent"] == found["answers"] == 8
    assert 0 < found["touched"] <= 8
    assert found["touched"] + found["beside"] == 8, "a breaker may spare the rest"
    assert found["endings"][0]["how"] == "answered by second"
    assert found["fallbacks"] == found["touched"]
    assert files.current_policy(tmp_path / ".breakeven").drills == ()  # type: ignore[union-attr]
    assert app.report(tmp_path / ".breakeven").predictions == 8


def test_an_interrupted_drill_is_over_and_survives_a_change_of_the_policy_until_then(
    start: Callable[..., subprocess.Popen[bytes]], breakeven: Run, model_url: str, tmp_path: Path
) -> None:
    """A changed YAML is in force beside the drill; Ctrl-C takes the drill out of the lock; nobody was touched."""
    policy = serve(start, tmp_path, model_url, "default,")
    data_dir = tmp_path / ".breakeven"
    before = files.current_policy(data_dir)
    asked = ("drill", "--deployment", "first", "--fault", "slow", "--delay", "100ms", "--for", "1m", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "breakeven", *asked], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait(lambda: files.current_policy(data_dir).drills)  # type: ignore[union-attr]
    twice = breakeven(*asked)
    assert twice.returncode == 2
    assert "--cancel" in twice.stderr
    policy.write_text(policy.read_text().replace("Please try", "Do try"))
    wait(lambda: files.current_policy(data_dir).id != before.id)  # type: ignore[union-attr]
    assert [one.fault for one in files.current_policy(data_dir).drills] == ["slow"]  # type: ignore[union-attr]
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["verdict"] == "not_enough_evidence"
    assert files.current_policy(data_dir).drills == ()  # type: ignore[union-attr]


def wait(done: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
