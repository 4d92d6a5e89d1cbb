"""`breakeven measure` as its users type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.cli.main import main
from breakeven.demo.logs import ranker_path
from breakeven.demo.process import free_port, wait_until_ready
from breakeven.schema.measurement import read_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
SHORT = ("--isl", "32", "--osl", "8", "--requests", "8")


@pytest.mark.slow
def test_rows_are_appended_and_read_again(breakeven: Run, model_url: str, tmp_path: Path) -> None:
    """Two runs in one file; results on stdout, a line a point and the count of rows on stderr."""
    first = breakeven("measure", model_url, "--closed", "1,2", *SHORT, "--accelerator", "h100", "--rows", "r.csv")
    assert first.returncode == 0, first.stderr
    assert "2 in flight" in first.stdout
    assert "6 rows added to r.csv" in first.stderr
    again = ("--open", "20", *SHORT, "--accelerator", "h100", "--rows", "r.csv", "--json", "--model-id", "other")
    second = breakeven("measure", model_url, *again)
    assert second.returncode == 0, second.stderr
    found = read_rows((tmp_path / "r.csv").read_text())
    assert [(row.load_kind, row.load) for row in found[::3]] == [
        ("closed_concurrency", 1), ("closed_concurrency", 2), ("open_qps", 20),
    ]  # fmt: skip
    assert {row.model for row in found} == {"llama-3.1-8b", "other"}
    report = json.loads(second.stdout)
    assert report["points"][0]["ttft_s"]["mean"] * 1e3 == pytest.approx(found[6].value, rel=1e-4)


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_done(model_url: str, tmp_path: Path) -> None:
    """Ctrl-C in the second point: the first is in the report and in the rows, and the exit code says interrupted."""
    arguments = ("--closed", "1,2", "--requests", "8", "--osl", "8", "--accelerator", "x", "--rows", "r.csv", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "breakeven", "measure", model_url, *arguments, "--warm-up", "20"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stderr.readline().startswith("1 in flight")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    report = json.loads(out)
    assert process.returncode == 130
    assert report["interrupted"]
    assert [point["load"] for point in report["points"]] == [1.0]
    assert len(read_rows((tmp_path / "r.csv").read_text())) == 3


@pytest.mark.slow
def test_a_v2_server_is_measured_by_batch(breakeven: Run, start: Callable[..., object], tmp_path: Path) -> None:
    """Our own gateway in front of a real model speaks v2: a point per batch size, three figures each."""
    model = ("--backend", str(ranker_path()), "--model", "ranker", "--use-case", "ranking")
    made = breakeven("init", *model, "--latency-ms", "100", "--cost", "unknown")
    assert made.returncode == 0, made.stderr
    port = free_port()
    start("serve", "--port", str(port), "--console-port", "0")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    url = f"http://127.0.0.1:{port}"
    asked = ("--api", "v2", "--model", "ranking", "--batch", "1,16", "--requests", "20", "--accelerator", "cpu")
    done = breakeven("measure", url, *asked, "--rows", "r.csv")
    assert done.returncode == 0, done.stderr
    found = read_rows((tmp_path / "r.csv").read_text())
    assert [(row.load_kind, row.load, row.metric) for row in found] == [
        ("batch", load, metric) for load in (1, 16) for metric in ("latency_ms", "p50_latency_ms", "rows_s")
    ]


def test_an_onnx_file_is_measured_in_process(breakeven: Run, tmp_path: Path) -> None:
    """No server at all: the batch curve, whose rows a second follow from its latency."""
    arguments = ("--batch", "1,8", "--requests", "12", "--accelerator", "cpu", "--rows", "r.csv")
    done = breakeven("measure", str(ranker_path()), *arguments)
    assert done.returncode == 0, done.stderr
    assert "one thread" in done.stdout
    latency, median, speed = read_rows((tmp_path / "r.csv").read_text())[3:]
    assert (latency.load, latency.model, latency.engine, median.unit) == (8, "ranker", "onnxruntime", "ms")
    assert speed.value == pytest.approx(8 / (latency.value / 1e3), rel=1e-3)


def test_what_cannot_be_appended_to_is_refused_before_the_load(breakeven: Run, tmp_path: Path) -> None:
    """A file of something else stays as it is; nothing was asked of the server, which is not there."""
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    refused = breakeven("measure", "http://127.0.0.1:9", "--accelerator", "x", "--rows", "r.csv")
    assert refused.returncode == 3
    assert "column 'a' is unknown" in refused.stderr
    assert (tmp_path / "r.csv").read_text() == "a,b\n1,2\n"
    assert breakeven("measure", "http://127.0.0.1:9", "--rows", "x.csv").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["http://127.0.0.1:9"], 5, "cannot reach http://127.0.0.1:9"),
        (["http://192.0.2.1:9"], 2, "--yes-load 192.0.2.1"),
        (["ftp://x"], 3, "is not a URL"),
        (["http://127.0.0.1:9", "--closed", "0"], 2, "0 lies outside 1..1024"),
        (["http://127.0.0.1:9", "--closed", "a"], 2, "no list of numbers"),
        (["http://127.0.0.1:9", "--isl", "x"], 2, "--isl 'x' is no length"),
        (["http://127.0.0.1:9", "--key-env", "NO_SUCH_KEY"], 2, "NO_SUCH_KEY, which is not set"),
        (["absent.onnx", "--closed", "2"], 2, "--closed 2 is for servers that complete text"),
        (["absent.onnx"], 2, "no model file absent.onnx"),
    ],
)
def test_what_cannot_be_measured_is_one_clear_error(arguments: list[str], code: int, words: str) -> None:
    """One sentence, the exit code of its kind, and no traceback."""
    refused = CliRunner().invoke(main, ["measure", *arguments])
    assert refused.exit_code == code, refused.stderr
    assert words in refused.stderr
    assert isinstance(refused.exception, SystemExit)
