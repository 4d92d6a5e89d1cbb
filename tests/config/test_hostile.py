"""Hostile files are refused, each with a place, before they cost much.

Cost is counted in calls of Python functions: a million of them take about 100 ms.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import pytest

from breakeven.config import policy_file, settings
from breakeven.config.problem import MAX_PROBLEMS, Problem
from breakeven.errors import ConfigError, PolicyError

MOST_CALLS = 500_000
USE_CASE = "use_cases: [{name: a, route: {targets: [{deployment: d}]}}]\n"
LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12)
)

HOSTILE: dict[str, tuple[str, str]] = {
    "billion laughs": (LAUGHS, "an alias"),
    "quadratic blow-up": (f"a: &a {'x' * 50_000}\nb: [{', '.join(['*a'] * 2000)}]\n", "an alias"),
    "an alias to itself": ("a: &a [*a]\n", "an alias"),
    "a merge of an alias": ("a: &a {x: 1}\nb: {<<: *a}\n", "an alias"),
    "a merge key": (USE_CASE + "<<: {version: 1}\n", "a key must be text"),
    "an alias to nothing": (USE_CASE + "plan_id: *x\n", "an alias"),
    "a flat list of 400 KB": (f"use_cases: [{', '.join(['1'] * 133_000)}]\n", "bytes, at most"),
    "a flat list of 250 KB": (f"use_cases: [{', '.join(['1'] * 83_000)}]\n", "commas"),
    "a list of 25,000 lines": ("use_cases:\n" + "- 1\n" * 25_000, "commas"),
    "two megabytes of one word": ("plan_id: " + "a" * 2_000_000 + "\n", "bytes, at most"),
    "one line of 200 KB": ("plan_id: " + "a " * 100_000 + "\n", "a line of"),
    "a comment of 200 KB": (f"# {'c' * 200_000}\n" + USE_CASE, "a line of"),
    "200,000 empty lines": (USE_CASE + "\n" * 200_000, "lines"),
    "brackets, 200,000 deep": ("a: " + "[" * 200_000, "brackets"),
    "brackets, 2,000 deep": ("a: " + "[" * 2000 + "]" * 2000, "opens 2000 brackets"),
    "brackets, 60 deep": ("a: " + "[" * 60 + "]" * 60, "maximum depth"),
    "brackets on 2,000 lines": ("a: " + "[\n" * 2000 + "]" * 2000, "maximum depth"),
    "braces, 5,000 deep": ("{a: " * 5000, "opens 5000 brackets"),
    "dashes, 10,000 deep": ("- " * 10_000 + "a\n", "maximum depth"),
    "questions, 10,000 deep": ("? " * 10_000 + "a\n", "maximum depth"),
    "indented, 200 deep": ("\n".join(" " * depth + "a:" for depth in range(200)), "maximum depth"),
    "not a number": (USE_CASE + "breaker: {window_s: .nan}\n", "must be finite"),
    "infinity": (USE_CASE + "budgets: [{name: b, limit_usd: .inf}]\n", "must be finite"),
    "less than all": (USE_CASE + "breaker: {failures: -.inf}\n", "must be finite"),
    "beyond a float": (USE_CASE + "budgets: [{name: b, limit_usd: 1e999}]\n", "must be finite"),
    "a whole number of 5,000 digits": (USE_CASE + f"budgets: [{{name: b, limit_usd: {'9' * 5000}}}]\n", "no plain"),
    "an unknown key": (USE_CASE + "__class__: 1\n", "unknown key"),
    "ten thousand unknown keys": ("".join(f"k{n}: 1\n" for n in range(15_000)), "colons"),
    "a key twice": (USE_CASE + USE_CASE, "duplicate key"),
    "a Python object": (USE_CASE + "plan_id: !!python/object/apply:os.system [id]\n", "must be text"),
    "a tag of its own": (USE_CASE + "plan_id: !env SECRET\n", "no plain value"),
    "binary": (USE_CASE + "plan_id: !!binary AAAA\n", "no plain value"),
    "two documents": (USE_CASE + "---\n" + USE_CASE, "another document"),
    "a NUL": (USE_CASE + 'plan_id: "\x00"\n', "is not allowed"),
    "an escape of a terminal": (USE_CASE + "plan_id: \x1b[31m\n", "is not allowed"),
    "half a character": (USE_CASE + 'plan_id: "\\ud800"\n', "half a character"),
    "half a character in a key": (USE_CASE + '"\\ud800": 1\n', "a key must be text"),
    "a tab as indentation": ("use_cases:\n\t- {name: a}\n", "not YAML"),
    "an open quote": (USE_CASE + 'plan_id: "never\n', "not YAML"),
    "YAML 1.1's numbers": ("%YAML 1.1\n---\n" + USE_CASE + "plan_id: 190:20:30\n", "no plain value"),
    "a key that is a list": ("? [a, b]\n: 1\n", "a key must be text"),
    "a path as a name": ("use_cases: [{name: ../../etc, route: {targets: [{deployment: d}]}}]\n", "must be a name"),
    "a regular expression's worst case": (USE_CASE + f"plan_id: x\nlatency_{'a' * 1000}!: 1\n", "unknown key"),
}


def told(text: str) -> tuple[list[Problem], int]:
    """The problems of a policy file, and how many calls it took to find them."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = policy_file.problems(text)
    finally:
        sys.setprofile(before)
    return found, calls


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_cheaply(name: str) -> None:
    """Refused, with the reason first among its problems, after a bounded number of calls."""
    text, message = HOSTILE[name]
    found, calls = told(text)
    assert found
    assert message in found[0].message
    assert calls <= MOST_CALLS


def test_of_countless_mistakes_the_first_are_told() -> None:
    """A file with thousands of problems is refused with as many as people read, and says that there are more."""
    text = USE_CASE + "".join(f"k{n}: 1\n" for n in range(3000))
    with pytest.raises(PolicyError, match=f"policy.yaml has at least {MAX_PROBLEMS} problems") as caught:
        policy_file.load(text)
    assert str(caught.value).count("unknown key") == MAX_PROBLEMS


@pytest.mark.parametrize("name", HOSTILE)
def test_on_disk_it_is_refused_too(name: str, tmp_path: Path) -> None:
    """The same bytes as `breakeven.yaml` are one error for the operator, never another exception, shown shortened."""
    path = tmp_path / "breakeven.yaml"
    path.write_bytes(HOSTILE[name][0].encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as caught:
        settings.read(path)
    assert "\x1b" not in str(caught.value)
    assert max(map(len, str(caught.value).splitlines())) < 10_000
