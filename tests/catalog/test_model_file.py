"""Law: a sheet written as a fact file loads as the same sheet."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.catalog.build import read_file
from breakeven.catalog.find import index
from breakeven.catalog.load import load
from breakeven.catalog.source.hf_config import Sheet
from breakeven.catalog.source.model_file import model_file
from breakeven.cli.main import main
from breakeven.schema.model import Model

MODELS = load().models()
ORIGIN = {"source": "config.json of ours", "as_of": "2026-11-27"}
CONFIG = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256, "torch_dtype": "bfloat16",
}  # fmt: skip


def sizes(model: Model) -> dict[str, object]:
    """What a sheet says of a model, without its name and origin."""
    return {name: getattr(model, name) for name in Sheet.__struct_fields__}


def read_back(key: str, model: Model, head: dict[str, object]) -> Model:
    """A model written and loaded."""
    found = msgspec.convert(sizes(model), Sheet, strict=False)
    text = model_file(key, found, head, ORIGIN, lambda field: "noted: so" if field == "layers" else "")
    return index(read_file(text, "ours.yaml").snapshot).model(key)


@pytest.mark.parametrize("model", MODELS, ids=[model.id for model in MODELS])
def test_every_sheet_survives_its_file(model: Model) -> None:
    """Attention, windows, experts and formats are what they were."""
    assert sizes(read_back("ours", model, {"name": "Ours"})) == sizes(model)


@given(st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="/@"), min_size=1).map(str.strip))
@settings(suppress_health_check=[HealthCheck.filter_too_much], max_examples=60)
def test_any_name_survives_its_file(name: str) -> None:
    """A name that YAML would take for a number, a word or a comment is still that name."""
    if name:
        assert read_back(name, MODELS[0], {"name": name}).name == name


def test_the_command_prints_a_file_that_loads(tmp_path: Path) -> None:
    """`catalog model` on a config.json gives what `--facts` takes, and remarks go elsewhere."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    done = CliRunner().invoke(main, ["catalog", "model", str(tmp_path / "config.json"), "--id", "ours-8b"])
    assert done.exit_code == 0
    (tmp_path / "ours.yaml").write_text(done.stdout)
    assert load((tmp_path / "ours.yaml",)).model("ours-8b").params == 8_030_261_248
    assert "8.03 billion" in done.stderr


def test_the_command_names_a_wrong_file(tmp_path: Path) -> None:
    """A file that is no config.json is refused by its name."""
    (tmp_path / "weights.bin").write_text("PK")
    done = CliRunner().invoke(main, ["catalog", "model", str(tmp_path / "weights.bin"), "--id", "x"])
    assert done.exit_code == 3
    assert "weights.bin: not JSON" in done.stderr
