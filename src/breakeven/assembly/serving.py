"""The processes of `serve`: workers, sealer and console under one supervisor, and the watch over the YAML files."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import click

from breakeven import errors
from breakeven.assembly import files, project
from breakeven.assembly.console import LedgerSource
from breakeven.gateway import snapshots
from breakeven.schema.noun import Noun
from breakeven.supervisor.child import Child
from breakeven.supervisor.pipe import exit_when_closed
from breakeven.supervisor.run import supervise

WATCH_INTERVAL_S = 0.5
LOOPBACK = "127.0.0.1"
SIGNALS = "spans,metrics"
SCRAPER = "scraper"
LOCAL_HOSTS = frozenset({LOOPBACK, "localhost", "::1"})


class Options(Noun, frozen=True, kw_only=True):
    """What the command line says; None leaves it to the configuration."""

    config: Path
    openai_base_url: str | None = None
    api_key_env: str = ""
    host: str | None = None
    port: int | None = None
    console_port: int | None = None
    workers: int | None = None
    data_dir: str | None = None
    otlp_endpoint: str = ""
    otlp_headers_env: str = ""
    otlp_signals: str = ""
    force: bool = False


class Place(Noun, frozen=True, kw_only=True):
    """Where to listen and how many workers, after options and configuration are joined."""

    data_dir: Path
    host: str
    port: int
    console_port: int
    workers: int
    otlp_endpoint: str = ""
    otlp_headers_env: str = ""
    otlp_signals: str = SIGNALS
    scraped: bool = False
    alerted: bool = False


def serve(options: Options, parent_fd: int | None = None) -> int:
    """Compile and install the policy, start all processes, and stay until stopped, or until the parent's pipe closes.

    Returns the exit code.
    """
    if parent_fd is not None:
        exit_when_closed(parent_fd)
    loaded = project.builtin(options.openai_base_url, options.api_key_env) if options.openai_base_url else None
    loaded = loaded or project.load(options.config)
    place = _place(loaded, options)
    _guard(loaded, place.host)
    files.install(loaded.policy(), place.data_dir, force=options.force)
    snapshots.clear(place.data_dir)
    click.echo(f"gateway http://{place.host}:{place.port}/v1  (data in {place.data_dir})", err=True)
    if place.console_port:
        click.echo(f"console http://{LOOPBACK}:{place.console_port}/", err=True)
    watch = _Watch(loaded, place.data_dir)
    return supervise(_children(place, options), on_tick=watch.look, tick_s=WATCH_INTERVAL_S).exit_code


def serve_one(part: str, options: Options, parent_fd: int | None) -> int:
    """Run one part alone, in this process."""
    loaded = None
    if parent_fd is None:
        loaded = project.builtin(options.openai_base_url, options.api_key_env) if options.openai_base_url else None
        loaded = loaded or project.load(options.config)
        if part == "gateway":
            _guard(loaded, _place(loaded, options).host)
        files.install(loaded.policy(), _place(loaded, options).data_dir, force=options.force)
    place = _place(loaded, options)
    if part == SCRAPER:
        _scraper(place, parent_fd, options.config)
    else:
        PARTS[part](place, parent_fd)
    return errors.OK


def _guard(loaded: project.Project, host: str) -> None:
    """Beyond loopback only with keys: a gateway that anyone may use spends its owner's money."""
    if host not in LOCAL_HOSTS and not loaded.settings.tenants:
        message = f"the gateway would listen on {host}, and no tenant has a key"
        raise errors.ConfigError(message, "add `tenants:` with `key_env:` to breakeven.yaml, or listen on 127.0.0.1")


def _gateway(place: Place, parent_fd: int | None) -> None:
    from breakeven.gateway.worker import run  # noqa: PLC0415 - the sealer and the console need none of it

    run(place.data_dir, place.host, place.port, parent_fd)


def _sealer(place: Place, parent_fd: int | None) -> None:
    from breakeven.assembly import days  # noqa: PLC0415 - the gateway and the console need none of it
    from breakeven.ledger.sealer import run  # noqa: PLC0415 - as above

    run(place.data_dir, 2.0, parent_fd, chores=[days.chore(place.data_dir).tick])


def _console(place: Place, parent_fd: int | None) -> None:
    """The pages. A taken port is no failure of `serve`: the gateway goes on, and restarting would not help."""
    from breakeven.console.life import TakenError  # noqa: PLC0415 - the gateway and the sealer need none of it
    from breakeven.console.server import run  # noqa: PLC0415 - as above

    try:
        run(LedgerSource(place.data_dir), place.host, place.console_port, parent_fd)
    except TakenError as error:
        way_out = "give another with --console-port, or 0 to do without"
        print(f"{error.message}; {way_out}", file=sys.stderr)  # noqa: T201 - the process's own diagnostics


def _telemetry(place: Place, parent_fd: int | None) -> None:
    from breakeven.telemetry.run import run  # noqa: PLC0415 - needs an extra

    wanted = place.otlp_signals.split(",")
    signals = {"spans": "spans" in wanted, "metrics": "metrics" in wanted}
    run(place.data_dir, place.otlp_endpoint, place.otlp_headers_env, parent_fd, **signals)


def _scraper(place: Place, parent_fd: int | None, config: Path) -> None:
    from breakeven.assembly import scraping  # noqa: PLC0415 - nobody else reads metrics

    if parent_fd is not None:
        exit_when_closed(parent_fd)
    settings = project.load(config).settings.telemetry
    asyncio.run(scraping.until_stopped(place.data_dir, settings))


PARTS: dict[str, Callable[[Place, int | None], None]] = {
    "gateway": _gateway,
    "sealer": _sealer,
    "console": _console,
    "telemetry": _telemetry,
}


def _place(loaded: project.Project | None, options: Options) -> Place:
    gateway = None if loaded is None else loaded.settings.gateway
    port = options.port if options.port is not None else (8080 if gateway is None else gateway.port)
    stated = options.console_port
    if stated is None and gateway is not None and options.port is None:
        stated = gateway.console_port
    data_dir = Path(options.data_dir) if options.data_dir else Path(".breakeven") if loaded is None else loaded.data_dir
    return Place(
        data_dir=data_dir,
        host=options.host or (gateway.host if gateway is not None else "127.0.0.1"),
        port=port,
        console_port=port + 1 if stated is None else stated,
        workers=options.workers or (gateway.workers if gateway is not None else 1),
        otlp_endpoint=options.otlp_endpoint or (loaded.settings.telemetry.otlp_endpoint or "" if loaded else ""),
        otlp_headers_env=options.otlp_headers_env or (loaded.settings.telemetry.headers_env if loaded else ""),
        otlp_signals=options.otlp_signals or (_signals(loaded) if loaded else SIGNALS),
        scraped=loaded is not None and bool(loaded.settings.telemetry.scrape),
        alerted=loaded is not None and bool(loaded.settings.alerts.webhook_env),
    )


def _signals(loaded: project.Project) -> str:
    telemetry = loaded.settings.telemetry
    told = {"spans": telemetry.spans, "metrics": telemetry.metrics}
    return ",".join(name for name, wanted in told.items() if wanted) or "none"


def _children(place: Place, options: Options) -> tuple[Child, ...]:
    base = [sys.executable, "-m", "breakeven", "serve", "--config", str(options.config)]
    base += ["--data-dir", str(place.data_dir), "--host", place.host, "--port", str(place.port)]
    base += ["--console-port", str(place.console_port), "--parent-fd", "{pipe_fd}"]
    workers = [Child(name=f"gateway-{n}", argv=(*base, "--only", "gateway")) for n in range(1, place.workers + 1)]
    others = [Child(name="sealer", argv=(*base, "--only", "sealer"), stop_rank=2)]
    if place.otlp_endpoint:
        told = ("--otlp-endpoint", place.otlp_endpoint, "--otlp-headers-env", place.otlp_headers_env)
        argv = (*base, "--only", "telemetry", *told, "--otlp-signals", place.otlp_signals)
        others.append(Child(name="telemetry", argv=argv, required=False, stop_rank=1))
    if place.scraped:
        others.append(Child(name=SCRAPER, argv=(*base, "--only", SCRAPER), required=False, stop_rank=1))
    if place.alerted:
        argv = (sys.executable, "-m", "breakeven", "alerts", "--follow", "--config", str(options.config))
        with_pipe = (*argv, "--data-dir", str(place.data_dir), "--parent-fd", "{pipe_fd}")
        others.append(Child(name="alerts", argv=with_pipe, required=False, stop_rank=1))
    if place.console_port:
        console = (*base, "--only", "console", "--host", LOOPBACK)
        others.append(Child(name="console", argv=console, required=False))
    return (*workers, *others)


class _Watch:
    """Recompiles when a YAML file changes; a mistake is reported and the last good policy stays."""

    def __init__(self, loaded: project.Project, data_dir: Path) -> None:
        self._loaded, self._data_dir, self._seen = loaded, data_dir, loaded.stamp()

    def look(self) -> None:
        """Look at the files once."""
        now = self._loaded.stamp()
        if now == self._seen or self._loaded.built_in:
            return
        self._seen = now
        try:
            self._loaded = project.load(self._loaded.path)  # it may name other files now
            policy = self._loaded.policy()
            files.install(policy, self._data_dir)
            click.echo(f"policy {policy.id} in force", err=True)
        except (errors.BreakevenError, OSError) as error:
            click.echo(f"the last good policy stays: {error}", err=True)
