"""The command `breakeven`: a group whose commands are loaded when they are called."""

from __future__ import annotations

import os
from importlib.metadata import version

import click

from breakeven.cli.decide import apply, estimate, rollback
from breakeven.cli.decisions import decisions
from breakeven.cli.diff import diff
from breakeven.cli.drill import drill
from breakeven.cli.events import events
from breakeven.cli.experiment import lift, ope
from breakeven.cli.facts import catalog, focus
from breakeven.cli.ledger import ledger
from breakeven.cli.lever import lever
from breakeven.cli.load import measure
from breakeven.cli.measure import report, verify
from breakeven.cli.money import compare, memo, tco
from breakeven.cli.plan import plan
from breakeven.cli.readiness import readiness
from breakeven.cli.reconcile import reconcile
from breakeven.cli.run import console, demo, emulate, serve
from breakeven.cli.scale import scale
from breakeven.cli.simulate import simulate, size
from breakeven.cli.speed import accuracy, calibrate, predict
from breakeven.cli.start import check, completion, doctor, init, schema
from breakeven.cli.telemetry import telemetry
from breakeven.cli.transfer import export, import_
from breakeven.cli.watch import alerts, drift, spend
from breakeven.cli.workload import workload

# No command multiplies matrices: the threads that numpy would start for it cost a tenth of a second.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("breakeven"), prog_name="breakeven")
def main() -> None:
    """Inference economics: what a useful prediction costs, where it should run, and whether it came true.

    First steps: `breakeven demo` shows everything on real data; `breakeven estimate` answers from three numbers;
    `breakeven init` writes a configuration; `breakeven serve` puts a gateway in front of your model.
    """


for command in (
    init, doctor, check, schema, completion,
    serve, drill, emulate, console, demo, measure, simulate, size,
    report, verify, workload, ledger, events, telemetry, drift, spend, alerts,
    lift, ope,
    predict, accuracy, calibrate,
    estimate, plan, apply, tco, compare, memo, catalog, focus,
    import_, export, reconcile,
    rollback, decisions, diff, readiness,
    lever,
    scale,
):  # fmt: skip
    main.add_command(command)
