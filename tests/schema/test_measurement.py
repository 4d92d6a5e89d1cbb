"""Measured rows as CSV: what is written is read again, and what is broken is named with row, column and field."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import ConfigError
from breakeven.schema.measurement import COLUMNS, Measurement, read_rows, write_rows

HEADER = "source,version,date,engine,model,gpu,ngpu,tp,precision,isl,osl,load_kind,load,metric,value,unit"
ROW = "table,v0.9,2026-01-31,vllm,llama-3.1-8b,h100_sxm,8,8,fp8,1024,128,closed_concurrency,16,mean_tpot_ms,7.25,ms"

TEXTS = st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).map(str.strip).filter(
    lambda text: text.lower() not in {"", "n/a"}
)
NUMBERS = st.none() | st.floats(0, 1e9)
COUNTS = st.none() | st.integers(0, 4096)
KINDS = {
    **dict.fromkeys(COLUMNS, TEXTS),
    **dict.fromkeys(["ngpu", "tp"], COUNTS),
    **dict.fromkeys(["isl", "osl"], NUMBERS),
    "load": NUMBERS | st.just(math.inf),
    "value": st.none() | st.floats(-1e300, 1e300),
}
ROWS = st.lists(st.builds(Measurement, **KINDS), max_size=5).map(tuple)


@given(ROWS)
def test_reading_undoes_writing(rows: tuple[Measurement, ...]) -> None:
    """Any rows come back equal, to the last digit; appended rows too."""
    assert read_rows(write_rows(rows)) == rows
    assert read_rows(write_rows(rows) + write_rows(rows, header=False)) == rows + rows


def test_the_columns_are_those_of_the_published_tables() -> None:
    """The header, a row, and the row written again, to the letter."""
    assert ",".join(COLUMNS) == HEADER
    [row] = read_rows(f"{HEADER}\n{ROW}\n")
    assert (row.engine, row.gpu, row.ngpu, row.isl, row.load, row.value) == ("vllm", "h100_sxm", 8, 1024, 16, 7.25)
    assert write_rows([row]) == f"{HEADER}\n{ROW}\n"


def test_blanks_are_none_and_inf_is_a_load() -> None:
    """What a table leaves out is not zero; an offline run has no bound on its load."""
    [row] = read_rows(f"{HEADER}\nt,,,e,m,g,N/A,,,,,offline_max,INF,output_tok_s,5,tok/s\n")
    assert (row.version, row.ngpu, row.tp, row.isl, row.load) == (None, None, None, None, math.inf)


def test_values_can_be_left_unread() -> None:
    """With `values=False` the column may hold anything, or be missing."""
    [row] = read_rows(f"{HEADER}\n{ROW.replace('7.25', 'secret')}\n", values=False)
    assert row.value is None
    [same] = read_rows(f"{HEADER.replace(',value', '')}\n{ROW.replace(',7.25', '')}\n", values=False)
    assert same == row


def test_columns_come_in_any_order() -> None:
    """Only names count."""
    backwards = "\n".join(",".join(reversed(line.split(","))) for line in (HEADER, ROW))
    assert read_rows(backwards) == read_rows(f"{HEADER}\n{ROW}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"f.csv: column 'source' is missing; the header is ''"),
        (HEADER.replace("isl", "input"), r"column 'input' is unknown"),
        (f"{HEADER},unit", r"column 'unit' occurs twice"),
        (HEADER.replace(",tp", ""), r"column 'tp' is missing"),
        (f"{HEADER}\n{ROW}\n{ROW},1", r"f.csv, row 1: 17 fields, but the header names 16"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('1024', '1k')}", r"f.csv, row 1, column isl: '1k' is not a number of tokens"),
        (f"{HEADER}\n{ROW.replace(',8,8,', ',8,2.5,')}", r"row 0, column tp: '2.5' is not a count of accelerators"),
        (f"{HEADER}\n{ROW.replace('7.25', 'nan')}", r"row 0, column value: 'nan' is not a finite number"),
        (f"{HEADER}\n{ROW.replace(',16,', ',-1,')}", r"column load: '-1' is not a load"),
        (f'{HEADER}\n"{ROW}', r"line \d+: not readable as CSV"),
    ],
)
def test_what_is_broken_is_named(text: str, words: str) -> None:
    """File, row, column and the field that was found."""
    with pytest.raises(ConfigError, match=words):
        read_rows(text, "f.csv")
