"""The mapping file of `report --from FILE --map`: which column of a log means what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Name, Positive, Section, Text
from breakeven.config.problem import Complaint
from breakeven.config.reading import Rule
from breakeven.config.tree import Value
from breakeven.schema.policy import UsedWhen

TimeUnit = Literal["iso", "s", "ms"]
Column = Text | None


class LogDefaults(Section):
    """What holds for every row: the use case of rows without one, and the targets they are held to.

    `used_when` left out follows from the flags there are.
    """

    use_case: Name = "imported"
    budget_ms: Positive | None = None
    ttft_ms: Positive | None = None
    tpot_ms: Positive | None = None
    used_when: UsedWhen | None = None


class LogMapping(Section):
    """Names of columns; a column left out is not in the log.

    `time_unit` says how `time`, `end_time` and `first_token_time` are written; durations carry their unit in the key.
    """

    version: Literal[1] = 1
    time: Annotated[Text, Field(description="the column with the time of the request")]
    time_unit: TimeUnit = "iso"
    end_time: Column = None
    first_token_time: Column = None
    total_s: Column = None
    total_ms: Column = None
    ttft_s: Column = None
    ttft_ms: Column = None
    prediction_id: Column = None
    use_case: Column = None
    tenant: Column = None
    model: Column = None
    deployment: Column = None
    subject: Column = None
    session: Column = None
    input_tokens: Column = None
    cached_input_tokens: Column = None
    output_tokens: Column = None
    reasoning_tokens: Column = None
    cost_usd: Column = None
    zero_is_unpriced: bool = False
    status: Column = None
    failed_values: tuple[str, ...] = ("failure", "failed", "error", "false", "0")
    cache_hit: Column = None
    used: Column = None
    converted: Column = None
    value: Column = None
    defaults: LogDefaults = LogDefaults()

    def columns(self) -> dict[str, str]:
        """The key of the file to the log's column, for those that are mapped."""
        others = {"version", "time_unit", "zero_is_unpriced", "failed_values", "defaults"}
        return {key: str(column) for key, column in self.model_dump(exclude=others, exclude_none=True).items()}

    def plain(self) -> dict[str, object]:
        """The fields of the ledger's own mapping: columns by meaning, one unit for durations, targets in seconds."""
        outer = {"version", "defaults", "value", *_DURATIONS}
        columns = self.model_dump(exclude=outer, exclude_none=True)
        latency = {
            "total": self.total_s or self.total_ms or "",
            "ttft": self.ttft_s or self.ttft_ms or "",
            "latency_unit": "ms" if self.total_ms or self.ttft_ms else "s",
        }
        return {**columns, **latency, "value_usd": self.value or "", **_targets(self.defaults)}


_DURATIONS = ("total_s", "total_ms", "ttft_s", "ttft_ms")


def _targets(defaults: LogDefaults) -> dict[str, object]:
    limits = {"budget_s": defaults.budget_ms, "ttft_target_s": defaults.ttft_ms, "tpot_target_s": defaults.tpot_ms}
    seconds = {name: None if limit is None else limit / 1000 for name, limit in limits.items()}
    return {"default_use_case": defaults.use_case, "used_when": defaults.used_when, **seconds}


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
    return load(reading.read_text(path, way_out=reading.CHECK_PATH), str(path))


def _one_unit(value: Value) -> Iterator[Complaint]:
    written = [key for key in _DURATIONS if isinstance(value, dict) and value.get(key) is not None]
    first = written[0] if written else ""
    for key in written[1:]:
        if key.rpartition("_")[2] != first.rpartition("_")[2]:
            message = f"`{first}` and `{key}` are in different units"
            yield Complaint(path=(key,), message=message, hint="give durations in one unit, and each once", on_key=True)


_RULES: tuple[Rule, ...] = (_one_unit,)
