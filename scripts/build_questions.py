"""Compiles the questions of src/breakeven/ledger/engine/ask to the committed SQL of DuckDB and of Spark beside them.

`--check` writes nothing and fails where a file differs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import ibis
from ibis.backends.sql.compilers import PySparkCompiler
from ibis.config import Config

from breakeven.ledger.engine.ask.catalogue import QUESTIONS, SPARK_QUESTIONS
from breakeven.ledger.engine.ask.tables import PARAMETERS, placeholders

FOLDER = Path(__file__).parents[1] / "src" / "breakeven" / "ledger" / "engine" / "sql"
_QUOTED = re.compile(rf"'\$({'|'.join(PARAMETERS)})'")
_DIALECTS = {"duckdb": ("duckdb", r"$\1", QUESTIONS), "spark": ("pyspark", r":\1", SPARK_QUESTIONS)}


class _Spark(Config):
    """What the compiler reads of Ibis' Spark backend, so that pyspark need not be there."""

    treat_nan_as_null: bool = False


def texts() -> dict[str, str]:
    """The SQL of every question by its path."""
    ibis.options.pyspark = _Spark()
    return {f"{folder}/{name}.sql": _compiled(folder, name) for folder, part in _DIALECTS.items() for name in part[2]}


def _compiled(folder: str, name: str) -> str:
    dialect, parameter, questions = _DIALECTS[folder]
    text = _QUOTED.sub(parameter, str(_sql(questions[name](placeholders()), dialect)))
    return f"-- Made by scripts/build_questions.py from engine/ask: change it there.\n{text}\n"


def _sql(question: ibis.Table, dialect: str) -> str:
    if dialect == "duckdb":
        return str(ibis.to_sql(question, dialect=dialect))
    return str(PySparkCompiler().to_sqlglot(question).sql(dialect="spark", pretty=True))


def main() -> int:
    """Write, or compare, every file."""
    made, check = texts(), "--check" in sys.argv[1:]
    there = {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in FOLDER.glob("*/*.sql")}
    wrong = sorted(name for name in {*made, *there} if made.get(name) != there.get(name))
    for name in [] if check else wrong:
        path = FOLDER / name
        path.write_text(made[name], encoding="utf-8") if name in made else path.unlink()
    print(f"{len(made)} questions, {len(wrong)} {'differ' if check else 'written'}: {' '.join(wrong)}")
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
