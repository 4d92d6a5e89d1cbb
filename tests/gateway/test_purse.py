"""Purses and the table of allowances: money is neither made nor lost, wherever the process is killed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from breakeven.errors import PolicyError
from breakeven.gateway.decision.allowance import MOST, Allowance, allowances, period_bounds
from breakeven.gateway.decision.purse import Purse, heap_cells, reserve_each
from breakeven.schema.policy import Budget, Policy, Quota, Tenant

MONEY = Allowance(name="b", kind="money", key="money/day/b", limit=1000, period="day")
RATE = Allowance(name="r", kind="tokens_rate", key="tokens_rate//r", rate_per_s=10, burst=100)
amounts = st.integers(0, 1000)


def purse_of(granted: int, allowance: Allowance = MONEY) -> Purse:
    purse = Purse(allowance, heap_cells())
    purse.grant(granted)
    return purse


def policy(*budgets: Budget, tenants: tuple[Tenant, ...] = ()) -> Policy:
    return Policy(id="p", use_cases=(), deployments=(), backends=(), budgets=budgets, tenants=tenants)


class Reservations(RuleBasedStateMachine):
    """Against a plain list of reservations: granted = free + reserved + spent, and free is never overdrawn."""

    def __init__(self) -> None:
        super().__init__()
        self.purse = purse_of(0)
        self.granted = self.spent = 0
        self.open: list[int] = []

    @rule(amount=amounts)
    def grant(self, amount: int) -> None:
        self.purse.grant(amount)
        self.granted += amount

    @rule()
    def empty(self) -> None:
        self.granted -= self.purse.empty()
        assert self.purse.free <= 0

    @rule(amount=amounts)
    def reserve(self, amount: int) -> None:
        enough = self.granted - sum(self.open) - self.spent >= amount
        assert self.purse.reserve(amount) == enough
        if enough:
            self.open.append(amount)

    @rule(data=st.data(), excess=st.integers(-1000, 10))
    def settle(self, data: st.DataObject, excess: int) -> None:
        if self.open:
            reserved = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            actual = max(0, reserved + excess)
            self.purse.settle(reserved, actual)
            self.spent += actual

    @rule()
    def release(self) -> None:
        if self.open:
            self.purse.release(self.open.pop())

    @invariant()
    def the_sums_agree(self) -> None:
        assert (self.purse.granted, self.purse.reserved, self.purse.spent) == (
            self.granted, sum(self.open), self.spent,
        )  # fmt: skip
        assert self.purse.free == self.granted - sum(self.open) - self.spent
        assert self.purse.worst == sum(self.open) + self.spent
        assert self.purse.overspent == max(0, -self.purse.free)


TestReservations = Reservations.TestCase


class KilledError(Exception):
    pass


class MortalCells(list[int]):
    """The process dies instead of the write after `left` more."""

    left = 99

    def __setitem__(self, index: int, value: int) -> None:  # type: ignore[override]
        if not self.left:
            raise KilledError
        self.left -= 1
        super().__setitem__(index, value)


@given(st.sampled_from([MONEY, RATE]), amounts, amounts, amounts, amounts, st.integers(0, 3), st.data())
def test_a_kill_between_two_writes_makes_no_money(allowance, granted, before, spent, actual, writes, data) -> None:
    """Whichever write was the last: what looks free is at most what was or will be, and `worst` covers what is used."""
    cells = MortalCells((granted, before, spent))
    purse = Purse(allowance, cells)
    kind = data.draw(st.sampled_from(["reserve", "settle", "release", "empty"]))
    amount = data.draw(st.integers(0, before))

    def go(one: Purse) -> None:
        if kind == "settle":
            one.settle(amount, actual)
        elif kind == "empty":
            one.empty()
        else:
            getattr(one, kind)(amount)

    whole = Purse(allowance, heap_cells())
    Purse(allowance, MortalCells(cells)).move(whole._cells)
    old_free, old_worst = whole.free, whole.worst
    go(whole)
    cells.left = writes
    try:
        go(purse)
    except KilledError:
        assert purse.free <= max(old_free, whole.free)
        assert purse.worst >= min(old_worst, whole.worst)
        if kind == "settle" and (writes or actual <= amount):  # an excess is unknown before its first write
            assert purse.free <= whole.free
            assert purse.worst >= whole.worst
    else:
        assert (purse.free, purse.worst) == (whole.free, whole.worst)


@given(amounts, amounts, amounts)
def test_moving_to_other_cells_changes_nothing_and_a_kill_on_the_way_frees_nothing(granted, reserved, spent) -> None:
    """The new cells show less that is free until they show all."""
    for writes in range(4):
        target = MortalCells((0, 0, 0))
        target.left = writes
        purse = Purse(MONEY, MortalCells((granted, reserved, spent)))
        free, worst = purse.free, purse.worst
        try:
            purse.move(target)
        except KilledError:
            assert Purse(MONEY, MortalCells(target)).free <= max(0, free)
        else:
            assert list(target) == [granted, reserved, spent]
        assert (purse.free, purse.worst) == (free, worst)


def test_what_is_spent_beyond_the_reservation_is_spent_all_the_same() -> None:
    """A provider that used more than was reserved takes the purse below zero, and nothing more is reserved."""
    purse = purse_of(100)
    assert purse.reserve(100)
    purse.settle(100, 130)
    assert (purse.free, purse.spent, purse.overspent) == (-30, 130, 30)
    assert not purse.reserve(0)


def test_what_a_rate_did_not_use_leaves_the_purse() -> None:
    """It goes back into the bucket, which caps it: else a worker could save up more than the burst."""
    purse = purse_of(100, RATE)
    assert purse.reserve(100)
    purse.settle(100, 30)
    assert (purse.free, purse.granted, purse.spent) == (0, 30, 30)


@pytest.mark.parametrize("wrong", [(-1, 0), (0, -1), (11, 0)])
def test_what_cannot_be_settled_is_refused_and_changes_nothing(wrong) -> None:
    """Negative amounts and more than is reserved would make money."""
    purse = purse_of(100)
    purse.reserve(10)
    with pytest.raises(ValueError, match="10 is reserved"):
        purse.settle(*wrong)
    with pytest.raises(ValueError, match="negative"):
        purse.reserve(-1)
    with pytest.raises(ValueError, match="10 is reserved"):
        purse.release(11)
    assert (purse.granted, purse.reserved, purse.spent) == (100, 10, 0)


def test_a_sum_beyond_64_bits_stays_the_largest() -> None:
    """An absurd cost exhausts the purse; it does not wrap around or raise."""
    purse = purse_of(100)
    purse.settle(0, MOST)
    purse.settle(0, MOST)
    assert purse.spent == MOST
    assert not purse.reserve(1)


@given(st.lists(st.tuples(amounts, amounts), max_size=6))
def test_all_purses_or_none(pairs) -> None:
    """A request reserves in each of its purses, or in none and learns which lacked."""
    purses = [(purse_of(granted), wanted) for granted, wanted in pairs]
    lacking = reserve_each(purses)
    first = next((place for place, (granted, wanted) in enumerate(pairs) if granted < wanted), -1)
    assert lacking == first
    assert [purse.reserved for purse, _ in purses] == [wanted if first < 0 else 0 for _, wanted in pairs]


TENANTS, USE_CASES = ("a", "b"), ("u", "v")
scopes = st.tuples(st.sampled_from(("", *TENANTS)), st.sampled_from(("", *USE_CASES)))


@given(st.lists(scopes, max_size=12), st.sampled_from(TENANTS), st.sampled_from(USE_CASES))
def test_a_budget_covers_what_it_names(scoped, tenant, use_case) -> None:
    """An empty name covers everything, another only itself."""
    budgets = [
        Budget(name=str(number), limit_pico_usd=1, tenant=one, use_case=other)
        for number, (one, other) in enumerate(scoped)
    ]
    table = allowances(policy(*budgets))
    wanted = {one.name for one in budgets if one.tenant in ("", tenant) and one.use_case in ("", use_case)}
    found = table.of(tenant, use_case)
    assert {one.name for one in found} == wanted
    assert table.of(tenant, use_case) is found


def test_a_quota_is_up_to_three_allowances_of_its_tenant_alone() -> None:
    """Rates come first, then the day, then money; 0 is no bound; a bucket holds one at least, tokens of a minute."""
    quota = Quota(requests_per_s=0.1, tokens_per_min=6000, requests_per_day=5)
    table = allowances(
        policy(Budget(name="b", limit_pico_usd=7), tenants=(Tenant(name="a", quota=quota), Tenant(name="b")))
    )
    found = table.of("a", "u")
    assert [(one.kind, one.limit, one.rate_per_s, one.burst, one.most) for one in found] == [
        ("requests_rate", 0, 0.1, 1, 1),
        ("tokens_rate", 0, 100.0, 6000, 6000),
        ("requests_per_day", 5, 0.0, 0, 5),
        ("money", 7, 0.0, 0, 7),
    ]
    assert [one.kind for one in table.of("b", "u")] == ["money"]


def test_what_cannot_be_kept_apart_or_counted_is_refused() -> None:
    """Two budgets of one name would share their money; a limit beyond 64 bits cannot be counted."""
    with pytest.raises(PolicyError, match="two allowances"):
        allowances(policy(Budget(name="b", limit_pico_usd=1), Budget(name="b", limit_pico_usd=2)))
    with pytest.raises(PolicyError, match="9223372036854775807"):
        allowances(policy(Budget(name="b", limit_pico_usd=MOST + 1)))


@given(st.sampled_from(["hour", "day", "month"]), st.floats(0, 4e9))
def test_periods_follow_one_another(period, time_s) -> None:
    """Every instant lies in exactly one period, whose end is the start of the next; bounds are whole in UTC."""
    start, end = period_bounds(period, time_s)
    assert start <= time_s < end
    assert period_bounds(period, time_s)[0] == start
    assert period_bounds(period, end)[0] == end
    assert period_bounds(period, start) == (start, end)
    instant = datetime.fromtimestamp(start, UTC)
    assert (instant.minute, instant.second) == (0, 0)
    assert period == "hour" or instant.hour == 0
    assert period != "month" or instant.day == 1
    assert period_bounds("total", time_s)[0] == 0
