"""Comparisons, logic, bits, and the choice between two values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Tensor
from kt_translate.ops.arithmetic import operation, pair
from kt_translate.ops.op import op
from kt_translate.ops.values import (
    apply,
    as_tensor,
    dtype_of,
    is_number,
    is_plain_number,
    is_scalar,
    paths,
    promoted,
    several,
)
from kt_translate.pytorch.expr import Expr, torch, unless

_XY = {"x": "x1", "y": "x2", "a": "x1"}


def _comparison(name: str, operator: str, tf: Iterable[str]) -> None:
    def function(x1: Any, x2: Any) -> Any:
        return operation(operator, x1, x2)

    op(*paths(name, k=[name], tf=tf, np=True), **_XY)(function)


_comparison("equal", "==", ["equal"])
_comparison("not_equal", "!=", ["not_equal"])
_comparison("less", "<", ["less"])
_comparison("less_equal", "<=", ["less_equal"])
_comparison("greater", ">", ["greater"])
_comparison("greater_equal", ">=", ["greater_equal"])


@op(*paths("isclose", np=True), a="x1", b="x2")
def isclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Any:
    def render(x: Expr, y: Expr) -> Expr:
        return torch.isclose(
            x,
            y,
            rtol=unless(rtol, 1e-5),
            atol=unless(atol, 1e-8),
            equal_nan=unless(equal_nan, False),
        )

    return pair(render, x1, x2, dtype="bool")


@op(*paths("allclose", np=True), a="x1", b="x2")
def allclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Any:
    close = isclose(x1, x2, rtol, atol, equal_nan)
    return derived(lambda e: e.all(), [close], (), "bool")


@op("tf.math.approximate_equal")
def approximate_equal(x: Any, y: Any, tolerance: Any = 1e-5) -> Any:
    return apply(lambda a, b: (a - b).abs() < tolerance, x, y, dtype="bool")


@op(*paths("isin", np=True))
def isin(x1: Any, x2: Any, assume_unique: Any = False, invert: Any = False) -> Any:
    x, y = as_tensor(x1), as_tensor(x2)
    return derived(
        lambda a, b: torch.isin(a, b, invert=unless(invert, False)), [x, y], x.shape, "bool"
    )


# -- logic and bits -------------------------------------------------------------------------------
def truth(x: Any) -> Any:
    """Whether each element is not zero."""
    if is_scalar(x) or dtype_of(x) == "bool":
        return x
    return apply(lambda e: e.bool(), as_tensor(x), dtype="bool")


def logic(operator: str, a: Any, b: Any) -> Any:
    """``a operator b`` of truth values."""
    a, b = (v if is_scalar(v) else truth(as_tensor(v)) for v in (a, b))
    if is_scalar(a) and is_scalar(b):
        word = {"&": "and", "|": "or", "^": "!="}[operator]
        if is_plain_number(a) and is_plain_number(b):
            return bool({"&": a and b, "|": a or b, "^": bool(a) != bool(b)}[operator])
        if not isinstance(a, Tensor) and not isinstance(b, Tensor):
            return Sym.binary(word, a, b)
        return apply(lambda x, y: Expr.binary(word, x, y), a, b, dtype="bool")
    return apply(lambda x, y: Expr.binary(operator, x, y), a, b, dtype="bool", label=operator)


def _logic(name: str, operator: str) -> None:
    def function(x1: Any, x2: Any) -> Any:
        return logic(operator, x1, x2)

    op(*paths(name, tf=[name], np=True), **_XY)(function)


_logic("logical_and", "&")
_logic("logical_or", "|")
_logic("logical_xor", "^")


@op(*paths("logical_not", tf=["logical_not"], np=True))
def logical_not(x: Any) -> Any:
    if is_plain_number(x):
        return not x
    if isinstance(x, Sym):
        return Sym.unary("not", x)
    if is_number(x):
        return apply(lambda e: Expr.unary("not", e), x, dtype="bool")
    return apply(lambda e: Expr.unary("~", e), truth(as_tensor(x)), dtype="bool", label="~")


def invert(x: Tensor) -> Any:
    """Python's ``~``."""
    return apply(lambda e: Expr.unary("~", e), x, dtype=x.dtype, label="~")


def _bits(names: Iterable[str], operator: str, tf: str) -> None:
    def function(x: Any, y: Any) -> Any:
        return operation(operator, x, y)

    op(*paths(*names, tf=[f"bitwise.{tf}"]))(function)


_bits(["bitwise_and"], "&", "bitwise_and")
_bits(["bitwise_or"], "|", "bitwise_or")
_bits(["bitwise_xor"], "^", "bitwise_xor")
_bits(["bitwise_left_shift", "left_shift"], "<<", "left_shift")
_bits(["bitwise_right_shift", "right_shift"], ">>", "right_shift")


@op(*paths("bitwise_not", "bitwise_invert", tf=["bitwise.invert"]))
def bitwise_not(x: Any) -> Any:
    return invert(as_tensor(x))


# -- choices --------------------------------------------------------------------------------------
def choose(condition: Any, x1: Any, x2: Any) -> Any:
    """One of two values for each element."""
    if is_plain_number(condition):
        return x1 if condition else x2
    if all(map(is_scalar, (condition, x1, x2))):
        if not any(isinstance(v, Tensor) for v in (condition, x1, x2)):
            return Sym.choose(condition, x1, x2)
        return apply(lambda c, x, y: Expr.conditional(c, x, y), condition, x1, x2)
    condition = truth(condition if is_scalar(condition) else as_tensor(condition))
    if isinstance(condition, Sym):
        condition = as_tensor(condition)
    x1, x2 = (v if is_scalar(v) else as_tensor(v) for v in (x1, x2))
    dtype = promoted(dtype_of(x1), dtype_of(x2))
    return apply(
        lambda c, x, y: torch.where(c, x, y), condition, x1, x2, dtype=dtype, label="where"
    )


@op(*paths("where", np=True), x="x1", y="x2")
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    return nonzero(condition) if x1 is None else choose(condition, x1, x2)


@op("tf.where", "tf.compat.v2.where", "tf.where_v2")
def tf_where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is not None:
        return choose(condition, x, y)
    c = as_tensor(condition)
    return derived(lambda e: e.nonzero(), [c], (None, c.rank), "int64")


@op(*paths("nonzero", np=True))
def nonzero(x: Any) -> Any:
    x = as_tensor(x)
    shapes: list[Any] = [(None,)] * x.rank
    return tuple(several(lambda e: e.nonzero(as_tuple=True), [x], shapes, "int32"))


@op(*paths("select", np=True))
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, value in zip(reversed(list(condlist)), reversed(list(choicelist))):
        result = choose(condition, value, result)
    return result


__all__ = ["choose", "invert", "known", "logic", "truth"]
