"""Traces in published formats become columns; a bad line is named with its value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import LedgerError
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


@pytest.mark.parametrize("text", [AZURE, SPLITWISE, MOONCAKE], ids=["azure", "splitwise", "mooncake"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_same_requests_in_three_formats(text, end) -> None:
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
        (SPLITWISE.replace(",109", ""), "day.csv:3: num_decode_tokens is ''"),
        (MOONCAKE.replace('"input_length": 396', '"length": 396'), "day.csv:2: .*input_length"),
        (MOONCAKE.replace("4314.579", '"soon"'), "day.csv:2: .*timestamp"),
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
