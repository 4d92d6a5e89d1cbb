"""One side of a comparison, from the JSON of a plan, a policy or a statement: as kept, or as `--json` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from breakeven.audit.difference.plain import leaves, text
from breakeven.errors import UsageError
from breakeven.schema.difference import COST, SideKind, WhyKind
from breakeven.schema.noun import Noun

Plain = Mapping[str, Any]
_WAY_OUT = "give what `breakeven plan --json`, `check --json` or `report --json` printed, or the id of a plan"


class OptionSeen(Noun, frozen=True, kw_only=True):
    """An option in its order, or a use case of a statement."""

    name: str
    usd: float | None
    binding: str = ""


class Side(Noun, frozen=True, kw_only=True):
    """What a comparison looks at. `figures` are (name, unit, value); `rests_on` are texts by kind and key."""

    kind: SideKind
    id: str
    chosen: str = ""
    figures: tuple[tuple[str, str, float | None], ...] = ()
    options: tuple[OptionSeen, ...] = ()
    rests_on: dict[tuple[WhyKind, str], str] = {}


def side_of(plain: Plain, name: str) -> Side:
    """The side that a JSON object is.

    Raises:
        UsageError: it is neither a plan, nor a compiled policy, nor a statement.
    """
    for fields, read in KINDS.items():
        if all(field in plain for field in fields):
            return _read(read, plain, name)
    message = f"{name} is no plan, compiled policy or statement: it has {', '.join(sorted(plain)[:6]) or 'nothing'}"
    raise UsageError(message, _WAY_OUT)


def _read(read: Callable[[Plain, str], Side], plain: Plain, name: str) -> Side:
    try:
        return read(plain, name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        told = f"has no {error}" if isinstance(error, KeyError) else f"cannot be read: {error}"
        message = f"{name} has the fields of what is compared, and within them {told}"
        raise UsageError(message, _WAY_OUT) from error


def _plan(plain: Plain, name: str) -> Side:
    chosen = plain["chosen"]["name"] if isinstance(plain["chosen"], Mapping) else str(plain["chosen"])
    options = {one["name"]: one for one in plain["options"]}
    best: Plain = options.get(chosen, {})
    figures = ((COST, "USD", best.get(COST)), ("monthly_cost_usd", "USD", best.get("monthly_cost_usd")))
    return Side(
        kind="plan",
        id=str(plain.get("id") or name),
        chosen=chosen,
        figures=figures,
        options=tuple(
            OptionSeen(name=one["name"], usd=one[COST], binding=one.get("binding") or "") for one in plain["options"]
        ),
        rests_on=dict(_rests_on(plain)),
    )


def _rests_on(plain: Plain) -> Iterator[tuple[tuple[WhyKind, str], str]]:
    for fact in plain.get("facts", ()):
        yield ("fact", fact["key"]), _fact(fact)
    for kind in ("workload", "objective"):
        stated = {key: value for key, value in plain[kind].items() if key not in {"evidence", "source"}}
        for key, value in leaves(stated).items():
            yield (kind, key), value
    for sentence in plain.get("assumptions", ()):
        yield ("assumption", sentence), "assumed"
    for key in ("as_of", "seed"):
        yield ("input", key), text(plain.get(key))


def _fact(fact: Plain) -> str:
    value = "unknown" if fact["value"] is None else f"{fact['value']:g} {fact['unit']}".rstrip()
    low, high = fact.get("low"), fact.get("high")
    bounds = "" if low is None or high is None or low == high else f" ({low:g} to {high:g})"
    return f"{value}{bounds}, {fact['as_of']}"


def _policy(plain: Plain, name: str) -> Side:
    stated = {key: value for key, value in plain.items() if key not in {"id", "source", "version"}}
    return Side(
        kind="policy",
        id=str(plain.get("id") or name),
        rests_on={("setting", key): value for key, value in leaves(stated).items()},
    )


def _statement(plain: Plain, name: str) -> Side:
    total = plain["total"]
    figures = (
        (COST, "USD", plain[COST]),
        ("cost_total_usd", "USD", plain["cost_total_usd"]),
        ("predictions", "count", float(plain["predictions"])),
        ("useful_share", "share", _share(total["useful_predictions"], total["predictions"])),
        ("idle_share", "share", _share(total["idle_cost_usd"], total["cost_usd"])),
    )
    cases = sorted(plain["use_cases"], key=lambda one: (one[COST] is None, one[COST] or 0.0, one["name"]))
    return Side(
        kind="statement",
        id=name,
        figures=figures,
        options=tuple(OptionSeen(name=one["name"], usd=one[COST]) for one in cases),
        rests_on={("measured", key): value for one in cases for key, value in _measured(one)},
    )


def _measured(case: Plain) -> Iterator[tuple[str, str]]:
    n = case["predictions"]
    shares = {"in budget": "in_budget", "useful": "useful_predictions", "unpriced": "unpriced_predictions"}
    yield f"{case['name']}: predictions", f"{n:,}"
    for label, field in shares.items():
        share = _share(case[field], n)
        yield f"{case['name']}: {label}", "not measurable" if share is None else f"{share:.2%}"
    for kind in ("input", "output"):
        yield f"{case['name']}: {kind} tokens per prediction", f"{(_share(case[f'{kind}_tokens'], n) or 0.0):.5g}"


def _share(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else part / whole


KINDS: Mapping[tuple[str, ...], Callable[[Plain, str], Side]] = {
    ("options", "chosen", "workload", "objective"): _plan,
    ("deployments", "backends", "use_cases"): _policy,
    ("use_cases", "cost_total_usd", "total", COST): _statement,
}
"""How each kind is told, and read."""
