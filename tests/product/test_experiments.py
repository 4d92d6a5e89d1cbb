"""`breakeven lift` and `breakeven ope`: published figures, and files in which something is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from breakeven.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples/experiments"
HEADER = "subject,arm,cost,useful\n"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def answer(*arguments: object) -> dict:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def written(tmp_path: Path, text: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def rows(subjects: int, arms: str = "ab") -> str:
    return "".join(f"u{n},{arms[n % len(arms)]},0.0{1 + n % 3},{n % 2}\n" for n in range(subjects))


def test_open_bandit_gives_the_published_estimate_and_says_that_it_means_little() -> None:
    """IPS 0.004553, 1.198 of the log's, SE 0.0021, ESS 1,640, SNIPS .004776: not significant."""
    log, target = EXAMPLES / "open_bandit_random_all.csv.xz", EXAMPLES / "open_bandit_bts_target.csv"
    found = answer("ope", log, "--target", target)
    assert found["ips"] == pytest.approx(0.004553, abs=5e-7)
    assert found["ratio"] == pytest.approx(1.198, abs=5e-4)
    assert found["se"] == pytest.approx(0.0021, abs=5e-5)
    assert found["snips"] == pytest.approx(0.004776, abs=5e-7)
    assert found["ess"] == pytest.approx(1640, abs=1)
    assert found["verdict"] == "not significant"
    assert "Not significant" in run("ope", log, "--target", target).stdout


def test_open_bandit_the_other_way_round_is_refused() -> None:
    """The uniform policy from the Thompson sampler's log of Women: ESS 2, no number, and what would be needed."""
    log, target = EXAMPLES / "open_bandit_bts_women.csv.xz", EXAMPLES / "open_bandit_uniform_target.csv"
    found = answer("ope", log, "--target", target)
    assert [found[name] for name in ("ips", "snips", "dr", "se")] == [None] * 4
    assert found["ess"] == pytest.approx(2, abs=0.1)
    assert found["verdict"].startswith("refused: lack of overlap")
    assert "exploring uniformly in" in found["verdict"]


def test_a_bad_row_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    """Each by its line and value; nothing else is lost."""
    bad = "u1,a,-3,1\nu2,b,nan,1\nu3,b,0.1,maybe\n,a,0.1,1\nu4,a,0.1\nu5,a,inf,0\nu6,a,0.1,2\n"
    found = answer("lift", written(tmp_path, HEADER + rows(300) + bad))
    assert (found["rows"], found["bad_rows"]) == (300, 7)
    said = "\n".join(found["bad"])
    for line, what in (
        (302, "cost is '-3'"),
        (303, "cost is 'nan'"),
        (304, "useful is 'maybe'"),
        (305, "subject is empty"),
    ):
        assert f"rows.csv:{line}: {what}" in said
    assert "rows.csv:306: 3 fields, but the header names 4" in said
    clean = answer("lift", written(tmp_path, HEADER + rows(300)))
    assert found["estimate"] == clean["estimate"]


def test_an_empty_cost_is_unknown_and_not_nought(tmp_path: Path) -> None:
    """The row is left out of what costs are asked of, and said."""
    found = answer("lift", written(tmp_path, HEADER + rows(300) + "u0,a,,1\n"))
    assert found["effects"][0]["rows_left_out"] == 1
    assert "1 rows do not tell it" in found["notes"][0]


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("subject,cost\nu,1\n", (), 3, "no column arm; its header names subject, cost"),
        ("", (), 3, "its header names nothing"),
        (HEADER, (), 2, "there are 0: none"),
        (HEADER + "u,a,1,1\nv,b,-1,1\n", (), 4, "rows.csv:3: cost is '-1'"),
        (HEADER + rows(9, "a"), (), 2, "there are 1: a"),
        (HEADER + rows(9, "abc"), (), 2, "name two with --control and --treatment"),
        (HEADER + rows(9), ("--treatment", "z"), 2, "--treatment z: no row is in that arm; the arms are a, b"),
        (HEADER + rows(9), ("--metric", "conversion"), 2, "needs the column converted"),
        (HEADER + rows(9), ("--loss-usd", "1"), 2, "say nothing without --value-usd"),
        ("subject,arm\nu,a\nv,b\n", (), 2, "no metric can be told"),
    ],
)
def test_what_cannot_be_answered_is_said(
    tmp_path: Path, text: str, options: tuple[str, ...], code: int, said: str
) -> None:
    """The message names the file or option and the value; exit codes are those of the command line."""
    done = run("lift", written(tmp_path, text), *options)
    assert done.exit_code == code
    assert said in done.stderr


def test_another_arm_is_left_out_and_counted(tmp_path: Path) -> None:
    """Two arms of three, when they are named."""
    found = answer("lift", written(tmp_path, HEADER + rows(600, "abc")), "--control", "a", "--treatment", "c")
    assert (found["control"], found["treatment"], found["rows"]) == ("a", "c", 400)
    assert "200 rows of other arms are left out" in found["notes"]


def test_parquet_and_csv_say_the_same(tmp_path: Path) -> None:
    """The same rows in another form."""
    path = tmp_path / "rows.parquet"
    source = EXAMPLES / "router.csv"
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{source}')) TO '{path}' (FORMAT parquet)")
    one, other = answer("lift", source), answer("lift", path)
    assert {**one, "course": ()} == {**other, "course": ()}
    assert one["course"][-1]["estimate"] == pytest.approx(other["course"][-1]["estimate"])


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_form_has_the_answer_and_its_chart(form: str) -> None:
    """People read the verdict, both intervals and the sample ratio."""
    done = run("lift", EXAMPLES / "router.csv", "--value-usd", "0.02", "--format", form)
    assert done.exit_code == 0, done.stderr
    for words in ("no difference shown", "at a fixed horizon", "Is it worth it?", "desktop"):
        assert words in done.stdout
    assert ("<svg" in done.stdout) is (form == "html")


LOG = "action,position,propensity,reward\n"
TARGET = "action,position,probability\n"


@pytest.mark.parametrize(
    ("log", "target", "code", "said"),
    [
        (LOG + "1,0,0.5,1\n", TARGET + "1,0,0.5\n", 3, "the probabilities of position 0 sum to 0.5, not to 1"),
        (LOG + "1,0,0.5,1\n", TARGET + "1,0,0.5\n1,0,0.5\n", 3, "target.csv:3: action 1 is there twice"),
        (LOG + "1,0,0.5,1\n", TARGET + "1,0,x\n", 3, "target.csv:2: probability is 'x'"),
        (LOG + "1,7,0.5,1\n", TARGET + "1,0,1\n", 3, "rows at 7, of which the target says nothing"),
        (LOG + "1,0,0,1\n", TARGET + "1,0,1\n", 4, "none of 1 rows can be used"),
        ("action,reward\n1,1\n", TARGET + "1,0,1\n", 3, "no column propensity"),
    ],
)
def test_a_log_or_target_that_is_wrong_is_said(tmp_path: Path, log: str, target: str, code: int, said: str) -> None:
    """A target is whole or it is none; a log keeps its good rows."""
    done = run("ope", written(tmp_path, log), "--target", written(tmp_path, target, "target.csv"))
    assert done.exit_code == code
    assert said in done.stderr


def test_a_target_without_positions_holds_for_all(tmp_path: Path) -> None:
    """`3` and `3.0` are the same action."""
    lines = "".join(f"{n % 2}.0,{n % 3},0.5,{int(n % 2 and n % 7 > 2)}\n" for n in range(2_000))
    path = written(tmp_path, LOG + lines + "1,0,2,1\n")
    found = answer("ope", path, "--target", written(tmp_path, "action,probability\n0,0.2\n1,0.8\n", "target.csv"))
    assert found["n"] == 2_000
    assert "rows.csv:2002: propensity is '2'" in found["bad"][0]
    assert found["verdict"] == "better than the log"
    assert found["dr"] == pytest.approx(0.8 * 4 / 7, abs=0.03)


def test_the_example_experiment_is_what_the_script_makes() -> None:
    """Columns as documented, and arms that stick."""
    with (EXAMPLES / "router.csv").open() as handle:
        read = list(csv.DictReader(handle))
    assert tuple(read[0]) == (
        "subject",
        "arm",
        "cost",
        "useful",
        "converted",
        "revenue",
        "covariate",
        "segment",
        "time",
    )
    assert len({row["subject"] for row in read}) == len({(row["subject"], row["arm"]) for row in read}) == 1_200


def test_neither_file_nor_use_case_is_a_question() -> None:
    """The way out names both."""
    for command in ("lift", "ope"):
        done = run(command)
        assert done.exit_code == 2
        assert "--use-case" in done.stderr
    assert "name its probabilities with --target" in run("ope", EXAMPLES / "open_bandit_bts_women.csv.xz").stderr
