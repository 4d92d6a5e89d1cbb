"""A journal as a gateway writes it, and an OTLP receiver that decodes what comes and fails on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from breakeven.gateway.journal_file import JournalFile
from breakeven.schema.journal import frame
from breakeven.schema.record import Attempt, Prediction, Tokens

SERVER = 2


class Receiver:
    """What came, decoded. `answers` are the statuses of the next posts, 200 when there are none; 0 hangs up."""

    def __init__(self) -> None:
        self.spans: list = []
        self.metrics: list = []
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.rejects = 0
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.headers.append(headers)
        status, more = self.answers.pop(0) if self.answers else (200, {})
        if status != 200:
            return status, more, b""
        self.raw.append(body)
        proto = import_module("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
        if path.endswith("/v1/metrics"):
            self.metrics.append(proto.ExportMetricsServiceRequest.FromString(body))
            return 200, {}, b""
        assert path.endswith("/v1/traces")
        proto = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        for resource in proto.ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(values(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.spans += scope.spans
        answer = proto.ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.rejects
        return 200, {}, answer.SerializeToString()

    @property
    def server_spans(self) -> list:
        return [one for one in self.spans if one.kind == SERVER]

    @property
    def points(self) -> dict:
        """The histograms of the last post by metric and attributes."""
        found = {}
        for resource in self.metrics[-1].resource_metrics:
            for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
                for point in metric.histogram.data_points:
                    key = metric.name, tuple(sorted(values(point.attributes).items()))
                    assert key not in found
                    found[key] = point
        return found


def values(attributes) -> dict:
    """Attributes as a dict of Python values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def serve(receiver: Receiver) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, answer = receiver.take(self.path, headers, body)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    server = serve(found)
    yield found
    server.shutdown()
    server.server_close()


class Writer:
    """One worker's journal: appends, rotates, closes, as a gateway does; `seal` is what the sealer does to the rest."""

    def __init__(self, data_dir: Path, node: str = "n") -> None:
        self.folder = data_dir / "journal"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.node, self.files, self.count = node, 0, 0
        self.records: list[Prediction] = []
        self._open()

    def append(self, **changes) -> Prediction:
        self.count += 1
        record = prediction(self.node, self.count, **changes)
        self.file.append(frame(record), 1)
        self.records.append(record)
        return record

    def rotate(self) -> None:
        old = self.file
        self._open()
        old.seal()

    def close(self) -> None:
        self.file.seal()

    def seal(self) -> None:
        for path in self.folder.glob(f"{self.node}-*.journal"):
            path.unlink()

    def _open(self) -> None:
        self.files += 1
        self.file = JournalFile(self.folder, f"{self.node}-{self.files:08d}")


def prediction(node: str = "n", number: int = 1, **changes) -> Prediction:
    """An answered, streamed completion with a retry before it."""
    attempts = (
        Attempt(deployment="gpu", kind="primary", outcome="timeout", reason="deadline", start_s=0.01, duration_s=0.1),
        Attempt(deployment="api", kind="retry", outcome="ok", start_s=0.12, duration_s=0.3),
    )
    return Prediction(
        **{
            "prediction_id": f"{node}/{number}", "request_id": f"r-{node}-{number}", "node": node, "sequence": number,
            "time_s": 1764000000.0 + number, "use_case": "assistant", "tier": "critical", "deployment": "api",
            "model": "llama", "cache": "miss", "total_s": 0.5, "ttft_s": 0.2, "tpot_s": 0.02, "stream": True,
            "consumed": Tokens(input=100 + number, cached_input=40, output=10, reasoning=4),
            "billable": Tokens(input=100 + number, cached_input=40, output=10, reasoning=4),
            "cost_pico_usd": 46_000_000 + number, "attempts": attempts, "stages": {"gateway": 0.001},
        } | changes
    )  # fmt: skip


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """What tests need and cannot import."""
    return SimpleNamespace(Writer=Writer, Receiver=Receiver, serve=serve, prediction=prediction, values=values)
