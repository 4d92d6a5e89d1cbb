"""CloudEvents become outcomes in three modes; a wrong envelope is refused by the name of its attribute."""

import asyncio
import hashlib
import json

import pytest

from breakeven.gateway.decision.cloudevent import taken
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.identity import Subjects
from breakeven.schema.policy import Tenant

EVENT = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/shop",
    "type": "breakeven.revenue.v1",
    "time": "2026-11-24T12:00:00+01:00",
    "predictionid": "p1",
    "subject": "ada",
    "consent": "granted",
    "usecase": "home",
    "data": {"value": 12.5, "currency": "EUR", "extra": 1},
}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCHED = {"content-type": "application/cloudevents-batch+json"}


def outcomes(headers, body) -> list:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(taken(headers, data, tenant="t", received_s=5.0).outcomes)


def test_the_three_modes_say_the_same() -> None:
    """Binary, structured and batched forms of one event give one outcome."""
    binary = {f"ce-{name}": value for name, value in EVENT.items() if name != "data"}
    (structured,) = outcomes(STRUCTURED, EVENT)
    (from_headers,) = outcomes({"content-type": "application/json", **binary}, EVENT["data"])
    batched = outcomes(BATCHED, [EVENT, EVENT])
    assert structured == from_headers == batched[0] == batched[1]
    assert (structured.kind, structured.value, structured.currency) == ("revenue", 12.5, "EUR")
    assert (structured.event_id, structured.source, structured.use_case) == ("e1", "/shop", "home")
    assert (structured.prediction_id, structured.subject, structured.consent) == ("p1", "ada", "granted")
    assert structured.time_s == 1795518000.0
    assert json.loads(structured.data) == EVENT["data"]


def test_a_type_of_ones_own_is_custom() -> None:
    """`com.shop.order.completed` is kept as it is; a missing time is the time of arrival."""
    event = {name: EVENT[name] for name in ("specversion", "id", "source", "subject")} | {"type": "com.shop.order"}
    (found,) = outcomes(STRUCTURED, event)
    assert (found.kind, found.event_type, found.time_s, found.value, found.data) == (
        "custom",
        "com.shop.order",
        5.0,
        None,
        "",
    )


def test_data_may_name_the_prediction() -> None:
    """Senders that cannot set attributes may put prediction_id, subject, use_case and consent into data."""
    data = {"prediction_id": "p9", "use_case": "u", "consent": "denied", "stage": "render", "duration_s": 0.25}
    event = {name: EVENT[name] for name in ("specversion", "id", "source")} | {
        "type": "breakeven.stage.v1",
        "data": data,
    }
    (found,) = outcomes(STRUCTURED, event)
    assert (found.kind, found.prediction_id, found.use_case, found.consent) == ("stage", "p9", "u", "denied")
    assert (found.stage, found.duration_s) == ("render", 0.25)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"source": None}, "source"),
        ({"type": None}, "type"),
        ({"specversion": None}, "specversion"),
        ({"specversion": "0.3"}, "specversion"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-13-01T00:00:00Z"}, "time"),
        ({"consent": "maybe"}, "consent"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": {"a": 1}}, "subject"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"data": {"x": "y" * 70_000}}, "data"),
    ],
)
def test_a_wrong_attribute_is_named(change, field) -> None:
    """An envelope error is a 400 with the attribute, its value and what to send; in a batch it costs only itself."""
    event = {name: value for name, value in {**EVENT, **change}.items() if value is not None}
    with pytest.raises(RequestError) as raised:
        outcomes(STRUCTURED, event)
    assert (raised.value.status, raised.value.field) == (400, field)
    assert raised.value.way_out
    found = taken(BATCHED, json.dumps([EVENT, event, EVENT]).encode(), tenant="t", received_s=5.0)
    assert len(found.outcomes) == 2
    [refused] = found.refused
    assert (refused.index, refused.id, refused.attribute) == (1, str(event.get("id", "")), f"[1].{field}")
    assert refused.message


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"predictionid": None, "subject": None}, {}),
        ({"data": {"value": "12", "currency": "EUR"}}, {"value": None, "currency": "EUR"}),
        ({"data": {"value": True, "stage": 3}}, {"value": None, "stage": ""}),
        ({"data": {"consent": "maybe"}, "consent": None}, {"consent": "unknown"}),
        ({"data": {"duration_s": -1}}, {"duration_s": -1}),
        ({"data": [1, 2]}, {"value": None}),
        ({"data": "words"}, {"data": '"words"'}),
        ({"data": {"value": None}}, {"value": None}),
    ],
)
def test_what_data_say_is_not_the_gateway_s_to_judge(change, kept) -> None:
    """Only the envelope is checked at the door: data of any form are taken, with the fields that have their type."""
    event = {name: value for name, value in {**EVENT, **change}.items() if value is not None}
    (found,) = outcomes(STRUCTURED, event)
    assert {name: getattr(found, name) for name in kept} == kept


def test_a_binary_event_may_hold_what_is_no_json() -> None:
    """The bytes are kept as text."""
    binary = {f"ce-{name}": value for name, value in EVENT.items() if name != "data"}
    found = taken({"content-type": "text/plain", **binary}, b"value=3\xff", tenant="t", received_s=5.0)
    assert found.outcomes[0].data == "value=3\ufffd"


def test_a_page_s_beacon_is_a_batch() -> None:
    """Plain text is what a page may send without a preflight; it holds a batch."""
    assert len(outcomes({"content-type": "text/plain;charset=UTF-8"}, [EVENT, EVENT])) == 2


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (STRUCTURED, b"{"),
        (STRUCTURED, b"[]"),
        (BATCHED, b"{}"),
        (BATCHED, b"[1]"),
        ({"content-type": "application/json"}, b"{}"),
        ({}, b""),
    ],
)
def test_what_is_no_event_is_refused(headers, body) -> None:
    """Malformed JSON, the wrong shape, or plain JSON without ce- headers is a 400 that says what to send."""
    with pytest.raises(RequestError) as raised:
        outcomes(headers, body)
    assert raised.value.status == 400
    assert raised.value.way_out


def test_a_batch_has_a_limit() -> None:
    """More than ten thousand events in one request are refused as too large."""
    with pytest.raises(RequestError, match="10001 events") as raised:
        outcomes(BATCHED, b"[" + b",".join([b"{}"] * 10_001) + b"]")
    assert raised.value.status == 413


def test_accepted_is_journaled_with_the_hash_that_predictions_have(kit, tmp_path) -> None:
    """202 says how many; records hold the keyed hash of the subject, the same that a prediction of theirs holds."""

    async def main():
        async with kit.start_upstream(kit.honest) as up:
            kit.install(tmp_path, kit.make_policy(url=up.url, cors_origins=("https://shop.example",)))
            async with kit.start_gateway(tmp_path) as gateway:
                await kit.post(gateway, kit.CHAT, headers=[("x-breakeven-subject", "ada")])
                origin = ("origin", "https://shop.example")
                answer = await kit.post(gateway, [EVENT, {**EVENT, "id": "e2"}], "/events", [*BATCHED.items(), origin])
                assert (answer.status, json.loads(answer.body)) == (202, {"accepted": 2})
                assert answer.headers["access-control-allow-origin"] == "https://shop.example"
                some = await kit.post(gateway, [{**EVENT, "id": "e3"}, {}, 7], "/events", [*BATCHED.items()])
                said = json.loads(some.body)
                assert (some.status, said["accepted"]) == (202, 1)
                assert [(one["index"], one["attribute"]) for one in said["rejected"]] == [(1, "[1].id"), (2, "[2]")]
                bad = await kit.post(gateway, [{}, {}], "/events", [*BATCHED.items()])
                assert (bad.status, json.loads(bad.body)["error"]["param"]) == (400, "[0].id")
                empty = await kit.post(gateway, [], "/events", [*BATCHED.items()])
                assert (empty.status, json.loads(empty.body)) == (202, {"accepted": 0})

    asyncio.run(main())
    prediction, first, second, _ = kit.records(tmp_path)
    assert first.subject == second.subject == prediction.subject != ""
    assert (first.event_id, second.event_id) == ("e1", "e2")
    assert [one.sequence for one in (prediction, first, second)] == [1, 2, 3]
    assert Subjects(tmp_path / "keys").hashed("default", "ada") == prediction.subject


@pytest.mark.parametrize(("origin", "allowed"), [("https://shop.example", True), ("https://evil.example", False)])
def test_only_listed_origins_may_send_from_a_page(kit, tmp_path, origin, allowed) -> None:
    """A preflight of a listed origin is granted POST and our headers; another gets no grant."""

    async def main():
        kit.install(tmp_path, kit.make_policy(cors_origins=("https://shop.example",)))
        async with kit.start_gateway(tmp_path) as gateway:
            answer = await gateway.client.request("OPTIONS", gateway.url + "/events", [("origin", origin)])
            await answer.read()
            assert answer.status == 204
            assert (answer.header("access-control-allow-origin") == origin) is allowed
            assert ("POST" in answer.header("access-control-allow-methods")) is allowed

    asyncio.run(main())


@pytest.mark.parametrize(
    ("origin", "listed", "status"),
    [
        ("", (), 202),
        ("https://shop.example", ("https://shop.example",), 202),
        ("https://evil.example", ("https://shop.example",), 403),
        ("null", ("https://shop.example",), 403),
        ("https://anyone.example", ("*",), 202),
        ("OWN", (), 202),
        ("https://evil.example", (), 403),
    ],
)
def test_a_page_that_is_not_listed_sends_nothing(kit, tmp_path, origin, listed, status) -> None:
    """Also not by a request that no preflight asks for; a page of the gateway's own loopback address may."""

    async def main():
        kit.install(tmp_path, kit.make_policy(cors_origins=listed))
        async with kit.start_gateway(tmp_path) as gateway:
            said = gateway.url if origin == "OWN" else origin
            headers = [("content-type", "text/plain"), *([("origin", said)] if said else [])]
            answer = await kit.post(gateway, [EVENT], "/events", headers)
            assert answer.status == status
            assert "access-control-allow-credentials" not in answer.headers

    asyncio.run(main())
    assert len(kit.records(tmp_path)) == (status == 202)


KEYS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("full", "web")}


@pytest.mark.parametrize(
    ("path", "key", "query", "status"),
    [
        ("/events", "full", "", 202),
        ("/events", "web", "", 202),
        ("/events", "", "?key=web", 202),
        ("/events", "", "?key=full", 401),
        ("/events", "other", "?key=web", 401),
        ("/events", "", "", 401),
        ("/v1/chat/completions", "web", "", 403),
        ("/v1/chat/completions", "", "?key=web", 401),
        ("/v1/models", "web", "", 403),
        ("/v2", "web", "", 403),
        ("/v1/decisions/home", "web", "", 403),
    ],
)
def test_a_key_of_scope_events_does_nothing_else(kit, tmp_path, path, key, query, status) -> None:
    """It sends events, by header or beacon, and neither reads nor predicts; full keys stay in headers."""

    async def main():
        tenant = Tenant(name="shop", key_sha256=(KEYS["full"],), event_key_sha256=(KEYS["web"],))
        kit.install(tmp_path, kit.make_policy(tenants=(tenant,)))
        async with kit.start_gateway(tmp_path) as gateway:
            headers = [*BATCHED.items(), *([("authorization", f"Bearer {key}")] if key else [])]
            method = "GET" if path in {"/v1/models", "/v2"} else "POST"
            url = gateway.url + path + query
            answer = await gateway.client.request(method, url, headers, json.dumps([EVENT]).encode())
            await answer.read()
            assert answer.status == status

    asyncio.run(main())
    assert [one.tenant for one in kit.records(tmp_path)] == ["shop"] * (status == 202)


def test_denied_consent_leaves_no_subject() -> None:
    """Neither as attribute nor within the data; what it was worth stays."""
    data = {"subject": "ann", "session": "s", "value": 3.0, "note": "n"}
    (found,) = outcomes(STRUCTURED, EVENT | {"subject": "ann", "consent": "denied", "data": data})
    assert (found.subject, found.value, found.consent) == ("", 3.0, "denied")
    assert json.loads(found.data) == {"value": 3.0, "note": "n"}


def test_an_identify_carries_the_earlier_id_outside_of_its_data() -> None:
    """So that the gateway can hash it, and nothing keeps it in the clear."""
    event = EVENT | {"type": "breakeven.identify.v1", "subject": "ann", "data": {"previous": "cookie"}}
    (found,) = outcomes(STRUCTURED, event)
    assert (found.kind, found.subject, found.previous) == ("identify", "ann", "cookie")
    assert "cookie" not in found.data


def test_a_withdrawal_keeps_whom_it_is_about() -> None:
    """Else nothing could obey it."""
    event = EVENT | {"type": "breakeven.consent.v1", "subject": "ann", "data": {"consent": "denied"}}
    (found,) = outcomes(STRUCTURED, event)
    assert (found.kind, found.subject, found.consent) == ("consent", "ann", "denied")
