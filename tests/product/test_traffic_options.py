"""The options of a command that takes rows from traffic, as somebody types them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from breakeven.cli.observed import taken, traffic_options
from breakeven.cli.output import config_option, data_dir_option, explained
from breakeven.schema.measurement import read_rows, write_rows

DATA = Path(__file__).parents[1] / "measure" / "data"
TEXTS = ("--metrics", str(DATA / "vllm_before.prom"), "--metrics", str(DATA / "vllm_after.prom"))


@click.command()
@traffic_options
@config_option
@data_dir_option
@click.option("--accelerator", "gpu")
@click.option("--tp", type=int, default=1)
@explained
def rows(**given: Any) -> None:
    """Print the rows."""
    found = taken(given)
    click.echo("nothing was named" if found is None else write_rows(found.rows), nl=False)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(rows, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_saved_texts_give_rows_and_remarks() -> None:
    """Rows on stdout, the count and what is worth knowing on stderr."""
    code, out, err = run(*TEXTS, "--seconds", "60", "--accelerator", "h100-sxm", "--tp", "2")
    assert code == 0
    found = read_rows(out)
    assert [row.metric for row in found] == ["mean_ttft_ms", "mean_tpot_ms", "output_tok_s"]
    assert {(row.gpu, row.tp, row.ngpu) for row in found} == {("h100-sxm", 2, 2)}
    assert err == "2 samples cannot tell whether the load was steady\n3 rows of 1 window\n"


def test_nothing_named_is_nothing_taken() -> None:
    """The command goes on with its other sources."""
    assert run()[:2] == (0, "nothing was named")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((*TEXTS, "--seconds", "60"), 2, "rows without --accelerator"),
        ((*TEXTS, "--accelerator", "cpu"), 3, "does not say when it was taken"),
        ((*TEXTS, "--ledger"), 2, "are two sources of rows"),
        ((*TEXTS, "--accelerator", "cpu", "--isl", "9"), 2, "--isl is 9.0 and --osl is None"),
        (("--metrics", "http://a", "--metrics", "b", "--accelerator", "cpu"), 2, "watch one server at a time"),
        (("--metrics", "gone", "--seconds", "60", "--accelerator", "cpu"), 2, "gone cannot be read"),
        (("--ledger", "--config", "gone.yaml"), 3, "gone.yaml"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    """With the exit code of its kind, and a sentence."""
    found, _, err = run(*arguments)
    assert found == code
    assert sentence in err
