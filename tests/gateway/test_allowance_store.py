"""The store of allowances: never more leased than there is, whoever dies when, whatever the clock does."""

from __future__ import annotations

import fcntl
import sqlite3
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from breakeven.gateway.allowance import turn as turn_module
from breakeven.gateway.allowance.ask import BUCKET, Answer, Ask, shared_out
from breakeven.gateway.allowance.errand import FILE, FOLDER, Errand
from breakeven.gateway.allowance.marks import NO_SLOT, Marks, boot_id, dead
from breakeven.gateway.allowance.store import Store
from breakeven.gateway.allowance.turn import Turn
from breakeven.gateway.decision.allowance import Allowance
from breakeven.gateway.decision.purse import Purse, heap_cells

LIMIT, RATE, BURST, CHUNK = 1000, 10.0, 40, 5
MONEY = Allowance(name="b", kind="money", key="money/day/b", limit=LIMIT, period="day")
TOKENS = Allowance(name="r", kind="tokens_rate", key="tokens_rate//r", rate_per_s=RATE, burst=BURST)


class Clock:
    """Seconds of one boot."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Holder:
    """A worker without an event loop: a purse, and one store for all that acts under the worker's name."""

    def __init__(self, store: Store, name: str, allowance: Allowance) -> None:
        self.store, self.name = store, name
        self.purse = Purse(allowance, heap_cells())
        self.open: list[int] = []

    def ask(self, **more) -> Ask:
        one, purse = self.purse.allowance, self.purse
        start = BUCKET if one.rate_per_s else 0
        return Ask(
            one.key, start, 0, purse.granted, purse.spent, purse.reserved, limit=one.limit, rate_per_s=one.rate_per_s,
            burst=one.burst, **more,
        )  # fmt: skip

    def visit(self, **more) -> Answer:
        self.store._holder = self.name
        ask = self.ask(**more)
        [answer] = self.store.visit([ask])
        self.purse.grant(answer.granted - ask.granted)
        return answer

    def reserve(self, amount: int) -> bool:
        if not self.purse.reserve(amount):
            self.purse.empty()
            self.visit(need=amount, wish=amount, chunk=CHUNK)
            if not self.purse.reserve(amount):
                return False
        self.open.append(amount)
        return True


def unsynced_store(clock: Clock, folder: Path) -> Store:
    """A real file that need not survive a power cut."""
    store = Store(folder / FILE, "n", "boot", clock)
    store._sql.execute("PRAGMA synchronous=OFF")
    return store


amounts = st.integers(1, 60)
places = st.integers(0, 2)


class Workers(RuleBasedStateMachine):
    """Three workers that reserve, settle, tell, give back, die and are replaced, on one allowance."""

    allowance = MONEY

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = TemporaryDirectory()
        self.store = unsynced_store(self.clock, Path(self.folder.name))
        self.born = 0
        self.workers = [self.hire() for _ in range(3)]

    def hire(self) -> Holder:
        self.born += 1
        return Holder(self.store, f"w{self.born}", self.allowance)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(place=places, amount=amounts)
    def reserve(self, place: int, amount: int) -> None:
        if self.workers[place].reserve(amount):
            self.reserved(amount)

    @rule(place=places, share=st.floats(0, 1))
    def settle(self, place: int, share: float) -> None:
        worker = self.workers[place]
        if worker.open:
            reserved = worker.open.pop()
            actual = int(reserved * share)
            worker.purse.settle(reserved, actual)
            self.settled(reserved, actual)

    @rule(place=places)
    def give_back(self, place: int) -> None:
        self.workers[place].purse.empty()
        self.workers[place].visit()

    @rule(place=places)
    def tell(self, place: int) -> None:
        self.workers[place].visit()

    @rule(place=places)
    def a_visit_whose_answer_is_lost(self, place: int) -> None:
        """The commit went through and the worker does not know: its next word corrects the lease."""
        worker = self.workers[place]
        self.store._holder = worker.name
        self.store.visit([worker.ask(need=1, wish=1, chunk=CHUNK)])

    @rule(place=places)
    def die(self, place: int) -> None:
        worker = self.workers[place]
        for amount in worker.open:
            self.settled(amount, amount)
        self.store.reclaim(worker.name, lambda _: worker.purse.worst)
        self.workers[place] = self.hire()

    @rule(place=places)
    def die_unknown(self, place: int) -> None:
        """Nobody knows what it spent: all that it held is gone, not more."""
        worker = self.workers[place]
        self.store.reclaim(worker.name, lambda _: None)
        self.workers[place] = self.hire()
        self.forgotten = True

    def reserved(self, amount: int) -> None:
        raise NotImplementedError

    def settled(self, reserved: int, actual: int) -> None:
        raise NotImplementedError


class OneBudget(Workers):
    """What is used never exceeds the limit, and all of the limit can be used."""

    def __init__(self) -> None:
        super().__init__()
        self.used = 0  # spent, and reserved at its worst
        self.forgotten = False

    def reserved(self, amount: int) -> None:
        self.used += amount

    def settled(self, reserved: int, actual: int) -> None:
        self.used -= reserved - actual

    @invariant()
    def never_overspent(self) -> None:
        assert self.used <= LIMIT

    @precondition(lambda self: not self.forgotten)
    @rule()
    def nothing_is_lost(self) -> None:
        """When all give back what is free, what is left is the limit less what is used, to the last unit."""
        for worker in self.workers:
            worker.purse.empty()
            worker.visit()
        assert self.workers[0].visit().left == LIMIT - self.used


class OneBucket(Workers):
    """In any window, less what was given back in it, at most rate x time + burst is reserved."""

    allowance = TOKENS

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = self.high = 0.0
        self.events: list[tuple[float, int]] = []

    @rule(seconds=st.floats(0, 8))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.elapsed += max(0.0, self.clock.now - max(self.high, self.clock.now - seconds))
        self.high = max(self.high, self.clock.now)

    @rule(seconds=st.floats(0, 5000))
    def jump_back(self, seconds: float) -> None:
        """No clock of a boot does; tokens must not come of it."""
        self.high = max(self.high, self.clock.now)
        self.clock.now -= seconds

    @rule()
    def reboot(self) -> None:
        self.store._buckets._boot += "+"
        self.clock.now = self.high = 5.0

    def reserved(self, amount: int) -> None:
        self.events.append((self.elapsed, amount))

    def settled(self, reserved: int, actual: int) -> None:
        if actual < reserved:
            self.events.append((self.elapsed, actual - reserved))

    @invariant()
    def every_window_is_within_rate_and_burst(self) -> None:
        """Windows that end now; those that ended before were looked at then."""
        if self.events:
            total, now = 0, self.events[-1][0]
            for at, amount in reversed(self.events):
                total += amount
                assert total <= RATE * (now - at) + BURST + 1e-6


TestOneBudget = OneBudget.TestCase
TestOneBudget.settings = settings(max_examples=40, stateful_step_count=25)
TestOneBucket = OneBucket.TestCase
TestOneBucket.settings = settings(max_examples=40, stateful_step_count=25)


@given(st.integers(0, 2000), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(1, 16))
def test_a_share_is_at_least_what_is_asked_and_at_most_what_is_left(left, need, more, chunk, holders) -> None:
    """All or nothing up to the need; the chunk on top never takes more than half of an equal share of the rest."""
    wish = need + more if need else 0
    grant, extra = shared_out(Ask("b", 0, need=need, wish=wish, chunk=chunk), left, holders)
    assert grant == 0 if left < need else need <= grant <= left
    assert 0 <= extra <= chunk
    assert extra * 2 * holders <= max(0, left - wish)


def test_a_bucket_refills_at_its_rate_to_its_burst(tmp_path) -> None:
    """From empty: after a second the rate, after long the burst, and what others hold unused is not refilled."""
    clock = Clock()
    worker = Holder(unsynced_store(clock, tmp_path), "w1", TOKENS)
    assert worker.reserve(BURST)
    assert worker.visit().left == 0
    clock.now += 1
    assert worker.visit().left == RATE
    clock.now += 1000
    assert worker.visit().left == BURST
    other = Holder(worker.store, "w2", TOKENS)
    assert other.visit(wish=30).left == 10
    clock.now += 1000
    assert worker.visit().left == 10


def test_what_is_leased_and_unused_counts_as_still_in_the_bucket(tmp_path) -> None:
    """Saved up in a purse while the bucket refills it would be more than the burst."""
    clock = Clock()
    worker = Holder(unsynced_store(clock, tmp_path), "w1", TOKENS)
    worker.visit(wish=30)
    clock.now += 1000
    assert worker.reserve(30)
    assert worker.visit().left == BURST - 30


def test_what_comes_back_into_a_full_bucket_is_lost(tmp_path) -> None:
    """Else who gives back could take more than the burst at once."""
    clock = Clock()
    worker = Holder(unsynced_store(clock, tmp_path), "w1", TOKENS)
    assert worker.reserve(10)
    worker.purse.empty()
    worker.visit()
    clock.now += 1000
    worker.purse.settle(10, 0)
    assert worker.visit().left == BURST


def test_after_a_reboot_an_empty_bucket_refills(tmp_path) -> None:
    """The clock of the new boot is smaller than the last instant written; it must not stop the refill."""
    clock = Clock()
    worker = Holder(unsynced_store(clock, tmp_path), "w1", TOKENS)
    assert worker.reserve(BURST)
    worker.visit()
    worker.store._buckets._boot, clock.now = "later", 3.0
    assert worker.visit().left == 0
    clock.now += 2
    assert worker.visit().left == 2 * RATE


def test_an_alert_is_raised_once_by_one_worker(tmp_path) -> None:
    """Each share of each period; the whole also when an ordinary request finds too little left."""
    store = unsynced_store(Clock(), tmp_path)
    one, two = Holder(store, "w1", MONEY), Holder(store, "w2", MONEY)
    assert one.reserve(799)
    one.purse.settle(799, 799)
    assert one.visit(alert_at=(0.8, 1.0)).raised == ()
    assert two.reserve(196)
    two.purse.settle(196, 196)
    assert two.visit(alert_at=(0.8, 1.0)).raised == (0.8,)
    assert one.visit(alert_at=(0.8, 1.0), need=500, wish=500).raised == ()
    assert one.visit(alert_at=(0.8, 1.0), need=6, wish=6).raised == (1.0,)
    assert two.visit(alert_at=(0.8, 1.0), need=6, wish=6).raised == ()


def test_a_lease_ends_once(tmp_path) -> None:
    """Told twice because the first answer was lost, it is settled once."""
    store = unsynced_store(Clock(), tmp_path)
    worker = Holder(store, "w1", MONEY)
    worker.reserve(100)
    worker.purse.settle(100, 70)
    worker.purse.empty()
    worker.visit()
    for _ in range(2):
        worker.visit(end=True)
    assert Holder(store, "w2", MONEY).visit().left == LIMIT - 70


def test_rollback_journal_and_full_sync(tmp_path) -> None:
    """Never WAL, whose reset corrupts files in SQLite before 3.51.3; and a lease is on the disk before it is used."""
    store = Store(tmp_path / FILE, "n", "boot", Clock())
    assert store._sql.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert store._sql.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_a_store_of_another_version_is_left_alone(tmp_path) -> None:
    """A newer program's money is not misread."""
    with sqlite3.connect(tmp_path / FILE) as later:
        later.execute("PRAGMA user_version = 9")
    later.close()
    with pytest.raises(sqlite3.DatabaseError, match="version 9"):
        Store(tmp_path / FILE, "n", "boot", Clock())


def test_nobody_waits_for_a_stuck_worker_without_end(tmp_path, monkeypatch) -> None:
    """Its turn is not taken from it; the others are told."""
    monkeypatch.setattr(turn_module, "WAIT_S", 0.01)
    one, two = Turn(tmp_path / "lock"), Turn(tmp_path / "lock")
    with one.taken(), pytest.raises(TimeoutError, match="locked"), two.taken():
        pass
    with two.taken():
        pass
    one.close()
    two.close()


def test_marks_are_locked_while_their_worker_lives(tmp_path) -> None:
    """Alive, nobody may reclaim; closed or dead, what the purses say is read back."""
    marks = Marks(tmp_path, "n", boot_id())
    slot, cells = marks.take()
    assert cells is not None
    Purse(MONEY, cells).grant(9)
    cells[1], cells[2] = 3, 4
    with dead(marks.path, boot_id()) as found:
        assert found is None
    with marks.path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    marks.close(remove=False)
    with dead(marks.path, boot_id()) as found:
        assert found is not None
        assert [found.worst(slot), found.worst(NO_SLOT), marks.path.stem] == [7, None, "n"]


@pytest.mark.parametrize("spoil", ["another boot", "no boot", "cut off", "empty", "rubbish"])
def test_marks_that_cannot_be_believed_say_nothing(tmp_path, spoil) -> None:
    """After a reboot the page cache may be lost, so all that was leased counts as spent; rubbish alike."""
    marks = Marks(tmp_path, "n", "" if spoil == "no boot" else boot_id())
    slot, _ = marks.take()
    marks.close(remove=False)
    content = marks.path.read_bytes()
    marks.path.write_bytes({"cut off": content[:-1], "empty": b"", "rubbish": b"x" * len(content)}.get(spoil, content))
    with dead(marks.path, "later" if spoil == "another boot" else boot_id()) as found:
        assert found is not None
        assert found.worst(slot) is None


def test_a_slot_is_clean_when_it_is_taken_again(tmp_path) -> None:
    """The next purse starts from nothing; where no slot is left there is none, and no other's."""
    marks = Marks(tmp_path, "n", boot_id())
    slot, cells = marks.take()
    assert cells is not None
    cells[0] = cells[2] = 5
    marks.give(slot)
    again, cells = marks.take()
    assert cells is not None
    assert (again, list(cells)) == (slot, [0, 0, 0])
    marks._unused.clear()
    assert marks.take() == (NO_SLOT, None)
    marks.close(remove=True)
    assert list(tmp_path.iterdir()) == []


def test_leases_without_marks_count_as_spent(tmp_path) -> None:
    """Somebody deleted the file: nobody can say what was spent, so all of it was."""
    gone = Errand(tmp_path, "gone", boot_id())
    marks = Marks(tmp_path / FOLDER, "gone", boot_id())
    ask = Ask(MONEY.key, 0, 0, need=100, wish=100, limit=LIMIT)
    assert gone.visit([ask], look=False)[0].granted == 100
    gone.close()
    marks.close(remove=True)
    errand = Errand(tmp_path, "n", boot_id())
    [answer] = errand.visit([ask._replace(need=0, wish=0)], look=False)
    assert (answer.left, answer.spent) == (LIMIT - 100, 100)
    errand.close()


@pytest.fixture
def budget_race(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    import budget_race

    yield budget_race
    sys.modules.pop("budget_race")


def test_a_race_of_64_coroutines_in_8_processes_overspends_nothing(budget_race) -> None:
    """At the first refusal less than one reservation a worker is unspent, and in the end 97 % and more is used."""
    workers = 8
    found = budget_race.race(100 * budget_race.WORST, workers, 64)
    assert found["overspend_usd"] == 0
    assert found["unspent_usd"] <= workers * budget_race.WORST / budget_race.USD
    assert found["used_share"] >= 0.97


def test_a_killed_holder_overspends_nothing_and_its_money_is_used(budget_race) -> None:
    """Of a dead worker only what it had in flight counts as spent; the others use the rest."""
    workers, coroutines, kills = 3, 8, 3
    limit = 500 * budget_race.WORST
    found = budget_race.race(limit, workers, coroutines, kills)
    in_flight = found["kills"] * coroutines * budget_race.WORST
    assert found["kills"] > 0
    assert found["overspend_usd"] == 0
    assert found["used_share"] >= 1 - (in_flight + workers * budget_race.WORST) / limit
