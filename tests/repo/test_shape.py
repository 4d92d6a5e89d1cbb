"""The house style in numbers, and purity that imports cannot show."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/breakeven").rglob("*.py"))
PURE = ("schema", "metric", "workload", "perf", "cost", "planner", "audit", "report", "gateway/decision")
IMPURE_CALLS = {"open", "print", "input"}
IMPURE_ATTRIBUTES = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("np", "seterr")}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (len(docstring.splitlines()) if docstring else 0)


def pure_sources() -> list[Path]:
    base = ROOT / "src/breakeven"
    return [path for folder in PURE for path in sorted((base / folder).rglob("*.py"))] + [base / "quantity.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src/breakeven").as_posix())
def test_no_module_above_400_lines_no_function_above_50(path: Path) -> None:
    """What does not fit a head is two things."""
    text = path.read_text()
    assert sum(1 for line in text.splitlines() if line.strip()) <= 400
    long = [(function.name, length(function)) for function in functions(ast.parse(text)) if length(function) > 50]
    assert not long


def test_functions_are_small_on_the_whole() -> None:
    """Median at most 8 lines, nine in ten at most 25."""
    sizes = sorted(length(function) for path in SOURCES for function in functions(ast.parse(path.read_text())))
    assert statistics.median(sizes) <= 8
    assert sizes[int(0.9 * len(sizes))] <= 25


@pytest.mark.parametrize("path", pure_sources(), ids=lambda path: path.relative_to(ROOT / "src/breakeven").as_posix())
def test_the_core_calls_no_clock_file_or_terminal(path: Path) -> None:
    """Pure modules neither open files, print, nor ask the time, also through what needs no import."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            assert node.func.id not in IMPURE_CALLS, f"{path.name}:{node.lineno}"
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            assert (node.func.value.id, node.func.attr) not in IMPURE_ATTRIBUTES, f"{path.name}:{node.lineno}"


def test_packages_import_nothing() -> None:
    """An `__init__` says what a folder is for, and does nothing; the client's gives applications their one name."""
    for path in SOURCES:
        if path.name == "__init__.py" and path.parent.name != "client":
            body = ast.parse(path.read_text()).body
            assert len(body) == 1, path
            assert isinstance(body[0], ast.Expr), path


def test_every_expected_error_has_its_own_code_and_a_line_in_the_docs() -> None:
    """Each error can be looked up by its code."""
    from breakeven import errors

    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.BreakevenError) and kind is not errors.BreakevenError
    ]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    text = (ROOT / errors.DOCS).read_text()
    assert [code for code in codes if f"`{code}`" not in text] == []
