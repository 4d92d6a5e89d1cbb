"""Secrets and prompts stay where they belong, every route decides who may, and no body breaks anything."""

import asyncio
import base64
import json
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.gateway.service import ENDPOINTS, PATTERNS
from breakeven.schema.policy import (
    Backend,
    Budget,
    Decision,
    Policy,
    PolicyDeployment,
    Quota,
    Retry,
    Route,
    RouteTarget,
    Tenant,
    UseCase,
)

KEYS = {
    "acme": "sk-CANARY-acme-6f1d2c9a8b7e",
    "evil": "AIzaCANARYevil0123456789abcdefghij",
    "poor": "ghp_CANARYpoor0123456789abcdef",
}
WRONG = "xoxb-CANARY-wrong-11112222"
UPSTREAM_KEY = "sk-ant-CANARY-upstream-99887766"
PROMPT = "PROMPT-CANARY my account DE89370400440532013000 is overdrawn"
SUBJECT = "SUBJECT-CANARY-jane@example.org"
SECRETS = (*KEYS.values(), WRONG, UPSTREAM_KEY)


def spellings(canary: str) -> set[bytes]:
    """How a secret may turn up: as it is, in base64, in hexadecimal, reversed in case, or its tail."""
    plain = canary.encode()
    return {
        plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), plain.lower(), plain.upper(), plain[-12:]
    }  # fmt: skip


def leaks(text: bytes, *canaries: str) -> list[str]:
    return [canary for canary in canaries for spelt in spellings(canary) if spelt in text]


# A gateway with three tenants, one of each kind of backend, and an access log


def digest(key: str) -> tuple[str, ...]:
    return (sha256(key.encode()).hexdigest(),)


def policy_of(urls: dict[str, str], folder, **use_case) -> Policy:
    backends = (
        Backend(name="chat", kind="openai", base_url=urls["chat"], api_key_env="CANARY_UPSTREAM_KEY", timeout_s=0.3),
        Backend(name="tensor", kind="oip", base_url=urls["tensor"].removesuffix("/v1"), timeout_s=0.3),
    )
    deployments = (
        PolicyDeployment(name="chat", backend="chat"),
        PolicyDeployment(name="tensor", backend="tensor", model="scorer"),
    )

    def case(name, target, **more):
        route = Route(strategy="fixed", targets=(RouteTarget(deployment=target),))
        return UseCase(**{"name": name, "route": route, "budget_s": 2.0, **use_case, **more})

    use_cases = (
        case("assistant", "chat", models=("m",)),
        case("score", "tensor", models=("scorer",)),
        case("pick", "tensor", decision=Decision(candidate_features=("f",)), models=("pick",)),
        case("secret", "chat", models=("secret-model",)),
        case("secret-pick", "tensor", decision=Decision(candidate_features=("f",)), models=("secret-scorer",)),
    )
    open_to = ("assistant", "score", "pick")
    return Policy(
        id="p1",
        use_cases=use_cases,
        deployments=deployments,
        backends=backends,
        tenants=(
            Tenant(name="acme", key_sha256=digest(KEYS["acme"])),
            Tenant(name="evil", key_sha256=digest(KEYS["evil"]), use_cases=open_to),
            Tenant(name="poor", key_sha256=digest(KEYS["poor"]), quota=Quota(requests_per_day=1)),
        ),
        budgets=(Budget(name="money", limit_pico_usd=10**15),),
        default_use_case="assistant",
        access_log=str(folder / "access.log"),
        max_body_bytes=300_000,
        otlp=True,
    )


def both(kit):
    """A server that speaks chat, completions, embeddings and v2, and answers well."""

    async def handler(head, body, writer):
        if b"/v2/" in head.partition(b"\r\n")[0]:
            rows = body["inputs"][0]["shape"][0] if body else 1
            data = [1.0] * min(rows, 1000)
            output = {"name": "y", "datatype": "FP32", "shape": [len(data), 1], "data": data}
            writer.write(kit.whole({"model_name": "scorer", "outputs": [output]}))
            await writer.drain()
        else:
            await kit.honest(head, {} if b"/embeddings " in head else body, writer)

    return handler


@asynccontextmanager
async def gateway_of(kit, folder, monkeypatch, handler=None, **use_case):
    monkeypatch.setenv("CANARY_UPSTREAM_KEY", UPSTREAM_KEY)
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(kit.start_upstream(handler or both(kit)))
        gone = "http://127.0.0.1:9/v1"
        urls = dict.fromkeys(("chat", "tensor"), gone if handler == "gone" else up.url)
        kit.install(folder, policy_of(urls, folder, **use_case))
        gateway = await stack.enter_async_context(kit.start_gateway(folder))
        gateway.up = up
        yield gateway


def bearer(key):
    return [] if key is None else [("authorization", f"Bearer {key}")]


async def ask(gateway, method, path, body=b"", headers=()):
    """One request; its status, headers and body."""
    response = await gateway.client.request(method, gateway.url + path, list(headers), body, timeout_s=20)
    return SimpleNamespace(status=response.status, headers=list(response.headers), body=await response.read())


CHAT = {"model": "m", "messages": [{"role": "user", "content": PROMPT}], "user": SUBJECT}
INFER = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [1.0, 2.0]}]}
PICK = {"subject": SUBJECT, "candidates": [{"id": "a", "features": {"f": 1.0}}, {"id": "b", "features": {"f": 2.0}}]}
EVENT = {"specversion": "1.0", "id": "e1", "source": "s", "type": "breakeven.click.v1", "predictionid": "p"}
CLOUD = [("content-type", "application/cloudevents+json")]


# R33: every route x identity


def example(path: str, body: dict | None = None, **more) -> SimpleNamespace:
    return SimpleNamespace(
        path=path, body=b"" if body is None else json.dumps(body).encode(), **{"headers": [], **more}
    )


ANYBODY = {"none": 200, "wrong": 200, "other": 200, "right": 200, "forbidden": 200}
KEYED = {"none": 401, "wrong": 401, "other": 200, "right": 200, "forbidden": 403}
FOR_ALL = {**KEYED, "forbidden": 200}
"""Routes that name no use case: every tenant's key opens them, and what they tell is nobody's own."""

ROUTES = {
    ("POST", "/v1/chat/completions"): (KEYED, example("/v1/chat/completions", CHAT)),
    ("POST", "/v1/completions"): (KEYED, example("/v1/completions", {"model": "m", "prompt": PROMPT})),
    ("POST", "/v1/embeddings"): (KEYED, example("/v1/embeddings", {"model": "m", "input": PROMPT})),
    ("GET", "/v1/models"): (FOR_ALL, example("/v1/models")),
    ("GET", "/v2"): (FOR_ALL, example("/v2")),
    ("GET", "/v2/health/live"): (ANYBODY, example("/v2/health/live")),
    ("GET", "/v2/health/ready"): (ANYBODY, example("/v2/health/ready")),
    ("POST", "/events"): ({**FOR_ALL, "other": 202, "right": 202, "forbidden": 202},
                          example("/events", EVENT, headers=CLOUD)),
    ("OPTIONS", "/events"): (dict.fromkeys(ANYBODY, 204), example("/events")),
    ("POST", "/v1/traces"): (FOR_ALL, example("/v1/traces", {"resourceSpans": []},
                                              headers=[("content-type", "application/json")])),
    ("GET", "/breakeven.js"): (ANYBODY, example("/breakeven.js")),
    ("GET", "/metrics"): (ANYBODY, example("/metrics")),
    ("GET", "/health"): (ANYBODY, example("/health")),
    ("GET", "/healthz"): (ANYBODY, example("/healthz")),
    ("GET", "/readyz"): (ANYBODY, example("/readyz")),
    ("POST", "/v1/decisions/{use_case}"): (KEYED, example("/v1/decisions/pick", PICK)),
    ("POST", "/v2/models/{model}[/versions/{version}]/infer"): (KEYED, example("/v2/models/scorer/infer", INFER)),
    ("GET", "/v2/models/{model}[/versions/{version}][/ready]"): (KEYED, example("/v2/models/scorer/ready")),
}  # fmt: skip
"""Every route, and the status that each identity gets. `forbidden` is a tenant that may not ask for the use case."""


def asked_by(identity: str, route, one: SimpleNamespace) -> tuple[str, bytes, list]:
    """The request of an identity: `forbidden` asks for what its tenant may not."""
    key = {"none": None, "wrong": WRONG, "other": KEYS["evil"], "right": KEYS["acme"], "forbidden": KEYS["evil"]}
    path, headers = one.path, [*bearer(key[identity]), *one.headers]
    if identity == "forbidden":
        path = path.replace("/decisions/pick", "/decisions/secret-pick").replace("/scorer", "/secret-scorer")
        if route[1].startswith("/v1/") and route[0] == "POST" and route[1].split("/")[2] not in {"decisions", "traces"}:
            headers.append(("x-breakeven-use-case", "secret"))
    return path, one.body, headers


def test_every_route_has_its_row() -> None:
    """A route that is served and has no row here has no decision on who may use it."""
    assert set(ROUTES) == {*ENDPOINTS, *PATTERNS}


def test_every_route_decides_on_every_identity(kit, tmp_path, monkeypatch) -> None:
    """No key, a wrong one, another tenant's, the right one, and a use case that is not the tenant's: as the table says.

    What is refused is refused in the API's shape, tells no secret, and never reaches a server.
    """

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            for route, (expected, one) in ROUTES.items():
                for identity, status in expected.items():
                    path, body, headers = asked_by(identity, route, one)
                    before = len(gateway.up.requests)
                    answer = await ask(gateway, route[0], path, body, headers)
                    assert (route, identity, answer.status) == (route, identity, status)
                    assert leaks(answer.body, *SECRETS) == []
                    if status in {401, 403}:
                        assert len(gateway.up.requests) == before
                        assert "error" in json.loads(answer.body)

    asyncio.run(main())
    kinds = {record.tenant for record in kit.records(tmp_path)}
    assert kinds == {"acme", "evil"}


def test_models_are_listed_to_those_who_may_ask_for_them(kit, tmp_path, monkeypatch) -> None:
    """A tenant sees the names of its own use cases' models, and no other tenant's."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            for tenant, sees in (("acme", True), ("evil", False)):
                answer = await ask(gateway, "GET", "/v1/models", b"", bearer(KEYS[tenant]))
                names = {one["id"] for one in json.loads(answer.body)["data"]}
                assert {"m", "scorer"} <= names
                assert ({"secret-model", "secret-scorer"} <= names) is sees
                assert sees or not {"secret-model", "secret-scorer"} & names

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/", "/admin", "/v1", "/v1/chat", "/v2/models", "/v2/models//infer", "/v1/decisions/",
                                  "/metrics/", "/../metrics", "//metrics", "/v1/chat/completions/x"])  # fmt: skip
def test_what_is_no_route_is_not_there_for_anybody(kit, tmp_path, monkeypatch, path) -> None:
    """404 for every identity: no path leads around the table."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            for key in (None, WRONG, KEYS["acme"]):
                for method in ("GET", "POST"):
                    assert (await ask(gateway, method, path, b"{}", bearer(key))).status == 404
            assert gateway.up.requests == []

    asyncio.run(main())


# R28: canaries through every fault


def says(kit, *parts, close=False):
    async def handler(head, body, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            writer.close()
        else:
            await asyncio.sleep(30)

    return handler


def echo(kit, status):
    """An error that repeats what was sent, as real servers do, key included."""

    async def handler(head, body, writer):
        sent = head.decode() + json.dumps(body)
        said = {"error": {"message": f"cannot serve {sent}", "type": "t", "code": "c"}}
        writer.write(kit.whole(said, status))
        await writer.drain()

    return handler


FAULTS = {
    "well": both,
    "gone": lambda _: "gone",
    "hangs": lambda kit: kit.hangs,
    "echo_400": lambda kit: echo(kit, 400),
    "echo_401": lambda kit: echo(kit, 401),
    "echo_429": lambda kit: echo(kit, 429),
    "echo_500": lambda kit: echo(kit, 500),
    "no_http": lambda kit: says(kit, b"what?\r\n\r\n", close=True),
    "cut": lambda kit: says(kit, b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{", close=True),
    "garbage": lambda kit: says(kit, kit.whole(b"<html>")),
    "stalls": lambda kit: says(kit, kit.STREAM_HEAD + kit.sse(kit.delta("Hel"))),
    "error_event": lambda kit: says(
        kit, kit.STREAM_HEAD + kit.sse(kit.delta("Hel"), {"error": {"message": "boom"}}) + kit.STREAM_END
    ),
    "truncated": lambda kit: says(kit, kit.STREAM_HEAD + kit.sse(kit.delta("Hel")) + b"0\r\n\r\n"),
}


async def everybody(gateway):
    """Every way to ask, by those who may and those who may not; the answers by who got them."""
    answers = {"acme": b"", "others": b""}
    bodies = [("/v1/chat/completions", CHAT), ("/v1/chat/completions", {**CHAT, "stream": True}),
              ("/v1/completions", {"model": "m", "prompt": PROMPT}),
              ("/v1/embeddings", {"model": "m", "input": PROMPT}),
              ("/v2/models/scorer/infer", INFER), ("/v1/decisions/pick", PICK)]  # fmt: skip
    for path, body in bodies:
        data = json.dumps(body).encode()
        for key in (KEYS["acme"], WRONG, None):
            answer = await ask(gateway, "POST", path, data, [*bearer(key), ("x-breakeven-session", "s")])
            answers["acme" if key == KEYS["acme"] else "others"] += repr(answer.headers).encode() + answer.body
    malformed = json.dumps(CHAT).encode()[:-1]
    for key in (KEYS["acme"], KEYS["evil"]):
        answer = await ask(gateway, "POST", "/v1/chat/completions", malformed, bearer(key))
        answers["others"] += answer.body
    wrong = json.dumps({**CHAT, "model": "m", "stream": PROMPT}).encode()
    answers["acme"] += (await ask(gateway, "POST", "/v1/chat/completions", wrong, bearer(KEYS["acme"]))).body
    spared = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    for key in (KEYS["evil"], KEYS["poor"], KEYS["poor"]):
        answer = await ask(gateway, "POST", "/v1/chat/completions", spared, bearer(key))
        answers["others"] += repr(answer.headers).encode() + answer.body
    for path in ("/metrics", "/readyz", "/v1/models", "/v2", f"/v1/{KEYS['acme']}", f"/healthz?key={KEYS['acme']}"):
        answer = await ask(gateway, "GET", path, b"", bearer(KEYS["evil"]))
        answers["others"] += answer.body if KEYS["acme"] not in path else b""
    return answers


@pytest.mark.parametrize("fault", FAULTS)
def test_no_canary_leaves_by_any_way_out(kit, tmp_path, monkeypatch, caplog, fault) -> None:
    """Keys, prompts and subjects in no log, metric, access line, journal frame or answer to somebody else: 0 found.

    The prompt goes to the server, and what the server repeats of it back to the client that sent it; nowhere else.
    """
    caplog.set_level(logging.DEBUG)
    found = {}

    async def main():
        chain = {"retry": Retry(), "failure": ("cached", "default", "error"), "cache_ttl_s": 60.0,
                 "default_body": '{"outputs":[]}'}  # fmt: skip
        async with gateway_of(kit, tmp_path, monkeypatch, FAULTS[fault](kit), **chain, budget_s=0.25) as gateway:
            found.update(await everybody(gateway))
            found["metrics"] = (await ask(gateway, "GET", "/metrics")).body
            heads = b"".join(head for head, _ in gateway.up.requests)
            assert leaks(heads, *KEYS.values(), WRONG, SUBJECT) == []
            assert fault == "gone" or UPSTREAM_KEY.encode() in heads

    asyncio.run(main())
    assert leaks(found["acme"], *SECRETS, SUBJECT if not fault.startswith("echo") else WRONG) == []
    assert leaks(found["others"], *SECRETS, PROMPT, SUBJECT) == []
    assert leaks(found["metrics"], *SECRETS, PROMPT, SUBJECT) == []
    assert leaks(caplog.text.encode(), *SECRETS, PROMPT, SUBJECT) == []
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.name == "access.log" and content for path, content in kept.items())
    assert any("journal" in path.parts and content for path, content in kept.items())
    for path, content in kept.items():
        assert leaks(content, *SECRETS, PROMPT, SUBJECT) == [], path
    frames = msgspec.json.encode(kit.records(tmp_path))
    assert leaks(frames, *SECRETS, PROMPT, SUBJECT) == []
    assert all(record.prompt == "" and record.features_hash for record in kit.records(tmp_path))


def test_prompts_are_kept_only_where_the_policy_says_so(kit, tmp_path, monkeypatch) -> None:
    """`store_prompts` puts the body into the record, and the canaries of this file would be found there."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch, store_prompts=True) as gateway:
            await ask(gateway, "POST", "/v1/chat/completions", json.dumps(CHAT).encode(), bearer(KEYS["acme"]))

    asyncio.run(main())
    assert leaks(msgspec.json.encode(kit.records(tmp_path)), PROMPT)
    assert leaks(b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir()), PROMPT)


# R3: bodies that are no proper JSON, or improper in it


def deep(depth: int, inside: str = "1") -> str:
    return "[" * depth + inside + "]" * depth


def hostile(valid: str) -> dict[str, bytes]:
    """Bodies made of a valid one, in which `@` stands for a value."""
    values = {
        "nan": "NaN", "infinity": "Infinity", "minus_infinity": "-Infinity", "1e999": "1e999", "minus_1e999": "-1e999",
        "huge_integer": "9" * 100_000, "beyond_a_double": "1" + "0" * 400, "leading_zero": "007", "hex": "0x10",
        "lone_surrogate": r'"\ud800"', "surrogates_swapped": r'"\udc00\ud800"', "bad_escape": r'"\x41"',
        "control_character": '"a\nb"', "deep": deep(1100), "very_deep": deep(50_000), "open_forever": "[" * 100_000,
        "deep_objects": '{"a":' * 2000 + "1" + "}" * 2000, "single_quotes": "'a'",
        "comment": "1 /* a */", "nothing": "",
        "trailing_comma": "[1,]", "undefined": "undefined",
    }  # fmt: skip
    found = {name: valid.replace("@", value).encode() for name, value in values.items()}
    plain = valid.replace("@", "1")
    return {
        **found,
        "empty": b"",
        "blank": b"   ",
        "null": b"null",
        "number": b"1",
        "string": b'"a"',
        "list": b"[]",
        "object": b"{}",
        "cut": plain[:-1].encode(),
        "two": (plain + plain).encode(),
        "trailing": (plain + "x").encode(),
        "bom": b"\xef\xbb\xbf" + plain.encode(),
        "utf_16": plain.encode("utf-16"),
        "utf_32": plain.encode("utf-32"),
        "latin_1": valid.replace("@", '"\u00e9"').encode("latin-1"),
        "overlong": valid.encode().replace(b"@", b'"\xc0\xaf"'),
        "surrogate_bytes": valid.encode().replace(b"@", b'"\xed\xa0\x80"'),
        "nul": b"\x00" * 100,
        "binary": bytes(range(256)) * 4,
        "half_a_name": plain.replace("{", r'{"\ud800":1,', 1).encode(),
        "name_no_utf_8": plain.encode().replace(b"{", b'{"\xff":1,', 1),
        "gzip": b"\x1f\x8b\x08\x00" + b"a" * 50,
        "xml": b'<?xml version="1.0"?><a/>',
        "form": b"model=m&prompt=a",
    }


POSTS = {
    "/v1/chat/completions": '{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":@}',
    "/v1/completions": '{"model":"m","prompt":"a","max_tokens":@}',
    "/v1/embeddings": '{"model":"m","input":"a","dimensions":@}',
    "/v1/decisions/pick": '{"candidates":[{"id":"a","features":{"f":@}}]}',
    "/v2/models/scorer/infer": '{"inputs":[{"name":"x","datatype":"FP32","shape":[@,1],"data":[1.0]}]}',
    "/events": '{"specversion":"1.0","id":"e","source":"s","type":"t","predictionid":"p","time":@}',
    "/v1/traces": '{"resourceSpans":[{"scopeSpans":@}]}',
}
KINDS = {"/events": CLOUD, "/v1/traces": [("content-type", "application/json")]}


def test_every_post_route_has_its_bodies() -> None:
    """A route that takes a body and is not fed here is not tested."""
    assert len(POSTS) == sum(method == "POST" for method, _ in ROUTES)


def wrong_fields(path: str) -> dict[str, bytes]:
    """Proper JSON, of the wrong kind: each field of the route's body as what it must not be."""
    whole = json.loads(POSTS[path].replace("@", "1"))
    found = {}
    for name in whole:
        for kind, value in (("object", {"a": {}}), ("list", [[None]]), ("negative", -1), ("huge", 10**18)):
            if (path, name, kind) not in FREE:
                found[f"{name}_{kind}"] = json.dumps({**whole, name: value}).encode()
    return found


FREE = {
    ("/v1/chat/completions", "messages", "list"),
    *(("/events", name, kind) for name in ("id", "source", "type", "predictionid") for kind in ("negative", "huge")),
}  # fmt: skip
"""What is not the gateway's to judge: the messages' inside, and attributes that numbers may stand for."""


def refused_well(path: str, name: str, answer: SimpleNamespace) -> None:
    """A 4xx in the shape of its API."""
    assert (path, name, 400 <= answer.status < 500) == (path, name, True), answer.status
    said = json.loads(answer.body)["error"]
    if path.startswith("/v2"):
        assert isinstance(said, str)
        assert said
    else:
        assert set(said) == {"message", "type", "code", "param"}
        assert said["type"] == "invalid_request_error"
        assert len(said["message"]) < 1000


@pytest.mark.parametrize("path", POSTS)
def test_a_hostile_body_is_a_4xx_in_the_apis_shape(kit, tmp_path, monkeypatch, caplog, path) -> None:
    """Never a 5xx, never an exception that nobody caught, and nothing of it reaches a server or leaves a record."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            headers = [*bearer(KEYS["acme"]), *KINDS.get(path, ())]
            bodies = {**hostile(POSTS[path]), **wrong_fields(path)}
            if path == "/v1/traces":
                del bodies["object"]  # an empty request is one
            for name, body in bodies.items():
                refused_well(path, name, await ask(gateway, "POST", path, body, headers))
            assert gateway.up.requests == []

    asyncio.run(main())
    assert "failed inside" not in caplog.text
    assert kit.records(tmp_path) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def bodies(draw) -> tuple[str, bytes]:
    """A route, and its body with one of its fields replaced by anything, or bytes of it flipped."""
    path = draw(st.sampled_from(sorted(POSTS)))
    whole = json.loads(POSTS[path].replace("@", "1"))
    if draw(st.booleans()):
        whole[draw(st.sampled_from([*whole, "stream", "n", "user", "metadata", "parameters", "labels", "tools"]))] = (
            draw(json_values)
        )
        return path, json.dumps(whole).encode(errors="surrogatepass")
    data = bytearray(json.dumps(whole).encode())
    for _ in range(draw(st.integers(1, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return path, bytes(data)


def test_whatever_is_sent_the_gateway_does_not_break(kit, tmp_path, monkeypatch, caplog) -> None:
    """Anything in any field, bytes flipped: an answer, or a 4xx in the API's shape; hypothesis looks for more."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            loop = asyncio.get_running_loop()

            @given(bodies())
            @settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
            def search(body) -> None:
                found.append(body)
                asked = send(gateway, *body)
                answer = asyncio.run_coroutine_threadsafe(asked, loop).result(20)
                assert answer.status < 500
                if answer.status >= 400:
                    refused_well(body[0], "drawn", answer)

            found: list[tuple[str, bytes]] = []
            await asyncio.to_thread(search)
            assert len(found) >= 400

    async def send(gateway, path, body):
        headers = [*bearer(KEYS["acme"]), *(CLOUD if path == "/events" else ())]
        return await ask(gateway, "POST", path, body, headers)

    asyncio.run(main())
    assert "failed inside" not in caplog.text


def test_a_doubled_field_is_read_as_servers_read_it(kit, tmp_path, monkeypatch) -> None:
    """The last one counts, here as in Python's, Go's and JavaScript's decoders: what is sent is what was read."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            body = b'{"model":"m","messages":[],"max_tokens":5,"max_tokens":7}'
            assert (await ask(gateway, "POST", "/v1/chat/completions", body, bearer(KEYS["acme"]))).status == 200
            assert gateway.up.requests[-1][1]["max_tokens"] == 7

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_no_name_of_a_clients_breaks_out_of_a_header(kit, tmp_path, monkeypatch, stream) -> None:
    """The model's name is told in a header: line ends, control characters and other scripts are escaped, it is cut."""

    async def main():
        async with gateway_of(kit, tmp_path, monkeypatch) as gateway:
            for name in (
                "a\r\nset-cookie: b=c",
                "\n",
                "\x1f",
                "\x7f",
                "\u0085",
                "größe",
                "名",
                "\U0001f600",
                "x" * 9000,
            ):
                body = json.dumps({**CHAT, "model": name, "stream": stream}).encode()
                answer = await ask(gateway, "POST", "/v1/chat/completions", body, bearer(KEYS["acme"]))
                assert answer.status == 200
                (told,) = [value for key, value in answer.headers if key == "x-breakeven-model"]
                assert told.isascii()
                assert told.isprintable()
                assert 0 < len(told) <= 256
                assert not [key for key, _ in answer.headers if key == "set-cookie"]

    asyncio.run(main())
