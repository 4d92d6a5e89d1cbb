"""Laws of model sheets counted from config.json; expected sizes are the published ones."""

import json

import pytest

from breakeven.catalog.source.hf_config import model_from_config, sheet
from breakeven.errors import FactError

LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
QWEN_30B = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "head_dim": 128, "intermediate_size": 6144,
    "moe_intermediate_size": 768, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
    "num_hidden_layers": 48, "num_key_value_heads": 4, "vocab_size": 151936, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
    "vocab_size": 129280, "tie_word_embeddings": False,
}  # fmt: skip


def test_a_dense_model_to_the_parameter() -> None:
    """Llama 3.1 8B has 8,030,261,248 parameters."""
    found = sheet(LLAMA_8B)
    assert found.params == 8_030_261_248
    assert found.active_params == found.params - 128256 * 4096
    assert (found.head_dim, found.experts) == (128, 0)


def test_a_mixture_reads_few_of_its_experts() -> None:
    """Qwen3 30B A3B: 30.5 billion, of which a token reads 3.0 beside the embedding table."""
    found = sheet(QWEN_30B)
    assert found.params == pytest.approx(30.53e9, rel=1e-3)
    assert found.active_params == pytest.approx(3.04e9, rel=2e-3)
    assert (found.experts, found.experts_per_token) == (128, 8)


def test_latent_attention_keeps_a_small_cache() -> None:
    """DeepSeek V3: 671 billion, 36.6 read for a token, and 576 cached numbers a token and layer."""
    found = sheet(DEEPSEEK_V3)
    assert found.params == pytest.approx(671.0e9, rel=1e-3)
    assert found.active_params == pytest.approx(36.6e9, rel=2e-3)
    assert (found.attention, found.kv_heads, found.kv_latent + found.kv_rope) == ("mla", 1, 512 + 64)
    assert (found.head_dim, found.v_head_dim) == (128 + 64, 128)


def test_tied_embeddings_are_counted_once() -> None:
    """A tied output table is the input table: it is stored once, and read for every token."""
    tied = sheet({**LLAMA_8B, "tie_word_embeddings": True})
    assert tied.params == sheet(LLAMA_8B).params - 128256 * 4096
    assert tied.active_params == tied.params


def test_every_chosen_expert_makes_all_parameters_active() -> None:
    """When all experts are chosen only the input table is left unread."""
    found = sheet({**QWEN_30B, "num_experts_per_tok": 128})
    assert found.active_params == found.params - 151936 * 2048


def test_an_unknown_architecture_is_refused() -> None:
    """Formulas hold for the architectures they were checked on; others are named, with what to do."""
    with pytest.raises(FactError, match="mamba") as caught:
        sheet({**LLAMA_8B, "model_type": "mamba"})
    assert "facts" in caught.value.way_out


@pytest.mark.parametrize("key", ["hidden_size", "num_attention_heads", "vocab_size"])
def test_a_missing_size_is_named(key: str) -> None:
    """A configuration without a size, or with a text in its place, names it."""
    with pytest.raises(FactError, match=key):
        sheet({name: value for name, value in LLAMA_8B.items() if name != key})
    with pytest.raises(FactError, match="many"):
        sheet({**LLAMA_8B, key: "many"})


def test_a_file_becomes_a_model() -> None:
    """A configuration nobody has in a catalog is a model all the same, and says where it is from."""
    found = model_from_config(json.dumps(LLAMA_8B), "ours", shown="ours/config.json")
    assert (found.id, found.params, found.source) == ("ours", 8_030_261_248, "ours/config.json")
    assert found.kv_numbers_per_token == 2 * 32 * 8 * 128


def test_a_nested_language_model_is_found() -> None:
    """What a model that also sees keeps under `text_config` counts as if it stood alone."""
    nested = {"model_type": "llama4", "text_config": LLAMA_8B, "vision_config": {"hidden_size": 1}}
    assert sheet(nested) == sheet(LLAMA_8B)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "ours.json: not JSON"),
        ("[]", "ours.json: should be a mapping, got list"),
        ("{}", "ours.json: has no model_type"),
        ('{"model_type": "mamba"}', "ours.json: model_type 'mamba' is not one of"),
        ('{"model_type": "llama"}', "ours.json: has no num_hidden_layers"),
        ('{"model_type": "kimi_k25", "text_config": {"model_type": "kimi_k2"}}', "ours.json: has no num_hidden_layers"),
    ],
)
def test_a_wrong_file_is_named(text: str, problem: str) -> None:
    """What is wrong is said of the file as it was given."""
    with pytest.raises(FactError) as caught:
        model_from_config(text, "ours", shown="ours.json")
    assert caught.value.message.startswith(problem)
    assert caught.value.way_out


def test_a_window_bounds_the_cache() -> None:
    """Mistral's first generation keeps 4,096 tokens in every layer, however long the context."""
    stated = {**LLAMA_8B, "model_type": "mistral", "sliding_window": 4096}
    found = model_from_config(json.dumps(stated), "m")
    assert (found.full_layers, found.window_layers) == (0, 32)
    assert found.kv_numbers(100_000.0) == found.kv_numbers(4096.0)


@pytest.mark.parametrize(
    ("stated", "form", "bits", "expert_bits"),
    [
        ({}, "", 16.0, 0.0),
        ({"torch_dtype": "bfloat16"}, "bf16", 16.0, 0.0),
        ({"quantization_config": {"quant_method": "fp8"}}, "fp8", 8.0, 0.0),
        ({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}, "int4", 4.125, 0.0),
        ({"quantization_config": {"quant_algo": "NVFP4", "quant_method": "modelopt"}}, "nvfp4", 4.5, 0.0),
    ],
)
def test_the_format_of_the_weights_is_read(
    stated: dict[str, object], form: str, bits: float, expert_bits: float
) -> None:
    """Bits of a weight include the scale that its block shares."""
    found = sheet({**LLAMA_8B, **stated})
    assert (found.weight_format, found.weight_bits, found.expert_bits) == (form, bits, expert_bits)


def test_attention_may_be_left_in_sixteen_bits() -> None:
    """Experts in four bits beside attention in sixteen: both are read."""
    skipped = {"quant_algo": "NVFP4", "quant_method": "modelopt", "ignore": ["model.layers.0.self_attn*"]}
    found = sheet({**QWEN_30B, "quantization_config": skipped})
    assert (found.weight_bits, found.expert_bits) == (16.0, 4.5)


def test_layers_may_be_stated_by_an_interval() -> None:
    """Qwen3-Next names no layers but every how many attends to everything; the list of layers says the same."""
    sizes = {
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4,
    }  # fmt: skip
    short = {**QWEN_30B, **sizes, "model_type": "qwen3_next", "full_attention_interval": 4}
    long = {**short, "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"] * 12}
    assert sheet(short) == sheet(long)
    assert sheet(short).linear_layers == 36


def test_a_mixture_with_a_dense_layer_and_biases() -> None:
    """GLM-4.5-Air: 107 billion, of which nearly 13 are read for a token."""
    found = sheet({
        "model_type": "glm4_moe", "attention_bias": True, "first_k_dense_replace": 1, "head_dim": 128,
        "hidden_size": 4096, "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 128,
        "n_shared_experts": 1, "num_attention_heads": 96, "num_experts_per_tok": 8, "num_hidden_layers": 46,
        "num_key_value_heads": 8, "use_qk_norm": False, "vocab_size": 151552,
    })  # fmt: skip
    assert found.params == pytest.approx(107e9, rel=0.01)
    assert found.active_params == pytest.approx(12.8e9, rel=0.01)
    assert found.moe_layers == 45


@pytest.mark.parametrize(("key", "kind"), [("layer_types", "full_attention"), ("moe_layer_freq", 1)])
def test_a_list_of_layers_that_is_too_short_is_refused(key: str, kind: object) -> None:
    """A list that names fewer layers than there are says both numbers."""
    with pytest.raises(FactError, match="48 num_hidden_layers, and a list of 3 layers"):
        sheet({**QWEN_30B, key: [kind] * 3})
