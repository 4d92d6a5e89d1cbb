"""Trains the demo's homepage ranker and writes `src/breakeven/demo/data/ranker.onnx`.

    python scripts/train_homepage_ranker.py [--check]

A ridge-regularised logistic regression of clicks on campaign, item, position, the four anonymous user features, and
item x position and item x user feature. Trained on the rows of the uniformly random log before 2019-11-27 12:00 UTC
(14,593 rows, 53 clicks), judged on the rows after it (15,407 rows, 77 clicks), which are the ones the demo replays. The
ridge of each group is chosen by five-fold cross-validation inside the training rows.

Honestly: 53 clicks teach hardly anything. Cross-validation picks the strongest ridge on offer, and held out the AUC is
0.457 (95 % 0.391 to 0.524) and the log-loss 0.03183 against 0.03179 for the base rate of each campaign: not
distinguishable from knowing nothing about items and users. The demo needs a real model of realistic cost and shape, not
a good one, and its report must not claim a lift from it.

The weights are rounded to six decimals and the graph is built without names, dates or versions that vary, so that the
same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from breakeven.demo.logs import CAMPAIGNS, Impression, evaluation, ranker_path, training

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

USER_CODES = (3, 6, 10, 8)
"""How many codes each user feature may take, unseen ones included."""
ITEM_ROWS = 240
STRIDE = 80
POSITIONS = 3
GRID = tuple((main, cross) for main in (1.0, 3.0, 10.0, 30.0, 100.0) for cross in (3.0, 10.0, 30.0, 100.0, 1000.0))
FOLDS = 5


class Layout(NamedTuple):
    """Where each feature's weights lie: feature f of a candidate is weight `candidate @ matrix[:, f] + offset[f]`."""

    matrix: Ints
    offset: Ints
    crossed: NDArray[np.bool_]
    size: int


def layout() -> Layout:
    """One weight per value of a feature, and per item and value for the crossed ones."""
    columns, offsets, crossed, at = [], [], [], 0
    item = np.array([STRIDE, 1, 0, 0, 0, 0, 0])
    plain = [(2, POSITIONS, 1), *((3 + k, size, 0) for k, size in enumerate(USER_CODES))]
    features = [(np.eye(7, dtype=np.int64)[0], len(CAMPAIGNS), 0, False), (item, ITEM_ROWS, 0, False)]
    features += [(np.eye(7, dtype=np.int64)[column], size, first, False) for column, size, first in plain]
    features += [
        (item * size + np.eye(7, dtype=np.int64)[column], ITEM_ROWS * size, first, True)
        for column, size, first in plain
    ]
    for column, size, first, cross in features:
        columns.append(column)
        offsets.append(at - first)
        crossed.append(np.full(size, cross))
        at += size
    return Layout(np.stack(columns, axis=1).astype(np.int64), np.array(offsets), np.concatenate(crossed), at)


LAYOUT = layout()


def candidates(rows: Sequence[Impression]) -> Ints:
    """What was shown, as the ranker's input."""
    return np.array([(row.campaign, row.item, row.position, *row.user) for row in rows], dtype=np.int64)


def clicks(rows: Sequence[Impression]) -> Floats:
    """1 where the user clicked."""
    return np.array([row.clicked for row in rows], dtype=np.float64)


def scores(weights: Floats, rows: Ints) -> Floats:
    """Chance of a click: the reference that the ONNX file must equal."""
    return 1 / (1 + np.exp(-weights[rows @ LAYOUT.matrix + LAYOUT.offset].sum(axis=1)))


def fit(rows: Ints, clicked: Floats, main: float, cross: float) -> Floats:
    """Newton's method with conjugate gradients on the penalised log-likelihood; convex, so there is one answer."""
    index = rows @ LAYOUT.matrix + LAYOUT.offset
    ridge = np.where(LAYOUT.crossed, cross, main)
    ridge[: len(CAMPAIGNS)] = 1e-3
    weights = np.zeros(LAYOUT.size)
    weights[: len(CAMPAIGNS)] = np.log(clicked.mean() / (1 - clicked.mean()))
    for _ in range(30):
        chance = 1 / (1 + np.exp(-weights[index].sum(axis=1)))
        gradient = spread(index, clicked - chance) - ridge * weights
        if np.abs(gradient).max() < 1e-9:
            break
        weights = weights + solve(index, chance * (1 - chance), ridge, gradient)
    return weights


def spread(index: Ints, values: Floats) -> Floats:
    """Transposed design matrix times `values`."""
    return np.bincount(index.ravel(), np.repeat(values, index.shape[1]), minlength=LAYOUT.size)


def solve(index: Ints, curvature: Floats, ridge: Floats, target: Floats) -> Floats:
    """(X' C X + ridge) x = target by preconditioned conjugate gradients."""
    scale = 1 / (ridge + spread(index, curvature))
    x, residual = np.zeros_like(target), target.copy()
    direction = scale * residual
    size = residual @ direction
    for _ in range(200):
        image = spread(index, curvature * direction[index].sum(axis=1)) + ridge * direction
        step = size / (direction @ image)
        x, residual = x + step * direction, residual - step * image
        scaled = scale * residual
        size, previous = residual @ scaled, size
        if size < 1e-22:
            break
        direction = scaled + size / previous * direction
    return x


def log_losses(clicked: Floats, chance: Floats) -> Floats:
    """Minus the log-likelihood of each row."""
    return -np.where(clicked > 0, np.log(chance), np.log1p(-chance))


def choose(rows: Ints, clicked: Floats) -> tuple[float, float]:
    """The ridge pair with the smallest cross-validated log-loss."""
    fold = np.arange(len(rows)) % FOLDS

    def loss(pair: tuple[float, float]) -> float:
        parts = [
            log_losses(clicked[fold == k], scores(fit(rows[fold != k], clicked[fold != k], *pair), rows[fold == k]))
            for k in range(FOLDS)
        ]
        return float(np.concatenate(parts).mean())

    return min(GRID, key=loss)


def train(rows: Sequence[Impression]) -> Floats:
    """The weights that are shipped: fitted in double precision, rounded to six decimals, as single precision."""
    data, clicked = candidates(rows), clicks(rows)
    pair = choose(data, clicked)
    print(f"ridge chosen by {FOLDS}-fold cross-validation: main {pair[0]:g}, crossed {pair[1]:g}")
    return np.round(fit(data, clicked, *pair), 6).astype(np.float32).astype(np.float64)


def build(weights: Floats) -> bytes:
    """The ONNX graph: candidates [N, 7] -> MatMul, Add, Gather, ReduceSum, Sigmoid -> score [N]."""
    constants = {
        "matrix": LAYOUT.matrix,
        "offset": LAYOUT.offset,
        "weights": weights.astype(np.float32),
        "features": np.array([1], dtype=np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["candidates", "matrix"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["index"]),
        helper.make_node("Gather", ["weights", "index"], ["terms"], axis=0),
        helper.make_node("ReduceSum", ["terms", "features"], ["logit"], keepdims=0),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "homepage-ranker",
        [helper.make_tensor_value_info("candidates", TensorProto.INT64, ["N", 7])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(
        graph, producer_name="breakeven", ir_version=9, opset_imports=[helper.make_opsetid("", 17)]
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def auc(clicked: Floats, chance: Floats) -> tuple[float, float]:
    """Area under the ROC curve and its standard error (DeLong, DeLong & Clarke-Pearson 1988)."""
    hit, miss = chance[clicked > 0], chance[clicked == 0]
    wins = (hit[:, None] > miss[None, :]) + 0.5 * (hit[:, None] == miss[None, :])
    variance = wins.mean(axis=1).var(ddof=1) / len(hit) + wins.mean(axis=0).var(ddof=1) / len(miss)
    return float(wins.mean()), float(np.sqrt(variance))


def judge(weights: Floats, known: Sequence[Impression], held_out: Sequence[Impression]) -> list[str]:
    """Held-out quality against the base rate of each campaign in the training rows, with 95 % intervals."""
    data, clicked = candidates(held_out), clicks(held_out)
    chance = scores(weights, data)
    rate = np.array([np.mean([row.clicked for row in known if row.campaign == k]) for k in range(len(CAMPAIGNS))])
    gain = log_losses(clicked, rate[data[:, 0]]) - log_losses(clicked, chance)
    half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    area, error = auc(clicked, chance)
    base, base_error = auc(clicked, rate[data[:, 0]])
    return [
        f"trained on {len(known):,} rows, {int(clicks(known).sum())} clicks",
        f"held out {len(held_out):,} rows, {int(clicked.sum())} clicks",
        f"held-out AUC      {area:.3f}  95 % {area - 1.96 * error:.3f}..{area + 1.96 * error:.3f}  (chance: 0.5)",
        f"base-rate AUC     {base:.3f}  95 % {base - 1.96 * base_error:.3f}..{base + 1.96 * base_error:.3f}",
        f"held-out log-loss {log_losses(clicked, chance).mean():.5f}",
        f"base-rate log-loss {log_losses(clicked, rate[data[:, 0]]).mean():.5f}",
        f"log-loss gain {gain.mean():+.2e}  95 % {gain.mean() - half:+.2e}..{gain.mean() + half:+.2e}",
    ]


def main() -> None:
    """Train, judge, write (or with --check only compare)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed file instead of writing it")
    check: bool = parser.parse_args().check
    known, held_out = training(), evaluation()
    weights = train(known)
    print("\n".join(judge(weights, known, held_out)))
    if check:
        with open(ranker_path(), "rb") as file:  # noqa: PTH123 - the packaged path is a string
            print("same bytes" if file.read() == build(weights) else "DIFFERENT from the committed file")
        return
    with open(ranker_path(), "wb") as file:  # noqa: PTH123 - the packaged path is a string
        print(f"{ranker_path()}: {file.write(build(weights)):,} bytes")


if __name__ == "__main__":
    main()
