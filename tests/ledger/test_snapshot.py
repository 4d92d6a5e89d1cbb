"""A reader sees every row once, whatever sealer and gateway do meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.ledger import snapshot, store
from breakeven.ledger.engine.port import Query
from breakeven.ledger.seal import seal_once
from breakeven.ledger.statement import build
from breakeven.schema.journal import frame

JOURNALS, EACH = 40, 10


def test_reading_while_sealing_sees_every_row_once(make, tmp_path: Path) -> None:
    """While forty journals become segments one after another, every look counts the same."""
    for n in range(JOURNALS):
        make.journal(tmp_path, f"gw-{n:08d}", [make.prediction(EACH * n + k + 1) for k in range(EACH)])
    sealer = threading.Thread(target=seal_once, args=(tmp_path, 1.0))
    counts = []
    sealer.start()
    while sealer.is_alive():
        cells = store.open_ledger(tmp_path).cells(Query())
        counts.append(sum(cell.predictions for cell in cells))
    sealer.join()
    assert counts
    assert set(counts) == {JOURNALS * EACH}
    assert not snapshot.of_folder(tmp_path).records


def test_a_journal_renamed_while_it_is_read_is_found_under_its_new_name(make, tmp_path: Path, monkeypatch) -> None:
    """The writer closes its file between the listing and the reading."""
    path = make.journal(tmp_path, "gw-00000001", [make.prediction(1)], ".open")
    real = snapshot._read

    def rename_first(folder: Path, name: str):
        if path.exists():
            path.rename(path.with_suffix(".journal"))
        return real(folder, name)

    monkeypatch.setattr(snapshot, "_read", rename_first)
    assert len(snapshot.of_folder(tmp_path).records) == 1


def test_a_journal_sealed_while_it_is_read_counts_once(make, tmp_path: Path, monkeypatch) -> None:
    """Its segment is in the manifest by then, and its journal is not read beside it."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1)])
    real = snapshot._read

    def seal_after(folder: Path, name: str):
        found = real(folder, name)
        seal_once(tmp_path, 1.0)
        return found

    monkeypatch.setattr(snapshot, "_read", seal_after)
    found = snapshot.of_folder(tmp_path)
    assert (len(found.segments), found.records) == (1, ())


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3)), max_size=5))
def test_looking_for_repeats_is_left_out_only_where_there_are_none(make, tmp_path_factory, spans) -> None:
    """Journals of one node that overlap in sequence are searched for repeats; the count is always the distinct one."""
    folder = tmp_path_factory.mktemp("ledger")
    ids = set()
    for n, (first, count) in enumerate(spans):
        make.journal(folder, f"gw-{n:08d}", [make.prediction(first + k) for k in range(count)])
        ids |= {first + k for k in range(count)}
        if n % 2:
            seal_once(folder, 1.0)
    found = snapshot.of_folder(folder)
    assert sum(cell.predictions for cell in store.open_ledger(folder).cells(Query())) == len(ids)
    assert not found.distinct or len(ids) == sum(count for _, count in spans)


def test_one_node_in_order_needs_no_search(make, tmp_path: Path) -> None:
    """What a gateway writes is known to be distinct from the manifest alone."""
    for n in range(3):
        make.journal(
            tmp_path, f"gw-{n:08d}", [make.prediction(10 * n + 1), make.outcome(10 * n + 2, sequence=10 * n + 2)]
        )
    seal_once(tmp_path, 1.0)
    make.journal(tmp_path, "gw-00000009", [make.prediction(90)])
    assert snapshot.of_folder(tmp_path).distinct


def test_a_replayed_journal_gives_the_same_statement(make, tmp_path: Path, to_bytes) -> None:
    """Unsealed, sealed, and journaled once more under another name: the same bytes (invariant 3)."""
    records = [make.prediction(n, subject="ann", work_s=0.5, cost_pico_usd=500_000) for n in range(1, 9)]
    records += [make.outcome(n, subject="ann", time_s=make.t0 + n, sequence=8 + n) for n in range(1, 4)]
    records += [make.capacity(0, 60)]
    make.journal(tmp_path, "gw-00000001", records)

    def statement() -> bytes:
        return to_bytes(build(store.open_ledger(tmp_path), make.use_cases))

    unsealed = statement()
    seal_once(tmp_path, 1.0)
    assert statement() == unsealed
    make.journal(tmp_path, "copy-00000001", records[::-1])
    assert statement() == unsealed
    seal_once(tmp_path, 2.0)
    assert statement() == unsealed


def test_a_gap_in_a_nodes_sequence_is_a_loss(make, tmp_path: Path) -> None:
    """Numbers from 1 that no record carries were lost, on whichever node; repeats are no gain."""
    records = [make.prediction(n, node="a") for n in (2, 3, 3, 6)] + [make.outcome(1, node="b", sequence=1)]
    path = make.journal(tmp_path, "a-00000001", records)
    assert build(store.open_ledger(tmp_path), make.use_cases).lost == 3
    path.write_bytes(b"".join(frame(make.prediction(n, node="a")) for n in (1, 2, 3)))
    assert build(store.open_ledger(tmp_path), make.use_cases).lost == 0
