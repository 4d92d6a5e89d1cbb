"""What must hold between the keys of `policy.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from breakeven.config.problem import Complaint, Path
from breakeven.config.reading import Rule
from breakeven.config.rule import mapping, names, number, reference, unique
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


def _failure(value: Value) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        steps = entry.get("failure")
        if isinstance(steps, tuple):
            yield from _after_error(steps, (*path, "failure"))
        if isinstance(steps, tuple) and "default" in steps and not entry.get("default_answer"):
            message = f"use case `{entry.get('name')}` falls back to `default` but has no `default_answer`"
            at = (*path, "failure", steps.index("default"))
            yield Complaint(path=at, message=message, hint='add `default_answer: "..."`, or remove this step')


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


RULES: tuple[Rule, ...] = (_names_once, _default_use_case, _targets, _failure, _latency)


def known_deployments(known: Collection[str]) -> Rule:
    """The rule that every target names a deployment of `breakeven.yaml`."""

    def rule(value: Value) -> Iterator[Complaint]:
        for path, entry in items(value, "use_cases"):
            for at, target in items(mapping(entry, "route"), "targets"):
                place = (*path, "route", *at, "deployment")
                yield from reference(target.get("deployment"), place, known, what="deployment", where="breakeven.yaml")

    return rule


def known_strategies(known: Collection[str]) -> Rule:
    """The rule that every route names a strategy there is."""

    def rule(value: Value) -> Iterator[Complaint]:
        for path, entry in items(value, "use_cases"):
            strategy = mapping(entry, "route").get("strategy")
            yield from reference(strategy, (*path, "route", "strategy"), known, what="strategy", where="breakeven")

    return rule
