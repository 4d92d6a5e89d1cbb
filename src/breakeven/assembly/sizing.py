"""The smallest deployment of a model that keeps its targets, over accelerators, precisions and layouts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from breakeven.assembly.arriving import Arriving
from breakeven.assembly.deploying import Asked, Kind, Replica, kind, replica
from breakeven.catalog.find import Catalog
from breakeven.errors import BreakevenError, InfeasibleError, UsageError
from breakeven.perf import attain, roofline, sizing
from breakeven.perf.forecast import Deployed, forecast, rate_rps
from breakeven.perf.simulate import Simulation, simulate
from breakeven.perf.step import slowed
from breakeven.schema.forecast import Forecast
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace

TENSOR = (1, 2, 4, 8)
STAGES = (1, 2, 4)
REQUESTS = 4000
"""Simulated of a longer trace: its middle."""

RUNNERS_UP = 5


class Choice(Noun, frozen=True, kw_only=True):
    """A deployment, and the share of requests inside the targets when simulated."""

    model: str
    accelerator: str
    precision: str
    tp: int
    pp: int
    replicas: int
    accelerators: int
    share: float
    reached: dict[str, float]


class Smaller(Noun, frozen=True, kw_only=True):
    """The largest deployment with fewer accelerators, and why it does not do; None where there is none to simulate."""

    choice: Choice | None
    why: str


class Sized(Noun, frozen=True, kw_only=True):
    """The smallest deployment with its forecast, how far it is from the edge, runners-up, and the next smaller.

    `margin` = share - attainment; `share_slow` at the slow end of the interval; `headroom` how many times the rate it
    still serves.
    """

    choice: Choice
    forecast: Forecast
    attainment: float
    margin: float
    share_slow: float
    headroom: float
    runners_up: tuple[Choice, ...]
    next_smaller: Smaller
    screened: int
    simulated: int
    left_out: tuple[str, ...]
    overrides: tuple[str, ...]
    assumed: tuple[str, ...]


class _Layout(Noun, frozen=True, kw_only=True):
    kind: Kind
    tp: int
    pp: int
    replica: Replica

    @property
    def boards(self) -> int:
        """Accelerators of a replica."""
        return self.tp * self.pp


class _Field:
    """All layouts that can be, with the trace they are held against."""

    def __init__(self, came: Arriving, serving: Serving, asked: Objective) -> None:
        self.trace: Trace = came.trace.middle(REQUESTS)
        self.scale, self.serving, self.asked = came.scale, serving, asked
        if self.trace.n < came.trace.n:  # the middle may be busier than the whole: keep the rate of the whole
            self.scale *= (rate_rps(came.trace) or 1.0) / (rate_rps(self.trace) or 1.0)
        self.layouts: list[_Layout] = []
        self.left_out: list[str] = []

    def run(self, layout: int, replicas: int, *, rate: float = 1.0, slow: float = 1.0) -> Simulation:
        at: StepCurve = slowed(self.layouts[layout].replica.curve, slow)
        return simulate(self.trace, at, replicas, scale=self.scale * rate, serving=self.serving)

    def share(self, layout: int, replicas: int, *, rate: float = 1.0, slow: float = 1.0) -> float:
        return attain.share_in_budget(self.run(layout, replicas, rate=rate, slow=slow), self.asked)

    def choice(self, layout: int, replicas: int) -> Choice:
        of, run = self.layouts[layout], self.run(layout, replicas)
        return Choice(
            model=of.kind.model.id, accelerator=of.kind.accelerator.id, precision=of.kind.precision, tp=of.tp, pp=of.pp,
            replicas=replicas, accelerators=of.boards * replicas, share=attain.share_in_budget(run, self.asked),
            reached=sizing.reached(run, self.asked),
        )  # fmt: skip


def sized(  # noqa: PLR0913 - what is asked for, and what it is chosen from
    asked: Asked,
    accelerators: Sequence[str],
    precisions: Sequence[str],
    catalog: Catalog,
    came: Arriving,
    serving: Serving,
    goal: Objective,
    *,
    most: int,
) -> Sized:
    """The fewest accelerators that keep the targets.

    Raises:
        UsageError: there are no targets.
        InfeasibleError: no deployment of at most `most` accelerators does; says what is in the way.
    """
    if not attain.has_targets(goal):
        message = "there is no target, so that one accelerator that holds the model would always do"
        raise UsageError(message, "give at least one of --ttft, --tpot and --budget, in seconds")
    field = _Field(came, serving, goal)
    kinds = [
        kind(msgspec.structs.replace(asked, accelerator=board, precision=precision), catalog)
        for board in accelerators
        for precision in precisions or ("",)
    ]
    context = came.mean("input_tokens") + came.mean("output_tokens")
    for of in kinds:
        _add_layouts(field, of, asked, context, most)
    if not field.layouts:
        message = f"no layout of up to {most} accelerators holds {kinds[0].model.id}: {field.left_out[-1]}"
        way_out = "name accelerators with more memory, a lower precision, or more of them with --most"
        raise InfeasibleError(message, way_out, binding="memory")
    rate = rate_rps(field.trace, field.scale)
    if rate is None:
        message = f"{field.trace.name}: {field.trace.n} requests at one instant have no rate to size for"
        raise UsageError(message, "give requests at different times")
    demand = sizing.demand_of(field.trace, rate, sequences=asked.max_sequences, chunk=serving.max_batch_tokens)
    found = sizing.size(
        [_of(one) for one in field.layouts], lambda k: field.layouts[k].replica.curve, demand, field.trace, goal,
        scale=field.scale, serving=serving, most_boards=most,
    )  # fmt: skip
    if found.best is None:
        _refuse(field, most)
    return _answer(field, found, kinds)


def _add_layouts(field: _Field, of: Kind, asked: Asked, context: float, most: int) -> None:
    for pp in STAGES:
        for tp in TENSOR:
            if tp * pp > most or pp > of.model.layers:
                continue
            try:
                one = replica(
                    of, tp, pp, context=context, max_sequences=asked.max_sequences,
                    max_batch_tokens=field.serving.max_batch_tokens, block_tokens=field.serving.block_tokens,
                )  # fmt: skip
            except BreakevenError as error:
                field.left_out.append(error.message)
                continue
            field.layouts.append(_Layout(kind=of, tp=tp, pp=pp, replica=one))


def _of(one: _Layout) -> sizing.Layout:
    of = one.kind
    size = roofline.size(of.model, of.accelerator, one.tp, of.precision, stages=one.pp, engine=of.engine)
    name = f"{of.accelerator.id}/{of.precision}/tp{one.tp}/pp{one.pp}"
    return sizing.Layout(name, one.boards, size, one.replica.coefficients)


def _answer(field: _Field, found: sizing.Sizing, kinds: Sequence[Kind]) -> Sized:
    best = found.best
    assert best is not None  # noqa: S101 - the caller refused
    layout = field.layouts[best.layout]
    slow = math.exp(layout.replica.errors.tpot.log_high)
    deployed = Deployed(
        curve=layout.replica.curve, replicas=best.replicas, serving=field.serving, errors=layout.replica.errors
    )
    need = field.asked.attainment
    return Sized(
        choice=field.choice(best.layout, best.replicas),
        forecast=forecast(field.trace, deployed, field.asked, scale=field.scale),
        attainment=need,
        margin=best.share - need,
        share_slow=field.share(best.layout, best.replicas, slow=slow),
        headroom=sizing.headroom(lambda rate: field.share(best.layout, best.replicas, rate=rate) >= need),
        runners_up=_runners_up(field, found, best),
        next_smaller=_smaller(field, best),
        screened=found.screened,
        simulated=len(found.tried),
        left_out=tuple(dict.fromkeys(field.left_out)),
        overrides=tuple(dict.fromkeys(said for of in kinds for said in of.overrides)),
        assumed=tuple(dict.fromkeys(said for of in kinds for said in of.assumed)),
    )


def _runners_up(field: _Field, found: sizing.Sizing, best: sizing.Tried) -> tuple[Choice, ...]:
    """The fewest replicas of other layouts that do."""
    seen = {best.layout}
    good = []
    for one in found.tried:
        if one.share >= field.asked.attainment and one.layout not in seen:
            seen.add(one.layout)
            good.append(field.choice(one.layout, one.replicas))
    return tuple(good[:RUNNERS_UP])


def _smaller(field: _Field, best: sizing.Tried) -> Smaller:
    """One replica fewer, else the largest deployment of fewer accelerators that could be."""
    if best.replicas > 1:
        layout, replicas = best.layout, best.replicas - 1
    else:
        fewer = [
            (
                one.boards * ((best.boards - 1) // (one.boards)),
                -number,
                (best.boards - 1) // (one.boards),
            )
            for number, one in enumerate(field.layouts)
            if one.boards < best.boards
        ]
        if not fewer:
            why = field.left_out[0] if field.left_out else f"there is nothing smaller than {best.boards} accelerator"
            return Smaller(choice=None, why=why)
        _, number, replicas = max(fewer)
        layout = -number
    choice = field.choice(layout, replicas)
    return Smaller(choice=choice, why=_why(field, choice))


def _why(field: _Field, choice: Choice) -> str:
    missed = [
        f"{names[0]} {value:.3g} s against {target:.3g} s"
        for names, target in _targets(field.asked)
        if (value := choice.reached[names[1]]) > target
    ]
    said = f"{choice.share:.1%} of requests are inside the targets, {field.asked.attainment:.1%} are asked for"
    return f"{said}: {' and '.join(missed)}" if missed else said


def _targets(asked: Objective) -> list[tuple[tuple[str, str, str], float]]:
    named = (
        (("TTFT", "ttft_s", "--ttft"), asked.ttft_s),
        (("TPOT", "tpot_s", "--tpot"), asked.tpot_s),
        (("E2E", "e2e_s", "--budget"), asked.budget_s),
    )
    return [(names, target) for names, target in named if target is not None]


def _refuse(field: _Field, most: int) -> None:
    """Say which target the nearest deployment misses most, and what it could keep."""
    nearest = min((field.choice(k, most // (one.boards)) for k, one in enumerate(field.layouts)),
                  key=lambda choice: max(_misses(field.asked, choice).values()))  # fmt: skip
    misses = _misses(field.asked, nearest)
    binding = max(misses, key=lambda names: misses[names])
    name, key, option = binding
    value, target = nearest.reached[key], dict(_targets(field.asked))[binding]
    message = (
        f"no deployment of up to {most} accelerators has {field.asked.attainment:.0%} of requests within "
        f"{name} {target:.3g} s: the nearest, {nearest.replicas} x {nearest.tp * nearest.pp} {nearest.accelerator} in "
        f"{nearest.precision} (tp {nearest.tp}, pp {nearest.pp}), has them within {value:.3g} s"
    )
    more = f"ask for {option} {_above(value)}" if math.isfinite(value) else "ask for a lower rate"
    raise InfeasibleError(message, f"{more}, name faster accelerators, or allow more of them with --most", binding=name)


def _misses(asked: Objective, choice: Choice) -> dict[tuple[str, str, str], float]:
    return {names: choice.reached[names[1]] / target for names, target in _targets(asked)}


def _above(value: float) -> str:
    """The value rounded up to two digits."""
    digits = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / digits) * digits:.3g}"


def to_json(found: Sized, came: Arriving) -> Mapping[str, Any]:
    """Everything as one JSON object."""
    return {**msgspec.to_builtins(found), "workload": {"name": came.trace.name, "source": came.trace.source}}
