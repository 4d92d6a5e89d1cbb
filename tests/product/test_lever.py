"""`breakeven lever`: the example runs as printed, every answer is one JSON object, errors name place and way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from breakeven.assembly.levering import LEVERS
from breakeven.cli.main import main
from breakeven.config.lever.example import SECTIONS
from breakeven.config.lever.file import LeverFile
from breakeven.metric.routing_score import score
from breakeven.schema.lever import RouterWeights

FOLDER = Path(__file__).parents[2] / "examples/levers"
FILE = FOLDER / "levers.yaml"
SECTIONED = [name for name in LeverFile.model_fields if name in LEVERS]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["lever", *(str(one) for one in arguments)])


def answer(*arguments: object) -> dict:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_every_lever_has_a_section_an_example_and_a_line_of_the_list() -> None:
    """The grammar, the table, the example and the list name the same levers."""
    assert set(LEVERS) == set(SECTIONS) == set(SECTIONED) == set(answer("list"))


def test_the_example_is_the_shipped_one_and_asks_about_every_lever() -> None:
    """What `example` prints stands in examples/levers, and all of it can be answered."""
    assert run("example").stdout == FILE.read_text()
    found = answer("all", FILE)
    assert {one["name"] for one in found} == set(LEVERS)
    shares = [one["saving_share"]["value"] for one in found]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("name", sorted(set(LEVERS) - {"router"}))
def test_a_lever_alone_is_the_lever_among_all(name: str, tmp_path: Path) -> None:
    """Its own example file answers as the whole file does, byte for byte, in JSON and for people."""
    path = tmp_path / "one.yaml"
    path.write_text(run("example", name).stdout)
    assert run(name, path, "--json").stdout == run(name, FILE, "--json").stdout
    shown = run(name, path)
    assert shown.exit_code == 0, shown.stderr
    assert "What must hold" in shown.stdout


def test_forms_for_people() -> None:
    """One lever, all of them and the rules can be read in every form."""
    for arguments in (("cache", FILE, "--format", "html"), ("all", FILE, "--format", "markdown"), ("rules",)):
        assert run(*arguments).exit_code == 0


def test_rules_are_results() -> None:
    """Each with stretches, what it was tested with, and whether it holds as stated; some do not."""
    found = answer("rules", "--on", "2026-11-20")
    assert len({one["name"] for one in found}) == len(found) >= 15
    assert {one["holds"] for one in found} == {True, False}


def test_router_weights_are_written_for_a_gateway(tmp_path: Path) -> None:
    """Plain arrays that score in plain Python: reasoning goes up, look-ups go down."""
    import msgspec

    out = tmp_path / "weights.json"
    done = run("router", FILE, "--weights", out)
    assert done.exit_code == 0, done.stderr
    assert "strategy: learned, router: {weights: weights.json}" in done.stderr
    weights = msgspec.json.decode(out.read_bytes(), type=RouterWeights)
    assert (weights.strong, weights.weak) == ("large", "small")
    assert score(weights, "plan a trip by bicycle to Oslo step by step with a budget") >= weights.threshold
    assert score(weights, "what is the opening hour of the book shop in Graz") < weights.threshold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("levers: 1\ncache: {answer_usd: cheap, lookup_usd: 1, hit_rate: 0.3, error_rate: 0, wrong_usd: 1}\n",
         ("bad.yaml:2:21", "got cheap", "write 0.3")),
        ("levers: 1\nshare: {share: 1.3, times_cheaper: 5, strong_usd: 1}\n", ("bad.yaml:2:16", "1.3", "give 0 to 1")),
        ("levers: 1\nshare: {share: {value: 0.5, low: 0.7}, times_cheaper: 5, strong_usd: 1}\n", ("0.5", "0.7")),
        ("levers: 1\nshare: {share: 0.5, times_cheaper: 0, strong_usd: 1}\n", ("2:36", "more than 0")),
        ("levers: 1\nchache: {}\n", ("unknown key `chache`", "did you mean `cache`")),
        ("levers: 1\nlife: {training_usd: 1}\n", ("`life` lacks the key",)),
        ("levers: 1\nshare: {share: .nan, times_cheaper: 5, strong_usd: 1}\n", ("nan",)),
    ],
)  # fmt: skip
def test_bad_questions_name_place_value_and_way_out(text: str, told: tuple[str, ...], tmp_path: Path) -> None:
    """Exit 3, and every part of the sentence is there."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = run("share", path)
    assert done.exit_code == 3
    for part in told:
        assert part in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cahce", FILE), "did you mean `cache`?"),
        (("cache",), "example cache"),
        (("example", "cahce"), "did you mean `cache`?"),
        (("cache", FILE, "--weights", "x.json"), "learns no router"),
    ],
)
def test_bad_usage_says_what_to_type(arguments: tuple[object, ...], told: str) -> None:
    """Exit 2, with the command that was meant."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_section_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With what the file does ask about."""
    path = tmp_path / "one.yaml"
    path.write_text(run("example", "cache").stdout)
    done = run("share", path)
    assert done.exit_code == 2
    assert "no section `share:`; it asks about cache" in done.stderr
