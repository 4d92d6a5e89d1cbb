"""The keeper of one worker's allowances, with real files, real processes and real kills."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from breakeven.gateway.allowance import store as store_module
from breakeven.gateway.allowance.errand import FILE, FOLDER
from breakeven.gateway.allowance.keeper import GRACE_S, Keeper
from breakeven.gateway.decision.purse import Purse
from breakeven.schema.policy import Budget, Period, Policy, Quota, Tenant

NOW = 1_700_000_000.0
LIMIT = 1000
Test = Callable[..., Coroutine[Any, Any, None]]


def policy(limit: int = LIMIT, period: Period = "day", *, quota: Quota | None = None, names: str = "b") -> Policy:
    budgets = tuple(Budget(name=name, limit_pico_usd=limit, period=period) for name in names)
    tenants = (Tenant(name="t", quota=quota),) if quota else ()
    return Policy(id="p", use_cases=(), deployments=(), backends=(), budgets=budgets, tenants=tenants)


def run(folder: Path, test: Test, *, keepers: int = 1, obeyed: Policy | None = None) -> None:
    """Run a test on as many workers of one folder, closed in the end."""

    async def main() -> None:
        team = [Keeper(folder, f"n{number}-{os.urandom(3).hex()}") for number in range(keepers)]
        for keeper in team:
            keeper.adopt(obeyed or policy())
        try:
            await asyncio.wait_for(test(*team), 30)
        finally:
            for keeper in team:
                await keeper.close()

    asyncio.run(main())


def purse_of(keeper: Keeper, time_s: float = NOW) -> Purse:
    return keeper.purses("t", "u", time_s)[-1]


async def told(keeper: Keeper, time_s: float = NOW) -> None:
    """Let a keeper tell all it has, and wait until it is told."""
    keeper._look_at = 0.0
    for account in keeper._accounts.values():
        account.look_at = 0.0
    keeper.tick(time_s)
    await settled(keeper)


async def settled(keeper: Keeper) -> None:
    await asyncio.sleep(0)
    while keeper._visits._flight or keeper._visits._soon:  # noqa: ASYNC110 - it has no event for tests
        await asyncio.sleep(0.001)


def leases(folder: Path) -> list[tuple[int, int]]:
    with sqlite3.connect(folder / FILE) as sql:
        found = sql.execute("SELECT granted, spent FROM leases").fetchall()
    sql.close()
    return found


def test_a_request_reserves_and_settles_and_the_rest_comes_back(tmp_path) -> None:
    """After closing nothing is leased, no marks are left, and the next start knows what was spent."""

    async def first(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 100)
        purse.settle(100, 40)
        assert keeper.remaining(purse.allowance) <= LIMIT - 40

    async def later(keeper: Keeper) -> None:
        await told(keeper)
        [budget] = keeper.budgets()
        assert keeper.remaining(budget) == LIMIT - 40
        assert keeper.spent(budget) == 40

    run(tmp_path, first)
    assert leases(tmp_path) == []
    assert list((tmp_path / FOLDER).glob("*.marks")) == []
    run(tmp_path, later)


def test_lease_means_that_reserve_succeeds_at_once(tmp_path) -> None:
    """Between the answer and the caller nobody else runs; concurrent callers all get theirs in few visits."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)

        async def one() -> None:
            assert await keeper.lease(purse, 10)
            assert purse.reserve(10)

        await asyncio.gather(*(one() for _ in range(100)))
        assert (purse.reserved, purse.free) == (LIMIT, 0)
        assert keeper.operations <= 3
        assert not await keeper.lease(purse, 1)

    run(tmp_path, test)


def test_more_is_leased_ahead_while_requests_go_on(tmp_path) -> None:
    """A purse under half a chunk is filled without anybody waiting."""

    async def test(keeper: Keeper) -> None:
        purse_of(keeper)
        await settled(keeper)
        purse = purse_of(keeper)
        assert purse.free == LIMIT * 0.025 // 1
        assert purse.reserve(purse.free - 2)
        assert purse_of(keeper) is purse
        await settled(keeper)
        assert purse.free > LIMIT * 0.025 // 1

    run(tmp_path, test)


def test_at_the_edge_a_request_waits_for_what_another_settles(tmp_path) -> None:
    """In the same worker and in another one; with no patience it is refused."""

    async def test(one: Keeper, two: Keeper) -> None:
        first, second = purse_of(one), purse_of(two)
        assert await one.reserve(first, 600)
        assert await two.reserve(second, 400, 20)
        assert not await two.reserve(second, 300)
        here = asyncio.create_task(one.reserve(first, 250, 20))
        there = asyncio.create_task(two.reserve(second, 250, 20))
        await asyncio.sleep(0.05)
        assert not here.done()
        assert not there.done()
        first.settle(600, 10)
        assert await here
        assert await there
        assert first.worst + second.worst == 910

    run(tmp_path, test, keepers=2)


def test_idle_money_of_another_worker_is_called_back(tmp_path) -> None:
    """Each holds a chunk that it does not use; one request can still have nearly everything."""

    async def test(*team: Keeper) -> None:
        for keeper in team:
            purse_of(keeper)
            await settled(keeper)
        purse = purse_of(team[0])
        assert all(purse_of(keeper).free > 0 for keeper in team[1:])
        assert await team[0].reserve(purse, LIMIT, 20)
        assert [purse_of(keeper).free for keeper in team[1:]] == [0, 0]

    run(tmp_path, test, keepers=3)


def test_patience_does_not_help_what_cannot_come_back(tmp_path) -> None:
    """Spent is spent: the refusal comes at once, not after the patience, and says when to ask again."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 990)
        purse.settle(990, 990)
        assert not await keeper.reserve(purse, 11, 3600)
        operations = keeper.operations
        assert not await keeper.reserve(purse, 11, 3600)
        assert keeper.operations == operations
        assert keeper.retry_after_s(purse, 11, NOW) == 86400 - NOW % 86400
        assert keeper.retry_after_s(purse, LIMIT + 1, NOW) == inf
        assert await keeper.reserve(purse, 10)

    run(tmp_path, test)


def test_a_caller_that_leaves_keeps_nothing_reserved(tmp_path) -> None:
    """Cancelled while waiting, and cancelled in the very moment of being served."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, LIMIT)
        waiting = asyncio.create_task(keeper.reserve(purse, 10, 20))
        await asyncio.sleep(0.03)
        waiting.cancel()
        served = asyncio.create_task(keeper.reserve(purse, 20, 20))
        await asyncio.sleep(0.03)
        purse.settle(LIMIT, 0)
        [account] = keeper._accounts.values()
        account.serve(0.0)
        assert purse.reserved == 20
        served.cancel()
        await asyncio.wait([waiting, served])
        assert waiting.cancelled()
        assert served.cancelled()
        assert purse.reserved == 0

    run(tmp_path, test)


def test_a_period_ends_and_its_late_requests_are_charged_to_it(tmp_path) -> None:
    """The next hour has its own purse and whole limit; what began before settles where it began; then it is gone."""

    async def test(keeper: Keeper) -> None:
        before = purse_of(keeper)
        assert await keeper.reserve(before, 900)
        after = purse_of(keeper, NOW + 3600)
        assert after is not before
        assert await keeper.reserve(after, LIMIT)
        assert await keeper.reserve(before, 50)
        await told(keeper, NOW + 3600 + GRACE_S)
        before.settle(900, 800)
        before.settle(50, 0)
        await told(keeper, NOW + 3600 + GRACE_S)
        await told(keeper, NOW + 3600 + GRACE_S)
        assert leases(tmp_path) == [(LIMIT, 0)]
        assert not await keeper.reserve(before, 1)
        again = purse_of(keeper)
        assert again is not before
        before.settle(0, 77)  # a straggler's purse is no longer where another may be now
        assert again.worst == 0
        assert not await keeper.reserve(again, LIMIT - 800 + 1)
        assert await keeper.reserve(again, LIMIT - 800)

    run(tmp_path, test, obeyed=policy(period="hour"))


def test_a_lowered_limit_refuses_at_once_and_what_was_spent_stays(tmp_path) -> None:
    """Raised again, only the difference can be used; removed, it binds nobody; back, it remembers."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 500)
        purse.settle(500, 500)
        await told(keeper)
        keeper.adopt(policy(400))
        assert purse_of(keeper) is purse
        assert not purse.reserve(1)
        assert not await keeper.reserve(purse, 1, 3600)
        keeper.adopt(policy(600))
        assert await keeper.reserve(purse_of(keeper), 100)
        assert not await keeper.reserve(purse, 1)
        purse.settle(100, 100)
        keeper.adopt(policy(names=""))
        assert keeper.purses("t", "u", NOW) == ()
        await told(keeper, NOW + GRACE_S)
        await told(keeper, NOW + GRACE_S)
        assert leases(tmp_path) == []
        keeper.adopt(policy(700))
        assert await keeper.reserve(purse_of(keeper), 100)
        assert not await keeper.reserve(purse_of(keeper), 1)

    run(tmp_path, test)


def test_money_leased_by_the_old_limit_is_not_used_under_the_new(tmp_path) -> None:
    """The policy changes while the store is asked."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        asked = keeper.ask(purse, LIMIT, 20)
        await asyncio.sleep(0)
        assert keeper._visits._flight
        keeper.adopt(policy(10))
        assert not await asked
        assert not await keeper.reserve(purse, 11)
        assert await keeper.reserve(purse, 10)

    run(tmp_path, test)


def test_after_a_failed_visit_the_store_is_told_again(tmp_path) -> None:
    """Whether the commit went through is unknown: the lease is corrected without anybody asking for money."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 100)
        await told(keeper)
        [account] = keeper._accounts.values()
        with sqlite3.connect(tmp_path / FILE) as sql:
            sql.execute("UPDATE leases SET granted = granted + 500")
        sql.close()
        assert not account.untold
        account.doubt()
        assert account.untold
        await told(keeper)
        assert leases(tmp_path) == [(purse.granted, 0)]

    run(tmp_path, test)


def test_an_alert_is_told_once_among_all_workers(tmp_path) -> None:
    """Also after a restart in the same period."""
    raised: list[tuple[str, float]] = []

    async def test(*team: Keeper) -> None:
        for keeper in team:
            purse = purse_of(keeper)
            assert await keeper.reserve(purse, 350, 10)
            purse.settle(350, 350)
            await told(keeper)
        for keeper in team:
            await told(keeper)
            raised.extend((one.name, share) for one, share in keeper.alerts())

    run(tmp_path, test, keepers=2)
    assert raised == []
    run(tmp_path, test, obeyed=policy(1200))
    assert raised == [("b", 0.8)]


def test_quotas_are_enforced_beside_the_budget(tmp_path) -> None:
    """A burst of requests, their number a day; a refusal tells the time that the bucket needs."""

    async def test(keeper: Keeper) -> None:
        rate, day, _ = keeper.purses("t", "u", NOW)
        for _ in range(10):
            assert await keeper.reserve(rate, 1)
            rate.settle(1, 1)
        assert not await keeper.reserve(rate, 1)
        assert 0 < keeper.retry_after_s(rate, 1, NOW) <= 1 / 0.01
        assert keeper.retry_after_s(rate, 11, NOW) == inf
        for _ in range(3):
            assert await keeper.reserve(day, 1)
        assert not await keeper.reserve(day, 1)

    run(tmp_path, test, obeyed=policy(quota=Quota(requests_per_s=0.01, burst_s=1000, requests_per_day=3)))


def test_patience_waits_for_the_refill_of_a_bucket(tmp_path) -> None:
    """Each request takes its token as it comes."""

    async def test(keeper: Keeper) -> None:
        rate, _ = keeper.purses("t", "u", NOW)
        assert await asyncio.gather(*(keeper.reserve(rate, 1, 20) for _ in range(4))) == [True] * 4
        assert rate.reserved == 4

    run(tmp_path, test, obeyed=policy(quota=Quota(requests_per_s=50, burst_s=0.02)))


def test_an_unused_rate_lease_comes_back(tmp_path) -> None:
    """Where other workers hold leases too, a second without use is enough; alone it is kept."""

    async def test(one: Keeper, two: Keeper) -> None:
        for keeper in (one, two):
            keeper.purses("t", "u", NOW)
            await settled(keeper)
        rate = one.purses("t", "u", NOW)[0]
        await told(one)
        assert rate.free > 0
        [account] = [account for account in one._accounts.values() if account.purse is rate]
        account.others, account._changed_at = 1, -inf
        await told(one)
        assert rate.free == 0

    run(tmp_path, test, keepers=2, obeyed=policy(quota=Quota(requests_per_s=1000)))


HOLDER = """
import asyncio, sys
from pathlib import Path
from breakeven.gateway.allowance.keeper import Keeper
from breakeven.schema.policy import Budget, Policy

async def main():
    keeper = Keeper(Path(sys.argv[1]), "holder")
    keeper.adopt(Policy(id="p", use_cases=(), deployments=(), backends=(),
                        budgets=(Budget(name="b", limit_pico_usd=1000),)))
    [purse] = keeper.purses("t", "u", 1_700_000_000.0)
    assert await keeper.reserve(purse, 500)
    purse.settle(500, 120)
    assert purse.reserve(30)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def killed_holder(folder: Path) -> None:
    """A worker that leased 500 and more, spent 120 and has 30 in flight, and is gone without a word."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        holder.send_signal(signal.SIGKILL)


def test_what_a_killed_worker_had_left_can_be_used_at_once(tmp_path) -> None:
    """Less what it had in flight, which the provider may have charged; by a worker that never saw it alive."""
    killed_holder(tmp_path)

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert not await keeper.reserve(purse, LIMIT - 150 + 1)
        assert await keeper.reserve(purse, LIMIT - 150)

    run(tmp_path, test)
    assert list((tmp_path / FOLDER).glob("*.marks")) == []


def test_a_living_worker_takes_over_from_one_that_dies_beside_it(tmp_path) -> None:
    """Its tick finds the dead; nobody need ask in vain first."""

    async def test(keeper: Keeper) -> None:
        await told(keeper)
        await asyncio.to_thread(killed_holder, tmp_path)
        await asyncio.sleep(0.06)
        await told(keeper)
        await told(keeper)
        [budget] = keeper.budgets()
        assert keeper.remaining(budget) == LIMIT - 150

    run(tmp_path, test)


def test_who_asks_in_vain_looks_for_the_dead(tmp_path) -> None:
    """Not only the tick does: the request is served that would have been refused."""

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 1)
        await asyncio.to_thread(killed_holder, tmp_path)
        await asyncio.sleep(0.06)
        assert await keeper.reserve(purse, LIMIT - 151)

    run(tmp_path, test)


def test_after_a_reboot_all_that_was_leased_counts_as_spent(tmp_path) -> None:
    """The marks were in memory that the reboot may have lost."""
    killed_holder(tmp_path)
    [marks] = (tmp_path / FOLDER).glob("*.marks")
    content = marks.read_bytes()
    marks.write_bytes(content[:8] + b"another-boot".ljust(56, b"\0") + content[64:])
    [(granted, _)] = leases(tmp_path)
    assert granted >= 500

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert not await keeper.reserve(purse, LIMIT - granted + 1)
        assert await keeper.reserve(purse, LIMIT - granted)

    run(tmp_path, test)


def test_a_spoilt_file_is_told_and_nobody_gets_an_exception(tmp_path, caplog) -> None:
    """Unhealthy, so that the tier decides; told once; well again when the file is."""
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        with caplog.at_level(logging.ERROR):
            assert not await keeper.reserve(purse, 1, 3600)
            assert not keeper.healthy
            for _ in range(3):
                await told(keeper)
                assert not await keeper.reserve(purse, 1, 3600)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        purse.settle(0, 7)
        (tmp_path / FILE).unlink()
        await told(keeper)
        assert keeper.healthy
        await told(keeper)
        assert keeper.spent(purse.allowance) == 7
        assert await keeper.reserve(purse, LIMIT - 7)

    run(tmp_path, test)


def test_a_file_that_others_hold_is_unhealthy_until_they_let_go(tmp_path, monkeypatch) -> None:
    """What was leased before is still reserved; the wait is bounded; nothing is lost by it."""
    monkeypatch.setattr(store_module, "BUSY_S", 0.02)

    async def test(keeper: Keeper) -> None:
        purse = purse_of(keeper)
        assert await keeper.reserve(purse, 100)
        free = purse.free
        assert free > 0
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        assert await keeper.reserve(purse, free)
        assert not await keeper.reserve(purse, 100)
        assert not keeper.healthy
        other.execute("ROLLBACK")
        other.close()
        await told(keeper)
        assert keeper.healthy
        assert await keeper.reserve(purse, LIMIT - 100 - free)

    run(tmp_path, test)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_read_only_folder_is_unhealthy() -> None:
    """From the start, and when it becomes so; never an exception."""
    nobody = 65534
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)

        async def test(keeper: Keeper) -> None:
            purse = purse_of(keeper)
            assert not await keeper.reserve(purse, 100, 3600)
            assert not keeper.healthy
            await told(keeper) if keeper._visits else keeper.tick(NOW)
            assert not keeper.healthy

        os.seteuid(nobody)
        try:
            run(folder, test)
            os.seteuid(0)
            run(folder, told)
            (folder / FOLDER).chmod(0o777)
            os.seteuid(nobody)
            run(folder, test)
        finally:
            os.seteuid(0)


def test_a_folder_that_cannot_be_made_is_unhealthy_until_it_can(tmp_path) -> None:
    """Money spent meanwhile is told later."""
    (tmp_path / FOLDER).write_text("in the way")

    async def test(keeper: Keeper) -> None:
        assert not keeper.healthy
        purse = purse_of(keeper)
        assert not await keeper.reserve(purse, 1, 3600)
        purse.settle(0, 5)
        (tmp_path / FOLDER).unlink()
        keeper.tick(NOW)
        assert keeper.healthy
        await told(keeper)
        assert keeper.spent(purse.allowance) == 5
        assert await keeper.reserve(purse, LIMIT - 5)

    run(tmp_path, test)


def test_a_policy_without_allowances_touches_no_file(tmp_path) -> None:
    """Nothing is opened or made for those who need nothing."""

    async def test(keeper: Keeper) -> None:
        keeper.tick(NOW)
        assert keeper.purses("t", "u", NOW) == ()
        assert keeper.healthy
        assert list(keeper.alerts()) == []

    run(tmp_path, test, obeyed=policy(names=""))
    assert list(tmp_path.iterdir()) == []
