"""docs/scaling.md: its commands print what stands under them, its options exist, its figures are measured."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from breakeven.cli.main import main
from breakeven.cli.scale import scale
from breakeven.report.manifest import prometheus
from breakeven.schema.scaling import Decision

PAGE = Path(__file__).parents[2] / "docs/scaling.md"
BLOCK = re.compile(r"(```console\n\$ breakeven ([^\n]*)\n)(.*?)(```)", re.DOTALL)


def printed(command: str) -> str:
    return CliRunner().invoke(main, command.split()).stdout


def test_the_commands_print_what_stands_under_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the page's files; BREAKEVEN_SNAPSHOT=1 writes what they print now."""
    monkeypatch.chdir(tmp_path)
    text, namespace = PAGE.read_text(), {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102 - the document's own example
    if os.environ.get("BREAKEVEN_SNAPSHOT"):
        text = BLOCK.sub(lambda found: f"{found[1]}{printed(found[2])}{found[4]}", text)
        PAGE.write_text(text)
    blocks = BLOCK.findall(text)
    assert len(blocks) == 2
    for _, command, shown, _ in blocks:
        assert shown == printed(command)


def test_every_option_on_the_page_exists() -> None:
    """Nothing is explained that cannot be typed, and no option of the rule stays unexplained."""
    known = {name for command in scale.commands.values() for option in command.params for name in option.opts}
    named = set(re.findall(r"(?<=[ `,(])(--[a-z][a-z-]+)", PAGE.read_text()))
    assert named <= known
    assert {f"--{name}" for name in ("cold-start-s", "miss-usd", "goodput", "least", "most", "burst", "rates")} <= named


def test_the_body_of_the_webhook_is_a_decision() -> None:
    """The example has the fields that are posted, and no other; recorded metrics are named."""
    [body] = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert set(msgspec.json.decode(body)) == {field.name for field in msgspec.structs.fields(Decision)}
    assert msgspec.json.decode(body, type=Decision).replicas == 7
    for name in (prometheus.DEMAND, prometheus.AHEAD, prometheus.WANTED, prometheus.SWING):
        assert f"`{name.removeprefix('breakeven_scaling')}`" in PAGE.read_text() or f"`{name}`" in PAGE.read_text()


def test_the_figures_are_the_bench_s() -> None:
    """The first row of savings is what bench/scaling.py prints of that series, to a tenth of a per cent."""
    bench = Path(__file__).parents[2] / "bench/scaling.py"
    ran = subprocess.run(
        [sys.executable, str(bench), "--series", "ServeGen m-small"],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    row = msgspec.json.decode(ran.stdout)
    [inside] = re.findall(r"<!-- measured -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL)
    told = re.findall(r"(-?[0-9.]+) %", inside.splitlines()[2])
    names = ("attainment", "saving_vs_static", "saving_vs_least_static", "saving_vs_reactive")
    assert told == [f"{100 * row[name]:.1f}" for name in names]
