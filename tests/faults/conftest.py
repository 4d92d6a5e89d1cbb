"""The world in virtual time, and the helpers of the gateway's own tests."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    found = sys.modules.get(name)
    if found is None:
        spec = importlib.util.spec_from_file_location(name, path)
        found = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found


@pytest.fixture
def sim(monkeypatch) -> ModuleType:
    """world.py, with the gateway's clock in its hands."""
    world = _load("breakeven_faults_world", HERE / "world.py")
    world.install(monkeypatch.setattr)
    return world


@pytest.fixture
def kit() -> ModuleType:
    """The helpers of tests/gateway: a real gateway on a loopback port, and an upstream that misbehaves on demand."""
    return _load("breakeven_faults_kit", HERE.parent / "gateway" / "conftest.py")


@pytest.fixture
def chaos() -> ModuleType:
    """chaos.py."""
    return _load("breakeven_faults_chaos", HERE / "chaos.py")
