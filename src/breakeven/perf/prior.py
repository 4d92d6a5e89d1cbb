"""The shipped coefficients. Written by scripts/fit_coefficients.py; do not edit."""

from __future__ import annotations

from breakeven.perf.coefficients import Coefficients, Errors, Residuals

PRIOR = Coefficients(
    name="global-1",
    compute=0.683091,
    memory=0.699466,
    link=0.483974,
    step_s=7.46338e-05,
    sequence_s=8.32769e-06,
    link_latency_s=2.93616e-05,
    request_s=0.00837852,
    errors=Errors(
        tpot=Residuals(
            n=691,
            mape=0.2069,
            median=0.1563,
            p90=0.4003,
            log_low=-0.2844,
            log_high=0.3329,
            how="closed-loop mean TPOT, each (engine, accelerator, model) left out of the fit",
        ),
        ttft=Residuals(
            n=28,
            mape=0.1298,
            median=0.0537,
            p90=0.3246,
            log_low=-0.0387,
            log_high=0.3927,
            how="open-loop mean TTFT at rho <= 0.9, TensorRT-LLM v0.14 on H100; only request_s from the other model",
        ),
        throughput=Residuals(
            n=266,
            mape=0.1099,
            median=0.0835,
            p90=0.2388,
            log_low=-0.2028,
            log_high=0.1365,
            how="offline output tokens/s, each (engine, accelerator, model) left out of the fit",
        ),
    ),
    n=957,
    source="TensorRT-LLM v0.17 manual (performance overview, online serving); aiconfigurator silicon_sample.csv",
    licence="Apache-2.0",
    as_of="2026-11-24",
)
