"""The length of a replica's steps; the same definition as `perf.step`, with speculation on top."""

from __future__ import annotations

import math

from breakeven.perf.kernel.layout import Replica, World, point_at, settings_of


def tokens_s(w: World, tokens: int) -> float:
    """Linear between the points of `token_s`, the first value below, the last slope beyond."""
    points = settings_of(w).points
    if points == 1 or tokens <= point_at(w, 0).tokens:
        return point_at(w, 0).seconds
    low, high = 0, points - 1
    while high - low > 1:
        middle = (low + high) // 2
        if point_at(w, middle).tokens < tokens:
            low = middle
        else:
            high = middle
    slope = (point_at(w, high).seconds - point_at(w, low).seconds) / (
        point_at(w, high).tokens - point_at(w, low).tokens
    )
    return point_at(w, low).seconds + slope * (tokens - point_at(w, low).tokens)


def step_s(w: World, count: int, context: float, window: int, prompt: int, pairs: float) -> float:
    """Seconds of one step. Drafted tokens are verified like prompt tokens, and each pass of the draft costs its own."""
    s = settings_of(w)
    more = prompt + s.drafts * count
    length = (
        s.step_base_s
        + s.step_per_sequence_s * count
        + s.step_per_context_s * context
        + s.step_per_window_context_s * window
        + s.step_per_pair_s * pairs
        + s.prefill_s_per_token * more
    )
    if s.points > 0:
        length += tokens_s(w, count + more)
    if s.drafts > 0 and count > 0:
        length += s.drafts * (s.draft_s + s.draft_per_sequence_s * count)
    return length


def run_s(first_s: float, growth_s: float, steps: int) -> float:
    """Seconds of `steps` in a row of which the first lasts `first_s` and each next `growth_s` longer."""
    return steps * first_s + growth_s * (steps * (steps - 1) / 2)


def growth_s(w: World, rep: Replica) -> float:
    """By how much a pure decode step lasts longer than the one before it."""
    s = settings_of(w)
    return s.step_per_context_s * (rep.count * s.tokens_per_step)


def steps_within(first_s: float, growth: float, gap_s: float, most: int) -> int:
    """How many whole steps, at most `most`, end within `gap_s`: the root of `run_s`, then corrected."""
    if run_s(first_s, growth, most) <= gap_s:
        return most
    half = growth / 2
    linear = first_s - half
    guess = gap_s / first_s if half <= 0 else 2 * gap_s / (linear + math.sqrt(linear * linear + 4 * half * gap_s))
    steps = min(most, max(0, int(guess)))
    while steps > 0 and run_s(first_s, growth, steps) > gap_s:
        steps -= 1
    while steps < most and run_s(first_s, growth, steps + 1) <= gap_s:
        steps += 1
    return steps


def tokens_by(w: World, tick: int) -> int:
    """Tokens that a sequence has gained by a tick of the decode clock: with speculation more than one a step."""
    rate = settings_of(w).tokens_per_step
    return tick if rate == 1.0 else int(tick * rate)


def steps_for(w: World, tokens: int) -> int:
    """Decode steps that so many tokens take."""
    rate = settings_of(w).tokens_per_step
    return tokens if rate == 1.0 else math.ceil(tokens / rate - 1e-9)
