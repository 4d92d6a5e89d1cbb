"""The ledger as FOCUS 1.2 rows: a day's charges, work, idle and over-attribution, so that no dollar is lost.

Each group (`group.Key`) has a row for what was charged per request, one for the share of capacity by work, one for the
idle that follows it, and one where work exceeded capacity. Their EffectiveCost sums to the statement's total, exactly.
Counts, tokens, energy and carbon stand on a group's first row only, so that they sum too. A group of which nothing is
priced is left out and counted in a remark: FOCUS wants a number, and 0 would be a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from breakeven.errors import LedgerError
from breakeven.ledger import layout
from breakeven.ledger.engine.port import ATTO_KWH, Engine
from breakeven.ledger.export.group import Group, Key, account
from breakeven.ledger.export.price import Book, book, charge, usd
from breakeven.schema.focus import EXACT, NAMES, Cell, Row, Table, total
from breakeven.schema.focus_csv import Sheet
from breakeven.schema.focus_row import Charge, Parties, Price, Seller, day_start, quotient, row
from breakeven.schema.policy import Policy, UseCase

CostKind = Literal["charge", "work", "idle", "over_attributed", "measured_work"]
WORDS: dict[CostKind, str] = {
    "charge": "Predictions charged per request",
    "work": "Work on capacity",
    "idle": "Capacity that stood idle",
    "over_attributed": "Work estimated beyond capacity, taken back",
    "measured_work": "Work measured beyond what was derived for the requests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who is who in the rows, and what is known about prices."""

    parties: Parties
    book: Book


def usage(
    engine: Engine,
    use_cases: Mapping[str, UseCase],
    *,
    policies: Iterable[Policy] = (),
    parties: Parties | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Sheet:
    """Usage rows of `start_s` <= time < `end_s` (Unix seconds), in USD, and what must be said about them.

    `policies` are those that were in force: without one, its rows have no price entry, and their quantities are seconds
    of up-time.

    Raises:
        LedgerError: the rows would not sum to the statement's total.
    """
    found = account(engine, use_cases, start_s, end_s)
    terms = Terms(parties=parties or Parties(), book=book(policies, found.standby))
    groups = [one for one in found.groups if one.priced]
    table = Table(columns=NAMES, rows=tuple(line for one in groups for line in _lines(one, terms)))
    if total(table.rows) != usd(found.balance.total_pico_usd):
        message = f"FOCUS rows sum to {total(table.rows)} USD, the statement to {usd(found.balance.total_pico_usd)}"
        raise LedgerError(message, "report this with the ledger's version: no file was made")
    return Sheet(table=table, remarks=(*engine.warnings, *_remarks(found.groups, terms)))


def _lines(group: Group, terms: Terms) -> Iterator[Row]:
    amounts: dict[CostKind, int] = {
        "charge": group.direct_pico_usd,
        "work": group.work_pico_usd,
        "idle": group.idle_pico_usd,
        "over_attributed": group.over_pico_usd,
        "measured_work": group.measured_pico_usd,
    }
    kinds = [kind for kind, amount in amounts.items() if amount] or [_free(group.key, terms)]
    for at, kind in enumerate(kinds):
        about = _about(group, kind, terms) | (_counts(group, terms) if at == 0 else {})
        tags = {"tenant": group.key.tenant, "use_case": group.key.use_case}
        line = _charge(group, kind, amounts[kind], terms)
        yield row(terms.parties.account, _seller(group.key, terms), line, about, tags)


def _free(key: Key, terms: Terms) -> CostKind:
    """What a group that cost nothing is a row of."""
    return "work" if terms.book.price_id(key, direct=False) else "charge"


def _charge(group: Group, kind: CostKind, pico_usd: int, terms: Terms) -> Charge:
    key, direct = group.key, kind == "charge"
    start = day_start(key.day)
    rented = direct or _rented(key, terms)
    cost, prices = usd(pico_usd), terms.book
    return Charge(
        description=f"{WORDS[kind]}: {key.use_case or 'no use case'} on {key.deployment or 'the gateway itself'}",
        start=start,
        end=start + timedelta(days=1),
        effective=cost,
        billed=cost if rented else Decimal(0),
        price=_price(group, kind, pico_usd, prices),
        service=_service(key, direct=direct),
        sku_price=prices.price_id(key, direct=direct) or key.deployment or "gateway",
        frequency="Usage-Based" if kind in {"charge", "work"} else "Recurring",
        pricing="Standard" if rented else "Other",
        resource=key.deployment,
    )


def _price(group: Group, kind: CostKind, pico_usd: int, prices: Book) -> Price:
    return charge(group) if kind == "charge" else prices.capacity(group, pico_usd, used=kind == "work")


def _service(key: Key, *, direct: bool) -> str:
    if not key.deployment:
        return "Gateway"
    return "Inference API" if direct else "Inference capacity"


def _rented(key: Key, terms: Terms) -> bool:
    seller = terms.parties.sellers.get(key.deployment)
    stated = None if seller is None else seller.rented
    return terms.book.placement(key) == "cloud" if stated is None else stated


def _seller(key: Key, terms: Terms) -> Seller:
    if key.deployment in terms.parties.sellers:
        return terms.parties.sellers[key.deployment]
    backend = terms.book.backend(key) if terms.book.placement(key) == "api" else ""
    return Seller(provider=backend or terms.parties.account.owner)


def _about(group: Group, kind: CostKind, terms: Terms) -> dict[str, Cell]:
    key = group.key
    return {
        "x_cost_kind": kind,
        "x_use_case": key.use_case,
        "x_tenant": key.tenant,
        "x_model": key.model,
        "x_option": key.deployment,
        "x_placement": terms.book.placement(key),
        "x_policy_id": key.policy_id,
        "x_basis": group.basis,
    }


def _counts(group: Group, terms: Terms) -> dict[str, Cell]:
    atto_kwh = group.count("energy_atto_kwh") if group.count("energy_rows") else None
    kwh = None if atto_kwh is None else quotient(Decimal(atto_kwh), Decimal(ATTO_KWH))
    grid = terms.parties.grid_gco2_per_kwh.get(group.key.deployment)
    return {
        "x_predictions": Decimal(group.count("predictions")),
        "x_useful_predictions": None if group.useful is None else Decimal(group.useful),
        "x_unpriced_predictions": Decimal(group.count("unpriced")),
        "x_emulated_predictions": Decimal(group.count("emulated")),
        "x_tokens_input": Decimal(group.count("input_tokens")),
        "x_tokens_output": Decimal(group.count("output_tokens")),
        "x_kwh": kwh,
        "x_gco2": None if kwh is None or grid is None else EXACT.multiply(kwh, Decimal(str(grid))),
    }


def _remarks(groups: Sequence[Group], terms: Terms) -> list[str]:
    left = [one for one in groups if not one.priced]
    kept = [one for one in groups if one.priced]
    return [text for text, count in _said(left, kept, terms).items() if count]


def _said(left: Sequence[Group], kept: Sequence[Group], terms: Terms) -> dict[str, int]:
    out, inside = _sum(left, "predictions"), _sum(kept, "unpriced")
    where = ", ".join(sorted({f"{one.key.deployment or '-'} on {layout.date(one.key.day)}" for one in left})[:3])
    unknown = sorted({one.key.policy_id or "none" for one in kept if _priceless(one.key, terms)})
    partial = [one for one in kept if 0 < one.count("energy_rows") < one.count("predictions")]
    emulated = _sum(kept, "emulated")
    return {
        f"{out} predictions of {len(left)} groups are unpriced and left out ({where}): the file is a lower bound": out,
        f"{inside} unpriced predictions stand in x_predictions beside priced ones, without cost: see "
        "x_unpriced_predictions": inside,
        f"no price entry is known under policy {', '.join(unknown)}: SkuPriceId repeats SkuId there, and capacity "
        "is counted by up-time": len(unknown),
        f"x_kwh of {len(partial)} rows covers the predictions whose energy is known, not all of them": len(partial),
        f"{emulated} predictions were answered by the emulator: their cost is a model's": emulated,
    }


def _sum(groups: Iterable[Group], name: str) -> int:
    return sum(one.count(name) for one in groups)


def _priceless(key: Key, terms: Terms) -> bool:
    return bool(key.deployment) and not terms.book.known(key)
