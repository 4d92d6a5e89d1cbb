"""Days: roll-ups and rows together answer what a scan of everything answers, whatever came when."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.ledger import store
from breakeven.ledger.days import finalise, span
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.days.finalise import Made, Work
from breakeven.ledger.disk import Disk
from breakeven.ledger.engine.port import Engine, Query
from breakeven.ledger.engine.table import ENGINES
from breakeven.ledger.seal import seal_once
from breakeven.ledger.statement import measures
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction

DAY_S = 86_400.0


def work(make, folder: Path, now_s: float, engine: str = "duckdb", **more: object) -> Work:
    plain = {"measures": measures(make.use_cases), "opener": ENGINES[engine], "disk": Disk(), "by_hand": True}
    return Work(data_dir=folder, now_s=now_s, **plain | more)


def finalised(make, folder: Path, **more: object) -> list[Made]:
    """Everything that is due, made."""
    steps = [finalise.step(work(make, folder, make.t0 + 40 * DAY_S, **more))]
    while steps[-1].more:
        steps.append(finalise.step(work(make, folder, make.t0 + 40 * DAY_S, **more)))
    return steps


def check(expected: Engine, found: Engine, query: Query) -> None:
    assert found.cells(query) == expected.cells(query)
    assert found.standby(query) == expected.standby(query)
    assert found.audit(query) == expected.audit(query)


def uuid7(n: int, time_s: float) -> str:
    text = f"{int(time_s * 1000):012x}7{n:03x}8000{n:012x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def spread(records: Sequence[Record], stretch: int, t0: float) -> list[Record]:
    """The same ledger over more days; an event that is sent again keeps its time."""

    def later(time_s: float) -> float:
        return t0 + (time_s - t0) * stretch

    moved: list[Record] = []
    said: dict[tuple[str, str], float] = {}
    for one in records:
        if isinstance(one, Prediction):
            moved.append(msgspec.structs.replace(one, time_s=later(one.time_s)))
        elif isinstance(one, Outcome):
            time_s = said.setdefault((one.tenant, one.event_id), later(one.time_s))
            moved.append(msgspec.structs.replace(one, time_s=time_s))
        else:
            start_s = later(one.start_s)
            moved.append(msgspec.structs.replace(one, start_s=start_s, end_s=start_s + one.end_s - one.start_s))
    return moved


def telling(records: Sequence[Record]) -> list[Record]:
    """The same ledger with ids that tell their time, as the gateway makes them."""
    times = {one.prediction_id: one.time_s for one in records if isinstance(one, Prediction)}
    names = {name: uuid7(n, time_s) for n, (name, time_s) in enumerate(sorted(times.items()))}
    return [
        msgspec.structs.replace(one, prediction_id=names.get(one.prediction_id, one.prediction_id))
        if isinstance(one, Prediction | Outcome)
        else one
        for one in records
    ]


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_roll_ups_and_rows_answer_like_a_scan_whatever_came_when(
    data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]
) -> None:
    """Any history in any order, sealed, looked at and finalised at any moment: the integers of a full scan."""
    records = spread(data.draw(ledgers), data.draw(st.sampled_from([1, 8, 40])), make.t0)
    records = telling(records) if data.draw(st.booleans()) else records
    again = data.draw(st.lists(st.sampled_from(records), max_size=4)) if records else []
    order = data.draw(st.permutations([*records, *again]))
    ask = st.sampled_from([None, make.t0 - 3 * DAY_S, make.t0 + 3600, make.t0 + 5000, make.t0 + 3600 + 2 * DAY_S])
    with tempfile.TemporaryDirectory() as name:
        folder, at, n = Path(name), 0, 0
        while at < len(order) or not n:
            size = data.draw(st.integers(1, 12))
            make.journal(folder, f"gw0-{n:08d}", order[at : at + size])
            at, n = at + size, n + 1
            if data.draw(st.booleans()):
                seal_once(folder, make.t0)
            for _ in range(data.draw(st.integers(0, 6))):
                finalise.step(work(make, folder, make.t0 + 40 * DAY_S, "memory"))
        if data.draw(st.booleans()):
            seal_once(folder, make.t0)
            finalised(make, folder, engine="memory")
        expected = store.of_records(records, "memory")
        query = make.query(
            start_s=data.draw(ask),
            end_s=data.draw(ask),
            use_case=data.draw(st.sampled_from([None, None, "rank"])),
            deployment=data.draw(st.sampled_from([None, None, "gpu"])),
            policy_id=data.draw(st.sampled_from([None, None, None, "pol-a"])),
        )
        check(expected, open_days(folder, query, ENGINES["memory"]), query)


def three_days(make) -> list[Record]:
    rows: list[Record] = []
    for n in range(6):
        time_s = make.t0 + n // 2 * DAY_S + n
        rows.append(make.prediction(n + 1, prediction_id=uuid7(n, time_s), time_s=time_s))
    return rows


def test_a_late_outcome_reopens_its_day_as_the_next_version(make, tmp_path: Path) -> None:
    """Until then the roll-up answers; then the rows do, and once it is made anew the second version."""
    rows, query = three_days(make), make.query()
    make.journal(tmp_path, "gw-00000001", rows)
    seal_once(tmp_path, make.t0)
    assert len([one for one in finalised(make, tmp_path) if one.version]) == 3
    assert len(open_days(tmp_path, query, ENGINES["duckdb"]).final) == 3
    late = make.outcome(1, prediction_id=rows[0].prediction_id, time_s=make.t0 + 30 * DAY_S)
    make.journal(tmp_path, "gw-00000002", [late])
    found = open_days(tmp_path, query, ENGINES["duckdb"])
    assert len(found.final) == 2
    check(store.of_records([*rows, late]), found, query)
    seal_once(tmp_path, make.t0)
    versions = {one.version.day: one.version for one in finalised(make, tmp_path) if one.version}
    again = versions[span.day_of(make.t0)]
    assert (again.version, again.reason) == (2, "late outcomes")
    found = open_days(tmp_path, query, ENGINES["duckdb"])
    assert len(found.final) == 4
    check(store.of_records([*rows, late]), found, query)


def test_a_repeat_changes_no_version_and_a_changed_measure_does(make, tmp_path: Path) -> None:
    """A day that was looked at again and says the same stays at version 1."""
    rows = three_days(make)
    make.journal(tmp_path, "gw-00000001", rows)
    seal_once(tmp_path, make.t0)
    finalised(make, tmp_path)
    make.journal(tmp_path, "gw-00000002", rows[:2])
    seal_once(tmp_path, make.t0)
    assert {one.version.version for one in finalised(make, tmp_path) if one.version} == {1}
    changed = [msgspec.structs.replace(one, used_when="delivered") for one in measures(make.use_cases)]
    made = finalised(make, tmp_path, measures=tuple(changed))
    assert [one.version.version for one in made if one.version] == [2, 2, 2]


def test_a_roll_up_that_cannot_be_read_is_answered_from_its_rows(make, tmp_path: Path) -> None:
    """A truncated file is a warning with the day's name, and the numbers stay."""
    rows, query = three_days(make), make.query()
    make.journal(tmp_path, "gw-00000001", rows)
    seal_once(tmp_path, make.t0)
    finalised(make, tmp_path)
    path = next(tmp_path.glob("rollups/*/v1.roll"))
    path.write_bytes(path.read_bytes()[:-3])
    found = open_days(tmp_path, query, ENGINES["duckdb"])
    assert "was answered from its rows" in found.warnings[0]
    check(store.of_records(rows), found, query)


def test_a_day_is_final_once_the_watermark_has_passed_window_and_lateness(make, tmp_path: Path) -> None:
    """Before, the sealer makes nothing, whatever the clock says."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1)])
    seal_once(tmp_path, make.t0)
    end_s = (span.day_of(make.t0) + 1) * DAY_S

    def made(last_s: float) -> bool:
        make.journal(tmp_path, f"gw-{int(last_s):011d}", [make.prediction(int(last_s), time_s=last_s)])
        seal_once(tmp_path, make.t0)
        while (step := finalise.step(work(make, tmp_path, last_s + 9 * DAY_S, by_hand=False))).looked_at:
            pass
        return step.version is not None

    assert not made(end_s + 3000 + finalise.LATENESS_S - 1)
    assert made(end_s + 3000 + finalise.LATENESS_S + 1)
