"""docs/policy.md: its fragments compile where they belong, its tables are the code's, and every example compiles."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from breakeven.assembly import resolve
from breakeven.assembly.project import key_digests
from breakeven.catalog.load import load as load_catalog
from breakeven.config import policy_file, settings
from breakeven.config.compile import compile_policy
from breakeven.config.grammar import tables
from breakeven.config.json_schema import policy_schema, settings_schema
from breakeven.schema.policy import TIER_RULES, Policy

ROOT = Path(__file__).parents[2]
DOC = ROOT / "docs/policy.md"
EXAMPLES = sorted(path.parent for path in (ROOT / "examples/policy").glob("*/policy.yaml"))
CATALOG = load_catalog()
Same = Callable[[Path, str, str], None]
yaml = YAML(typ="safe", pure=True)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants are told apart by keys from the environment."""
    monkeypatch.setenv("ACME_KEY", "a")
    monkeypatch.setenv("LABS_KEY", "b")


def compiled(first: str, second: str) -> Policy:
    found = settings.load(first)
    policies = policy_file.load(second, beside=found)
    resolved = resolve.resolve(found, CATALOG, "2026-11-28")
    return compile_policy(
        found,
        policies,
        prices=resolved.prices,
        capacities=resolved.capacities,
        works=resolved.works,
        key_digests=key_digests(found),
    )


def fragments() -> list[tuple[str, Any]]:
    """Each block of YAML: the file it belongs to, and what it says there."""
    found = re.findall(r"```yaml\n# (breakeven|policy)\.yaml\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert len(found) == DOC.read_text().count("```yaml")
    return [(file, yaml.load(text)) for file, text in found]


def joined(old: Any, new: Any) -> Any:
    """`new` over `old`: mappings key by key, lists of named entries name by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: joined(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and all("name" in entry for entry in [*old, *new]):
        over = {entry["name"]: entry for entry in new}
        known = [entry["name"] for entry in old]
        standing = [joined(entry, over.get(entry["name"], {})) for entry in old]
        return standing + [entry for entry in new if entry["name"] not in known]
    return new


def written(value: Any) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(value, stream)
    return stream.getvalue()


BASE, ADDED = fragments()[:2], fragments()[2:]


def policy_with(*added: tuple[str, Any]) -> Policy:
    files = dict(BASE)
    for file, fragment in added:
        files[file] = joined(files[file], fragment)
    return compiled(written(files["breakeven"]), written(files["policy"]))


@pytest.mark.parametrize("at", range(len(ADDED)))
def test_every_fragment_of_the_page_does_something(at: int) -> None:
    """Put into the page's two files, each compiles, to another policy; what the process alone obeys is no policy."""
    before = [ADDED[at - 1]] if "quality_floor" in str(ADDED[at]) else []  # what it needs stands above it
    changed = policy_with(*before, ADDED[at])
    if "telemetry" not in ADDED[at][1]:
        assert changed.id != policy_with(*before).id


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_every_example_compiles(folder: Path) -> None:
    """Each pair of files is whole, priced, and named on the page of examples."""
    policy = compiled(*((folder / name).read_text() for name in ("breakeven.yaml", "policy.yaml")))
    assert all(one.tokens or one.capacity for one in policy.deployments)
    assert f"`{folder.name}`" in (ROOT / "examples/policy/README.md").read_text()
    for backend in policy.backends:
        assert not backend.model_path or (folder / backend.model_path).exists()


@pytest.mark.parametrize("grammar", ["policy", "settings"])
def test_every_key_is_in_the_page(grammar: str, same: Same) -> None:
    """The tables are the descriptions that errors and editors show, and no key lacks one."""
    same(DOC, grammar, tables(grammar))
    silent = re.findall(r"^\| `(\w+)` \| [^|]* \| *(?:; else[^|]*)?\|$", tables(grammar), re.MULTILINE)
    assert silent == []


def test_the_tiers_are_the_code_s(same: Same) -> None:
    """What holds where the policy says nothing."""
    rows = [
        f"| {one.tier} | {one.share:g} | {_yes(one.explore)} | {_yes(one.hedge)} | {_fails(open_=one.fail_open)} |"
        for one in TIER_RULES
    ]
    same(DOC, "tiers", "\n".join(["| tier | share | explores | hedges | fail |", "|---|---|---|---|---|", *rows]))


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _fails(*, open_: bool) -> str:
    return "open" if open_ else "closed"


def test_editors_know_every_key_of_the_examples() -> None:
    """The JSON Schemas hold every key that an example writes, in the section where it writes it."""
    for folder in EXAMPLES:
        for name, schema in (("breakeven.yaml", settings_schema()), ("policy.yaml", policy_schema())):
            assert list(unknown(yaml.load((folder / name).read_text()), schema, schema["$defs"])) == []


def unknown(value: Any, schema: Any, sections: Any) -> Any:
    """Keys of a value that no alternative of its schema knows."""
    options = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    options = [sections[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in options]
    if isinstance(value, list):
        [items] = [one["items"] for one in options if "items" in one]
        for entry in value:
            yield from unknown(entry, items, sections)
    elif isinstance(value, dict):
        [known] = [one for one in options if one.get("type") == "object"]
        for key, entry in value.items():
            named = next(
                (one for key_of, one in known.get("patternProperties", {}).items() if re.search(key_of, key)), {}
            )
            below = known.get("properties", {}).get(key, named or known.get("additionalProperties"))
            if not below:
                yield key
            elif isinstance(below, dict):
                yield from unknown(entry, below, sections)


def test_the_scorer_of_the_example_is_what_its_script_writes() -> None:
    """No binary in the repository whose making is unknown."""
    script = ROOT / "scripts/make_scorer.py"
    spec = importlib.util.spec_from_file_location("make_scorer", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.model().SerializeToString() == (ROOT / "examples/policy/decisions/scorer.onnx").read_bytes()
