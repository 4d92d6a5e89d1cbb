"""A plan for a classic model: a workload of rows, and what was measured of the model on which hardware."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import finishing, speeds_file
from breakeven.assembly.arriving import text
from breakeven.assembly.asking import Given
from breakeven.assembly.drawing import draw
from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.config import reading, scoring
from breakeven.config.scoring import Scoring
from breakeven.config.traffic import Traffic
from breakeven.errors import EvidenceError, UsageError
from breakeven.perf.batch_curve import BatchCurve, of_requests, of_rows
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search.classic import CPU, unmeasured
from breakeven.planner.search.find import Progress
from breakeven.schema.measurement import Measurement, read_rows
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit
from breakeven.workload.parse import parse

WINDOW_S = 1.0
"""Of the rate's 95th percentile: a queue of a classic model is over in less than a minute."""
SPAN_S = 60.0
FEWEST, MOST = 4_000, 200_000
"""Requests that are drawn where the workload says neither how many nor for how long, whatever the rate."""
ELSEWHERE = (0.8, 1.25)
"""Times a batch may take of what was measured, where the hardware is only like the one measured. Assumed."""
ALONE = "Batches are of the model alone: what a server adds (HTTP, decoding) is in them where a v2 server was measured."
_WAY_OUT = "measure it: breakeven measure MODEL.onnx --batch 1,2,4,8,16,32 --rows FILE.csv"


class Measured(Noun, frozen=True, kw_only=True):
    """A curve as stated: the hardware it is to hold for, the rows of the file, and where they came from."""

    hardware: str
    curve: BatchCurve
    rows: tuple[Measurement, ...]
    source: str

    @property
    def on(self) -> str:
        """The hardware that the rows name."""
        return self.rows[0].gpu or "hardware that the rows do not name"

    def said(self) -> str:
        """What the plan takes as given of it."""
        first = self.rows[0]
        what = f"{self.source} (median of calls by batch of {first.model} with {first.engine}, {first.date})"
        if self.hardware == first.gpu:
            return f"Batches take as long as measured on {self.on}: {what}."
        low, high = ELSEWHERE
        return (
            f"Batches on {self.hardware} take as long as on {self.on}, {low:g} to {high:g} times as long in the "
            f"interval (assumed): {what}."
        )


def plan(given: Given, keep: Path, progress: Progress) -> Plan:
    """Weigh every offer of the catalog on whose hardware a curve is stated; speeds are kept in a folder.

    Raises:
        UsageError: a curve is of no known hardware or of another model, or there is no latency target.
        EvidenceError: too few requests, or batches smaller than one request.
        ConfigError, LedgerError, FactError, InfeasibleError: see `scoring.load`, `make_plan`.
    """
    catalog = load_catalog(given.facts)
    asked, trace = _demand(given)
    curves = [_measured(entry, catalog) for entry in given.curves]
    objective = msgspec.structs.replace(_objective(asked, given), **given.targets())
    _targeted(objective)
    demand = fit(trace, objective.use_case, window_s=WINDOW_S, source=trace.source, rows_scored_mean=asked.rows)
    kept = speeds_file.read(keep)
    found = make_plan(
        catalog,
        Question(workload=demand, objective=objective),
        trace,
        _scope(curves, given, asked.rows),
        seed=given.seed,
        rng=np.random.default_rng(given.seed),
        kept=kept,
        progress=progress,
        other_samples=not given.sample_alone,
    )
    speeds_file.write(kept, keep)
    turned = msgspec.structs.replace(found, flips_if=(*found.flips_if, *filter(None, [unmeasured(found)])))
    said = (*(one.said() for one in curves), ALONE)
    return finishing.finished(turned, trace, premature=finishing.UNMEASURED, remarks=said)


def _demand(given: Given) -> tuple[Scoring, Trace]:
    """What is asked for with its requests, which have no tokens: drawn, or the arrivals of a trace."""
    if given.workload is not None and given.trace is None:
        asked = scoring.load(reading.read_text(given.workload, way_out=reading.CHECK_PATH), str(given.workload))
        return asked, _without_tokens(_drawn(asked, given.workload.stem))
    if given.trace is None or given.workload is not None:
        message = "--trace and --workload are both given" if given.trace else "--curve needs a --workload or a --trace"
        raise UsageError(message, "name one of them: what arrives is either recorded or drawn")
    trace = parse(text(given.trace), given.trace.name)
    span_s = max(trace.column("arrival_s"), default=0.0)
    if trace.n < FEWEST // 200 or span_s <= 0:
        message = f"{trace.name} holds {trace.n} requests over {span_s:g} s; a workload needs {FEWEST // 200}"
        raise EvidenceError(message, "give a longer trace")
    return Scoring(rate=trace.n / span_s), _without_tokens(trace)


def _drawn(asked: Scoring, name: str) -> Trace:
    most = min(MOST, max(FEWEST, round(asked.rate * SPAN_S)))
    requests = asked.requests if asked.seconds is not None else asked.requests or most
    coming = {name: getattr(asked, name) for name in ("rate", "arrivals", "cv", "seconds", "seed")}
    return draw(Traffic(**coming, requests=requests, input_tokens=1, output_tokens=1), name=name)


def _without_tokens(trace: Trace) -> Trace:
    none = pack([0.0] * trace.n)
    return Trace(name=trace.name, source=trace.source, arrival_s=trace.arrival_s, input_tokens=none, output_tokens=none)


def _objective(asked: Scoring, given: Given) -> Objective:
    return Objective(
        use_case=given.named,
        tier=asked.tier,
        budget_s=asked.latency_s,
        attainment=asked.attainment,
        placements=asked.placements,
        regions=asked.regions,
        spare_replicas=asked.spare_replicas,
        horizon_months=asked.horizon_months,
        **asked.stages.model_dump(),
    )


def _targeted(objective: Objective) -> None:
    if objective.ttft_s is not None or objective.tpot_s is not None:
        message = "--slo-ttft-s and --slo-tpot-s are of tokens, and a classic model has none"
        raise UsageError(message, "give --slo-latency-s, the budget of the whole use case")
    if objective.budget_s is None:
        message = "no latency budget is stated, and without one every batch is good enough"
        raise UsageError(message, "give --slo-latency-s, or `latency_s` in the workload")


def _scope(curves: Sequence[Measured], given: Given, rows: float) -> Scope:
    first = curves[0].rows[0]
    models = sorted({one.rows[0].model or "model" for one in curves} | set(given.models))
    if len(models) != 1:
        message = f"the curves and --model name {len(models)} models: {', '.join(models)}"
        raise UsageError(message, "plan one at a time; name a model as its rows do")
    return Scope(
        models=(models[0],),
        as_of=given.day,
        engines=(first.engine,) if first.engine else (),
        precision=first.precision or "",
        batches={one.hardware: of_requests(one.curve, rows) for one in curves},
    )


def _measured(entry: str, catalog: Catalog) -> Measured:
    hardware, _, file = entry.partition("=")
    if not hardware or not file:
        message = f"--curve {entry!r} is not NAME=FILE"
        raise UsageError(message, "write it as cpu=rows.csv, l4=rows.csv, or OFFER=rows.csv")
    known = {CPU, *catalog.accelerator_heads, *catalog.history}
    if hardware not in known:
        message = f"--curve {entry}: {hardware!r} is neither {CPU!r} nor an accelerator or offer of the catalog"
        raise UsageError(message, "see `breakeven catalog list`")
    path = Path(file)
    rows = read_rows(reading.read_text(path, way_out=_WAY_OUT), str(path))
    try:
        curve = of_rows(rows)
    except EvidenceError as error:
        message = f"{path} is no batch curve: {error.message}"
        raise UsageError(message, _WAY_OUT) from error
    used = tuple(row for row in rows if row.load_kind == "batch")
    if hardware != used[0].gpu:
        curve = msgspec.structs.replace(curve, error_low=ELSEWHERE[0], error_high=ELSEWHERE[1])
    return Measured(hardware=hardware, curve=curve, rows=used, source=path.name)
