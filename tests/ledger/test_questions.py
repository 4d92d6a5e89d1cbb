"""The committed SQL is what the Ibis questions compile to, and the default engine needs no Ibis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from breakeven.ledger.engine import text
from breakeven.ledger.engine.port import Query

ROOT = Path(__file__).parents[2]


def test_the_committed_sql_is_what_the_questions_compile_to() -> None:
    """Whoever changes a question runs the script; nobody edits the SQL."""
    pytest.importorskip("ibis")
    command = [sys.executable, str(ROOT / "scripts" / "build_questions.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_questions_take_no_parameter_that_a_query_lacks() -> None:
    """Every placeholder is a filter of a query, or the width of slices."""
    names = [path.stem for path in (ROOT / "src/breakeven/ledger/engine/sql/duckdb").glob("*.sql")]
    asked = {parameter for name in names for parameter in text.question(name)[1]}
    assert asked == {*Query.__struct_fields__[1:], "width_s"}


def test_the_default_engine_loads_neither_ibis_nor_spark() -> None:
    """They are an extra."""
    code = (
        "import sys; from breakeven.ledger import store; store.of_records([], 'duckdb').useful(store.Query()); "
        "assert not {'ibis', 'pyspark'} & set(sys.modules)"
    ).replace("store.Query", "__import__('breakeven.ledger.engine.port', fromlist=['Query']).Query")
    subprocess.run([sys.executable, "-c", code], check=True)
