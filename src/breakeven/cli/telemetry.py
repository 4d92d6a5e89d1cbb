"""Reading engines and accelerators: telemetry."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, note, print_json


@click.command()
@config_option
@data_dir_option
@click.option("--once", is_flag=True, help="Read for one interval, say what was seen, and end.")
@as_json
@explained
def telemetry(*, config: str, data_dir: str | None, once: bool, json_: bool) -> None:
    """Read vLLM, llama.cpp, DCGM, Kepler or NVML metrics into the ledger: work and energy as measured.

    `serve` does it beside the gateway when breakeven.yaml has `telemetry: scrape:`; this does it alone.
    """
    from breakeven.app import telemetry as app
    from breakeven.schema.record import EngineLoad

    seen: list[EngineLoad] = []

    def told(rows: tuple[EngineLoad, ...]) -> None:
        seen.extend(rows if once else ())
        for one in rows:
            note(line(one))

    troubles = app.read(Path(config), data_dir, told, once=once)
    if json_:
        print_json({"loads": [msgspec.to_builtins(one) for one in seen], "troubles": list(troubles)})
    for trouble in troubles:
        note(trouble)


def line(one: object) -> str:
    """One load for people."""
    said = msgspec.to_builtins(one)
    left_out = {"type", "id", "deployment", "target", "source", "start_s", "end_s", "version"}
    parts = [f"{name} {value:.4g}" for name, value in said.items() if name not in left_out and value is not None]
    return f"{said['deployment']} ({said['source']} at {said['target']}): {', '.join(parts)}"
