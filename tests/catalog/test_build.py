"""Laws of the generated file: deterministic, one entry a line, and a history that is only appended to."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.build import compile_tree, encode
from breakeven.catalog.load import shipped
from breakeven.catalog.snapshot import Snapshot, merge

ROOT = Path(__file__).parents[2]
OFFER = "  - {{id: o, provider: p, kind: cpu_hour, source: s, valid_from: {day}, usd_per_hour: {usd}}}\n"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_catalog", ROOT / "scripts" / "build_catalog.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DATA", tmp_path)
    monkeypatch.setattr(module, "GENERATED", tmp_path / "catalog.json")
    return module


def offers(path: Path, *entries: tuple[str, float]) -> None:
    path.write_text("offers:\n" + "".join(OFFER.format(day=day, usd=usd) for day, usd in entries))


def test_json_round_trip() -> None:
    """What is written is read back as the same snapshot."""
    assert msgspec.json.decode(encode(shipped()), type=Snapshot) == shipped()


def test_one_entry_a_line() -> None:
    """A changed price is one changed line: as many lines as entries, and two a section."""
    sections = [getattr(shipped(), name) for name in Snapshot.__struct_fields__]
    lines = encode(shipped()).decode().splitlines()
    assert len(lines) == sum(len(section) for section in sections) + 2 * len(sections)


@given(order=st.permutations(range(4)))
def test_the_order_of_files_does_not_show(order: list[int]) -> None:
    """Whatever the order in which parts are read, the merged catalog is the same bytes."""
    facts, offers_ = shipped().facts[::9], shipped().offers[::9]
    parts = [Snapshot(facts=facts[n::4], offers=offers_[n::4]) for n in range(4)]
    assert encode(merge(parts[n] for n in order)) == encode(merge(parts))


def test_appending_is_allowed(script: ModuleType, tmp_path: Path) -> None:
    """A new dated entry is written beside the old one."""
    offers(tmp_path / "a.yaml", ("2026-01-01", 1.0))
    assert script.main([]) == 0
    offers(tmp_path / "a.yaml", ("2026-01-01", 1.0), ("2026-02-01", 2.0))
    assert script.main([]) == 0
    assert len(compile_tree(tmp_path).offers) == 2


def test_editing_the_past_is_refused(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A past price that changes stops the build, names the entry and the way out, and leaves the file as it was."""
    offers(tmp_path / "a.yaml", ("2026-01-01", 1.0))
    assert script.main([]) == 0
    before = (tmp_path / "catalog.json").read_bytes()
    offers(tmp_path / "a.yaml", ("2026-01-01", 1.5))
    assert script.main([]) == 3
    assert "o@2026-01-01" in capsys.readouterr().err
    assert (tmp_path / "catalog.json").read_bytes() == before
    assert script.main(["--rewrite-history"]) == 0
    assert (tmp_path / "catalog.json").read_bytes() != before


def test_a_bad_fact_stops_the_build(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A price of zero is not built; the error names the file."""
    offers(tmp_path / "bad.yaml", ("2026-01-01", 0.0))
    assert script.main([]) == 3
    assert "bad.yaml:2" in capsys.readouterr().err
    assert not (tmp_path / "catalog.json").exists()


def test_a_source_may_be_defined_in_another_file(tmp_path: Path) -> None:
    """One table of sources serves all files."""
    (tmp_path / "sources.yaml").write_text("sources:\n  q: {source: quote, as_of: 2026-01-02}\n")
    (tmp_path / "a.yaml").write_text("facts:\n  x/y: {value: 1, unit: W, source: q}\n")
    (fact,) = compile_tree(tmp_path).facts
    assert (fact.source, fact.as_of) == ("quote", "2026-01-02")
