"""What a rule promises of a series: its own decisions, look by look, on a fluid fleet."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError
from breakeven.planner.scaling.ahead import DAY_S
from breakeven.planner.scaling.decide import Observation, State, decide
from breakeven.planner.scaling.play import Control, Fleet, play
from breakeven.planner.scaling.rule import replicas_for
from breakeven.schema.scaling import Played, ScalingRule
from breakeven.schema.serving import Autoscale

Vector = NDArray[np.float64]


def known(rule: ScalingRule, rates_rps: Vector) -> State:
    """The state of a loop that has seen windows of `ahead.step_s` up to now, with replicas for the last one's rate."""
    kept = math.ceil((DAY_S + rule.ahead.recent_s) / rule.ahead.step_s) + 1
    last = float(rates_rps[-1]) if len(rates_rps) else 0.0
    begin = replicas_for(last, rule.goodput_rps.value or 1.0, rule.least, rule.most)
    return State(rates=tuple(rates_rps[-kept:].tolist()), replicas=begin)


def promise(rule: ScalingRule, rates_rps: Vector, first: int, start_s: float = 0.0) -> Played:
    """The windows from `first` on, those before known; `start_s` is the Unix time at which they begin.

    What is in flight is not in the fluid: its part of the rule sleeps.
    """
    looks = max(1, round(rule.ahead.step_s / rule.interval_s))
    step_s = rule.ahead.step_s / looks
    fine = np.repeat(rates_rps[first:], looks)
    fleet = Fleet(
        goodput_rps=rule.goodput_rps.value or 1.0, cold_start_s=rule.cold_start_s, least=rule.least, most=rule.most
    )  # fmt: skip
    control = _deciding(rule, fine, step_s, known(rule, rates_rps[:first]), start_s)
    return play("promise", fine, step_s, fleet, control)


def _deciding(rule: ScalingRule, rates_rps: Vector, step_s: float, state: State, start_s: float) -> Control:
    asked = np.concatenate([[0.0], np.cumsum(rates_rps) * step_s])
    begin = state.replicas or 0

    def control(place: int, have: int) -> int:
        nonlocal state
        seen = Observation(ended=float(asked[place]))
        state, decision = decide(rule, state, seen, start_s + place * step_s)
        if decision is not None:
            return decision.replicas
        return have or begin

    return control


def as_autoscale(rule: ScalingRule) -> Autoscale:
    """The rule's part that acts on requests in flight, as the token-level simulator scales (`perf.simulate`).

    Raises:
        EvidenceError: requests in flight per replica are not known.
    """
    target = rule.target_in_flight.value
    if not target:
        message = f"how many requests in flight a replica of {rule.deployment} is for is not known"
        raise EvidenceError(message, "plan with a deployment whose speed is predicted")
    return Autoscale(
        target_in_flight=target,
        least=rule.least,
        most=rule.most,
        cold_start_s=rule.cold_start_s,
        stabilisation_s=rule.stabilisation_s,
        interval_s=rule.interval_s,
    )
