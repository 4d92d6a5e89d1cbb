"""What must hold between the keys of `policy.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from breakeven.config.problem import Complaint, Path
from breakeven.config.reading import Rule
from breakeven.config.router_rules import router_rules
from breakeven.config.rule import mapping, names, number, reference, unique
from breakeven.config.tier_rules import TIER_CHECKS
from breakeven.config.tracking_section import tracking_rules
from breakeven.config.tree import Value, items


def _names_once(value: Value) -> Iterator[Complaint]:
    yield from unique(value, "use_cases", what="use cases")


def _default_use_case(value: Value) -> Iterator[Complaint]:
    default = value.get("default_use_case") if isinstance(value, dict) else None
    known = names(value, "use_cases")
    yield from reference(default, ("default_use_case",), known, what="use case", where="use_cases")


def _targets(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        route = mapping(entry, "route")
        found = [target for _, target in items(route, "targets")]
        yield from _repeated(found, (*path, "route", "targets"))
        if found and all(number(target, "weight") == 0 for target in found):
            message = f"all targets of use case `{entry.get('name')}` have weight 0"
            yield Complaint(path=(*path, "route", "targets"), message=message, hint="give one a weight above 0")


def _repeated(targets: list[dict[str, Value]], path: Path) -> Iterator[Complaint]:
    seen: list[tuple[Value, Value]] = []
    for at, target in enumerate(targets):
        named = (target.get("deployment"), target.get("arm") or "")
        if named in seen and named[0] is not None:
            message = f"target `{named[0]}` is listed twice with the arm '{named[1]}'"
            yield Complaint(
                path=(*path, at), message=message, hint="add the weights up in one target, or name two arms"
            )
        seen.append(named)


_ANSWERS = {
    "default": ("default_answer", '`default_answer: "..."`'),
    "segment": ("segments", "`segments: {by: region, answers: {eu: ...}}`"),
    "rules": ("rules", "`rules: [{when: {region: eu}, answer: ...}]`"),
}
"""Steps that need answers: the key these stand under, and how it is written."""


def _failure(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        steps = entry.get("failure")
        if isinstance(steps, tuple):
            yield from _after_error(steps, (*path, "failure"))
            for at, step in enumerate(steps):
                yield from _answers(entry, step, (*path, "failure", at))


def _answers(entry: dict[str, Value], step: Value, at: Path) -> Iterator[Complaint]:
    key, written = _ANSWERS.get(str(step), ("", ""))
    if key and not entry.get(key):
        message = f"use case `{entry.get('name')}` falls back to `{step}` but has no `{key}`"
        yield Complaint(path=at, message=message, hint=f"add {written}, or remove this step")


def _after_error(steps: tuple[Value, ...], path: Path) -> Iterator[Complaint]:
    if "error" in steps[:-1]:
        at = steps.index("error") + 1
        yield Complaint(
            path=(*path, at), message=f"`{steps[at]}` after `error` is never reached", hint="end with `error`"
        )


def _latency(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        latency = mapping(entry, "latency")
        budget = number(latency, "budget_ms")
        at = (*path, "latency")
        if budget is not None:
            yield from _within(mapping(latency, "stages"), budget, (*at, "stages"))
            first = number(latency, "ttft_ms")
            if first is not None and first > budget:
                message = f"`ttft_ms` is {first:g} ms, more than the whole budget of {budget:g} ms"
                yield Complaint(path=(*at, "ttft_ms"), message=message, hint="lower it, or raise `budget_ms`")


def _within(stages: dict[str, Value], budget: float, path: Path) -> Iterator[Complaint]:
    total = sum(number(stages, name) or 0.0 for name in stages)
    if total > budget:
        message = f"the stages add up to {total:g} ms, more than the budget of {budget:g} ms"
        yield Complaint(path=path, message=message, hint="lower a stage, or raise `budget_ms`", on_key=True)


def _client_stages(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        latency = mapping(entry, "latency")
        known = [name.removesuffix("_ms") for name in mapping(latency, "stages")]
        told = latency.get("client_stages")
        for at, name in enumerate(told if isinstance(told, tuple) else ()):
            place = (*path, "latency", "client_stages", at)
            yield from reference(name, place, known, what="stage", where="`stages`")


def _answer_rules(value: Value) -> Iterator[Complaint]:
    """The first rule that holds answers, so that nothing behind one that always holds is reached."""
    for path, entry in items(value, "use_cases"):
        found = items(entry, "rules")
        for at, rule in found[:-1]:
            if not rule.get("when"):
                message = (
                    f"the rules of use case `{entry.get('name')}` behind number {int(at[-1]) + 1} are never reached"
                )
                yield Complaint(path=(*path, *at), message=message, hint="give it a `when`, or put it last")
                break


def _kept(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        if entry.get("personal_data") is not True:
            continue
        message = f"use case `{entry.get('name')}` has personal data, whose answers are never kept"
        hint = "remove this, or `personal_data`"
        if number(entry, "cache_ttl_s"):
            yield Complaint(path=(*path, "cache_ttl_s"), message=message, hint=hint, on_key=True)
        steps = entry.get("failure")
        if isinstance(steps, tuple) and "cached" in steps:
            yield Complaint(path=(*path, "failure", steps.index("cached")), message=message, hint=hint)


def _decision(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        decision = entry.get("decision")
        if isinstance(decision, dict) and not (decision.get("features") or decision.get("candidate_features")):
            message = f"the decision of use case `{entry.get('name')}` names no features"
            hint = "list `features`, `candidate_features` or both, in the order of the model's columns"
            yield Complaint(path=(*path, "decision"), message=message, hint=hint, on_key=True)


def _budgets(value: Value) -> Iterator[Complaint]:
    yield from unique(value, "budgets", what="budgets")
    known = names(value, "use_cases")
    for path, entry in items(value, "budgets"):
        yield from reference(entry.get("use_case"), (*path, "use_case"), known, what="use case", where="use_cases")


RULES: tuple[Rule, ...] = (
    _names_once, _default_use_case, _targets, _failure, _latency, _client_stages, _answer_rules, _kept, _decision,
    _budgets, router_rules, *TIER_CHECKS, tracking_rules,
)  # fmt: skip


def known_strategies(known: Collection[str]) -> Rule:
    """The rule that every route names a strategy there is."""

    def rule(value: Value) -> Iterator[Complaint]:
        for path, entry in items(value, "use_cases"):
            strategy = mapping(entry, "route").get("strategy")
            yield from reference(strategy, (*path, "route", "strategy"), known, what="strategy", where="breakeven")

    return rule
