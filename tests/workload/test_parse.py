"""Traces in published formats become columns; a bad line is named with its value."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import LedgerError
from breakeven.schema.record import Prediction, Tokens
from breakeven.schema.workload import Trace, pack, pack_integers
from breakeven.workload.parse import parse

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
"""
SPLITWISE = """arrived_at,num_prefill_tokens,num_decode_tokens
0.0,374,44
4.314579,396,109
"""
MOONCAKE = """{"timestamp": 0, "input_length": 374, "output_length": 44, "hash_ids": [1, 2]}
{"timestamp": 4314.579, "input_length": 396, "output_length": 109, "hash_ids": [1]}
"""
BURSTGPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,374,44,418,Conversation log
9.314579,GPT-4,396,109,505,API log
"""


def record(time_s, prompt, answer):
    """A prediction as the ledger writes it."""
    tokens = Tokens(input=prompt, output=answer)
    return msgspec.json.encode(
        Prediction(prediction_id="p", request_id="r", node="n", sequence=1, time_s=time_s, use_case="u", served=tokens)
    ).decode()


RECORDS = f"{record(100.0, 374, 44)}\n{record(104.314579, 396, 109)}\n"
TEXTS = {"azure": AZURE, "splitwise": SPLITWISE, "mooncake": MOONCAKE, "burstgpt": BURSTGPT, "records": RECORDS}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_requests_in_five_formats(text, end) -> None:
    """Seconds from the first arrival and both token counts, whatever the format and line end."""
    found = parse(text.replace("\n", end), "day.txt")
    assert found.n == 2
    assert list(found.column("arrival_s")) == pytest.approx([0.0, 4.314579], abs=1e-5)
    assert list(found.column("input_tokens")) == [374, 396]
    assert list(found.column("output_tokens")) == [44, 109]
    assert found.source == "day.txt"


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_arrivals_ascend_from_zero_and_rows_stay_together(rows) -> None:
    """In whatever order lines come, arrivals are sorted, and each keeps its own token counts."""
    text = SPLITWISE.split("\n", 1)[0] + "\n" + "".join(f"{at!r},{prompt},{answer}\n" for at, prompt, answer in rows)
    found = parse(text, "t")
    arrivals = list(found.column("arrival_s"))
    assert arrivals == sorted(arrivals)
    assert arrivals[0] == 0
    pairs = sorted(zip(found.column("input_tokens"), found.column("output_tokens"), strict=True))
    assert pairs == sorted((prompt, answer) for _, prompt, answer in rows)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (AZURE.replace("396", "many"), "day.csv:3: ContextTokens is 'many'"),
        (AZURE.replace("2023-11-16 18:15:50.9951690", "noon"), "day.csv:3: TIMESTAMP is 'noon'"),
        (SPLITWISE.replace("4.314579", "inf"), "day.csv:3: arrived_at is 'inf', which is not finite"),
        (SPLITWISE.replace("109", "-1"), "day.csv:3: num_decode_tokens is '-1'"),
        (SPLITWISE.replace("109", "1e30"), "day.csv:3: num_decode_tokens is '1e30', and a request has at most"),
        (SPLITWISE.replace(",109", ""), "day.csv:3: num_decode_tokens is ''"),
        (MOONCAKE.replace('"input_length": 396', '"length": 396'), "day.csv:2: .*input_length"),
        (MOONCAKE.replace("4314.579", '"soon"'), "day.csv:2: .*timestamp"),
        (MOONCAKE.replace("109", "-1"), "day.csv:2: output_length is -1"),
        (MOONCAKE.replace("[1]", '["a"]'), "day.csv:2: .*hash_ids"),
        (BURSTGPT.replace("505", "1").replace("109", "-9"), "day.csv:3: Response tokens is '-9'"),
        (RECORDS.replace('"input":396', '"input":-3'), "day.csv:2: served.input is -3"),
        ('{"type": "capacity"}', "there is no request in it"),
        ("a,b\n1,2\n", "day.csv:1: no known trace format has the first line 'a,b'"),
        ("", "day.csv:1: no known trace format"),
        (AZURE.split("\n", 1)[0], "there is no request in it"),
    ],
)
def test_a_bad_line_is_named(text, words) -> None:
    """The error gives file, line, column and value, and a way out."""
    with pytest.raises(LedgerError, match=words) as caught:
        parse(text, "day.csv")
    assert caught.value.way_out


def test_block_hashes_stay_with_their_requests() -> None:
    """Mooncake's hashes of 512-token blocks follow the order of arrival; other formats have none."""
    swapped = "\n".join(reversed(MOONCAKE.splitlines()))
    found = parse(swapped, "day.jsonl")
    assert found.hash_block_tokens == 512
    assert list(found.integers("block_offsets")) == [0, 2, 3]
    assert list(found.integers("block_hashes")) == [1, 2, 1]
    assert parse(AZURE, "day.csv").block_offsets == b""


def test_a_trace_says_that_it_was_sorted() -> None:
    """Lines out of order are put in order, and the source says so."""
    swapped = "\n".join([SPLITWISE.split("\n", 1)[0], *reversed(SPLITWISE.splitlines()[1:])])
    source = parse(swapped, "day.csv").source
    assert source.startswith("day.csv (put in order of arrival: request 2 at 0 s stood behind one at ")


def test_an_empty_answer_is_kept() -> None:
    """A request of 0 output tokens is a prompt that somebody sent."""
    assert list(parse(BURSTGPT.replace(",44,", ",0,"), "b.csv").column("output_tokens")) == [0.0, 109.0]


@given(st.lists(st.lists(st.integers(-(2**62), 2**62), max_size=4), min_size=1, max_size=12), st.integers(1, 12))
def test_the_middle_of_a_trace_keeps_every_column(blocks, most) -> None:
    """Priorities and hashes stay with their requests when a trace is cut."""
    n = len(blocks)
    offsets = [sum(len(one) for one in blocks[:end]) for end in range(n + 1)]
    trace = Trace(
        name="t", arrival_s=pack(range(n)), input_tokens=pack(range(n)), output_tokens=pack(range(n)),
        priority=pack(range(n)), block_offsets=pack_integers(offsets),
        block_hashes=pack_integers(one for row in blocks for one in row), hash_block_tokens=16,
    )  # fmt: skip
    found = trace.middle(most)
    first = int(found.column("input_tokens")[0])
    starts = list(found.integers("block_offsets"))
    hashes = list(found.integers("block_hashes"))
    assert list(found.column("priority")) == list(found.column("input_tokens"))
    assert [hashes[a:b] for a, b in itertools.pairwise(starts)] == blocks[first : first + found.n]
