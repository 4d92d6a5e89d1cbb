"""Which budgets and quotas a request touches, and in which period of them it falls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Literal

from breakeven.errors import PolicyError
from breakeven.schema.noun import Noun
from breakeven.schema.policy import Budget, Period, Policy, Tenant

Kind = Literal["requests_rate", "tokens_rate", "requests_per_day", "money"]
"""What is counted: requests, tokens, requests, pico-USD."""
KINDS: tuple[Kind, ...] = ("requests_rate", "tokens_rate", "requests_per_day", "money")
"""The order in which a request asks: what comes back soonest first."""
MOST = 2**63 - 1
"""The largest amount that is kept, in any unit: 9,223,372 USD in pico-USD."""
MINUTE_S = 60.0
"""Tokens are granted by the minute, so that one request may have a whole one's."""
_LENGTH_S = {"hour": 3600, "day": 86400}


class Allowance(Noun, frozen=True, kw_only=True):
    """What may be used: `limit` per `period`, or `rate_per_s` with room for `burst`.

    In pico-USD for money, else in whole requests or tokens. `key` names it in files: a change of name, kind or period
    makes another allowance, a change of the limit does not.
    """

    name: str
    kind: Kind
    key: str
    tenant: str = ""
    limit: int = 0
    period: Period = "total"
    rate_per_s: float = 0.0
    burst: int = 0
    hard: bool = True
    on_exhausted: Literal["refuse", "cap", "fallback"] = "refuse"
    alert_at: tuple[float, ...] = ()

    @property
    def most(self) -> int:
        """The largest amount that one request can ever be given."""
        return self.burst if self.rate_per_s else self.limit


class Table:
    """The allowances of one policy by tenant and use case; built by `allowances`."""

    __slots__ = ("_found", "_of_tenant", "every")

    def __init__(self, scoped: list[tuple[str, str, Allowance]]) -> None:
        self.every = {one.key: one for _, _, one in scoped}
        self._found: dict[tuple[str, str], tuple[Allowance, ...]] = {}
        self._of_tenant: dict[str, list[tuple[str, Allowance]]] = {}
        for tenant, use_case, one in scoped:
            self._of_tenant.setdefault(tenant, []).append((use_case, one))

    def of(self, tenant: str, use_case: str) -> tuple[Allowance, ...]:
        """All that a request of the tenant for the use case touches, in the order of KINDS."""
        found = self._found.get((tenant, use_case))
        if found is None:
            touched = sorted(self._touched(tenant, use_case), key=lambda one: KINDS.index(one.kind))
            found = self._found[tenant, use_case] = tuple(touched)
        return found

    def _touched(self, tenant: str, use_case: str) -> Iterator[Allowance]:
        for name in dict.fromkeys((tenant, "")):
            for wanted, one in self._of_tenant.get(name, ()):
                if wanted in ("", use_case):
                    yield one


def allowances(policy: Policy) -> Table:
    """The table of a policy's budgets and quotas.

    Raises:
        PolicyError: two allowances have one name, or a limit is larger than can be counted.
    """
    scoped = [(one.tenant, one.use_case, _of_budget(one)) for one in policy.budgets]
    scoped += [(tenant.name, "", one) for tenant in policy.tenants for one in _of_quota(tenant)]
    seen: set[str] = set()
    for _, _, one in scoped:
        _check(one, seen)
    return Table(scoped)


def period_bounds(period: Period, time_s: float) -> tuple[float, float]:
    """Start and end, in Unix seconds, of the period in UTC that holds an instant; "total" never ends."""
    if period == "total":
        return 0, inf
    if period == "month":
        start = datetime.fromtimestamp(time_s, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return start.timestamp(), (start + timedelta(days=32)).replace(day=1).timestamp()
    start_s = time_s // _LENGTH_S[period] * _LENGTH_S[period]
    return start_s, start_s + _LENGTH_S[period]


def _of_budget(budget: Budget) -> Allowance:
    return Allowance(
        name=budget.name,
        kind="money",
        key=f"money/{budget.period}/{budget.name}",
        tenant=budget.tenant,
        limit=budget.limit_pico_usd,
        period=budget.period,
        hard=budget.hard,
        on_exhausted=budget.on_exhausted,
        alert_at=budget.alert_at,
    )


def _of_quota(tenant: Tenant) -> Iterator[Allowance]:
    quota = tenant.quota
    if quota.requests_per_s > 0:
        yield _rate(tenant.name, "requests_rate", quota.requests_per_s, quota.burst_s)
    if quota.tokens_per_min > 0:
        yield _rate(tenant.name, "tokens_rate", quota.tokens_per_min / 60, max(quota.burst_s, MINUTE_S))
    if quota.requests_per_day > 0:
        yield Allowance(
            name=f"{tenant.name}/requests_per_day",
            kind="requests_per_day",
            key=f"requests_per_day/day/{tenant.name}",
            tenant=tenant.name,
            limit=quota.requests_per_day,
            period="day",
        )


def _rate(tenant: str, kind: Kind, rate_per_s: float, burst_s: float) -> Allowance:
    return Allowance(
        name=f"{tenant}/{kind}",
        kind=kind,
        key=f"{kind}//{tenant}",
        tenant=tenant,
        rate_per_s=rate_per_s,
        burst=max(1, int(rate_per_s * burst_s)),
    )


def _check(one: Allowance, seen: set[str]) -> None:
    if one.key in seen:
        message = f"the policy has two allowances {one.key!r}"
        raise PolicyError(message, "rename one of the budgets or tenants")
    seen.add(one.key)
    if max(one.limit, one.burst) > MOST:
        message = f"the limit of {one.name!r} is {max(one.limit, one.burst)}, above the {MOST} that can be counted"
        raise PolicyError(message, "split it by tenant or use case, or take a shorter period")
