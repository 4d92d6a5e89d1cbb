"""The bad rows of a ledger, asked by one DuckDB connection: those still bad, counts by reason and type, examples."""

from __future__ import annotations

import duckdb

from breakeven.ledger import duck
from breakeven.ledger.columns import COLUMNS, Table
from breakeven.ledger.identity import table_of
from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.noun import Noun
from breakeven.schema.tracking import Bad, BadCount

EXAMPLES = 3

_OPEN = """
CREATE TEMP TABLE still AS
SELECT * FROM bad ANTI JOIN (SELECT DISTINCT tenant, source, event_id FROM outcomes) USING (tenant, source, event_id)
QUALIFY row_number() OVER (PARTITION BY tenant, source, event_id ORDER BY received_s DESC, node DESC, sequence DESC) = 1
"""
"""An event that was mended, or replayed, under its own identity is bad no longer. The last try of an event counts."""
_ASKED = """
($rule::VARCHAR IS NULL OR rule = $rule) AND ($event_type::VARCHAR IS NULL OR event_type = $event_type)
AND ($since_s::DOUBLE IS NULL OR received_s >= $since_s)
"""


class Asked(Noun, frozen=True, kw_only=True):
    """Which bad rows: of one rule, of one type, received at or after a Unix time. None is any."""

    rule: str | None = None
    event_type: str | None = None
    since_s: float | None = None


def connection(snapshot: Snapshot, *tables: Table) -> duckdb.DuckDBPyConnection:
    """A connection with a view of each table, sealed rows and unsealed ones."""
    made = duck.connect()
    for table in tables:
        files = [one.path for one in snapshot.segments if one.table == table]
        held = [one for one in (*snapshot.records, *snapshot.bad) if table_of(one) == table]
        duck.hold(made, f"new_{table}", table, held)
        sealed = f"{duck.segments(table, files)} UNION ALL " if files else ""
        names = ", ".join(f'"{column.name}"' for column in COLUMNS[table])
        made.execute(f"CREATE TEMP VIEW {table} AS {sealed}SELECT {names} FROM new_{table}")  # noqa: S608 - our names
    return made


def still_bad(snapshot: Snapshot, asked: Asked) -> tuple[Bad, ...]:
    """Every event that is bad and was not mended, by arrival."""
    with connection(snapshot, "bad", "outcomes") as made:
        made.execute(_OPEN)
        return _bad(made, f"SELECT * FROM still WHERE {_ASKED} ORDER BY received_s, node, sequence", asked)  # noqa: S608 - ours


def counts(snapshot: Snapshot, asked: Asked) -> tuple[BadCount, ...]:
    """How many events are bad, by rule, type and place, most first."""
    with connection(snapshot, "bad", "outcomes") as made:
        made.execute(_OPEN)
        groups = made.execute(
            f"SELECT rule, event_type, path, count(*), list_sort(list_distinct(list(source)))[:10], min(received_s), "  # noqa: S608 - ours
            f"max(received_s) FROM still WHERE {_ASKED} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
            _parameters(asked),
        ).fetchall()
        shown = _bad(
            made,
            f"SELECT * FROM still WHERE {_ASKED} QUALIFY row_number() OVER "  # noqa: S608 - ours
            f"(PARTITION BY rule, event_type, path ORDER BY received_s DESC, node, sequence) <= {EXAMPLES}",
            asked,
        )
    return tuple(
        BadCount(
            rule=rule,
            event_type=kind,
            path=path,
            events=events,
            sources=tuple(sources),
            first_s=first_s,
            last_s=last_s,
            examples=tuple(one for one in shown if (one.rule, one.event_type, one.path) == (rule, kind, path)),
        )
        for rule, kind, path, events, sources, first_s, last_s in groups
    )


def _parameters(asked: Asked) -> dict[str, object]:
    return {name: getattr(asked, name) for name in Asked.__struct_fields__}


def _bad(made: duckdb.DuckDBPyConnection, query: str, asked: Asked) -> tuple[Bad, ...]:
    found = made.execute(query, _parameters(asked))
    names = [column[0] for column in found.description]
    return tuple(Bad(**dict(zip(names, row, strict=True))) for row in found.fetchall())
