"""What a campaign adds: `lift` times the base rate while it lasts, in one of three shapes.

    step    all of it from start to start + duration
    ramp    up in a straight line over `ramp_s`, held, down again over `ramp_s`; the whole is the duration
    decay   up over `ramp_s`, then falling by half every eighth of what is left of the duration

The weight w(t), 0 to 1, is integrated exactly, so that the requests added are lift x base x integral of w.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun
from breakeven.workload.arrivals import Vector

CampaignShape = Literal["step", "ramp", "decay"]
SHAPES: tuple[CampaignShape, ...] = ("step", "ramp", "decay")
HALVINGS = 8.0
UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
EXAMPLE = "write lift=20,start=2d,ramp=6h,duration=21d,shape=ramp; times in s, m, h, d or w"


class Campaign(Noun, frozen=True, kw_only=True):
    """`lift` times the base rate comes on top (20: twenty-one times in all); times in seconds from the start."""

    lift: float
    duration_s: float
    start_s: float = 0.0
    ramp_s: float = 0.0
    shape: CampaignShape = "step"


def seconds(text: str, what: str) -> float:
    """A time such as 90, 90s, 15m, 6h, 21d, 2w.

    Raises:
        UsageError: it is none, or negative.
    """
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text.strip()[len(digits) :] or "s"
    try:
        found = float(digits) * UNITS_S[unit]
    except (ValueError, KeyError):
        found = float("nan")
    if not 0 <= found < 1e12:  # noqa: PLR2004 - no plan reaches thirty thousand years
        message = f"{what} is {text!r}, which is no time"
        raise UsageError(message, "write a number and s, m, h, d or w, such as 6h")
    return found


def campaign(text: str) -> Campaign:
    """A campaign from `lift=20,start=2d,ramp=6h,duration=21d,shape=ramp`; lift and duration are needed.

    Raises:
        UsageError: a part is unknown, given twice, or cannot be meant.
    """
    parts = [part.partition("=") for part in text.split(",")]
    given = {name.strip(): value.strip() for name, _, value in parts}
    unknown = [name for name in given if name not in {"lift", "start", "ramp", "duration", "shape"}]
    if unknown or len(given) < len(parts) or not {"lift", "duration"} <= given.keys():
        what = f"does not know {unknown[0]!r}" if unknown else "needs lift and duration, each part once"
        message = f"the campaign {text!r} {what}"
        raise UsageError(message, EXAMPLE)
    ramp = seconds(given.get("ramp", "0"), "ramp")
    made = Campaign(
        lift=_lift(given["lift"]),
        duration_s=seconds(given["duration"], "duration"),
        start_s=seconds(given.get("start", "0"), "start"),
        ramp_s=ramp,
        shape=_shape(given.get("shape", "ramp" if ramp else "step")),
    )
    _check(made)
    return made


def _lift(text: str) -> float:
    try:
        found = float(text.rstrip("x"))
    except ValueError:
        found = float("nan")
    if not -1 <= found <= 1e6:  # noqa: PLR2004 - -1 is nothing left, a million is no campaign
        message = f"lift is {text!r}, and -1 (nothing is left) to 1000000 times the base can be meant"
        raise UsageError(message, EXAMPLE)
    return found


def _shape(text: str) -> CampaignShape:
    for shape in SHAPES:
        if shape == text:
            return shape
    message = f"shape is {text!r}"
    raise UsageError(message, f"write one of {', '.join(SHAPES)}")


def _check(made: Campaign) -> None:
    most = made.duration_s / (2 if made.shape == "ramp" else 1)
    if made.duration_s <= 0 or made.ramp_s > most or (made.shape == "step" and made.ramp_s):
        message = f"a {made.shape} of {made.duration_s:g} s cannot have a ramp of {made.ramp_s:g} s"
        way_out = "leave ramp out of a step" if made.shape == "step" else f"give a ramp of at most {most:g} s"
        raise UsageError(message, way_out)


def weight_s(made: Campaign, until_s: Vector) -> Vector:
    """The integral of w from the start of time to each instant, seconds."""
    since = np.clip(until_s - made.start_s, 0.0, made.duration_s)
    ramp, left = made.ramp_s, made.duration_s - made.ramp_s
    rising = np.minimum(since, ramp) ** 2 / (2 * ramp) if ramp else np.zeros_like(since)
    after = np.maximum(since - ramp, 0.0)
    if made.shape == "decay":
        fall_s = left / HALVINGS / np.log(2) if left else 1.0
        return np.asarray(rising + fall_s * -np.expm1(-after / fall_s))
    if made.shape == "step" or not ramp:
        return np.asarray(since)
    falling = np.maximum(since - left, 0.0)
    return np.asarray(rising + after - falling**2 / (2 * ramp))


def factors(made: Campaign, step_s: float, n: int, start_s: float = 0.0) -> Vector:
    """What the base rate of each of n windows from `start_s` on is multiplied by: 1 + lift x the mean weight in it."""
    edges = np.asarray(start_s + np.arange(n + 1) * step_s, dtype=np.float64)
    return np.asarray(1 + made.lift * np.diff(weight_s(made, edges)) / step_s)
