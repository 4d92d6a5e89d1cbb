"""Every question on the definition, on DuckDB and on a real Spark cluster of two workers; `make test-spark` runs it."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from breakeven.demo.process import free_port
from breakeven.ledger import store
from breakeven.ledger.engine.port import Engine, Query
from breakeven.ledger.engine.table import open_spark
from breakeven.ledger.seal import seal_once
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

T = TypeVar("T")
WORKERS = 2
QUESTIONS = ("useful", "cells", "standby", "audit", "arrivals", "samples")
DEFAULTS = """\
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 768m
spark.executor.memory 640m
spark.ui.enabled false
spark.sql.shuffle.partitions 2
spark.sql.session.timeZone UTC
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.ui.showConsoleProgress false
"""


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a standalone master with two workers; ended by process id."""
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    os.environ |= {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    port, page = free_port(), free_port()
    address = f"spark://127.0.0.1:{port}"
    running = [_start(folder, "master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", page)]
    for n in range(WORKERS):
        place = ("--work-dir", folder / f"work{n}", "--host", "127.0.0.1", "--webui-port", free_port())
        running.append(_start(folder, "worker.Worker", "--cores", 1, "--memory", "700m", *place, address))
    try:
        _wait(page, folder)
        yield address
    finally:
        _end(running)


def _start(folder: Path, name: str, *arguments: object) -> subprocess.Popen[bytes]:
    import pyspark

    command = [Path(pyspark.__file__).parent / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments]
    with (folder / "daemons.log").open("ab") as log:
        return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)


def _wait(page: int, folder: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
                if json.load(answer)["aliveworkers"] == WORKERS:
                    return
        except OSError:
            pass
        time.sleep(0.3)
    pytest.fail(f"no cluster after 90 s:\n{(folder / 'daemons.log').read_text()[-3000:]}")


def _leave() -> None:
    """Give the workers' cores back: who asks next would wait for them."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is not None:
        session.stop()


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    try:
        _leave()
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def check(expected: Engine, found: Engine, query: Query, questions: Sequence[str] = QUESTIONS) -> None:
    """Integers exactly, quantiles to 1e-6."""
    for question in questions:
        assert getattr(found, question)(query) == getattr(expected, question)(query), question
    if questions is not QUESTIONS:
        return
    assert found.slices(query, 7.5) == expected.slices(query, 7.5)
    pairs = zip(expected.spreads(query), found.spreads(query), strict=True)
    for one, other in pairs:
        assert (one.dimension, one.key, one.metric) == (other.dimension, other.key, other.metric)
        both = zip(msgspec.structs.astuple(one.latency), msgspec.structs.astuple(other.latency), strict=True)
        assert all(a == b or math.isclose(a, b, rel_tol=1e-6) for a, b in both)


def apart(n: int, record: Record) -> Record:
    """The record of one generated ledger as a tenant's own, so that many ledgers are one."""
    names = {"tenant": "-", "prediction_id": "", "event_id": "", "id": "", "node": "-"}
    fields = {name: getattr(record, name, "") for name in names}
    return msgspec.structs.replace(
        record, **{name: f"{value}{names[name]}{n}" for name, value in fields.items() if value}
    )


def corrections(n: int) -> list[Correction]:
    """Of predictions that a ledger may hold, the last by time and then by id."""
    plain = {"reason": "wrong price", "author": "ann"}
    return [
        Correction(id=f"k{at}", prediction_id=f"p{at % 5:06d}", cost_pico_usd=10**9 + at, time_s=2e9 + at // 7, **plain)
        for at in range(8 if n % 2 else 0)
    ]


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """So many different examples, the same in every run; the first, which is the simplest, is left out."""
    found: list[T] = []

    @settings(max_examples=count + 1, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(one: T) -> None:
        found.append(one)

    collect()
    return found[1:]


def test_every_question_has_one_answer_on_all_engines(
    make,
    master: str,
    tmp_path: Path,
    ledgers: st.SearchStrategy[list[Record]],
    queries: st.SearchStrategy[Query],
) -> None:
    """Forty generated ledgers at once, with repeats and disorder, half of it sealed; then with every first touch.

    Costs of every other ledger are corrected, some of them twice.
    """
    records = [apart(n, record) for n, one in enumerate(drawn(ledgers, 40)) for record in [*one, *corrections(n)]]
    again = records[::7]
    everything = random.Random(7).sample([*records, *again], len(records) + len(again))
    half = len(everything) // 2
    make.journal(tmp_path, "gw0-00000001", everything[:half])
    seal_once(tmp_path, make.t0)
    make.journal(tmp_path, "gw0-00000002", everything[half:])
    expected = store.of_records(records, "memory")
    others = [store.open_ledger(tmp_path, "duckdb"), store.open_ledger(tmp_path, partial(open_spark, master=master))]
    narrow = max(drawn(queries, 30), key=lambda one: (one.start_s is not None, len(expected.cells(one)) > 3))
    assert len(expected.cells(narrow)) > 3
    first = Query(measures=tuple(msgspec.structs.replace(one, touch="first") for one in narrow.measures))
    for found in others:
        check(expected, found, narrow)
        check(expected, found, first, ("useful", "cells", "audit"))


def test_a_report_by_spark_reads_a_copy_of_the_segments(make, master: str, tmp_path: Path) -> None:
    """`breakeven report --engine spark` says what the default engine says, wherever its workers find the files."""
    _leave()
    folder, copy = tmp_path / "data", tmp_path / "bucket"
    records = [make.prediction(n, cost_pico_usd=10**9 + n, subject=f"s{n % 3}") for n in range(50)]
    records += [make.outcome(n, subject=f"s{n % 3}") for n in range(20)]
    make.journal(folder, "gw-00000001", records)
    seal_once(folder, make.t0)
    # The asking process looks at each segment's frame, so that it holds the files too.
    shutil.copytree(folder / "segments", copy / "segments")
    where = ["--spark-master", master, "--spark-data", copy.as_uri(), "--engine", "spark"]
    asked = [sys.executable, "-m", "breakeven", "report", "--data-dir", str(folder), "--json"]
    by_spark = subprocess.run([*asked, *where], capture_output=True, text=True, check=True).stdout
    plain = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert json.loads(by_spark) == json.loads(plain)
