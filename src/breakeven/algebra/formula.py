"""Formulas that people write: `capex / (cloud - onprem)`, over named quantities with units.

Python's own parser reads them; a short list of node kinds is all that is allowed, so a formula can compute and nothing
else. `and`, comparisons and `where(condition, a, b)` yield 1 and 0.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from breakeven.algebra.amount import Amount, number
from breakeven.algebra.unit import UnitError, require, shown

MAX_LENGTH = 2000
MAX_NODES = 400
MAX_DEPTH = 100
"""Levels of nesting; a sum of so many terms is as deep."""
MAX_DIGITS = 15
"""Decimals that `round` may keep."""
LARGEST = 1e300
Lookup: TypeAlias = Callable[[str], Amount]


class FormulaError(UnitError):
    """A formula that cannot be read or computed."""


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Amount, Amount], Amount]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: Amount.raised,
    ast.Mod: lambda one, other: _same(np.mod, one, other, "%"),
    ast.FloorDiv: lambda one, other: (one / other).mapped(np.floor),
}
_COMPARISONS: Mapping[type[ast.cmpop], np.ufunc] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
PLAIN: Mapping[str, Callable[..., np.ndarray]] = {"sin": np.sin, "cos": np.cos, "exp": np.exp, "log": np.log}
"""Functions of plain numbers."""
SHAPED: Mapping[str, Callable[..., np.ndarray]] = {"abs": np.abs, "ceil": np.ceil, "floor": np.floor, "sqrt": np.sqrt}
"""Functions that round or bend a value."""
ROUNDING = frozenset({"ceil", "floor", "round"})
FUNCTIONS = (*PLAIN, *SHAPED, "round", "min", "max", "where")
CONSTANTS = {"pi": np.pi}


def parse(text: str) -> ast.expr:
    """The tree of a formula.

    Raises:
        FormulaError: it is too long, or holds something other than arithmetic.
    """
    if len(text) > MAX_LENGTH:
        message = f"a formula has at most {MAX_LENGTH} characters, this one has {len(text)}"
        raise FormulaError(message, "split it into named inputs")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"`{text.strip()[:80]}` is no formula: {getattr(error, 'msg', error)}"
        raise FormulaError(message, "use names, numbers, + - * / ** ( ) and functions") from error
    level: list[ast.AST] = [tree]
    count = depth = 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            message = f"`{text[:60]}...` has more than {MAX_NODES} parts or {MAX_DEPTH} levels"
            raise FormulaError(message, "split it into named inputs")
        for node in level:
            _allowed(node, text)
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return tree


_ALLOWED = (
    *(ast.BinOp, ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.Call),
    *(ast.Name, ast.Attribute, ast.Constant, ast.Load, ast.operator, ast.cmpop),
)


def _allowed(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.operator) and type(node) not in _ARITHMETIC:
        _refuse(type(node).__name__, text)
    if isinstance(node, ast.cmpop) and type(node) not in _COMPARISONS:
        _refuse(type(node).__name__, text)
    if not isinstance(node, _ALLOWED):
        _refuse(type(node).__name__, text)
    if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name | ast.Attribute):
        _refuse(f"a part of `{ast.unparse(node.value)}`", text)
    if isinstance(node, ast.Constant):
        _number(node.value, text)
    if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS):
        _refuse(f"the function `{ast.unparse(node.func)}`", text)
    if isinstance(node, ast.Call) and node.keywords:
        _refuse("an argument with a name", text)


def _number(value: object, text: str) -> None:
    """Raise where a constant is no number, or none that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"`{value!r}`", text)
    elif not abs(value) < LARGEST:
        _refuse(f"a number above {LARGEST:g}", text)


def _refuse(what: str, text: str) -> None:
    message = f"{what} is not allowed in the formula `{text.strip()[:80]}`"
    raise FormulaError(message, f"use arithmetic, names and {', '.join(FUNCTIONS)}")


def names(tree: ast.expr) -> tuple[str, ...]:
    """The names a formula depends on, dotted ones whole, in order, each once."""
    found: dict[str, None] = {}
    _names(tree, found)
    return tuple(name for name in found if name not in CONSTANTS)


def _names(node: ast.AST, found: dict[str, None]) -> None:
    if isinstance(node, ast.Name | ast.Attribute):
        found[dotted(node)] = None
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and child is node.func):
            _names(child, found)


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a name or an attribute of one."""
    return ast.unparse(node)


def evaluate(tree: ast.expr, look_up: Lookup) -> Amount:
    """The value of a formula; `look_up` gives the quantity of a name.

    What has no value is inf or nan, as in any arithmetic of floats: `where` may choose the other side, and whoever
    uses the result asks `undefined` for the cause.

    Raises:
        UnitError: units do not fit.
        FormulaError: a function has the wrong number of arguments.
    """
    for kind, compute in _COMPUTED:
        if isinstance(tree, kind):
            with np.errstate(all="ignore"):
                return compute(tree, look_up)
    message = f"`{ast.unparse(tree)}` cannot be computed"
    raise FormulaError(message, f"use arithmetic, names and {', '.join(FUNCTIONS)}")


def undefined(tree: ast.expr, look_up: Lookup) -> str:
    """Why a formula has no finite value: the first of its parts that has none while all of its own parts do."""
    for child in _operands(tree):
        if reason := undefined(child, look_up):
            return reason
    if isinstance(tree, ast.Name | ast.Attribute) or np.isfinite(evaluate(tree, look_up).values).all():
        return ""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div | ast.FloorDiv | ast.Mod):
        return f"`{ast.unparse(tree)}` divides by `{ast.unparse(tree.right)}`, which is 0"
    return f"`{ast.unparse(tree)}` has no finite value"


def _operands(tree: ast.expr) -> tuple[ast.expr, ...]:
    if isinstance(tree, ast.Call):
        return tuple(tree.args)
    return tuple(child for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr))


def _constant(tree: ast.Constant, _: Lookup) -> Amount:
    return number(float(tree.value))  # type: ignore[arg-type]  # `parse` lets numbers through only


def _named(tree: ast.expr, look_up: Lookup) -> Amount:
    name = dotted(tree)
    return number(CONSTANTS[name]) if name in CONSTANTS else look_up(name)


def _binary(tree: ast.BinOp, look_up: Lookup) -> Amount:
    return _ARITHMETIC[type(tree.op)](evaluate(tree.left, look_up), evaluate(tree.right, look_up))


def _signed(tree: ast.UnaryOp, look_up: Lookup) -> Amount:
    value = evaluate(tree.operand, look_up)
    if isinstance(tree.op, ast.Not):
        return number(np.where(value.values == 0, 1.0, 0.0))
    return -value if isinstance(tree.op, ast.USub) else value


def _compared(tree: ast.Compare, look_up: Lookup) -> Amount:
    sides = [evaluate(side, look_up) for side in (tree.left, *tree.comparators)]
    held = [
        _same(_COMPARISONS[type(sign)], one, other, "a comparison")
        for sign, one, other in zip(tree.ops, sides, sides[1:], strict=False)
    ]
    return number(np.minimum.reduce(np.broadcast_arrays(*(one.values for one in held))).astype(np.float64))


def _joined(tree: ast.BoolOp, look_up: Lookup) -> Amount:
    truths = np.broadcast_arrays(*(evaluate(value, look_up).values != 0 for value in tree.values))
    joined = np.logical_and.reduce(truths) if isinstance(tree.op, ast.And) else np.logical_or.reduce(truths)
    return number(joined.astype(np.float64))


def _same(function: Callable[..., np.ndarray], one: Amount, other: Amount, what: str) -> Amount:
    require(f"one side of {what}", other.dims, one.dims)
    return Amount(np.asarray(function(one.values, other.values), dtype=np.float64), one.dims)


def _called(tree: ast.Call, look_up: Lookup) -> Amount:
    name, given = dotted(tree.func), [evaluate(argument, look_up) for argument in tree.args]
    wanted = {"min": None, "max": None, "round": (1, 2), "where": (3, 3)}.get(name, (1, 1))
    if not given or (wanted and not wanted[0] <= len(given) <= wanted[1]):
        message = f"`{name}` takes {wanted[1] if wanted else 'at least 1'} values, got {len(given)}"
        raise FormulaError(message, f"see `{ast.unparse(tree)[:80]}`")
    return _apply(name, given)


def _apply(name: str, given: Sequence[Amount]) -> Amount:
    first = given[0]
    if name in PLAIN:
        require(f"the argument of `{name}`", first.dims, ())
        return first.mapped(PLAIN[name])
    if name in ROUNDING:
        _countable(name, first)
    if name in SHAPED:
        return Amount(SHAPED[name](first.values), power_half(first.dims) if name == "sqrt" else first.dims)
    if name == "round":
        digits = _digits(given[1]) if len(given) > 1 else 0
        return first.mapped(lambda values: np.round(values, digits))
    if name == "where":
        return _where(first, given[1], given[2])
    found = first
    for other in given[1:]:
        found = _same(np.minimum if name == "min" else np.maximum, found, other, f"`{name}`")
    return found


def _countable(name: str, given: Amount) -> None:
    """Raise where whole things depend on the unit: a month, an hour and a second are not rounded alike."""
    if {"s", "J"} & {dim for dim, _ in given.dims}:
        message = f"`{name}` of a quantity in {shown(given.dims)} does not say whole what"
        raise FormulaError(message, "divide it first by an input such as `1 month` or `1 kWh`")


def _digits(stated: Amount) -> int:
    require("the digits of `round`", stated.dims, ())
    if stated.scalar not in range(-MAX_DIGITS, MAX_DIGITS + 1):
        message = f"`round` keeps {stated.scalar:g} decimals"
        raise FormulaError(message, f"write a whole number from -{MAX_DIGITS} to {MAX_DIGITS}")
    return round(stated.scalar)


def _where(condition: Amount, then: Amount, otherwise: Amount) -> Amount:
    require("one side of `where`", otherwise.dims, then.dims)
    return Amount(np.asarray(np.where(condition.values != 0, then.values, otherwise.values)), then.dims)


def power_half(dims: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """Dimensions of a square root.

    Raises:
        FormulaError: they are no square.
    """
    if any(power % 2 for _, power in dims):
        message = "the square root of a quantity whose unit is no square"
        raise FormulaError(message, "divide by the unit first")
    return tuple((name, power // 2) for name, power in dims)


_COMPUTED: tuple[tuple[type[ast.expr], Callable[[Any, Lookup], Amount]], ...] = (
    (ast.Constant, _constant),
    (ast.Name, _named),
    (ast.Attribute, _named),
    (ast.BinOp, _binary),
    (ast.UnaryOp, _signed),
    (ast.Compare, _compared),
    (ast.BoolOp, _joined),
    (ast.Call, _called),
)
