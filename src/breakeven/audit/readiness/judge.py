"""The checklist of a use case: every question answered, or what to instrument first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from breakeven.audit.actual import ENOUGH
from breakeven.audit.readiness.late import late_tracking
from breakeven.quantity import format_count, format_seconds, format_usd
from breakeven.schema.drilled import Drilled
from breakeven.schema.noun import Figure
from breakeven.schema.readiness import (
    QUESTIONS,
    AnswerState,
    CaseReadiness,
    Checked,
    Peak,
    QuestionName,
    Readiness,
    Sight,
)


def readiness(policy_id: str, sights: Iterable[Sight]) -> Readiness:
    """Every question of every use case."""
    return Readiness(policy_id=policy_id, cases=tuple(case_readiness(sight) for sight in sights))


def case_readiness(sight: Sight) -> CaseReadiness:
    """Every question of one use case, in order."""
    return CaseReadiness(use_case=sight.use_case.name, checks=tuple(ANSWERS[name](sight) for name in QUESTIONS))


def premature(found: Readiness, use_case: str | None = None) -> tuple[str, ...]:
    """What to instrument first, in order, of one use case or all; empty where nothing is unanswered.

    A use case that the policy does not have is premature as such.
    """
    cases = [case for case in found.cases if use_case in {None, case.use_case}]
    if not cases:
        return (f"give use case {use_case or 'of any name'} its place in the policy",)
    open_ = [(QUESTIONS.index(one.question), one) for case in cases for one in case.checks if one.state == "unanswered"]
    return tuple(dict.fromkeys(one.instrument for _, one in sorted(open_, key=lambda pair: pair[0])))


def _latency_budget(sight: Sight) -> Checked:
    case = sight.use_case
    targets = {"answer within": case.budget_s, "first token within": case.ttft_s, "per token": case.tpot_s}
    stated = [f"{what} {format_seconds(value)}" for what, value in targets.items() if value is not None]
    if not stated:
        how = f"state `latency: {{budget_ms: ...}}` of use case {case.name} in policy.yaml"
        return _told("latency_budget", "unanswered", "no budget and no target is stated", instrument=how)
    value = next(value for value in targets.values() if value is not None)
    slots = tuple(f"{stage}: {format_seconds(slot)}" for stage, slot in sorted(case.stages.items()))
    figure = Figure(value=value, unit="s", basis="derived", how="stated in the policy")
    return _told("latency_budget", "answered", ", ".join(stated), figure=figure, evidence=slots)


def _cost_mean(sight: Sight) -> Checked:
    cut, case = sight.cut, sight.use_case
    if cut is None or not cut.predictions:
        how = f"send traffic of {case.name} through the gateway, or import its log"
        return _told("cost_mean", "unanswered", "nothing was recorded", instrument=how)
    if cut.useful is None:
        how = f"set `used_when` of use case {case.name} and send its events to /events"
        return _told("cost_mean", "unanswered", "what is useful is not measured", instrument=how)
    if cut.unpriced:
        said = f"{cut.unpriced:,} of {cut.predictions:,} predictions have no price: the cost is a lower bound"
        how = f"give the deployments of {case.name} an `offer` or a `price` in breakeven.yaml"
        return _told("cost_mean", "unanswered", said, figure=cut.cost_per_useful_prediction_usd, instrument=how)
    return _judged_cost("cost_mean", cut.cost_per_useful_prediction_usd, cut.useful, f"of {case.name}")


def _cost_peak(sight: Sight) -> Checked:
    mean, peak = _cost_mean(sight), sight.peak
    if mean.state == "unanswered":
        return _told("cost_peak", "unanswered", f"as at the mean: {mean.said}", instrument=mean.instrument)
    if peak.missing:
        how = f"record {sight.use_case.name} long enough to hold a peak"
        return _told("cost_peak", "unanswered", peak.missing, instrument=how)
    return _judged_cost("cost_peak", peak.cost, peak.useful, f"of {sight.use_case.name} at its peak", _stretch(peak))


def _stretch(peak: Peak) -> tuple[str, ...]:
    times = f"{peak.rate_rps / peak.mean_rate_rps:.2g} times the mean" if peak.mean_rate_rps > 0 else "no mean"
    return (f"the busiest {format_seconds(peak.width_s)}: {peak.rate_rps:.3g} requests/s, {times}",)


def _judged_cost(
    name: QuestionName, cost: Figure, useful: int | None, of: str, evidence: tuple[str, ...] = ()
) -> Checked:
    if cost.value is None or useful is None or useful < ENOUGH:
        said = f"{format_count(useful or 0)} useful predictions; a cost is judged from {ENOUGH}"
        how = f"record more outcomes {of}: at least {ENOUGH} useful predictions"
        return _told(name, "unanswered", said, figure=cost, evidence=evidence, instrument=how)
    said = f"{format_usd(cost.value)} per useful prediction"
    return _told(name, "answered", said, figure=cost, evidence=(f"{useful:,} useful predictions", *evidence))


def _fallback(sight: Sight) -> Checked:
    chain = sight.use_case.failure
    steps = [step for step in chain if step != "error"]
    if not steps:
        how = f"write down where failure is absorbed: `failure:` of use case {sight.use_case.name} in policy.yaml"
        return _told("fallback", "unanswered", "a failure reaches the caller as an error", instrument=how)
    return _told("fallback", "answered", ", then ".join(chain))


def _drill(sight: Sight) -> Checked:
    name = sight.use_case.name
    how = f"drill it: `breakeven drill --deployment ... --fault absent` while there is traffic of {name}"
    if _fallback(sight).state == "unanswered":
        return _told("drill", "unanswered", "there is no fallback to drill", instrument=_fallback(sight).instrument)
    touched = [one for one in sight.drills if any(case.use_case == name for case in one.cases)]
    if not touched:
        return _told("drill", "unanswered", "the failure chain was never walked on purpose", instrument=how)
    last = max(touched, key=lambda one: one.ended_s)
    if last.verdict != "held":
        said = f"the last drill did not hold: {last.why or 'not enough evidence'}"
        return _told("drill", "unanswered", said, evidence=(_named(last),), instrument=how)
    return _told("drill", "answered", "the last drill held", evidence=(_named(last),))


def _named(one: Drilled) -> str:
    return f"{one.drill.id}: {one.drill.deployment} {one.drill.fault}, {one.touched:,} requests touched"


def _visible(sight: Sight) -> Checked:
    views = sight.views
    places = [f"console at {views.console_url}"] if views.console_reachable else []
    places += [f"metrics sent to {views.telemetry}"] if views.telemetry else []
    evidence = tuple(f"memo {name}" for name in views.memos)
    if places:
        return _told("visible", "answered", ", ".join(places), evidence=evidence)
    said = f"no console answers at {views.console_url}" if views.console_url else "there is no console"
    how = "start `breakeven console` (or `serve`), or send metrics to a dashboard with `telemetry:`"
    return _told("visible", "unanswered", said, evidence=evidence, instrument=how)


def _late(sight: Sight) -> Checked:
    state, said, figure, how = late_tracking(sight)
    return _told("late_tracking", state, said, figure=figure, instrument=how)


ASKED: Mapping[QuestionName, str] = {
    "latency_budget": "What is the latency budget?",
    "cost_mean": "What does a useful prediction cost, on the whole?",
    "late_tracking": "Where does tracking break if the model is late?",
    "cost_peak": "What does it cost at peak?",
    "fallback": "What is the fallback?",
    "drill": "Has the fallback been tried?",
    "visible": "Can stakeholders see all of it without an engineer exporting logs?",
}
ANSWERS: Mapping[QuestionName, Callable[[Sight], Checked]] = {
    "latency_budget": _latency_budget,
    "cost_mean": _cost_mean,
    "late_tracking": _late,
    "cost_peak": _cost_peak,
    "fallback": _fallback,
    "drill": _drill,
    "visible": _visible,
}


def _told(
    name: QuestionName,
    state: AnswerState,
    said: str,
    *,
    figure: Figure | None = None,
    evidence: tuple[str, ...] = (),
    instrument: str = "",
) -> Checked:
    return Checked(
        question=name,
        asked=ASKED[name],
        state=state,
        said=said,
        figure=figure,
        evidence=evidence,
        instrument=instrument,
    )
