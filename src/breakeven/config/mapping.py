"""The mapping file of `report --from FILE --map`: which column of a log means what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Name, NotNegative, Positive, Section, Text
from breakeven.config.problem import Complaint
from breakeven.config.reading import Rule
from breakeven.config.tree import Value
from breakeven.schema.policy import UsedWhen

TimeUnit = Literal["iso", "s", "ms", "us", "ns"]


class LogDefaults(Section):
    """What holds for every row that has no column for it, and the targets its use cases are judged by."""

    use_case: Name = "default"
    tenant: Name = "default"
    model: str = ""
    deployment: str = ""
    budget_ms: Positive | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    used_when: UsedWhen = "unmeasured"
    attribution_window_s: NotNegative = 1800.0


class LogMapping(Section):
    """Names of columns; a column left out is not in the log. `time_unit` says how `time` is written."""

    version: Literal[1] = 1
    time: Annotated[Text, Field(description="the column with the time of the request")]
    time_unit: TimeUnit = "iso"
    use_case: Text | None = None
    tenant: Text | None = None
    model: Text | None = None
    deployment: Text | None = None
    input_tokens: Text | None = None
    cached_input_tokens: Text | None = None
    output_tokens: Text | None = None
    cost_usd: Text | None = None
    total_s: Text | None = None
    total_ms: Text | None = None
    ttft_s: Text | None = None
    ttft_ms: Text | None = None
    subject: Text | None = None
    status: Text | None = None
    used: Text | None = None
    converted: Text | None = None
    value: Text | None = None
    defaults: LogDefaults = LogDefaults()

    def columns(self) -> dict[str, str]:
        """Our name to the log's column, for those that are mapped."""
        plain = self.model_dump(exclude={"version", "time_unit", "defaults"}, exclude_none=True)
        return {key: str(column) for key, column in plain.items()}


def load(text: str, filename: str = "mapping.yaml") -> LogMapping:
    """A mapping from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(LogMapping, text, filename, _RULES)


def read(path: Path) -> LogMapping:
    """A mapping from a file.

    Raises:
        ConfigError: it cannot be read, or `load` refuses it.
    """
    return load(reading.read_text(path), str(path))


def _one_unit(value: Value) -> Iterator[Complaint]:
    for name in ("total", "ttft"):
        if isinstance(value, dict) and value.get(f"{name}_s") is not None and value.get(f"{name}_ms") is not None:
            message = f"both `{name}_s` and `{name}_ms` are mapped"
            yield Complaint(path=(f"{name}_ms",), message=message, hint="keep one of them", on_key=True)


_RULES: tuple[Rule, ...] = (_one_unit,)
