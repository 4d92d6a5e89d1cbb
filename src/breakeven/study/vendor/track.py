"""Tracking reliability: points for what a vendor can prove, half of them for what it only says."""

from __future__ import annotations

from breakeven.config.study.proposal import Proof, Tracking
from breakeven.schema.comparison import Point, State
from breakeven.schema.noun import Figure

MOST = {"prediction_id": 30.0, "outcome_join": 30.0, "request_timing": 20.0, "usage_export": 20.0}
"""Points of the rubric: joining an outcome to its prediction counts for most, for all else rests on it."""
WORTH: dict[State, float] = {"proven": 1.0, "stated": 0.5, "no": 0.0, "unknown": 0.0}


def points(tracking: Tracking) -> tuple[Point, ...]:
    """Each line of the rubric; what is not answered earns nothing."""
    return tuple(_point(name, most, getattr(tracking, name)) for name, most in MOST.items())


def _point(name: str, most: float, proof: Proof | None) -> Point:
    state: State = "unknown" if proof is None else proof.state
    evidence = "" if proof is None else proof.evidence
    return Point(name=name, state=state, points=most * WORTH[state], most=most, evidence=evidence)


def score(found: tuple[Point, ...]) -> Figure:
    """Points of 100; unknown where nothing is answered. The interval says what the open answers could still add."""
    open_points = sum(point.most for point in found if point.state == "unknown")
    unknown = [point.name.replace("_", " ") for point in found if point.state == "unknown"]
    if len(unknown) == len(found):
        return Figure(value=None, unit="points", note="nothing is said about tracking")
    total = sum(point.points for point in found)
    note = f"unknown, so without points: {', '.join(unknown)}" if unknown else ""
    high = total + open_points if unknown else None
    low = total if unknown else None
    return Figure(value=total, unit="points", basis="derived", low=low, high=high, how="sum of the rubric", note=note)
