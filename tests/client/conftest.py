"""A gateway that answers /events by script, on a real loopback socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HANG_UP = 0


class Gateway:
    """Counts events by (source, id) as the real one does. `script` holds the statuses of the next answers, then 202.

    A status of `HANG_UP` takes the events and then closes the connection without an answer.
    """

    def __init__(self) -> None:
        self.script: list[int] = []
        self.posts: list[list[dict[str, Any]]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.counted: dict[tuple[str, str], dict[str, Any]] = {}
        self.refuse = lambda _event: False
        self.answer: dict[str, Any] = {}
        self.url = ""
        self.lock = threading.Lock()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        events = json.loads(body)
        with self.lock:
            self.paths.append(path)
            self.headers.append(headers)
            self.posts.append(events)
            status = self.script.pop(0) if self.script else 202
            if status == 202 and any(self.refuse(event) for event in events):
                status = 400
            if status in {HANG_UP, 202}:
                self.counted |= {(event["source"], event["id"]): event for event in events}
        return status, self.answer


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A running gateway."""
    state = Gateway()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = state.take(self.path, headers, body)
            if status == HANG_UP:
                self.close_connection = True
                return
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
