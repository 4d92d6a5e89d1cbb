"""Manifests: YAML, the fields that their readers require, and PromQL about metrics that a gateway exposes."""

from __future__ import annotations

import math
import re
from io import StringIO

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from breakeven.assembly.scaling import manifests
from breakeven.gateway.metric_names import NAMED
from breakeven.planner.scaling.ahead import features, fit_ahead, quantile_rps
from breakeven.report.manifest import kubernetes, prometheus
from breakeven.report.manifest.yaml_text import text
from breakeven.schema.noun import Figure
from breakeven.schema.scaling import Ahead, Hour, ScalingRule

TARGET = kubernetes.Target(name="own", namespace="models")
HOURS = tuple(Hour(hour=hour, least=2 if 8 <= hour < 18 else 1, need=4) for hour in range(24))
FITTED = Ahead(step_s=300.0, lead_s=360.0, constant=-0.1, now=0.6, recent=0.3, day=0.1, headroom=1.5, spread=0.1, n=500)
JSON = st.recursive(
    st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=12,
)


def figure(value: float | None, unit: str = "") -> Figure:
    return Figure(value=value, unit=unit, basis="derived")


def rule(**more: object) -> ScalingRule:
    plain = ScalingRule(
        use_case='the "chat"',
        deployment="own",
        goodput_rps=figure(3.5),
        quantile=figure(0.95),
        idle_usd_per_hour=figure(2.0),
        miss_usd_per_hour=figure(38.0),
        target_in_flight=figure(12.0),
        lead_s=figure(360.0),
        ahead=FITTED,
        cold_start_s=300.0,
        interval_s=60.0,
        stabilisation_s=300.0,
        least=1,
        most=9,
        schedule=HOURS,
    )
    return msgspec.structs.replace(plain, **more)


def read(written: str) -> dict:
    return YAML(typ="safe").load(StringIO(written))


@given(st.dictionaries(st.text(min_size=1), JSON, max_size=4))
def test_what_is_written_is_read_back(value: dict) -> None:
    """Any plain value, through a YAML reader that is not ours: the same value."""
    found = YAML(typ="safe", pure=True).load(StringIO(text(value, "a comment")))
    assert (found or {}) == value


REQUIRED = {
    "ScaledObject": {
        "apiVersion": "keda.sh/v1alpha1",
        "metadata": {"name": str, "namespace": str},
        "spec": {
            "scaleTargetRef": {"apiVersion": str, "kind": str, "name": str},
            "pollingInterval": int,
            "cooldownPeriod": int,
            "minReplicaCount": int,
            "maxReplicaCount": int,
            "fallback": {"failureThreshold": int, "replicas": int},
            "triggers": list,
        },
    },
    "HorizontalPodAutoscaler": {
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": str, "namespace": str},
        "spec": {
            "scaleTargetRef": {"apiVersion": str, "kind": str, "name": str},
            "minReplicas": int,
            "maxReplicas": int,
            "metrics": list,
            "behavior": dict,
        },
    },
}
"""Fields of KEDA's ScaledObject specification and of Kubernetes' API reference, with their types."""
TRIGGERS = {
    "prometheus": {"serverAddress": str, "query": str, "threshold": str},
    "cron": {"timezone": str, "start": str, "end": str, "desiredReplicas": str},
}
SPEC_KEYS = {
    "ScaledObject": {
        "scaleTargetRef", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount",
        "minReplicaCount", "maxReplicaCount", "fallback", "advanced", "triggers",
    },
    "HorizontalPodAutoscaler": {"scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"},
}  # fmt: skip


def fits(found: object, wanted: object, where: str) -> None:
    if isinstance(wanted, dict):
        for key, inner in wanted.items():
            assert key in found, f"{where}.{key} is missing"
            fits(found[key], inner, f"{where}.{key}")
    elif isinstance(wanted, type):
        assert type(found) is wanted, f"{where} is {found!r}"
    else:
        assert found == wanted, where


@pytest.mark.parametrize("file", ["keda.yaml", "hpa.yaml"])
@pytest.mark.parametrize("more", [{}, {"schedule": ()}, {"least": 0, "target_in_flight": figure(None)}])
def test_kubernetes_objects_have_the_fields_their_readers_require(file: str, more: dict) -> None:
    """No field is missing, none is unknown, each has its type, and the least is no more than the most."""
    found = read(manifests(rule(**more), TARGET, 0.95)[file])
    fits(found, REQUIRED[found["kind"]], found["kind"])
    assert set(found["spec"]) <= SPEC_KEYS[found["kind"]]
    least, most = (
        found["spec"].get(f"{side}ReplicaCount", found["spec"].get(f"{side}Replicas")) for side in ("min", "max")
    )
    assert least <= most == 9
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", found["metadata"]["name"])
    for trigger in found["spec"].get("triggers", ()):
        fits(trigger["metadata"], TRIGGERS[trigger["type"]], trigger["type"])


def test_a_scaler_without_floor_is_refused_by_kubernetes_and_so_never_written() -> None:
    """An HPA needs one replica at least; KEDA scales to none."""
    none = rule(least=0, schedule=())
    assert read(manifests(none, TARGET, 0.95)["hpa.yaml"])["spec"]["minReplicas"] == 1
    assert read(manifests(none, TARGET, 0.95)["keda.yaml"])["spec"]["minReplicaCount"] == 0


def minutes(cron: str) -> tuple[int, str]:
    minute, hour, _, _, day = cron.split()
    return int(minute) + 60 * int(hour), day


def test_crons_hold_the_floors() -> None:
    """In each hour the highest cron that is on says the hour's floor; they begin a cold start earlier."""
    [one] = kubernetes.crons(rule())
    assert minutes(one["metadata"]["start"]) == (8 * 60 - 5, "*")
    assert minutes(one["metadata"]["end"]) == (18 * 60, "*")
    assert one["metadata"]["desiredReplicas"] == "2"


def test_weekly_crons_name_the_day() -> None:
    """Hour 0 of the schedule is Monday's first; cron counts Sunday as 0. A midnight's floor begins the day before."""
    hours = tuple(Hour(hour=hour, least=3 if hour in {0, 167} else 1, need=4) for hour in range(168))
    first, last = kubernetes.crons(rule(schedule=hours, period="week"))
    assert minutes(first["metadata"]["start"]) == (24 * 60 - 5, "0")
    assert minutes(first["metadata"]["end"]) == (60, "1")
    assert minutes(last["metadata"]["start"]) == (23 * 60 - 5, "0")
    assert minutes(last["metadata"]["end"]) == (0, "1")


def test_equal_floors_are_the_least_and_need_no_cron() -> None:
    """What holds in every hour is the object's own minimum."""
    hours = tuple(Hour(hour=hour, least=3, need=4) for hour in range(24))
    found = kubernetes.keda(rule(schedule=hours), TARGET)
    assert found["spec"]["minReplicaCount"] == 3
    assert kubernetes.crons(rule(schedule=hours)) == []


def expressions(more: dict) -> list[tuple[str, str]]:
    groups = read(manifests(rule(**more), TARGET, 0.95)["prometheus-rules.yaml"])["groups"]
    return [(one.get("record", one.get("alert")), one["expr"]) for group in groups for one in group["rules"]]


@pytest.mark.parametrize("more", [{}, {"ahead": Ahead(step_s=300, lead_s=360)}, {"target_in_flight": figure(None)}])
def test_expressions_ask_for_what_is_exported_or_recorded_before(more: dict) -> None:
    """Every metric is one of the gateway's, with labels that it has; every recorded series was recorded above."""
    known: set[str] = set()
    for name, asked in expressions(more):
        for series, selector in re.findall(r"\b(breakeven_\w+)(?:\{((?:[^}\"]|\"(?:\\.|[^\"])*\")*)\})?", asked):
            if series in known:
                continue
            assert series in NAMED or series == name == prometheus.SWING, f"{name} asks for {series}"
            labels = set(re.findall(r"(\w+)\s*(?:=|!=)", re.sub(r"\"(?:\\.|[^\"])*\"", "", selector)))
            assert labels <= set(NAMED[series].labels), f"{name}: {labels} of {series}"
        known.add(name)
    assert known >= {prometheus.DEMAND, prometheus.SWING, prometheus.AHEAD, prometheus.WANTED}


def test_brackets_and_quotes_are_balanced() -> None:
    """A use case with quotes in its name closes what it opens."""
    for name, asked in expressions({}):
        bare = re.sub(r'"(?:\\.|[^"\\])*"', "", asked)
        assert '"' not in bare, name
        for opens, closes in ("()", "[]", "{}"):
            assert bare.count(opens) == bare.count(closes), name


class Server:
    """Evaluates the few functions of PromQL that the rules use, on a series by window, at its end."""

    def __init__(self, rates: np.ndarray, one: Ahead) -> None:
        self.rates, self.one = rates, one

    def ahead(self, asked: str) -> float:
        """The expression as Python: each vector becomes its number."""
        one, recorded = self.one, r'breakeven_scaling_{}\{{deployment="own"\}}'
        steps = round(one.recent_s / one.step_s)
        back = int(re.search(r"offset (\d+)s", asked)[1]) / one.step_s
        assert back == round(back)
        day = self.rates[: len(self.rates) - round(back)][-steps:]
        demand = recorded.format("demand_rps")
        asked = re.sub(rf"avg_over_time\({demand}\[\d+s\] offset \d+s\)", repr(float(day.mean())), asked)
        asked = re.sub(rf"avg_over_time\({demand}\[\d+s\]\)", repr(float(self.rates[-steps:].mean())), asked)
        asked = re.sub(recorded.format("swing"), repr(float(features(one, self.rates)[1][-1])), asked)
        asked = re.sub(demand, repr(float(self.rates[-1])), asked)
        return float(eval(asked, {"exp": math.exp, "ln": math.log, "clamp_min": max}))  # noqa: S307 - our own formula


def test_prometheus_computes_what_the_rule_says() -> None:
    """The recorded formula, evaluated on a series, is the demand ahead that the planner computes: one definition."""
    hour = np.arange(288 * 4) / 12
    rates = (50 + 30 * np.sin(hour * 2 * np.pi / 24)) * np.random.default_rng(2).lognormal(0, 0.1, len(hour))
    fitted = fit_ahead(rates, 300.0, 600.0, 0.9)
    found = Server(rates, fitted).ahead(prometheus.ahead(rule(ahead=fitted)))
    assert found == pytest.approx(quantile_rps(fitted, rates), rel=1e-6)
