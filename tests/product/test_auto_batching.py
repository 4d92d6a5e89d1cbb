"""`auto`: from a file of measured rows and the budgets of the policy to the numbers a gateway batches by."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from breakeven.assembly import project
from breakeven.cli.main import main
from breakeven.errors import ConfigError
from breakeven.perf.batch_choice import choose_batch
from breakeven.perf.batch_curve import BatchCurve
from breakeven.schema.measurement import Measurement, write_rows

POINTS = ((1.0, 0.004), (4.0, 0.006), (16.0, 0.012), (64.0, 0.040))
CURVE = BatchCurve(points=POINTS, max_batch=64)
POLICY = """
use_cases:
  - {name: calm, latency: {budget_ms: 100}, route: {targets: [{deployment: ranker}]}}
  - {name: other, latency: {budget_ms: 1}, route: {targets: [{deployment: stated}]}}
"""
FALLBACK = (
    POLICY
    + """  - name: hasty
    latency: {budget_ms: 60, stages: {fetch_ms: 20}}
    failure: ["deployment:ranker"]
    route: {targets: [{deployment: stated}]}
"""
)


def rows(metric: str = "p50_latency_ms", models: tuple[str, ...] = ("ranker",)) -> str:
    blank = dict.fromkeys(Measurement.__struct_fields__)
    return write_rows(
        Measurement(
            **{**blank, "model": model, "load_kind": "batch", "load": size, "metric": metric, "value": seconds * 1e3}  # type: ignore[arg-type]
        )
        for model in models
        for size, seconds in POINTS
    )


def write(
    folder: Path, policy: str = POLICY, keys: str = "max_batch: auto, max_delay_ms: auto", kind: str = "onnx"
) -> project.Project:
    model = "model_path: m.onnx" if kind == "onnx" else "base_url: http://127.0.0.1:9"
    (folder / "policy.yaml").write_text(policy)
    (folder / "breakeven.yaml").write_text(
        f"backends:\n  - {{name: ranker, kind: {kind}, {model}, batch_curve: curve.csv, {keys}}}\n"
        "  - {name: stated, kind: onnx, model_path: m.onnx, max_batch: 5, threads: 1}\n"
        "deployments: [{name: ranker, backend: ranker}, {name: stated, backend: stated}]\n"
    )
    return project.load(folder / "breakeven.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a measured curve."""
    (tmp_path / "curve.csv").write_text(rows())
    return tmp_path


def batches(found: project.Project) -> tuple[int, float]:
    backend = found.policy().backends[0]
    return backend.max_batch, backend.max_delay_s


@pytest.mark.parametrize(("policy", "slot_s"), [(POLICY, 0.1), (FALLBACK, 0.04)])
def test_auto_is_what_the_curve_gives_in_the_tightest_slot(folder: Path, policy: str, slot_s: float) -> None:
    """Of those who may ask the model, by route or in the failure chain; others' budgets do not count."""
    chosen = choose_batch(CURVE, slot_s)
    assert batches(write(folder, policy)) == pytest.approx((chosen.max_batch, chosen.max_delay_s))


def test_a_looser_budget_and_a_stated_size_are_kept_to(folder: Path) -> None:
    """A longer budget gives a larger batch; a stated size or delay stays, and the other goes with it."""
    loose = batches(write(folder, POLICY.replace("budget_ms: 100", "budget_ms: 1000")))
    assert loose[0] > batches(write(folder, POLICY.replace("budget_ms: 100", "budget_ms: 30")))[0]
    stated = choose_batch(CURVE, 0.1, max_batch=4)
    assert batches(write(folder, keys="max_batch: 4, max_delay_ms: auto")) == pytest.approx((4, stated.max_delay_s))
    assert batches(write(folder, keys="max_batch: auto, max_delay_ms: 7"))[1] == 0.007
    assert batches(write(folder, keys="max_batch: 3, max_delay_ms: 7")) == (3, 0.007)


def test_a_new_measurement_is_a_new_policy(folder: Path) -> None:
    """The curve is part of what a running gateway watches."""
    found = write(folder)
    before, stamp = found.policy().id, found.stamp()
    (folder / "curve.csv").write_text(rows().replace(",40,", ",4000,"))
    again = write(folder)
    assert again.policy().id != before
    assert again.stamp()[-1] != stamp[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read .*curve.csv"),
        ("rows,seconds\n1,2\n", "curve.csv: column 'rows' is unknown"),
        (rows("rows_s"), "curve.csv is no batch curve: .* 0 deployments"),
        (rows(models=("a", "b")), "curve.csv is no batch curve: .* 2 deployments"),
    ],
)
def test_a_file_that_is_no_curve_is_refused_by_name(folder: Path, content: str | None, said: str) -> None:
    """Missing, other columns, nothing of batches, two models: each names the file, and how to make one."""
    (folder / "curve.csv").unlink()
    if content is not None:
        (folder / "curve.csv").write_text(content)
    with pytest.raises(ConfigError, match=said) as told:
        write(folder).policy()
    assert told.value.way_out


def test_a_curve_belongs_to_a_model_in_this_process(folder: Path) -> None:
    """A server batches for itself."""
    with pytest.raises(ConfigError, match="a backend of kind oip takes no `batch_curve`"):
        write(folder, kind="oip")


def test_check_shows_what_was_chosen_and_why(folder: Path) -> None:
    """Sizes, delays and threads of each model in the process; what does not fit its slot says so."""

    def shown() -> str:
        return CliRunner().invoke(main, ["check", "--config", str(folder / "breakeven.yaml")]).output

    write(folder)
    chosen = choose_batch(CURVE, 0.1)
    assert f"ranker runs batches of {chosen.max_batch} rows at most in 2 threads" in shown()
    assert f"by its curve: p95 at most {chosen.latency_s * 1e3:.3g} ms of 100 ms" in shown()
    assert "stated runs batches of 5 rows at most in 1 thread, and waits 2 ms at most (as stated" in shown()
    write(folder, POLICY.replace("budget_ms: 100", "budget_ms: 10"))
    assert "MORE THAN THE SLOT of 10 ms" in shown()
