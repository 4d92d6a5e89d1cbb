"""YAML text becomes plain values by the rules of YAML 1.2, and no text can hurt."""

import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from breakeven.config.problem import Place
from breakeven.config.scalar import number, scalar
from breakeven.config.tree import MAX_BYTES, MAX_DEPTH, MAX_LINE, MAX_MARKS, parse, resolve


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3e-7", 3e-7),
        ("no", "no"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2026-11-01", "2026-11-01"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-5", -5),
        ("1_000", 1000),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("~", None),
        ("true", True),
        ("TRUE", True),
        ('"3e-7"', "3e-7"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("[1, [a]]", (1, ("a",))),
        ("{a: 1}", {"a": 1}),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_yaml_1_2_rules(written: str, meant: object) -> None:
    """What PyYAML gets wrong (3e-7 as text, no as False, 12:30 as 750) is right here."""
    tree = parse(f"x: {written}")
    assert tree.problems == []
    assert tree.value == {"x": meant}
    assert type(tree.value["x"]) is type(meant)


def test_not_a_number_is_a_number_here() -> None:
    """`.nan` is read as what it is; the models refuse it where a finite number belongs."""
    assert math.isnan(float(str(resolve(".nan", "float"))))


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\n", (4, 3), "duplicate key `c`, first given in line 3", "keep one"),
        ("a: [1,\nb: 2", (2, 5), "not YAML: while parsing a flow sequence", "never closed"),
        ("a:\tb", (1, 3), "not YAML", "no tabs"),
        ("a: b: c", (1, 5), "not YAML", "quote a value"),
        ("a: *x", (1, 4), "an alias (`*x`) is not read here", "must be quoted"),
        ("a: 1\n---\nb: 2\n", (2, 1), "another document", "one document"),
        ("a: 'x", (1, 6), "not YAML", "quote was never closed"),
        ("é: ok\nab: \x07", (2, 5), "the character '\\x07' is not allowed", "UTF-8"),
        ("a: !!python/object:os.system x", (1, 4), "no plain value of YAML 1.2", "quote it"),
        ("a: !secret x", (1, 4), "no plain value of YAML 1.2", "quote it"),
        ("%YAML 1.1\n---\na: yes\n", (3, 4), "`yes` is no plain value", "quote it"),
        ("%YAML 1.1\n---\na: 12:30:45\n", (3, 4), "`12:30:45` is no plain value", "quote it"),
        ("a: " + "9" * 400, (1, 4), "no plain value", "quote it"),
        ("1: a", (1, 1), "a key must be text, got `1`", "quote it"),
        ("? [a]\n: b", (1, 3), "a key must be text", "quote it"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n", (3, 7), "an alias (`*a`)", "write the value out"),
        ("a:\n  <<: {x: 1}\n", (2, 3), "a key must be text, got `<<`", "write the keys out"),
        (f"a: {'[' * 60}", (1, 3 + MAX_DEPTH), "maximum depth", "flatten it"),
        ("a: &a [*a]", (1, 8), "an alias (`*a`)", "write the value out"),
        ("a" * (MAX_BYTES + 1), (1, 1), f"at most {MAX_BYTES} are read", "split the file"),
        ("a" * (MAX_LINE + 1), (1, 1), f"a line of {MAX_LINE + 1} characters", "split the file"),
        ("[" * (MAX_MARKS + 1), (1, 1), f"{MAX_MARKS + 1} lines, commas", "split the file"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, place: tuple[int, int], message: str, hint: str) -> None:
    """Each way to get YAML wrong has a place, a message and a way out."""
    problem = parse(text).problems[0]
    assert (problem.place.line, problem.place.column) == place
    assert message in problem.message
    assert hint in problem.hint


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_no_text_raises(text: str) -> None:
    """Whatever the bytes, the answer is a tree; its problems have places inside the text or at its end."""
    tree = parse(text)
    for problem in tree.problems:
        assert 1 <= problem.place.line <= text.count("\n") + text.count("\r") + text.count("\x85") + len(text) + 1
        assert problem.place.column >= 1
        assert problem.message


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%? \n,.0e~", max_size=60))
@settings(max_examples=500)
def test_no_punctuation_raises(text: str) -> None:
    """The same with the characters YAML is made of."""
    assert parse(text) is not None


keys = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6)
words = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]), max_size=12)
"""Without the line breaks of YAML 1.1, which the library writes as they are and 1.2 reads as breaks of a line."""
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def listed(value: object) -> object:
    if isinstance(value, tuple):
        return [listed(entry) for entry in value]
    return {key: listed(entry) for key, entry in value.items()} if isinstance(value, dict) else value


@given(st.dictionaries(st.sampled_from(["a", "b c", "ü"]), plain, min_size=1, max_size=3))
def test_what_is_dumped_is_read_back(value: dict[str, object]) -> None:
    """Every value of the plain kinds survives writing and reading, with its type."""
    stream = io.StringIO()
    yaml = YAML(typ="rt", pure=True)
    yaml.dump(listed(value), stream)
    tree = parse(stream.getvalue())
    assert tree.problems == []
    assert repr(tree.value) == repr(value)


@given(st.text(max_size=40))
def test_a_scalar_reads_back_as_itself(text: str) -> None:
    """Text put into a file is read as that text, whatever it looks like."""
    assert parse(f"x: [{scalar(text)}]  # note").value == {"x": (text,)}


@given(st.floats(allow_nan=False))
def test_a_number_reads_back_as_itself(amount: float) -> None:
    """No digit of a number is lost on its way through a file."""
    assert parse(f"x: {number(amount)}").value == {"x": amount}


@pytest.mark.parametrize("text", ["yes", "No", "null", "1", "3e-7", "", " a", "a: b", "#", "*a", "12:30", "~"])
def test_what_looks_like_something_else_is_quoted(text: str) -> None:
    """Text that a YAML reader of either version takes for a value or a mark is quoted."""
    assert scalar(text) == f'"{text}"'


def test_places_count_from_one_and_cover_keys_and_values() -> None:
    """A key, a value, an entry of a list and an empty value all have the place an editor would show."""
    tree = parse("a: 1\nlist:\n  - {name: x}\n  - name: yy\nnone:\n")
    assert tree.keys["a",] == Place(line=1, column=1, width=1)
    assert tree.places["a",] == Place(line=1, column=4, width=1)
    assert tree.places["list", 0] == Place(line=3, column=5, width=9)
    assert tree.places["list", 1] == Place(line=4, column=5, width=4)
    assert tree.places["list", 1, "name"] == Place(line=4, column=11, width=2)
    assert tree.places["none",] == tree.keys["none",] == Place(line=5, column=1, width=4)
    assert tree.place(("list", 1, "missing", "deeper")) == tree.places["list", 1]
    assert tree.place(("list", 1, "name"), on_key=True) == Place(line=4, column=5, width=4)
