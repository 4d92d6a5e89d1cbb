"""A closed loop: so many in flight and never more, every request accounted for, and only the steady part measured."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.measure.closed_loop import Options, Run, drive
from breakeven.measure.exchange import Request
from breakeven.wire.client import Client

anywhere = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def run(loopback: Any, handler: Any, options: Options) -> Run:
    async def story() -> Run:
        async with loopback(handler) as base, Client() as client, asyncio.timeout(60):
            return await drive(client, lambda index: Request(method="POST", url=f"{base}/{index}"), options)

    return asyncio.run(story())


class Crowd:
    """A server that counts who is there, and answers after everybody else had a chance to ask."""

    def __init__(self, reply: Any, status: int = 200) -> None:
        self.reply, self.status, self.here, self.most, self.paths = reply, status, 0, 0, []

    async def __call__(self, path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        self.here += 1
        self.most = max(self.most, self.here)
        self.paths.append(path)
        for _ in range(5):
            await asyncio.sleep(0)
        self.here -= 1
        writer.write(self.reply(self.status, b"{}"))


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 10), st.sampled_from([0.0, 1e-3]))
@anywhere
def test_every_request_is_accounted_for(
    loopback: Any, reply: Any, clients: int, requests: int, warm_up: int, stagger_s: float
) -> None:
    """Sent = answered = what the server saw; measured are as many as asked for, after the warm-up; never too many."""
    server = Crowd(reply)
    options = Options(clients=clients, requests=requests, seconds=60, warm_up=warm_up, stagger_s=stagger_s)
    found = run(loopback, server, options)
    assert len(found.answers) == len(server.paths) == len(set(server.paths))
    assert [one.index for one in found.answers] == list(range(len(found.answers)))
    assert all(one.ok for one in found.answers)
    assert len(found.measured) == requests
    assert found.measured.start >= warm_up
    assert max(found.peak_in_flight, server.most) <= clients
    assert not found.gave_up


def test_clients_stay_until_the_last_measured_answer(loopback: Any, reply: Any) -> None:
    """While a slow measured request is out, the other clients go on, so that it is served in the whole crowd."""

    async def handler(path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2 if path == "/5" else 0.005)
        writer.write(reply(200, b"{}"))

    found = run(loopback, handler, Options(clients=3, requests=6, seconds=60))
    assert found.measured == range(6)
    slow = found.answers[5]
    fill = [one for one in found.answers[6:] if one.at_s < slow.at_s + slow.total_s]
    assert len(fill) >= 4
    assert found.until_s == max(one.at_s + one.total_s for one in found.answers[:6])


def test_time_ends_a_point(loopback: Any, reply: Any) -> None:
    """With more requests asked for than fit in the time, those sent in time are measured."""
    found = run(loopback, Crowd(reply), Options(clients=2, requests=10**6, seconds=0.1))
    assert 0 < len(found.measured) < 10**6
    assert all(found.answers[index].at_s - found.since_s < 0.1 for index in found.measured)


def test_a_server_that_only_refuses_is_given_up(loopback: Any, reply: Any) -> None:
    """After so many failures in a row nobody asks on; each is an answer."""
    server = Crowd(reply, status=503)
    found = run(loopback, server, Options(clients=2, requests=10**6, seconds=60))
    assert found.gave_up
    assert {one.status for one in found.answers} == {503}
    assert 16 <= len(found.answers) == len(server.paths) <= 20


def test_the_due_times_are_those_of_the_answers_before(loopback: Any, reply: Any) -> None:
    """One client: the next request leaves when the answer has come, not before."""
    found = run(loopback, Crowd(reply), Options(clients=1, requests=20, seconds=60))
    for before, after in zip(found.answers, found.answers[1:], strict=False):
        assert after.at_s >= before.at_s + before.total_s
