"""Quantity and unit price of a cost, from what is known: the policy's price of a replica-second, else the up-time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from breakeven.ledger.engine.port import NANO, Standby
from breakeven.ledger.export.group import Group, Key
from breakeven.schema.focus import EXACT
from breakeven.schema.focus_row import Price, quotient
from breakeven.schema.noun import Placement
from breakeven.schema.policy import Policy, PolicyDeployment

TOKENS, REPLICA_SECONDS, SECONDS, PREDICTIONS = "Tokens", "Replica-Seconds", "Seconds", "Predictions"
_PICO = Decimal("1e-12")
_Value = TypeVar("_Value")


def usd(pico_usd: int) -> Decimal:
    """Pico-dollars as dollars, exactly."""
    return EXACT.multiply(Decimal(pico_usd), _PICO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is known about prices: deployments by policy, and what an up-second of each deployment cost on average."""

    deployments: Mapping[tuple[str, str], PolicyDeployment]
    up_second_usd: Mapping[str, Decimal]

    def known(self, key: Key) -> tuple[PolicyDeployment, ...]:
        """The deployment under the key's policy; for idle of no policy, under every policy that has it."""
        if key.policy_id:
            found = self.deployments.get((key.policy_id, key.deployment))
            return (found,) if found is not None else ()
        return tuple(one for (_, name), one in self.deployments.items() if name == key.deployment)

    def placement(self, key: Key) -> Placement:
        """Where the deployment runs; unknown where policies disagree."""
        return _agreed((one.placement for one in self.known(key)), "unknown")

    def backend(self, key: Key) -> str:
        """The backend that serves it; "" where it is not known."""
        return _agreed((one.backend for one in self.known(key)), "")

    def price_id(self, key: Key, *, direct: bool) -> str:
        """The catalog entry of the token price, or of the capacity's; "" where it is not known."""
        prices = (one.tokens if direct else one.capacity for one in self.known(key))
        return _agreed(("" if price is None else price.price_id for price in prices), "")

    def capacity(self, group: Group, pico_usd: int, *, used: bool) -> Price:
        """A share of capacity: replica-seconds at the policy's price, else seconds of the deployment being up.

        Work on capacity that nothing is known of is counted by its predictions. Idle capacity is priced, not consumed.
        """
        cost, consumed = usd(pico_usd), None if used else Decimal(0)
        priced = (one.capacity for one in self.known(group.key))
        rate = _agreed((0 if one is None else one.pico_usd_per_replica_s for one in priced), 0)
        for unit, price in ((REPLICA_SECONDS, usd(rate)), (SECONDS, self.up_second_usd.get(group.key.deployment))):
            if price:
                quantity = quotient(cost, price)
                return Price(unit=unit, quantity=quantity, unit_price=price, consumed=consumed)
        return _by_prediction(group, cost, consumed)


def _agreed(found: Iterable[_Value], otherwise: _Value) -> _Value:
    """The one value that all give, `otherwise` where none or several are given."""
    values = set(found)
    return values.pop() if len(values) == 1 else otherwise


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
