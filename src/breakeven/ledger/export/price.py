"""Quantity and unit price of a cost, from what is known: the policy's price of a replica-second, else the up-time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from breakeven.ledger.engine.port import NANO, Standby
from breakeven.ledger.export.group import Group, Key
from breakeven.schema.focus import EXACT
from breakeven.schema.focus_row import Price, quotient
from breakeven.schema.noun import Placement
from breakeven.schema.policy import Policy, PolicyDeployment

TOKENS, REPLICA_SECONDS, SECONDS, PREDICTIONS = "Tokens", "Replica-Seconds", "Seconds", "Predictions"
_PICO = Decimal("1e-12")


def usd(pico_usd: int) -> Decimal:
    """Pico-dollars as dollars, exactly."""
    return EXACT.multiply(Decimal(pico_usd), _PICO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is known about prices: deployments by policy, and what an up-second of each deployment cost on average."""

    deployments: Mapping[tuple[str, str], PolicyDeployment]
    up_second_usd: Mapping[str, Decimal]

    def deployment(self, key: Key) -> PolicyDeployment | None:
        """The deployment under the key's policy; for idle of no policy, what all policies that know it agree on."""
        if key.policy_id:
            return self.deployments.get((key.policy_id, key.deployment))
        found = [one for (_, name), one in self.deployments.items() if name == key.deployment]
        return found[0] if found and all(one == found[0] for one in found) else None

    def placement(self, key: Key) -> Placement:
        """Where the deployment runs."""
        known = self.deployment(key)
        return known.placement if known is not None else "unknown"

    def price_id(self, key: Key, *, direct: bool) -> str:
        """The catalog entry of the token price, or of the capacity's; "" where it is not known."""
        known = self.deployment(key)
        price = None if known is None else known.tokens if direct else known.capacity
        return "" if price is None else price.price_id

    def capacity(self, group: Group, pico_usd: int, *, used: bool) -> Price:
        """A share of capacity: replica-seconds at the policy's price, else seconds of the deployment being up.

        Work on capacity that nothing is known of is counted by its predictions. Idle capacity is priced, not consumed.
        """
        cost, consumed = usd(pico_usd), None if used else Decimal(0)
        known = self.deployment(group.key)
        rate = known.capacity.pico_usd_per_replica_s if known is not None and known.capacity is not None else 0
        for unit, price in ((REPLICA_SECONDS, usd(rate)), (SECONDS, self.up_second_usd.get(group.key.deployment))):
            if price:
                quantity = quotient(cost, price)
                return Price(unit=unit, quantity=quantity, unit_price=price, consumed=consumed)
        return _by_prediction(group, cost, consumed)


def book(policies: Iterable[Policy], standby: Sequence[Standby]) -> Book:
    """What policies and capacity records say about prices."""
    deployments = {(policy.id, one.name): one for policy in policies for one in policy.deployments}
    names = sorted({one.deployment for one in standby})
    return Book(deployments=deployments, up_second_usd={name: _up_second(name, standby) for name in names})


def _up_second(name: str, standby: Sequence[Standby]) -> Decimal:
    mine = [one for one in standby if one.deployment == name]
    up = quotient(Decimal(sum(one.up_ns for one in mine)), Decimal(NANO))
    return quotient(usd(sum(one.cost_pico_usd for one in mine)), up)


def charge(group: Group) -> Price:
    """What was charged per request: the tokens served at their blended price, else the predictions."""
    cost = usd(group.direct_pico_usd)
    tokens = Decimal(group.count("input_tokens") + group.count("output_tokens"))
    if not tokens:
        return _by_prediction(group, cost, None)
    return Price(unit=TOKENS, quantity=tokens, unit_price=quotient(cost, tokens))


def _by_prediction(group: Group, cost: Decimal, consumed: Decimal | None) -> Price:
    n = Decimal(group.count("predictions"))
    sign = -1 if cost < 0 else 1
    return Price(unit=PREDICTIONS, quantity=n * sign, unit_price=quotient(abs(cost), n), consumed=consumed)
