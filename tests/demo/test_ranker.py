"""The committed ranker is the model that its script trains, and its claims are modest."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from breakeven.demo import logs, message

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_homepage_ranker", ROOT / "scripts/train_homepage_ranker.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def session() -> ort.InferenceSession:
    return ort.InferenceSession(logs.ranker_path(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    graph = onnx.load(logs.ranker_path()).graph
    return next(numpy_helper.to_array(one) for one in graph.initializer if one.name == "weights").astype(np.float64)


def test_the_signature_is_the_stated_one(session: ort.InferenceSession) -> None:
    """One input of seven integer columns, one score per row."""
    (given_,), (out,) = session.get_inputs(), session.get_outputs()
    assert (given_.name, given_.type, given_.shape) == ("candidates", "tensor(int64)", ["N", 7])
    assert (out.name, out.type, out.shape) == ("score", "tensor(float)", ["N"])


def test_scores_equal_the_reference(session: ort.InferenceSession, trainer: ModuleType, weights: np.ndarray) -> None:
    """Every evaluation row scores in ONNX Runtime as in plain numpy, to the 1e-7 of its single-precision sigmoid."""
    rows = trainer.candidates(logs.evaluation())
    found = session.run(None, {"candidates": rows})[0]
    np.testing.assert_allclose(found, trainer.scores(weights, rows), rtol=0, atol=2e-7)


def test_the_item_shown_is_the_references(
    session: ort.InferenceSession, trainer: ModuleType, weights: np.ndarray
) -> None:
    """For every user, campaign and position that is replayed, both show an item of the same score."""
    for campaign, position, user in sorted({(row.campaign, row.position, row.user) for row in logs.evaluation()}):
        rows = np.array([(campaign, item, position, *user) for item in range(logs.ITEMS[campaign])])
        exact = trainer.scores(weights, rows)
        shown = message.chosen(session.run(None, {"candidates": rows})[0].tolist())
        assert exact[shown] >= exact.max() - 2e-7


@given(batch=st.integers(1, 300), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_a_row_scores_alike_in_any_batch(
    session: ort.InferenceSession, trainer: ModuleType, batch: int, seed: int
) -> None:
    """Batching requests together changes nobody's score."""
    rows = trainer.candidates(logs.evaluation()[seed : seed + batch])
    together = session.run(None, {"candidates": rows})[0]
    alone = np.concatenate([session.run(None, {"candidates": rows[k : k + 1]})[0] for k in range(len(rows))])
    np.testing.assert_array_equal(together, alone)


def test_the_committed_model_is_the_trained_one(trainer: ModuleType, weights: np.ndarray) -> None:
    """Training again on the packaged rows gives the committed weights (up to the last rounded digit)."""
    rows, clicked = trainer.candidates(logs.training()), trainer.clicks(logs.training())
    np.testing.assert_allclose(trainer.fit(rows, clicked, 100.0, 1000.0), weights, atol=2e-6)


def test_same_weights_same_bytes(trainer: ModuleType, weights: np.ndarray) -> None:
    """The graph carries no date, host or random name."""
    assert trainer.build(weights) == trainer.build(weights) == Path(logs.ranker_path()).read_bytes()


def test_the_fit_is_at_its_optimum(trainer: ModuleType) -> None:
    """No small step in any of ten random directions lowers the penalised loss."""
    rows, clicked = trainer.candidates(logs.training()[:2000]), trainer.clicks(logs.training()[:2000])
    best = trainer.fit(rows, clicked, 10.0, 100.0)
    ridge = np.where(trainer.LAYOUT.crossed, 100.0, 10.0)
    ridge[:3] = 1e-3

    def loss(at: np.ndarray) -> float:
        return float(trainer.log_losses(clicked, trainer.scores(at, rows)).sum() + 0.5 * (ridge * at**2).sum())

    random = np.random.default_rng(1)
    for _ in range(10):
        step = random.normal(size=best.shape)
        assert loss(best) <= min(loss(best + 1e-4 * step), loss(best - 1e-4 * step))


def test_features_never_share_a_weight(trainer: ModuleType) -> None:
    """Distinct values of distinct features lie at distinct indices inside the table."""
    rows = trainer.candidates(logs.impressions())
    index = rows @ trainer.LAYOUT.matrix + trainer.LAYOUT.offset
    assert index.min() >= 0
    assert index.max() < trainer.LAYOUT.size
    columns = [set(column) for column in index.T.tolist()]
    assert len(set().union(*columns)) == sum(map(len, columns))


def test_auc_by_its_definition(trainer: ModuleType) -> None:
    """Perfect order is 1, reversed 0, ties a half."""
    clicked = np.array([0.0, 1.0, 0.0, 1.0])
    assert trainer.auc(clicked, np.array([0.1, 0.9, 0.2, 0.8]))[0] == 1
    assert trainer.auc(clicked, np.array([0.9, 0.1, 0.8, 0.2]))[0] == 0
    assert trainer.auc(clicked, np.full(4, 0.3))[0] == 0.5


def test_no_skill_is_claimed(trainer: ModuleType, weights: np.ndarray) -> None:
    """Held out, chance lies inside the AUC's interval; the script's own words say so, and so must a report."""
    held_out = logs.evaluation()
    area, error = trainer.auc(trainer.clicks(held_out), trainer.scores(weights, trainer.candidates(held_out)))
    assert abs(area - 0.5) < 1.96 * error
    assert f"{area:.3f}" in trainer.__doc__
    said = "\n".join(trainer.judge(weights, logs.training(), held_out))
    assert "14,593 rows, 53 clicks" in said
    assert "15,407 rows, 77 clicks" in said
