"""A profile as the answer of `breakeven workload fit --json`, and as lines for people."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.schema.demand import Profile

_SAME = ("name", "source", "basis", "span_s", "prefix_share", "block_tokens", "quirks", "evidence", "warnings",
         "daily", "weekly", "gap_variation")  # fmt: skip


def to_json(found: Profile) -> dict[str, Any]:
    """One object; windows and lags in seconds are its keys."""
    held = msgspec.to_builtins(found)
    return {key: held[key] for key in _SAME} | {
        "class": found.shape,
        "requests": found.n,
        "rate_mean": found.rate_mean_rps,
        "rate_p95": found.rate_p95_rps,
        "rate_max": found.rate_max_rps,
        "rate_window_s": found.window_s,
        "index_of_dispersion": {f"{window_s:g}": value for window_s, value in found.dispersion},
        "autocorrelation": {f"{lag_s:g}": value for lag_s, value in found.autocorrelation},
        "tokens": _tokens(found),
        "change_points": held["changes"],
        "missing": held["missing"],
        "subjects": None if found.callers is None else found.callers.subjects,
        "sessions": None if found.callers is None else found.callers.sessions,
        "callers": held["callers"],
        "tiers": dict(found.tiers),
    }


def _tokens(found: Profile) -> dict[str, Any]:
    if found.mix is None:
        return {"input": None, "output": None, "correlation": None}
    held = msgspec.to_builtins(found.mix)
    return {"input": held["input"], "output": held["output"], "correlation": held["correlation"]}


def lines(found: Profile) -> list[str]:
    """What a person reads first; the evidence below it."""
    said = [
        f"{found.name}: {found.shape}, n={found.n} over {found.span_s:.1f} s",
        f"  requests/s: mean {found.rate_mean_rps:.3g}, p95 {found.rate_p95_rps:.3g}, max {found.rate_max_rps:.3g}",
    ]
    if found.dispersion:
        stated = ", ".join(f"{value:.3g} at {window:g} s" for window, value in found.dispersion)
        said.append(f"  variance / mean of counts: {stated}")
    if found.mix is not None:
        said += [
            f"  {what} tokens: mean {law.mean:,.0f}, p50 {law.p50:,.0f}, p95 {law.p95:,.0f}, most {law.most:,.0f}"
            for what, law in (("input", found.mix.input), ("output", found.mix.output))
        ]
    if found.prefix_share is not None:
        said.append(f"  blocks that came before: {found.prefix_share:.1%}")
    if found.callers is not None:
        who = found.callers
        said.append(
            f"  {who.subjects} subjects, {who.sessions} sessions of {who.session_requests_mean:.1f} requests on average"
            f" (p95 {who.session_requests_p95:.0f})"
        )
    if found.tiers:
        said.append("  tiers: " + ", ".join(f"{tier} {share:.0%}" for tier, share in found.tiers))
    said += [f"  - {sentence}" for sentence in dict.fromkeys((*found.evidence, *found.quirks))]
    return said + [f"  warning: {sentence}" for sentence in found.warnings]
