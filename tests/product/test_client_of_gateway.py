"""The client against the real gateway: killed and started again, every event counts exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.client.tracking import Client, Options
from breakeven.demo.process import free_port, wait_until_ready
from breakeven.ledger import snapshot
from breakeven.ledger.restore import restore
from breakeven.schema.outcome import Outcome

pytestmark = pytest.mark.slow


def test_a_gateway_that_is_killed_costs_no_event(
    start: Callable[..., subprocess.Popen[bytes]], model_url: str, tmp_path: Path
) -> None:
    """SIGKILL of the workers and of the whole service while events flow: each is in the ledger once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("serve", "--openai-base-url", model_url, "--port", str(port), "--console-port", "0")
    first = start(*arguments)
    wait_until_ready(f"{url}/readyz")
    options = Options(batch=20, interval_s=0.05, backoff_s=0.05, backoff_max_s=0.2, timeout_s=5, attempts=3)
    ids = []
    with Client(url, options=options) as track:
        for n in range(600):
            ids.append(track.track("click", prediction_id=f"p{n}", consent="granted"))
            if n == 300:
                os.kill(first.pid, signal.SIGKILL)
                first.wait()
            time.sleep(0.001)
        time.sleep(0.5)
        start(*arguments)
        wait_until_ready(f"{url}/readyz")
        until = time.monotonic() + 30
        while track.counts().pending and time.monotonic() < until:
            time.sleep(0.1)
        counted = track.counts()
    assert (counted.tracked, counted.accepted, counted.pending) == (600, 600, 0)
    found = snapshot.of_folder(tmp_path / ".breakeven")
    events = [one for one in (*found.records, *restore(found)) if isinstance(one, Outcome)]
    assert {one.event_id for one in events} == set(ids)
    assert len({(one.source, one.event_id) for one in events}) == 600
