"""The demo's last step: may these numbers be believed? Each line is one command's answer about the demo's own ledger.

The usage export is the emulated provider's own: what its processes counted, read from their metrics, and no copy of
the ledger's rows.
"""

from __future__ import annotations

import csv
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from breakeven.app import events, experiment, reconcile, transfer, watch
from breakeven.audit.lift.judge import Asked
from breakeven.client.tracking import Client
from breakeven.errors import BreakevenError
from breakeven.report.plain import JsonObject
from breakeven.report.trusted import bad_line, drift_line, health_line, lift_line, reconciled_line, spending_line
from breakeven.schema.experiment import Lift
from breakeven.schema.noun import Noun
from breakeven.schema.reconcile import Reconciliation
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth
from breakeven.wire.prometheus_text import parse

WAIT_S = 15.0
CONTROL, TREATMENT = "holdout", "plan"
METRIC = "cost_per_subject"
"""The trace has no outcomes, so what a subject costs is what the arms can be compared by."""
EXPORTS = {"parquet": "parquet", "focus": "focus.csv", "prometheus": "breakeven.prom", "grafana": "grafana"}
_COUNTERS = ("requests", "prompt_tokens", "generation_tokens")
_HEADER = ("start_time", "end_time", "model", "num_model_requests", "input_tokens", "output_tokens")


class Counted(Noun, frozen=True, kw_only=True):
    """What one process of the emulated provider counted since it began."""

    model: str
    requests: int
    prompt_tokens: int
    generation_tokens: int


class Trust(Noun, frozen=True, kw_only=True):
    """What each command said. `lift` None: the arms do not tell, and `untold` says why."""

    bad: tuple[BadCount, ...]
    health: TrackingHealth
    reconciled: Reconciliation
    lift: Lift | None
    untold: str
    watch: watch.Watch
    exported: tuple[str, ...]


def violate(url: str) -> int:
    """Send events that the tracking plan forbids, as a careless page would; returns how many were acknowledged."""
    with Client(url) as track:
        track.track("conversion", subject="a-visitor", value=-5.0, currency="USD", event_id="order-1")
        for number in (1, 2):
            track.track("shop.chekout.v1", subject="a-visitor", event_id=f"typo-{number}")
        track.flush()
    return track.counts().accepted


def counted(url: str) -> Counted:
    """The counters of one emulated process."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310 - a loopback URL of the demo
        samples = parse(answer.read().decode())
    found = {sample.name: sample for sample in samples}
    of = {name: found[f"breakeven_emulator_{name}_total"] for name in _COUNTERS}
    model = of["requests"].labels["model_name"]
    return Counted(model=model, **{name: int(sample.value) for name, sample in of.items()})


def write_usage(path: Path, began_s: float, rows: Sequence[Counted]) -> None:
    """The provider's usage export, in the form that OpenAI's has: a row for each of its processes."""
    day = datetime.fromtimestamp(began_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    times = (int(day.timestamp()), int(day.timestamp()) + 86_400)
    with path.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(_HEADER)
        lines.writerows((*times, one.model, one.requests, one.prompt_tokens, one.generation_tokens) for one in rows)


def ask(folder: Path, data_dir: Path, *, bad: int, deployments: Sequence[str], policy_id: str) -> Trust:
    """Every question, asked of the ledger as the commands ask it; waits until `bad` events are sealed."""
    found = _bad(data_dir, bad)
    lift, untold = _lift(data_dir, policy_id)
    scope = reconcile.Scope(deployments=tuple(deployments))
    return Trust(
        bad=found,
        health=events.health(data_dir, hours=24.0, baseline_hours=168.0),
        reconciled=reconcile.invoice(data_dir, [folder / "usage.csv"], scope),
        lift=lift,
        untold=untold,
        watch=watch.look(folder / "breakeven.yaml", str(data_dir)),
        exported=tuple(_export(folder / "exports", data_dir)),
    )


def _bad(data_dir: Path, wanted: int) -> tuple[BadCount, ...]:
    which, deadline = events.asked(None, None, None), time.monotonic() + WAIT_S
    while sum(one.events for one in events.bad(data_dir, which)) < wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    return events.bad(data_dir, which)


def _lift(data_dir: Path, policy_id: str) -> tuple[Lift | None, str]:
    asked = Asked(control=CONTROL, treatment=TREATMENT, metric=METRIC)
    try:
        return experiment.lift_ledger(data_dir, "assistant", asked, policy_id=policy_id), ""
    except BreakevenError as error:
        return None, error.message


def _export(out: Path, data_dir: Path) -> Iterator[str]:
    out.mkdir(exist_ok=True)
    for form, name in EXPORTS.items():
        transfer.export(form, data_dir, out / name)
        yield form


def lines(found: Trust) -> tuple[tuple[str, str], ...]:
    """Each command, and its answer in a line."""
    lifted = found.untold if found.lift is None else lift_line(found.lift)
    return (
        ("events bad", bad_line(found.bad)),
        ("events health", f"tracking: {health_line(found.health)}"),
        ("reconcile invoice usage.csv", reconciled_line(found.reconciled)),
        ("lift", f"{TREATMENT} against {CONTROL}: {lifted}"),
        ("drift", drift_line(found.watch.drifts)),
        ("spend", spending_line(found.watch.spending)),
        ("export", f"{', '.join(found.exported)}: in exports/"),
    )


def plain(found: Trust) -> JsonObject:
    """The same for scripts."""
    made = msgspec.to_builtins(found)
    return {name: made[name] for name in ("bad", "reconciled", "lift", "exported")} | {
        "health": made["health"]["verdict"],
        "spending": made["watch"]["spending"],
    }
