"""Outcomes of several models on the same prompts, read from a file: id, group, prompt, one quality column a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from breakeven.assembly.rows_file import Bad, BadRowError, number, open_rows, text
from breakeven.errors import EvidenceError
from breakeven.planner.levers.learned import Outcomes

NO_MODEL = frozenset({"id", "group", "prompt"})


def read(path: Path) -> tuple[Outcomes, Bad]:
    """The outcomes, and the rows that could not be read; every column but id, group and prompt is a model.

    Raises:
        LedgerError: the file cannot be read or lacks the prompt.
        EvidenceError: it has fewer than two models, or no good row.
    """
    file = open_rows(path, ("prompt",))
    models = [name for name in file.columns if name not in NO_MODEL]
    if len(models) < 2:  # noqa: PLR2004 - something to route between
        message = f"{path} has {len(models)} quality columns beside id, group and prompt"
        raise EvidenceError(message, "give one column of quality, 0 to 1, for each of two models or more")
    prompts: list[str] = []
    rows: list[list[float]] = []
    at, places = file.columns.index("prompt"), [file.columns.index(name) for name in models]
    for line, fields in file.rows:
        try:
            prompt = text(fields[at], "prompt")
            qualities = [_quality(fields[place], name) for place, name in zip(places, models, strict=True)]
        except BadRowError as error:
            file.bad.add(path, line, str(error))
            continue
        prompts.append(prompt)
        rows.append(qualities)
    if not rows:
        message = f"{path}: none of {file.bad.count} rows can be used"
        raise EvidenceError(message, "; ".join(file.bad.named[:3]) or "give outcomes of prompts")
    return Outcomes(prompts, dict(zip(models, np.array(rows).T, strict=True))), file.bad


def _quality(value: object, model: str) -> float:
    found = number(value, model, low=0.0, high=1.0)
    if np.isnan(found):
        message = f"{model} is empty"
        raise BadRowError(message)
    return found
