"""A profile as the planner takes demand: the figures of a workload, and a trace to simulate."""

from __future__ import annotations

import numpy as np

from breakeven.schema.demand import Lengths, Mix, Profile
from breakeven.schema.workload import Trace, Workload
from breakeven.workload.arrivals import Vector
from breakeven.workload.generate import draw, path

REQUESTS = 20_000


def planned(
    profile: Profile, *, rng: np.random.Generator, seconds: float | None = None, requests: int = REQUESTS
) -> tuple[Workload, Trace]:
    """The workload, and a trace drawn from it: of `seconds`, or of about so many requests, the profile's span at most.

    Raises:
        UsageError: lengths are unknown, or fewer than two requests come.
    """
    span = profile.span_s or len(profile.counts) * profile.step_s
    asked = min(span, requests / profile.rate_mean_rps) if seconds is None else seconds
    return workload(profile), draw(profile, asked, rng)


def workload(profile: Profile) -> Workload:
    """The figures of a profile; lengths are 0 where it has none."""
    mix = profile.mix or Mix(input=_NONE, output=_NONE, correlation=None, pairs=())
    idc = dict(profile.dispersion).get(profile.window_s)
    return Workload(
        use_case=profile.name,
        n=profile.n,
        span_s=profile.span_s,
        rate_mean_rps=profile.rate_mean_rps,
        rate_p95_rps=profile.rate_p95_rps,
        rate_max_rps=profile.rate_max_rps,
        window_s=profile.window_s,
        iat_cv=profile.gap_variation,
        idc=idc,
        shape=profile.shape,
        input_tokens_mean=mix.input.mean,
        input_tokens_p50=mix.input.p50,
        input_tokens_p95=mix.input.p95,
        output_tokens_mean=mix.output.mean,
        output_tokens_p50=mix.output.p50,
        output_tokens_p95=mix.output.p95,
        cached_share=profile.prefix_share or 0.0,
        evidence=(*profile.evidence, *profile.warnings),
        source=profile.source,
    )


_NONE = Lengths(mean=0.0, p50=0.0, p95=0.0, p99=0.0, most=0.0)


def rates_of(profile: Profile) -> Vector:
    """Rates of the profile's own windows of `step_s` over one pass, in their order, requests/s."""
    return path(profile, len(profile.counts) * profile.step_s) / profile.step_s
