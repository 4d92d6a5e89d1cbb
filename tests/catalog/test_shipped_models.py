"""Laws of the model sheets that are shipped: counts agree with names, layers and parameters add up."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from breakeven.catalog.load import load
from breakeven.catalog.source.hf_config import sheet
from breakeven.schema.model import Model

SHIPPED = load()
MODELS = {model.id: model for model in SHIPPED.models()}

ROUNDED = {
    "nemotron-3-nano-30b-a3b": "31.6 billion are named 30",
    "nemotron-3.5-lightning-30b-a3b": "31.6 billion are named 30",
    "llama-3.3-nemotron-super-49b": "49.9 billion are named 49",
    "phi-4": "its name states no size",
    "codellama-34b": "33.7 billion are named 34",
    "qwen2.5-7b": "7.6 billion are named 7",
    "qwen2.5-14b": "14.8 billion are named 14",
    "qwen3-14b": "14.8 billion are named 14",
    "mistral-7b": "7.2 billion are named 7",
    "mistral-7b-v0.1": "7.2 billion are named 7",
    "llama-2-7b": "6.7 billion are named 7",
    "codellama-7b": "6.7 billion are named 7",
    "mimo-7b": "7.6 billion with the untied tables are named 7",
    "qwen3-vl-2b": "the language model alone, 1.7 billion, without its vision tower",
    "gpt-oss-20b": "20.9 billion are named 20",
    "qwen3-vl-8b": "8.2 billion are named 8",
}
"""Names further than 3 % from the count, and why."""

SIZED = re.compile(r"(?:^|-)(\d+(?:\.\d+)?)b(?:-|$)")


def named_size(model: Model) -> float | None:
    """Billions of parameters that a model's id states."""
    found = SIZED.search(model.id)
    return float(found[1]) * 1e9 if found and "llama-4" not in model.id else None


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ROUNDED])
def test_a_count_is_what_the_name_says(name: str) -> None:
    """A size in a model's name is the counted one within 3 %."""
    stated = named_size(MODELS[name])
    if stated is not None:
        assert MODELS[name].params == pytest.approx(stated, rel=0.03)


@pytest.mark.parametrize("name", [name for name in ROUNDED if name != "phi-4"])
def test_a_rounded_name_is_still_near(name: str) -> None:
    """Where a name rounds further, or leaves a tower out, the count is within 15 % all the same."""
    assert MODELS[name].params == pytest.approx(named_size(MODELS[name]), rel=0.15)


@pytest.mark.parametrize(
    ("name", "billions"),
    [("llama-4-scout-17b-16e", 17), ("llama-4-maverick-17b-128e", 17), ("qwen3-235b-a22b", 22), ("qwen3-30b-a3b", 3.3),
     ("qwen3.5-397b-a17b", 17), ("qwen3.5-122b-a10b", 10), ("nemotron-3-super-120b-a12b", 12),
     ("nemotron-3-ultra-550b-a55b", 55), ("qwen3-coder-480b-a35b", 35)],
)  # fmt: skip
def test_what_a_token_reads_is_what_the_name_says(name: str, billions: float) -> None:
    """The active billions of a name count the input table too; within 7 %, as they are rounded."""
    model = MODELS[name]
    assert model.active_params + model.table_params == pytest.approx(billions * 1e9, rel=0.07)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_parts_add_up(model: Model) -> None:
    """Stored = dense + routed + tables; read = dense + chosen + head; layers of each kind sum to all of them."""
    own = 0.0 if model.tied_embeddings else model.table_params
    assert model.dense_params + model.routed_params + model.table_params + own == pytest.approx(model.params, rel=1e-6)
    assert model.full_layers >= 0
    assert model.full_layers + model.window_layers + model.linear_layers + model.plain_layers == model.layers
    assert (model.experts > 0) == (model.moe_layers > 0) == (model.expert_params > 0)
    assert (model.window_layers > 0) <= (model.window_tokens > 0)
    assert (model.linear_layers > 0) == (model.state_numbers > 0)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_cache_grows_with_context(model: Model) -> None:
    """More context never needs less cache, and past every window it grows by `kv_numbers_per_token`."""
    far = max(1.0, model.window_tokens)
    assert model.kv_numbers(1.0) <= model.kv_numbers(2.0)
    assert model.kv_numbers(far + 7) - model.kv_numbers(far) == pytest.approx(7 * model.kv_numbers_per_token, rel=1e-6)


def test_published_caches() -> None:
    """Numbers cached a token that are known from elsewhere: grouped, latent, windowed and hybrid."""
    assert MODELS["llama-3.1-70b"].kv_numbers_per_token == 2 * 80 * 8 * 128
    assert MODELS["deepseek-v3"].kv_numbers_per_token == 61 * 576
    assert MODELS["deepseek-v3"].absorbed_width == 128 * (2 * 512 + 64)
    assert MODELS["deepseek-v3"].q_width + MODELS["deepseek-v3"].v_width == 128 * (192 + 128)
    assert MODELS["gpt-oss-120b"].kv_numbers(1000) == 18 * 1024 * (1000 + 128)
    assert MODELS["qwen3.5-397b-a17b"].full_layers == 15


def test_boards_that_models_are_measured_on_are_complete() -> None:
    """Memory, bandwidth, a 16-bit peak and a link are stated of every board of the measured tables."""
    needed = ("memory_bytes", "bandwidth_bytes_s", "flops_fp16", "link_bytes_s", "tdp_w")
    named = "a100-sxm-80gb a10 a30 b200 b300 gb200 gb300 gh200 gh200-96gb h100-pcie h100-sxm h200-sxm l4 l40s mi300x"
    for name in named.split():
        board = SHIPPED.accelerator(name)
        assert all(getattr(board, field) for field in needed), name


def test_four_bit_peaks_are_at_least_the_eight_bit_ones() -> None:
    """Where both are stated, FP4 is 2 to 3.2 times FP8: never less."""
    found = [board for board in SHIPPED.accelerators() if board.flops_fp4 and board.flops_fp8]
    assert len(found) >= 6
    for board in found:
        assert 1.9 <= (board.flops_fp4 or 0) / (board.flops_fp8 or 1) <= 3.2, board.id


CONFIGURATIONS = json.loads((Path(__file__).parent / "configurations.json").read_text())
"""Configurations of every architecture, as aiconfigurator-core 0.12.0 (NVIDIA, Apache-2.0) ships them, cut
to what is read."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_recount_gives_the_shipped_sheet(name: str) -> None:
    """Latent, sparse, windowed and recurrent layers, mixtures in latent widths, formats: all as they are shipped."""
    stated = CONFIGURATIONS[name]
    found = sheet(stated["config"], stated.get("quantization"))
    assert {field: getattr(MODELS[name], field) for field in found.__struct_fields__} == msgspec.structs.asdict(found)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_fewer_layers_have_fewer_parameters(name: str) -> None:
    """Without its last layer a model has fewer parameters, and no more of any kind of layer."""
    whole = CONFIGURATIONS[name]["config"]
    text = whole.get("text_config", whole)
    if "num_hidden_layers" not in text or text.keys() & {
        "hybrid_override_pattern",
        "layers_block_type",
        "block_configs",
    }:
        return
    fewer = {**text, "num_hidden_layers": text["num_hidden_layers"] - 1}
    cut = sheet({**whole, "text_config": fewer} if "text_config" in whole else fewer)
    assert cut.params < MODELS[name].params
    assert cut.layers == MODELS[name].layers - 1
    assert cut.window_layers <= MODELS[name].window_layers
