"""A policy on disk, an upstream that misbehaves on demand, and a real gateway on a loopback port."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import uvicorn

from breakeven.gateway.runtime import Runtime
from breakeven.gateway.server import asgi_app
from breakeven.gateway.service import GatewayService
from breakeven.schema.journal import scan
from breakeven.schema.policy import (
    Backend,
    CapacityPrice,
    Policy,
    PolicyDeployment,
    Route,
    RouteTarget,
    TokenPrice,
    UseCase,
    WorkCurve,
)
from breakeven.wire.client import Client
from breakeven.wire.server import serve

Handler = Callable[[bytes, dict, asyncio.StreamWriter], Awaitable[None]]
PRICE = TokenPrice(price_id="api/x", input_pico_usd=2_000_000, output_pico_usd=8_000_000)
CAPACITY = CapacityPrice(price_id="gpu", replicas=1, pico_usd_per_replica_s=10**9, power_busy_w=300.0)
WORK = WorkCurve(prefill_s_per_token=0.001, tpot_s=((1.0, 0.01), (10.0, 0.02)))
USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
HTTP_JSON = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def make_policy(**changes) -> Policy:
    """One use case `assistant` on one OpenAI backend; keyword arguments replace fields of the parts by name."""
    backend = Backend(name="up", kind="openai", base_url=changes.pop("url", "http://127.0.0.1:9/v1"))
    deployment = PolicyDeployment(name="api", backend="up", placement="api", tokens=PRICE)
    route = Route(strategy="fixed", targets=(RouteTarget(deployment="api"),))
    use_case = UseCase(**{"name": "assistant", "route": route, "models": ("m",), **changes.pop("use_case", {})})
    backend = msgspec.structs.replace(backend, **changes.pop("backend", {}))
    deployment = msgspec.structs.replace(deployment, **changes.pop("deployment", {}))
    policy = Policy(
        id="p1", use_cases=(use_case,), deployments=(deployment,), backends=(backend,), default_use_case="assistant"
    )
    return msgspec.structs.replace(policy, **changes)


def install(folder: Path, policy: Policy) -> None:
    """Put the policy where a gateway reads it, as `apply` does."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "policy.tmp"
    draft.write_bytes(msgspec.json.encode(policy))
    draft.rename(folder / "policy.lock.json")


def records(folder: Path) -> list:
    """Everything in the journal, in order of its files."""
    found = []
    for path in sorted((folder / "journal").glob("*.*")):
        read = scan(path.read_bytes())
        assert read.stopped == ""
        found += read.records
    return found


class Upstream:
    """A mock model server; keeps the requests that came and counts the connections that ended."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, dict]] = []
        self.url = ""
        self.aborted = 0


@asynccontextmanager
async def start_upstream(handler: Handler) -> AsyncIterator[Upstream]:
    up = Upstream()
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                body = json.loads(await reader.readexactly(length) or b"null")
                up.requests.append((head, body))
                work = asyncio.ensure_future(handler(head, body, writer))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    up.aborted += 1
                    work.cancel()
                    break
                gone.cancel()
                await asyncio.wait({gone})
                work.result()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    up.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield up
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def sse(*chunks: dict | bytes) -> bytes:
    """Events of a stream in HTTP chunks."""
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in chunks]
    return b"".join(b"%x\r\ndata: %s\n\n\r\n" % (len(part) + 8, part) for part in parts)


def delta(text: str) -> dict:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [
        {"index": 0, "delta": {"content": text}, "finish_reason": None}]}  # fmt: skip


COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "up-model",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there"}}],
    "usage": USAGE,
}
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_END = sse(b"[DONE]") + b"0\r\n\r\n"


def whole(body: dict | bytes, status: int = 200) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTP_JSON % (status, len(data)) + data


async def honest(head: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
    """Answers chat completions, streaming or not, and models."""
    if head.startswith(b"GET"):
        writer.write(whole({"object": "list", "data": [{"id": "up-model", "object": "model"}]}))
    elif not body.get("stream"):
        writer.write(whole(COMPLETION))
    else:
        writer.write(STREAM_HEAD + sse({**delta(""), "choices": [{"index": 0, "delta": {"role": "assistant"}}]}))
        for text in ("Hel", "lo", "!"):
            await asyncio.sleep(0)
            writer.write(sse(delta(text)))
        if (body.get("stream_options") or {}).get("include_usage"):
            writer.write(sse({"id": "c", "choices": [], "usage": USAGE}))
        writer.write(STREAM_END)
    await writer.drain()


@asynccontextmanager
async def start_gateway(folder: Path, transport: str = "own") -> AsyncIterator[SimpleNamespace]:
    """A gateway in this process, on a real port, by either transport."""
    runtime = await Runtime.open(folder)
    start = _own if transport == "own" else _asgi
    async with start(runtime) as port, Client() as client:
        try:
            yield SimpleNamespace(url=f"http://127.0.0.1:{port}", runtime=runtime, folder=folder, client=client)
        finally:
            await runtime.close()


@asynccontextmanager
async def _own(runtime: Runtime) -> AsyncIterator[int]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    server = await serve(GatewayService(runtime), sock)
    try:
        yield sock.getsockname()[1]
    finally:
        await server.drain(1.0)


@asynccontextmanager
async def _asgi(runtime: Runtime) -> AsyncIterator[int]:
    config = uvicorn.Config(asgi_app(runtime), port=0, lifespan="off", log_config=None, ws="none", access_log=False)
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.002)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def until(fact: Callable[[], object]) -> None:
    """Wait until something is so, asked plainly or awaited; the test's timeout bounds it."""
    while True:
        so = fact()
        if await so if asyncio.iscoroutine(so) else so:
            return
        await asyncio.sleep(0.005)


async def post(gateway, body, path: str = "/v1/chat/completions", headers=()) -> SimpleNamespace:
    """One request; the answer's status, headers and body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await gateway.client.request("POST", gateway.url + path, list(headers), data, timeout_s=20)
    headers = dict(response.headers)
    return SimpleNamespace(status=response.status, headers=headers, body=await response.read())


async def hangs(head: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never says a word; its list of models answers all the same."""
    if head.startswith(b"GET"):
        await honest(head, body, writer)
    else:
        await asyncio.sleep(60)


def fails(status: int, **headers: str) -> Handler:
    """A handler that answers every request with an error; underscores in header names stand for hyphens."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode()

    async def handler(head: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
        answer = whole({"error": {"message": "because", "type": "t", "code": "c"}}, status)
        writer.write(answer.replace(b"\r\n", b"\r\n" + more, 1))
        await writer.drain()

    return handler


def in_turn(*handlers: Handler) -> Handler:
    """A handler for the first request, one for the second, and so on; the last for all that follow."""
    left = list(handlers)

    async def handler(head: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(head, body, writer)

    return handler


def make_fleet(urls: dict[str, str], **changes) -> Policy:
    """One use case over several deployments, each on a backend of its own; `route` names those that its route has.

    `backend_of` and `deployment_of` replace fields of some by name, `use_case` those of the use case, the rest those
    of the policy.
    """
    of_backend, of_deployment = changes.pop("backend_of", {}), changes.pop("deployment_of", {})
    names = changes.pop("route", tuple(urls))
    route = Route(strategy="fixed", targets=tuple(RouteTarget(deployment=name) for name in names))
    use_case = {"name": "assistant", "route": route, "models": ("m",), **changes.pop("use_case", {})}
    backends = [
        {"name": name, "kind": "openai", "base_url": url, **of_backend.get(name, {})} for name, url in urls.items()
    ]
    deployments = [{"name": one, "backend": one, "tokens": PRICE, **of_deployment.get(one, {})} for one in urls]
    policy = Policy(
        id="p1",
        use_cases=(UseCase(**use_case), *changes.pop("more_use_cases", ())),
        deployments=tuple(PolicyDeployment(**one) for one in deployments),
        backends=tuple(Backend(**one) for one in backends),
        default_use_case="assistant",
    )
    return msgspec.structs.replace(policy, **changes)


def enforce(folder: Path, test, handlers: dict[str, Handler | None], transport: str = "own", **changes) -> list:
    """Run a test with a model server for each handler behind a gateway (None: nobody listens); the records it left."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            ups = {
                name: await stack.enter_async_context(start_upstream(handler))
                for name, handler in handlers.items()
                if handler is not None
            }
            urls = {name: ups[name].url if name in ups else "http://127.0.0.1:9/v1" for name in handlers}
            install(folder, make_fleet(urls, **changes))
            gateway = await stack.enter_async_context(start_gateway(folder, transport))
            await asyncio.wait_for(test(gateway, SimpleNamespace(**ups)), 20)

    asyncio.run(main())
    return records(folder)


def tried(record) -> list[tuple[str, ...]]:
    """The attempts of a record: deployment, kind, outcome, reason."""
    return [(one.deployment, one.kind, one.outcome, one.reason) for one in record.attempts]


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(params=["own", "asgi"])
def transport(request) -> str:
    """Both ways into the gateway."""
    return request.param


@pytest.fixture
def kit() -> SimpleNamespace:
    """The helpers above, for tests that cannot import them."""
    return SimpleNamespace(
        **{
            name: value
            for name, value in globals().items()
            if not name.startswith("_") and name not in {"kit", "pytest", "transport"}
        }
    )
