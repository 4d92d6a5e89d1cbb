"""docs/tracking.md: its files are served, its client sends, its commands say what became of it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from breakeven.audit import tracking
from breakeven.cli.events import events
from breakeven.config import policy_file, settings
from breakeven.demo.process import free_port, wait_until_ready
from breakeven.gateway.endpoint.snippet import MAX_AGE_S, PATH, SCRIPT
from breakeven.ledger.columns import COLUMNS
from breakeven.ledger.tracking.health import CLOCK_S
from breakeven.metric.json_schema import ANNOTATIONS, KEYWORDS, MAX_PATTERN_TEXT

PAGE = Path(__file__).parents[2] / "docs/tracking.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_keywords_are_the_code_s(same: Callable[[Path, str, str], None]) -> None:
    """What is checked, and what asserts nothing."""
    lines = ["**checked:** " + ", ".join(f"`{name}`" for name in KEYWORDS)]
    lines += ["", "**read past:** " + ", ".join(f"`{name}`" for name in sorted(ANNOTATIONS))]
    same(PAGE, "keywords", "\n".join(lines))
    assert f"{MAX_PATTERN_TEXT:,} characters" in TEXT


def test_limits_columns_and_options_are_the_code_s() -> None:
    """No figure, column or option on the page that the code does not have."""
    assert f"once it has {tracking.LEAST} to count" in TEXT
    assert f"more than {CLOCK_S:g} s by the clocks" in TEXT
    limits = {key: (one.warn, one.bad) for key, (one, _) in (tracking.OF_EVENTS | tracking.OF_PREDICTIONS).items()}
    assert {limits[name] for name in ("bad", "unknown", "early", "ahead")} == {(0.01, 0.05)}
    assert (limits["repeated"], limits["late"], limits["identified"]) == ((0.02, 0.2), (0.05, 0.2), (0.8, 0.5))
    held = TEXT[TEXT.index("`segments/bad/") : TEXT.index("It blocks nothing")]
    assert set(re.findall(r"`([a-z_]+)`", held)) - {"data"} <= {column.name for column in COLUMNS["bad"]}
    options = {name for command in events.commands.values() for one in command.params for name in one.opts}
    assert set(re.findall(r"(?<=[ `])(--[a-z][a-z-]+)", TEXT)) <= options
    assert set(events.commands) == set(re.findall(r"breakeven events (\w+)", TEXT))
    assert (len(SCRIPT) < 1000, MAX_AGE_S, PATH) == (True, 3600, "/breakeven.js")


def test_the_files_load() -> None:
    """The plan, the page's settings and its tenant are whole."""
    plan, beside, tenant = blocks("yaml")
    found = settings.load(beside.replace("deployments:", tenant.split("\n", 1)[1] + "deployments:"))
    assert found.tenants[0].keys[0].scope == "events"
    assert len(policy_file.load(plan, beside=found).tracking.events) == 2


@pytest.mark.slow
def test_the_examples_run(
    start: Callable[..., subprocess.Popen[bytes]],
    breakeven: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """The client's events come in; one violates the plan, is listed, and replayed once the plan is mended."""
    port = free_port()
    plan, beside, _ = blocks("yaml")
    (tmp_path / "breakeven.yaml").write_text(beside.replace("8080", str(port)))
    (tmp_path / "policy.yaml").write_text(plan)
    start("serve")
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    [code] = blocks("python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.replace("8080", str(port)), str(PAGE), "exec"), {})  # noqa: S102 - the page's own example
    assert printed.getvalue().splitlines() == [line[3:] for line in code.splitlines() if line.startswith("#> ")]

    def said(*arguments: str) -> dict:
        done = breakeven("events", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    [count] = said("bad")["counts"]
    assert (count["rule"], count["path"], count["events"]) == ("schema", "/data/value", 1)
    assert count["examples"][0]["event_id"] == "order-2"
    assert said("bad", "--reason", "schema", "--since", "24h") == said("bad")
    assert said("replay", "--dry-run")["replayed"] == 0
    (tmp_path / "policy.yaml").write_text(plan.replace("minimum: 0", "minimum: -100"))
    until = time.monotonic() + 20
    while said("replay", "--dry-run")["replayed"] != 1 and time.monotonic() < until:
        time.sleep(0.2)
    assert said("replay")["replayed"] == 1
    assert said("bad")["bad"] == said("replay")["replayed"] == 0
    found = said("health", "--hours", "1")
    assert sum(row["events"] for row in found["arrivals"]) == 5
    assert found["lost"] == 0
