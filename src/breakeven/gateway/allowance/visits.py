"""Visits of the store from the event loop: one at a time, for all purses that want one; nobody waits unheard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger

from breakeven.gateway.allowance.account import Account
from breakeven.gateway.allowance.ask import Answer, Ask
from breakeven.gateway.allowance.bell import Bell
from breakeven.gateway.allowance.errand import Errand
from breakeven.gateway.decision.allowance import Allowance

_log = getLogger("breakeven.gateway")
PULSE_S = 0.005
"""How often those who wait look for money that was settled here."""
LISTEN_S = 0.02
"""How often a worker hears those who wait elsewhere."""
STUCK_S = 2.0
"""A visit that takes longer makes the store count as unusable until it ends."""
BATCH = 256
"""Purses in one visit at most, so that it stays short."""


class Visits:
    """Carries the wants of accounts to the store and back.

    Args:
        errand: what the thread does.
        bell: shared with the other workers.
        accounts: all accounts, asked for whenever the bell rings.
        ended: told of accounts whose lease has ended.
    """

    def __init__(
        self,
        errand: Errand,
        bell: Bell,
        accounts: Callable[[], Iterable[Account]],
        ended: Callable[[Account], None],
    ) -> None:
        self.healthy = True
        self.raised: deque[tuple[Allowance, float]] = deque()
        self.look = True
        self._errand, self._bell, self._accounts, self._ended = errand, bell, accounts, ended
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="allowances")
        self._wanted: dict[Account, bool] = {}
        self._hungry: dict[Account, None] = {}
        self._flight: asyncio.Future[list[Answer]] | None = None
        self._since = 0.0
        self._soon: asyncio.Handle | None = None
        self._pulsing: asyncio.TimerHandle | None = None
        self._closed = False
        self._listening = self._loop.call_later(LISTEN_S, self._listen)

    def want(self, account: Account, *, end: bool = False) -> None:
        """Visit the store for an account as soon as the visit under way is over; with `end` for the last time."""
        self._wanted[account] = end
        self.depart_soon()

    def wait(self, account: Account, amount: int) -> None:
        """Somebody waits for an account: visit for it now, or when the store may have something again."""
        if amount > account.left and self._loop.time() < account.next_at:
            self._starve(account)
        else:
            self.want(account)

    def depart_soon(self) -> None:
        """Visit after what the loop does now, so that those who ask at the same time go together."""
        if self._soon is None and self._flight is None and not self._closed:
            self._soon = self._loop.call_soon(self._depart)

    def check(self) -> None:
        """See whether the visit under way is stuck; call it a few times a second."""
        if self._flight is not None and self._loop.time() - self._since > STUCK_S:
            self._fail(f"a visit takes more than {STUCK_S:g} s")

    async def close(self, accounts: Iterable[Account]) -> bool:
        """Refuse those who wait, give back everything unspent; whether the store took it."""
        self._closed = True
        for handle in (self._soon, self._pulsing, self._listening):
            if handle is not None:
                handle.cancel()
        self._refuse_all()
        if self._flight is not None:
            await asyncio.wait([self._flight])
        asks = [account.ask(frugal=True, end=True) for account in accounts]
        try:
            await self._loop.run_in_executor(self._thread, self._errand.finish, asks)
        except Exception as error:  # noqa: BLE001 - whatever it is, the marks stay and others reclaim from them
            _log.warning("allowances: leases stay until another worker reclaims them: %s", error)
            return False
        finally:
            self._thread.shutdown(wait=False)
        return True

    def _depart(self) -> None:
        self._soon = None
        batch = [(account, self._wanted.pop(account)) for account in list(self._wanted)[:BATCH]]
        now = self._loop.time()
        asks = [account.ask(frugal=self._bell.rings(account.allowance.key, now), end=end) for account, end in batch]
        accounts = [account for account, _ in batch]
        for account in accounts:
            account.flying = True
        look, self.look = self.look, False
        self._since = now
        self._flight = self._loop.run_in_executor(self._thread, lambda: self._errand.visit(asks, look=look))
        self._flight.add_done_callback(lambda flight: self._arrive(accounts, asks, flight))

    def _arrive(self, accounts: list[Account], asks: list[Ask], flight: asyncio.Future[list[Answer]]) -> None:
        self._flight = None
        error = flight.exception()
        if error is not None:
            for account in accounts:
                account.doubt()
            self._fail(str(error))
            return
        if not self.healthy:
            self.healthy = True
            _log.warning("allowances: the store can be used again")
        for account, ask, answer in zip(accounts, asks, flight.result(), strict=True):
            self._land(account, ask, answer)
        if self._wanted:
            self.depart_soon()

    def _land(self, account: Account, ask: Ask, answer: Answer) -> None:
        self.raised.extend((account.allowance, share) for share in answer.raised)
        account.apply(ask, answer, self._loop.time())
        if ask.end:
            self._ended(account)
        elif account.waiters:
            self._starve(account)

    def _starve(self, account: Account) -> None:
        self._hungry[account] = None
        if self._pulsing is None and not self._closed:
            self._pulsing = self._loop.call_later(PULSE_S, self._pulse)

    def _pulse(self) -> None:
        self._pulsing = None
        hungry, self._hungry = self._hungry, {}
        now = self._loop.time()
        for account in hungry:
            account.serve(now)
            if not account.waiters:
                continue
            self._bell.ring(account.allowance.key, now)
            if now >= account.next_at and not account.flying:
                self.want(account)
            self._starve(account)

    def _listen(self) -> None:
        """Give back what others wait for and nobody needs here."""
        self._listening = self._loop.call_later(LISTEN_S, self._listen)
        now = self._loop.time()
        if not self._bell.rings("", now):
            return
        for account in self._accounts():
            if account.flying or account.waiters or not (account.purse.free > 0 or account.untold):
                continue
            if self._bell.rings(account.allowance.key, now):
                account.giving = True
                self._wanted.setdefault(account, False)
                self.depart_soon()

    def _fail(self, why: str) -> None:
        if self.healthy:
            _log.error(
                "allowances: the store cannot be used: %s; no more is leased until it can: free disk space, mend the"
                " data directory, or restore allowances.db from a backup", why,
            )  # fmt: skip
        self.healthy = False
        self._refuse_all()

    def _refuse_all(self) -> None:
        for account in self._accounts():
            account.refuse_all()
        self._wanted.clear()
        self._hungry.clear()
