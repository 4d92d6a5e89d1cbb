"""A child notices the end of its supervisor in a thread and in an event loop, once, and not before."""

import asyncio
import os
import threading

from breakeven.supervisor.pipe import closed, exit_when_closed


def test_the_thread_waits_for_the_pipe_to_close() -> None:
    """Bytes on the pipe mean nothing; its end means stop."""
    read_fd, write_fd = os.pipe()
    told = threading.Event()
    thread = exit_when_closed(read_fd, told.set)
    os.write(write_fd, b"still here")
    assert not told.wait(0.05)
    os.close(write_fd)
    assert told.wait(30)
    thread.join(30)
    os.close(read_fd)


def test_the_event_loop_waits_for_the_pipe_to_close() -> None:
    """The coroutine returns at end of file and leaves no reader behind."""
    read_fd, write_fd = os.pipe()

    async def main() -> bool:
        task = asyncio.create_task(closed(read_fd))
        await asyncio.sleep(0.02)
        early = task.done()
        os.close(write_fd)
        await asyncio.wait_for(task, 30)
        assert not asyncio.get_running_loop().remove_reader(read_fd)
        return early

    assert asyncio.run(main()) is False
    os.close(read_fd)
