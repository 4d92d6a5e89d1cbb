"""The shipped coefficients. Written by scripts/fit_coefficients.py; do not edit."""

from __future__ import annotations

from breakeven.perf.coefficients import Coefficients, Errors, Residuals

PRIOR = Coefficients(
    name="global-1",
    compute=0.70558,
    memory=0.732988,
    link=0.235759,
    step_s=8.11148e-05,
    sequence_s=7.99101e-06,
    link_latency_s=3.06014e-05,
    request_s=0.00840482,
    errors=Errors(
        tpot=Residuals(
            n=691,
            mape=0.2042,
            median=0.1586,
            p90=0.3992,
            log_low=-0.2750,
            log_high=0.3531,
            how="closed-loop mean TPOT, each (engine, accelerator, model) left out of the fit",
        ),
        ttft=Residuals(
            n=28,
            mape=0.1357,
            median=0.0694,
            p90=0.3241,
            log_low=-0.0611,
            log_high=0.3918,
            how="open-loop mean TTFT at rho <= 0.9, TensorRT-LLM v0.14 on H100; only request_s from the other model",
        ),
        throughput=Residuals(
            n=302,
            mape=0.1161,
            median=0.0883,
            p90=0.2539,
            log_low=-0.1940,
            log_high=0.1525,
            how="offline output tokens/s, each (engine, accelerator, model) left out of the fit",
        ),
    ),
    n=993,
    source="TensorRT-LLM v0.17 manual (performance overview, online serving); aiconfigurator silicon_sample.csv",
    licence="Apache-2.0",
    as_of="2026-11-24",
)
