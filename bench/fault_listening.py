"""Faults on the listening side: slow, huge, ambiguous, malformed, compressed and unknown callers."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from raw import CHAT, Answer, Line, chat, lines, once, p99_ms, request, steady
from served import Serve, Upstream, descriptors, digest, policy_of
from verdict import Row

from breakeven.schema.policy import Tenant

DRIPPING = 500
LIMIT = 1 << 20
HEAD_S, BODY_S = 10.0, 30.0


async def _drip(port: int, first: bytes, byte: bytes, closed: list[float], stop: asyncio.Event) -> None:
    """Send a beginning, then a byte a second, until the server has enough; append how long it bore that."""
    start_s = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        while not stop.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await reader.read()
                closed.append(time.monotonic() - start_s)
                break
            except TimeoutError:
                writer.write(byte)
    except OSError:
        closed.append(time.monotonic() - start_s)
    else:
        writer.transport.abort()


async def slowloris(up: Upstream) -> AsyncIterator[Row]:
    """R1: half a head, half a body and silence, each a third of 500 sockets, beside 20 requests/s."""
    with Serve(policy_of(up, {"m": "ok"})) as serve:
        async with lines(serve) as some:
            (worker,) = serve.worker_pids
            sent = request(chat("m"))
            await asyncio.gather(*(some.ask(sent) for _ in range(8)))
            before, during = [], []
            await _for(6.0, some, sent, before)
            start = descriptors(worker)
            stop = asyncio.Event()
            forms = {
                "head": (b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nx-slow: ", b"a", HEAD_S),
                "silent": (b"", b"", HEAD_S),
                "body": (request(b"x" * 1000)[:-900], b" ", BODY_S),
            }
            closed: dict[str, list[float]] = {form: [] for form in forms}
            drips = [
                asyncio.create_task(_drip(serve.port, first, byte, closed[form], stop))
                for form, (first, byte, _) in forms.items()
                for _ in range(DRIPPING // len(forms))
            ]
            await _for(BODY_S + 3, some, sent, during)
            stop.set()
            await asyncio.wait(drips)
            await asyncio.sleep(0.3)
            end = descriptors(worker)
    for form, (_, _, limit_s) in forms.items():
        last = max(closed[form], default=0.0)
        share = len(closed[form]) / (DRIPPING // len(forms))
        yield Row(
            "R1", f"slowloris, {form}: closed by the server", f"100 % by {limit_s:.0f} s",
            f"{share:.0%}, last after {last:.1f} s", share == 1 and last <= limit_s + 1.5,
        )  # fmt: skip
    failed = sum(one.status != 200 for one in during)
    yield Row("R1", "normal requests failed beside it", "0", f"{failed} of {len(during)}", not failed)
    calm, busy = p99_ms(before), p99_ms(during)
    yield Row("R1", "normal p99 beside it", "<= 2 x calm", f"{busy:.1f} ms, calm {calm:.1f}", busy <= 2 * calm)
    yield Row("R1", "descriptors afterwards", "as before", f"{end - start:+d}", end <= start)


async def _for(seconds: float, some: object, sent: bytes, into: list[Answer]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await steady(some, sent, 20, stop, into)  # type: ignore[arg-type]


def _peak_mb(pid: int, *, reset: bool = False) -> float:
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


async def _flood(port: int, total: int) -> tuple[Answer, int]:
    """A chunked body of `total` bytes without length; the answer, and how much of it was sent before that came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = request(b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
    block = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent, start_s = 0, time.perf_counter()
    answer = asyncio.create_task(reader.read(4096))
    try:
        writer.write(head)
        while sent < total and not answer.done():
            writer.write(block)
            await writer.drain()
            sent += 0x10000
        async with asyncio.timeout(10):
            data = await answer
    except (OSError, TimeoutError):
        data = answer.result() if answer.done() and not answer.exception() else b""
    answer.cancel()
    writer.transport.abort()
    return Answer(data, "whole", time.perf_counter() - start_s), sent


async def huge(up: Upstream) -> AsyncIterator[Row]:
    """R2: huge heads and bodies, ambiguous framing; R4: decompression bombs."""
    with Serve(policy_of(up, {"m": "ok"}, max_body_bytes=LIMIT)) as serve:
        (worker,) = serve.worker_pids
        for _ in range(20):
            await once(serve.port, request(chat("m")))
        calm = _peak_mb(worker, reset=True)
        answers = [await once(serve.port, request(chat("m"), {"x-big": "a" * size})) for size in (70_000, 1_000_000)]
        said = sorted({one.status for one in answers})
        yield Row("R2", "a head of 70 kB, of 1 MB", "431", f"{said}", said == [431])
        many = await once(serve.port, request(chat("m"), {f"x-{n}": "a" * 20 for n in range(5000)}))
        yield Row("R2", "5,000 header fields", "431", f"{many.status}", many.status == 431)
        flood, sent = await _flood(serve.port, 1 << 30)
        grown = _peak_mb(worker) - calm
        yield Row(
            "R2", "1 GB chunked, limit 1 MB", "413", f"{flood.status} after {sent / 1e6:.1f} MB", flood.status == 413
        )
        stated = await once(serve.port, request(b"")[:-4].replace(b"length: 0", b"length: 9999999999") + b"\r\n\r\n")
        yield Row("R2", "Content-Length of 10 GB", "413", f"{stated.status}", stated.status == 413)
        yield Row("R2", "memory grown by it", "<= 2 x limit", f"{grown:.1f} MB", grown <= 2 * LIMIT / 1e6 + 1)
        async for row in _ambiguous(serve):
            yield row
        async for row in _bombs(serve, worker):
            yield row


AMBIGUOUS = {
    "CL+TE": {"transfer-encoding": "chunked"},
    "two lengths": {"Content-Length": "3"},
    "TE twice": {"transfer-encoding": "gzip, chunked"},
    "TE hidden": {"transfer-encoding": "\tchunked"},
    "length +5": {"content-length": "+5"},
    "space before colon": {"transfer-encoding ": "chunked"},
}


async def _ambiguous(serve: Serve) -> AsyncIterator[Row]:
    got = {}
    for name, more in AMBIGUOUS.items():
        answer = await once(serve.port, request(chat("m"), more), 5)
        got[name] = answer.status
    wrong = {name: status for name, status in got.items() if status not in {400, 501}}
    yield Row("R2", "ambiguous framing, 6 forms", "400 always", f"{wrong or 'all 400'}", not wrong)


async def _bombs(serve: Serve, worker: int) -> AsyncIterator[Row]:
    """100 kB that expand to 100 MB."""
    bombs = {
        "gzip": gzip.compress(b"\0" * 100_000_000, 9),
        "deflate": zlib.compress(b"\0" * 100_000_000, 9),
        "br": b"\x1b\xff\xff\x00" * 25_000,
        "zstd": b"\x28\xb5\x2f\xfd" * 25_000,
    }
    calm = _peak_mb(worker, reset=True)
    got = {}
    for coding, body in bombs.items():
        got[coding] = (await once(serve.port, request(body, {"content-encoding": coding}))).status
    grown = _peak_mb(worker) - calm
    yield Row("R4", "100 kB that expand to 100 MB", "415", f"{got}", set(got.values()) == {415})
    yield Row("R4", "memory grown by it", "<= 10 MB", f"{grown:.1f} MB", grown <= 10)


def corpus() -> list[bytes]:
    """Bodies that no parser should fall over."""
    ask = chat("m").decode()
    field = lambda text: ask.replace('"max_tokens": 64', text).encode()  # noqa: E731 - it is used 20 times below
    return [
        b"", b"{", b"}", b"null", b"[]", b'""', b"0", b"\0", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"{}" * 3, b'{"a":1,}',
        b"[" * 100_000, b'{"a":' * 100_000, b"[" * 2000 + b"]" * 2000,
        b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
        field('"temperature": NaN'), field('"temperature": Infinity'), field('"temperature": -1e999'),
        field('"max_tokens": 1e999'), field('"max_tokens": ' + "9" * 100_000), field('"max_tokens": -1'),
        field('"max_tokens": "64"'), field('"max_tokens": null'), field('"max_tokens": 1.5'), field('"n": 1000000'),
        field('"max_tokens": 64, "max_tokens": 65'), field('"user": "\\ud800"'), field('"user": "\\u0000"'),
        field('"user": 7'), field('"metadata": []'), field('"metadata": {"breakeven_consent": "x"}'),
        field('"stream": "yes"'), field('"stream": 1'), field('"stream_options": {"include_usage": 3}'),
        field('"seed": 99999999999999999999999'), field('"tools": {}'), field('"tools": [[[[[]]]]]'),
        field('"logit_bias": {"x": {}}'), field('"stop": [1,2]'), field('"response_format": "json"'),
        ask.replace('"m"', "7").encode(), ask.replace('"m"', '"' + "m" * 100_000 + '"').encode(),
        ask.replace('"m"', '"../../etc/passwd"').encode(), ask.replace('"m"', '"\\ud83d"').encode(),
        b'{"model":"m"}', b'{"messages":[]}', b'{"model":"m","messages":[]}', b'{"model":"m","messages":{}}',
        b'{"model":"m","messages":[1]}', b'{"model":"m","messages":[null]}',
        b'{"model":"m","messages":[{"role":"user"}]}',
        b'{"model":"m","messages":[{"role":7,"content":[]}]}', b'{"model":"m","messages":[{"content":{"a":[]}}]}',
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":7}]}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\xc3\x28"}]}', b'{"model":null,"messages":null}',
        b'{"model":"m","input":[[1e999]]}', b'{"model":"m","prompt":{}}', b'{"inputs":[{"name":"x","shape":[-1]}]}',
        b'{"inputs":[{"name":"x","shape":[99999999999,99999999999],"datatype":"FP32","data":[]}]}',
        b'{"candidates":{}}',
        b'{"specversion":"1.0"}', b'[{"specversion":"1.0","id":"","source":"","type":""}]',
        b'{"id":' + b"1" * 5000 + b"}",
    ]  # fmt: skip


PATHS = (CHAT, "/v1/completions", "/v1/embeddings", "/v1/decisions/m", "/v2/models/m/infer", "/events")


async def malformed(up: Upstream) -> AsyncIterator[Row]:
    """R3: every body of the corpus to every endpoint that reads one."""
    with Serve(policy_of(up, {"m": "ok"})) as serve:
        bad, shapeless, passed, total = [], [], 0, 0
        for path in PATHS:
            for body in corpus():
                answer = await once(serve.port, request(body, path=path), 10)
                total += 1
                passed += answer.status == 200
                if answer.status >= 500 or answer.status == 0:
                    bad.append((answer.status, path, body[:60]))
                elif answer.status >= 400 and not _shaped(answer):
                    shapeless.append((answer.status, path, answer.body[:80]))
        alive = (await once(serve.port, request(chat("m")))).status
    first = f", first {bad[0]}" if bad else ""
    yield Row("R3", f"{total} malformed bodies, 5xx or no answer", "0", f"{len(bad)}{first}", not bad)
    first = f", first {shapeless[0]}" if shapeless else ""
    yield Row("R3", "refusals not in the API's error shape", "0", f"{len(shapeless)}{first}", not shapeless)
    yield Row(
        "R3", "a good request afterwards", "200", f"{alive} ({passed} of the corpus were let through)", alive == 200
    )


def _shaped(answer: Answer) -> bool:
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(error, str) or bool(error.get("message"))


OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/v2/health/live"),
        ("GET", "/v2/health/ready"), ("OPTIONS", "/events")}  # fmt: skip
ROUTES = (
    *sorted(OPEN), ("GET", "/v1/models"), ("GET", "/v2"), ("GET", "/v2/models/m"), ("GET", "/v2/models/m/ready"),
    *(("POST", path) for path in PATHS),
)  # fmt: skip
TRICKS = (
    "/v1//chat/completions", "//v1/chat/completions", "/v1/./chat/completions", "/healthz/../v1/chat/completions",
    "/v1/chat/completions/", "/V1/CHAT/COMPLETIONS", "/v1/chat%2fcompletions", "/%76%31/chat/completions",
    "http://gateway/v1/chat/completions", "/v1/chat/completions?key=x", "/v1/chat/completions#x",
    "/healthz;/v1/chat/completions", "/v1/chat/completions%00", "/metrics/../v1/models",
)  # fmt: skip
OTHER = "sk-other-0123456789abcdef0123456789abcdef"


async def identities(up: Upstream) -> AsyncIterator[Row]:
    """R33: every route and trick, asked by nobody, by a wrong key, by a tenant of other use cases, by the right one."""
    policy = policy_of(up, {"m": "ok", "n": "ok"})
    other = Tenant(name="other", key_sha256=(digest(OTHER),), use_cases=("n",))
    policy = policy_of(up, {"m": "ok", "n": "ok"}, tenants=(*policy.tenants, other))
    bodies = {CHAT: chat("m"), "/v1/completions": b'{"model":"m","prompt":"hi"}',
              "/v1/embeddings": b'{"model":"m","input":"hi"}'}  # fmt: skip
    bypass, odd, checked = [], [], 0
    with Serve(policy) as serve:
        before = up.told()["seen"].get("ok", 0)
        for key in ("", "sk-wrong", OTHER.upper(), " "):
            for method, path in (*ROUTES, *(("POST", path) for path in TRICKS), ("GET", "/unknown"), ("DELETE", CHAT)):
                sent = request(
                    bodies.get(path, chat("m")) if method == "POST" else b"", path=path, method=method, key=key
                )
                answer = await once(serve.port, sent, 5)
                checked += 1
                if (method, path) in OPEN:
                    odd += [(method, path, answer.status)] if answer.status not in {200, 204} else []
                elif answer.status < 400 or (path in PATHS and method == "POST" and answer.status != 401):
                    bypass.append((method, path, answer.status))
        reached = up.told()["seen"].get("ok", 0) - before
        for path in (CHAT, "/v1/completions", "/v1/embeddings"):
            answer = await once(serve.port, request(bodies[path], key=OTHER, path=path))
            checked += 1
            if answer.status not in {401, 403, 404}:
                bypass.append(("other tenant", path, answer.status))
        right = (await once(serve.port, request(chat("m")))).status
        theirs = (await once(serve.port, request(chat("n"), key=OTHER))).status
    yield Row("R33", f"{checked} route x identity: bypasses", "0", f"{len(bypass)} {bypass[:3] or ''}", not bypass)
    yield Row("R33", "requests that reached the model server so", "0", f"{reached}", not reached)
    yield Row("R33", "open routes answer without a key", "all", f"{odd or 'all'}", not odd)
    yield Row("R33", "right key; other tenant's own use case", "200, 200", f"{right}, {theirs}", right == theirs == 200)


async def reloads(up: Upstream) -> AsyncIterator[Row]:
    """R6: a thousand truncated or wrong policies in 20 s, under load."""
    with Serve(policy_of(up, {"m": "ok"})) as serve:
        async with lines(serve) as some:
            good = msgspec.json.encode(serve.policy)
            stop, answers = asyncio.Event(), []
            load = asyncio.create_task(steady(some, request(chat("m")), 200, stop, answers))
            wrong_id = good.replace(serve.policy.id.encode(), b"never")
            for number in range(1000):
                cut = good[: number * len(good) // 1000]
                bad = (cut, wrong_id.replace(b'"fixed"', b'"nothing"'), b"\xff" + good)[number % 3]
                if number % 6 == 5:
                    (serve.data / "policy.lock.json").write_bytes(bad)
                else:
                    serve.write(bad)
                await asyncio.sleep(0.02)
            standing = await asyncio.to_thread(serve.ready_policy)
            await asyncio.to_thread(serve.install, msgspec.structs.replace(serve.policy, id="bench-better"))
            cleared = not await _rejected(serve)
            serve.write(wrong_id.replace(b'"fixed"', b'"nothing"'))
            start_s = time.monotonic()
            for _ in range(100):
                if await _rejected(serve):
                    break
                await asyncio.sleep(0.05)
            seen_s = time.monotonic() - start_s
            stop.set()
            await load
    failed = sum(one.status != 200 for one in answers)
    yield Row(
        "R6",
        "1,000 bad policies: requests failed",
        "0",
        f"{failed} of {len(answers)}",
        not failed and len(answers) > 1000,
    )
    yield Row("R6", "the last good one stays", "it does", standing, standing == _id(good))
    yield Row("R6", "a good one clears it", "it does", "cleared" if cleared else "not cleared", cleared)
    yield Row("R6", "rejection seen in /metrics", "<= 1 s", f"{seen_s:.2f} s", seen_s <= 1)


def _id(encoded: bytes) -> str:
    return str(json.loads(encoded)["id"])


async def _rejected(serve: Serve) -> bool:
    line = Line(serve.port)
    answer = await line.ask(request(b"", path="/metrics", method="GET"))
    line.close()
    return any(
        one.startswith(b"breakeven_policy_rejected") and float(one.rsplit(b" ", 1)[1]) >= 1
        for one in answer.body.splitlines()
    )
