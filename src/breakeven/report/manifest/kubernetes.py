"""A rule as Kubernetes objects: a KEDA ScaledObject, and a HorizontalPodAutoscaler for those without KEDA.

Both take the replicas that Prometheus recorded as wanted, one by one; KEDA keeps the floors by hour as well. Fields are
those of KEDA's ScaledObject (keda.sh/v1alpha1, 2.17) and of autoscaling/v2.
"""

from __future__ import annotations

from itertools import groupby

from breakeven.report.manifest import prometheus
from breakeven.report.manifest.yaml_text import Object, Value
from breakeven.schema.noun import Noun
from breakeven.schema.scaling import ScalingRule

SETTLE_S, UP_PERIOD_S = 0, 15
LONGEST_HOLD_S = 3600
"""What Kubernetes allows as a stabilisation window."""
MOST_EARLY_MIN = 59
"""A floor begins at most so long before its hour, or the hours of a day would overlap."""
MOST_PERCENT = 100_000
"""Up at once: far more than any fleet grows by in one period."""


class Target(Noun, frozen=True, kw_only=True):
    """What is scaled, and where Prometheus answers."""

    name: str
    namespace: str = "default"
    kind: str = "Deployment"
    api_version: str = "apps/v1"
    prometheus_url: str = "http://prometheus.monitoring.svc:9090"


def keda(rule: ScalingRule, target: Target) -> Object:
    """A ScaledObject: the replicas wanted, requests in flight, and floors by hour; the highest of them counts."""
    found = [_query(target, prometheus.recorded(prometheus.WANTED, rule), "1")]
    if rule.target_in_flight.value:
        found.append(_query(target, prometheus.in_flight(rule), f"{rule.target_in_flight.value:.6g}"))
    triggers: list[Value] = [*found, *crons(rule)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _metadata(rule, target),
        "spec": {
            "scaleTargetRef": {"apiVersion": target.api_version, "kind": target.kind, "name": target.name},
            "pollingInterval": max(1, round(rule.interval_s)),
            "cooldownPeriod": round(rule.stabilisation_s),
            "minReplicaCount": floor(rule),
            "maxReplicaCount": rule.most,
            "fallback": {"failureThreshold": 3, "replicas": _blind(rule)},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behaviour(rule)}},
            "triggers": triggers,
        },
    }


def hpa(rule: ScalingRule, target: Target) -> Object:
    """A HorizontalPodAutoscaler on an external metric that an adapter for Prometheus must serve; no floors by hour."""
    labels: Object = {"matchLabels": {"deployment": rule.deployment}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(rule, target),
        "spec": {
            "scaleTargetRef": {"apiVersion": target.api_version, "kind": target.kind, "name": target.name},
            "minReplicas": max(1, floor(rule)),
            "maxReplicas": rule.most,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": prometheus.WANTED, "selector": labels},
                        "target": {"type": "AverageValue", "averageValue": "1"},
                    },
                }
            ],
            "behavior": _behaviour(rule),
        },
    }


def _metadata(rule: ScalingRule, target: Target) -> Object:
    return {
        "name": f"{target.name}-breakeven",
        "namespace": target.namespace,
        "annotations": {"breakeven/deployment": rule.deployment, "breakeven/use-case": rule.use_case},
    }


def _behaviour(rule: ScalingRule) -> Object:
    """Up at once, down to the highest wish of the stabilisation window."""
    hold_s = min(LONGEST_HOLD_S, round(rule.stabilisation_s))
    policy: list[Value] = [{"type": "Percent", "value": MOST_PERCENT, "periodSeconds": UP_PERIOD_S}]
    down: list[Value] = [{"type": "Percent", "value": 100, "periodSeconds": UP_PERIOD_S}]
    return {
        "scaleUp": {"stabilizationWindowSeconds": SETTLE_S, "selectPolicy": "Max", "policies": policy},
        "scaleDown": {"stabilizationWindowSeconds": hold_s, "selectPolicy": "Max", "policies": down},
    }


def floor(rule: ScalingRule) -> int:
    """Replicas in every hour."""
    return min(rule.most, max(rule.least, min((hour.least for hour in rule.schedule), default=0)))


def _blind(rule: ScalingRule) -> int:
    """Replicas while Prometheus does not answer: what the busiest hour needs, else the most."""
    return max((hour.need for hour in rule.schedule), default=rule.most) or rule.most


def _query(target: Target, query: str, threshold: str) -> Object:
    return {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {"serverAddress": target.prometheus_url, "query": query, "threshold": threshold},
    }


def crons(rule: ScalingRule) -> list[Value]:
    """Floors above `least`, hours of equal floors together; UTC, as the rule's hours are. They begin a lead earlier."""
    found: list[Value] = []
    early_min = min(MOST_EARLY_MIN, -(-round(rule.cold_start_s) // 60))
    for least, run in groupby(rule.schedule, key=lambda hour: hour.least):
        hours = [hour.hour for hour in run]
        if least > floor(rule):
            start, end = _cron(rule, hours[0], -early_min), _cron(rule, hours[-1] + 1, 0)
            found.append({"type": "cron", "metadata": _times(start, end, min(least, rule.most))})
    return found


def _times(start: str, end: str, replicas: int) -> Object:
    return {"timezone": "Etc/UTC", "start": start, "end": end, "desiredReplicas": str(replicas)}


def _cron(rule: ScalingRule, hour: int, minutes: int) -> str:
    """Minute, hour and (of a weekly schedule, which begins on Monday) day of the week of an hour of the schedule."""
    span = 60 * len(rule.schedule)
    day, minute = divmod((60 * hour + minutes) % span, 24 * 60)
    of_week = "*" if rule.period == "day" else str((day + 1) % 7)
    return f"{minute % 60} {minute // 60} * * {of_week}"
