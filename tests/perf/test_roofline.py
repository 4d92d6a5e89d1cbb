"""Memory and step times: known sizes, missing facts, and that better hardware is never slower."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import FactError, InfeasibleError
from breakeven.metric.work import work_s
from breakeven.perf import memory, steady
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import Batch, size, step_curve, step_s
from breakeven.perf.simulate import simulate
from breakeven.perf.work import work_curve
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.workload import Trace, pack

LLAMA_8B = Model(
    id="llama-3.1-8b", name="Llama 3.1 8B", params=8.03e9, active_params=8.03e9, layers=32, hidden=4096, heads=32,
    kv_heads=8, head_dim=128, vocab=128256,
)  # fmt: skip
MIXTRAL = Model(
    id="mixtral-8x7b", name="Mixtral 8x7B", params=46.7e9, active_params=12.88e9, layers=32, hidden=4096, heads=32,
    kv_heads=8, head_dim=128, vocab=32000, experts=8, experts_per_token=2,
)  # fmt: skip
H100 = Accelerator(
    id="h100-sxm", name="H100 SXM", vendor="nvidia", memory_bytes=80e9, bandwidth_bytes_s=3.35e12, flops_fp16=989.5e12,
    flops_fp8=1979e12, link_bytes_s=900e9, tdp_w=700.0,
)  # fmt: skip


def test_known_sizes() -> None:
    """Llama 3.1 8B: 131,072 bytes of cache a token and 16.06 GB of weights at 16 bits."""
    assert memory.kv_bytes_per_token(LLAMA_8B, "bf16") == 131072
    assert memory.weight_bytes(LLAMA_8B, "bf16") == pytest.approx(16.06e9)
    expected = (80e9 - 16.06e9 - 2.5e9) * 0.93 / 131072
    assert memory.kv_tokens(LLAMA_8B, H100, 1, "bf16") == int(expected)


def test_key_value_heads_are_replicated_beyond_their_number() -> None:
    """Sixteen boards hold each of eight key-value heads twice."""
    assert memory.kv_bytes_per_token(LLAMA_8B, "bf16", 16) == 2 * memory.kv_bytes_per_token(LLAMA_8B, "bf16", 8)


def test_weights_that_do_not_fit_name_both_sizes() -> None:
    """The error says how much is needed, how much there is, and what binds."""
    with pytest.raises(InfeasibleError, match=r"93\.\d GB of weights.*80 GB") as caught:
        step_curve(MIXTRAL, H100, 1, "bf16")
    assert caught.value.binding == "memory"


@pytest.mark.parametrize(
    ("field", "precision", "boards"),
    [
        ("memory_bytes", "bf16", 1),
        ("bandwidth_bytes_s", "bf16", 1),
        ("flops_fp16", "bf16", 1),
        ("flops_fp8", "fp8", 1),
        ("link_bytes_s", "bf16", 2),
    ],
)
def test_a_missing_fact_is_named(field, precision, boards) -> None:
    """What the specification does not say is never guessed: the error names accelerator and field."""
    unknown = msgspec.structs.replace(H100, **{field: None})
    with pytest.raises(FactError, match=f"'h100-sxm' has {field} = None") as caught:
        step_curve(LLAMA_8B, unknown, boards, precision)
    assert field in caught.value.way_out


def test_links_matter_only_between_boards() -> None:
    """One board needs no link, and pays for none."""
    alone = step_curve(LLAMA_8B, msgspec.structs.replace(H100, link_bytes_s=None), 1, "bf16")
    assert alone == step_curve(LLAMA_8B, H100, 1, "bf16")


def test_an_unknown_precision_lists_the_known() -> None:
    """The error names the word and the words there are."""
    with pytest.raises(FactError, match="'fp3'") as caught:
        step_curve(LLAMA_8B, H100, 1, "fp3")
    assert "bf16" in caught.value.way_out


def test_a_single_decode_step_reads_the_weights() -> None:
    """One sequence on one board takes weights / (bandwidth x efficiency), plus what a step and a sequence cost."""
    at = size(LLAMA_8B, H100, 1, "bf16")
    expected = 16.06e9 / (3.35e12 * PRIOR.memory) + PRIOR.step_s + PRIOR.sequence_s
    assert step_s(at, PRIOR, Batch(decoding=1)) == pytest.approx(expected)


def test_experts_are_read_as_they_are_touched() -> None:
    """One token of Mixtral touches about its active parameters, many tokens all of them."""
    at = size(MIXTRAL, H100, 2, "fp8")
    assert at.expert_bytes == pytest.approx((46.7e9 - 12.88e9) / 0.75)
    one, many = (step_s(at, PRIOR, Batch(decoding=float(b))) for b in (1, 64))
    assert one < 0.5 * many


SPECIFICATION = ("bandwidth_bytes_s", "flops_fp16", "link_bytes_s", "memory_bytes")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(SPECIFICATION), st.floats(1.0, 4.0), st.sampled_from([1, 2, 4, 8]), st.integers(1, 512),
    st.integers(0, 4096),
)  # fmt: skip
def test_a_better_specification_is_never_slower(field, factor, boards, decoding, prefill) -> None:
    """More bandwidth, arithmetic, link or memory never lengthens a step."""
    better = msgspec.structs.replace(H100, **{field: getattr(H100, field) * factor})
    batch = Batch(decoding=decoding, context=decoding * 1000.0, prefill=prefill, pairs=prefill * 500.0)
    before, after = (step_s(size(LLAMA_8B, board, boards, "bf16"), PRIOR, batch) for board in (H100, better))
    assert after <= before * (1 + 1e-12)


def poisson(rate, n, prompt=800.0, answer=150.0):
    """Evenly spaced requests, so that only the deployment differs."""
    return Trace(
        name="even", arrival_s=pack(index / rate for index in range(n)), input_tokens=pack([prompt] * n),
        output_tokens=pack([answer] * n),
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 3.0), st.floats(1.0, 3.0), st.floats(0.5, 20.0))
def test_a_faster_accelerator_answers_no_later(bandwidth, flops, rate) -> None:
    """A board better in everything answers a trace no later in the mean."""
    better = msgspec.structs.replace(
        H100, bandwidth_bytes_s=3.35e12 * bandwidth, flops_fp16=989.5e12 * flops, memory_bytes=90e9
    )
    runs = [simulate(poisson(rate, 80), step_curve(LLAMA_8B, board, 1, "bf16"), 1) for board in (H100, better)]
    assert runs[1].column("e2e_s").mean() <= runs[0].column("e2e_s").mean() * (1 + 1e-9)


@pytest.mark.parametrize(
    ("model", "boards", "most", "batches"),
    [
        (LLAMA_8B, 1, 0.02, (1, 4, 16, 64, 128)),
        (LLAMA_8B, 4, 0.02, (1, 4, 16, 64, 128)),
        (MIXTRAL, 2, 0.25, (4, 16, 64, 128)),
    ],
)
def test_the_line_follows_the_roofline(model, boards, most, batches) -> None:
    """The curve is within 2 % of the roofline for a dense model, and 25 % from batch 4 on where experts bend it."""
    curve = step_curve(model, H100, boards, "fp8", context_mean=1000, max_batch=128)
    at = size(model, H100, boards, "fp8")
    for b in batches:
        line = curve.step_base_s + curve.step_per_sequence_s * b + curve.step_per_context_s * b * 1000
        assert line == pytest.approx(step_s(at, PRIOR, Batch(decoding=b, context=b * 1000.0)), rel=most)


def test_work_adds_up_to_the_time_of_the_steps() -> None:
    """Requests in flight, charged for their work, are charged the time the replica was busy."""
    curve = msgspec.structs.replace(step_curve(LLAMA_8B, H100, 1, "bf16"), step_per_context_s=0.0)
    work = work_curve(curve, context_mean=0.0)
    batch, answer = 16, 200
    found = simulate(poisson(1e9, batch, prompt=100.0, answer=float(answer)), curve, 1)
    charged = batch * work_s(work, input_tokens=100, output_tokens=answer, rows=0, in_flight=batch)
    assert charged == pytest.approx(found.busy_s, rel=0.01)


def test_work_reaches_the_largest_batch() -> None:
    """The points ascend in batch and in time and end at what the replica runs at most."""
    curve = step_curve(LLAMA_8B, H100, 1, "bf16", max_batch=200)
    points = work_curve(curve, 1500).tpot_s
    assert points[-1][0] == 200
    assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(points))


def test_a_saturated_replica_is_as_fast_as_its_simulation() -> None:
    """The closed form of the saturated rate agrees with a simulated backlog, ends left out, to 10 %."""
    curve = step_curve(LLAMA_8B, H100, 1, "bf16", context_mean=875, max_batch=64)
    found = simulate(poisson(1e6, 1500), curve, 1)
    done = sorted(found.column("arrival_s") + found.column("e2e_s"))
    rate = 1000 / (done[1249] - done[249])
    assert steady.replica_rps(curve, prompt=800, output=150) == pytest.approx(rate, rel=0.10)
