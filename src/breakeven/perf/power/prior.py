"""The shipped law of power. Written by scripts/fit_power.py; do not edit."""

from __future__ import annotations

from breakeven.perf.coefficients import Residuals
from breakeven.perf.power.law import PowerLaw

PRIOR = PowerLaw(
    idle=0.15,
    memory=1.892,
    compute=3.379,
    errors=Residuals(
        n=41,
        mape=0.0505,
        median=0.0335,
        p90=0.1081,
        log_low=-0.1150,
        log_high=0.0641,
        how="mean power of a batch given its times, each (model, accelerator, tensor parallelism) left out of the fit",
    ),
    coverage80=0.71,
    boards=("a100-", "a800-"),
    n=41,
    source="splitwise-sim data/perf_model.csv, Copyright (c) 2024 Pratyush Patel",
    licence="MIT",
    as_of="2026-11-27",
)
