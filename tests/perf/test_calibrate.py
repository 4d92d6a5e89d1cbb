"""Fitting coefficients: they are found again, outliers do not move them, the shipped ones state their source."""

import math

import msgspec
import numpy as np
import pytest

from breakeven.perf import steady
from breakeven.perf.calibrate import Row, fit, held_out, log_errors, summary
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import size
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

TRUTH = msgspec.structs.replace(
    PRIOR, compute=0.6, memory=0.7, link=0.4, step_s=2e-3, sequence_s=2.5e-5, link_latency_s=8e-6
)
BOARDS = [
    Accelerator(id=name, name=name, vendor="v", memory_bytes=80e9, bandwidth_bytes_s=bandwidth, flops_fp16=flops,
                link_bytes_s=link)
    for name, bandwidth, flops, link in (("a", 3.35e12, 990e12, 900e9), ("b", 0.86e12, 360e12, 64e9))
]  # fmt: skip
MODELS = [
    Model(id=f"m{layers}", name="m", params=params, active_params=params, layers=layers, hidden=4096, heads=32,
          kv_heads=8, head_dim=128, vocab=128256)
    for params, layers in ((8e9, 32), (30e9, 64))
]  # fmt: skip


def rows(noise=0.0, seed=1):
    """Step times of a known truth, with log-normal noise."""
    rng, made = np.random.default_rng(seed), []
    for board in BOARDS:
        for model in MODELS:
            for boards in (1, 4):
                at = size(model, board, boards, "bf16")
                for concurrency in (1, 8, 64, 256):
                    for prompt, output in ((128, 128), (2048, 128), (500, 2000)):
                        load = {"concurrency": concurrency, "prompt": prompt, "output": output}
                        tpot = steady.closed_loop_tpot_s(at, TRUTH, **load) * math.exp(rng.normal() * noise)
                        made.append(Row(size=at, tpot_s=tpot, group=f"{board.id}/{model.id}", **load))
    return made


def test_known_coefficients_predict_again() -> None:
    """Rows made from coefficients are predicted to 2 % by the fit to them."""
    found = fit(rows())
    assert np.abs(np.exp(log_errors(rows(), found)) - 1).max() < 0.02
    assert found.memory == pytest.approx(TRUTH.memory, rel=0.05)
    assert found.compute == pytest.approx(TRUTH.compute, rel=0.05)


def test_a_few_wild_rows_do_not_move_the_fit() -> None:
    """Five per cent of the rows ten times off change the others' predictions by less than 10 %."""
    clean = rows(0.05)
    wild = [
        msgspec.structs.replace(row, tpot_s=row.tpot_s * 10) if index % 20 == 0 else row
        for index, row in enumerate(clean)
    ]
    change = log_errors(clean, fit(wild)) - log_errors(clean, fit(clean))
    assert np.abs(change).max() < 0.10


def test_the_stated_interval_covers_what_was_left_out() -> None:
    """On rows with 10 % noise the held-out 80 % interval is about as wide as the noise's."""
    noisy = rows(0.10)
    found = summary(held_out(noisy), "left out")
    assert found.n == len(noisy)
    assert found.log_high - found.log_low == pytest.approx(2 * 1.2816 * 0.10, rel=0.35)
    assert found.median < found.p90


def test_efficiencies_are_shares() -> None:
    """No fit claims more than the specification allows, even when rows are faster than it."""
    fast = [msgspec.structs.replace(row, tpot_s=row.tpot_s * 0.3) for row in rows()]
    found = fit(fast)
    assert max(found.compute, found.memory, found.link) <= 1.0


def test_same_rows_same_coefficients() -> None:
    """A fit is a function of its rows (invariant 7)."""
    assert fit(rows(0.1)) == fit(rows(0.1))


def test_the_shipped_coefficients_say_where_they_come_from() -> None:
    """Provenance, licence, date, and errors on rows that were not fitted; their interval holds the point (inv. 11)."""
    assert PRIOR.n > 500
    assert PRIOR.licence == "Apache-2.0"
    assert PRIOR.as_of
    assert PRIOR.source
    for found in (PRIOR.errors.tpot, PRIOR.errors.ttft, PRIOR.errors.throughput):
        assert found.n >= 20
        assert found.log_low < 0 < found.log_high
        assert found.median <= found.p90
        assert found.how
