"""The statement: what a period cost and what it was good for, from an engine's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from breakeven.ledger import allot, layout
from breakeven.ledger.allot import Balance, Share
from breakeven.ledger.cut import Context, context, cut
from breakeven.ledger.engine.port import DIMENSIONS, Audit, Cell, Engine, Measure, Query
from breakeven.ledger.fold import Folder
from breakeven.schema.policy import UseCase
from breakeven.schema.statement import Cut, Statement


def measures(use_cases: Mapping[str, UseCase]) -> tuple[Measure, ...]:
    """How each use case tells that a prediction was used."""
    return tuple(
        Measure(use_case=name, used_when=one.used_when, window_s=one.window_s)
        for name, one in sorted(use_cases.items())
    )


def build(
    engine: Engine,
    use_cases: Mapping[str, UseCase],
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    policy_id: str | None = None,
    use_case: str | None = None,
    grid_gco2_per_kwh: Mapping[str, float] | None = None,
) -> Statement:
    """Everything the report prints about `start_s` <= time < `end_s` (Unix seconds), under one policy or all.

    One use case alone has its own charges and the share of capacity that follows its work, idle included; events and
    losses are everybody's. A use case that `use_cases` does not know is not measurable downstream. Money is integer
    pico-USD.
    """
    query = Query(measures=measures(use_cases), start_s=start_s, end_s=end_s, policy_id=policy_id)
    money, shares, sound = _account(engine, query)
    if use_case is not None:
        query = msgspec.structs.replace(query, use_case=use_case)
        shares = tuple(one for one in shares if one.cell.use_case == use_case)
        money = allot.part(shares)
    around = context(engine.spreads(query), grid_gco2_per_kwh or {})
    audit, cells = engine.audit(query), [one.cell for one in shares if one.cell.predictions]
    folder = Folder(shares)
    total = cut("total", "", folder.by("").get("", []), around)
    cuts = tuple(one for dimension in DIMENSIONS for one in _cuts(dimension, folder, around))
    return Statement(
        start_s=_first(start_s, cells),
        end_s=_last(end_s, cells),
        predictions=total.predictions,
        useful_predictions=total.useful,
        cost_total_pico_usd=money.total_pico_usd,
        capacity_pico_usd=money.capacity_pico_usd,
        direct_pico_usd=money.direct_pico_usd,
        idle_pico_usd=money.idle_pico_usd,
        over_attributed_pico_usd=money.over_pico_usd,
        cost_per_useful_prediction_usd=total.cost_per_useful_prediction_usd,
        total=total,
        cuts=cuts,
        waterfall=total.waterfall,
        conserved=sound and conserved(money, total, cuts),
        events=_events(audit),
        lost=audit.lost,
        warnings=(*engine.warnings, *_warnings(total, money, audit)),
        policies=audit.policies,
    )


def _account(engine: Engine, query: Query) -> tuple[Balance, tuple[Share, ...], bool]:
    """Everybody's money, shared out, and whether nothing was lost in sharing."""
    cells, standby = engine.cells(query), engine.standby(query)
    money, shares = allot.balance(cells, standby), allot.allot(cells, standby)
    return money, shares, sum(one.cost_pico_usd for one in shares) == money.total_pico_usd


def _cuts(dimension: str, folder: Folder, around: Context) -> list[Cut]:
    groups = folder.by(dimension)
    if dimension == "day":
        groups = {layout.date(day): shares for day, shares in groups.items()}
    return [cut(dimension, key, groups[key], around) for key in sorted(groups)]


def conserved(money: Balance, total: Cut, cuts: Sequence[Cut]) -> bool:
    """Whether every breakdown and every waterfall sums to its total (invariant 2)."""
    parts = money.work_pico_usd + money.idle_pico_usd + money.over_pico_usd
    sound = parts == money.capacity_pico_usd and total.cost_pico_usd == money.total_pico_usd
    for dimension in DIMENSIONS:
        group = [one for one in cuts if one.dimension == dimension]
        sound = sound and all(
            sum(getattr(one, name) for one in group) == getattr(total, name)
            for name in ("cost_pico_usd", "idle_pico_usd", "served_cost_pico_usd", "predictions", "unpriced")
        )
    return sound and all(_adds_up(one) for one in (total, *cuts))


def _adds_up(one: Cut) -> bool:
    steps = sum(step.cost_pico_usd for step in one.waterfall)
    return one.cost_pico_usd == one.served_cost_pico_usd + one.idle_pico_usd and (
        not one.waterfall or steps == one.cost_pico_usd
    )


def _first(start_s: float | None, cells: Sequence[Cell]) -> float | None:
    return start_s if start_s is not None else min((cell.first_s for cell in cells), default=None)


def _last(end_s: float | None, cells: Sequence[Cell]) -> float | None:
    return end_s if end_s is not None else max((cell.last_s for cell in cells), default=None)


def _events(audit: Audit) -> dict[str, int]:
    asides = {"unattributed": audit.unattributed, "consent denied": audit.denied}
    return dict(audit.kinds) | {name: count for name, count in asides.items() if count}


def _warnings(total: Cut, money: Balance, audit: Audit) -> list[str]:
    n = total.predictions
    said = {
        f"{total.emulated} of {n} predictions were answered by the emulator": total.emulated,
        f"{total.unpriced} of {n} predictions are unpriced: the total cost is a lower bound": total.unpriced,
        "work exceeded capacity in some hours: the work coefficients need calibration": money.over_pico_usd,
        f"{audit.lost} records are missing from their node's sequence": audit.lost,
        f"{audit.foreign} outcomes carry money that is not in USD; it is not in the revenue": audit.foreign,
        f"{audit.unattributed} outcomes found no prediction": audit.unattributed,
    }
    return [text for text, count in said.items() if count]
