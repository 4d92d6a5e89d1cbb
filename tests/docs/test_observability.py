"""docs/observability.md names every metric, field and attribute there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import msgspec
from ruamel.yaml import YAML

from breakeven.gateway.accesslog import Line
from breakeven.gateway.meters import Meters
from breakeven.gateway.metric_names import NAMED
from breakeven.gateway.metrics import MAX_SERIES
from breakeven.schema.record import Attempt, Prediction, Tokens
from breakeven.telemetry import names
from breakeven.telemetry.span import span_of
from breakeven.telemetry.spool import MAX_WAITING_BYTES

DOCUMENT = Path(__file__).parents[2] / "docs" / "observability.md"
TEXT = DOCUMENT.read_text()
OVER = {"sum": "sum", "max": "greatest", "min": "least"}


def table() -> str:
    """Every metric as a row."""
    rows = ["| metric | kind | labels | what it is | over workers |", "|---|---|---|---|---|"]
    for one in NAMED.values():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.name}` | {one.kind} | {labels} | {one.help} | {OVER[one.across]} |")
    return "\n".join(rows)


def test_the_table_of_metrics_is_what_the_code_has(same: Callable[[Path, str, str], None]) -> None:
    """Generated: BREAKEVEN_SNAPSHOT=1 writes it anew."""
    same(DOCUMENT, "metrics", table())


def test_every_metric_that_is_shown_is_named() -> None:
    """What a gateway shows and what the table says cannot part."""
    shown = set(re.findall(r"# TYPE (\S+)", Meters().render().decode()))
    assert shown <= set(NAMED)
    assert f"{MAX_SERIES:,}" in TEXT
    assert f"{MAX_WAITING_BYTES // 2**20} MiB" in TEXT


def test_alerts_are_yaml_about_metrics_that_exist() -> None:
    """The example parses, and each expression asks for a metric and for labels it has."""
    [block] = re.findall(r"```yaml\n(groups:.*?)```", TEXT, re.DOTALL)
    rules = YAML(typ="safe").load(StringIO(block))["groups"][0]["rules"]
    for rule in rules:
        asked = re.findall(r"breakeven_\w+", rule["expr"])
        assert asked
        known = {label for name in asked for label in NAMED[name].labels}
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        used |= set(re.findall(r"[{,]\s*(\w+)\s*[!=]", rule["expr"]))
        assert used <= known, rule["alert"]


def test_the_table_of_fields_is_the_log_s() -> None:
    """Each field of a line is told, in order."""
    inside = TEXT[TEXT.index("| field |") : TEXT.index("## OpenTelemetry")]
    told = [
        name for row in inside.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    ]
    assert told == [field.name for field in msgspec.structs.fields(Line)]


def test_the_attributes_are_those_of_spans() -> None:
    """Every attribute that a span can have is told, and no other; so are the histograms."""
    full = Prediction(
        prediction_id="p", request_id="r", node="n", sequence=1, time_s=0, use_case="u", deployment="d", model="m",
        status="failed", reason="x", arm="a", policy_id="p", price_id="p", drill="d", emulated=True, rows_scored=1,
        cost_pico_usd=1, budget_s=1.0, ttft_s=1.0, stream=True, stages={"NAME": 1.0},
        consumed=Tokens(input=2, cached_input=1, output=2, reasoning=1),
        attempts=(Attempt(deployment="d", kind="retry", outcome="error", reason="x"),),
    )  # fmt: skip
    span = span_of(full)
    attributes = {*span.attributes, *(name for child in span.children for name in child.attributes)}
    inside = TEXT[TEXT.index("| attribute |") : TEXT.index("Histograms, cumulative")]
    assert set(re.findall(r"`((?:gen_ai|breakeven|error|http)\.[\w.]+)`", inside)) == attributes
    assert [name for name in names.METRICS if f"`{name}`" not in TEXT] == []
