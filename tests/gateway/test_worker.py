"""A real worker process: what it acknowledged survives SIGKILL, it ends with its parent, it reloads, it drains."""

import asyncio
import contextlib
import json
import os
import signal
import sys

import pytest

from breakeven.errors import ConfigError, PolicyError, UsageError
from breakeven.gateway.policy_source import load
from breakeven.gateway.worker import run as run_worker
from breakeven.schema.policy import Budget
from breakeven.wire.client import Client

pytestmark = pytest.mark.slow
PROGRAM = """
import logging, sys
from pathlib import Path
from breakeven.gateway.worker import run
logging.basicConfig()
fd = int(sys.argv[2]) if len(sys.argv) > 2 else None
run(Path(sys.argv[1]), "127.0.0.1", 0, fd, on_ready=lambda port: print(port, flush=True))
"""


class Worker:
    def __init__(self, process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.client = Client()

    async def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


@contextlib.asynccontextmanager
async def start_worker(folder, parent_pipe: int | None = None):
    arguments = [str(folder)] + ([str(parent_pipe)] if parent_pipe is not None else [])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=[parent_pipe] if parent_pipe is not None else [],
    )
    try:
        worker = Worker(process, int(await process.stdout.readline()))
        yield worker
        await worker.client.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def inside(kit, tmp_path, test, *, handler=None, **changes):
    async def main():
        async with kit.start_upstream(handler or kit.honest) as up:
            kit.install(tmp_path, kit.make_policy(url=up.url, **changes))
            await asyncio.wait_for(test(up), 60)

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_sigkill_after_answering_loses_nothing(kit, tmp_path, stream) -> None:
    """Records in the journal = answers received, in number and id, when the process is killed after answering."""
    answered = []

    async def test(up):
        async with start_worker(tmp_path) as worker:

            async def one(number: int) -> None:
                answer = await kit.post(worker, {**kit.CHAT, "stream": stream, "user": str(number)})
                assert answer.status == 200
                answered.append(answer.headers["x-breakeven-prediction-id"])

            for _ in range(5):
                await asyncio.gather(*map(one, range(20)))
            assert await worker.end(signal.SIGKILL) == -signal.SIGKILL

    inside(kit, tmp_path, test)
    found = kit.records(tmp_path)
    assert sorted(one.prediction_id for one in found) == sorted(answered)
    assert [one.sequence for one in found] == list(range(1, 101))
    assert len(list((tmp_path / "journal").glob("*.open"))) == 1


def test_sigkill_in_the_middle_keeps_every_answer(kit, tmp_path) -> None:
    """Killed under load: whoever got an answer has a record; nobody has two."""
    answered = []

    async def test(up):
        async with start_worker(tmp_path) as worker:

            async def ask() -> None:
                with contextlib.suppress(Exception):
                    while True:
                        answer = await kit.post(worker, kit.CHAT)
                        answered.append(answer.headers["x-breakeven-prediction-id"])

            asking = [asyncio.create_task(ask()) for _ in range(8)]
            await kit.until(lambda: len(answered) > 50)
            await worker.end(signal.SIGKILL)
            await asyncio.gather(*asking)

    inside(kit, tmp_path, test)
    ids = [one.prediction_id for one in kit.records(tmp_path)]
    assert set(answered) <= set(ids)
    assert len(ids) == len(set(ids))


def test_an_accepted_event_survives_sigkill(kit, tmp_path) -> None:
    """202 means that the event is in the journal."""

    async def test(up):
        async with start_worker(tmp_path) as worker:
            event = {"specversion": "1.0", "id": "1", "source": "s", "type": "breakeven.click.v1", "subject": "u"}
            kind = [("content-type", "application/cloudevents+json")]
            assert (await kit.post(worker, event, "/events", kind)).status == 202
            await worker.end(signal.SIGKILL)

    inside(kit, tmp_path, test)
    (found,) = kit.records(tmp_path)
    assert (found.event_id, found.kind) == ("1", "click")


def test_a_worker_ends_with_its_parent(kit, tmp_path) -> None:
    """When the supervisor's end of the pipe closes, the worker drains, seals its journal and exits 0."""

    async def test(up):
        reading, writing = os.pipe()
        async with start_worker(tmp_path, reading) as worker:
            os.close(reading)
            assert (await kit.post(worker, kit.CHAT)).status == 200
            os.close(writing)
            assert await worker.process.wait() == 0

    inside(kit, tmp_path, test)
    assert [path.suffix for path in (tmp_path / "journal").iterdir()] == [".journal"]
    assert len(kit.records(tmp_path)) == 1


def test_sigterm_lets_answers_finish(kit, tmp_path) -> None:
    """A request under way when SIGTERM comes is answered and recorded; exit 0, no empty file left."""
    release = asyncio.Event()

    async def slow(head, body, writer):
        await release.wait()
        writer.write(kit.whole(kit.COMPLETION))

    async def test(up):
        async with start_worker(tmp_path) as worker:
            asking = asyncio.create_task(kit.post(worker, kit.CHAT))
            await kit.until(lambda: up.requests)
            worker.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            release.set()
            assert (await asking).status == 200
            assert await worker.process.wait() == 0

    inside(kit, tmp_path, test, handler=slow)
    assert [one.status for one in kit.records(tmp_path)] == ["answered"]


def test_a_policy_is_reloaded_and_a_bad_one_is_not(kit, tmp_path) -> None:
    """A new lock takes force without a restart; a broken one leaves the last good, and says so in the metrics."""

    async def test(up):
        async with start_worker(tmp_path) as worker:

            async def force(policy: str) -> bool:
                answer = await worker.client.request("GET", worker.url + "/readyz")
                return json.loads(await answer.read())["policy"] == policy

            async def rejected() -> bool:
                answer = await worker.client.request("GET", worker.url + "/metrics")
                lines = (await answer.read()).splitlines()
                return next(line for line in lines if line.startswith(b"breakeven_policy_rejected ")).endswith(b" 1")

            assert await force("p1")
            kit.install(tmp_path, kit.make_policy(url=up.url, id="p2"))
            await kit.until(lambda: force("p2"))
            (tmp_path / "policy.lock.json").write_text("{broken")
            await kit.until(rejected)
            assert await force("p2")
            assert (await kit.post(worker, kit.CHAT)).status == 200
            bad = kit.make_policy(url=up.url, id="p3", default_use_case="nobody")
            kit.install(tmp_path, bad)
            await asyncio.sleep(1)
            assert await force("p2")
            kit.install(tmp_path, kit.make_policy(url=up.url, id="p4"))
            await kit.until(lambda: force("p4"))
            assert not await rejected()

    inside(kit, tmp_path, test)
    assert [one.policy_id for one in kit.records(tmp_path)] == ["p2"]


def test_no_policy_is_a_clear_error(tmp_path) -> None:
    """Without a compiled policy the worker does not start, and says what to run."""
    with pytest.raises(ConfigError, match=r"policy.lock.json cannot be read") as raised:
        run_worker(tmp_path, "127.0.0.1", 0)
    assert "breakeven serve" in raised.value.way_out


def test_a_taken_port_is_a_clear_error(kit, tmp_path) -> None:
    """A port of somebody who does not share it is named."""

    async def main():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
                run_worker(tmp_path, "127.0.0.1", port)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"default_use_case": "x"}, "default_use_case refers to the use case 'x'"),
        ({"deployment": {"backend": "gone"}}, "deployment 'api' refers to the backend 'gone'"),
        ({"use_case": {"route": None}}, "malformed"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(kit, tmp_path, changes, said) -> None:
    """References to nothing, unknown strategies and impossible weights name both sides."""
    kit.install(tmp_path, kit.make_policy(**changes))
    with pytest.raises(ConfigError, match=said):
        load(tmp_path / "policy.lock.json")


@pytest.mark.parametrize(
    ("strategy", "target", "weight", "said"),
    [
        ("cheapest", "api", 1.0, "strategy 'cheapest', which is not among .'cheapest-feasible', 'fixed', "),
        ("fixed", "gone", 1.0, "deployment 'gone'"),
        ("weighted", "api", -1.0, "the weight -1.0"),
    ],
)
def test_a_route_that_cannot_work_is_refused(kit, tmp_path, strategy, target, weight, said) -> None:
    """An unknown strategy, target or weight names the use case and the value."""
    target = kit.RouteTarget(deployment=target, weight=weight)
    route = kit.Route(strategy=strategy, targets=(target,))
    kit.install(tmp_path, kit.make_policy(use_case={"route": route}))
    with pytest.raises(ConfigError, match=f"use case 'assistant'.*{said}"):
        load(tmp_path / "policy.lock.json")


def test_a_chore_that_fails_stops_no_other(kit, tmp_path, caplog) -> None:
    """Whatever breaks in the worker's ticking is in the log; counts are still saved, at this tick and the next."""
    saved = []

    def breaks(_: float) -> None:
        raise ZeroDivisionError

    async def main():
        kit.install(tmp_path, kit.make_policy())
        async with kit.start_gateway(tmp_path) as gateway:
            gateway.runtime.keeper.tick = breaks
            gateway.runtime.meters.save = lambda: saved.append(caplog.text.count("a chore of the gateway failed"))
            await kit.until(lambda: len(saved) > 2)

    asyncio.run(main())
    assert saved[0] < saved[-1]


def test_a_policy_whose_budgets_contradict_is_refused_before_it_is_in_force(kit, tmp_path) -> None:
    """Two budgets of one name, as only a lock written by hand can have: the worker does not take it."""
    twice = (Budget(name="b", limit_pico_usd=1), Budget(name="b", limit_pico_usd=2))
    kit.install(tmp_path, kit.make_policy(budgets=twice))
    with pytest.raises(PolicyError, match="two allowances 'money/day/b'"):
        load(tmp_path / "policy.lock.json")
