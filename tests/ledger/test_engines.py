"""Every engine equals the memory engine: integers exactly, percentiles to 1e-9 (invariant 8)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.ledger import store
from breakeven.ledger.engine.port import Engine, Query, Spread
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.seal import seal_once
from breakeven.ledger.statement import build
from breakeven.schema.journal import Record

OTHERS = sorted(set(EMBEDDED) - {"memory"})
QUESTIONS = ("useful", "cells", "standby", "audit", "arrivals", "samples", "loads")


def same(expected: Sequence[Spread], found: Sequence[Spread]) -> None:
    assert [(one.dimension, one.key, one.metric, one.latency.n) for one in expected] == [
        (one.dimension, one.key, one.metric, one.latency.n) for one in found
    ]
    for one, other in zip(expected, found, strict=True):
        pairs = zip(msgspec.structs.astuple(one.latency), msgspec.structs.astuple(other.latency), strict=True)
        assert all(a == b or math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)


def check(expected: Engine, found: Engine, query: Query) -> None:
    for question in QUESTIONS:
        assert getattr(found, question)(query) == getattr(expected, question)(query), question
    same(expected.spreads(query), found.spreads(query))
    assert found.slices(query, 7.5) == expected.slices(query, 7.5)


@pytest.mark.parametrize("engine", OTHERS)
@settings(max_examples=40)
@given(data=st.data())
def test_an_engine_answers_every_question_like_the_definition(
    engine: str,
    data: st.DataObject,
    ledgers: st.SearchStrategy[list[Record]],
    queries: st.SearchStrategy[Query],
) -> None:
    """On any records, duplicates and disorder included, and for any filter."""
    records = data.draw(ledgers)
    again = data.draw(st.lists(st.sampled_from(records), max_size=5)) if records else []
    everything = data.draw(st.permutations([*records, *again]))
    expected = store.of_records(records, "memory")
    found = store.of_records(everything, engine)
    check(expected, found, data.draw(queries))


@pytest.mark.parametrize("engine", OTHERS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_folder_half_sealed_answers_like_its_records(
    engine: str, data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]], queries: st.SearchStrategy[Query]
) -> None:
    """Whatever part of a ledger is sealed already, the answers are those of its records in memory."""
    records = data.draw(ledgers)
    cut = data.draw(st.integers(0, len(records)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make.journal(folder, "gw0-00000001", records[:cut])
        seal_once(folder, make.t0)
        make.journal(folder, "gw0-00000002", records[cut:])
        query, expected = data.draw(queries), store.of_records(records, "memory")
        check(expected, store.open_ledger(folder, engine), query)
        check(expected, store.open_ledger(folder, "memory"), query)


@pytest.mark.parametrize("engine", OTHERS)
@settings(max_examples=25)
@given(data=st.data())
def test_statements_are_the_same_bytes_on_every_engine(
    engine: str, data: st.DataObject, make, to_bytes, ledgers: st.SearchStrategy[list[Record]]
) -> None:
    """Without latencies, whose last bit may differ, two engines give one statement."""
    records = [
        msgspec.structs.replace(record, ttft_s=None, tpot_s=None, total_s=0.0) if hasattr(record, "ttft_s") else record
        for record in data.draw(ledgers)
    ]
    expected = build(store.of_records(records, "memory"), make.use_cases)
    assert to_bytes(build(store.of_records(records, engine), make.use_cases)) == to_bytes(expected)


def test_an_unknown_engine_is_refused() -> None:
    """The error names the engines that there are."""
    with pytest.raises(UsageError, match="duckdb, memory, spark"):
        store.of_records([], "parquetdb")


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_many_small_charges_do_not_drift(make, engine: str) -> None:
    """A hundred thousand charges of odd size sum to the last pico-dollar, in every breakdown."""
    count = 100_000
    records = [
        make.prediction(n, cost_pico_usd=10**9 + 7 * n, tenant=f"t{n % 7}", model=f"m{n % 3}", time_s=make.t0 + n / 10)
        for n in range(1, count + 1)
    ]
    found = make.statement(records, engine)
    assert found.cost_total_pico_usd == count * 10**9 + 7 * count * (count + 1) // 2
    assert found.predictions == count
    assert found.conserved
    assert found.lost == 0
