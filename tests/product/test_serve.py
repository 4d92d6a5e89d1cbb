"""The gateway as its users meet it: real processes, the real openai client, and a kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from breakeven.app import loop as app
from breakeven.client import Client
from breakeven.demo.process import free_port, wait_until_ready

pytestmark = pytest.mark.slow


def ask(client: openai.OpenAI, *, tokens: int = 4, stream: bool = False) -> int:
    """Ask once; returns the completion tokens the server billed."""
    messages = [{"role": "user", "content": "hello"}]
    if not stream:
        answer = client.chat.completions.create(model="llama-3.1-8b", messages=messages, max_tokens=tokens)  # type: ignore[arg-type]
        assert answer.usage is not None
        return answer.usage.completion_tokens
    chunks = list(
        client.chat.completions.create(
            model="llama-3.1-8b",
            messages=messages,  # type: ignore[arg-type]
            max_tokens=tokens,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].usage is not None
    return chunks[-1].usage.completion_tokens


def settle(data_dir: Path, predictions: int, timeout_s: float = 20.0) -> int:
    """Wait until the ledger holds that many predictions, and a moment more in case there are too many."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and app.report(data_dir).predictions < predictions:
        time.sleep(0.2)
    time.sleep(0.5)
    return app.report(data_dir).predictions


@pytest.fixture
def gateway(start: Callable[..., subprocess.Popen[bytes]], model_url: str) -> tuple[str, subprocess.Popen[bytes]]:
    port = free_port()
    process = start("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", "0")
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(f"{url}/readyz")
    return url, process


def test_the_openai_client_works_unchanged_and_every_request_is_one_record(
    gateway: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Streaming and not, the client gets what the server billed; records equal requests, money is conserved."""
    url, process = gateway
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["llama-3.1-8b"]
        billed = [ask(client, tokens=n, stream=n % 2 == 0) for n in range(2, 10)]
    assert billed == list(range(2, 10))
    assert settle(tmp_path / ".breakeven", 8) == 8
    statement = app.report(tmp_path / ".breakeven")
    assert statement.conserved
    assert statement.lost == 0
    assert statement.total.output_tokens == sum(billed)
    assert statement.total.emulated == 8, "the server said it is an emulator"
    process.terminate()
    assert process.wait(20) == 0
    assert app.report(tmp_path / ".breakeven").predictions == 8


def test_an_outcome_reaches_its_prediction(gateway: tuple[str, subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """An event that the client was told is accepted is in the ledger, once, however often it was sent."""
    url, _ = gateway
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="llama-3.1-8b", messages=[{"role": "user", "content": "hi"}], max_tokens=2
        )
    prediction_id = answer.headers["x-breakeven-prediction-id"]
    for _ in range(2):
        with Client(url) as events:
            events.track("exposure", prediction_id=prediction_id, event_id="the-same")
    settle(tmp_path / ".breakeven", 1)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not app.report(tmp_path / ".breakeven").events.get("exposure"):
        time.sleep(0.2)
    assert app.report(tmp_path / ".breakeven").events["exposure"] == 1


def test_a_client_that_leaves_mid_stream_leaves_one_record(
    gateway: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Requests are conserved: whoever hangs up is counted, once, as cancelled."""
    url, _ = gateway
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="llama-3.1-8b", messages=[{"role": "user", "content": "hi"}], max_tokens=2000, stream=True
        )
        next(iter(stream))
        stream.close()
    assert settle(tmp_path / ".breakeven", 1) == 1
    assert app.report(tmp_path / ".breakeven").total.statuses["cancelled"] == 1


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in listed]


def test_what_was_answered_survives_sigkill(
    gateway: tuple[str, subprocess.Popen[bytes]], tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """Before the last byte of an answer leaves, its record is in the kernel: SIGKILL of everything loses nothing."""
    url, process = gateway
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        for _ in range(12):
            ask(client)
        victims = [*children_of(process.pid), process.pid]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    process.wait(10)
    assert app.report(tmp_path / ".breakeven").predictions == 12
    sealer = start("serve", "--openai-base-url", url, "--only", "sealer", "--data-dir", ".breakeven", "--force")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and list((tmp_path / ".breakeven" / "journal").glob("*")):
        time.sleep(0.1)
    assert list((tmp_path / ".breakeven" / "journal").glob("*")) == []
    assert app.report(tmp_path / ".breakeven").predictions == 12
    sealer.terminate()


def test_another_configuration_s_policy_is_not_overwritten(
    gateway: tuple[str, subprocess.Popen[bytes]],
    breakeven: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Two configurations do not share a data directory by accident."""
    del gateway
    written = breakeven("init", "--backend", "http://127.0.0.1:9/v1", "--model", "m", "--use-case", "u",
                        "--latency-ms", "1000", "--cost", "2.5/h")  # fmt: skip
    assert written.returncode == 0, written.stderr
    refused = breakeven("serve", "--port", str(free_port()), "--console-port", "0")
    assert refused.returncode == 3
    assert "--force" in refused.stderr


def test_the_worker_loads_no_analytics() -> None:
    """The request path imports neither numpy nor DuckDB nor a planner."""
    code = "import sys, breakeven.cli.main, breakeven.gateway.worker; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    heavy = {"numpy", "duckdb", "pydantic", "rich"}
    assert not loaded & {*heavy, "breakeven.app.loop", "breakeven.planner", "breakeven.perf"}


def test_the_console_stays_up_beside_the_gateway(
    start: Callable[..., subprocess.Popen[bytes]], model_url: str, tmp_path: Path
) -> None:
    """`serve` is gateway, sealer and console, all of them alive, and all gone a moment after it."""
    port, console = free_port(), free_port()
    process = start("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", str(console))
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    wait_until_ready(f"http://127.0.0.1:{console}/healthz")
    time.sleep(1)
    wait_until_ready(f"http://127.0.0.1:{console}/overview.json")
    assert len(children_of(process.pid)) == 3
    process.terminate()
    assert process.wait(20) == 0
    del tmp_path


@pytest.mark.parametrize("asked", [("console",), ("emulate", "--model", "llama-3.1-8b", "--accelerator", "h100-sxm")])
def test_a_server_on_a_taken_port_fails_and_says_nothing_of_listening(
    breakeven: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, asked: tuple[str, ...]
) -> None:
    """The address is told once it is held, never before."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = breakeven(*asked, "--port", port, "--config", str(tmp_path / "none.yaml"))
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "Ctrl-C" not in refused.stderr


def test_a_taken_console_port_leaves_the_gateway_up(
    start: Callable[..., subprocess.Popen[bytes]], model_url: str
) -> None:
    """Pages are beside the request path, never in its way."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        process = start("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", taken)
        wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        time.sleep(2)
        wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        assert process.poll() is None
