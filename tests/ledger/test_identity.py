"""Small parts that the rest leans on: identities, days, share-outs, and the tables that are looked up."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger import duck, layout
from breakeven.ledger.columns import COLUMNS, TABLES, TIME
from breakeven.ledger.engine import text
from breakeven.ledger.engine.port import BASES, DIMENSIONS, Engine
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.identity import SEVERAL, key_of, node_of, repeated, sequences, unique_frames
from breakeven.schema.noun import Basis


def test_identities_of_different_things_never_collide(make) -> None:
    """An event named like a prediction is another thing; tenants do not share events."""
    records = [
        make.prediction(1, prediction_id="x"),
        make.outcome(1, event_id="x", source="", tenant=""),
        make.outcome(1, event_id="x", source="", tenant="t"),
        make.capacity(id="x"),
    ]
    assert len({key_of(record) for record in records}) == len(records)


def test_a_frame_twice_is_once_but_an_id_twice_is_seen(make) -> None:
    """The same frame is dropped; one id under two sequence numbers is kept and counted as a repeat."""
    one, other = make.prediction(1), make.prediction(2, prediction_id="p000001")
    assert unique_frames([one, one, other]) == (one, other)
    assert repeated([one, other]) == 1
    assert repeated([one, make.outcome(1), make.outcome(1)]) == 0


def test_the_node_of_a_journal_is_its_records(make) -> None:
    """One node is that node, several are marked, none is the file's own name."""
    assert node_of([make.prediction(1, node="a"), make.outcome(1, node="a")], "f") == "a"
    assert node_of([make.prediction(1, node="a"), make.outcome(1, node="b")], "f") == SEVERAL
    assert node_of([make.capacity()], "f") == "f"
    assert sequences([make.capacity()]) == (None, None)
    assert sequences([make.prediction(3), make.outcome(1, sequence=2)]) == (2, 3)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_time_has_a_day(time_s: float) -> None:
    """And every day a date that sorts as it should be read."""
    day = layout.day_of(time_s)
    assert len(layout.date(day)) == 10
    assert layout.day_of(0.0) == 0


@given(st.integers(-719_162, 2_932_895), st.floats(0, 86_399.99))
def test_a_day_is_its_86400_seconds(day: int, second: float) -> None:
    """From midnight to just before the next, whatever the year."""
    assert layout.day_of(day * 86_400.0 + int(second)) == day


@given(days=st.lists(st.integers(-719_162, 2_932_895), min_size=2))
def test_dates_sort_like_days(days: list[int]) -> None:
    """So that folders list in order."""
    assert [layout.date(day) for day in sorted(days)] == sorted(layout.date(day) for day in days)


@given(st.text())
def test_any_text_is_a_safe_literal(text: str) -> None:
    """A path with quotes is a path."""
    clean = text.replace("\0", "")
    with duck.connect() as connection:
        assert connection.execute(f"SELECT {duck.text(clean)}").fetchall() == [(clean,)]


def test_an_engine_fetches_nothing(make) -> None:
    """Built-in extensions only, so that a machine without a network answers too."""
    with duck.connect() as connection:
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.execute(f"SELECT current_setting('{setting}')").fetchall() == [(False,)]
        names = connection.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
        assert {"json", "parquet"} <= {name for (name,) in names}


def test_tables_name_their_time_first_class(make) -> None:
    """The column that partitions a table exists, no column twice, and a basis is known to SQL."""
    for table in TABLES:
        names = [column.name for column in COLUMNS[table]]
        assert TIME[table] in names
        assert len(names) == len(set(names))
    assert set(BASES) == set(get_args(Basis))
    assert all(text.question(f"spreads_{dimension or 'all'}") for dimension in ("", *DIMENSIONS))


def test_every_engine_answers_every_question(make) -> None:
    """The port is what a statement needs, and nothing an engine lacks."""
    questions = {name for name in vars(Engine) if not name.startswith("_")}
    assert len(questions) <= 10
    for opener in EMBEDDED.values():
        assert all(hasattr(opener, name) for name in questions - {"warnings"})
