"""Published studies: each is reproduced from its inputs alone, by an engine that knows none of them by name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.catalog.load import load as load_catalog
from breakeven.cli.main import main
from breakeven.config.study.file import StudyFile, load, read
from breakeven.errors import StudyError
from breakeven.study.expect import check

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "tco"
FILES = sorted(EXAMPLES.glob("*.yaml"))
STUDIES = {path.name: read(path) for path in FILES}
VALUES = [(name, at) for name, study in STUDIES.items() for at in range(len(study.expected))]
PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
"""The numbers of each publication by the names that its example gives them; `inferred` ones follow from a guess."""
CASE = """
study: 1
id: made-up
title: Made up
source: {title: made up, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 12}
options:
  own: {lines: {build: 100 USD, care: 1 USD/month}}
  rent: {lines: {bill: 21 USD/month}}
  dear: {lines: {bill: 1 USD/month}}
variants: {}
expected:
"""


def named(value):
    file, at = value
    return f"{file.removesuffix('.yaml')}-{at}-{STUDIES[file].expected[at].name}"


@cache
def checked(file):
    return check(STUDIES[file], load_catalog())


def expecting(*rows: str) -> StudyFile:
    return load(CASE + "\n".join(f"  - {{published: here, {row}}}" for row in rows))


def tco_check(*arguments):
    result = CliRunner().invoke(main, ["tco", "check", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("value", VALUES, ids=named)
def test_a_published_value_is_reproduced(value):
    """From the inputs of its study alone, within the last printed digit or the stated tolerance."""
    file, at = value
    found = checked(file)[at]
    assert found.passed, f"{found.name} is {found.actual} {found.unit}, published as {found.expected}"


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["example"])
def test_what_a_study_expects_is_what_was_published(case):
    """Every number of the publication is expected, as printed; what follows from a guess says which."""
    expected = {one.name: one for one in STUDIES[case["example"]].expected}
    values, inferred = case.get("values", {}), case.get("inferred", {})
    assert {name: expected[name].value for name in (*values, *inferred)} == {**values, **inferred}
    assert [name for name in values if expected[name].inferred] == []
    assert [name for name in inferred if not expected[name].inferred] == []


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["example"])
def test_a_tolerance_is_never_wider_than_what_is_printed(case):
    """5 % of the value, or half of the last printed digit: what lets anything through proves nothing."""
    for one in STUDIES[case["example"]].expected:
        digits = len(f"{one.value or 0:.12g}".partition(".")[2])
        assert one.tolerance <= 0.05, one.name
        assert one.within <= 0.5 * 10.0**-digits * (1 + 1e-9), one.name


def test_the_source_knows_no_case_by_name():
    """Neither id nor title of an example stands in a line of code."""
    told = {text for study in STUDIES.values() for text in (study.id, study.title)}
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
    assert len(sources) > 100
    assert {(path.name, text) for path, source in sources.items() for text in told if text in source} == set()


def test_the_check_of_a_folder_prints_what_it_counted():
    """Exactly three keys; exit 0 while every value is reproduced."""
    result = tco_check(EXAMPLES, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"cases": len(FILES), "checked": len(VALUES), "failed": []}


def test_files_and_folders_are_checked_together(tmp_path):
    """Each path counts; folders are searched to their ends."""
    (tmp_path / "deep").mkdir()
    for name in ("deep/one.yaml", "two.yaml"):
        (tmp_path / name).write_text(CASE + "  - {name: own.capex, value: 100, unit: USD, published: here}\n")
    found = json.loads(tco_check(tmp_path, FILES[0], "--json").stdout)
    assert found == {"cases": 3, "checked": 2 + len(STUDIES[FILES[0].name].expected), "failed": []}


def test_a_value_that_is_not_reproduced_fails_the_check(tmp_path):
    """Its case, its name and both values; never is null; exit 1, as JSON and as text."""
    rows = ["name: own.capex, value: 100", "name: own_vs_rent.months, value: 6", "name: own_vs_dear.months, value: 6"]
    path = tmp_path / "case.yaml"
    path.write_text(
        CASE
        + "\n".join(
            f"  - {{published: here, unit: {unit}, {row}}}"
            for row, unit in zip(rows, ("USD", "month", "month"), strict=True)
        )
    )
    result = tco_check(path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "cases": 1,
        "checked": 3,
        "failed": [
            {"case": "made-up", "name": "own_vs_rent.months", "expected": 6.0, "actual": 5.0},
            {"case": "made-up", "name": "own_vs_dear.months", "expected": 6.0, "actual": None},
        ],
    }
    told = tco_check(path)
    assert told.exit_code == 1
    assert "own_vs_dear.months is never, published as 6 month (here)" in told.stdout
    assert "3 values checked, 2 failed" in told.stdout


def test_a_case_that_cannot_be_computed_fails_and_hides_no_other(tmp_path):
    """It stands among the failed with its error; the others are checked all the same."""
    (tmp_path / "a.yaml").write_text(CASE + "  - {name: own.nothing, value: 1, published: here}\n")
    (tmp_path / "b.yaml").write_text(CASE + "  - {name: own.capex, value: 100, unit: USD, published: here}\n")
    result = tco_check(tmp_path, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["cases"], found["checked"]) == (1, 2, 1)
    (failed,) = found["failed"]
    assert failed["case"] == "a"
    assert "own.nothing" in failed["error"]


def test_a_study_without_expectations_must_be_computable(tmp_path):
    """Nothing to compare is no excuse for a study that cannot be computed."""
    path = tmp_path / "case.yaml"
    hourly = CASE.replace("1 USD/month", "1 USD/h").replace("expected:", "")
    path.write_text(hourly)
    assert tco_check(path, "--json").exit_code == 0
    path.write_text(hourly.replace("hours_per_month: 730, ", ""))
    assert tco_check(path, "--json").exit_code == 1


def test_a_folder_without_studies_is_an_error(tmp_path):
    """Rather than a check of nothing that passes."""
    result = tco_check(tmp_path)
    assert result.exit_code not in {0, 1}
    assert "holds no study" in result.stderr


AGREE = [
    ("name: own_vs_rent.months, value: 5, unit: month, tolerance: 0", True),
    ("name: own_vs_rent.months, value: 5.04, unit: month, tolerance: 0.01", True),
    ("name: own_vs_rent.months, value: 5.06, unit: month, tolerance: 0.01", False),
    ("name: own_vs_rent.months, value: 5.06, unit: month, tolerance: 0.01, within: 0.061", True),
    ("name: own_vs_rent.months, value: 5.06, unit: month, tolerance: 0.5, within: 0.001", True),
    ("name: own_vs_rent.months, value: null, unit: month", False),
    ("name: own_vs_dear.months, value: null, unit: month", True),
    ("name: own_vs_dear.months, value: 1.0e+9, unit: month, tolerance: 0.5", False),
    ("name: rent.first_month, value: 252, unit: USD/year, tolerance: 0", True),
]


@pytest.mark.parametrize(("row", "agrees"), AGREE, ids=[row for row, _ in AGREE])
def test_two_values_agree_within_the_wider_tolerance(shipped, row, agrees):
    """Relative or absolute, whichever is wider; never agrees with never alone."""
    (found,) = check(expecting(row), shipped)
    assert found.passed is agrees


WRONG = [
    ("name: own.capex, value: 1, unit: month", "is in USD"),
    ("name: own.capexx, value: 1", "own.capex"),
    ("name: 'none:own.capex', value: 1", "names the variant `none`"),
]


@pytest.mark.parametrize(("row", "told"), WRONG, ids=[row for row, _ in WRONG])
def test_an_expectation_that_stands_for_nothing_is_refused(shipped, row, told):
    """A wrong name, variant or unit is an error at its place, never a value that happens to differ."""
    with pytest.raises(StudyError) as failed:
        check(expecting(row), shipped)
    assert told in f"{failed.value.message} {failed.value.way_out}"
    assert failed.value.path[0] == "expected"
