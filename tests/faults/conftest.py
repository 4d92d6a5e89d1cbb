"""The world in virtual time, and the helpers of the gateway's own tests."""

import gc
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from breakeven.gateway.worker import GC_OBJECTS

HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    found = sys.modules.get(name)
    if found is None:
        spec = importlib.util.spec_from_file_location(name, path)
        found = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found


@pytest.fixture
def sim(monkeypatch) -> Iterator[ModuleType]:
    """world.py, with the gateway's clock in its hands; garbage is collected as rarely as in a worker."""
    world = _load("breakeven_faults_world", HERE / "world.py")
    world.install(monkeypatch.setattr)
    before = gc.get_threshold()
    gc.set_threshold(GC_OBJECTS, 20, 20)
    yield world
    gc.set_threshold(*before)


@pytest.fixture
def kit() -> ModuleType:
    """The helpers of tests/gateway: a real gateway on a loopback port, and an upstream that misbehaves on demand."""
    return _load("breakeven_faults_kit", HERE.parent / "gateway" / "conftest.py")


@pytest.fixture
def chaos() -> ModuleType:
    """chaos.py."""
    return _load("breakeven_faults_chaos", HERE / "chaos.py")
