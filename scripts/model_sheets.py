"""Write src/breakeven/catalog/data/models/*.yaml from published configurations.

Usage: python scripts/model_sheets.py AICONFIGURATOR_CORE LITGPT LLM_ANALYSIS

The folders are the unpacked wheels aiconfigurator-core 0.12.0, litgpt 0.5.13 (whose table
needs PyYAML) and llm-analysis 0.2.2.
"""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from breakeven.catalog.load import DATA
from breakeven.catalog.source.hf_config import Sheet, sheet
from breakeven.catalog.source.model_file import model_file

COUNTED = "counted from config.json by breakeven.catalog.source.hf_config"
READ = "read for one token: without {}"

AICONFIGURATOR = {
    "deepseek-r1": "deepseek-ai--DeepSeek-R1",
    "deepseek-v3": "deepseek-ai--DeepSeek-V3",
    "deepseek-v3.1": "nvidia--DeepSeek-V3.1-NVFP4",
    "deepseek-v3.2": "deepseek-ai--DeepSeek-V3.2",
    "deepseek-v4-flash": "deepseek-ai--DeepSeek-V4-Flash",
    "deepseek-v4-pro": "deepseek-ai--DeepSeek-V4-Pro",
    "gemma-4-26b-a4b": "google--gemma-4-26B-A4B",
    "gemma-4-31b": "nvidia--Gemma-4-31B-IT-NVFP4",
    "glm-5": "zai-org--GLM-5",
    "glm-5.1": "zai-org--GLM-5.1",
    "glm-5.2": "zai-org--GLM-5.2",
    "glm-5.3": "zai-org--GLM-5.3",
    "gpt-oss-120b": "openai--gpt-oss-120b",
    "gpt-oss-20b": "openai--gpt-oss-20b",
    "kimi-k2": "moonshotai--Kimi-K2-Instruct",
    "kimi-k2.5": "moonshotai--Kimi-K2.5",
    "kimi-k2.6": "nvidia--Kimi-K2.6-NVFP4",
    "kimi-k2.7-code": "nvidia--Kimi-K2.7-Code-NVFP4",
    "kimi-k3": "moonshotai--Kimi-K3",
    "llama-3.1-405b": "meta-llama--Meta-Llama-3.1-405B",
    "llama-3.1-70b": "meta-llama--Meta-Llama-3.1-70B",
    "llama-3.1-8b": "meta-llama--Meta-Llama-3.1-8B",
    "llama-3.3-nemotron-super-49b": "nvidia--Llama-3_3-Nemotron-Super-49B-v1",
    "llama-4-maverick-17b-128e": "meta-llama--Llama-4-Maverick-17B-128E-Instruct",
    "llama-4-scout-17b-16e": "meta-llama--Llama-4-Scout-17B-16E-Instruct",
    "mimo-7b": "XiaomiMiMo--MiMo-7B-Base",
    "mimo-v2-flash": "XiaomiMiMo--MiMo-V2-Flash",
    "minimax-m2.5": "MiniMaxAI--MiniMax-M2.5",
    "minimax-m2.7": "MiniMaxAI--MiniMax-M2.7",
    "minimax-m3": "MiniMaxAI--MiniMax-M3",
    "mixtral-8x22b": "mistralai--Mixtral-8x22B-v0.1",
    "mixtral-8x7b": "mistralai--Mixtral-8x7B-v0.1",
    "nemotron-3-nano-30b-a3b": "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
    "nemotron-3-super-120b-a12b": "nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8",
    "nemotron-3-ultra-550b-a55b": "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16",
    "nemotron-3.5-lightning-30b-a3b": "nvidia--NVIDIA-Nemotron-3.5-Lightning-30B-A3B-NVFP4",
    "nemotron-h-56b": "nvidia--Nemotron-H-56B-Base-8K",
    "qwen3-0.6b": "Qwen--Qwen3-0.6B",
    "qwen3-1.7b": "Qwen--Qwen3-1.7B",
    "qwen3-235b-a22b": "Qwen--Qwen3-235B-A22B",
    "qwen3-30b-a3b": "Qwen--Qwen3-30B-A3B",
    "qwen3-32b": "Qwen--Qwen3-32B",
    "qwen3-8b": "Qwen--Qwen3-8B",
    "qwen3-coder-480b-a35b": "Qwen--Qwen3-Coder-480B-A35B-Instruct",
    "qwen3-vl-235b-a22b": "Qwen--Qwen3-VL-235B-A22B-Instruct",
    "qwen3-vl-2b": "Qwen--Qwen3-VL-2B-Instruct",
    "qwen3-vl-30b-a3b": "Qwen--Qwen3-VL-30B-A3B-Instruct",
    "qwen3-vl-32b": "Qwen--Qwen3-VL-32B-Instruct",
    "qwen3-vl-4b": "Qwen--Qwen3-VL-4B-Instruct",
    "qwen3-vl-8b": "Qwen--Qwen3-VL-8B-Instruct",
    "qwen3.5-122b-a10b": "Qwen--Qwen3.5-122B-A10B",
    "qwen3.5-27b": "Qwen--Qwen3.5-27B",
    "qwen3.5-35b-a3b": "Qwen--Qwen3.5-35B-A3B",
    "qwen3.5-397b-a17b": "Qwen--Qwen3.5-397B-A17B",
    "qwen3.6-27b": "nvidia--Qwen3.6-27B-NVFP4",
    "qwen3.6-35b-a3b": "nvidia--Qwen3.6-35B-A3B-NVFP4",
    "step-3.7-flash": "stepfun-ai--Step-3.7-Flash",
}
"""Catalog id -> file in the wheel, without `_config.json`."""

LITGPT = {
    "codellama-13b": "CodeLlama-13b-hf",
    "codellama-34b": "CodeLlama-34b-hf",
    "codellama-70b": "CodeLlama-70b-hf",
    "codellama-7b": "CodeLlama-7b-hf",
    "llama-2-13b": "Llama-2-13b-hf",
    "llama-2-70b": "Llama-2-70b-hf",
    "llama-2-7b": "Llama-2-7b-hf",
    "llama-3-70b": "Meta-Llama-3-70B",
    "llama-3-8b": "Meta-Llama-3-8B",
    "llama-3.1-nemotron-70b": "Llama-3.1-Nemotron-70B-Instruct-HF",
    "llama-3.3-70b": "Llama-3.3-70B-Instruct",
    "mistral-7b": "Mistral-7B-v0.3",
    "mistral-7b-v0.1": "Mistral-7B-v0.1",
    "mistral-large-2407": "Mistral-Large-Instruct-2407",
    "phi-4": "phi-4",
    "qwen2.5-14b": "Qwen2.5-14B",
    "qwen2.5-32b": "Qwen2.5-32B",
    "qwen2.5-72b": "Qwen2.5-72B",
    "qwen2.5-7b": "Qwen2.5-7B",
    "qwen3-14b": "Qwen3-14B",
    "qwq-32b": "QwQ-32B",
}
LLM_ANALYSIS = {"gpt-j-6b": "EleutherAI_gpt-j-6b"}

ALIASES = {
    "deepseek-v3": ["deepseek-v3-base"],
    "glm-5": ["zhipuai/GLM-5"],
    "gpt-j-6b": ["gptj", "gpt-j"],
    "kimi-k2": ["Kimi-K2", "Kimi-K2-Thinking"],
    "llama-4-maverick-17b-128e": ["llama-4-maverick"],
    "llama-4-scout-17b-16e": ["llama-4-scout"],
    "mistral-large-2407": ["Mistral-Large-Instruct-2411"],
    "mixtral-8x22b": ["Mixtral-8x22B-Instruct-v0.1"],
    "mixtral-8x7b": ["Mixtral-8x7B-Instruct-v0.1"],
    "nemotron-3-nano-30b-a3b": ["nemotron-3-nano"],
    "nemotron-3-super-120b-a12b": ["nemotron-3-super"],
    "nemotron-3-ultra-550b-a55b": ["nemotron-3-ultra"],
    "qwen3-coder-480b-a35b": ["Qwen3-Coder-480B"],
    "qwen3-vl-32b": ["Qwen3-VL-32B-Thinking"],
}
"""Catalog id -> other names of the same sizes; case, separators, makers, precisions and tunings need no alias."""

LITGPT_NOTE = "; litgpt's table does not say whether input and output tables are one: counted as two"

NOTES = {
    "deepseek-v4": "compressors of the cache and hyper-connections are not counted; their names state no total",
    "llama4": "every fourth layer attends to everything, the others in chunks: the default of transformers' "
    "documentation, as the configuration names no layers",
    "vl": "the language model alone, without its vision tower",
    "nemotron-3-nano": "31.6 billion are counted where the name says 30",
}


def main(arguments: list[str]) -> int:
    """Write every sheet."""
    aic, litgpt, analysis = map(Path, arguments)
    for key, name in AICONFIGURATOR.items():
        path = aic / "aiconfigurator_core/model_configs" / f"{name}_config.json"
        beside = path.with_name(f"{name}_hf_quant_config.json")
        quantization = json.loads(beside.read_text()) if beside.exists() else None
        vendor, _, plain = name.partition("--")
        _write(key, plain, vendor, sheet(json.loads(path.read_text()), quantization), f"model_configs/{path.name}")
    table = _litgpt(litgpt)
    for key, name in LITGPT.items():
        org = str(table[name]["hf_config"]["org"])
        _write(key, name, org, sheet(_from_litgpt(table[name])), "litgpt/config.py", "litgpt-0.5.13", LITGPT_NOTE)
    for key, name in LLM_ANALYSIS.items():
        path = analysis / "llm_analysis/model_configs" / f"{name}.json"
        stated = sheet(_from_analysis(json.loads(path.read_text())))
        _write(key, "GPT-J-6B", "EleutherAI", stated, f"model_configs/{path.name}", "llm-analysis-0.2.2")
    return 0


def _litgpt(folder: Path) -> Mapping[str, dict[str, object]]:
    spec = importlib.util.spec_from_file_location("litgpt_config", folder / "litgpt/config.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["litgpt_config"] = module
    spec.loader.exec_module(module)
    return {name: vars(_built(module, name)) for name in LITGPT.values()}


def _built(module: ModuleType, name: str) -> object:
    return module.Config.from_name(name)


def _from_litgpt(stated: Mapping[str, object]) -> dict[str, object]:
    """From the names of litgpt to those of config.json; `attn_bias` is a bias of queries, keys and values (qwen2)."""
    kind = "qwen2" if stated["attn_bias"] else "qwen3" if stated["norm_qk"] else "llama"
    return {
        "model_type": "mistral" if stated["sliding_window_size"] else kind,
        "sliding_window": stated["sliding_window_size"],
        "num_hidden_layers": stated["n_layer"],
        "hidden_size": stated["n_embd"],
        "num_attention_heads": stated["n_head"],
        "num_key_value_heads": stated["n_query_groups"],
        "head_dim": stated["head_size"],
        "intermediate_size": stated["intermediate_size"],
        "vocab_size": stated["padded_vocab_size"],
        "max_position_embeddings": None if stated["sliding_window_size"] else stated["block_size"],
        "tie_word_embeddings": False,
    }


def _from_analysis(stated: Mapping[str, object]) -> dict[str, object]:
    return {
        "model_type": stated["model_type"],
        "n_layer": stated["num_layers"],
        "n_embd": stated["hidden_dim"],
        "n_head": stated["n_head"],
        "n_inner": stated["ffn_embed_dim"],
        "vocab_size": stated["vocab_size"],
        "n_positions": stated["max_seq_len"],
    }


def _write(
    key: str,
    name: str,
    vendor: str,
    found: Sheet,
    file: str,
    source: str = "aiconfigurator-core-0.12.0",
    more: str = "",
) -> None:
    head = {"name": name, "vendor": vendor, "aliases": ALIASES.get(key, [])}
    text = model_file(key, found, head, {"source": source}, lambda field: _note(key, field, found, more))
    shipped = source.replace("-0.", " 0.")
    above = f"# Sizes of config.json as shipped in {shipped} ({file});\n# written by scripts/model_sheets.py.\n"
    (DATA / "models" / f"{key}.yaml").write_text(above + text, encoding="utf-8")


def _note(key: str, field: str, found: Sheet, more: str) -> str:
    if field == "params":
        special = "; ".join(text for part, text in NOTES.items() if part in key.replace("llama-4", "llama4"))
        return COUNTED + (f"; {special}" if special else "") + more
    unread = [] if found.tied_embeddings else ["the input embedding table"]
    unread += ["the experts not chosen"] if found.experts else []
    if field == "active_params":
        return READ.format(" and ".join(unread)) if unread else "read for one token: all of them"
    if field == "kv_heads" and found.attention == "mla":
        return "latent attention: one entry for all heads, which tensor parallelism does not divide"
    if field == "window_layers" and key.startswith("llama-4"):
        return NOTES["llama4"]
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
