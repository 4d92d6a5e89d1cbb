"""Chat completions through a real gateway on a loopback port, with the real `openai` client."""

import asyncio
import json

import msgspec
import openai
import pytest

from breakeven.schema.record import Tokens


def run(kit, tmp_path, test, *, handler=None, **changes):
    """Run a test with an upstream and a gateway; the records it left."""

    async def main():
        async with kit.start_upstream(handler or kit.honest) as up:
            kit.install(tmp_path, kit.make_policy(url=up.url, **changes))
            async with kit.start_gateway(tmp_path) as gateway:
                await test(gateway, up)

    asyncio.run(main())
    return kit.records(tmp_path)


def test_the_openai_client_works_unchanged(kit, tmp_path) -> None:
    """A plain completion comes back as the server said it, with one record of what the server counted."""
    seen = {}

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
            raw = await client.chat.completions.with_raw_response.create(**kit.CHAT, user="u1")
            seen.update(raw.headers)
            assert raw.parse().choices[0].message.content == "Hello there"
            assert raw.parse().usage.total_tokens == 14
            listed = await client.models.list()
            assert [one.id for one in listed.data] == ["m", "up-model"]
        assert b"x-breakeven" not in up.requests[0][0]
        assert b"authorization: Bearer k" in up.requests[0][0]

    (record,) = run(kit, tmp_path, test)
    assert (record.status, record.use_case, record.subject_kind) == ("answered", "assistant", "user")
    assert record.served == record.consumed == record.billable == record.priced == Tokens(input=11, output=3)
    assert (record.tokens_basis, record.cost_pico_usd) == ("measured", 11 * 2_000_000 + 3 * 8_000_000)
    assert seen["x-breakeven-prediction-id"] == record.prediction_id
    assert seen["x-breakeven-cost"] == "0.000046"
    assert (seen["x-breakeven-cache"], seen["x-breakeven-tier"]) == ("off", "important")
    assert seen["x-breakeven-reason"] == "answered"
    assert "inference;dur=" in seen["server-timing"]
    assert sum(record.stages.values()) == pytest.approx(record.total_s, abs=3e-6)
    assert (record.ttft_s, record.stream) == (None, False)


def test_the_openai_client_streams_unchanged(kit, tmp_path) -> None:
    """A stream arrives chunk by chunk; usage that only the gateway asked for stays with the gateway."""
    got = []

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
            stream = await client.chat.completions.create(**kit.CHAT, stream=True)
            got.extend([chunk async for chunk in stream])
        assert up.requests[0][1]["stream_options"] == {"include_usage": True}

    (record,) = run(kit, tmp_path, test)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in got) == "Hello!"
    assert all(chunk.usage is None for chunk in got)
    assert (record.status, record.consumed, record.tokens_basis) == ("answered", Tokens(input=11, output=3), "measured")
    assert 0 < record.ttft_s <= record.total_s
    assert record.tpot_s >= 0
    assert record.chunk_gap_max_s >= 0


def test_a_stream_that_asks_for_usage_gets_it(kit, tmp_path) -> None:
    """`include_usage` of the client's own is honoured, and its body goes upstream byte for byte."""

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
            stream = await client.chat.completions.create(
                **kit.CHAT, stream=True, stream_options={"include_usage": True}
            )
            assert [chunk.usage.total_tokens async for chunk in stream if chunk.usage] == [14]

    run(kit, tmp_path, test)


def test_a_stream_ends_with_what_it_cost(kit, tmp_path) -> None:
    """Before [DONE] a comment tells prediction, cost, reason and stages; headers hold what was known at the start."""
    seen = []

    async def test(gateway, up):
        seen.append(await kit.post(gateway, {**kit.CHAT, "stream": True}))

    (record,) = run(kit, tmp_path, test)
    (answer,) = seen
    *_, last, done = answer.body.strip().split(b"\n\n")
    assert done == b"data: [DONE]"
    assert last.startswith(b": breakeven {")
    told = json.loads(last.removeprefix(b": breakeven "))
    assert (told["prediction_id"], told["cost_usd"], told["status"]) == (record.prediction_id, "0.000046", "answered")
    assert answer.headers["x-breakeven-prediction-id"] == record.prediction_id
    assert "x-breakeven-cost" not in answer.headers


def test_bytes_are_forwarded_as_they_came(kit, tmp_path) -> None:
    """Where nothing must change, the upstream gets the client's bytes and the client the upstream's."""
    body = b'{ "messages":[ {"role":"user","content":"\\u00e9 1e5"} ],"model":"m", "x":1.50 , "stream":false}'
    sent, answered = [], []

    async def raw(head, body, writer):
        writer.write(kit.whole(json.dumps(kit.COMPLETION, indent=3).encode()))

    async def test(gateway, up):
        answered.append((await kit.post(gateway, body)).body)
        sent.append(up.requests[0][0])

    run(kit, tmp_path, test, handler=raw)
    assert b"content-length: %d" % len(body) in sent[0]
    assert answered == [json.dumps(kit.COMPLETION, indent=3).encode()]


def test_the_deployments_model_name_goes_upstream(kit, tmp_path) -> None:
    """A deployment that names a model asks for that one, and the answer says which."""

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT)
        assert up.requests[0][1] == {**kit.CHAT, "model": "real"}
        assert answer.headers["x-breakeven-model"] == "real"

    (record,) = run(kit, tmp_path, test, deployment={"model": "real"})
    assert record.model == "real"


def test_the_contract_reaches_the_record(kit, tmp_path) -> None:
    """Headers of the request contract and traceparent are recorded; the subject only as a keyed hash."""
    headers = [
        ("x-breakeven-subject", "murphy"),
        ("x-breakeven-session", "s"),
        ("x-breakeven-region", "eu"),
        ("x-breakeven-device-class", "phone"),
        ("x-breakeven-channel", "web"),
        ("x-breakeven-consent", "granted"),
        ("x-breakeven-labels", "a=1,b=2"),
        ("x-breakeven-deadline-ms", "5000"),
        ("traceparent", "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"),
    ]

    async def test(gateway, up):
        assert (await kit.post(gateway, kit.CHAT, headers=headers)).status == 200
        assert b"traceparent: 00-abab" in up.requests[0][0]
        ours = [line for line in up.requests[0][0].split(b"\r\n") if line.startswith(b"x-breakeven")]
        assert [line.partition(b":")[0] for line in ours] == [b"x-breakeven-deadline-ms"]

    (record,) = run(kit, tmp_path, test)
    assert (record.session, record.region, record.device_class, record.channel) == ("s", "eu", "phone", "web")
    assert (record.consent, record.labels, record.trace_id) == ("granted", {"a": "1", "b": "2"}, "ab" * 16)
    assert (record.budget_s, record.in_budget, record.subject_kind) == (5.0, True, "header")
    assert len(record.subject) == 32
    assert b"murphy" not in msgspec.json.encode(record)


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b'{"model":', [], 400, "byte 9"),
        (b'{"model":"m"}', [], 400, "messages"),
        (b'{"model":5,"messages":[]}', [], 400, "model"),
        (b'{"model":"m","messages":5}', [], 400, "messages"),
        (b'{"model":"m","messages":' + b"[" * 1900, [], 400, "JSON"),
        (b'{"model":"m","messages":[NaN]}', [], 400, "JSON"),
        (b"x" * 3000, [], 413, "2000"),
        (None, [("x-breakeven-deadline-ms", "soon")], 400, "x-breakeven-deadline-ms is 'soon'"),
        (None, [("x-breakeven-usecase", "a")], 400, "did you mean x-breakeven-use-case?"),
        (None, [("x-breakeven-use-case", "nope")], 400, "'nope'"),
        (None, [("content-encoding", "gzip")], 415, "gzip"),
        (None, [("x", "y" * 70_000)], 431, "head"),
    ],
)
def test_a_bad_request_is_no_prediction(kit, tmp_path, body, headers, status, said) -> None:
    """What is not well-formed is refused in OpenAI's shape, names the place, is counted, and leaves no record."""

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT if body is None else body, headers=headers)
        error = json.loads(answer.body)["error"]
        assert answer.status == status
        assert said in error["message"]
        assert set(error) == {"message", "type", "code", "param"}
        assert up.requests == []
        metrics = await gateway.client.request("GET", gateway.url + "/metrics")
        assert b"breakeven_rejected_total{" in await metrics.read()

    assert run(kit, tmp_path, test, max_body_bytes=2000) == []


def test_an_unknown_model_names_the_known_ones(kit, tmp_path) -> None:
    """Without a default use case an unknown model is a 404 that lists what there is."""

    async def test(gateway, up):
        answer = await kit.post(gateway, {**kit.CHAT, "model": "gpt-9"})
        assert answer.status == 404
        assert json.loads(answer.body)["error"]["code"] == "model_not_found"
        assert b"gpt-9" in answer.body
        assert b"use one of m" in answer.body

    assert run(kit, tmp_path, test, default_use_case="") == []


@pytest.mark.parametrize("path", ["/nope", "/v2/models/../x/infer", "/v1/chat/completions/"])
def test_an_unknown_path_is_404(kit, tmp_path, path) -> None:
    """A path that is not served says so; a wrong method names the right one."""

    async def test(gateway, up):
        assert (await kit.post(gateway, b"", path=path)).status == 404
        wrong = await gateway.client.request("GET", gateway.url + "/v1/chat/completions")
        assert (wrong.status, b"use POST" in await wrong.read()) == (405, True)

    run(kit, tmp_path, test)


def test_owned_capacity_is_charged_by_work(kit, tmp_path) -> None:
    """Work = prefill + output x TPOT(b)/b; the share is work x the price of a replica-second; energy follows."""

    async def test(gateway, up):
        await kit.post(gateway, kit.CHAT)

    deployment = {"tokens": None, "capacity": kit.CAPACITY, "work": kit.WORK, "placement": "on_prem"}
    (record,) = run(kit, tmp_path, test, deployment=deployment)
    assert record.work_s == pytest.approx(11 * 0.001 + 3 * 0.01)
    assert record.cost_pico_usd == round(record.work_s * 10**9)
    assert record.in_flight == pytest.approx(1.0)
    assert record.energy_kwh == pytest.approx(record.work_s * 300 / 3.6e6)
    assert (record.cost_basis, record.energy_basis, record.price_id) == ("derived", "derived", "gpu")
    assert record.billable == Tokens()


def test_a_key_of_a_tenant_is_asked_for_and_stays_here(kit, tmp_path, monkeypatch) -> None:
    """With keys set: none or a wrong one is 401 without a record, a right one names its tenant and goes nowhere."""
    monkeypatch.setenv("UPSTREAM_KEY", "secret-up")
    digest = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # of "key"

    async def test(gateway, up):
        for headers in ([], [("authorization", "Bearer wrong")], [("authorization", "Basic key")]):
            answer = await kit.post(gateway, kit.CHAT, headers=headers)
            assert (answer.status, json.loads(answer.body)["error"]["code"]) == (401, "invalid_api_key")
            assert b"wrong" not in answer.body
        assert (await kit.post(gateway, kit.CHAT, headers=[("authorization", "Bearer key")])).status == 200
        assert b"authorization: Bearer secret-up" in up.requests[0][0]

    from breakeven.schema.policy import Tenant

    tenants = (Tenant(name="acme", key_sha256=(digest,)),)
    (record,) = run(kit, tmp_path, test, tenants=tenants, backend={"api_key_env": "UPSTREAM_KEY"})
    assert record.tenant == "acme"


def test_prompts_are_kept_only_if_asked(kit, tmp_path) -> None:
    """By default a record holds a hash; with store_prompts the text."""

    async def test(gateway, up):
        await kit.post(gateway, kit.CHAT)

    (bare,) = run(kit, tmp_path / "a", test)
    (kept,) = run(kit, tmp_path / "b", test, use_case={"store_prompts": True})
    assert (bare.prompt, bool(bare.features_hash)) == ("", True)
    assert json.loads(kept.prompt) == kit.CHAT
    assert kept.features_hash == bare.features_hash


@pytest.mark.parametrize("count", [10**30, -5])
def test_absurd_usage_still_leaves_a_record(kit, tmp_path, count) -> None:
    """A server that counts impossible tokens cannot make the ledger lose the request."""

    async def absurd(head, body, writer):
        usage = {"prompt_tokens": count, "completion_tokens": count}
        writer.write(kit.whole({**kit.COMPLETION, "usage": usage}))

    async def test(gateway, up):
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    (record,) = run(kit, tmp_path, test, handler=absurd)
    assert 0 <= record.consumed.input <= 10**9


def test_a_failure_of_our_own_is_told_in_the_apis_shape(kit, tmp_path) -> None:
    """A key folder that cannot be used is a 500 that names it, counted, not a bare text page."""

    async def test(gateway, up):
        (tmp_path / "keys").write_text("in the way")
        answer = await kit.post(gateway, {**kit.CHAT, "user": "ada"})
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (500, "internal")
        assert "default.key" in error["message"]

    assert run(kit, tmp_path, test) == []


def test_models_are_listed_even_when_a_backend_is_gone(kit, tmp_path) -> None:
    """`/v1/models` says what the policy knows; a backend that is down or lies adds nothing."""

    async def lies(head, body, writer):
        writer.write(kit.whole(b"[]"))

    async def test(gateway, up):
        answer = await gateway.client.request("GET", gateway.url + "/v1/models")
        assert [one["id"] for one in json.loads(await answer.read())["data"]] == ["m"]

    run(kit, tmp_path / "lies", test, handler=lies)
    kit.install(tmp_path / "gone", kit.make_policy())

    async def main():
        async with kit.start_gateway(tmp_path / "gone") as gateway:
            await test(gateway, None)

    asyncio.run(main())


def test_metrics_tell_what_happened(kit, tmp_path) -> None:
    """Predictions by use case, status and deployment, durations, tokens, cost, the policy in force."""

    async def test(gateway, up):
        for stream in (False, True):
            await kit.post(gateway, {**kit.CHAT, "stream": stream})
        answer = await gateway.client.request("GET", gateway.url + "/metrics")
        lines = (await answer.read()).decode().splitlines()
        for line in (
            'breakeven_predictions_total{use_case="assistant",tier="important",status="answered",deployment="api"} 2',
            'breakeven_tokens_total{use_case="assistant",direction="output"} 6',
            'breakeven_cost_usd_total{use_case="assistant"} 9.2e-05',
            'breakeven_time_to_first_token_seconds_count{use_case="assistant"} 1',
            'breakeven_in_flight{deployment="api"} 0',
            'breakeven_policy_info{policy_id="p1",plan_id=""} 1',
            "breakeven_policy_rejected 0",
        ):
            assert line in lines

    run(kit, tmp_path, test)


def test_denied_consent_is_recorded_without_subject_and_session(kit, tmp_path) -> None:
    """Money, time and labels stay; `subject_kind` says why there is nobody."""
    said = {"subject": "murphy", "session": "s", "consent": "denied", "labels": "a=1"}
    headers = [(f"x-breakeven-{name}", value) for name, value in said.items()]

    async def test(gateway, up):
        assert (await kit.post(gateway, kit.CHAT, headers=headers)).status == 200

    (record,) = run(kit, tmp_path, test)
    assert (record.subject, record.session, record.subject_kind) == ("", "", "denied")
    assert (record.labels, record.consent, record.status) == ({"a": "1"}, "denied", "answered")
