"""A question about levers: one YAML file, a section for each lever that is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from breakeven.config import reading
from breakeven.config.field import Section
from breakeven.config.lever.quality import Accuracy, Distillation, Life, Reasoning, Samples
from breakeven.config.lever.serving import Experts, Quantization, Speculation
from breakeven.config.lever.span import Amount, Positive
from breakeven.config.lever.traffic import Cache, Cascade, Context, Router, ShareRouting


class LeverFile(Section):
    """Levers asked about."""

    levers: Annotated[Literal[1], Field(description="version of this grammar")]
    value_usd: Annotated[Amount | None, Field(description="what a useful prediction brings; left out, unknown")] = None
    loss_usd: Annotated[Amount, Field(description="what a prediction that is not useful loses")] = Amount(value=0.0)
    predictions_per_month: Annotated[Positive | None, Field(description="to state savings a month")] = None
    draws: Annotated[int, Field(ge=100, le=100_000, description="of the ranges")] = 4000
    seed: Annotated[int, Field(ge=0, description="same seed, same bytes")] = 0
    share: ShareRouting | None = None
    router: Router | None = None
    cascade: Cascade | None = None
    cache: Cache | None = None
    quantization: Quantization | None = None
    distillation: Distillation | None = None
    context: Context | None = None
    speculation: Speculation | None = None
    experts: Experts | None = None
    samples: Samples | None = None
    reasoning: Reasoning | None = None
    accuracy: Accuracy | None = None
    life: Life | None = None


def load(text: str, filename: str = "levers.yaml") -> LeverFile:
    """A question from YAML text.

    Raises:
        ConfigError: with every problem of the text, each with `file:line:column`.
    """
    return reading.load(LeverFile, text, filename, ())


def read(path: Path) -> LeverFile:
    """A question from a file.

    Raises:
        ConfigError: it cannot be read, or `load` refuses it.
    """
    return load(reading.read_text(path, way_out=reading.CHECK_PATH), str(path))
