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


def test_plain_fields_are_what_the_ledger_reads() -> None:
    """The written file, in the ledger's words: columns by meaning, one unit for durations, targets in seconds."""
    assert mapping.load(TEXT).plain() == {
        "time": "startTime",
        "time_unit": "ms",
        "model": "model_group",
        "subject": "end_user",
        "input_tokens": "prompt_tokens",
        "output_tokens": "completion_tokens",
        "cost_usd": "spend",
        "zero_is_unpriced": False,
        "failed_values": ("failure", "failed", "error", "false", "0"),
        "total": "duration",
        "ttft": "",
        "latency_unit": "s",
        "value_usd": "",
        "default_use_case": "chat",
        "used_when": "delivered",
        "budget_s": 2.0,
        "ttft_target_s": None,
        "tpot_target_s": None,
    }


def test_time_is_all_a_log_must_have() -> None:
    """Everything else may be missing; what it would have said is then unknown."""
    found = mapping.load("time: t\n")
    assert found == LogMapping(time="t")
    assert found.columns() == {"time": "t"}
    assert found.defaults == LogDefaults(use_case="imported", used_when=None)


def test_durations_have_one_unit() -> None:
    """Seconds beside milliseconds are a slip, told where the second one stands."""
    assert mapping.load("time: t\ntotal_ms: a\nttft_ms: b\n").plain()["latency_unit"] == "ms"
    with pytest.raises(ConfigError, match=r"mapping.yaml:3:1: `total_s` and `ttft_ms` are in different units"):
        mapping.load("time: t\ntotal_s: a\nttft_ms: b\n")


def test_it_is_read_from_disk(tmp_path: Path) -> None:
    """`read` is `load` with the path as the name in messages."""
    path = tmp_path / "map.yaml"
    path.write_text(TEXT)
    assert mapping.read(path) == mapping.load(TEXT)
    path.write_text("tiem: t\n")
    with pytest.raises(ConfigError, match=rf"(?s){path}:1:1: unknown key `tiem`.*did you mean `time`\?"):
        mapping.read(path)
