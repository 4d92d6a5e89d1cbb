"""The bench's months with faults, as a module; and a runner of the command."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from breakeven.cli.main import main

BENCH = Path(__file__).parents[2] / "bench/reconcile.py"


@pytest.fixture(scope="session")
def months() -> ModuleType:
    """bench/reconcile.py."""
    spec = importlib.util.spec_from_file_location("bench_reconcile", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def reconcile() -> Callable[..., Result]:
    """`reconcile("invoice", ...)` in this process."""
    return lambda *arguments: CliRunner().invoke(main, ["reconcile", *map(str, arguments)])
