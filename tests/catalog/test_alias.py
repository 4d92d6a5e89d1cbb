"""Laws of names: an entry answers to its own names however they are spelled, and to nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.alias import accelerator_meant, model_meant
from breakeven.catalog.load import load
from breakeven.catalog.snapshot import Head
from breakeven.errors import FactError

CATALOG = load()
MODELS, BOARDS = CATALOG.model_heads, CATALOG.accelerator_heads


def labels(heads: dict[str, Head]) -> list[tuple[str, str]]:
    """Every name of every entry, with the id it belongs to."""
    return [(head.id, label) for head in heads.values() for label in (head.id, head.name, *head.aliases)]


@st.composite
def respelled(draw: st.DrawFn, heads: dict[str, Head]) -> tuple[str, str]:
    """A name with its case and its separators changed."""
    key, label = draw(st.sampled_from(labels(heads)))
    separator = draw(st.sampled_from(["-", "_", " "]))
    letters = [draw(st.sampled_from([c.upper(), c.lower()])) if c.isalpha() else c for c in label]
    return key, "".join(separator if c in "-_ " else c for c in letters)


@pytest.mark.parametrize(("key", "label"), labels(dict(MODELS)))
def test_every_name_of_a_model_is_its_own(key: str, label: str) -> None:
    """Id, name and aliases mean the entry that states them."""
    assert model_meant(CATALOG, label).id == key


@pytest.mark.parametrize(("key", "label"), labels(dict(BOARDS)))
def test_every_name_of_a_board_is_its_own(key: str, label: str) -> None:
    """Id, name and aliases mean the entry that states them."""
    assert accelerator_meant(CATALOG, label).id == key


@given(respelled(dict(MODELS)))
def test_case_and_separators_of_a_model_do_not_matter(named: tuple[str, str]) -> None:
    """The same entry answers however its name is spelled."""
    key, spelled = named
    assert model_meant(CATALOG, spelled).id == key


@given(respelled(dict(BOARDS)))
def test_case_and_separators_of_a_board_do_not_matter(named: tuple[str, str]) -> None:
    """The same entry answers however its name is spelled."""
    key, spelled = named
    assert accelerator_meant(CATALOG, spelled).id == key


@given(st.sampled_from(sorted(MODELS)), st.sampled_from(["FP8", "NVFP4", "Instruct", "Instruct-FP8"]))
def test_a_tuning_or_a_precision_is_the_same_model(key: str, suffix: str) -> None:
    """A name with a precision behind it is the model without, and says the precision."""
    meant = model_meant(CATALOG, f"somebody/{MODELS[key].name}-{suffix}")
    assert meant.id == key
    assert meant.precision == {"FP8": "fp8", "NVFP4": "fp4"}.get(suffix.rpartition("-")[2], meant.precision)


@pytest.mark.parametrize(
    ("name", "key", "precision"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b", ""),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b", "fp8"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-r1", "fp4"),
        ("Qwen3-235B-A22B-Instruct-2507", "qwen3-235b-a22b", ""),
        ("llama2-70b-99.9", "llama-2-70b", ""),
        ("gptj-99", "gpt-j-6b", ""),
        ("mistralai/Mistral-7B-Instruct-v0.1", "mistral-7b-v0.1", ""),
        ("nvidia/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama-4-maverick-17b-128e", "fp8"),
    ],
)
def test_names_that_models_are_measured_under(name: str, key: str, precision: str) -> None:
    """Names of published measurements."""
    assert model_meant(CATALOG, name) == (key, precision)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("H100-SXM-80GB", "h100-sxm"),
        ("h100_sxm", "h100-sxm"),
        ("NVIDIA H100-SXM-80GB", "h100-sxm"),
        ("H200 141GB HBM3", "h200-sxm"),
        ("GH200 480GB", "gh200-96gb"),
        ("GH200 144GB HBM3e", "gh200"),
        ("NVIDIA GH200 Grace Hopper Superchip 96GB", "gh200-96gb"),
        ("B200 180GB HBM3e", "b200"),
        ("A100-SXM4-80GB", "a100-sxm-80gb"),
        ("A100-SXM4-40GB", "a100-sxm-40gb"),
        ("RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000-server"),
        ("AMD MI300X-NPS1-SPX-192GB-750W", "mi300x"),
        ("NVIDIA H100-NVL-94GB", "h100-nvl"),
        ("GB200 NVL72", "gb200"),
        ("L40S-48GB", "l40s"),
    ],
)
def test_names_that_boards_are_measured_under(name: str, key: str) -> None:
    """Names of published measurements and of `nvidia-smi`."""
    assert accelerator_meant(CATALOG, name).id == key


def test_an_ambiguous_name_is_refused() -> None:
    """A name that several entries share names them instead of taking one."""
    with pytest.raises(FactError, match="a100-pcie-40gb, a100-pcie-80gb, a100-sxm-40gb, a100-sxm-80gb"):
        accelerator_meant(CATALOG, "A100")


def test_another_model_with_a_known_name_inside_is_refused() -> None:
    """A distilled model is not the model it was distilled from; the way out names the file that is wanted."""
    with pytest.raises(FactError, match="Distill") as caught:
        model_meant(CATALOG, "DeepSeek-R1-Distill-Llama-70B")
    assert "deepseek-r1" in caught.value.way_out
    assert "config.json of DeepSeek-R1-Distill-Llama-70B; give it with --model-config FILE" in caught.value.way_out


@pytest.mark.parametrize("name", ["", "N/A", "TPU-9", "H100x"])
def test_an_unknown_board_is_refused(name: str) -> None:
    """What is nobody's name is refused, an empty one too."""
    with pytest.raises(FactError, match="not in the catalog"):
        accelerator_meant(CATALOG, name)
