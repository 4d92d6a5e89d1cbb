"""The demo: measure, decide, enforce and verify on real logged data, through the real processes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from breakeven.app import loop as app
from breakeven.app import planning
from breakeven.assembly.files import deployment_name
from breakeven.demo import setting, trust
from breakeven.demo.drill import Drilling
from breakeven.demo.play import PlayResult, play
from breakeven.demo.process import Processes, free_port
from breakeven.demo.traffic import Config, Traffic
from breakeven.demo.traffic import plan as plan_traffic
from breakeven.errors import ConfigError
from breakeven.measure.curve import batch_curve
from breakeven.quantity import format_usd, usd_from_pico
from breakeven.report.drilled import drill_line
from breakeven.report.plain import JsonObject
from breakeven.schema.drilled import Drilled
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Statement

MARKER = ".breakeven-demo"
SEAL_WAIT_S = 20.0


class Options(Noun, frozen=True, kw_only=True):
    """How much to replay: a window of `seconds` of the trace and `rows` impressions; `once` does not linger."""

    seed: int = 27
    seconds: float = 90.0
    rows: int = 9_000
    once: bool = True
    quiet: bool = False


class Place(Noun, frozen=True, kw_only=True):
    """Where this run's files and ports are."""

    folder: Path
    config: Path
    port: int
    console_port: int
    current_port: int
    chosen_port: int

    @property
    def data_dir(self) -> Path:
        """The ledger of this run."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.port}"


def run(folder: Path, options: Options) -> JsonObject:
    """Run the loop once and return its summary; unless `once`, leave the console up until Ctrl-C."""
    console = Console(stderr=True, quiet=options.quiet)
    began, began_s = time.monotonic(), time.time()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    place = _prepare(folder)
    traffic = plan_traffic(
        Config(
            seed=options.seed,
            rows=options.rows,
            half_s=options.seconds / 2,
            ranker="homepage-ranker",
            assistant=setting.MODEL,
        )
    )
    with Processes(folder) as processes:
        _start(processes, place, console)
        first = _play(0, place, traffic, console)
        decision, policy_id = _decide(processes, place, console, options.seed)
        with Drilling(place.config, place.data_dir, _deployment(decision), traffic.config.half_s) as drilling:
            second = _play(1, place, traffic, console)
            drilled = drilling.result()
        _wait_until_sealed(place, _sent(first, second))
        _, findings = app.verify(place.data_dir, decision.id)
        statement = app.report(place.data_dir)
        _show(console, statement, findings, drilled, place)
        trusted = _trust(console, place, began_s, _deployment(decision), policy_id)
        if not options.once:
            _linger(console, place)
    final = app.report(place.data_dir)
    _, findings = app.verify(place.data_dir, decision.id)
    summary = _summary(final, decision, findings, place, traffic, (first, second), time.monotonic() - began)
    return summary | {"drill": msgspec.to_builtins(drilled), "trust": trust.plain(trusted)}


def _prepare(folder: Path) -> Place:
    """An empty folder of our own; one that holds something else is left alone."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        message = f"{folder} holds something that is not a demo"
        raise ConfigError(message, "choose another with --dir")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    ports = [free_port() for _ in range(4)]
    curve = batch_curve(setting.ranker_path())
    config = setting.write(folder, port=ports[0], console_port=ports[1], current_port=ports[2], curve=curve)
    names = ("port", "console_port", "current_port", "chosen_port")
    return Place(folder=folder, config=config, **dict(zip(names, ports, strict=True)))


def _start(processes: Processes, place: Place, console: Console) -> None:
    console.print(f"[bold]1 measure[/]  gateway {place.url}, console http://127.0.0.1:{place.console_port}/")
    emulate = ("emulate", "--config", str(place.config), "--deployment", setting.CURRENT)
    ready = f"http://127.0.0.1:{place.current_port}/v1/models"
    processes.start("emulator-today", (*emulate, "--port", str(place.current_port), "--parent-fd", "{fd}"), ready)
    serve = ("serve", "--config", str(place.config), "--parent-fd", "{fd}")
    processes.start("serve", serve, f"{place.url}/readyz")


def _play(half: int, place: Place, traffic: Traffic, console: Console) -> PlayResult:
    columns = (TextColumn("   traffic {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("before the plan" if half == 0 else "under the plan", total=1.0)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done / total)

        result = asyncio.run(play(half, place.url, traffic, progress=tell))
    replay, talk = result.replay, result.assistant
    console.print(
        f"   {replay.rows:,} homepage rows replayed, {replay.observed:,} observed;"
        f" {len(talk.answers):,} conversations; {result.span_s:.0f} s"
    )
    return result


def _decide(processes: Processes, place: Place, console: Console, seed: int) -> tuple[Plan, str]:
    asked = planning.Given(use_case="assistant", seed=seed)
    written = planning.from_project(place.config, asked, out=str(place.folder / "decision"))
    decision = written.plan
    chosen = _chosen(decision)
    console.print(f"[bold]2 decide[/]   {decision.reason}")
    wanted = chosen.deployment
    arguments = ["emulate", "--model", wanted.model, "--accelerator", wanted.accelerator]
    arguments += ["--accelerators", str(wanted.accelerators), "--precision", wanted.precision]
    arguments += ["--max-batch-tokens", str(wanted.max_batch_tokens), "--engine", wanted.engine]
    arguments += ["--max-batch", str(wanted.max_batch)]
    arguments += ["--replicas", str(wanted.replicas), "--port", str(place.chosen_port), "--parent-fd", "{fd}"]
    url = f"http://127.0.0.1:{place.chosen_port}/v1"
    if wanted.id != setting.CURRENT:
        processes.start("emulator-chosen", arguments, f"{url}/models")
    policy, _ = app.apply(place.config, decision.id, backend_url=url, model_name=setting.MODEL, holdout=setting.HOLDOUT)
    console.print(f"[bold]3 enforce[/]  {policy.id}: {1 - setting.HOLDOUT:.0%} under the plan, the rest held out")
    time.sleep(1.5)
    return decision, policy.id


def _chosen(decision: Plan) -> Option:
    return next(option for option in decision.options if option.name == decision.chosen)


def _deployment(decision: Plan) -> str:
    """The chosen deployment, as the policy names it."""
    return deployment_name(_chosen(decision).deployment.id)


def _sent(*halves: PlayResult) -> int:
    return sum(len(half.homepage.answers) + len(half.assistant.answers) for half in halves)


def _wait_until_sealed(place: Place, sent: int) -> None:
    """Wait until the ledger holds as many predictions as were answered; what is missing then shows in the summary."""
    deadline = time.monotonic() + SEAL_WAIT_S
    while time.monotonic() < deadline and app.report(place.data_dir).predictions < sent:
        time.sleep(0.5)


def _show(
    console: Console, statement: Statement, findings: tuple[Finding, ...], drilled: Drilled, place: Place
) -> None:
    console.print("[bold]4 verify[/]")
    for finding in findings:
        console.print(f"   {finding.metric:30} promised {_number(finding.predicted)}, found {_number(finding.actual)}:"
                      f" [bold]{finding.verdict.replace('_', ' ')}[/]")  # fmt: skip
    console.print(f"   {'failure policy, drilled':30} {drill_line(drilled)}", highlight=False, soft_wrap=True)
    console.print("[bold]what it cost[/]")
    for step in statement.waterfall:
        count = "" if step.predictions is None else f"{step.predictions:,} predictions"
        console.print(
            f"   {step.name.replace('_', ' '):30} {format_usd(usd_from_pico(step.cost_pico_usd)):>16}  {count}"
        )
    for cut in (cut for cut in statement.cuts if cut.dimension == "use_case"):
        per_useful = cut.cost_per_useful_prediction_usd.value
        said = "not measurable downstream" if cut.useful is None else f"{format_usd(per_useful)} per useful prediction"
        console.print(f"   {cut.key}: {cut.predictions:,} predictions, {cut.in_budget:,} in budget, {said}")
    console.print(f"   all of it: breakeven report --data-dir {place.data_dir}", highlight=False, soft_wrap=True)


def _trust(console: Console, place: Place, began_s: float, chosen: str, policy_id: str) -> trust.Trust:
    """Whether the numbers may be believed: what was tracked, what the provider counted, what the holdout says."""
    hint = "the gist of commands that you can ask yourself: breakeven COMMAND --help"
    console.print(f"[bold]5 trust[/]    {hint}", highlight=False, soft_wrap=True)
    ports = {chosen: place.chosen_port, setting.CURRENT: place.current_port}  # the plan may keep what runs today
    bad = trust.violate(place.url)
    rows = [trust.counted(f"http://127.0.0.1:{port}") for port in ports.values()]
    trust.write_usage(place.folder / "usage.csv", began_s, rows)
    found = trust.ask(place.folder, place.data_dir, bad=bad, deployments=tuple(ports), policy_id=policy_id)
    for command, said in trust.lines(found):
        console.print(f"   {command:30} {said}", highlight=False, soft_wrap=True, markup=False)
    return found


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _linger(console: Console, place: Place) -> None:
    console.print(
        f"console: http://127.0.0.1:{place.console_port}/   memo: {place.folder}/decision/memo.html   (Ctrl-C ends it)"
    )
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("stopping")


def _summary(
    statement: Statement,
    decision: Plan,
    findings: tuple[Finding, ...],
    place: Place,
    traffic: Traffic,
    halves: tuple[PlayResult, PlayResult],
    elapsed_s: float,
) -> JsonObject:
    found = app.statement_json(statement)
    plan = app.plan_json(decision)
    segments = str((place.data_dir / "segments" / "predictions").absolute() / "**" / "*.parquet")
    return {
        **{key: found[key] for key in ("predictions", "useful_predictions", "cost_total_usd")},
        "cost_per_useful_prediction_usd": found["cost_per_useful_prediction_usd"],
        "use_cases": found["use_cases"],
        "waterfall": found["waterfall"],
        "warnings": found["warnings"],
        "plan": {"id": plan["id"], "chosen": plan["chosen"], "options": plan["options"]},
        "verify": app.findings_json(findings),
        "ledger": {
            "conserved": statement.conserved,
            "segments": segments,
            "lost": statement.lost,
            "data_dir": str(place.data_dir.absolute()),
        },
        "traffic": {
            "seed": traffic.config.seed,
            "window_s": list(traffic.window_s),
            "sent": _sent(*halves),
            "fell_behind": [half.fell_behind for half in halves],
            "replay": [msgspec.to_builtins(half.replay) for half in halves],
            "driver_cpu_s": [half.cpu_s for half in halves],
        },
        "python": sys.version.split()[0],
        "elapsed_s": elapsed_s,
    }
