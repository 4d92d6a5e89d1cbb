"""Drift, spending and alerts of a real ledger: from records on disk to a webhook that is told once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from breakeven.assembly import files, telling, watching
from breakeven.cli.main import main
from breakeven.config.settings import AlertLimitSettings, AlertSettings
from breakeven.errors import BackendError, ConfigError
from breakeven.schema.drift import Alert
from breakeven.schema.journal import frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Budget, Policy, Route, UseCase
from breakeven.schema.record import Prediction
from breakeven.wire import prometheus_text as prometheus

DAY_S = 86_400
NOW_S = 1_795_000_000.0 - 1_795_000_000.0 % DAY_S + 40_000
PER_DAY = 60


def predictions(dear_from: int = 99, days: int = 20) -> list[Prediction]:
    """Sixty predictions a day, half of them exposed; a tenth of a dollar each, and double that from a day on."""
    return [
        Prediction(
            prediction_id=f"p{day}-{n}",
            request_id=f"r{day}-{n}",
            node="gw",
            sequence=day * PER_DAY + n + 1,
            time_s=NOW_S - (days - day) * DAY_S + 60 * n,
            use_case="chat",
            tenant="acme",
            subject=f"s{n}",
            in_budget=True,
            deployment="api",
            model="m",
            total_s=0.2 + 0.001 * ((n + day) % 7),
            cost_pico_usd=(2 if day >= dear_from else 1) * 10**11 + 10**8 * ((n * day) % 11),
            cost_basis="measured",
        )
        for day in range(days)
        for n in range(PER_DAY)
    ]


def exposures(rows: list[Prediction]) -> list[Outcome]:
    return [
        Outcome(
            event_id=f"e{at}",
            source="app",
            kind="exposure",
            event_type="breakeven.exposure.v1",
            time_s=one.time_s + 1,
            received_s=one.time_s + 1,
            node="other",
            sequence=at // 2 + 1,
            tenant="acme",
            prediction_id=one.prediction_id,
        )
        for at, one in enumerate(rows)
        if at % 2
    ]


def ledger(folder: Path, rows: list[Prediction]) -> Path:
    route = Route(strategy="fixed", targets=())
    budget = Budget(name="monthly", limit_pico_usd=150 * 10**12, period="month", tenant="acme")
    case = UseCase(name="chat", route=route, used_when="exposure", window_s=600.0)
    files.install(Policy(id="pol", use_cases=(case,), deployments=(), backends=(), budgets=(budget,)), folder)
    path = folder / "journal" / "gw-00000001.journal"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(map(frame, [*rows, *exposures(rows)])))
    return folder


def test_a_price_that_doubled_is_found(tmp_path: Path) -> None:
    """Cost per prediction and per useful one got worse since that day; everything else is steady."""
    found = watching.watch(ledger(tmp_path, predictions(dear_from=17)), NOW_S)
    worse = {one.metric: one for one in found.drifts if one.verdict == "worse"}
    assert set(worse) == {"cost_per_prediction", "cost_per_useful_prediction"}
    assert worse["cost_per_prediction"].change == pytest.approx(1.0, abs=0.02)
    assert worse["cost_per_prediction"].since == time.strftime("%Y-%m-%d", time.gmtime(NOW_S - 3 * DAY_S))
    steady = {one.metric for one in found.drifts if one.verdict == "steady"}
    assert {"useful", "latency_p95", "in_budget", "cached", "identified", "used"} <= steady
    assert {one.id for one in found.alerts} >= {"drift/cost_per_prediction/chat"}


def test_nothing_is_told_of_quiet_days(tmp_path: Path) -> None:
    """The same traffic every day: no drift, no alert but the budget's, if it is one."""
    found = watching.watch(ledger(tmp_path, predictions()), NOW_S)
    assert {one.verdict for one in found.drifts} == {"steady"}
    assert {one.metric for one in found.alerts} <= {"spent_usd"}


def test_a_month_says_what_it_will_come_to(tmp_path: Path) -> None:
    """Six dollars a day come to about that times the days of the month that had traffic; the limit is passed."""
    found = watching.watch(ledger(tmp_path, predictions()), NOW_S)
    everything, budget = found.spending
    day = time.gmtime(NOW_S).tm_mday
    expected = 6.03 * (min(20, day - 1) + 31 - day + 1)
    assert everything.p50_usd == pytest.approx(expected, rel=0.06)
    assert (budget.budget, budget.scope, budget.limit_usd) == ("monthly", "acme", 150.0)
    assert budget.over is not None
    assert (budget.over > 0.5) == (budget.p50_usd > 150)


def test_limits_of_ones_own_are_held_against_the_last_day(tmp_path: Path) -> None:
    """Over and under, by use case or any, warning or critical; a limit that is kept says nothing."""
    limits = (
        AlertLimitSettings(metric="useful", under=0.9, critical=True),
        AlertLimitSettings(metric="latency_p95", use_case="chat", over=0.1),
        AlertLimitSettings(metric="latency_p95", use_case="other", over=0.1),
        AlertLimitSettings(metric="used", over=0.9),
    )
    found = watching.watch(ledger(tmp_path, predictions()), NOW_S, settings=AlertSettings(limits=limits))
    said = {one.id: one.severity for one in found.alerts if one.id.startswith("limit/")}
    assert said == {"limit/useful/chat/under": "critical", "limit/latency_p95/chat/over": "warning"}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """An HTTP server that keeps what is posted and answers as told."""
    state = SimpleNamespace(posts=[], answers=[])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.posts.append((body, dict(self.headers)))
            self.send_response(state.answers.pop(0) if state.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.server_port}/secret-path")
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    monkeypatch.setattr(telling, "PAUSE_S", 0.01)
    yield state
    server.shutdown()
    server.server_close()


SETTINGS = AlertSettings(webhook_env="HOOK", secret_env="HOOK_SECRET")  # noqa: S106 - a variable's name


def alert(name: str, severity: str = "warning", value: float = 1.0) -> Alert:
    return Alert(id=name, severity=severity, metric="m", key="k", message=f"{name} happened", value=value)


def tell(folder: Path, *now: Alert, settings: AlertSettings = SETTINGS) -> telling.News | None:
    return asyncio.run(telling.tell(folder, now, settings, NOW_S))


def test_what_stands_is_told_once(tmp_path: Path, webhook: SimpleNamespace) -> None:
    """When it begins, when it gets worse and when it ends; a figure that moves on is no news. Posts are signed."""
    assert tell(tmp_path, alert("a")) is not None
    assert tell(tmp_path, alert("a", value=2.0)) is None
    assert tell(tmp_path, alert("a", "critical"), alert("b")) is not None
    assert tell(tmp_path) is not None
    assert tell(tmp_path) is None
    told = [json.loads(body) for body, _ in webhook.posts]
    assert [[one["id"] for one in post["began"]] for post in told] == [["a"], ["a", "b"], []]
    assert [[one["id"] for one in post["ended"]] for post in told] == [[], [], ["a", "b"]]
    assert "a happened" in told[0]["text"]
    for body, headers in webhook.posts:
        signed = {name.lower(): value for name, value in headers.items()}[telling.SIGNATURE]
        assert signed == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


def test_what_could_not_be_told_is_told_later(tmp_path: Path, webhook: SimpleNamespace) -> None:
    """A webhook that fails is tried again, now and at the next look; its URL is in no message."""
    webhook.answers = [503, 204]
    assert tell(tmp_path, alert("a")) is not None
    webhook.answers = [500] * telling.TRIES
    with pytest.raises(BackendError, match="answered 500") as failed:
        tell(tmp_path, alert("b"))
    assert "secret-path" not in str(failed.value)
    assert [one.id for one in telling.standing(tmp_path)] == ["a"]
    assert tell(tmp_path, alert("b")) is not None
    assert [one.id for one in telling.standing(tmp_path)] == ["b"]


def test_a_webhook_without_its_variable_is_named(tmp_path: Path) -> None:
    """The variable, and nothing of what it should hold."""
    with pytest.raises(ConfigError, match="NO_SUCH_HOOK, which is not set"):
        tell(tmp_path, alert("a"), settings=AlertSettings(webhook_env="NO_SUCH_HOOK"))


def test_alerts_are_prometheus_text(tmp_path: Path) -> None:
    """One sample each, and counts by severity, in what Prometheus reads."""
    tell(tmp_path, alert("a"), alert('b"\n', "critical"), settings=AlertSettings())
    samples = prometheus.parse((tmp_path / telling.EXPOSED).read_text())
    assert {(one.name, one.labels["severity"]): one.value for one in samples if one.name == "breakeven_alerts"} == {
        ("breakeven_alerts", "critical"): 1.0,
        ("breakeven_alerts", "warning"): 1.0,
        ("breakeven_alerts", "info"): 0.0,
    }
    assert [one.labels["id"] for one in samples if one.name == "breakeven_alert"] == ["a", 'b"\n']


def test_the_commands_answer(tmp_path: Path) -> None:
    """Text for people and JSON for scripts, on a ledger without a configuration."""
    ledger(tmp_path, predictions())
    place = ["--data-dir", str(tmp_path), "--config", str(tmp_path / "none.yaml")]
    for command, key in (("drift", "drifts"), ("spend", "spending"), ("alerts", "alerts")):
        said = CliRunner().invoke(main, [command, *place])
        assert said.exit_code == 0, said.output
        found = CliRunner().invoke(main, [command, *place, "--json"])
        assert key in json.loads(found.stdout)
    exposed = CliRunner().invoke(main, ["alerts", *place, "--prometheus"])
    assert prometheus.parse(exposed.stdout)
