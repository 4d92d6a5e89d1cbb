"""What must hold of a learned route within `policy.yaml`; its weights are looked at when it is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from breakeven.config.problem import Complaint, Path
from breakeven.config.rule import mapping, reference
from breakeven.config.tree import Value, items

LEARNED = "learned"


def router_rules(value: Value) -> Iterator[Complaint]:
    """A learned route has a router and no other has; its file lies beside the policy; its sides are its targets."""
    for path, entry in items(value, "use_cases"):
        route = mapping(entry, "route")
        at = (*path, "route")
        if route.get("strategy") == LEARNED and "router" not in route:
            message = f"the route of use case `{entry.get('name')}` is learned, and has no `router`"
            yield Complaint(path=(*at, "strategy"), message=message, hint="add `router: {weights: router.json}`")
        elif "router" in route and route.get("strategy") != LEARNED:
            message = f"the strategy is `{route.get('strategy') or 'weighted'}`, which obeys no `router`"
            hint = f"say `strategy: {LEARNED}`, or remove it"
            yield Complaint(path=(*at, "router"), message=message, hint=hint, on_key=True)
        yield from _router(route, (*at, "router"))


def _router(route: dict[str, Value], at: Path) -> Iterator[Complaint]:
    router = mapping(route, "router")
    if router.get("threshold") is not None and router.get("strong_share") is not None:
        message = "`threshold` and `strong_share` both say what goes to strong targets"
        yield Complaint(path=(*at, "strong_share"), message=message, hint="keep one of them", on_key=True)
    file = router.get("weights")
    if isinstance(file, str) and not _beside(file):
        message = f"`weights` is `{file}`, which is not beside the policy"
        yield Complaint(path=(*at, "weights"), message=message, hint="name it by its path from here, without `..`")
    yield from _sides(route, router, at)


def _beside(file: str) -> bool:
    return not PurePosixPath(file).is_absolute() and not PureWindowsPath(file).drive and ".." not in file.split("/")


def _sides(route: dict[str, Value], router: dict[str, Value], at: Path) -> Iterator[Complaint]:
    targets = {str(target.get("deployment")) for _, target in items(route, "targets")}
    strong = router.get("strong")
    for side in ("strong", "weak"):
        named = router.get(side)
        for position, name in enumerate(named if isinstance(named, tuple) else ()):
            place = (*at, side, position)
            yield from reference(name, place, targets, what="target", where="the route")
            if side == "weak" and isinstance(strong, tuple) and name in strong:
                yield Complaint(path=place, message=f"`{name}` is strong and weak", hint="name it once")
