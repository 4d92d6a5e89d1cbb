"""The failure chain over real sockets: another deployment, kept and prepared answers; each with a reason."""

import asyncio
import json

import pytest

from breakeven.schema.policy import Breaker, Retry, Rule, Segments

CHAIN = ("deployment:b", "cached", "segment", "rules", "default", "error")
PREPARED = {
    "segments": Segments(by="region", answers={"eu": "For Europe."}),
    "rules": (
        Rule(when={"channel": "app", "vip": "yes"}, answer="For guests of honour."),
        Rule(when={"channel": "app"}, answer="For the app."),
    ),
    "default_body": "For everybody.",
}
PATIENT = Breaker(least=1000)


def words(answer) -> str:
    """What a whole answer says, or a stream."""
    if answer.body.startswith(b"{"):
        return json.loads(answer.body)["choices"][0]["message"]["content"]
    events = [line[6:] for line in answer.body.splitlines() if line.startswith(b"data: {")]
    deltas = [choice["delta"] for one in events for choice in json.loads(one).get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


def contract(**said: str) -> list[tuple[str, str]]:
    return [(f"x-breakeven-{name.replace('_', '-')}", value) for name, value in said.items()]


@pytest.mark.parametrize("stream", [False, True])
def test_the_chain_answers_step_by_step(kit, tmp_path, transport, stream) -> None:
    """Each request gets the first step that has something for it; the record holds every step and why it was taken."""

    async def test(gateway, ups):
        for said, expected in (
            ({"region": "eu"}, "For Europe."),
            ({"region": "us", "channel": "app", "labels": "vip=yes"}, "For guests of honour."),
            ({"region": "us", "channel": "app"}, "For the app."),
            ({"region": "us"}, "For everybody."),
        ):
            answer = await kit.post(gateway, {**kit.CHAT, "stream": stream}, headers=contract(**said))
            assert (answer.status, words(answer)) == (200, expected)
            assert answer.headers["x-breakeven-reason"] == "upstream_503"

    handlers = {"a": kit.fails(500), "b": kit.fails(503)}
    case = {"failure": CHAIN, **PREPARED}
    found = kit.enforce(tmp_path, test, handlers, transport, use_case=case, route=("a",), breaker=PATIENT)
    start = [
        ("a", "primary", "error", "upstream_500"),
        ("b", "fallback", "error", "upstream_503"),
        ("", "fallback", "skipped", "not_cached"),
    ]
    for record, last in zip(found, ("segment", "rules", "rules", "default"), strict=True):
        assert kit.tried(record) == [*start, ("", "fallback", "ok", last)]
        assert (record.status, record.reason, record.http_status) == ("fallback", "upstream_503", 200)
        assert (record.served.output, record.cost_pico_usd) == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_another_deployment_answers_and_says_why(kit, tmp_path, transport, stream) -> None:
    """The model that answered stands in a header, and so does the reason why it was not the one that was chosen."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream})
        assert (answer.status, answer.headers["x-breakeven-model"]) == (200, "other")
        assert answer.headers["x-breakeven-reason"] == "upstream_500"
        assert (b'"reason":"upstream_500"' in answer.body) is stream
        assert ups.b.requests[0][1]["model"] == "other"

    case = {"failure": CHAIN}
    names = {"b": {"model": "other"}}
    (record,) = kit.enforce(
        tmp_path, test, {"a": kit.fails(500), "b": kit.honest}, transport,
        use_case=case, route=("a",), deployment_of=names,
    )  # fmt: skip
    assert kit.tried(record) == [("a", "primary", "error", "upstream_500"), ("b", "fallback", "ok", "")]
    assert (record.status, record.reason) == ("answered", "upstream_500")
    assert (record.chosen, record.deployment, record.model) == ("a", "b", "other")


def test_a_kept_answer_comes_before_a_prepared_one(kit, tmp_path, transport) -> None:
    """In the order of the chain; it is marked as stale and costs nothing."""

    async def test(gateway, ups):
        first = await kit.post(gateway, kit.CHAT)
        again = await kit.post(gateway, kit.CHAT)
        assert (again.body, again.headers["x-breakeven-cache"]) == (first.body, "stale")

    handlers = {"a": kit.in_turn(kit.honest, kit.fails(500))}
    case = {"failure": ("cached", "default", "error"), "default_body": "no"}
    _, record = kit.enforce(tmp_path, test, handlers, transport, use_case=case)
    assert kit.tried(record) == [("a", "primary", "error", "upstream_500"), ("", "fallback", "ok", "cached")]
    assert (record.status, record.cache, record.cost_pico_usd, record.served.output) == ("fallback", "stale", 0, 3)


def test_a_chain_that_has_nothing_says_what_went_wrong(kit, tmp_path) -> None:
    """Steps without an answer for this request are passed over."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT, headers=contract(region="mars"))
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"], error["type"]) == (502, "upstream_500", "upstream_error")

    case = {"failure": ("cached", "segment", "rules", "default"), **PREPARED, "default_body": ""}
    (record,) = kit.enforce(tmp_path, test, {"a": kit.fails(500)}, use_case=case)
    assert (record.status, record.reason) == ("failed", "upstream_500")


def test_what_the_other_deployment_meets_does_not_loop(kit, tmp_path) -> None:
    """Every deployment is asked once in a chain, and a retry's target not again as a fallback."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 502
        assert [len(one.requests) for one in (ups.a, ups.b, ups.c)] == [1, 1, 1]

    handlers = {"a": kit.fails(500), "b": kit.fails(502), "c": kit.fails(503)}
    case = {"retry": Retry(), "failure": ("deployment:b", "deployment:c", "deployment:a", "deployment:c", "error")}
    (record,) = kit.enforce(tmp_path, test, handlers, use_case=case, route=("a", "b"), breaker=PATIENT)
    asked = [one for one in record.attempts if one.outcome != "skipped"]
    assert [(one.deployment, one.kind) for one in asked] == [("a", "primary"), ("b", "retry"), ("c", "fallback")]
    passed_over = [one for one in record.attempts if one.outcome == "skipped"]
    assert [(one.deployment, one.reason) for one in passed_over] == [(name, "tried_already") for name in "bac"]


def test_the_slot_of_the_fallback_is_kept_for_it(kit, tmp_path, transport) -> None:
    """With `fallback` among the stages the first attempt ends early enough for another deployment to answer in time."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, json.loads(answer.body)) == (200, kit.COMPLETION)

    case = {"budget_s": 10.0, "stages": {"inference": 0.5, "fallback": 9.5}, "failure": ("deployment:b", "error")}
    (record,) = kit.enforce(tmp_path, test, {"a": kit.hangs, "b": kit.honest}, transport, use_case=case, route=("a",))
    assert kit.tried(record) == [("a", "primary", "timeout", "timeout"), ("b", "fallback", "ok", "")]
    assert record.in_budget
    assert record.attempts[0].duration_s < 9.5


def test_stages_outside_end_the_gateways_part_early(kit, tmp_path) -> None:
    """What the client does before and after comes out of the budget; a deadline has what came before behind it."""

    async def test(gateway, ups):
        await kit.post(gateway, kit.CHAT)
        await kit.post(gateway, kit.CHAT, headers=contract(deadline_ms="4000"))
        left = [
            int(head.partition(b"x-breakeven-deadline-ms: ")[2].partition(b"\r\n")[0]) for head, _ in ups.a.requests
        ]
        assert 0 < left[0] <= 7000
        assert 0 < left[1] <= 2000

    stages = {"capture": 1.0, "inference": 3.0, "render": 2.0}
    case = {"budget_s": 10.0, "stages": stages, "client_stages": ("capture", "render")}
    found = kit.enforce(tmp_path, test, {"a": kit.honest}, use_case=case)
    assert [one.budget_s for one in found] == [7.0, 2.0]


@pytest.mark.parametrize(("header", "told"), [("x-time-left", True), ("", False)])
def test_the_backend_is_told_the_time_left_as_it_likes(kit, tmp_path, header, told) -> None:
    """By the name that its section gives, or not at all; our other headers never leave."""

    async def test(gateway, ups):
        await kit.post(gateway, kit.CHAT, headers=contract(subject="ada", region="eu"))
        head = ups.a.requests[0][0].lower()
        assert (b"x-time-left: " in head) is told
        assert b"x-breakeven" not in head

    kit.enforce(
        tmp_path, test, {"a": kit.honest}, use_case={"budget_s": 5.0},
        backend_of={"a": {"deadline_header": header}},
    )  # fmt: skip


# What cannot be measured


@pytest.mark.parametrize(
    ("said", "gap"),
    [
        ({}, True),
        ({"subject": "ada"}, False),
        ({"session": "s1"}, False),
        ({"subject": "ada", "consent": "denied"}, True),
    ],
)
@pytest.mark.parametrize("rule", ["serve", "approximate", "suppress"])
def test_a_gap_in_the_tracking_is_met_as_the_use_case_says(kit, tmp_path, said, gap, rule) -> None:
    """Served, answered without a model, or refused; only where something is missing."""
    suppressed, approximated = gap and rule == "suppress", gap and rule == "approximate"

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT, headers=contract(**said))
        assert answer.status == (422 if suppressed else 200)
        assert len(ups.a.requests) + len(ups.b.requests) == (0 if suppressed or approximated else 1)
        if approximated:
            assert words(answer) == "For everybody."

    case = {"on_tracking_incomplete": rule, "failure": CHAIN, **PREPARED}
    (record,) = kit.enforce(tmp_path, test, {"a": kit.honest, "b": kit.honest}, use_case=case, route=("a",))
    expected = "refused" if suppressed else "fallback" if approximated else "answered"
    assert (record.status, record.reason) == (expected, "tracking_incomplete" if expected != "answered" else "")


# Streams that lie


@pytest.mark.parametrize("words_first", [0, 2])
def test_an_error_event_under_200_is_a_failure_whatever_done_says(kit, tmp_path, transport, words_first) -> None:
    """Before the first word another answer is found; after it the client is told, and nobody speaks in between."""

    async def lies(head, body, writer):
        writer.write(kit.STREAM_HEAD)
        for _ in range(words_first):
            writer.write(kit.sse(kit.delta("x")))
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(kit.sse({"error": {"message": "out of memory", "code": 500}}) + kit.STREAM_END)

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": True})
        assert answer.status == 200
        assert words(answer) == ("xx" if words_first else "For everybody.")
        assert (b'"code":"upstream_error"' in answer.body) is bool(words_first)
        assert answer.body.endswith(b"data: [DONE]\n\n") is not bool(words_first)

    case = {"failure": ("default",), **PREPARED}
    (record,) = kit.enforce(tmp_path, test, {"a": lies}, transport, use_case=case)
    assert (record.status, record.reason) == ("failed" if words_first else "fallback", "upstream_error")
    assert record.served.output == words_first
