"""The mix of a plan as what is enacted: which deployments it takes, where those that do not stand yet answer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.assembly import files
from breakeven.errors import PolicyError, UsageError
from breakeven.planner.compile import PLAN_ARM, held_parts
from breakeven.planner.portfolio.spill import spills_at
from breakeven.quantity import format_usd
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Mix, Option, Plan
from breakeven.schema.policy import Policy


class Held(Noun, frozen=True, kw_only=True):
    """A deployment that is enacted: its name in `breakeven.yaml`, and its replicas, spares included."""

    name: str
    option: Option
    replicas: int


def mix_of(plan: Plan) -> Mix | None:
    """The plan's mix, where it has several parts."""
    return None if plan.mix is msgspec.UNSET else plan.mix


def refuse_no_mix(plan: Plan) -> None:
    """Refuse a mix where the plan's only part is another than its choice; where it is the choice, both are the same.

    Raises:
        UsageError: with that part, or why there is none.
    """
    found = plan.portfolio
    names = () if found is None else tuple(part.name for part in found.parts)
    if mix_of(plan) is None and names != (plan.chosen,):
        said = f"the cheapest way to hold it is {names[0]} alone, as the load comes" if names else "it has no mix"
        message = f"plan {plan.id} has no mix of several parts: {said}"
        raise UsageError(message, "apply the choice without --mix")


def held(plan: Plan, *, mix: bool, rest: bool = False) -> tuple[Held, ...]:
    """What is enacted, in the order in which it fills; with `rest` also what answers what the choice does not."""
    found = mix_of(plan) if mix else None
    parts = {} if found is None or plan.portfolio is None else {part.name: part for part in plan.portfolio.parts}
    options = [option for option, _ in held_parts(plan, mix=mix)]
    options += [option.rest for option in options if rest and option.rest is not None]
    return tuple(
        Held(
            name=files.deployment_name(option.deployment.id),
            option=option,
            replicas=max(1, parts[option.name].replicas) if option.name in parts else option.deployment.replicas,
        )
        for option in options
    )


def full_at(plan: Plan, *, workers: int, share: float) -> dict[str, int]:
    """Requests in flight for each worker at which each part of the mix but the last is full, where that is known.

    `share` is the part of a limit up to which the use case's tier is admitted.
    """
    bounds = {
        one.name: spills_at(one.option, plan.workload, replicas=one.replicas, share=share, workers=workers)
        for one in held(plan, mix=True)[:-1]
    }
    return {name: bound for name, bound in bounds.items() if bound is not None}


def urls(missing: Sequence[Held], given: Sequence[str], where: str) -> dict[str, str]:
    """Where each deployment that does not stand yet answers: NAME=URL each, or one URL each in their order.

    Raises:
        PolicyError: some are without a URL.
        UsageError: a URL is for something else, or there are too many.
    """
    named, plain = _sorted_out(given)
    wanted = {one.name: one for one in missing}
    aliases = {one.option.name: one.name for one in missing}
    found = {aliases.get(name, name): url for name, url in named.items()}
    strange = [name for name in found if name not in wanted]
    if strange:
        message = f"--backend-url names {', '.join(strange)}; what needs a URL is {', '.join(wanted) or 'nothing'}"
        raise UsageError(message, "what stands in breakeven.yaml keeps its backend")
    rest = [name for name in wanted if name not in found]
    if len(plain) > 1 and len(plain) != len(rest):
        message = f"{len(plain)} URLs are given for {len(rest)} deployments: {', '.join(rest) or 'none'}"
        raise UsageError(message, "write each as --backend-url NAME=URL")
    found |= dict(zip(rest, plain, strict=False)) if len(rest) == len(plain) else {}
    lacking = [name for name in wanted if name not in found]
    if lacking:
        _refuse_without(lacking, [wanted[name].option.name for name in lacking], where)
    return found


def _sorted_out(given: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """URLs by name, and those without one; a name holds no colon, so that what begins with a scheme is a URL."""
    named, plain = dict[str, str](), list[str]()
    for text in given:
        name, sign, url = text.partition("=")
        if sign and "://" not in name:
            named[name.strip()] = url.strip()
        else:
            plain.append(text)
    return named, plain


def _refuse_without(names: Sequence[str], options: Sequence[str], where: str) -> None:
    if len(names) == 1:
        message = f"the plan chose {options[0]}, and {where} has no deployment {names[0]}"
        raise PolicyError(message, "set it up, then apply with --backend-url URL, or add it to the file")
    message = f"of the mix {where} has no deployments {', '.join(names)}"
    raise PolicyError(message, "set them up, then apply with --backend-url NAME=URL for each, or add them to the file")


def enacts_mix(plan: Plan, policy: Policy | None) -> bool:
    """Whether a policy routes the use case to the parts of the plan's mix, and not to its choice alone."""
    found = mix_of(plan)
    cases = () if policy is None else policy.use_cases
    routed = {
        target.deployment
        for case in cases
        if case.name == plan.use_case
        for target in case.route.targets
        if target.arm == PLAN_ARM
    }
    return found is not None and routed == {one.name for one in held(plan, mix=True)}


def as_mix(plan: Plan) -> Plan:
    """The plan as it reads where the mix is the decision: its promises, and why; the id stays."""
    found, mix = plan.portfolio, mix_of(plan)
    if mix is None or found is None:
        return plan
    reason = f"Held as a mix: {found.reason}"
    return msgspec.structs.replace(plan, promises=mix.promises, reason=reason)


def named(held_as: Sequence[Held]) -> str:
    """The parts in words, such as `2 x owned + 8 x rented`; one alone by its option's name."""
    if len(held_as) == 1:
        return held_as[0].option.name
    return " + ".join(_counted(one) for one in held_as)


def _counted(one: Held) -> str:
    return one.option.name if one.option.placement == "api" else f"{one.replicas} x {one.option.name}"


def beside(plan: Plan) -> str:
    """What the mix would cost less than the choice that is applied; nothing where it is not worth it."""
    found, mix = plan.portfolio, mix_of(plan)
    own = next(option for option in plan.options if option.name == plan.chosen).monthly_cost_usd
    if mix is None or found is None or own is None or not mix.cheaper:
        return ""
    less = format_usd(own - found.monthly_usd)
    return f"the mix {named(held(plan, mix=True))} costs {less} a month less: breakeven apply --mix"
