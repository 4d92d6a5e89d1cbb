"""What a plan is asked, with or without a configuration."""

from __future__ import annotations

import math
import re
from pathlib import Path

from breakeven.assembly.today import today
from breakeven.errors import UsageError
from breakeven.schema.noun import Noun

MOST_MARGIN = 10.0


class Given(Noun, frozen=True, kw_only=True):
    """The requests, the models that may answer, and how fast; what is left out is the configuration's to say.

    `curves` are NAME=FILE of a classic model: what hardware the measured rows of the file hold for. Sizes are by these
    requests alone with `sample_alone`, else by other samples cut from them too.
    """

    trace: Path | None = None
    workload: Path | None = None
    models: tuple[str, ...] = ()
    use_case: str = ""
    ttft_s: float | None = None
    tpot_s: float | None = None
    latency_s: float | None = None
    curves: tuple[str, ...] = ()
    margin: float | None = None
    sample_alone: bool = False
    facts: tuple[Path, ...] = ()
    as_of: str = ""
    seed: int = 0

    @property
    def day(self) -> str:
        """The day whose prices hold: the stated one, else today."""
        return self.as_of or today()

    @property
    def named(self) -> str:
        """The stated use case, else the file's name, as policies spell names."""
        file = self.trace or self.workload
        wanted = self.use_case or (file.name.partition(".")[0] if file is not None else "")
        return re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:64] or "default"

    def targets(self) -> dict[str, float]:
        """The stated targets and margin as fields of an objective.

        Raises:
            UsageError: a target is not positive, or the margin is negative.
        """
        stated = {"ttft_s": self.ttft_s, "tpot_s": self.tpot_s, "budget_s": self.latency_s}
        found = {name: value for name, value in stated.items() if value is not None}
        for name, value in found.items():
            if not 0 < value < math.inf:
                message = f"{_OPTIONS[name]} must be a positive number of seconds, got {value:g}"
                raise UsageError(message, "leave it out where there is no target")
        if self.margin is None:
            return found
        if not 0 <= self.margin <= MOST_MARGIN:
            message = f"--margin must be from 0 to {MOST_MARGIN:g}, got {self.margin:g}"
            raise UsageError(message, "0.2 carries a fifth more than the 95th percentile of demand")
        return found | {"margin": self.margin}


_OPTIONS = {"ttft_s": "--slo-ttft-s", "tpot_s": "--slo-tpot-s", "budget_s": "--slo-latency-s"}
