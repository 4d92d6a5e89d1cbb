"""The kernel in compiled form: the same functions, handed to numba at the first use and cached on disk by it."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from breakeven.perf.kernel import lists, loop, memory, prefix, replica, route, scale, steps
from breakeven.perf.kernel.layout import World

Serve = Callable[[World], None]

MODULES: tuple[ModuleType, ...] = (steps, lists, prefix, memory, replica, route, scale, loop)


def loaded() -> bool:
    """Whether numba is in this process already, so that using it costs no import."""
    return "numba" in sys.modules


@cache
def compiled() -> Serve | None:
    """`loop.serve` compiled; None where numba is not installed. The first call of it compiles or reads the cache."""
    try:
        import numba  # noqa: PLC0415 - slow to import, and optional
    except ImportError:
        return None
    njit: Any = numba.njit
    spaces = {module.__name__: dict(vars(module)) for module in MODULES}
    functions = [value for module in MODULES for value in vars(module).values() if _own(value, module)]
    inner = njit(_nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    made = {function: inner(_twin(function, spaces[function.__module__])) for function in functions}
    for space in spaces.values():
        space.update({name: made[value] for name, value in space.items() if _known(value, made)})
    return _cached(njit, spaces[loop.__name__], functions)


def _cached(njit: Any, space: dict[str, Any], functions: list[FunctionType]) -> Serve:  # noqa: ANN401 - untyped
    """The entry, kept on disk under a name that changes with any function of the kernel.

    numba itself looks only at the file of the entry. Where no place can be written to, nothing is kept.
    """
    entry = _twin(loop.serve, space)
    entry.__qualname__ = f"serve_{_digest(functions):08x}"
    try:
        return njit(cache=True, _nrt=False, error_model="numpy", no_cfunc_wrapper=True)(entry)  # type: ignore[no-any-return]
    except RuntimeError:
        return njit(entry)  # type: ignore[no-any-return]


def _own(value: object, module: ModuleType) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == module.__name__


def _known(value: object, made: dict[FunctionType, Any]) -> bool:
    return isinstance(value, FunctionType) and value in made


def _twin(function: FunctionType | Serve, space: dict[str, Any]) -> FunctionType:
    """The same function with the compiled ones for its globals."""
    return FunctionType(function.__code__, space, function.__name__)


def _digest(functions: list[FunctionType]) -> int:
    found = 0
    for function in functions:
        found = zlib.crc32(_text(function.__code__), found)
    return found


def _text(code: CodeType) -> bytes:
    return repr((code.co_code, code.co_consts, code.co_names, code.co_varnames)).encode()
