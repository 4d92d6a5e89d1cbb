"""Laws of the console's process: it serves, it gives way, it ends with its parent."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time

import pytest

from breakeven.assembly import serving
from breakeven.console import life, server
from breakeven.errors import UsageError


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ask(port: int, path: str) -> tuple[int, str]:
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            time.sleep(0.05)
        finally:
            connection.close()
    pytest.fail("the console did not come up")


def test_it_serves_until_the_parents_pipe_closes(memory, port):
    """The console answers over HTTP, and ends when its supervisor is gone."""
    read_fd, write_fd = os.pipe()
    thread = threading.Thread(target=server.run, args=(memory, "127.0.0.1", port, read_fd))
    thread.start()
    try:
        assert _ask(port, "/healthz") == (200, "ok\n")
        status, page = _ask(port, "/unit-cost")
        assert status == 200
        assert "Unit cost" in page
    finally:
        os.close(write_fd)
    thread.join(timeout=20)
    os.close(read_fd)
    assert not thread.is_alive()


def test_a_taken_port_is_an_error_of_the_console_alone(memory, port):
    """Run by hand, the console says which address is taken, and tells nobody that it holds it."""
    held = []
    with socket.create_server(("127.0.0.1", port)), pytest.raises(life.TakenError, match=f"127.0.0.1:{port}"):
        server.run(memory, "127.0.0.1", port, None, held.append)
    assert held == []


def test_a_taken_port_is_a_message_and_a_clean_end_of_a_part_of_serve(tmp_path, port, capsys):
    """Where the port is taken the gateway goes on: one message with the way out, and no exception."""
    place = serving.Place(data_dir=tmp_path, host="127.0.0.1", port=1, console_port=port, workers=1)
    with socket.create_server(("127.0.0.1", port)):
        serving.PARTS["console"](place, None)
    message = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in message
    assert "--console-port" in message


def test_a_host_that_is_not_ours_is_an_error():
    """An address that does not resolve names itself and the way out."""
    with pytest.raises(UsageError, match=r"no-such-host\.invalid"):
        life.bind("no-such-host.invalid", 0)


def test_without_a_pipe_nothing_watches():
    """Run by hand, the console ends by a signal only."""
    before = threading.active_count()
    life.when_closed(None, lambda: None)
    assert threading.active_count() == before


def test_bytes_in_the_pipe_do_not_end_it():
    """Only the end of the pipe is the end."""
    read_fd, write_fd = os.pipe()
    ended = threading.Event()
    life.when_closed(read_fd, ended.set)
    os.write(write_fd, b"still here")
    assert not ended.wait(0.2)
    os.close(write_fd)
    assert ended.wait(10)
    os.close(read_fd)
