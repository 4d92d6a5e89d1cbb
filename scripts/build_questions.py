"""Compiles the ledger's questions (src/breakeven/ledger/engine/ask) to the committed DuckDB SQL beside them.

`--check` writes nothing and fails where a file differs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import ibis

from breakeven.ledger.engine.ask.catalogue import QUESTIONS
from breakeven.ledger.engine.ask.tables import PARAMETERS, placeholders

FOLDER = Path(__file__).parents[1] / "src" / "breakeven" / "ledger" / "engine" / "sql"
_QUOTED = re.compile(rf"'\$({'|'.join(PARAMETERS)})'")


def texts() -> dict[str, str]:
    """The SQL of every question by file name."""
    return {f"{name}.sql": _compiled(name) for name in QUESTIONS}


def _compiled(name: str) -> str:
    text = str(ibis.to_sql(QUESTIONS[name](placeholders()), dialect="duckdb"))
    bound = _QUOTED.sub(r"$\1", text)
    return f"-- Made by scripts/build_questions.py from engine/ask: change it there.\n{bound}\n"


def main() -> int:
    """Write, or compare, every file."""
    made, check = texts(), "--check" in sys.argv[1:]
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
    wrong = sorted(name for name in {*made, *there} if made.get(name) != there.get(name))
    for name in [] if check else wrong:
        path = FOLDER / name
        path.write_text(made[name], encoding="utf-8") if name in made else path.unlink()
    print(f"{len(made)} questions, {len(wrong)} {'differ' if check else 'written'}: {' '.join(wrong)}")
    return int(check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
