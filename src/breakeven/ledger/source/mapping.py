"""Which column of a foreign log means what. A mapping file is these fields; parsing its YAML is config's job."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.policy import UsedWhen

TimeUnit = Literal["iso", "s", "ms", "us", "ns"]

MEANINGS = frozenset(
    {
        *("time", "end_time", "first_token_time", "total_s", "total_ms", "ttft_s", "ttft_ms", "prediction_id"),
        *("use_case", "tenant", "model", "deployment", "subject", "session", "status", "cache_hit"),
        *("input_tokens", "cached_input_tokens", "output_tokens", "cost_usd", "used", "converted", "value"),
    }
)
"""What a column can mean: instants, durations, names, counts, money (`cost_usd`, `value` in USD) and flags."""


class Mapping(Noun, frozen=True, kw_only=True):
    """`columns` says which column holds which of `MEANINGS`; only `time` is needed.

    Instants are ISO 8601 (UTC where no zone is given) or Unix time in `time_unit`. Without `cost_usd` every row is
    unpriced; with `zero_is_unpriced` so is an uncached answer that cost nothing, as some logs write 0 where they know
    no price. `use_case`, `tenant`, `model` and `deployment` stand where a row names none. Targets (seconds) hold for
    all rows; `window_s` is the attribution window in seconds. `failed_values` are the statuses, in lower case, of rows
    that failed.
    """

    columns: dict[str, str]
    time_unit: TimeUnit = "iso"
    use_case: str = "default"
    tenant: str = "default"
    model: str = ""
    deployment: str = ""
    budget_s: float | None = None
    ttft_target_s: float | None = None
    tpot_target_s: float | None = None
    used_when: UsedWhen = "unmeasured"
    window_s: float = 1800.0
    zero_is_unpriced: bool = False
    failed_values: tuple[str, ...] = ("failure", "failed", "error", "false")

    def column(self, meaning: str) -> str:
        """The column of a meaning; "" is none."""
        return self.columns.get(meaning, "")

    @property
    def measured_when(self) -> UsedWhen:
        """How the rows tell that a prediction was used: as stated, else by what flags there are."""
        if self.used_when != "unmeasured":
            return self.used_when
        return "exposure" if self.column("used") else "outcome" if self.column("converted") else "unmeasured"
