"""One purse of one worker, with those who wait for it and what the store last said."""

from __future__ import annotations

import asyncio

from breakeven.gateway.allowance.ask import BUCKET, Answer, Ask
from breakeven.gateway.decision.allowance import MOST, Allowance
from breakeven.gateway.decision.purse import Purse

CHUNK_SHARE = 0.025
"""Of a period's limit, leased at once: R24's reference spends 97.7 % of a budget with 0.02 visits a request."""
CHUNK_S = 0.1
"""Of a rate, leased at once, in seconds; at most a twentieth of the burst."""
BURST_SHARE = 0.05
RETRY_S, RETRY_MOST_S = 0.01, 0.04
"""How soon the store is asked again after it had too little: doubling from the first to the second."""


class Waiter:
    """Somebody who wants an amount reserved by an instant of the loop's clock."""

    __slots__ = ("amount", "asked", "deadline", "future")

    def __init__(self, amount: int, deadline: float, future: asyncio.Future[bool]) -> None:
        self.amount, self.deadline, self.future = amount, deadline, future
        self.asked = False


class Account:
    """A purse of an allowance in the period from `start` to `until` (Unix seconds)."""

    __slots__ = (
        "_changed_at", "_retry_s", "_told", "_worst", "flying", "giving", "left", "look_at", "low", "next_at", "others",
        "purse", "slot", "spent", "start", "until", "waiters",
    )  # fmt: skip

    def __init__(self, purse: Purse, slot: int, start: float, until: float) -> None:
        self.purse, self.slot, self.start, self.until = purse, slot, start, until
        self.waiters: list[Waiter] = []
        self.left = self.allowance.most
        self.spent = 0
        self.others = 0
        self.low = min(1, self.chunk)  # more is leased ahead once less than this is free
        self.next_at = 0.0  # the store is not asked before: it had too little
        self.look_at = 0.0
        self.flying = self.giving = False
        self._told: tuple[int, int] | None = None  # granted and spent, as the store knows them
        self._worst, self._changed_at, self._retry_s = 0, 0.0, RETRY_S

    @property
    def allowance(self) -> Allowance:
        """What the purse is of."""
        return self.purse.allowance

    @property
    def chunk(self) -> int:
        """What is leased at once where there is enough."""
        rate_per_s, burst = self.allowance.rate_per_s, self.allowance.burst
        if rate_per_s:
            return int(min(rate_per_s * CHUNK_S, burst * BURST_SHARE))
        return int(self.allowance.limit * CHUNK_SHARE)

    @property
    def untold(self) -> bool:
        """Whether the store does not know yet what was given up or spent; a rate's use is told when more is leased."""
        granted, spent = self._told or (0, -1)
        if self.allowance.rate_per_s:
            return self.purse.granted < granted
        return self.purse.spent != spent or self.purse.granted < granted

    def doubt(self) -> None:
        """A visit failed: what the store knows is unknown until the next one."""
        self.flying = False
        self._told = (MOST, -1)

    def change(self, allowance: Allowance) -> None:
        """The policy changed the limit or rate: what is free here was leased by the old one, so it goes back."""
        self.purse.allowance = allowance
        self.giving, self.next_at, self.low = True, 0.0, min(1, self.chunk)
        self.purse.empty()

    def hopeless(self, amount: int) -> bool:
        """Whether no patience helps: so much will not be left again in this period."""
        if self.allowance.rate_per_s:
            return amount > self.allowance.burst
        return amount > self.allowance.limit - self.spent

    def ask(self, *, frugal: bool, end: bool = False) -> Ask:
        """What to tell the store. Where somebody waits, here or elsewhere, all that is free goes back with it.

        So two workers, each with half of what the other lacks, do not wait for one another. `frugal` asks for no more
        than is waited for.
        """
        wanted = self._wanted()
        short = self.purse.free < self.low and not self.giving
        if wanted or self.giving or end:
            self.purse.empty()
        chunk = self.chunk if (wanted or short) and not frugal and not end else 0
        self.giving = False
        purse, allowance = self.purse, self.allowance
        return Ask(
            key=allowance.key,
            start=BUCKET if allowance.rate_per_s else int(self.start),
            slot=self.slot,
            granted=purse.granted,
            spent=purse.spent,
            reserved=purse.reserved,
            need=min(wanted, default=0),
            wish=sum(wanted),
            chunk=chunk,
            limit=allowance.limit,
            rate_per_s=allowance.rate_per_s,
            burst=allowance.burst,
            alert_at=allowance.alert_at,
            end=end,
        )

    def apply(self, ask: Ask, answer: Answer, now: float) -> None:
        """Take what the store gave, reserve for those who wait, and refuse those whom patience does not help."""
        self.flying = False
        self.purse.grant(answer.granted - ask.granted)
        self._told = answer.granted, ask.spent
        self.left, self.spent, self.others = answer.left, max(self.spent, answer.spent), answer.others
        if (ask.limit, ask.rate_per_s, ask.burst) != self._terms():
            self.purse.empty()
        elif ask.chunk or answer.left <= 0:
            self.low = answer.extra // 2
        if answer.granted - ask.held < ask.need:
            self.next_at = now + self._wait_s(ask.need)
        elif ask.need:
            self._retry_s = RETRY_S
        self.serve(now)

    def serve(self, now: float) -> None:
        """Reserve for those who wait as far as it goes, first come first; refuse those who can wait no longer.

        Whoever was asked for in a visit under way waits for its answer, also without patience.
        """
        waiting, self.waiters = self.waiters, []
        for one in waiting:
            if one.future.done():
                continue
            if self.purse.reserve(one.amount):
                one.future.set_result(True)
            elif self.hopeless(one.amount) or (one.asked and one.deadline < now and not self.flying):
                one.future.set_result(False)
            else:
                self.waiters.append(one)

    def refuse_all(self) -> None:
        """The store cannot be used: nobody can be given more."""
        waiting, self.waiters = self.waiters, []
        for one in waiting:
            if not one.future.done():
                one.future.set_result(False)

    def idle_s(self, now: float) -> float:
        """For how long nothing was spent or reserved here, as far as was looked."""
        if self.purse.worst != self._worst:
            self._worst, self._changed_at = self.purse.worst, now
        return now - self._changed_at

    def _wanted(self) -> list[int]:
        self.waiters = [one for one in self.waiters if not one.future.done()]
        for one in self.waiters:
            one.asked = True
        return [one.amount for one in self.waiters]

    def _terms(self) -> tuple[int, float, int]:
        return self.allowance.limit, self.allowance.rate_per_s, self.allowance.burst

    def _wait_s(self, need: int) -> float:
        wait_s, self._retry_s = self._retry_s, min(2 * self._retry_s, RETRY_MOST_S)
        rate_per_s = self.allowance.rate_per_s
        return min(wait_s, (need - self.left) / rate_per_s) if rate_per_s else wait_s
