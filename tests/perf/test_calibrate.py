"""Fitting coefficients: they are found again, outliers do not move them, few rows move them little."""

import math

import msgspec
import numpy as np
import pytest

from breakeven.errors import EvidenceError
from breakeven.perf.calibrate import Row, fit, log_errors, logs_of, medians
from breakeven.perf.coefficients import FIELDS, START
from breakeven.perf.effects import LEVELS, place, resolve
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import columns, size
from breakeven.perf.steady import Load, tpot_s, ttft_s
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

TRUTH = msgspec.structs.replace(
    START, compute=0.55, memory=0.72, link=0.35, step_s=2e-3, layer_s=4e-5, sequence_s=2.5e-5, link_latency_s=8e-6
)
BOARDS = [
    Accelerator(id=name, name=name, vendor="v", memory_bytes=80e9, bandwidth_bytes_s=bandwidth, flops_fp16=flops,
                link_bytes_s=link)
    for name, bandwidth, flops, link in (("a", 3.35e12, 990e12, 450e9), ("b", 0.86e12, 360e12, 32e9))
]  # fmt: skip
MODELS = [
    Model(id=f"m{layers}", name="m", params=params, active_params=params, layers=layers, hidden=4096, heads=32,
          kv_heads=8, head_dim=128, vocab=128256, tied_embeddings=True)
    for params, layers in ((8e9, 32), (30e9, 64))
]  # fmt: skip


def rows(noise=0.0, seed=1, truth=TRUTH, engine="vllm", concurrencies=(1, 8, 64, 256)):
    """TPOT of a known truth in closed loops, with log-normal noise."""
    rng, made = np.random.default_rng(seed), []
    for board in BOARDS:
        for model in MODELS:
            for boards in (1, 4):
                at = place(board, engine=engine, version="1", precision="bf16", model=model.id, boards=boards)
                work = size(model, board, boards, "bf16", engine=engine)
                for in_flight in concurrencies:
                    for prompt, output in ((128, 128), (2048, 128), (500, 2000)):
                        load = Load(*(np.asarray(float(part)) for part in (prompt, output, in_flight)))
                        value = float(tpot_s(work, columns(truth), load)) * math.exp(rng.normal() * noise)
                        made.append(Row(at, work, "tpot", prompt, output, in_flight, value))
    return made


def test_known_coefficients_predict_again() -> None:
    """Rows made from coefficients are predicted to 3 % by the fit; efficiencies over `scale` are found to 5 %."""
    made = rows()
    found = fit(made)
    assert np.abs(log_errors(made, found)).max() < 0.03
    there = resolve(found, made[0].at)
    for name in ("compute", "memory", "cache", "link"):
        assert getattr(there, name) / there.scale == pytest.approx(getattr(TRUTH, name), rel=0.05)


def test_loads_never_seen_are_predicted_too() -> None:
    """A fit to some concurrencies predicts others of the same deployments, nine in ten to 3 %."""
    found = fit(rows(concurrencies=(1, 64)))
    assert np.quantile(np.abs(log_errors(rows(concurrencies=(4, 16, 128)), found)), 0.9) < 0.03


def test_a_few_wild_rows_do_not_move_the_fit() -> None:
    """Five per cent of the rows ten times off change the others' predictions by less than 5 %."""
    clean = rows(0.05)
    wild = [row._replace(value=row.value * 10) if index % 20 == 0 else row for index, row in enumerate(clean)]
    change = log_errors(clean, fit(wild)) - log_errors(clean, fit(clean))
    assert np.abs(change).max() < 0.05


def test_few_rows_move_little() -> None:
    """Rows twice as slow as expected: the more there are, the nearer the fit comes, and it never goes beyond."""
    slow = [row._replace(value=row.value * 2) for row in rows(truth=START)]
    left = [np.abs(log_errors(slow, fit(slow[:count]))).mean() for count in (1, 4, len(slow))]
    assert math.log(2) > left[0] > left[1] > left[2]


def test_no_effect_where_rows_are_as_expected() -> None:
    """Rows that the start predicts leave it as it is."""
    found = fit(rows(truth=START))
    assert found.base == pytest.approx({name: getattr(START, name) for name in FIELDS}, rel=1e-6)


def test_a_fit_goes_on_from_where_it_starts() -> None:
    """With no base to move, what is fitted is added to the start's effects, and the start stays as it was."""
    start = fit(rows(seed=1))
    before = msgspec.json.encode(start)
    slow = [row._replace(value=row.value * 1.5) for row in rows(seed=2)]
    found = fit(slow, start=start, base={})
    assert msgspec.json.encode(start) == before
    assert found.base == start.base
    assert found.n == start.n + len(slow)
    assert np.abs(log_errors(slow, found)).mean() < np.abs(log_errors(slow, start)).mean() / 3


def test_what_the_start_does_not_state_is_a_rule_of_thumb() -> None:
    """A calibration whose base lacks a coefficient can be fitted further."""
    bare = msgspec.structs.replace(PRIOR, base={}, effects={}, spreads=())
    found, stated = fit(rows(), start=bare).base, fit(rows()).base
    assert found == pytest.approx({name: stated[name] for name in found})


def test_time_to_first_token_has_its_own_costs() -> None:
    """`request_s` and `queue_share` are found from rows of TTFT with the steps held."""
    truth = msgspec.structs.replace(START, request_s=0.05, queue_share=0.4)
    made = [
        row._replace(outcome="ttft", value=float(ttft_s(row.size, columns(truth), _load(row))))
        for row in rows(truth=START)
    ]
    found = fit(made, base={"request_s": 1.0, "queue_share": 1.0}, widths={}, spread=0.3)
    assert found.base["request_s"] == pytest.approx(0.05, rel=0.05)
    assert found.base["queue_share"] == pytest.approx(0.4, rel=0.05)
    assert found.base["step_s"] == START.step_s


def _load(row: Row) -> Load:
    return Load(*(np.asarray(float(part)) for part in (row.prompt, row.output, row.in_flight)))


def test_same_rows_same_bytes() -> None:
    """A fit is a function of its rows (invariant 7)."""
    one, other = (msgspec.json.encode(fit(rows(0.1, concurrencies=(1, 64)))) for _ in range(2))
    assert one == other


def test_equal_rows_are_merged_into_their_median() -> None:
    """Three measurements of one thing are one row, in the place of the first; other things stay apart."""
    first, second = rows(concurrencies=(8,))[:2]
    several = [first._replace(value=value) for value in (3.0, 1.0)] + [second, first._replace(value=2.0)]
    assert medians(several) == [first._replace(value=2.0), second]


def test_no_rows_is_not_enough() -> None:
    """Nothing to fit is an error that says how much is needed."""
    with pytest.raises(EvidenceError, match="at least 1"):
        fit([])


def test_rows_have_the_coefficients_of_their_place() -> None:
    """The logs that a fit works on are those that `resolve` gives the row's place."""
    made = rows(concurrencies=(8,))
    of_each = [[math.log(getattr(resolve(PRIOR, row.at), name)) for name in FIELDS] for row in made]
    np.testing.assert_allclose(logs_of(made, PRIOR), of_each, rtol=1e-9, atol=1e-12)


def test_the_shipped_coefficients_say_where_they_come_from() -> None:
    """Provenance, licence, date, known kinds of effects, and errors of rows that were not fitted (invariant 11)."""
    assert PRIOR.n > 500
    assert PRIOR.licence == "Apache-2.0"
    assert PRIOR.as_of
    assert PRIOR.source
    assert set(PRIOR.base) == set(FIELDS)
    assert set(PRIOR.effects) <= set(LEVELS)
    for found in PRIOR.spreads:
        assert found.n >= 20
        assert found.low < found.high
        assert found.median <= found.p90
