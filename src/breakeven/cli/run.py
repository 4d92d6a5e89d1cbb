"""Processes: serve, emulate, console, demo."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, note, print_json

parent_fd = click.option("--parent-fd", type=int, hidden=True, help="Exit when this pipe closes.")


@click.command()
@config_option
@click.option("--openai-base-url", metavar="URL", help="Serve in front of this server without any file.")
@click.option("--api-key-env", metavar="NAME", default="", help="Environment variable with the upstream key.")
@click.option("--host", default=None, help="Address to listen on.  [default: the configuration's, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="[default: the configuration's, else 8080]")
@click.option("--console-port", type=click.IntRange(0, 65535), default=None, help="0: off.  [default: port + 1]")
@click.option("--workers", type=click.IntRange(1, 64), default=None, help="Gateway processes.")
@data_dir_option
@click.option("--otlp-endpoint", metavar="URL", default="", help="Send OpenTelemetry spans and metrics there.")
@click.option("--otlp-headers-env", metavar="NAME", default="", help="Variable with headers, k=v,k=v, for that.")
@click.option("--otlp-signals", metavar="LIST", default="", help="spans, metrics or both.  [default: spans,metrics]")
@click.option(
    "--only",
    type=click.Choice(["gateway", "sealer", "console", "telemetry", "scraper"]),
    help="Run one part alone, for containers.",
)
@click.option("--force", is_flag=True, help="Replace another configuration's compiled policy.")
@parent_fd
@explained
def serve(
    *,
    config: str,
    openai_base_url: str | None,
    api_key_env: str,
    host: str | None,
    port: int | None,
    console_port: int | None,
    workers: int | None,
    data_dir: str | None,
    otlp_endpoint: str,
    otlp_headers_env: str,
    otlp_signals: str,
    only: str | None,
    force: bool,
    parent_fd: int | None,
) -> None:
    """Put the gateway in front of your models; the sealer and the console run beside it."""
    if only == "gateway" and parent_fd is not None:
        from breakeven.gateway.worker import run  # the worker loads nothing that the request path does not need

        run(Path(data_dir or ".breakeven"), host or "127.0.0.1", port or 8080, parent_fd)
        return
    from breakeven.assembly import serving

    options = serving.Options(
        config=Path(config),
        openai_base_url=openai_base_url,
        api_key_env=api_key_env,
        host=host,
        port=port,
        console_port=console_port,
        workers=workers,
        data_dir=data_dir,
        otlp_endpoint=otlp_endpoint,
        otlp_headers_env=otlp_headers_env,
        otlp_signals=otlp_signals,
        force=force,
    )
    sys.exit(serving.serve(options, parent_fd) if only is None else serving.serve_one(only, options, parent_fd))


@click.command()
@click.option("--model", help="A model of the catalog, such as llama-3.1-8b.")
@click.option("--accelerator", help="An accelerator of the catalog, such as h100-sxm.")
@click.option("--accelerators", type=click.IntRange(1, 64), default=1, show_default=True, help="Per replica.")
@click.option("--precision", default="fp16", show_default=True, help="fp16, bf16, fp8, fp4, int8 or int4.")
@click.option(
    "--engine", default="", help="vllm, sglang, trtllm, ...: steps as fitted to it.  [default: none in particular]"
)
@click.option("--max-batch-tokens", type=click.IntRange(16, 1_000_000), default=2048, show_default=True)
@click.option("--max-batch", type=click.IntRange(1, 100_000), default=256, show_default=True, help="Requests at once.")
@click.option("--replicas", type=click.IntRange(1, 512), default=1, show_default=True)
@click.option("--deployment", help="Take all of it from this deployment of the configuration instead.")
@config_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@parent_fd
@explained
def emulate(
    *,
    model: str | None,
    accelerator: str | None,
    deployment: str | None,
    config: str,
    host: str,
    port: int,
    seed: int,
    parent_fd: int | None,
    **settings: object,
) -> None:
    """An OpenAI-compatible server with the predicted timing of a stated deployment; its answers say so."""
    from breakeven.app import loop as app
    from breakeven.errors import UsageError

    if deployment is not None:
        wanted = app.deployment_of(Path(config), deployment)
    elif model is not None and accelerator is not None:
        wanted = app.deployment_from(model, accelerator, settings)
    else:
        message = "what to emulate is not stated"
        raise UsageError(message, "give --model and --accelerator, or --deployment NAME")

    def bound(at: int) -> None:
        if parent_fd is None:
            note(f"emulating {wanted.model} at {_url(host, at)}/v1; Ctrl-C stops it")

    app.emulate(wanted, host=host, port=port, seed=seed, parent_fd=parent_fd, on_bound=bound)


@click.command()
@config_option
@data_dir_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8081, show_default=True)
@explained
def console(*, config: str, data_dir: str | None, host: str, port: int) -> None:
    """The pages alone, over what the ledger already holds."""
    from breakeven.app import loop as app
    from breakeven.console.server import run

    source = app.console_source(app.data_dir(config=Path(config), override=data_dir))
    run(source, host, port, None, lambda at: note(f"console at {_url(host, at)}; Ctrl-C stops it"))


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@click.command()
@click.option("--once", is_flag=True, help="Exit at the end instead of leaving the console up.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=27,
    show_default=True,
    help="Picks the window of the conversation trace.",
)
@click.option("--seconds", type=click.FloatRange(4, 600), default=90.0, show_default=True, help="Length of the window.")
@click.option("--rows", type=click.IntRange(0, 15_000), default=9_000, show_default=True, help="Homepage impressions.")
@click.option("--dir", "folder", type=click.Path(file_okay=False), default=".demo", show_default=True)
@as_json
@explained
def demo(*, once: bool, seed: int, seconds: float, rows: int, folder: str, json_: bool) -> None:
    """The whole loop on real logged data, in under three minutes."""
    from breakeven.demo.run import Options, run

    summary = run(Path(folder), Options(seed=seed, seconds=seconds, rows=rows, once=once, quiet=json_))
    if json_:
        print_json(summary)
