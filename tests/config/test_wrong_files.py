"""Everything wrong in a file is told in one run, each at its place, with its line, a caret and a way out.

Beside each wrong file lies the text that people read about it.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.config import mapping, policy_file, settings
from breakeven.config.study import file as study_file
from breakeven.errors import CONFIGURATION, ConfigError, PolicyError

WRONG = Path(__file__).parent / "wrong"


BESIDE = settings.load(
    """\
tenants: [{name: acme, key_env: ACME}]
backends:
  - {name: vllm, kind: openai, base_url: http://h/v1}
  - {name: ranker, kind: onnx, model_path: r.onnx}
deployments:
  - {name: assistant-h100, backend: vllm, region: us, quality: 0.7}
  - {name: hosted, backend: vllm}
  - {name: scores, backend: ranker, region: eu, quality: 0.9}
"""
)


def load_policy(text: str, filename: str) -> object:
    return policy_file.load(text, filename, beside=BESIDE, strategies=["weighted"])


READERS: dict[str, tuple[Callable[[str, str], object], type[ConfigError]]] = {
    "breakeven.yaml": (settings.load, ConfigError),
    "policy.yaml": (load_policy, PolicyError),
    "enforce.yaml": (load_policy, PolicyError),
    "promises.yaml": (load_policy, PolicyError),
    "tracking.yaml": (load_policy, PolicyError),
    "mapping.yaml": (mapping.load, ConfigError),
    "study.yaml": (study_file.load, ConfigError),
}


def told(name: str) -> str:
    load, kind = READERS[name]
    with pytest.raises(ConfigError) as caught:
        load((WRONG / name).read_text(), name)
    assert type(caught.value) is kind
    assert caught.value.exit_code == CONFIGURATION
    return str(caught.value)


@pytest.mark.parametrize("name", READERS)
def test_everything_wrong_is_told_at_once(name: str) -> None:
    """The whole text about a file full of mistakes is what lies beside it."""
    assert told(name) == (WRONG / name).with_suffix(".txt").read_text().rstrip("\n")


@pytest.mark.parametrize("name", READERS)
def test_every_caret_points_at_what_the_message_names(name: str) -> None:
    """Place, shown line and caret agree with the file, and every problem has a way out."""
    lines = (WRONG / name).read_text().splitlines()
    found = re.findall(rf"{name}:(\d+):(\d+): .*\n( *\d+ \| .*)\n      \| ( *)(\^+)\n      (.+)", told(name))
    assert len(found) == told(name).count(f"{name}:")
    for line, column, shown, blanks, carets, hint in found:
        source = lines[int(line) - 1]
        assert len(shown.split(" | ", 1)[1]) == len(source)
        assert len(blanks) + 1 == int(column)
        assert len(blanks) + len(carets) <= len(source)
        assert hint.strip()


@pytest.mark.parametrize("name", READERS)
def test_problems_follow_the_file(name: str) -> None:
    """A reader works through the file from top to bottom."""
    places = [
        (int(line), int(column)) for line, column in re.findall(rf"^{name}:(\d+):(\d+)", told(name), re.MULTILINE)
    ]
    assert places == sorted(places)
    assert len(places) >= 6


def test_secrets_are_not_repeated() -> None:
    """A key written into the file by mistake stays out of logs and terminals."""
    text = told("breakeven.yaml")
    assert "sk-live" not in text
    assert "me:secret" not in text
    assert "api_key: ***********}" in text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("fallbck", "failure"),
        ("fallback", "failure"),
        ("failre", "failure"),
        ("teir", "tier"),
        ("modles", "models"),
        ("defualt_answer", "default_answer"),
        ("DEFAULT_ANSWER", "default_answer"),
        ("cache_ttl", "cache_ttl_s"),
        ("budget_ms", "latency: {budget_ms: ...}"),
        ("strategy", "route: {strategy: ...}"),
        ("used_wen", "used_when"),
        ("pii", "personal_data"),
        ("max_tokens", "max_output_tokens"),
        ("retries", "retry"),
        ("explore", "route: {explore: ...}"),
    ],
)
def test_an_unknown_key_suggests_the_one_meant(written: str, meant: str) -> None:
    """A slip of the finger, a word from another tool, or a key one level off is recognised."""
    text = f"use_cases:\n  - name: a\n    route: {{targets: [{{deployment: d}}]}}\n    {written}: 1\n"
    with pytest.raises(PolicyError) as caught:
        policy_file.load(text)
    assert f"policy.yaml:4:5: unknown key `{written}`" in caught.value.message
    assert f"did you mean `{meant}`?" in caught.value.message


def test_far_from_everything_suggests_what_there_is() -> None:
    """Where nothing comes close, the known keys are listed rather than a wild guess."""
    with pytest.raises(ConfigError, match="known here: version, data_dir"):
        settings.load("zzzzzz: 1\n")
    with pytest.raises(PolicyError, match=r"breakeven\.yaml has: nothing yet"):
        policy_file.load("use_cases: [{name: a, route: {targets: [{deployment: d}]}}]", beside=settings.Settings())
