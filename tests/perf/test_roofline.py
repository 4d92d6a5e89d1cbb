"""Step times of a roofline: known sizes, missing facts, and that better hardware is never slower."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.errors import FactError, UsageError
from breakeven.perf.coefficients import START, Coefficients
from breakeven.perf.memory import divides
from breakeven.perf.roofline import batch, columns, size, stack, step_s
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

LLAMA_8B = Model(
    id="llama-3.1-8b", name="Llama 3.1 8B", params=8.03e9, active_params=8.03e9, layers=32, hidden=4096, heads=32,
    kv_heads=8, head_dim=128, vocab=128256, tied_embeddings=True,
)  # fmt: skip
H100 = Accelerator(
    id="h100-sxm", name="H100 SXM", vendor="nvidia", memory_bytes=80e9, bandwidth_bytes_s=3.35e12, flops_fp16=989.5e12,
    flops_fp8=1979e12, link_bytes_s=450e9, tdp_w=700.0,
)  # fmt: skip
SHIPPED = [model for model in load().models() if model.layers]


@st.composite
def models(draw) -> Model:
    """Grouped-query or latent attention; dense or experts; windows, sparse attention and linear layers."""
    layers, heads = draw(st.integers(2, 96)), draw(st.sampled_from([8, 16, 32, 64]))
    hidden, vocab = 128 * heads, draw(st.sampled_from([32_000, 128_256]))
    found = {"attention": "gqa", "kv_heads": draw(st.sampled_from([1, 2, 8]))}
    if draw(st.booleans()):
        found = {"attention": "mla", "kv_heads": 1, "kv_latent": 512, "kv_rope": 64}
    if draw(st.booleans()):
        found |= {"window_layers": draw(st.integers(0, layers // 2)), "window_tokens": 1024}
    if draw(st.booleans()):
        found |= {"linear_layers": draw(st.integers(0, layers // 2)), "state_numbers": 1e5}
    if draw(st.booleans()):
        found |= {"sparse_tokens": 2048}
    dense = vocab * hidden + layers * 6.0 * hidden**2
    experts, chosen = draw(st.sampled_from([(0, 0), (8, 2), (128, 8)]))
    routed = experts * layers * hidden**2 * 0.5
    active = dense + (routed * chosen / experts if experts else 0.0)
    return Model(
        id="drawn", name="drawn", params=dense + routed, active_params=active,
        layers=layers, hidden=hidden, heads=heads, head_dim=128, vocab=vocab, experts=experts, experts_per_token=chosen,
        expert_params=routed, moe_layers=layers if experts else 0, tied_embeddings=True, **found,
    )  # fmt: skip


MODELS = st.one_of(models(), st.sampled_from(SHIPPED))
BOARDS = st.sampled_from([1, 2, 4, 8])
BATCHES = st.tuples(st.integers(0, 512), st.integers(1, 30_000), st.integers(0, 8192))


def seconds(model: Model, board: Accelerator, boards: int, load, fitted: Coefficients = START, **layout) -> float:
    """A step of decoding sequences, context each, and tokens of one prompt."""
    decoding, context, prefill = (float(part) for part in load)
    at = size(model, board, boards, layout.pop("precision", "bf16"), **layout)
    return float(
        step_s(at, columns(fitted), batch(at, np.asarray(decoding), np.asarray(context), prefill, prefill**2 / 2))
    )


def test_a_single_decode_step_reads_the_weights() -> None:
    """One sequence on one board: weights / (bandwidth x share), what layers and sequences cost, and little else."""
    reads = (8.03e9 * 2 + 131072 * 1) / (3.35e12 * START.memory)
    launch = START.step_s + 32 * START.layer_s + START.sequence_s + START.token_s
    assert seconds(LLAMA_8B, H100, 1, (1, 1, 0)) == pytest.approx(reads + launch, rel=0.01)


def test_nothing_to_do_takes_no_time_beyond_its_launch() -> None:
    """Joining no arithmetic with no reads is no time, not a tiny or undefined one."""
    nothing = msgspec.structs.replace(LLAMA_8B, params=0.0, active_params=0.0, vocab=0)
    assert seconds(nothing, H100, 1, (0, 0, 0)) == START.step_s + 32 * START.layer_s


def test_experts_are_read_as_they_are_touched() -> None:
    """One token of Mixtral reads about its active parameters, many tokens all of them."""
    mixtral, calm = load().model("mixtral-8x7b"), columns(msgspec.structs.replace(START, step_s=1e-12, layer_s=1e-12))
    at = size(mixtral, H100, 2, "fp8")
    assert float(at.expert_bytes) * 2 == pytest.approx(mixtral.routed_params)
    one, many = (float(step_s(at, calm, batch(at, np.asarray(b), np.asarray(1.0)))) for b in (1.0, 64.0))
    assert one < 0.5 * many


@settings(max_examples=30)
@given(st.lists(st.tuples(MODELS, BOARDS, BATCHES, st.floats(0.5, 1.5)), min_size=1, max_size=6))
def test_many_deployments_at_once_equal_each_alone(drawn) -> None:
    """A column of deployments has in each row what that deployment has by itself."""
    drawn = [one for one in drawn if divides(one[0], one[1])] or [(LLAMA_8B, 1, (1, 1, 0), 1.0)]
    fitted = [msgspec.structs.replace(START, scale=scale, cache=scale / 2) for *_, scale in drawn]
    at = stack([size(model, H100, boards, "bf16") for model, boards, *_ in drawn])
    decoding, context, prefill = (np.array(part, dtype=float) for part in zip(*(one[2] for one in drawn), strict=True))
    together = step_s(at, columns(fitted), batch(at, decoding, context, prefill, prefill**2 / 2))
    alone = [seconds(model, H100, boards, one, by) for (model, boards, one, _), by in zip(drawn, fitted, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


FIELDS = st.sampled_from(["bandwidth_bytes_s", "flops_fp16", "flops_fp8", "link_bytes_s", "memory_bytes"])


@settings(max_examples=60)
@given(MODELS, FIELDS, st.floats(1.0, 4.0), BOARDS, BATCHES, st.sampled_from(["bf16", "fp8", "int4"]))
def test_a_better_specification_is_never_slower(model, field, factor, boards, load, precision) -> None:
    """More bandwidth, arithmetic, link or memory never lengthens a step."""
    better = msgspec.structs.replace(H100, **{field: getattr(H100, field) * factor})
    if divides(model, boards):
        before, after = (seconds(model, board, boards, load, precision=precision) for board in (H100, better))
        assert after <= before * (1 + 1e-12)


@settings(max_examples=60)
@given(MODELS, BOARDS, BATCHES, st.integers(0, 2), st.integers(0, 64))
def test_more_work_never_shortens_a_step(model, boards, load, which, more) -> None:
    """One more sequence, token of context or token of a prompt costs at least nothing."""
    if divides(model, boards):
        heavier = [part + more * (place == which) for place, part in enumerate(load)]
        assert seconds(model, H100, boards, heavier) >= seconds(model, H100, boards, load) * (1 - 1e-12)


@settings(max_examples=60)
@given(MODELS, BOARDS, BATCHES)
def test_more_boards_never_lengthen_a_step_when_links_are_free(model, boards, load) -> None:
    """With links of any speed and no latency, what is shared among twice the boards takes no longer."""
    wired = msgspec.structs.replace(H100, link_bytes_s=1e30)
    free = msgspec.structs.replace(START, link_latency_s=0.0)
    if divides(model, 2 * boards) and divides(model, boards):
        few, many = (seconds(model, wired, n, load, free) for n in (boards, 2 * boards))
        assert many <= few * (1 + 1e-12)


@settings(max_examples=40)
@given(MODELS, BOARDS, BATCHES, st.floats(0.1, 10.0))
def test_scale_scales(model, boards, load, factor) -> None:
    """`scale` multiplies every step, whatever is in it."""
    scaled = msgspec.structs.replace(START, scale=START.scale * factor)
    if divides(model, boards):
        assert seconds(model, H100, boards, load, scaled) == pytest.approx(factor * seconds(model, H100, boards, load))


@settings(max_examples=40)
@given(MODELS, BOARDS, BATCHES, st.floats(0.0, 5.0))
def test_one_stage_has_no_bubble(model, boards, load, bubble) -> None:
    """The bubble lengthens a step of two stages by half of itself, one of one stage not at all."""
    bubbly, smooth = (msgspec.structs.replace(START, bubble=size) for size in (bubble, 0.0))
    if divides(model, boards):
        for stages in (1, 2):
            longer, plain = (seconds(model, H100, boards, load, by, stages=stages) for by in (bubbly, smooth))
            assert longer == pytest.approx(plain * (1 + bubble * (1 - 1 / stages)))


@settings(max_examples=40)
@given(MODELS, BATCHES, st.integers(1, 3))
def test_stages_never_make_a_step_shorter_than_one_board(model, load, doublings) -> None:
    """Stages follow each other: what they save in reads and cache each, a sequence passes through all of them."""
    stages = 2**doublings
    if stages <= model.layers:
        wired = msgspec.structs.replace(H100, link_bytes_s=1e30)
        whole, parts = (seconds(model, wired, 1, load, stages=count) for count in (1, stages))
        assert parts >= whole / stages * (1 - 1e-12)


def test_links_matter_only_between_boards() -> None:
    """One board needs no link, and pays for none."""
    unlinked = msgspec.structs.replace(H100, link_bytes_s=None)
    assert seconds(LLAMA_8B, unlinked, 1, (8, 100, 64)) == seconds(LLAMA_8B, H100, 1, (8, 100, 64))


@pytest.mark.parametrize(
    ("field", "precision", "boards"),
    [("bandwidth_bytes_s", "bf16", 1), ("flops_fp16", "bf16", 1), ("flops_fp8", "fp8", 1), ("link_bytes_s", "bf16", 2)],
)
def test_a_missing_fact_is_named(field, precision, boards) -> None:
    """What the specification does not say is never guessed: the error names accelerator and field."""
    unknown = msgspec.structs.replace(H100, **{field: None})
    with pytest.raises(FactError, match=f"'h100-sxm' has {field} = None") as caught:
        size(LLAMA_8B, unknown, boards, precision)
    assert field in caught.value.way_out


def test_an_unknown_precision_lists_the_known() -> None:
    """The error names the word and the words there are."""
    with pytest.raises(FactError, match="'fp3'") as caught:
        size(LLAMA_8B, H100, 1, "fp3")
    assert "bf16" in caught.value.way_out


@pytest.mark.parametrize(
    ("boards", "stages", "way_out"), [(3, 1, "use 2 boards"), (12, 1, "use 8 boards"), (1, 33, "1 to 32 stages")]
)
def test_a_layout_that_cannot_be_names_the_nearest(boards, stages, way_out) -> None:
    """Heads that boards cannot share, or more stages than layers: the way out is one that can be."""
    with pytest.raises(UsageError, match="cannot") as caught:
        size(LLAMA_8B, H100, boards, "bf16", stages=stages)
    assert way_out in caught.value.way_out
