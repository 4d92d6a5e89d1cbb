"""A proposal at each level of load, and the month again after something has grown."""

from __future__ import annotations

from breakeven.algebra.amount import amount
from breakeven.config.study.proposal import FeatureStore, ModelGrowth
from breakeven.errors import StudyError
from breakeven.quantity import format_seconds
from breakeven.schema.comparison import LevelCost, Scenario
from breakeven.schema.noun import Figure
from breakeven.study.evaluate import Evaluated
from breakeven.study.figures import levelled
from breakeven.study.known import Known
from breakeven.study.vendor.case import OFFER, Asked, Case
from breakeven.study.vendor.cost import Loads, autoscales, cost, month, per_1000, per_use, requests
from breakeven.study.vendor.fact import keyed
from breakeven.study.vendor.latency import Speed

USEFUL = "1000 useful_prediction"


def level(asked: Asked, speed: Speed, loads: Loads, name: str, missing: tuple[str, ...]) -> LevelCost:
    """Cost, latency and worth at one level.

    Raises:
        StudyError: the workload cannot be read.
    """
    multiple = asked.workload.levels[name].multiple
    case = Case(scale=multiple, peak=loads.peak(multiple, autoscales=autoscales(asked)))
    within, latency, reason = kept(asked, speed, name, loads.swing)
    shown = {"level": name, "latency": latency, "within": within, "spread": speed.spread(name), "iqr": speed.iqr(name)}
    try:
        found = asked.evaluated(case)
    except StudyError as error:
        return _uncosted(asked, shown, name, error.message)
    useful, net = worth(asked, found, within=within, reason=reason or _lacking(missing))
    return LevelCost(
        requests=requests(found),
        cost=cost(asked, found),
        per_1000=per_1000(asked, found),
        per_1000_useful=useful,
        net=net,
        **shown,  # type: ignore[arg-type]  # gathered above, each under its own name
    )


def _uncosted(asked: Asked, shown: dict[str, object], name: str, why: str) -> LevelCost:
    """A level at which the proposal cannot serve as stated: no costs, and why."""
    currency = asked.workload.currency
    none = Figure(value=None, unit=currency, note=f"at {name}: {why}")
    count = asked.workload.levels[name].multiple
    return LevelCost(
        requests=requests(asked.demanded(count)),
        cost=none,
        per_1000=none,
        per_1000_useful=none,
        net=none,
        **(shown | {"within": False}),  # type: ignore[arg-type]  # gathered by the caller
    )


def _lacking(missing: tuple[str, ...]) -> str:
    return "; ".join(missing)


def kept(asked: Asked, speed: Speed, name: str, swing: float) -> tuple[bool | None, Figure, str]:
    """Whether the budget is kept at a level, the latency it is judged by, and why it is not."""
    over = overload(asked, speed, asked.workload.levels[name].multiple, swing, name)
    budget = asked.workload.latency
    if budget is None:
        return (None if not over else False), Figure(value=None, unit="s", note="no budget is asked for"), over
    latency = speed.end_to_end(name, budget.percentile)
    limit = budget_s(asked, speed.found)
    if over:
        return False, latency, over
    if latency.value is None:
        return None, latency, f"{latency.note}, so the budget is not known to be kept"
    if limit is not None and latency.value > limit:
        told = f"{budget.percentile} at {name} is {format_seconds(latency.value)}, the budget {budget.limit.value}"
        return False, latency, told
    return True, latency, ""


def budget_s(asked: Asked, found: Evaluated) -> float | None:
    """The latency budget in seconds; None where none is asked for.

    Raises:
        StudyError: it has no value.
    """
    budget = asked.workload.latency
    if budget is None:
        return None
    return float(found.scope.need(budget.limit, "workload", "latency", "limit").amount.scalar)


def overload(asked: Asked, speed: Speed, multiple: float, swing: float, name: str) -> str:
    """Why the busiest rate of a level does not fit what the proposal accepts or carries; empty where it does."""
    found = speed.found.scope
    limit = found.wanted(asked.proposal.chain.limit, "request/s", "chain", "limit")
    try:
        plain = asked.evaluated(Case(scale=multiple, peak=swing))
    except StudyError as error:
        return error.message
    rate = plain.demand.peak_rate
    if rate is None:
        return ""
    per_s = float(rate.amount.to(plain.scope.unit("request/s"), "the busiest rate").max())
    if limit is not None and per_s > float(limit.amount.scalar) * (1 + 1e-9):
        return f"{per_s:.4g} requests/s at {name} are more than the {limit.text} it accepts"
    carried = _carried(plain)
    if carried is not None and per_s > carried * (1 + 1e-9):
        return f"{per_s:.4g} requests/s at {name} are more than the {carried:.4g} that its capacity carries"
    return ""


def _carried(found: Evaluated) -> float | None:
    """Requests a second that a stated fleet carries; None where it follows demand or nothing is stated."""
    fleet = found.option(OFFER).context.fleet
    whole = fleet.capacity("request")
    return None if whole is None else float(whole.amount.to(found.scope.unit("request/s"), "capacity").min())


def worth(asked: Asked, found: Evaluated, *, within: bool | None, reason: str) -> tuple[Figure, Figure]:
    """Cost of 1,000 useful predictions and the net of a month; None with the reason where the budget is not kept."""
    currency = asked.workload.currency
    unit, monthly = f"{currency}/{USEFUL}", f"{currency}/month"
    useful = found.option(OFFER).context.fleet.served("useful")
    why = "the workload does not say which share is useful" if useful is None else reason
    if useful is None or why or within is False:
        return Figure(value=None, unit=unit, note=why), Figure(value=None, unit=monthly, note=why)
    month = levelled(found.option(OFFER), useful)
    count = float(month.amount.to(found.scope.unit("useful_prediction/month"), "useful").flat[0])
    whole = cost(asked, found)
    net = _net(asked, found, whole, monthly)
    if not count:
        return Figure(value=None, unit=unit, note="none of the predictions is useful (`useful: 0 %`)"), net
    facts = _with(asked, whole, useful)
    return Figure(value=(whole.value or 0.0) / count * 1000, unit=unit, basis=whole.basis, facts=facts), net


def _with(asked: Asked, whole: Figure, known: Known) -> tuple[str, ...]:
    """The facts of a cost and of something of the workload's."""
    return tuple(dict.fromkeys((*whole.facts, *(keyed(key, asked.proposal.id) for key in known.facts))))


def _net(asked: Asked, found: Evaluated, whole: Figure, unit: str) -> Figure:
    value = found.demand.flow("value")
    if value is None:
        return Figure(value=None, unit=unit, note="the workload does not say what a useful prediction is worth")
    money = levelled(found.option(OFFER), value).amount * amount(1.0, found.scope.unit("month"))
    worth = float(money.to(found.scope.unit(found.study.currency), "value").flat[0])
    return Figure(
        value=worth - (whole.value or 0.0),
        unit=unit,
        basis="assumed",
        how="value - cost",
        facts=_with(asked, whole, value),
    )


# -- growth ------------------------------------------------------------------------------------------------------------


def scenarios(asked: Asked, loads: Loads, base: Evaluated) -> tuple[Scenario, ...]:
    """The month with the model grown, with the feature store grown, and with both."""
    model, store = asked.workload.model_growth, asked.workload.feature_store
    told: list[tuple[str, str, dict[str, float], str]] = []
    larger, why = ({}, "") if model is None else _larger(asked, model, base)
    grown = {} if store is None else _grown(store)
    if model is not None:
        told.append((f"model x {model.factor:g}", _changes(larger), larger, why))
    if grown and store is not None:
        told.append((f"feature store after {store.after_years:g} years", _changes(grown), grown, ""))
    if model is not None and grown:
        told.append(("both", _changes(larger | grown), larger | grown, why))
    return tuple(_scenario(asked, loads, name, changed, factors, why) for name, changed, factors, why in told)


def _changes(factors: dict[str, float]) -> str:
    return ", ".join(f"{name} x {size:.4g}" for name, size in factors.items()) or "nothing"


def _larger(asked: Asked, model: ModelGrowth, base: Evaluated) -> tuple[dict[str, float], str]:
    factors = {"tokens": model.tokens, "energy": model.energy, "capacity": model.capacity}
    changed = {name: size for name, size in factors.items() if size != 1}
    if model.what == "tokens" or not per_use(base):
        return changed, ""
    price = asked.proposal.growth.larger_model
    if price is None:
        return changed, "the proposal does not say what a larger model costs (`growth: larger_model`)"
    return changed | {"priced": price}, ""


def _grown(store: FeatureStore) -> dict[str, float]:
    years = store.after_years
    rates = {"store": store.growth if store.size else None, "reads": store.reads_growth if store.reads else None}
    return {name: (1 + rate) ** years for name, rate in rates.items() if rate is not None}


def _scenario(asked: Asked, loads: Loads, name: str, changed: str, factors: dict[str, float], why: str) -> Scenario:
    none = Figure(value=None, unit=asked.workload.currency, note=why)
    if why:
        return Scenario(name=name, changed=changed, cost=none, per_1000=none)
    try:
        found = asked.evaluated(month(asked, loads, **factors))
        over = _short(found, asked, loads)
    except StudyError as error:
        over = error.message
    if over:
        none = Figure(value=None, unit=asked.workload.currency, note=over)
        return Scenario(name=name, changed=changed, cost=none, per_1000=none)
    return Scenario(name=name, changed=changed, cost=cost(asked, found), per_1000=per_1000(asked, found))


def _short(found: Evaluated, asked: Asked, loads: Loads) -> str:
    """Why a fleet of stated size does not carry the top level any more."""
    carried, rate = _carried(found), found.demand.peak_rate
    if carried is None or rate is None:
        return ""
    mean = float(rate.amount.to(found.scope.unit("request/s"), "the busiest rate").max())
    top = mean if not autoscales(asked) else mean * loads.top / loads.mean
    if autoscales(asked) or top <= carried * (1 + 1e-9):
        return ""
    return f"its capacity carries {carried:.4g} requests/s then, and {top:.4g} are needed"
