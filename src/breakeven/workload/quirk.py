"""What is the log's doing and not the users': ticking clocks, one-minute stamps, clipped lengths, wrong units."""

from __future__ import annotations

import numpy as np

from breakeven.workload.arrivals import Vector

CLIPPED, FEWEST = 0.0005, 10
"""Share of requests, and how many, just under the largest length from which it may be a limit."""
UNDER, BELOW = 0.995, 0.9
"""Just under the largest length; and the range below that it is compared with."""
ENOUGH = 500
MINUTE_S = 60.0
TALL = 5.0
"""Times as many requests a token just under the maximum as in the range below."""


def clock(tick_s: float, stamps: int, n: int) -> tuple[str, ...]:
    """Of arrivals that share few stamps."""
    if not tick_s:
        return ()
    if tick_s >= MINUTE_S:
        said = (
            f"The log holds {n} requests at {stamps} times, {tick_s:.0f} s apart: it was written per window (per "
            "minute and the like). Bursts inside one cannot be seen; arrivals were spread evenly over it."
        )
        return (said,)
    said = (
        f"The log's clock ticks every {tick_s:.2f} s; arrivals were spread evenly over their tick before anything else,"
        " so burstiness below it is unknown."
    )
    return (said,)


def clipped(tokens: Vector, what: str) -> tuple[str, ...]:
    """Of lengths that pile up at their maximum."""
    if len(tokens) < ENOUGH:
        return ()
    most = float(tokens.max())
    under = tokens >= UNDER * most
    at, below = int(under.sum()), int(((tokens >= BELOW * most) & ~under).sum())
    ratio = (at / (1 - UNDER)) / (max(below, 1) / (UNDER - BELOW))
    if at < max(FEWEST, CLIPPED * len(tokens)) or ratio < TALL or most == tokens.min():
        return ()
    said = (
        f"{at / len(tokens):.2%} of requests have {UNDER * most:,.0f} to {most:,.0f} {what} tokens, the most seen, "
        f"{ratio:.0f} times as many a token as just below: they look clipped there."
    )
    return (said,)


def units(arrivals: Vector, prompt: Vector) -> tuple[str, ...]:
    """Of figures that hardly any service has, as when milliseconds are read as seconds."""
    span = float(arrivals[-1] - arrivals[0])
    rate = len(arrivals) / span if span > 0 else 0.0
    said = []
    if rate > 50_000:  # noqa: PLR2004 - more than the largest public service traces
        said.append(f"{rate:,.0f} requests/s on average: are the times in another unit than this format has?")
    if 0 < rate < 1e-4 and len(arrivals) > ENOUGH:  # noqa: PLR2004 - one in three hours
        said.append(f"{1 / rate:,.0f} s between requests on average: are the times in milliseconds?")
    if prompt.max() > 10_000_000:  # noqa: PLR2004 - ten times the longest context sold
        said.append(f"A prompt has {prompt.max():,.0f} tokens: is the column in bytes or characters?")
    return tuple(said)


def not_counts(found: Vector) -> tuple[str, ...]:
    """Of a series whose values are no numbers of requests."""
    there = found[~np.isnan(found)]
    if (there == np.round(there)).all() and there.max(initial=0) < 1e9:  # noqa: PLR2004 - per window
        return ()
    said = (
        "The values are not whole numbers: they may be no counts of requests, and then rates and variance over mean "
        "have another unit."
    )
    return (said,)
