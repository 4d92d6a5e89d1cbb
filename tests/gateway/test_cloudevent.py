"""CloudEvents become outcomes in three modes; a wrong envelope is refused by the name of its attribute."""

import asyncio
import json

import pytest

from breakeven.gateway.decision.cloudevent import envelopes, outcome_of
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.identity import Subjects

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
    return [outcome_of(one, tenant="t", received_s=5.0) for one in envelopes(headers, data)]


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
        ({"predictionid": None, "subject": None}, "predictionid"),
        ({"consent": "maybe"}, "consent"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": {"a": 1}}, "subject"),
        ({"data": {"value": "12"}}, "data"),
        ({"data": {"duration_s": -1}}, "data.duration_s"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"data": {"x": "y" * 70_000}}, "data"),
    ],
)
def test_a_wrong_attribute_is_named(change, field) -> None:
    """An envelope error is a 400 with the attribute, its value and what to send; in a batch also its place."""
    event = {name: value for name, value in {**EVENT, **change}.items() if value is not None}
    with pytest.raises(RequestError) as raised:
        outcomes(STRUCTURED, event)
    assert (raised.value.status, raised.value.field) == (400, field)
    assert raised.value.way_out
    with pytest.raises(RequestError) as raised:
        outcomes(BATCHED, [EVENT, event])
    assert raised.value.field == f"[1].{field}"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (STRUCTURED, b"{"),
        (STRUCTURED, b"[]"),
        (BATCHED, b"{}"),
        (BATCHED, b"[1]"),
        ({"content-type": "application/json"}, b"{}"),
        ({}, b""),
        (STRUCTURED, b'{"data":{"value":1e999}}'),
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
        envelopes(BATCHED, b"[" + b",".join([b"{}"] * 10_001) + b"]")
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
                bad = await kit.post(gateway, [EVENT, {}], "/events", [*BATCHED.items()])
                assert (bad.status, json.loads(bad.body)["error"]["param"]) == (400, "[1].id")
                empty = await kit.post(gateway, [], "/events", [*BATCHED.items()])
                assert (empty.status, json.loads(empty.body)) == (202, {"accepted": 0})

    asyncio.run(main())
    prediction, first, second = kit.records(tmp_path)
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
