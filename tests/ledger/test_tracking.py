"""Violations are kept apart and block nothing; a replay counts each event once, whenever it is interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import msgspec
import pytest

from breakeven.errors import LedgerError
from breakeven.ledger import layout, snapshot, store
from breakeven.ledger.disk import Disk, exclusive
from breakeven.ledger.engine.port import Query
from breakeven.ledger.restore import bad_rows, restore
from breakeven.ledger.seal import seal_once
from breakeven.ledger.tracking import replay as replaying
from breakeven.ledger.tracking.replay import replay
from breakeven.ledger.tracking.rows import Asked, counts, still_bad
from breakeven.schema.outcome import Outcome
from breakeven.schema.tracking import EventRule, TrackingPlan

SCHEMA = json.dumps({"properties": {"value": {"type": "number", "minimum": 0}, "currency": {"enum": ["EUR"]}}})
STRICT = TrackingPlan(
    id="trk-1", events=(EventRule(type="breakeven.conversion.v1", schema=SCHEMA, requires=("identity", "value")),)
)
LOOSE = TrackingPlan(id="trk-2", events=())


def install(data_dir: Path, make, plan: TrackingPlan) -> None:
    """Put a policy with this plan in force."""
    data_dir.mkdir(exist_ok=True)
    draft = data_dir / "policy.tmp"
    draft.write_bytes(msgspec.json.encode(msgspec.structs.replace(make.policy(), tracking=plan)))
    draft.rename(data_dir / "policy.lock.json")


def event(make, n: int, **data: object) -> Outcome:
    """A conversion whose data are what a gateway took of them."""
    known = {name: data[name] for name in ("value", "currency") if name in data}
    if not isinstance(known.get("value"), int | float):
        known.pop("value", None)
    more = {"prediction_id": f"p{n:06d}", "sequence": n, "data": json.dumps(data), **known}
    return make.outcome(n, "conversion", **more)


def mixed(make) -> list[Outcome]:
    good = [event(make, n, value=1, currency="EUR") for n in range(1, 6)]
    return [
        *good,
        event(make, 6, value=-1),
        event(make, 7, value="1"),
        event(make, 8),
        event(make, 9, value=1, currency="X"),
    ]


def outcomes(data_dir: Path) -> list[Outcome]:
    """Outcomes as they count: distinct by tenant, source and id."""
    found = snapshot.of_folder(data_dir)
    kept = [one for one in (*found.records, *restore(found)) if isinstance(one, Outcome)]
    return list({(one.tenant, one.source, one.event_id): one for one in kept}.values())


def test_violations_are_kept_apart_with_the_reason(make, tmp_path: Path) -> None:
    """Sealed or not, the same rows are outcomes and the same are bad; no event is in neither or both."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", mixed(make))
    before = snapshot.of_folder(tmp_path)
    seal_once(tmp_path, 1.0)
    after = snapshot.of_folder(tmp_path)
    assert sorted(bad_rows(before), key=str) == sorted(bad_rows(after), key=str)
    assert len(outcomes(tmp_path)) == 5
    told = {one.event_id: (one.rule, one.path, one.plan) for one in bad_rows(after)}
    assert told == {
        "e6": ("schema", "/data/value", "trk-1"),
        "e7": ("field_type", "/data/value", "trk-1"),
        "e8": ("missing_value", "/data/value", "trk-1"),
        "e9": ("schema", "/data/currency", "trk-1"),
    }


def test_bad_rows_are_a_table_like_any_other(make, tmp_path: Path) -> None:
    """Any tool that reads Parquet can ask them: the event, the reason, the path, the plan, when and by whom."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", mixed(make))
    seal_once(tmp_path, 1.0)
    found = duckdb.sql(
        f"SELECT reason, event->>'$.data' FROM '{tmp_path}/segments/bad/*/*.parquet' WHERE event_id = 'e6' "
        "AND received_s > 0 AND tenant = 'default' AND source = 'app'"
    ).fetchall()
    assert found == [("must be at least 0, got -1", '{"value": -1}')]


def test_ten_thousand_bad_events_block_nobody(make, tmp_path: Path) -> None:
    """A journal full of rubbish beside good events: every good one is an outcome, every bad one is kept."""
    install(tmp_path, make, STRICT)
    rubbish = [make.outcome(n, "conversion", sequence=n, data="{" * 50) for n in range(1, 10_001)]
    good = [event(make, 10_000 + n, value=n, currency="EUR") for n in range(1, 101)]
    make.journal(tmp_path, "gw-00000001", [*rubbish[:5000], *good, *rubbish[5000:]])
    assert seal_once(tmp_path, 1.0).warnings == ()
    assert {one.event_id for one in outcomes(tmp_path)} == {one.event_id for one in good}
    [told] = counts(snapshot.of_folder(tmp_path), Asked())
    assert (told.rule, told.events, len(told.examples)) == ("malformed_data", 10_000, 3)


@pytest.mark.parametrize("engine", ["memory", "duckdb"])
def test_a_bad_event_is_not_lost(make, tmp_path: Path, engine: str) -> None:
    """Its sequence number is accounted for, so that keeping it apart looks like no gap."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", mixed(make))
    assert store.open_ledger(tmp_path, engine).audit(Query()).lost == 0
    seal_once(tmp_path, 1.0)
    assert store.open_ledger(tmp_path, engine).audit(Query()).lost == 0


def test_without_a_policy_nothing_is_judged(make, tmp_path: Path) -> None:
    """A folder of records without a gateway's policy has no plan to violate."""
    make.journal(tmp_path, "gw-00000001", mixed(make))
    seal_once(tmp_path, 1.0)
    assert len(outcomes(tmp_path)) == 9


def test_a_replay_counts_what_is_sound_now_once(make, tmp_path: Path) -> None:
    """After the plan was mended, replayed events are outcomes with their own times and identity; again is nothing."""
    install(tmp_path, make, STRICT)
    events = mixed(make)
    make.journal(tmp_path, "gw-00000001", events)
    seal_once(tmp_path, 1.0)
    assert replay(tmp_path, Asked(), "a").replayed == 0
    install(tmp_path, make, LOOSE)
    assert replay(tmp_path, Asked(), "b", dry_run=True).replayed == 3
    assert len(outcomes(tmp_path)) == 5
    done = replay(tmp_path, Asked(), "c")
    assert (done.replayed, done.still_bad, done.by_rule, done.plan) == (3, 1, {"field_type": 1}, "trk-2")
    for sealed in (False, True):
        if sealed:
            seal_once(tmp_path, 2.0)
        assert len(outcomes(tmp_path)) == 8
        assert replay(tmp_path, Asked(), f"again-{sealed}").replayed == 0
    came = {(one.event_id, one.time_s, one.received_s, one.data) for one in events if one.event_id != "e7"}
    assert {(one.event_id, one.time_s, one.received_s, one.data) for one in outcomes(tmp_path)} == came
    assert [one.event_id for one in still_bad(snapshot.of_folder(tmp_path), Asked())] == ["e7"]
    assert store.open_ledger(tmp_path).audit(Query()).lost == 0


def test_only_what_is_asked_for_is_replayed(make, tmp_path: Path) -> None:
    """By rule, by type and by the time of arrival."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", mixed(make))
    install(tmp_path, make, STRICT)
    seal_once(tmp_path, 1.0)
    install(tmp_path, make, LOOSE)
    assert replay(tmp_path, Asked(rule="missing_value"), "a", dry_run=True).replayed == 1
    assert replay(tmp_path, Asked(event_type="com.shop.cart.v1"), "b", dry_run=True).replayed == 0
    assert replay(tmp_path, Asked(since_s=make.t0 + 109), "c", dry_run=True).by_type == {"breakeven.conversion.v1": 1}


def test_an_event_sent_again_corrected_counts_once(make, tmp_path: Path) -> None:
    """Under the same identity: the mended one is the outcome, and the bad one is bad no longer."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", [event(make, 1, value=-1)])
    seal_once(tmp_path, 1.0)
    mended = msgspec.structs.replace(event(make, 1, value=5), sequence=2)
    make.journal(tmp_path, "gw-00000002", [mended])
    seal_once(tmp_path, 2.0)
    assert [one.value for one in outcomes(tmp_path)] == [5]
    assert counts(snapshot.of_folder(tmp_path), Asked()) == ()
    install(tmp_path, make, LOOSE)
    assert replay(tmp_path, Asked(), "a").replayed == 0


class CrashError(Exception):
    """The process is gone."""


class Dies(Disk):
    """A disk on which the rename fails, before or after it was done."""

    def __init__(self, *, after: bool) -> None:
        self.after = after

    def rename(self, source: Path, target: Path) -> None:
        if self.after:
            super().rename(source, target)
        raise CrashError


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_replay_that_dies_counts_nothing_twice(make, tmp_path: Path, after: bool, sealed: bool) -> None:
    """Before or after its one step that counts; the next run finishes the work, and leaves no draft behind."""
    install(tmp_path, make, STRICT)
    make.journal(tmp_path, "gw-00000001", mixed(make))
    seal_once(tmp_path, 1.0)
    install(tmp_path, make, LOOSE)
    with pytest.raises(CrashError):
        replay(tmp_path, Asked(), "a", disk=Dies(after=after))
    if sealed:
        seal_once(tmp_path, 2.0)
    assert replay(tmp_path, Asked(), "b").replayed == (0 if after else 3)
    seal_once(tmp_path, 3.0)
    assert len(outcomes(tmp_path)) == 8
    rows = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/segments/outcomes/*/*.parquet'").fetchall()
    assert rows == [(8,)]
    assert list(layout.journals(tmp_path).iterdir()) == []


def test_one_replay_at_a_time(make, tmp_path: Path) -> None:
    """Two at once would count twice; the second says so."""
    install(tmp_path, make, STRICT)
    with exclusive(tmp_path / replaying.LOCK, create=True), pytest.raises(LedgerError, match="another replay"):
        replay(tmp_path, Asked(), "a")
    with pytest.raises(LedgerError, match="no ledger"):
        replay(tmp_path / "none", Asked(), "a")
