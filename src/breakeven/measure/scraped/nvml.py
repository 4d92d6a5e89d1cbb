"""NVML of this machine as a scrape with DCGM's names and units, so that one reader serves both.

Needs the extra `nvml` (NVIDIA's own binding) and a driver. Written from the binding's documentation; no machine with
a GPU was at hand to run it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from breakeven.errors import ConfigError
from breakeven.measure.scraped.accelerators import ENERGY, POWER, UTIL
from breakeven.wire.prometheus_text import Sample, Scrape

_MW = 1e-3


def library() -> Any:  # noqa: ANN401 - the binding is untyped
    """The binding, started.

    Raises:
        ConfigError: it is not installed, or this machine has no driver.
    """
    try:
        found = import_module("pynvml")
    except ImportError as error:
        message = "nvml is configured, and the package nvidia-ml-py is not installed"
        raise ConfigError(message, "pip install 'breakeven[nvml]', or scrape a DCGM exporter by url") from error
    try:
        found.nvmlInit()
    except found.NVMLError as error:
        message = f"NVML does not start: {error}"
        raise ConfigError(message, "run this where the NVIDIA driver is, or scrape a DCGM exporter by url") from error
    return found


def scrape(nvml: Any, at_s: float) -> Scrape:  # noqa: ANN401 - the binding is untyped
    """What every GPU of this machine says at `at_s`; what one does not support is left out."""
    samples: dict[str, list[Sample]] = {}
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        for name, value in _values(nvml, handle):
            samples.setdefault(name, []).append(Sample(name, {"gpu": str(index)}, value))
    return Scrape(at_s, {name: tuple(found) for name, found in samples.items()})


def _values(nvml: Any, handle: Any) -> Iterator[tuple[str, float]]:  # noqa: ANN401 - the binding is untyped
    asked: tuple[tuple[str, Callable[[], float]], ...] = (
        (UTIL, lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        (POWER, lambda: nvml.nvmlDeviceGetPowerUsage(handle) * _MW),
        (ENERGY, lambda: float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))),
    )
    for name, ask in asked:
        try:
            yield name, ask()
        except nvml.NVMLError:
            continue
