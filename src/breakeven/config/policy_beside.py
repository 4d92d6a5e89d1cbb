"""What must hold between `policy.yaml` and the `breakeven.yaml` beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from breakeven.config.problem import Complaint, Path
from breakeven.config.reading import Rule
from breakeven.config.rule import mapping, number, reference
from breakeven.config.settings import DeploymentSettings, Settings
from breakeven.config.tree import Value, items
from breakeven.schema.policy import TO

Entry = dict[str, Value]
Named = tuple[Path, str, Value]
"""Where a deployment is named, how it is called there, and its name."""

LONE_TENANT = "default"
"""Who asks while no tenant has a key."""
_FILE = "breakeven.yaml"


def beside_rules(found: Settings) -> tuple[Rule, ...]:
    """The rules that need to know deployments, backends and tenants."""
    known = {entry.name: entry for entry in found.deployments}
    kinds = {entry.name: entry.kind for entry in found.backends}
    speaks = {name: kinds.get(entry.backend, "") for name, entry in known.items()}
    tenants = [entry.name for entry in found.tenants] or [LONE_TENANT]
    return (
        lambda value: _known(value, known),
        lambda value: _each(value, known, _quality),
        lambda value: _each(value, known, _locality),
        lambda value: _decisions(value, speaks),
        lambda value: _protocols(value, speaks),
        lambda value: _tenants(value, tenants),
    )


def _known(value: Value, known: dict[str, DeploymentSettings]) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        for at, _, name in _deployments(entry, path):
            yield from reference(name, at, known, what="deployment", where=_FILE)


def _deployments(entry: Entry, path: Path) -> Iterator[Named]:
    """The deployments that may answer a use case: targets of its route, then steps of its failure chain."""
    for at, target in items(mapping(entry, "route"), "targets"):
        yield (*path, "route", *at, "deployment"), "target", target.get("deployment")
    steps = entry.get("failure")
    for position, step in enumerate(steps if isinstance(steps, tuple) else ()):
        if isinstance(step, str) and step.startswith(TO):
            yield (*path, "failure", position), "fallback", step.removeprefix(TO)


_Check = Callable[[Entry, DeploymentSettings, str, Path], Iterator[Complaint]]


def _each(value: Value, known: dict[str, DeploymentSettings], check: _Check) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        for at, role, name in _deployments(entry, path):
            if isinstance(name, str) and name in known:
                yield from check(entry, known[name], role, at)


def _quality(entry: Entry, deployment: DeploymentSettings, role: str, at: Path) -> Iterator[Complaint]:
    floor = number(entry, "quality_floor")
    if floor is None or (deployment.quality is not None and deployment.quality >= floor):
        return
    has = "no stated quality" if deployment.quality is None else f"a quality of {deployment.quality:g}"
    message = f"{role} `{deployment.name}` has {has}, and use case `{entry.get('name')}` asks for {floor:g}"
    first = f"state its `quality` in {_FILE}, remove it here" if deployment.quality is None else "remove it here"
    hint = f"{first}, or lower `quality_floor`"
    yield Complaint(path=at, message=message, hint=hint)


def _locality(entry: Entry, deployment: DeploymentSettings, role: str, at: Path) -> Iterator[Complaint]:
    allowed = entry.get("data_locality")
    if not isinstance(allowed, tuple) or not allowed or deployment.region in allowed:
        return
    is_where = f"in region `{deployment.region}`" if deployment.region else "in no stated region"
    places = ", ".join(str(one) for one in allowed)
    message = f"{role} `{deployment.name}` is {is_where}, and data of use case `{entry.get('name')}` stay in {places}"
    ways = "remove it here, or add the region to `data_locality`"
    hint = ways if deployment.region else f"state its `region` in {_FILE}, or remove it here"
    yield Complaint(path=at, message=message, hint=hint)


def _decisions(value: Value, speaks: dict[str, str]) -> Iterator[Complaint]:
    for path, entry in items(value, "use_cases"):
        if not isinstance(entry.get("decision"), dict):
            continue
        for at, role, name in _deployments(entry, path):
            if speaks.get(str(name)) == "openai":
                message = f"use case `{entry.get('name')}` decides, and {role} `{name}` has a backend of kind openai"
                yield Complaint(path=at, message=message, hint="name a deployment whose backend is of kind onnx or oip")


def _protocols(value: Value, speaks: dict[str, str]) -> Iterator[Complaint]:
    """A fallback that speaks the protocol of no target can never answer."""
    for path, entry in items(value, "use_cases"):
        found = [(at, role, str(name)) for at, role, name in _deployments(entry, path) if str(name) in speaks]
        spoken = {speaks[name] == "openai" for _, role, name in found if role == "target"}
        for at, role, name in found:
            if role == "fallback" and spoken and (speaks[name] == "openai") not in spoken:
                message = f"fallback `{name}` has a backend of kind {speaks[name]}, which no target's requests fit"
                yield Complaint(path=at, message=message, hint="name one that speaks what the route's targets speak")


def _tenants(value: Value, known: list[str]) -> Iterator[Complaint]:
    for path, entry in items(value, "budgets"):
        yield from reference(entry.get("tenant"), (*path, "tenant"), known, what="tenant", where=_FILE)
