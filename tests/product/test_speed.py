"""predict, accuracy and calibrate on files of measured rows: the contract that scripts rely on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from breakeven.app import speed
from breakeven.assembly import judged, measured
from breakeven.assembly.regret import regrets
from breakeven.catalog.load import load
from breakeven.cli.main import main
from breakeven.perf.calibrate import medians
from breakeven.schema.measurement import COLUMNS, Measurement, read_rows

HEADER = ",".join(COLUMNS)


def line(**changes: object) -> str:
    """One row; every column can be changed."""
    row: dict[str, object] = {
        "source": "own", "version": "0.12.0", "date": "2026-01-01", "engine": "vllm", "model": "llama-3.1-8b",
        "gpu": "h100-sxm", "ngpu": 1, "tp": 1, "precision": "bf16", "isl": 1024, "osl": 256,
        "load_kind": "closed_concurrency", "load": 16, "metric": "mean_tpot_ms", "value": 8.5, "unit": "ms",
    } | changes  # fmt: skip
    return ",".join(str(row[name]) for name in COLUMNS)


def measurements(*lines: str) -> tuple[Measurement, ...]:
    return read_rows("\n".join([HEADER, *lines]) + "\n")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def predictions(tmp_path: Path, *lines: str) -> list[dict[str, str]]:
    """What `predict` writes for the rows."""
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text("\n".join([HEADER, *lines]) + "\n")
    assert run("predict", "--rows", str(rows), "--out", str(out)).exit_code == 0
    return list(csv.DictReader(io.StringIO(out.read_text())))


def test_the_value_of_a_row_never_reaches_its_prediction(tmp_path: Path) -> None:
    """Whatever stands in `value`, even nonsense, the predictions are the same bytes."""
    seen = [predictions(tmp_path, line(value=value)) for value in (8.5, 1e6, "", "nonsense")]
    assert all(one == seen[0] for one in seen)
    assert list(seen[0][0]) == ["row", "predicted", "low80", "high80", "refused"]


def test_rows_count_from_nought_and_each_has_its_line(tmp_path: Path) -> None:
    """A refused row keeps its place, with the reason and no figures."""
    found = predictions(tmp_path, line(), line(tp="", ngpu=""), line(model="no-such-model"), line(load=32))
    assert [one["row"] for one in found] == ["0", "1", "2", "3"]
    assert [bool(one["refused"]) for one in found] == [False, True, True, False]
    assert "does not state tp" in found[1]["refused"]
    assert "no-such-model" in found[2]["refused"]
    assert found[1]["predicted"] == ""
    for one in (found[0], found[3]):
        assert float(one["low80"]) < float(one["predicted"]) < float(one["high80"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ngpu": 6, "tp": 4}, "6 accelerators are not a whole number of tensor-parallel groups of 4"),
        ({"ngpu": 3, "tp": 3}, "32 attention heads, which 3 boards cannot share evenly"),
        ({"model": "llama-3.1-405b"}, "needs 812 GB on each of 1 x h100-sxm, with 86 GB"),
        ({"precision": "fp3"}, "precision 'fp3' is unknown"),
        ({"gpu": "H1000"}, "accelerator 'H1000' is not in the catalog"),
        ({"load": 0}, "must all be above 0"),
        ({"load_kind": "half_open"}, "load_kind 'half_open' is not one of"),
        ({"metric": "joy"}, "metric 'joy' is not one of"),
    ],
)
def test_what_cannot_be_is_refused_with_both_numbers(changes: dict[str, object], why: str) -> None:
    """The sentence names the thing and what it stands against."""
    [found] = speed.predict_rows(measurements(line(**changes)))
    assert why in found.refused
    assert found.predicted is None


def test_names_of_any_habit_mean_the_same_deployment() -> None:
    """Makers, tunings and form factors in names change nothing."""
    one, other = speed.predict_rows(
        measurements(line(), line(model="meta-llama/Llama-3.1-8B-Instruct", gpu="NVIDIA H100-SXM-80GB"))
    )
    assert one.predicted == other.predicted


@pytest.mark.parametrize(("habit", "ours"), [("bfloat16", "bf16"), ("NVFP4", "fp4"), ("FP8", "fp8"), ("awq", "int4")])
def test_formats_of_any_habit_are_ours(habit: str, ours: str) -> None:
    """What vendors call a format is what we call it."""
    one, other = speed.predict_rows(measurements(line(precision=habit, gpu="b200"), line(precision=ours, gpu="b200")))
    assert not one.refused
    assert one.predicted == other.predicted


def test_a_file_without_values_can_be_predicted(tmp_path: Path) -> None:
    """The column need not be there."""
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    columns = [name for name in COLUMNS if name != "value"]
    cells = dict(zip(COLUMNS, line().split(","), strict=True))
    rows.write_text(f"{','.join(columns)}\n{','.join(cells[name] for name in columns)}\n")
    assert run("predict", "--rows", str(rows), "--out", str(out)).exit_code == 0
    assert out.read_text().splitlines()[1].endswith(",")


def test_more_boards_than_a_node_with_a_square_are_tensor_times_expert_parallel() -> None:
    """Published rows with tp 64 on eight-board nodes are those with tp 8."""
    rows = measurements(*(line(model="deepseek-r1", gpu="b200", precision="fp4", tp=tp, ngpu=tp) for tp in (8, 64)))
    one, other = speed.predict_rows(rows)
    assert one.predicted == other.predicted


def test_pipeline_stages_are_accelerators_over_tensor_parallel() -> None:
    """Two stages of one board hold what one cannot, are slower than two boards together, and are less sure."""
    rows = measurements(
        line(model="llama-3.1-70b", precision="fp8", gpu="h200-sxm", ngpu=2, tp=1),
        line(model="llama-3.1-70b", precision="fp8", gpu="h200-sxm", ngpu=2, tp=2),
    )
    staged, together = speed.predict_rows(rows)
    assert staged.predicted > together.predicted
    assert staged.high80 / staged.low80 > together.high80 / together.low80


def test_an_engine_nobody_measured_is_less_sure() -> None:
    """Its interval holds that of an engine that was measured, around its own point."""
    known, unknown = speed.predict_rows(measurements(line(), line(engine="own-engine")))
    assert unknown.unseen == "engine"
    assert unknown.high80 / unknown.predicted >= known.high80 / known.predicted
    assert unknown.low80 / unknown.predicted <= known.low80 / known.predicted


def test_open_loops_are_simulated_and_offline_runs_have_a_rate() -> None:
    """Tokens per second of an open loop below the knee are rate x output tokens, but for its start and end."""
    rows = measurements(
        line(load_kind="open_qps", load=2, metric="output_tok_s", unit="tok/s"),
        line(load_kind="open_qps", load=2, metric="mean_ttft_ms"),
        line(load_kind="offline_max", load="inf", metric="output_tok_s", unit="tok/s"),
    )
    open_rate, ttft, offline = speed.predict_rows(rows)
    assert open_rate.predicted == pytest.approx(2 * 256, rel=0.1)
    assert 10 < ttft.predicted < 500
    assert offline.predicted > 10 * open_rate.predicted


def test_accuracy_says_what_scripts_expect(tmp_path: Path) -> None:
    """Groups by source, engine, accelerator and metric; an overall; refusals by row."""
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join([HEADER, line(), line(load=32, value=11.0), line(tp="", ngpu="")]) + "\n")
    found = json.loads(run("accuracy", "--rows", str(rows), "--json").output)
    [group] = found["groups"]
    assert {"source", "engine", "gpu", "metric", "n", "mape", "median_ape", "p90_ape", "coverage80"} == set(group)
    assert (group["source"], group["engine"], group["gpu"], group["metric"], group["n"]) == (
        "own", "vllm", "h100-sxm", "mean_tpot_ms", 2,
    )  # fmt: skip
    assert found["overall"]["n"] == 2
    assert [one["row"] for one in found["refused"]] == [2]
    assert not found["miss"]


def test_refusing_more_than_a_twentieth_of_what_could_be_predicted_is_a_miss() -> None:
    """A row of a kind that is not supported does not count; one that is does."""
    few = speed.judge(measurements(*[line()] * 40, line(model="nobody"), line(tp="", ngpu="")))
    many = speed.judge(measurements(*[line()] * 10, line(model="nobody")))
    assert (few.refused_supported, few.miss) == (1, False)
    assert many.miss


def test_an_exact_prediction_has_no_error() -> None:
    """Rows whose values are the predictions: no error, all inside."""
    rows = measurements(*(line(load=load) for load in (1, 4, 16)))
    said = speed.predict_rows(rows)
    exact = measurements(*(line(load=load, value=one.predicted) for load, one in zip((1, 4, 16), said, strict=True)))
    found = speed.judge(exact)
    assert found.overall.mape == pytest.approx(0, abs=1e-6)
    assert found.overall.coverage80 == 1.0


def test_calibrating_on_a_slower_machine_predicts_it(tmp_path: Path) -> None:
    """Rows half as fast as predicted: loads that were held back are then predicted far better than before."""
    loads = (1, 2, 4, 8, 16, 32)
    said = speed.predict_rows(measurements(*(line(load=load, engine="own-engine") for load in (*loads, 12))))
    rows, held = tmp_path / "rows.csv", tmp_path / "held.csv"
    slow = [
        line(load=load, engine="own-engine", value=2 * one.predicted)
        for load, one in zip((*loads, 12), said, strict=True)
    ]
    rows.write_text("\n".join([HEADER, *slow[:-1]]) + "\n")
    held.write_text("\n".join([HEADER, slow[-1]]) + "\n")
    out = tmp_path / "own.json"
    assert run("calibrate", "--rows", str(rows), "--out", str(out)).exit_code == 0
    after = json.loads(run("accuracy", "--rows", str(held), "--coefficients", str(out), "--json").output)
    assert after["overall"]["mape"] < 0.05
    assert run("accuracy", "--rows", str(held), "--coefficients", str(held)).exit_code == 3


def test_what_was_calibrated_is_seen_and_simulates(tmp_path: Path) -> None:
    """Its own engine is known to `simulate`, its other models too, and intervals are those of its own loads."""
    said = speed.predict_rows(measurements(*(line(load=load, engine="own-engine") for load in (1, 2, 4, 8, 16))))
    rows, out = tmp_path / "rows.csv", tmp_path / "own.json"
    lines = [
        line(load=load, engine="own-engine", value=3 * one.predicted)
        for load, one in zip((1, 2, 4, 8, 16), said, strict=True)
    ]
    rows.write_text("\n".join([HEADER, *lines]) + "\n")
    assert run("calibrate", "--rows", str(rows), "--out", str(out)).exit_code == 0
    by = speed.coefficients_of(out)
    same, other = (
        speed.predict_rows(measurements(line(engine="own-engine", model=model)), by)[0]
        for model in ("llama-3.1-8b", "qwen3-8b")
    )
    before = speed.predict_rows(measurements(line(engine="own-engine", model="qwen3-8b")))[0]
    assert (same.unseen, other.unseen) == ("nothing", "model")
    assert other.predicted > 2 * before.predicted
    trace = tmp_path / "trace.csv"
    trace.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n1,100,10\n")
    shared = ("--model", "llama-3.1-8b", "--accelerator", "h100-sxm", "--engine", "own-engine", "--trace", str(trace))
    assert run("simulate", *shared).exit_code == 2
    assert run("simulate", *shared, "--coefficients", str(out)).exit_code == 0


def test_too_few_rows_say_so(tmp_path: Path) -> None:
    """The error counts what there is and what is needed."""
    rows = tmp_path / "rows.csv"
    rows.write_text("\n".join([HEADER, line(), line(model="nobody")]) + "\n")
    result = run("calibrate", "--rows", str(rows), "--out", str(tmp_path / "own.json"))
    assert result.exit_code == 4
    assert "1 of 2 rows can be fitted, 4 are needed" in result.output
    assert run("calibrate", "--out", str(tmp_path / "own.json")).exit_code == 2


def test_a_perfect_model_regrets_nothing() -> None:
    """Choosing by the measured values is the best choice; choosing at random is not."""
    lines = [
        line(engine="trtllm", load_kind="offline_max", load="inf", metric="output_tok_s", ngpu=tp, tp=tp, value=value)
        for tp, value in ((1, 9_000), (2, 20_000), (4, 30_000))
    ]
    found, _ = measured.cases(measurements(*lines), measured.Names(load()))
    rows = medians(measured.fit_rows(found))
    [best] = regrets(rows, np.zeros(len(rows)))
    assert (best.choices, best.regret) == (3, 0.0)
    assert best.smallest == pytest.approx(1 - 9_000 / 10_000)
    [worse] = regrets(rows, np.log([0.1, 10.0, 1.0]))
    assert worse.regret > 0


def test_bounds_from_other_folds_cover_what_they_state() -> None:
    """Of errors that are alike in all folds 80 % lie inside; of a fold that is unlike, fewer."""
    errors = np.random.default_rng(1).normal(size=6000)
    folds = np.arange(6000) % 6
    assert judged.coverage(errors, folds) == pytest.approx(0.8, abs=0.02)
    assert judged.coverage(errors + 4.0 * (folds == 0), folds) < 0.75
