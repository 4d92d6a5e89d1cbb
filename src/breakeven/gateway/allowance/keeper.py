"""The allowances of one worker: purses to reserve from, filled from the store and emptied into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from logging import getLogger
from math import inf
from pathlib import Path
from typing import NamedTuple

from breakeven.gateway.allowance.account import Account, Waiter
from breakeven.gateway.allowance.bell import Bell
from breakeven.gateway.allowance.errand import FOLDER, Errand
from breakeven.gateway.allowance.marks import NO_SLOT, Marks, boot_id
from breakeven.gateway.allowance.visits import Visits
from breakeven.gateway.decision.allowance import Allowance, Table, allowances, period_bounds
from breakeven.gateway.decision.purse import Purse, heap_cells
from breakeven.schema.policy import Policy

_log = getLogger("breakeven.gateway")
LOOK_S = 1.0
"""How often what was spent is told, the idle is given back, and the dead are looked for."""
GRACE_S = 60.0
"""After its period a purse stays, for requests that began inside it."""
IDLE_S, IDLE_RATE_S = 10.0, 1.0
"""A purse that nobody used for so long is given back, where other workers hold leases too."""


class Touched(NamedTuple):
    """What requests of one tenant and use case touch, between two instants of wall time."""

    start: float
    until: float
    accounts: tuple[Account, ...]
    purses: tuple[Purse, ...]


class Keeper:
    """Made inside a running event loop, before the first `adopt`. Nothing it does raises because of the disk.

    Args:
        data_dir: holds `allowances.db` and the folder `allowances`.
        node: this process's node id; never used twice.
    """

    def __init__(self, data_dir: Path, node: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._data_dir, self._node, self._boot = data_dir, node, boot_id()
        self._errand = Errand(data_dir, node, self._boot)
        self._table = Table([])
        self._accounts: dict[tuple[str, float], Account] = {}
        self._of_purse: dict[Purse, Account] = {}
        self._latest: dict[str, Account] = {}
        self._touched: dict[tuple[str, str], Touched] = {}
        self._marks: Marks | None = None
        self._visits: Visits | None = None
        self._bell: Bell | None = None
        self._failed = self._closed = False
        self._time_s = 0.0
        self._look_at = 0.0

    @property
    def healthy(self) -> bool:
        """False while the store cannot be used: what was leased before can be reserved, nothing more is leased."""
        return not self._failed and (self._visits is None or self._visits.healthy)

    @property
    def operations(self) -> int:
        """Transactions of the store so far, those of asking for more and of telling what was spent."""
        return self._errand.operations

    def adopt(self, policy: Policy) -> None:
        """Obey a policy from now on: limits change, what was spent stays, removed allowances end.

        Raises:
            PolicyError: two allowances have one name, or a limit is larger than can be counted.
        """
        self._table = allowances(policy)
        self._touched.clear()
        self._look_at = 0.0
        if self._table.every and self._visits is None:
            self._open()
        for account in self._accounts.values():
            new = self._table.every.get(account.allowance.key)
            if new is None:
                account.until = min(account.until, self._time_s)
            elif new != account.allowance:
                account.change(new)
                self._want(account)

    def purses(self, tenant: str, use_case: str, time_s: float) -> tuple[Purse, ...]:
        """The purses that a request at an instant (Unix seconds) touches; those that run low are filled meanwhile."""
        touched = self._touched.get((tenant, use_case))
        if touched is None or not touched.start <= time_s < touched.until:
            touched = self._touch(tenant, use_case, time_s)
        for account in touched.accounts:
            if account.low and account.purse.free < account.low and not account.flying:
                self._want(account)
        return touched.purses

    async def reserve(self, purse: Purse, amount: int, patience_s: float = 0.0) -> bool:
        """Reserve, after leasing more where too little is free; wait so long for what others may give back.

        False: there is too little, or the store cannot be used (`healthy`). A cancelled caller has nothing reserved.
        """
        if purse.reserve(amount):
            return True
        asked = self.ask(purse, amount, patience_s)
        try:
            return await asked
        except asyncio.CancelledError:
            if not asked.cancelled() and asked.result():
                purse.release(amount)
            raise

    async def lease(self, purse: Purse, amount: int, patience_s: float = 0.0) -> bool:
        """As `reserve`, but nothing stays reserved: True means that `purse.reserve(amount)` succeeds now, at once."""
        found = await self.reserve(purse, amount, patience_s)
        if found:
            purse.release(amount)
        return found

    def ask(self, purse: Purse, amount: int, patience_s: float = 0.0) -> asyncio.Future[bool]:
        """The same as a future; where it is True the amount is reserved, and whoever abandons it must release it."""
        future: asyncio.Future[bool] = self._loop.create_future()
        account, now = self._of_purse.get(purse), self._loop.time()
        if purse.reserve(amount):
            future.set_result(True)
        elif account is None or self._in_vain(account, amount, now + patience_s):
            future.set_result(False)
        else:
            account.waiters.append(Waiter(amount, now + patience_s, future))
            if self._visits is not None:
                self._visits.wait(account, amount)
        return future

    def tick(self, time_s: float) -> None:
        """Tell, give back, end periods, look for the dead; call it a few times a second with Unix seconds."""
        self._time_s = time_s
        if self._closed or not (self._table.every or self._accounts):
            return
        if self._visits is None:
            self._open()
            return
        now = self._loop.time()
        self._visits.check()
        if now >= self._look_at or not self._visits.healthy:
            self._look_at = now + LOOK_S
            self._open_budgets(time_s)
            self._visits.look = True
            self._visits.depart_soon()
        for account in list(self._accounts.values()):
            if now >= account.look_at:
                account.look_at = now + LOOK_S
                self._look_after(self._visits, account, time_s, now)

    def remaining(self, allowance: Allowance) -> int:
        """What this worker has free and nobody has leased, as far as is known here; never negative."""
        account = self._latest.get(allowance.key)
        return allowance.most if account is None else max(0, account.left) + max(0, account.purse.free)

    def spent(self, allowance: Allowance) -> int:
        """What all workers have spent in the period, as far as is known here; 0 for rates."""
        account = self._latest.get(allowance.key)
        return 0 if account is None else account.spent

    def budgets(self) -> tuple[Allowance, ...]:
        """The allowances of money in force, for metrics."""
        return tuple(one for one in self._table.every.values() if one.kind == "money")

    def retry_after_s(self, purse: Purse, amount: int, time_s: float) -> float:
        """When an amount that was refused may be there: the bucket's refill or the next period; inf is never."""
        account, allowance = self._of_purse.get(purse), purse.allowance
        if account is None or amount > allowance.most:
            return inf
        if allowance.rate_per_s:
            return max(0, amount - self.remaining(allowance)) / allowance.rate_per_s
        return max(0.0, account.until - time_s)

    def alerts(self) -> Iterator[tuple[Allowance, float]]:
        """The shares of limits crossed since the last call; each once a period, by one of the workers."""
        while self._visits is not None and self._visits.raised:
            yield self._visits.raised.popleft()

    async def close(self) -> None:
        """Give back everything unspent. What is still reserved counts as spent."""
        self._closed = True
        done = self._visits is None or await self._visits.close(list(self._accounts.values()))
        for account in self._accounts.values():
            account.purse.move(heap_cells())
        if self._marks is not None:
            self._marks.close(remove=done)
        if self._bell is not None:
            self._bell.close()
        self._marks = self._bell = None

    def _open(self) -> None:
        try:
            self._marks = self._marks or Marks(self._data_dir / FOLDER, self._node, self._boot)
            self._bell = self._bell or Bell(self._data_dir / FOLDER / "bell")
        except OSError as error:
            if not self._failed:
                _log.error("allowances: %s cannot be used: %s; nothing is leased until it can", self._data_dir, error)
            self._failed = True
            return
        self._failed = False
        self._visits = Visits(self._errand, self._bell, self._accounts.values, self._ended)
        for account in self._accounts.values():
            account.slot = self._move_to_marks(account.purse, self._marks)

    def _touch(self, tenant: str, use_case: str, time_s: float) -> Touched:
        accounts = tuple(self._account(one, time_s) for one in self._table.of(tenant, use_case))
        start = max((account.start for account in accounts), default=-inf)
        until = min((account.until for account in accounts), default=inf)
        touched = Touched(start, until, accounts, tuple(account.purse for account in accounts))
        self._touched[tenant, use_case] = touched
        return touched

    def _account(self, allowance: Allowance, time_s: float) -> Account:
        start, until = period_bounds(allowance.period, time_s)
        found = self._accounts.get((allowance.key, start))
        if found is None:
            purse = Purse(allowance, heap_cells())
            slot = NO_SLOT if self._marks is None else self._move_to_marks(purse, self._marks)
            found = self._accounts[allowance.key, start] = Account(purse, slot, start, until)
            self._of_purse[purse] = found
        found.until = until
        self._latest[allowance.key] = found
        return found

    @staticmethod
    def _move_to_marks(purse: Purse, marks: Marks) -> int:
        slot, cells = marks.take()
        if cells is not None:
            purse.move(cells)
        return slot

    def _want(self, account: Account) -> None:
        if self._visits is not None and not self._closed:
            self._visits.want(account)

    def _in_vain(self, account: Account, amount: int, deadline: float) -> bool:
        if self._closed or self._visits is None or not self._visits.healthy or account.hopeless(amount):
            return True
        return amount > account.left and deadline < account.next_at

    def _look_after(self, visits: Visits, account: Account, time_s: float, now: float) -> None:
        over = not account.start - GRACE_S <= time_s < account.until + GRACE_S
        if over and not account.waiters and not account.purse.reserved:
            visits.want(account, end=True)
            return
        idle_s = IDLE_RATE_S if account.allowance.rate_per_s else IDLE_S
        unused = account.idle_s(now) >= idle_s and account.others > 0
        if account.purse.free > 0 and (unused or over):
            account.giving = True
        if account.giving or account.untold or account.allowance.kind == "money":  # of money all workers show the sum
            visits.want(account)

    def _open_budgets(self, time_s: float) -> None:
        for allowance in self.budgets():
            self._account(allowance, time_s)

    def _ended(self, account: Account) -> None:
        """What is still written to the purse of an ended lease must not reach the next that takes its slot."""
        account.purse.move(heap_cells())
        if self._marks is not None:
            self._marks.give(account.slot)
        self._accounts.pop((account.allowance.key, account.start), None)
        self._of_purse.pop(account.purse, None)
        if self._latest.get(account.allowance.key) is account:
            del self._latest[account.allowance.key]
        self._touched.clear()
