"""The gateway in virtual time: its own exchanges and request core between simulated clients, servers and a lease store.

Nothing sleeps. `Clock` stands where the gateway's modules import `time`, `Worker` where they expect a runtime, and a
heap of timers is the event loop. What is random comes from the world's seed, so a world is replayed by its seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from math import exp, inf
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec

from breakeven.cost.price import charge_pico_usd
from breakeven.gateway import attempt, closing, exchange
from breakeven.gateway.backend.port import Call, Piece
from breakeven.gateway.cache import AnswerCache
from breakeven.gateway.closing import Closing
from breakeven.gateway.decision.allowance import allowances
from breakeven.gateway.decision.conditions import Conditions
from breakeven.gateway.decision.contract import Contract
from breakeven.gateway.decision.index import index
from breakeven.gateway.decision.purse import Purse, heap_cells
from breakeven.gateway.decision.request import Request
from breakeven.gateway.exchange import Exchange
from breakeven.gateway.runtime import Bundle
from breakeven.schema.policy import Backend, Policy, PolicyDeployment, Route, RouteTarget, TokenPrice, UseCase
from breakeven.schema.record import Prediction, Tokens
from breakeven.wire.failure import ProtocolError, TimedOutError, unreachable
from breakeven.wire.http import HttpRequest

PRICE = TokenPrice(price_id="t", input_pico_usd=3, output_pico_usd=7)
SAID_NOTHING = Contract()
VISIT_S, RETRY_S = 0.002, 0.01


class Clock:
    """What the gateway's modules take for `time`."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


CLOCK = Clock()


def install(put: Callable[[object, str, object], None]) -> None:
    """Give the gateway's modules the virtual clock; `put` is `setattr`, or a monkeypatch's."""
    for module in (exchange, attempt, closing):
        put(module, "time", CLOCK)


def make_policy(
    *, names: str = "a", use_case: dict[str, Any] | None = None, deployment: dict[str, Any] | None = None, **more: Any
) -> Policy:
    """A use case `u` routed to deployments of one letter each, every one with a backend of its own."""
    targets = tuple(RouteTarget(deployment=name) for name in names)
    route = Route(strategy="weighted", targets=targets, sticky=False)
    every = dict.fromkeys(names) | dict.fromkeys(more.pop("beside", ""))
    made = {"tokens": PRICE, **(deployment or {})}
    policy = Policy(
        id="p",
        use_cases=(UseCase(**{"name": "u", "route": route, **(use_case or {})}),),
        deployments=tuple(PolicyDeployment(name=name, backend=name, model=name, **made) for name in every),
        backends=tuple(Backend(name=name, kind="openai") for name in every),
        default_use_case="u",
    )
    return msgspec.structs.replace(policy, **more)


class Timer:
    """Something that will happen, unless it is cancelled or its worker is dead."""

    __slots__ = ("args", "call", "owner")

    def __init__(self, owner: Worker | None, call: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.owner, self.call, self.args = owner, call, args

    def cancel(self) -> None:
        self.owner = GRAVE


class World:
    """One policy, its servers and workers, and everybody who asks."""

    def __init__(self, policy: Policy, seed: int = 0, workers: int = 1) -> None:
        CLOCK.now = 0.0
        self.policy, self.index = policy, index(policy)
        self.random = Random(seed)
        self.servers = {one.name: Server(self, one.name, seed) for one in policy.backends}
        self.store = Store(self)
        self.workers = [Worker(self, number) for number in range(workers)]
        self.clients: list[Client] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = 0
        self._found: dict[str, Prediction] = {}

    def at(self, when: float, call: Callable[..., None], *args: Any, owner: Worker | None = None) -> Timer:
        """Do something at an instant; of one instant what was said first comes first."""
        timer = Timer(owner, call, args)
        self._order += 1
        heappush(self._timers, (when, self._order, timer))
        return timer

    def run(self, until: float = inf) -> World:
        """Let time pass until nothing happens any more, or until an instant."""
        timers = self._timers
        while timers and timers[0][0] <= until:
            when, _, timer = heappop(timers)
            if timer.owner is None or not timer.owner.dead:
                CLOCK.now = when
                timer.call(*timer.args)
        return self

    def ask(self, at: float = 0.0, **asked: Any) -> Client:
        """A client that asks at an instant."""
        client = Client(self, len(self.clients), **asked)
        self.clients.append(client)
        self.at(at, client.arrive)
        return client

    @property
    def records(self) -> list[Prediction]:
        return [one for worker in self.workers for one in worker.records]

    def record_of(self, client: Client) -> Prediction:
        """The client's record; the law is that there is exactly one."""
        if len(self._found) != len(self.records):
            self._found = {one.request_id: one for one in self.records}
            assert len(self._found) == len(self.records)
        return self._found[f"r{client.number}"]

    def at_rest(self) -> None:
        """Nothing is in flight, held or waited for."""
        for worker in self.workers:
            if worker.dead:
                continue
            for name, standing in worker.conditions.standings.items():
                seen = (standing.load.count, standing.prefill.queued, standing.progress.waiting)
                assert seen == (0, 0, 0), (name, seen)
            assert all(purse.reserved == 0 for purse in worker.all_purses())
            assert not any(worker.conditions.in_flight.values())
        assert not any(server.live for server in self.servers.values())


class Client:
    """One request and its way back. It leaves after `leave_s` seconds, or at its `leave_at_token`-th token."""

    __slots__ = (
        "answers", "asked", "body", "ended_s", "full", "gone", "number", "on_gone", "on_room", "received_s", "request",
        "retry_after_s", "started", "status", "world",
    )  # fmt: skip

    def __init__(self, world: World, number: int, **asked: Any) -> None:
        self.gone = self.started = self.full = False
        self.on_gone: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None
        self.world, self.number = world, number
        self.asked = SimpleNamespace(**{**DEFAULTS, **asked}) if asked else PLAIN
        self.request: Request | None = None
        self.status, self.retry_after_s = 0, None
        self.body: list[bytes] = []
        self.received_s = self.ended_s = -1.0
        self.answers = 0

    def arrive(self) -> None:
        worker = self.world.workers[self.asked.worker]
        if worker.dead:
            return
        self.received_s = CLOCK.now
        self.request = self._request()
        call = Call(body=b"%d" % self.number, client_model="m", stream=self.asked.stream)
        if self.asked.leave_s is not None:
            self.world.at(CLOCK.now + self.asked.leave_s, self.leave)
        way_back = Closing(worker, HTTP, self.request, self, self.asked.key)
        Exchange(worker, worker.bundle, self.request, call, self, way_back).run()

    def _request(self) -> Request:
        asked, number = self.asked, self.number
        contract = SAID_NOTHING if asked.deadline_s is None else Contract(deadline_s=asked.deadline_s)
        return Request(
            request_id=f"r{number}",
            prediction_ids=(f"p{number}",),
            protocol="chat",
            use_case=self.world.index.use_cases[asked.use_case],
            tenant=asked.tenant,
            contract=contract,
            time_s=1e9 + CLOCK.now,
            received_s=CLOCK.now,
            seed=self.world.random.getrandbits(63),
            model="m",
            stream=asked.stream,
            body_bytes=asked.body_bytes,
            input_bound=asked.body_bytes + 64,
            input_estimate=-(-asked.body_bytes // 4),
            output_limit=None if asked.max_tokens is None else asked.max_tokens * asked.choices,
            choices=asked.choices,
            cached=bool(asked.key),
            gap=asked.gap,
        )

    def leave(self) -> None:
        """Close the connection, unless all is said."""
        if not self.gone and self.ended_s < 0:
            self.gone, self.ended_s = True, CLOCK.now
            if self.on_gone is not None:
                self.on_gone()

    # The way back, as a transport offers it

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.retry_after_s = next((float(value) for name, value in headers if name == "retry-after"), None)
        self.started = True
        self.finish(body)

    def start(self, status: int, _headers: list[tuple[str, str]]) -> None:
        assert not self.started
        self.status, self.started = status, True

    def write(self, data: bytes) -> None:
        assert self.started
        assert self.ended_s < 0 or self.gone
        self.body.append(data)
        if self.asked.leave_at_token is not None and len(self.tokens) == self.asked.leave_at_token:
            self.world.at(CLOCK.now, self.leave)

    def finish(self, data: bytes = b"") -> None:
        self.body.append(data)
        self.answers += 1
        if not self.gone:
            self.ended_s = CLOCK.now

    @property
    def tokens(self) -> list[str]:
        """Whose words came, one name a word."""
        return [word.decode() for word in WORD.findall(b"".join(self.body))]

    @property
    def took_s(self) -> float:
        return self.ended_s - self.received_s


DEFAULTS = {
    "body_bytes": 400, "choices": 1, "deadline_s": None, "gap": "", "key": "", "leave_at_token": None, "leave_s": None,
    "max_tokens": None, "stream": False, "tenant": "default", "use_case": "u", "worker": 0,
}  # fmt: skip
WORD = re.compile(rb"~([a-z])")
PLAIN = SimpleNamespace(**DEFAULTS)
HTTP = HttpRequest(method="POST", path="/v1/chat/completions", headers={}, body=b"", time_s=0.0, received_s=0.0)


class Worker:
    """One gateway process: what an exchange asks of its runtime, journal and meters."""

    node = "n"

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number, self.dead = world, number, False
        self.conditions = Conditions()
        self.conditions.adopt(world.policy)
        senders = {name: Line(self, server) for name, server in world.servers.items()}
        self.bundle: Any = Bundle(index=world.index, senders=senders)
        self.cache = AnswerCache()
        self.loop = self.journal = self.meters = self
        self.records: list[Prediction] = []
        self._table = allowances(world.policy)
        self._purses: dict[str, Purse] = {}
        self._sequence = 0

    def die(self) -> None:
        """Killed: its timers never fire, its servers see their connections end, its leases are reclaimed."""
        self.dead = True
        for server in self.world.servers.values():
            for one in [one for one in server.live if one.worker is self]:
                one.cancel()
        for purse in self.all_purses():
            self.world.store.reclaim(purse)

    def all_purses(self) -> list[Purse]:
        """Of every allowance that was touched here."""
        return list(self._purses.values())

    # The runtime

    def call_later(self, delay_s: float, call: Callable[..., None], *args: Any) -> Timer:
        return self.world.at(CLOCK.now + delay_s, call, *args, owner=self)

    def purses(self, request: Request) -> tuple[Purse, ...]:
        touched = self._table.of(request.tenant, request.use_case.name)
        return tuple([self._purses.get(one.key) or self._purse(one) for one in touched])

    def _purse(self, allowance: Any) -> Purse:
        found = self._purses[allowance.key] = Purse(allowance, heap_cells())
        return found

    def ask(self, purse: Purse, amount: int, until: float, then: Callable[[bool, float], None]) -> None:
        """A visit to the store; one that finds too little comes again until its patience ends."""
        self.call_later(VISIT_S, self._visited, purse, amount, until, then)

    def _visited(self, purse: Purse, amount: int, until: float, then: Callable[[bool, float], None]) -> None:
        granted = self.world.store.lease(purse, amount)
        if granted or until <= CLOCK.now or self.conditions.money_down:
            then(granted, 0.0)
        else:
            self.call_later(min(RETRY_S, until - CLOCK.now), self._visited, purse, amount, until, then)

    def sender(self, bundle: Any, deployment: PolicyDeployment, _request: Request, _way_back: Closing) -> Line:
        return bundle.senders[deployment.backend]

    def remaining_usd(self, _purses: tuple[Purse, ...]) -> None:
        return None

    def logged(self, http: HttpRequest, records: tuple[Prediction, ...], bytes_out: int) -> None:
        """No access log here."""

    # The journal and the meters

    def take_sequence(self, count: int) -> int:
        self._sequence += count
        return self._sequence - count

    def commit(self, records: tuple[Prediction, ...], then: Callable[[bool], None]) -> None:
        """Written at the end of this turn of the loop, of which a worker that is killed first never sees."""
        self.world.at(CLOCK.now, self._flush, records, then, owner=self)

    def _flush(self, records: tuple[Prediction, ...], then: Callable[[bool], None]) -> None:
        self.records += records
        then(True)

    def count(self, record: Prediction, *, again: bool) -> None:
        """No meters here."""


GRAVE: Any = SimpleNamespace(dead=True)


class Store:
    """The file that shares allowances out among workers: what all of them hold is never more than the limit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.down = False
        self.settled: dict[str, int] = {}

    def lease(self, purse: Purse, amount: int) -> bool:
        """Fill a purse up to an amount, and a chunk beyond where there is plenty."""
        need, limit = amount - purse.free, purse.allowance.most
        left = limit - self.held(purse.allowance.key)
        if self.down or left < need:
            return need <= 0
        purse.grant(max(0, min(left, need + limit // 40)))
        return True

    def reclaim(self, purse: Purse) -> None:
        """Of a dead worker: what it had spent and reserved is spent, the rest is there again."""
        self.settled[purse.allowance.key] = self.settled.get(purse.allowance.key, 0) + purse.worst

    def held(self, key: str) -> int:
        """Granted to the living, or used beyond that; used by the dead."""
        return self.settled.get(key, 0) + sum(max(one.granted, one.worst) for one in self._purses(key))

    def spent(self, key: str) -> int:
        """By everybody, with what is in flight at its worst."""
        return self.settled.get(key, 0) + sum(one.worst for one in self._purses(key))

    def _purses(self, key: str) -> list[Purse]:
        alive = [one for one in self.world.workers if not one.dead]
        return [purse for one in alive for purse in one.all_purses() if purse.allowance.key == key]


class Line:
    """A worker's sender to a server."""

    def __init__(self, worker: Worker, server: Server) -> None:
        self._worker, self._server = worker, server

    def send(self, call: Call, sink: Any) -> Answering:
        return self._server.send(call, sink, self._worker)


class Spell(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a server between two instants, for a share of its calls. `mode` is one of `SCRIPTS`."""

    mode: str
    from_s: float = 0.0
    until_s: float = inf
    share: float = 1.0
    status: int = 503
    retry_after_s: int | None = None


class Server:
    """A model server. Times are medians of lognormals; `words` is the mean of a geometric number of tokens."""

    def __init__(self, world: World, name: str, seed: int) -> None:
        self.world, self.name = world, name
        self.random = Random(f"{seed}/{name}")
        self.first_s, self.gap_s, self.spread, self.words = 0.05, 0.01, 0.3, 8
        self.input_factor = 1.0
        self.obeys = True
        self.spells: list[Spell] = []
        self.calls: list[float] = []
        self.live: set[Answering] = set()
        self.given_up: list[float] = []
        self.price = next(one.tokens for one in world.policy.deployments if one.backend == name)
        self.input = self.output = 0

    def spell(self) -> Spell | None:
        """What is wrong with a call that comes now."""
        now = CLOCK.now
        for one in self.spells:
            if one.from_s <= now < one.until_s and (one.share >= 1 or self.random.random() < one.share):
                return one
        return None

    def frozen(self) -> bool:
        return any(one.mode == "frozen" and one.from_s <= CLOCK.now < one.until_s for one in self.spells)

    def send(self, call: Call, sink: Any, worker: Worker) -> Answering:
        self.calls.append(CLOCK.now)
        request = self.world.clients[int(call.body)].request
        return Answering(self, sink, worker, self.work(call, request), self.spell())

    def work(self, call: Call, request: Any) -> SimpleNamespace:
        """What a call makes it do."""
        draw = self.random
        limit = request.output_limit
        if call.fields:
            limit = next(iter(call.fields.values())) * request.choices
        words = (1 + int(draw.expovariate(1 / self.words))) * request.choices
        if limit is not None and self.obeys:
            words = max(1, min(words, limit))
        return SimpleNamespace(
            stream=request.stream,
            words=words,
            input=int(request.input_estimate * self.input_factor),
            first_s=self.first_s * exp(draw.gauss(0, self.spread)),
            gap_s=self.gap_s * exp(draw.gauss(0, self.spread)),
        )

    @property
    def billed_pico_usd(self) -> int:
        """What the provider charges, whatever the gateway believes."""
        return charge_pico_usd(self.price, Tokens(input=self.input, output=self.output)) or 0


Step = tuple[Any, ...]
IDLE_S = 60.0


class Answering:
    """One call at a server: a script of (delay, what happens) until it is over or given up."""

    def __init__(self, server: Server, sink: Any, worker: Worker, work: SimpleNamespace, spell: Spell | None) -> None:
        self.server, self.sink, self.worker, self.work = server, sink, worker, work
        self.words, self.taken, self.began_s = 0, False, CLOCK.now
        self._script = well(work) if spell is None else SCRIPTS[spell.mode](work, spell)
        server.live.add(self)
        self._next()

    def _next(self) -> None:
        delay_s, *step = next(self._script)
        self._timer = self.server.world.at(CLOCK.now + delay_s, self._play, step)

    def _play(self, step: list[Any]) -> None:
        what, *args = step
        if self.server.spells and what != "fail" and self.server.frozen():
            self._timer = self.server.world.at(CLOCK.now + IDLE_S, self._play, ["fail", silent()])
            return
        last = getattr(self, what)(*args)
        if last is None and self in self.server.live:
            self._next()

    # What may happen; True is the end

    def sent(self) -> None:
        self.taken = True
        self.sink.on_sent()

    def head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.taken = status < 300
        self.sink.on_head(status, headers)

    def word(self) -> None:
        self.words += 1
        self.sink.on_piece(Piece(data=b"~" + self.server.name.encode(), chunks=1))

    def done(self) -> bool:
        usage = Tokens(input=self.work.input, output=self.work.words)
        data = b"" if self.work.stream else b"~" + self.server.name.encode()
        self.words = self.work.words
        self._over()
        self.sink.on_piece(Piece(data=data, usage=usage, done=True))
        return True

    def whole(self) -> bool:
        self.sink.on_head(200, [])
        return self.done()

    def broken(self, error: str) -> bool:
        self._over()
        self.sink.on_piece(Piece(error=error, data=b'{"error":{}}' if error.startswith("upstream_") else b""))
        return True

    def fail(self, error: Exception) -> bool:
        self._over()
        self.sink.on_failure(error)
        return True

    def _over(self) -> None:
        self.server.live.discard(self)
        if self.taken:
            self.server.input += self.work.input
            self.server.output += self.words

    # What the gateway may do

    def cancel(self) -> None:
        self._timer.cancel()
        if self in self.server.live:
            self.server.given_up.append(CLOCK.now)
            self._over()

    def pause(self) -> None:
        """Nobody here is slower than a server."""

    def resume(self) -> None:
        """As above."""


def well(work: SimpleNamespace) -> Iterator[Step]:
    yield 0.0, "sent"
    if not work.stream:
        yield work.first_s + work.gap_s * (work.words - 1), "whole"
        return
    yield work.first_s, "head", 200, []
    yield 0.0, "word"
    for _ in range(work.words - 1):
        yield work.gap_s, "word"
    yield 0.0, "done"


def refuses(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield 0.0005, "fail", unreachable("the deployment", "refused")


def hangs(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield 0.0, "sent"
    yield IDLE_S, "fail", silent()


def says(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    headers = [] if spell.retry_after_s is None else [("retry-after", str(spell.retry_after_s))]
    yield 0.0, "sent"
    yield 0.002, "head", spell.status, headers
    yield 0.0, "broken", f"upstream_{spell.status}"


def slow(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    work.first_s *= 20
    yield from well(work)


def _begun(work: SimpleNamespace) -> Iterator[Step]:
    yield 0.0, "sent"
    yield work.first_s, "head", 200, []
    if work.stream:
        for _ in range(work.words // 2):
            yield work.gap_s, "word"


def stalls(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield from _begun(work)
    yield IDLE_S, "fail", silent()


def cut(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield from _begun(work)
    yield work.gap_s, *(("broken", "truncated") if work.stream else ("fail", ProtocolError("the body is cut short")))


def garbled(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield from _begun(work)
    yield work.gap_s, "broken", "malformed"


def error_event(work: SimpleNamespace, spell: Spell) -> Iterator[Step]:
    yield from _begun(work)
    yield work.gap_s, "broken", "upstream_error"


def silent() -> TimedOutError:
    return TimedOutError("the deployment sent nothing", "wait longer")


SCRIPTS = {
    "refused": refuses, "hang": hangs, "frozen": hangs, "status": says, "slow": slow, "stall": stalls, "cut": cut,
    "garbled": garbled, "error_event": error_event,
}  # fmt: skip


class SharingServer(Server):
    """Shares itself out among whoever is in flight: `places` run at full speed, more than that only slow each other."""

    def __init__(self, world: World, name: str, seed: int, places: int, service_s: float) -> None:
        super().__init__(world, name, seed)
        self.places, self.service_s = places, service_s
        self._done, self._at = 0.0, 0.0
        self._ends: list[tuple[float, int, Sharing]] = []
        self._number = 0
        self._timer: Timer | None = None

    def send(self, _call: Call, sink: Any, _worker: Worker) -> Sharing:
        self._advance()
        self._number += 1
        size_s = self.service_s * exp(self.random.gauss(-0.125, 0.5))
        found = Sharing(self, sink, max(1, round(size_s / 0.01)))
        heappush(self._ends, (self._done + size_s, self._number, found))
        self.calls.append(CLOCK.now)
        self.live.add(found)
        self.plan()
        return found

    def plan(self) -> None:
        """Look for the next to end, after any change of who is there."""
        self._advance()
        while self._ends and self._ends[0][2] not in self.live:
            heappop(self._ends)
        if self._timer is not None:
            self._timer.cancel()
        if self._ends:
            left_s = max(0.0, self._ends[0][0] - self._done)
            self._timer = self.world.at(CLOCK.now + left_s * max(1.0, len(self.live) / self.places), self._end)

    def _advance(self) -> None:
        self._done += (CLOCK.now - self._at) / max(1.0, len(self.live) / self.places)
        self._at = CLOCK.now

    def _end(self) -> None:
        self._advance()
        found = heappop(self._ends)[2]
        self.live.discard(found)
        self.plan()
        found.sink.on_sent()
        found.sink.on_head(200, [])
        found.sink.on_piece(Piece(data=b"~", usage=Tokens(input=100, output=found.words), done=True))


class Sharing:
    """One call at such a server."""

    def __init__(self, server: SharingServer, sink: Any, words: int) -> None:
        self.server, self.sink, self.words, self.worker = server, sink, words, None

    def cancel(self) -> None:
        if self in self.server.live:
            self.server._advance()
            self.server.live.discard(self)
            self.server.plan()
