"""Dynamic batching: nothing lost, nothing told twice, nobody waits longer than stated or than is left."""

import asyncio
import json
import math
import threading
import time
from collections import Counter

import numpy as np
import onnx
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from breakeven.gateway.backend.batch import Batcher
from breakeven.gateway.backend.deadlines import Deadlines
from breakeven.gateway.backend.onnx import OnnxSender
from breakeven.gateway.backend.port import Call
from breakeven.gateway.backend.run_time import RunTimes
from breakeven.schema.policy import Backend
from breakeven.wire.failure import TimedOutError

LONG_S = 30.0


class Waiter:
    """Keeps what it was told, and refuses to be told anything twice, after the end, or from inside `submit`."""

    def __init__(self) -> None:
        self.submitting = True
        self.started = 0
        self.said: list[tuple[str, object]] = []
        self.over = asyncio.Event()

    def on_start(self) -> None:
        assert not self.submitting
        assert not self.over.is_set()
        self.started += 1

    def end(self, word: str, value: object = None) -> None:
        assert not self.submitting
        assert not self.over.is_set()
        self.said.append((word, value))
        self.over.set()

    def on_result(self, result: object) -> None:
        self.end("result", result)

    def on_late(self) -> None:
        self.end("late")

    def on_error(self, error: BaseException) -> None:
        self.end("error", error)


class Desk:
    """A batcher whose model runs only as far as a test lets it, and the batches it was given."""

    def __init__(self, *, max_batch: int = 8, max_delay_s: float = LONG_S, threads: int = 1, held: bool = True) -> None:
        self.batches: list[list[object]] = []
        self.permits = threading.Semaphore(0)
        self.held = held
        self.batcher: Batcher[object, object] = Batcher(self.run, max_batch, max_delay_s, threads)

    def run(self, batch):
        self.batches.append(list(batch))
        if self.held:
            assert self.permits.acquire(timeout=20)
        if "bad" in batch:
            message = "no"
            raise ValueError(message)
        return [f"done {item}" for item in batch]

    def submit(self, item, *, key=0, rows=1, **options):
        waiter = Waiter()
        ticket = self.batcher.submit(item, waiter, key=key, rows=rows, **options)
        waiter.submitting = False
        return waiter, ticket

    async def until(self, batches: int) -> None:
        while len(self.batches) < batches:  # noqa: ASYNC110 - a thread fills it
            await asyncio.sleep(0.001)

    async def rest(self) -> None:
        while self.batcher.waiting or self.batcher._running:  # noqa: ASYNC110 - a thread ends it
            await asyncio.sleep(0)


def on_a_desk(test, **options) -> None:
    async def main():
        broken: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: broken.append(what))
        desk = Desk(**options)
        try:
            await asyncio.wait_for(test(desk), 20)
        finally:
            desk.permits.release(10_000)
            desk.batcher.close()
        assert not broken

    for run in (asyncio.run, uvloop.run):  # their timers differ
        run(main())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "submit", "cancel", "rest"]),
        st.integers(1, 5),
        st.sampled_from("ab"),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 3), st.sampled_from([0.0, 0.001, LONG_S]))
def test_nothing_is_lost_told_twice_mixed_or_reordered(steps, threads, max_delay_s) -> None:
    """Whatever is submitted, cancelled and awaited: each item that stays has its own result, exactly once.

    A batch has one key and at most `max_batch` rows, or one larger item; within a key items run in their order; what
    was cancelled before it ran never runs, and nothing of it is told.
    """

    async def test(desk):
        live, gone, all_rows = {}, {}, {}
        for number, (step, rows, key) in enumerate(steps):
            name = f"{key}{number}"
            if step == "submit":
                live[name] = desk.submit(name, key=key, rows=rows * 3)
                all_rows[name] = rows * 3
            elif step == "cancel" and live:
                name = list(live)[number % len(live)]
                waiter, ticket = live.pop(name)
                gone[name] = (waiter, waiter.started, waiter.over.is_set())
                ticket.cancel()
                ticket.cancel()
            else:
                await asyncio.sleep(0)
        await asyncio.gather(*(waiter.over.wait() for waiter, _ in live.values()))
        await desk.rest()
        ran = [name for batch in desk.batches for name in batch]
        assert max(Counter(ran).values(), default=1) == 1
        assert {name: (waiter.started, waiter.said) for name, (waiter, _) in live.items()} == {
            name: (1, [("result", f"done {name}")]) for name in live
        }
        for name, (waiter, *then) in gone.items():
            assert [waiter.started, waiter.over.is_set()] == then
            assert (name in ran) is bool(waiter.started)
        check_batches(desk.batches, all_rows, ordered=threads == 1)

    on_a_desk(test, threads=threads, max_delay_s=max_delay_s, held=False)


def check_batches(batches, rows, *, ordered: bool) -> None:
    """One key and no more rows than 8, or one item; within a key ascending, of one thread over all batches."""
    for batch in batches:
        assert len({name[0] for name in batch}) == 1
        assert len(batch) == 1 or sum(rows[name] for name in batch) <= 8
    runs = [[name for batch in batches for name in batch if name[0] == key] for key in "ab"] if ordered else batches
    for run in runs:
        numbers = [int(name[1:]) for name in run]
        assert numbers == sorted(numbers)


def test_an_idle_batcher_runs_at_once_what_is_there() -> None:
    """However long the delay is, what one turn of the loop brings is one batch, and no timer holds it back."""

    async def test(desk):
        waiters = [desk.submit(name)[0] for name in "abc"]
        for waiter in waiters:
            await waiter.over.wait()
        assert desk.batches == [["a", "b", "c"]]

    on_a_desk(test, held=False)


def test_items_gather_while_a_batch_runs() -> None:
    """Batch until idle: what came meanwhile is the next batch, up to its rows."""

    async def test(desk):
        desk.submit("first")
        await desk.until(1)
        waiters = [desk.submit(f"{number}", rows=3)[0] for number in range(3)]
        await asyncio.sleep(0.02)
        assert desk.batches == [["first"]]
        desk.permits.release(10)
        await waiters[-1].over.wait()
        assert desk.batches == [["first"], ["0", "1"], ["2"]]

    on_a_desk(test)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_as_many_batches_run_at_once_as_there_are_threads(threads) -> None:
    """Each full batch takes a free thread; the rest waits for the first that ends."""

    async def test(desk):
        waiters = [desk.submit(f"{number}", rows=8)[0] for number in range(5)]
        await desk.until(threads)
        await asyncio.sleep(0.02)
        assert len(desk.batches) == threads
        desk.permits.release(5)
        for waiter in waiters:
            await waiter.over.wait()
        assert len(desk.batches) == 5

    on_a_desk(test, threads=threads)


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ([{"rows": 8}], {}),  # they fill a batch
        ([{}], {"max_delay_s": 0.005}),  # the oldest has waited
    ],
)
def test_with_a_thread_free_a_batch_does_not_wait_for_ever(more, options) -> None:
    """A full batch, or a delay that is over: the second thread runs what waits beside the first."""

    async def test(desk):
        desk.submit("first")
        await desk.until(1)
        await asyncio.sleep(0.01)
        for number, one in enumerate(more):
            desk.submit(f"{number}", **one)
        await desk.until(2)
        assert desk.batches == [["first"], [f"{number}" for number in range(len(more))]]

    on_a_desk(test, threads=2, **options)


def test_the_wait_ends_so_early_that_the_batch_still_fits() -> None:
    """A measured run of 0.2 s, 10 s of delay and 0.6 s of deadline: the batch goes before 0.4 s, and is in time."""

    async def test(desk):
        def slow(batch):
            desk.batches.append(list(batch))
            time.sleep(0.2)
            return batch

        desk.batcher._run = slow
        first, _ = desk.submit("first")
        await first.over.wait()
        desk.batcher._run = desk.run
        desk.submit("long")
        await desk.until(2)
        desk.batcher._run = slow
        second, _ = desk.submit("second", within_s=0.6)
        await second.over.wait()
        assert second.said == [("result", "second")]

    on_a_desk(test, threads=2, max_delay_s=10.0)


def test_an_item_whose_deadline_passes_is_told_and_not_run() -> None:
    """While the only thread is busy a deadline passes: late, never started; the others are served."""

    async def test(desk):
        desk.submit("first")
        await desk.until(1)
        late, _ = desk.submit("late", within_s=0.01)
        patient, _ = desk.submit("patient", within_s=LONG_S)
        await late.over.wait()
        desk.permits.release(10)
        await patient.over.wait()
        assert (late.said, late.started) == ([("late", None)], 0)
        assert desk.batches == [["first"], ["patient"]]

    on_a_desk(test)


def test_a_model_that_takes_too_long_is_given_up() -> None:
    """A running item's time can be over too; its batch ends for the others, and its own result is dropped."""

    async def test(desk):
        late, _ = desk.submit("late", within_s=0.01)
        patient, _ = desk.submit("patient")
        await late.over.wait()
        assert (late.said, late.started) == ([("late", None)], 1)
        desk.permits.release()
        await patient.over.wait()
        assert patient.said == [("result", "done patient")]

    on_a_desk(test)


def test_keys_take_turns() -> None:
    """A key that never runs dry does not keep another one waiting for more than one batch."""

    async def test(desk):
        desk.submit("first", key="hot")
        await desk.until(1)
        for number in range(30):
            desk.submit(f"{number}", key="hot", rows=4)
        other, _ = desk.submit("other", key="cold")
        desk.permits.release(2)
        await desk.until(3)
        desk.permits.release()
        await other.over.wait()
        assert desk.batches[:3] == [["first"], ["0", "1"], ["other"]]

    on_a_desk(test)


def test_a_batch_that_fails_fails_its_own_items_only() -> None:
    """An exception, or a wrong number of results, reaches every item of its batch; the next batch runs."""

    async def test(desk):
        bad, beside, fine = (desk.submit(name, key=key)[0] for name, key in (("bad", 0), ("ok", 0), ("ok", 1)))
        for waiter in (bad, beside, fine):
            await waiter.over.wait()
        assert [waiter.said[0][0] for waiter in (bad, beside, fine)] == ["error", "error", "result"]
        desk.batcher._run = lambda batch: batch[1:]
        short, _ = desk.submit("short")
        await short.over.wait()
        assert "0 results for a batch of 1" in str(short.said[0][1])
        desk.batcher._run = desk.run

    on_a_desk(test, held=False)


def test_closing_finishes_what_was_submitted() -> None:
    """Items in the queue still get their results; what comes afterwards fails, and does not hang."""

    async def test(desk):
        waiters = [desk.submit(f"{number}", rows=8)[0] for number in range(3)]
        desk.batcher.close()
        for waiter in waiters:
            await waiter.over.wait()
            assert waiter.said[0][0] == "result"
        after, _ = desk.submit("after")
        await after.over.wait()
        assert after.said[0][0] == "error"

    on_a_desk(test, held=False)


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(1e-5, 1.0)), min_size=1, max_size=30), st.integers(1, 400))
def test_an_expected_run_time_comes_from_what_ran(runs, asked) -> None:
    """It lies between the fastest and the slowest run seen, in proportion to rows beyond the largest; 0 before any."""
    times = RunTimes()
    assert times.expected_s(asked) == 0.0
    for rows, seconds in runs:
        times.ran(rows, seconds)
    most = max(rows for rows, _ in runs)
    beyond = max(1.0, 2.0 ** ((asked - 1).bit_length() - (most - 1).bit_length()))
    low, high = min(seconds for _, seconds in runs), max(seconds for _, seconds in runs)
    assert low * (1 - 1e-9) <= times.expected_s(asked) <= high * beyond * (1 + 1e-9)


class Due:
    """Somebody who waits."""

    def __init__(self, due_s: float) -> None:
        self.due_s = due_s
        self.waits = True


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 9) | st.just(math.inf), st.integers(0, 99)), max_size=300))
def test_the_earliest_deadline_is_that_of_those_who_wait(steps) -> None:
    """Against a plain minimum, whoever comes and goes."""
    found, here = Deadlines(), []
    for comes, due_s, which in steps:
        if comes or not here:
            here.append(Due(due_s))
            found.add(here[-1], len(here))
        else:
            here.pop(which % len(here)).waits = False
        assert found.earliest_s == min((one.due_s for one in here), default=math.inf)


def test_who_went_is_not_kept() -> None:
    """Ten thousand short waits with far deadlines leave no heap of ten thousand."""
    found: Deadlines = Deadlines()
    for _ in range(10_000):
        one = Due(60.0)
        found.add(one, 1)
        one.waits = False
    assert len(found._heap) < 100


# The real thing


class Told:
    """A sink that keeps what it was told."""

    def __init__(self) -> None:
        self.sent = 0
        self.body = b""
        self.failure: Exception | None = None
        self.over = asyncio.Event()

    def on_connected(self, seconds: float) -> None:
        raise AssertionError(seconds)

    def on_sent(self) -> None:
        self.sent += 1

    def on_head(self, status: int, headers: list) -> None:
        assert (status, headers) == (200, [("content-type", "application/json")])

    def on_piece(self, piece) -> None:
        self.body = piece.data
        self.over.set()

    def on_failure(self, error) -> None:
        self.failure = error
        self.over.set()


def lookup(path) -> str:
    """A model that looks rows up in a table of 5: an index of 5 or more makes ONNX Runtime fail."""
    x = helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    table = np.arange(15, dtype=np.float32).reshape(5, 3)
    node = helper.make_node("Gather", ["table", "x"], ["y"])
    graph = helper.make_graph([node], "lookup", [x], [y], [onnx.numpy_helper.from_array(table, "table")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def call(indices, **options) -> Call:
    tensor = {"name": "x", "datatype": "INT64", "shape": [len(indices)], "data": indices}
    return Call(body=json.dumps({"inputs": [tensor]}).encode(), client_model="m", **options)


def with_a_model(tmp_path, test, **options) -> None:
    async def main():
        sender = OnnxSender(Backend(name="b", kind="onnx", model_path=lookup(tmp_path / "m.onnx"), **options))
        await asyncio.wait_for(test(sender), 20)
        await sender.close()

    asyncio.run(main())


@pytest.mark.parametrize("threads", [1, 2])
def test_a_poisonous_request_fails_alone(tmp_path, threads) -> None:
    """One request that the model fails on, in a batch with others: they get what they would have got alone."""

    async def test(sender):
        asked = [[number % 5, (number + 1) % 5] for number in range(20)]
        asked[7] = [9, 0]
        sinks = [Told() for _ in asked]
        for indices, sink in zip(asked, sinks, strict=True):
            sender.send(call(indices), sink)
        for sink in sinks:
            await sink.over.wait()
        assert "out of data bounds" in sinks[7].failure.message
        for number, sink in enumerate(sinks):
            if number != 7:
                data = json.loads(sink.body)["outputs"][0]["data"]
                assert data == [float(3 * index + column) for index in asked[number] for column in range(3)]

    with_a_model(tmp_path, test, threads=threads)


def test_a_call_without_time_left_costs_nothing(tmp_path) -> None:
    """`deadline_ms` of 0: timed out, and never told as sent."""

    async def test(sender):
        sink = Told()
        sender.send(call([0], deadline_ms=0.0), sink)
        await sink.over.wait()
        assert isinstance(sink.failure, TimedOutError)
        assert sink.sent == 0

    with_a_model(tmp_path, test)


def test_a_cancelled_call_is_not_told(tmp_path) -> None:
    """Given up before it runs: nothing is told, and the next one is answered."""

    async def test(sender):
        gone, here = Told(), Told()
        sender.send(call([0]), gone).cancel()
        sender.send(call([1]), here)
        await here.over.wait()
        assert (gone.sent, gone.body, gone.failure) == (0, b"", None)
        assert here.sent == 1

    with_a_model(tmp_path, test)
