"""One decision of a rule from what was seen: pure, so that a loop, a test and a simulation take the same ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.scaling.ahead import DAY_S, quantile_rps
from breakeven.planner.scaling.rule import hour_of, replicas_for
from breakeven.schema.noun import Noun
from breakeven.schema.scaling import Decision, ScalingRule


class Observation(Noun, frozen=True, kw_only=True):
    """What was seen at a time: predictions that have ended (a counter), and requests in flight at the deployment now.

    What came in between two looks is the growth of both together: a slow answer is demand from its first second on.
    """

    ended: float
    in_flight: float = 0.0


class State(Noun, frozen=True, kw_only=True):
    """What the next decision needs of those before: the last look, rates by step, and wishes still held.

    `looks` are times and requests counted by then (resets taken out), a step of them; `rates` are requests/s of whole
    steps, the oldest first, a day and an hour of them at most; `open_s` and `open_n` are the seconds and requests of
    the step under way.
    """

    at_s: float | None = None
    ended: float = 0.0
    in_flight: float = 0.0
    looks: tuple[tuple[float, float], ...] = ()
    rates: tuple[float, ...] = ()
    open_s: float = 0.0
    open_n: float = 0.0
    wishes: tuple[tuple[float, int], ...] = ()
    replicas: int | None = None


def decide(rule: ScalingRule, state: State, seen: Observation, now_s: float) -> tuple[State, Decision | None]:
    """What the rule wants at `now_s` (Unix seconds), and the state of the next decision.

    None at the first look, which has no rate yet, and at one that is not after the last. A counter that fell was set
    back, and counts from 0.
    """
    if state.at_s is None or not now_s > state.at_s:
        return _first(state, seen, now_s), None
    ended = seen.ended - state.ended if seen.ended >= state.ended else seen.ended
    state = _grown(rule, state, max(0.0, ended + seen.in_flight - state.in_flight), now_s)
    demand = _demand_rps(rule, state)
    ahead = quantile_rps(rule.ahead, _series(rule, state, demand))
    wish, reason = _wish(rule, demand, ahead, seen.in_flight, now_s)
    held = ((at, one) for at, one in state.wishes if at > now_s - rule.stabilisation_s)
    wishes = (*held, (now_s, wish))
    have = wish if state.replicas is None else state.replicas
    replicas = wish if wish >= have else min(have, max(one for _, one in wishes))
    if replicas > wish:
        reason = f"{reason}; {replicas} held for {rule.stabilisation_s:g} s"
    following = State(
        at_s=now_s, ended=seen.ended, in_flight=seen.in_flight, looks=state.looks, rates=state.rates,
        open_s=state.open_s, open_n=state.open_n, wishes=wishes, replicas=replicas,
    )  # fmt: skip
    return following, Decision(
        deployment=rule.deployment,
        use_case=rule.use_case,
        at_s=now_s,
        replicas=replicas,
        wish=wish,
        burst_rps=max(0.0, demand - replicas * (rule.goodput_rps.value or 0.0)),
        demand_rps=demand,
        ahead_rps=ahead,
        reason=reason,
    )


def _first(state: State, seen: Observation, now_s: float) -> State:
    if state.at_s is not None:
        return state
    began = ((now_s, 0.0),)
    return State(
        at_s=now_s, ended=seen.ended, in_flight=seen.in_flight, looks=began, rates=state.rates, replicas=state.replicas
    )  # fmt: skip


def _grown(rule: ScalingRule, state: State, grown: float, now_s: float) -> State:
    """The requests since the last look spread evenly over the steps they fall into."""
    step_s, elapsed = rule.ahead.step_s, now_s - (now_s if state.at_s is None else state.at_s)
    rate, open_s, open_n, rates = grown / elapsed, state.open_s, state.open_n, list(state.rates)
    while open_s + elapsed >= step_s - 1e-9:
        part = step_s - open_s
        rates.append((open_n + rate * part) / step_s)
        open_s, open_n, elapsed = 0.0, 0.0, max(0.0, elapsed - part)
    kept = math.ceil((DAY_S + rule.ahead.recent_s) / step_s) + 1
    return State(
        at_s=state.at_s, looks=_looks(state, grown, now_s, step_s), rates=tuple(rates[-kept:]), open_s=open_s + elapsed,
        open_n=open_n + rate * elapsed, wishes=state.wishes, replicas=state.replicas,
    )  # fmt: skip


def _looks(state: State, grown: float, now_s: float, step_s: float) -> tuple[tuple[float, float], ...]:
    """Those of the last step, and one before where the step began between two looks."""
    found = (*state.looks, (now_s, state.looks[-1][1] + grown))
    first = sum(at <= now_s - step_s for at, _ in found)
    return found[max(0, first - 1) :]


def _demand_rps(rule: ScalingRule, state: State) -> float:
    """The rate over the last step; what of it was before the first look is as the step before, where that is known."""
    (began_s, before), (now_s, after) = state.looks[0], state.looks[-1]
    elapsed, count = now_s - began_s, after - before
    missing = rule.ahead.step_s - elapsed
    if missing > 0 and state.rates:
        return (count + state.rates[-1] * missing) / rule.ahead.step_s
    return count / elapsed


def _series(rule: ScalingRule, state: State, demand: float) -> NDArray[np.float64]:
    """Whole steps with that of now as the last, in place of the one that it mostly overlaps."""
    whole = state.rates if state.open_s > rule.ahead.step_s / 2 else state.rates[:-1]
    return np.array([*whole, demand])


def _wish(rule: ScalingRule, demand: float, ahead: float, in_flight: float, now_s: float) -> tuple[int, str]:
    """The most of what the demand ahead, that of now, what is in flight and the hour ask for."""
    goodput, target = rule.goodput_rps.value or 1.0, rule.target_in_flight.value
    wishes = [
        (replicas_for(ahead, goodput), f"{ahead:.4g} requests/s in {rule.ahead.lead_s:g} s"),
        (replicas_for(demand, goodput), f"{demand:.4g} requests/s now"),
        (floor_at(rule, now_s), "the hour's floor"),
        (rule.least, "the floor"),
    ]
    if target:
        wishes.append((math.ceil(in_flight / target - 1e-9), f"{in_flight:g} in flight"))
    wish, reason = max(wishes, key=lambda one: one[0])
    return (wish, reason) if wish <= rule.most else (rule.most, f"{reason}; {wish} wanted, {rule.most} at most")


def floor_at(rule: ScalingRule, now_s: float) -> int:
    """The replicas that the schedule keeps at a time (Unix seconds); 0 without one."""
    if not rule.schedule:
        return 0
    return rule.schedule[int(hour_of(np.array([now_s]), len(rule.schedule))[0])].least
