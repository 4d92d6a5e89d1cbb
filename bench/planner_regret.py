"""What the planner's first choice costs against the best measured one, where accelerators compete.

Groups of measured rows with equal engine, model, precision and lengths, of two accelerators or more with a list price.
The planner weighs every on-demand list offer of the catalog with every measured number of boards, by its own speeds,
sizes and bills, for a demand of which the slowest choice takes many replicas; its first choice earns what was measured:
tokens/s over the offer's price of as many boards. Regret = 1 - earned / the most that any choice earns.
"""

from __future__ import annotations

import lzma
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from breakeven.assembly.measured import Case, Names, cases, fit_rows
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.perf.curve import step_curve
from breakeven.perf.effects import place, resolve
from breakeven.perf.kernel import build
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.planner.search.space import Space, modes
from breakeven.planner.speed import Kept, Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.calibration import Calibration
from breakeven.schema.measurement import read_rows
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

ROWS = Path(__file__).parent / "data/measured_rows.csv.xz"
AS_OF = "2026-11-24"
MOST_REPLICAS = 200
"""Of the choice that carries least: so that whole replicas round little."""
LIMITS_S = (0.010, 0.020, 0.033)
REQUESTS = 400

Choice = tuple[str, int]
"""Accelerator and boards."""
Point = tuple[float, float | None]
"""Output tokens/s, and seconds per output token where the row says them."""


class Group(NamedTuple):
    """What was measured of each choice."""

    engine: str
    model: str
    precision: str
    prompt: float
    output: float
    points: Mapping[Choice, tuple[Point, ...]]

    def __str__(self) -> str:
        return f"{self.engine}/{self.model}/{self.precision}/{self.prompt:g}/{self.output:g}"


class Regret(NamedTuple):
    """`chosen` and `best` are choices; 0 where nothing was lost."""

    group: str
    limit_s: float | None
    choices: int
    regret: float
    chosen: str
    best: str


def measured() -> list[Case]:
    """The rows that ship with the benchmarks; of equal deployments the latest version."""
    text = lzma.decompress(ROWS.read_bytes()).decode()
    found, _ = cases(read_rows(text, ROWS.name), Names(load()))
    return [one for one in found if one.value and one.stages == 1]


def groups(found: Iterable[Case], *, offline: bool) -> list[Group]:
    """Groups of two accelerators or more; a closed loop's tokens/s are N answers per time of one (Little)."""
    kept: dict[tuple[str, str, str, float, float], dict[tuple[Choice, float, str], dict[str, float]]] = {}
    for one in found:
        if (one.load == "offline") == offline:
            key = (one.at.engine, one.at.model, one.at.precision, one.prompt, one.output)
            at = ((one.accelerator.id, one.at.boards), one.rate, one.at.version)
            kept.setdefault(key, {}).setdefault(at, {})[one.metric] = one.value or math.nan
    made = [Group(*key, points=_points(some, key[4])) for key, some in sorted(kept.items())]
    return [one for one in made if len({accelerator for accelerator, _ in one.points}) > 1]


def _points(
    rows: Mapping[tuple[Choice, float, str], dict[str, float]], output: float
) -> dict[Choice, tuple[Point, ...]]:
    """Each load once: the latest version's."""
    latest: dict[tuple[Choice, float], tuple[str, Point]] = {}
    for (choice, load_, version), values in rows.items():
        point = _point(values, load_, output)
        if point is not None and version >= latest.get((choice, load_), ("", point))[0]:
            latest[choice, load_] = version, point
    found: dict[Choice, list[Point]] = defaultdict(list)
    for (choice, _), (_, point) in latest.items():
        found[choice].append(point)
    return {choice: tuple(points) for choice, points in found.items()}


def _point(values: Mapping[str, float], load_: float, output: float) -> Point | None:
    if "throughput" in values:
        return values["throughput"], None
    if {"ttft", "tpot"} <= values.keys():
        return load_ * output / (values["ttft"] + values["tpot"] * (output - 1)), values["tpot"]
    return None


def best_point(points: Iterable[Point], limit_s: float | None) -> float:
    """The most tokens/s inside the limit; 0 where every load misses it."""
    return max((rate for rate, tpot in points if limit_s is None or (tpot or 0.0) <= limit_s), default=0.0)


def demand(group: Group, limit_s: float | None, rng: np.random.Generator) -> tuple[Question, Trace]:
    """Requests of the group's lengths: evenly spaced without a limit, at random times with one."""
    n = 32 if limit_s is None else REQUESTS
    gaps = np.ones(n) if limit_s is None else rng.exponential(1.0, n)
    trace = Trace(
        name=str(group),
        arrival_s=pack((np.cumsum(gaps) - gaps[0]).tolist()),
        input_tokens=pack([group.prompt] * n),
        output_tokens=pack([group.output] * n),
    )
    least = min(best_point(points, None) for points in group.points.values()) / group.output
    rate = MOST_REPLICAS * least * (1.0 if limit_s is None else 0.2)
    fitted = fit(trace, "regret")
    same = dict.fromkeys(("rate_mean_rps", "rate_p95_rps", "rate_max_rps"), rate)
    objective = Objective(use_case="regret", tpot_s=limit_s)
    return Question(workload=msgspec.structs.replace(fitted, **same), objective=objective), trace


def weighed(
    group: Group, limit_s: float | None, kept: Kept, by: Calibration | None
) -> dict[str, tuple[Option, Candidate]]:
    """Every on-demand list offer with every measured number of boards, as the planner weighs it."""
    catalog = load()
    question, trace = demand(group, limit_s, np.random.default_rng(0))
    scope = Scope(
        models=(group.model,), as_of=AS_OF, accelerators=tuple(sorted({name for name, _ in group.points})),
        precisions=("fp16" if group.precision == "bf16" else group.precision,), engines=(group.engine,), chunks=(2048,),
    )  # fmt: skip
    base = assumptions(catalog.assumptions(), "base")
    scales = Scales(catalog=catalog, assumptions=base, question=question, speeds=Speeds(trace, kept))
    found: dict[str, tuple[Option, Candidate]] = {}
    for one in Space(catalog, question, scope, modes(scope, 0.0, hashed=False)).candidates():
        if not _offered(one, group):
            continue
        changed = one if by is None else _otherwise(one, group, by)
        found[one.name] = evaluate(changed, question, predict=scales.speed, price=scales.bill), one
    return found


def _offered(one: Candidate, group: Group) -> bool:
    offer = one.offer
    if offer is None or offer.term != "on_demand" or not offer.usd_per_hour or one.deployment.placement != "cloud":
        return False
    return (offer.accelerator, one.deployment.accelerators) in group.points and not one.binding.startswith("provider")


def _otherwise(one: Candidate, group: Group, by: Calibration) -> Candidate:
    """The candidate at the speed that other coefficients say of a run on a whole data set."""
    if one.curve is None:
        return one
    catalog, at = load(), one.deployment
    model, board = catalog.model(at.model), catalog.accelerator(at.accelerator)
    where = place(board, engine=at.engine, precision=at.precision, model=model.id, boards=at.accelerators, offline=True)
    curve = step_curve(
        model, board, at.accelerators, at.precision, resolve(by, where), engine=at.engine,
        context_mean=group.prompt + group.output / 2, max_batch=at.max_batch,
    )  # fmt: skip
    return msgspec.structs.replace(one, curve=curve)


def regret(group: Group, limit_s: float | None, kept: Kept, by: Calibration | None = None) -> Regret | None:
    """What the planner's first choice loses; None where fewer than two accelerators have a list price."""
    found = weighed(group, limit_s, kept, by)
    scores = {name: _score(group, one, limit_s) for name, (_, one) in found.items()}
    priced = {one.deployment.accelerator for _, one in found.values()}
    if len(priced) < 2 or max(scores.values(), default=0.0) <= 0:
        return None
    options = {name: option for name, (option, _) in found.items() if option.feasible}
    chosen = min(options, key=lambda name: (options[name].cost_per_useful_prediction_usd, name), default="")
    best = max(scores, key=lambda name: (scores[name], name))
    return Regret(
        str(group), limit_s, len({_choice(one) for _, one in found.values()}),
        1.0 - (scores[chosen] if chosen else 0.0) / scores[best], chosen, best,
    )  # fmt: skip


def _choice(one: Candidate) -> Choice:
    return one.deployment.accelerator, one.deployment.accelerators


def _score(group: Group, one: Candidate, limit_s: float | None) -> float:
    """Measured tokens/s per USD/h of the boards, at the offer's price."""
    offer = one.offer
    assert offer is not None
    assert offer.usd_per_hour
    usd_per_hour = offer.usd_per_hour / max(1, offer.count) * one.deployment.accelerators
    return best_point(group.points[_choice(one)], limit_s) / usd_per_hour


def judged(
    found: Sequence[Group], limits: Iterable[float | None], by: Callable[[Group], Calibration | None]
) -> list[Regret]:
    told: list[Regret] = []
    kept = Kept()
    build.compiled()
    for number, group in enumerate(found, 1):
        said = by(group)
        told += [one for limit in limits if (one := regret(group, limit, kept, said)) is not None]
        print(f"\rregret: {number} of {len(found)} groups", end="", file=sys.stderr)
    print(file=sys.stderr)
    return told


def summary(found: Sequence[Regret]) -> dict[str, object]:
    """Mean, the share of groups without any, and the worst."""
    worst = sorted(found, key=lambda one: -one.regret)[:3]
    return {
        "groups": len(found),
        "mean": round(statistics.fmean(one.regret for one in found), 4) if found else None,
        "best_chosen": round(sum(one.regret < 1e-9 for one in found) / len(found), 3) if found else None,
        "worst": [{**one._asdict(), "regret": round(one.regret, 3)} for one in worst if one.regret > 0],
    }


def without(rows: Sequence[Case], model: str) -> Calibration:
    """The coefficients fitted anew to every row but those of a model."""
    from breakeven.assembly.judged import fit_all  # noqa: PLC0415 - slow to import, seldom wanted

    return fit_all(fit_rows([one for one in rows if one.at.model != model]))


def measure(*, unseen: bool = False) -> dict[str, object]:
    """Offline groups, and closed loops under limits on TPOT; `unseen`: offline with the group's model left out too."""
    rows = measured()
    offline, closed = groups(rows, offline=True), groups(rows, offline=False)
    found = judged(offline, (None,), lambda _: None)
    under = judged(closed, LIMITS_S, lambda _: None)
    told: dict[str, object] = {
        "decision_regret": summary(found)["mean"],
        "offline": summary(found),
        "closed_loop": {f"tpot<={limit * 1e3:g}ms": summary([one for one in under if one.limit_s == limit])
                        for limit in LIMITS_S},
    }  # fmt: skip
    if unseen:
        fits = {model: without(rows, model) for model in sorted({group.model for group in offline})}
        told["offline_model_unseen"] = summary(judged(offline, (None,), lambda group: fits[group.model]))
    return told
