"""docs/drill.md: its table is the code's, its example runs as written, and reports in the form shown."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from breakeven.app import drill as app
from breakeven.assembly.drilling import LONGEST_S
from breakeven.audit.drill import MARGIN_S, SAVED_RETRIES
from breakeven.demo.process import free_port, wait_until_ready
from breakeven.schema.policy import Fault

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/drill.md").read_text()


def test_the_page_knows_every_fault_and_bound() -> None:
    """What can be played, for how long, and what is allowed."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(get_args(Fault))
    assert f"at most {LONGEST_S / 60:.0f} minutes" in PAGE
    assert f"{MARGIN_S * 1000:.0f} ms" in PAGE
    assert SAVED_RETRIES == 10
    assert "the ten a worker may have saved up" in PAGE
    assert f"no longer than {app.QUIET_S:.0f} s" in PAGE


@pytest.mark.slow
def test_the_example_runs(
    start: Callable[..., subprocess.Popen[bytes]],
    breakeven: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Line by line, on free ports: the chain holds, and the report has the parts that the page shows."""
    shutil.copytree(ROOT / "examples/policy/failure-chain", tmp_path / "examples/policy/failure-chain")
    config = tmp_path / "examples/policy/failure-chain/breakeven.yaml"
    ports = {"9000": str(free_port()), "9001": str(free_port())}
    gateway = free_port()
    text = config.read_text() + f"gateway: {{port: {gateway}, console_port: 0}}\n"
    config.write_text(re.sub("9000|9001", lambda match: ports[match[0]], text))
    example = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    *servers, drill = (shlex.split(line.removesuffix(" &"))[1:] for line in example)
    for line in servers:
        start(*(ports.get(part, part) for part in line))
    for url in (
        *(f"http://127.0.0.1:{port}/v1/models" for port in ports.values()),
        f"http://127.0.0.1:{gateway}/readyz",
    ):
        wait_until_ready(url)
    done = breakeven(*drill)
    assert done.returncode == 0, done.stderr + done.stdout
    [shown] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    underlined = re.compile(r"^(.+)\n[=-]+$", re.MULTILINE)
    assert set(underlined.findall(done.stdout)) | {"What to know about it"} == set(underlined.findall(shown))
    assert "answered by large" in done.stdout
