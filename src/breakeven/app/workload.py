"""Demand: fitted, written, drawn again, foreseen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from breakeven.assembly import demand, files
from breakeven.config import demand as grammar
from breakeven.schema.demand import Profile
from breakeven.workload import told
from breakeven.workload.generate import draw
from breakeven.workload.written import json_lines


def fit(path: Path) -> Profile:
    """The profile of a trace, of counts, or of a workload in YAML.

    Raises:
        ConfigError, LedgerError, EvidenceError: see `assembly.demand`.
    """
    return demand.of_file(path)


def of_ledger(data_dir: Path, use_case: str | None) -> Profile:
    """The profile of a use case's own traffic."""
    return demand.of_ledger(data_dir, use_case)


def write(found: Profile, out: Path) -> None:
    """A workload in YAML for `plan --workload`, `sample` and `forecast`."""
    files.write_atomically(out, grammar.write(found).encode())


def to_json(found: Profile) -> dict[str, Any]:
    """The answer of `fit --json`."""
    return told.to_json(found)


def lines(found: Profile) -> list[str]:
    """The answer of `fit` for people."""
    return told.lines(found)


def sample(path: Path, *, seconds: float, seed: int, out: Path) -> Mapping[str, Any]:
    """Draw a trace like a file's and write it.

    Raises:
        UsageError: too few or too many requests, or lengths are unknown.
    """
    found = draw(demand.of_file(path), seconds, np.random.default_rng(seed))
    files.write_atomically(out, "".join(json_lines(found)).encode())
    return {"requests": found.n, "seconds": seconds, "seed": seed, "out": str(out)}
