"""Dashboards for Grafana: of a gateway's metrics and of the ledger's, ready to be imported."""

from __future__ import annotations

from typing import NamedTuple

_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2
SCHEMA_VERSION = 39
"""Of dashboards that Grafana 10 and later read."""


class Panel(NamedTuple):
    """A title, PromQL by legend, and Grafana's name of the unit."""

    title: str
    queries: dict[str, str]
    unit: str = "short"


_USE_CASE = "{{use_case}}"
_USD = "currencyUSD"


def _rate(name: str, *by: str) -> str:
    """A second's growth of a counter, over all workers."""
    return f"sum by ({', '.join(by)}) (rate({name}[$__rate_interval]))"


def _rates(name: str, *by: str) -> dict[str, str]:
    return {" ".join(f"{{{{{label}}}}}" for label in by): _rate(name, *by)}


def _p95(name: str) -> dict[str, str]:
    return {_USE_CASE: f"histogram_quantile(0.95, {_rate(f'{name}_bucket', 'use_case', 'le')})"}


def _cut(name: str, by: str) -> dict[str, str]:
    return {"{{key}}": f'breakeven_ledger_cut_{name}{{by="{by}"}}'}


_PREDICTIONS, _INSIDE = "breakeven_predictions_total", "breakeven_in_budget_total"
GATEWAY = (
    Panel("Predictions a second", _rates(_PREDICTIONS, "use_case", "status"), "reqps"),
    Panel(
        "Inside the latency budget",
        {_USE_CASE: f"{_rate(_INSIDE, 'use_case')} / {_rate(_PREDICTIONS, 'use_case')}"},
        "percentunit",
    ),
    Panel("Cost an hour", {_USE_CASE: f"3600 * {_rate('breakeven_cost_usd_total', 'use_case')}"}, _USD),
    Panel("Tokens a second", _rates("breakeven_tokens_total", "use_case", "direction")),
    Panel("Duration, p95", _p95("breakeven_request_duration_seconds"), "s"),
    Panel("Time to first token, p95", _p95("breakeven_time_to_first_token_seconds"), "s"),
    Panel("Time per output token, p95", _p95("breakeven_time_per_output_token_seconds"), "s"),
    Panel("Answer cache", _rates("breakeven_cache_requests_total", "use_case", "result"), "reqps"),
    Panel("Tries by outcome", _rates("breakeven_attempts_total", "deployment", "kind", "outcome"), "reqps"),
    Panel("Not admitted", _rates("breakeven_shed_total", "use_case", "tier"), "reqps"),
    Panel(
        "In flight and limit",
        {"{{deployment}}": "breakeven_in_flight", "{{deployment}} limit": "breakeven_concurrency_limit"},
    ),
    Panel("Budgets: what is left", {"{{budget}}": "breakeven_budget_remaining_usd"}, _USD),
    Panel("Breakers (2 is open)", {"{{deployment}}": "breakeven_breaker_state"}),
    Panel("Journal errors", {"errors": "sum(rate(breakeven_journal_errors_total[$__rate_interval]))"}),
)
LEDGER = (
    Panel("Cost per useful prediction", {"all": "breakeven_ledger_cost_per_useful_prediction_usd"}, _USD),
    Panel("Useful share", {"all": "breakeven_ledger_useful_share"}, "percentunit"),
    Panel("Cost, of it idle", {"all": "breakeven_ledger_cost_usd", "idle": "breakeven_ledger_idle_cost_usd"}, _USD),
    Panel("Cost by use case", _cut("cost_usd", "use_case"), _USD),
    Panel("Cost per useful prediction by use case", _cut("cost_per_useful_prediction_usd", "use_case"), _USD),
    Panel("Cost by deployment", _cut("cost_usd", "deployment"), _USD),
    Panel("Cost by tenant", _cut("cost_usd", "tenant"), _USD),
    Panel(
        "Doubts: unpriced, lost",
        {"unpriced": "breakeven_ledger_unpriced_predictions", "lost": "breakeven_ledger_lost_records"},
    ),
)
DASHBOARDS = {"gateway": ("breakeven: gateway", GATEWAY), "ledger": ("breakeven: ledger", LEDGER)}


def dashboard(name: str) -> dict[str, object]:
    """One dashboard as Grafana imports it; it asks which Prometheus to use."""
    title, panels = DASHBOARDS[name]
    return {
        "title": title,
        "uid": f"breakeven-{name}",
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "tags": ["breakeven"],
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(place, one) for place, one in enumerate(panels)],
    }


def _panel(place: int, one: Panel) -> dict[str, object]:
    source = {"type": "prometheus", "uid": "${source}"}
    row, column = divmod(place, _COLUMNS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": one.title,
        "datasource": source,
        "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": row * _HEIGHT},
        "fieldConfig": {"defaults": {"unit": one.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": expression, "legendFormat": legend, "datasource": source}
            for at, (legend, expression) in enumerate(one.queries.items())
        ],
    }
