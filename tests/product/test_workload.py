"""`breakeven workload`: fit, show, forecast, sample, from files and from a ledger."""

import json
import lzma
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from breakeven.app import workload as app
from breakeven.cli.main import main
from breakeven.demo import logs
from breakeven.ledger.seal import seal_once
from breakeven.schema.demand import Callers
from breakeven.schema.journal import frame
from breakeven.schema.noun import Tier
from breakeven.schema.record import Prediction, Tokens
from breakeven.workload.callers import asked

SERIES = Path(__file__).parents[2] / "bench/data/series/servegen_m_small.csv.xz"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["workload", *map(str, arguments)])


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The first ten minutes of the demo's conversations, compressed."""
    _, rows = logs.text("azure_llm_conv_2023.csv.xz").split("\n", 1)
    kept = [row for row in rows.splitlines() if float(row.split(",")[0]) < 600]
    path = tmp_path / "conv.csv.xz"
    path.write_bytes(lzma.compress("\n".join(["arrived_at,num_prefill_tokens,num_decode_tokens", *kept]).encode()))
    return path


def record(number: int) -> Prediction:
    tiers: tuple[Tier, Tier] = ("critical", "opportunistic")
    return Prediction(
        prediction_id=f"p{number}", request_id=f"r{number}", node="n", sequence=number, time_s=1_764_000_000.0 + number,
        use_case="assistant", tier=tiers[number % 4 == 0], subject=f"s{number % 5}", session=f"c{number // 4}",
        served=Tokens(input=100 + number % 7, output=10 + number % 3),
    )  # fmt: skip


def test_fit_prints_what_scripts_read(trace: Path) -> None:
    """The keys of the contract, each with a value; windows are keys of the dispersion."""
    found = json.loads(run("fit", trace, "--json").stdout)
    assert {
        "class",
        "evidence",
        "rate_mean",
        "rate_p95",
        "index_of_dispersion",
        "tokens",
        "prefix_share",
        "warnings",
    } <= (found.keys())
    assert found["class"] == "steady"
    assert found["rate_p95"] > found["rate_mean"] > 0
    assert set(found["index_of_dispersion"]) == {"1", "10"}
    assert found["tokens"]["input"]["p95"] > found["tokens"]["input"]["mean"] > found["tokens"]["input"]["p50"]
    assert found["prefix_share"] is None
    assert "under two days" in found["warnings"][0]


def test_counts_have_a_day_and_missing_windows() -> None:
    """Two weeks per ten minutes: the daily shape, change points, and the 37 windows that nobody collected."""
    found = json.loads(run("fit", SERIES, "--json").stdout)
    assert found["class"] == "steady"
    assert len(found["daily"]) == 24
    assert max(found["daily"]) > 1.3
    assert sum(one["end_s"] - one["start_s"] for one in found["missing"]) == 37 * 600
    assert found["tokens"]["input"] is None


def test_forecast_prints_quantile_paths() -> None:
    """One path a level, in order, as long as the horizon; how it fared before; a campaign on top of it."""
    found = json.loads(run("forecast", SERIES, "--horizon", "6h", "--json").stdout)
    assert list(found["quantiles"]) == ["0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"]
    assert {len(path) for path in found["quantiles"].values()} == {36}
    assert all(abs(float(level) - share) < 0.03 for level, share in found["coverage_backtest"].items())
    more = json.loads(run("forecast", SERIES, "--horizon", "6h", "--campaign", "lift=1,duration=6h", "--json").stdout)
    assert sum(more["quantiles"]["0.5"]) == pytest.approx(2 * sum(found["quantiles"]["0.5"]))


def test_a_sample_is_the_same_bytes_and_says_how_near_it_came(trace: Path, tmp_path: Path) -> None:
    """From the trace and from the workload written of it, the same seed, the same file."""
    assert run("fit", trace, "--out", tmp_path / "w.yaml").exit_code == 0
    outs = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for source, out in zip((trace, tmp_path / "w.yaml"), outs, strict=True):
        told = run("sample", source, "--seconds", "500", "--seed", "3", "--out", out, "--json")
        assert abs(json.loads(told.stdout)["gaps"]["rate_mean"]) < 0.05
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert run("fit", outs[0]).output.startswith("a: steady")


def test_records_say_who_asked_and_in_which_tier(tmp_path: Path) -> None:
    """Our own records as JSON lines: subjects, sessions, tiers, and the clock."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(record(number)) for number in range(40)))
    found = app.to_json(app.fit(path))
    assert (found["subjects"], found["sessions"]) == (5, 10)
    assert found["tiers"] == {"critical": 0.75, "opportunistic": 0.25}
    assert asked(path.read_text()).first_s == 1_764_000_000.0


def ledger(folder: Path, *, sealed: bool) -> Path:
    """Forty predictions, in a journal or sealed into a segment."""
    journal = folder / "journal" / "gw-00000001.journal"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"".join(map(frame, map(record, range(40)))))
    if sealed:
        assert seal_once(folder, 1.0).rows == 40
    return folder


@pytest.mark.parametrize("sealed", [False, True])
def test_a_ledger_is_shown_and_written_as_a_workload(tmp_path: Path, sealed: bool) -> None:
    """The command shows the ledger's own traffic; `--out` writes it with its callers, tiers and the hour it began."""
    data, out = ledger(tmp_path / "data", sealed=sealed), tmp_path / "w.yaml"
    shown = run("assistant", "--data-dir", data, "--out", out, "--json")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["n"] == 40
    found = app.fit(out)
    assert found.callers == Callers(
        subjects=5, sessions=10, session_requests_mean=4.0, session_requests_p95=4.0, busiest_share=0.2
    )
    assert dict(found.tiers) == {"critical": 0.75, "opportunistic": 0.25}
    assert found.start_s == 1_764_000_000.0


def test_a_trace_may_stand_in_for_the_ledger(trace: Path) -> None:
    """As ever, and compressed too."""
    told = run("assistant", "--trace", trace)
    assert told.stdout.startswith("assistant: steady")
    assert "coefficient of variation" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "nowhere.csv"), "cannot read nowhere.csv"),
        (("forecast", SERIES, "--horizon", "soon"), "--horizon is 'soon'"),
        (("forecast", SERIES, "--horizon", "1d", "--quantiles", "half"), "--quantiles is 'half'"),
        (("forecast", SERIES, "--horizon", "1d", "--campaign", "lift=2"), "needs lift and duration"),
        (("sample", SERIES, "--seconds", "60", "--out", "s.jsonl"), "no lengths of requests"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: tuple[str, ...], words: str) -> None:
    """One sentence with the value, and a way out; the exit code is not 0."""
    told = run(*arguments)
    assert told.exit_code != 0
    assert words in told.stderr
    assert "way out" in told.stderr
