"""A mapping file names the columns of a log."""

from pathlib import Path

import pytest

from breakeven.config import mapping
from breakeven.config.mapping import LogDefaults, LogMapping
from breakeven.errors import ConfigError

TEXT = """\
time: startTime
time_unit: ms
model: model_group
input_tokens: prompt_tokens
output_tokens: completion_tokens
cost_usd: spend
total_s: duration
subject: end_user
defaults: {use_case: chat, budget_ms: 2000, used_when: delivered}
"""


def test_columns_are_our_name_to_theirs() -> None:
    """Only what is mapped is listed, without the settings around it."""
    found = mapping.load(TEXT)
    assert found.columns() == {
        "time": "startTime",
        "model": "model_group",
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "cost_usd": "spend",
        "total_s": "duration",
        "subject": "end_user",
    }
    assert found.time_unit == "ms"
    assert found.defaults == LogDefaults(use_case="chat", budget_ms=2000.0, used_when="delivered")


def test_time_is_all_a_log_must_have() -> None:
    """Everything else may be missing; what it would have said is then unknown."""
    found = mapping.load("time: t\n")
    assert found == LogMapping(time="t")
    assert found.columns() == {"time": "t"}
    assert found.defaults.used_when == "unmeasured"


def test_it_is_read_from_disk(tmp_path: Path) -> None:
    """`read` is `load` with the path as the name in messages."""
    path = tmp_path / "map.yaml"
    path.write_text(TEXT)
    assert mapping.read(path) == mapping.load(TEXT)
    path.write_text("tiem: t\n")
    with pytest.raises(ConfigError, match=rf"(?s){path}:1:1: unknown key `tiem`.*did you mean `time`\?"):
        mapping.read(path)
