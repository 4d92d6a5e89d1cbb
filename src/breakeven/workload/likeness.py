"""How near a drawn trace comes to the profile it was drawn from: both fitted alike, figure by figure."""

from __future__ import annotations

import numpy as np

from breakeven.schema.demand import Lengths, Profile
from breakeven.schema.workload import Trace
from breakeven.workload.profile import profile as fitted


def gaps(profile: Profile, drawn: Trace) -> dict[str, float | None]:
    """Relative differences of the sample (0.05: 5 % more); of correlation and prefix share plain differences.

    Dispersion at scales that both have. Figures that one of the two lacks are left out.
    """
    other = fitted(drawn, profile.name)
    found: dict[str, float | None] = {"rate_mean": _relative(other.rate_mean_rps, profile.rate_mean_rps)}
    if other.window_s == profile.window_s:
        found["rate_p95"] = _relative(other.rate_p95_rps, profile.rate_p95_rps)
    own = dict(profile.dispersion)
    found |= {
        f"dispersion_{scale:g}s": _relative(value, own[scale]) for scale, value in other.dispersion if scale in own
    }
    if profile.mix is None or other.mix is None:
        return found
    for name in ("input", "output"):
        found |= _lengths(name, getattr(other.mix, name), getattr(profile.mix, name))
    if profile.mix.correlation is not None and other.mix.correlation is not None:
        found["correlation"] = other.mix.correlation - profile.mix.correlation
    if profile.prefix_share is not None and other.prefix_share is not None:
        found["prefix_share"] = other.prefix_share - profile.prefix_share
    return found


def _lengths(name: str, drawn: Lengths, wanted: Lengths) -> dict[str, float | None]:
    return {f"{name}_{key}": _relative(getattr(drawn, key), getattr(wanted, key)) for key in ("mean", "p50", "p95")}


def _relative(drawn: float, wanted: float) -> float | None:
    return float(drawn / wanted - 1) if wanted and np.isfinite(wanted) else None
