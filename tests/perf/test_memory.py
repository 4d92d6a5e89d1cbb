"""Memory: where it goes, what is left for sequences, and what to use where nothing is left."""

import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.errors import FactError, InfeasibleError
from breakeven.perf import memory
from breakeven.perf.coefficients import START, Coefficients
from breakeven.perf.curve import step_curve
from breakeven.perf.memory import Budget, budget
from breakeven.perf.roofline import columns, size
from breakeven.perf.steady import Load, fits
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model

H100 = Accelerator(
    id="h100-sxm", name="H100 SXM", vendor="nvidia", memory_bytes=80e9, bandwidth_bytes_s=3.35e12, flops_fp16=989.5e12,
    flops_fp8=1979e12, link_bytes_s=450e9,
)  # fmt: skip
CATALOG = load()
LLAMA_8B, DEEPSEEK = CATALOG.model("llama-3.1-8b"), CATALOG.model("deepseek-v3")
SHIPPED = st.sampled_from([model for model in CATALOG.models() if model.layers])
BOARDS = st.sampled_from([1, 2, 4, 8, 16])
CONTEXTS = st.integers(1, 100_000)


def holding(model: Model, boards: int, *, bytes_each: float = 8e12, **changes) -> Budget:
    """A budget on boards so large that everything fits."""
    return budget(model, msgspec.structs.replace(H100, memory_bytes=bytes_each), boards, "bf16", **changes)


def test_known_sizes() -> None:
    """Llama 3.1 8B: 131,072 bytes of cache a token and 16.06 GB of weights at 16 bits; DeepSeek's latent: 70,272."""
    assert memory.cache_bytes(LLAMA_8B, "bf16").full == 131072
    assert memory.weight_bytes(LLAMA_8B, "bf16") == pytest.approx(16.06e9, rel=1e-3)
    assert memory.cache_bytes(DEEPSEEK, "bf16").full == 61 * (512 + 64) * 2
    left = 80e9 * START.usable_share - memory.weight_bytes(LLAMA_8B, "bf16") - START.reserved_bytes
    assert budget(LLAMA_8B, H100, 1, "bf16").cache_tokens == int(left / 131072) // 16 * 16


def test_eight_bit_caches_belong_to_engines_that_keep_them() -> None:
    """At 8 bits TensorRT-LLM halves the cache; vLLM and SGLang keep 16 bits unless told otherwise."""
    assert memory.cache_bytes(LLAMA_8B, "fp8", "trtllm").full == 65536
    assert memory.cache_bytes(LLAMA_8B, "fp8", "vllm").full == 131072


def test_key_value_heads_are_replicated_beyond_their_number() -> None:
    """Eight heads on sixteen boards: as much on each as on eight. Shared unevenly, the fullest board counts."""
    by_boards = {boards: memory.cache_bytes(LLAMA_8B, "bf16", boards=boards).full for boards in (1, 4, 5, 8, 16)}
    assert by_boards == {1: 131072, 4: 131072 / 4, 5: 131072 / 4, 8: 131072 / 8, 16: 131072 / 8}


def test_a_latent_is_on_every_board() -> None:
    """Latent attention has one entry for all heads: tensor parallelism does not divide it."""
    alone, eight = (memory.cache_bytes(DEEPSEEK, "bf16", boards=boards) for boards in (1, 8))
    assert alone.full == eight.full


@settings(max_examples=60)
@given(SHIPPED, BOARDS, st.sampled_from([1, 2]), CONTEXTS, st.sampled_from([1024, 2048, 8192]))
def test_the_terms_sum_to_the_memory(model, boards, stages, context, tokens) -> None:
    """Every byte of a board has a name, and none is negative."""
    found = holding(model, boards, stages=stages, context=context, max_batch_tokens=tokens)
    terms = (found.weights, found.activations, found.communication, found.reserved, found.cache)
    assert sum(terms) == pytest.approx(found.total)
    assert min(terms) >= 0


@settings(max_examples=60)
@given(SHIPPED, BOARDS, CONTEXTS, st.floats(1.0, 4.0))
def test_more_memory_holds_no_less(model, boards, context, factor) -> None:
    """Neither fewer tokens nor fewer sequences."""
    small, large = (holding(model, boards, bytes_each=8e12 * times, context=context) for times in (1.0, factor))
    assert (large.cache_tokens, large.sequences) >= (small.cache_tokens, small.sequences)
    assert large.sequences >= small.sequences


@settings(max_examples=60)
@given(SHIPPED, BOARDS, CONTEXTS, CONTEXTS)
def test_longer_sequences_are_no_more(model, boards, one, other) -> None:
    """Of a longer context never more sequences fit."""
    short, long = (holding(model, boards, context=context) for context in sorted((one, other)))
    assert long.sequences <= short.sequences


@settings(max_examples=60)
@given(SHIPPED, BOARDS, st.sampled_from([1, 2, 4]), CONTEXTS, st.sampled_from([1, 16, 64]))
def test_tokens_and_sequences_count_the_same_cache(model, boards, stages, context, block) -> None:
    """Whole blocks, and as many sequences as their blocks fit into, up to what an engine runs."""
    found = holding(model, boards, stages=stages, context=context, block_tokens=block)
    each = -(-context // block) * block
    assert found.cache_tokens % block == 0
    assert found.sequences == min(memory.MAX_SEQUENCES, found.cache_tokens // each)


@settings(max_examples=60)
@given(SHIPPED, BOARDS, st.sampled_from([1, 2]), st.integers(1, 500))
def test_screening_holds_as_many_as_the_budget(model, boards, stages, blocks) -> None:
    """The closed form for many deployments and the budget of one agree on the sequences that fit."""
    large = msgspec.structs.replace(H100, memory_bytes=8e12)
    context = 16.0 * blocks
    at = (
        size(model, large, boards, "bf16", stages=stages, expert_parallel=True)
        if memory.divides(model, boards)
        else None
    )
    if at is not None and stages <= model.layers:
        load = Load(np.asarray(context), np.asarray(0.0), np.asarray(np.inf))
        found = budget(model, large, boards, "bf16", stages=stages, context=context)
        assert found.sequences == int(fits(at, columns(START), load) * (1 + 1e-12))


def test_an_empty_sequence_still_takes_a_block() -> None:
    """A context of 0 is one block, not a division by nothing."""
    assert budget(LLAMA_8B, H100, 1, "bf16", context=0).sequences == memory.MAX_SEQUENCES


def test_larger_steps_take_from_the_cache() -> None:
    """Four times the tokens in a step leave less for sequences."""
    small, large = (holding(LLAMA_8B, 1, max_batch_tokens=tokens) for tokens in (2048, 8192))
    assert small.cache - large.cache == pytest.approx(large.activations - small.activations)
    assert large.activations > small.activations


def test_weights_that_do_not_fit_name_both_sizes() -> None:
    """The error says how much is needed, how much there is, and what binds."""
    with pytest.raises(InfeasibleError, match=r"93\.\d GB of weights.*80 GB") as caught:
        step_curve(CATALOG.model("mixtral-8x7b"), H100, 1, "bf16")
    assert caught.value.binding == "memory"


@settings(max_examples=60)
@given(SHIPPED, st.sampled_from([24e9, 80e9, 192e9]), st.sampled_from(["bf16", "fp8"]))
def test_what_a_refusal_names_fits(model, bytes_each, precision) -> None:
    """The layout of the way out holds the weights, and shares the heads; the next smaller one does not."""
    board = msgspec.structs.replace(H100, memory_bytes=bytes_each)
    try:
        budget(model, board, 1, precision)
    except InfeasibleError as error:
        named = re.match(r"use (\d+) x h100-sxm per replica", error.way_out)
        boards = int(named[1]) if named else 128
        if named:
            assert memory.divides(model, boards)
            assert budget(model, board, boards, precision).sequences >= 1
        for fewer in (1, 2, 4, 8, 16, 32, 64):
            if fewer < boards and memory.divides(model, fewer):
                with pytest.raises(InfeasibleError):
                    budget(model, board, fewer, precision)


def test_unknown_memory_is_named() -> None:
    """What fits into unknown memory is not guessed."""
    with pytest.raises(FactError, match="'h100-sxm' has memory_bytes = None"):
        step_curve(LLAMA_8B, msgspec.structs.replace(H100, memory_bytes=None), 1, "bf16")


def test_the_reserve_is_the_engines() -> None:
    """A larger reserve or a smaller usable share leaves less for the cache, byte for byte."""
    more: Coefficients = msgspec.structs.replace(START, reserved_bytes=START.reserved_bytes + 1e9)
    less: Coefficients = msgspec.structs.replace(START, usable_share=START.usable_share - 0.05)
    base, reserved, shared = (budget(LLAMA_8B, H100, 1, "bf16", fitted=fitted).cache for fitted in (START, more, less))
    assert base - reserved == pytest.approx(1e9)
    assert base - shared == pytest.approx(0.05 * 80e9)
