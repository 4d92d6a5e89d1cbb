"""Which column of a foreign log means what. The YAML of a mapping file is these fields; parsing it is config's job."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.policy import UsedWhen


class Mapping(Noun, frozen=True, kw_only=True):
    """Columns of a log by what they mean; "" is "there is none". Only `time` is needed.

    Instants (`time`, `end_time`, `first_token_time`) are ISO 8601 (UTC where no zone is given) or Unix time in
    `time_unit`; durations (`total`, `ttft`) are in `latency_unit`. Without `cost_usd` every row is unpriced; with
    `zero_is_unpriced` so is an uncached answer that cost nothing, as some logs write 0 where they know no price. `used`
    and `converted` are flags, `value_usd` is the revenue of a conversion. `failed_values` are the statuses, in lower
    case, of rows that failed. `budget_s`, `ttft_target_s` and `tpot_target_s` are the targets (seconds) that every row
    is held to; `used_when` None follows from the flags there are.
    """

    time: str = ""
    time_unit: Literal["iso", "s", "ms"] = "iso"
    end_time: str = ""
    first_token_time: str = ""
    total: str = ""
    ttft: str = ""
    latency_unit: Literal["s", "ms"] = "s"
    prediction_id: str = ""
    use_case: str = ""
    default_use_case: str = "imported"
    tenant: str = ""
    model: str = ""
    deployment: str = ""
    subject: str = ""
    session: str = ""
    input_tokens: str = ""
    cached_input_tokens: str = ""
    output_tokens: str = ""
    reasoning_tokens: str = ""
    cost_usd: str = ""
    zero_is_unpriced: bool = False
    status: str = ""
    failed_values: tuple[str, ...] = ("failure", "failed", "error", "false", "0")
    cache_hit: str = ""
    used: str = ""
    converted: str = ""
    value_usd: str = ""
    budget_s: float | None = None
    ttft_target_s: float | None = None
    tpot_target_s: float | None = None
    used_when: UsedWhen | None = None

    def columns(self) -> dict[str, str]:
        """The columns that must be there, by what they mean."""
        named = {name: getattr(self, name) for name in COLUMNS}
        return {name: column for name, column in named.items() if column}

    @property
    def measured_when(self) -> UsedWhen:
        """How the rows tell that a prediction was used: as stated, else by what flags there are."""
        if self.used_when is not None:
            return self.used_when
        return "exposure" if self.used else "outcome" if self.converted else "unmeasured"


COLUMNS = (
    *("time", "end_time", "first_token_time", "total", "ttft", "prediction_id", "use_case", "tenant", "model"),
    *("deployment", "subject", "session", "input_tokens", "cached_input_tokens", "output_tokens", "cost_usd"),
    *("status", "cache_hit", "used", "converted", "value_usd", "reasoning_tokens"),
)
"""The fields that name a column."""
