"""Capacity that stood by, as records: pure, from a policy and an interval of real time."""

from __future__ import annotations

from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.policy import CapacityPrice, Policy, PolicyDeployment
from breakeven.schema.record import Capacity

_HOUR_S = int(SECONDS_PER_HOUR)


def rows(policy: Policy, start_s: float, end_s: float) -> tuple[Capacity, ...]:
    """One record for each deployment with capacity and each UTC hour that `start_s`..`end_s` (Unix seconds) touches.

    An empty or negative interval has none. The id names policy, deployment and interval, so that a replay of the same
    interval gives the same id.
    """
    return tuple(
        _row(policy, deployment, deployment.capacity, start, end)
        for deployment in policy.deployments
        if deployment.capacity is not None
        for start, end in split_hours(start_s, end_s)
    )


def split_hours(start_s: float, end_s: float) -> tuple[tuple[float, float], ...]:
    """The parts of an interval that lie in one UTC hour each, in order; none when it is empty or negative."""
    parts: list[tuple[float, float]] = []
    at = start_s
    while at < end_s:
        border = (at // _HOUR_S + 1) * _HOUR_S
        parts.append((at, min(border, end_s)))
        at = border
    return tuple(parts)


def _row(
    policy: Policy, deployment: PolicyDeployment, capacity: CapacityPrice, start_s: float, end_s: float
) -> Capacity:
    return Capacity(
        id=f"{policy.id}/{deployment.name}/{round(start_s * 1e6)}-{round(end_s * 1e6)}",
        deployment=deployment.name,
        start_s=start_s,
        end_s=end_s,
        replicas=capacity.replicas,
        pico_usd_per_replica_s=capacity.pico_usd_per_replica_s,
        price_id=capacity.price_id,
        basis=capacity.basis,
        placement=deployment.placement,
        model=deployment.model,
        policy_id=policy.id,
        emulated=deployment.emulated,
        power_idle_w=capacity.power_idle_w,
    )
