"""What one FOCUS row is about: the cells of a day, deployment, model, use case, tenant and policy, with their shares.

A statement's cells do not name the policy, but within one policy a deployment has one price entry. So the engine is
asked once for each policy, and what capacity cost is shared out over all those cells at once, as the statement does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from breakeven.ledger import measured
from breakeven.ledger.allot import Balance, Share, allot, balance
from breakeven.ledger.engine.port import BASES, Cell, Engine, Query, Standby
from breakeven.ledger.figures import USEFUL
from breakeven.ledger.statement import measures
from breakeven.schema.noun import Basis, Noun
from breakeven.schema.policy import UseCase


class Key(Noun, frozen=True, kw_only=True, order=True):
    """What the rows of a group share; `policy_id` "" is no policy known."""

    day: int
    deployment: str
    model: str
    use_case: str
    tenant: str
    policy_id: str


class Group(Noun, frozen=True, kw_only=True):
    """The shares of one key."""

    key: Key
    shares: tuple[Share, ...]

    @property
    def direct_pico_usd(self) -> int:
        """What was charged per request."""
        return sum(one.cell.cost_pico_usd - one.cell.work_pico_usd for one in self.shares)

    @property
    def work_pico_usd(self) -> int:
        """The share of capacity, by work."""
        return self.count("work_pico_usd")

    @property
    def idle_pico_usd(self) -> int:
        """The idle that follows the work."""
        return sum(one.idle_pico_usd for one in self.shares)

    @property
    def over_pico_usd(self) -> int:
        """The part of over-attribution, never positive."""
        return sum(one.over_pico_usd for one in self.shares)

    @property
    def measured_pico_usd(self) -> int:
        """What telemetry measured of the work beyond what was derived, of either sign."""
        return sum(one.measured_pico_usd for one in self.shares)

    def count(self, name: str) -> int:
        """The sum of a count over the cells."""
        return sum(getattr(one.cell, name) for one in self.shares)

    @property
    def priced(self) -> bool:
        """Whether anything in it has a price, or nothing needs one."""
        return self.count("predictions") == 0 or self.count("unpriced") < self.count("predictions")

    @property
    def useful(self) -> int | None:
        """Useful predictions; None where no cell is measurable."""
        measured = [one.cell for one in self.shares if one.cell.measurable]
        return sum(cell.predictions for cell in measured if cell.fate in USEFUL) if measured else None

    @property
    def basis(self) -> Basis:
        """The weakest basis of the cost."""
        return BASES[max(max(one.cell.basis, one.idle_basis) for one in self.shares)]


class Account(Noun, frozen=True, kw_only=True):
    """Everything of a period: groups in order, the balance they sum to, and what stood by."""

    groups: tuple[Group, ...]
    balance: Balance
    standby: tuple[Standby, ...]


def account(
    engine: Engine, use_cases: Mapping[str, UseCase], start_s: float | None = None, end_s: float | None = None
) -> Account:
    """The groups of a period; their costs sum to the total of the statement of the same period."""
    query = Query(measures=measures(use_cases), start_s=start_s, end_s=end_s)
    placed = _cells(engine, query)
    cells, standby = [cell for _, cell in placed], engine.standby(query)
    found_measured = measured.of(engine.loads(query), standby)
    shares = allot(cells, standby, found_measured)
    # `allot` gives the cells back in their order, and nobody's idle after them.
    policies = [policy for policy, _ in placed] + [""] * (len(shares) - len(placed))
    found: dict[Key, list[Share]] = defaultdict(list)
    for policy, share in zip(policies, shares, strict=True):
        found[_key(policy, share.cell)].append(share)
    groups = tuple(Group(key=key, shares=tuple(found[key])) for key in sorted(found))
    return Account(groups=groups, balance=balance(cells, standby, found_measured), standby=standby)


def _cells(engine: Engine, query: Query) -> Sequence[tuple[str, Cell]]:
    policies = ("", *engine.audit(query).policies)
    asked = ((one, msgspec.structs.replace(query, policy_id=one)) for one in policies)
    return [(policy, cell) for policy, question in asked for cell in engine.cells(question)]


def _key(policy_id: str, cell: Cell) -> Key:
    return Key(
        day=cell.day,
        deployment=cell.deployment,
        model=cell.model,
        use_case=cell.use_case,
        tenant=cell.tenant,
        policy_id=policy_id,
    )
