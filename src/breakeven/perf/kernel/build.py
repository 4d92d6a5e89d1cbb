"""The kernel in compiled form: the same functions, handed to numba at the first use and cached on disk by it.

Compiled functions get the address of a row of addresses, one of each table, instead of a `World`: a single pointer,
where a tuple of arrays would have to be taken apart at every call. Only the functions that reach rows differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from breakeven.perf.kernel import lists, loop, memory, names, prefix, replica, route, scale, steps
from breakeven.perf.kernel.layout import TABLES, World, dtype

Run = Callable[[World], None]
Space = dict[str, Any]

MODULES: tuple[ModuleType, ...] = (steps, names, lists, prefix, memory, replica, route, scale, loop)


class Kernel(NamedTuple):
    """What the simulator calls: `number` once where there are prefix hashes, then `serve`. `records`: compiled."""

    serve: Run
    number: Run
    records: bool


PLAIN = Kernel(loop.serve, names.number, records=False)

ADDRESSES = np.dtype([(name, "<i8") for name in TABLES])
LEVEL = 1
"""LLVM's optimisation level: more takes longer to compile and gains nothing."""
OPTIONS = {"_nrt": False, "error_model": "numpy", "no_cfunc_wrapper": True}
"""Nothing is allocated, nothing divides by zero, nobody calls it from C."""


def loaded() -> bool:
    """Whether the compiled form is in this process already."""
    return compiled.cache_info().currsize > 0


@cache
def compiled() -> Kernel | None:
    """The kernel compiled, or read from numba's cache; None where numba is not installed."""
    try:
        import numba  # noqa: PLC0415 - slow to import, and optional
    except ImportError:
        return None
    made = _compile(numba)
    return Kernel(_entry(numba, loop.serve, made), _entry(numba, names.number, made), records=True)


@contextmanager
def _lightly(config: Any) -> Iterator[None]:  # noqa: ANN401 - numba's module of settings
    """Compile without looking for loops to vectorise, of which there are none: half the time, the same speed."""
    names = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
    before = {name: getattr(config, name) for name in names}
    config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE = type(config.OPT)(LEVEL), 0, 0
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


class _Made(NamedTuple):
    """The globals of each module with compiled functions in place of its own, and a digest of all of them."""

    spaces: dict[str, Space]
    digest: int


def _compile(numba: Any) -> _Made:  # noqa: ANN401 - an untyped module
    """All functions compiled for one another; none is until an entry needs it."""
    spaces: dict[str, Space] = {module.__name__: dict(vars(module)) for module in MODULES}
    functions = [value for module in MODULES for value in vars(module).values() if _own(value, module)]
    inner = numba.njit(no_cpython_wrapper=True, **OPTIONS)
    made: dict[Any, Any] = {function: inner(_twin(function, spaces[function.__module__])) for function in functions}
    made |= {reach: _reach(numba, name) for name, (_, reach) in TABLES.items()}
    for space in spaces.values():
        space.update({name: made[value] for name, value in space.items() if isinstance(value, FunctionType)})
    return _Made(spaces, _digest(functions))


def _entry(numba: Any, function: Run, made: _Made) -> Run:  # noqa: ANN401
    """A function that Python can call with a `World` of records.

    It is kept on disk under a name that changes with any function: numba itself looks only at the file of the entry.
    Where no place can be written to, nothing is kept.
    """
    twin = _twin(function, made.spaces[function.__module__])
    twin.__qualname__ = f"{function.__name__}_{made.digest:08x}"
    try:
        entry = numba.njit(cache=True, **OPTIONS)(twin)
    except RuntimeError:
        entry = numba.njit(**OPTIONS)(twin)
    with _lightly(numba.config):
        entry.compile((numba.from_dtype(ADDRESSES),))

    def run(w: World) -> None:
        addresses = np.zeros(1, dtype=ADDRESSES)
        for name in TABLES:
            addresses[name] = getattr(w, name).ctypes.data
        entry(addresses[0])

    return run


def _reach(numba: Any, name: str) -> Any:  # noqa: ANN401 - numba's own types
    """A row of a table, from the address of the table and the number of the row."""
    record = numba.from_dtype(dtype(TABLES[name][0]))
    offset = ADDRESSES.fields[name][1]  # type: ignore[index]

    def code(context: Any, builder: Any, _: Any, args: tuple[Any, ...]) -> Any:  # noqa: ANN401
        word = context.get_value_type(numba.types.int64)
        start = builder.ptrtoint(args[0], word)
        place = builder.inttoptr(builder.add(start, word(offset)), word.as_pointer())
        row = builder.load(place)
        if len(args) > 1:
            row = builder.add(row, builder.mul(args[1], word(record.size)))
        return builder.inttoptr(row, context.get_value_type(record))

    def first(_: Any, w: Any) -> Any:  # noqa: ANN401
        return record(w), code

    def nth(_: Any, w: Any, row: Any) -> Any:  # noqa: ANN401, ARG001 - numba counts the arguments
        return record(w, numba.types.int64), code

    return numba.extending.intrinsic(first if name in {"settings", "fleet"} else nth)


def _own(value: object, module: ModuleType) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == module.__name__


def _twin(function: FunctionType | Run, space: Space) -> FunctionType:
    """The same function with the compiled ones for its globals."""
    return FunctionType(function.__code__, space, function.__name__)


def _digest(functions: list[FunctionType]) -> int:
    found = zlib.crc32(repr([(name, kind.__annotations__) for name, (kind, _) in TABLES.items()]).encode())
    for function in functions:
        found = zlib.crc32(_text(function.__code__), found)
    return found


def _text(code: CodeType) -> bytes:
    return repr((code.co_code, code.co_consts, code.co_names, code.co_varnames)).encode()
