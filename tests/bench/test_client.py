"""The load client and the mock model server of the gateway's benches: a figure is worth what its check refuses."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def upstream():
    """bench/upstream.py on a free port; its base URL without the behaviour."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(BENCH / "upstream.py"), str(port)])
    try:
        while not listens(port):
            assert process.poll() is None
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def load(url: str, **options) -> dict:
    asked = json.dumps({"url": url, "requests": 12, "concurrency": 3, "timeout_s": 5.0} | options)
    done = subprocess.run([sys.executable, str(BENCH / "client.py"), asked], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_good_answers_count_once_each(upstream, stream) -> None:
    """Requests sent = answers counted, none wrong."""
    found = load(f"{upstream}/ok/v1", stream=stream)
    assert (found["requests"], found["errors"], found["first_error"]) == (12, 0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "stream"),
    [
        ("status-503", False),
        ("status-503", True),
        ("flaky-50", False),
        ("raw-cut", True),
        ("raw-no-done", True),
        ("raw-error-done", True),
        ("raw-empty", True),
        ("hang-3", True),
        ("hang", False),
    ],
)
def test_a_load_with_anything_wrong_says_so(upstream, behaviour, stream) -> None:
    """A refusal, a lost frame, a cut or missing answer is an error, and the first one is shown."""
    found = load(f"{upstream}/{behaviour}/v1", stream=stream, timeout_s=0.5)
    assert found["errors"] > 0
    assert found["first_error"]
