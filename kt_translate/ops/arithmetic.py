"""Arithmetic of two operands: Python's operators on tensors, and the functions that say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from kt_translate.graph.operators import BINARY
from kt_translate.graph.region import derived
from kt_translate.graph.sym import UNKNOWN, Sym
from kt_translate.graph.tensor import Shape, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.ops.op import OPS, op
from kt_translate.ops.values import (
    apply,
    as_tensor,
    broadcast,
    dtype_of,
    is_float,
    is_number,
    is_plain_number,
    is_scalar,
    paths,
    promoted,
)
from kt_translate.pytorch.expr import Expr, torch

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_XY = {"x": "x1", "y": "x2", "a": "x1"}


def operation(operator: str, a: Any, b: Any) -> Any:
    """``a operator b`` of tensors, numbers and lists of numbers."""
    if operator == "@":
        return _matmul(a, b)
    if is_plain_number(a) and is_plain_number(b):
        return BINARY[operator](a, b)
    if not any(isinstance(v, (Tensor, list, tuple)) for v in (a, b)):
        return Sym.binary(operator, a, b)
    same = _unchanged(operator, a, b)
    if same is not None:
        return same
    a, b = _operand(a), _operand(b)
    dtype = _result(operator, dtype_of(a), dtype_of(b))
    return apply(lambda x, y: Expr.binary(operator, x, y), a, b, dtype=dtype, label=operator)


def _operand(value: Any) -> Any:
    return value if is_scalar(value) else as_tensor(value)


def _unchanged(operator: str, a: Any, b: Any) -> Tensor | None:
    """A number as it is where nothing is done to it: ``tf.shape(x)[1] * 1``."""
    if (
        is_number(a)
        and type(b) is int
        and (operator, b) in (("*", 1), ("+", 0), ("-", 0), ("//", 1))
    ):
        return a if isinstance(a, Tensor) else None
    return None


def _result(operator: str, a: str, b: str) -> str:
    if operator in COMPARISONS:
        return "bool"
    dtype = promoted(a, b)
    return "float32" if operator == "/" and not is_float(dtype) else dtype


def _matmul(a: Any, b: Any) -> Any:
    declared = OPS.get("keras.ops.matmul")
    if declared is not None:
        return declared.function(a, b)
    a, b = as_tensor(a), as_tensor(b)
    return derived(
        lambda x, y: x @ y,
        [a, b],
        matmul_shape(a.shape, b.shape),
        promoted(a.dtype, b.dtype),
        label="@",
    )


def matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        raise RuleError("KT204", "a matrix product with a number")
    rows = a[-2:-1] if len(a) > 1 else ()
    columns = b[-1:] if len(b) > 1 else ()
    return (*broadcast(a[:-2], b[:-2]), *rows, *columns)


# -- the same as functions ------------------------------------------------------------------------
def _function(
    names: Iterable[str], operator: str, tf: Iterable[str] = (), k: Iterable[str] = ()
) -> None:
    def function(x1: Any, x2: Any) -> Any:
        return operation(operator, x1, x2)

    op(*paths(*names, tf=tf, k=k, np=True), **_XY)(function)


_function(["add"], "+", tf=["add"])
_function(["subtract"], "-", tf=["subtract", "sub"])
_function(["multiply"], "*", tf=["multiply", "scalar_mul", "mul"])
_function(["divide", "true_divide"], "/", tf=["divide", "truediv", "div", "realdiv"])
_function(["floor_divide"], "//", tf=["floordiv", "floor_div"])
_function(["mod"], "%", tf=["mod", "floormod"])
_function(["power"], "**", tf=["pow"])


@op("keras.backend.pow")
def backend_pow(x: Any, a: Any) -> Any:
    return operation("**", x, a)


@op("tf.add_n", "tf.math.add_n", "tf.math.accumulate_n")
def add_n(inputs: Any) -> Any:
    total = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
    for part in inputs[1:] if isinstance(inputs, (list, tuple)) else ():
        total = operation("+", total, part)
    return total


@op("keras.backend.bias_add", "tf.nn.bias_add", value="x")
def bias_add(x: Any, bias: Any, data_format: Any = None) -> Any:
    x, bias = as_tensor(x), as_tensor(bias)
    first = data_format in ("channels_first", "NCHW", "NCW", "NCDHW")
    if first and bias.rank == 1 and x.rank > 2:
        along = (slice(None), *(None,) * (x.rank - 2))
        return derived(lambda e, b: e + b[along], [x, bias], x.shape, x.dtype, label="bias_add")
    return operation("+", x, bias)


@op("tf.math.squared_difference", "tf.squared_difference")
def squared_difference(x: Any, y: Any) -> Any:
    return operation("**", operation("-", x, y), 2)


# -- functions of torch ---------------------------------------------------------------------------
def pair(
    render: Callable[[Expr, Expr], Any],
    a: Any,
    b: Any,
    plain: Callable[[Any, Any], Any] | None = None,
    dtype: str | None = None,
    to_float: bool = False,
) -> Any:
    """A function of torch, which takes tensors only."""
    if plain is not None and is_plain_number(a) and is_plain_number(b):
        return plain(a, b)
    a, b = _operand(a), _operand(b)
    if is_scalar(a) and is_scalar(b):
        a = as_tensor(a)
    if to_float:
        found = promoted(dtype_of(a), dtype_of(b))
        dtype = found if is_float(found) else "float32"
    return apply(render, a, b, dtype=dtype, lift=True)


def _torch(
    names: Iterable[str],
    function: str,
    plain: Callable[[Any, Any], Any] | None = None,
    tf: Iterable[str] = (),
    dtype: str | None = None,
    to_float: bool = False,
    spellings: dict[str, str] = _XY,
) -> None:
    def declared(x1: Any, x2: Any) -> Any:
        made: Expr = torch
        for part in function.split("."):
            made = getattr(made, part)
        return pair(lambda x, y: made(x, y), x1, x2, plain, dtype, to_float)

    op(*paths(*names, tf=tf, np=True), **spellings)(declared)


_torch(["arctan2"], "atan2", math.atan2, to_float=True)
_torch([], "atan2", math.atan2, tf=["atan2"], to_float=True, spellings={"y": "x1", "x": "x2"})
_torch(["hypot"], "hypot", math.hypot, to_float=True)
_torch(["logaddexp"], "logaddexp", to_float=True)
_torch(["logaddexp2"], "logaddexp2", to_float=True)
_torch(["fmod"], "fmod", math.fmod, tf=["truncatemod"])
_torch(["fmax"], "fmax", max)
_torch(["fmin"], "fmin", min)
_torch(["gcd"], "gcd", math.gcd)
_torch(["lcm"], "lcm", math.lcm)
_torch(["nextafter"], "nextafter", math.nextafter, tf=["nextafter"], to_float=True)
_torch(["ldexp"], "ldexp", math.ldexp, to_float=True)
_torch([], "special.xlogy", tf=["xlogy"])
_torch([], "special.xlog1py", tf=["xlog1py"])
_torch([], "special.zeta", tf=["zeta"])
_torch([], "special.gammainc", tf=["igamma"])
_torch([], "special.gammaincc", tf=["igammac"])


@op(*paths("heaviside", np=True))
def heaviside(x1: Any, x2: Any) -> Any:
    return pair(lambda x, y: torch.heaviside(x.detach(), y), x1, x2, to_float=True)


def _extreme(names: Iterable[str], bound: str, plain: Callable[..., Any]) -> None:
    """maximum and minimum: ``clamp`` where one side is a number."""

    def function(x1: Any, x2: Any) -> Any:
        if is_plain_number(x1) and is_plain_number(x2):
            return plain(x1, x2)
        if is_scalar(x1) and is_scalar(x2):
            if isinstance(x1, Tensor) or isinstance(x2, Tensor):
                return apply(lambda x, y: Expr(plain.__name__)(x, y), x1, x2)
            samples = [_sample(x1), _sample(x2)]
            sample = UNKNOWN if UNKNOWN in samples and None not in samples else plain(*samples)
            return Sym.call(plain.__name__, (x1, x2), sample)
        if is_scalar(x1) or is_scalar(x2):
            x, y = (x2, x1) if is_scalar(x1) else (x1, x2)
            return apply(lambda e, limit: e.clamp(**{bound: limit}), as_tensor(x), y, label="clamp")
        x, y = as_tensor(x1), as_tensor(x2)
        word = "maximum" if bound == "min" else "minimum"
        two = Expr(word) if is_float(x.dtype) and is_float(y.dtype) else getattr(torch, word)
        return apply(lambda a, b: two(a, b), x, y)

    op(*paths(*names, k=names, tf=names, np=True), **_XY)(function)


def _sample(value: Any) -> Any:
    return value.value if isinstance(value, Sym) else value


_extreme(["maximum"], "min", max)
_extreme(["minimum"], "max", min)


@op(*paths("divide_no_nan", tf=["divide_no_nan", "div_no_nan"]), **_XY)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    if is_plain_number(x1) and is_plain_number(x2):
        return x1 / x2 if x2 else 0.0
    return _guarded("divide_no_nan", x1, x2)


@op("tf.math.multiply_no_nan", **_XY)
def multiply_no_nan(x1: Any, x2: Any) -> Any:
    return _guarded("multiply_no_nan", x1, x2)


def _guarded(function: str, x1: Any, x2: Any) -> Any:
    found = promoted(dtype_of(_operand(x1)), dtype_of(_operand(x2)))
    return pair(
        lambda x, y: Expr(function)(x, y), x1, x2, dtype=found if is_float(found) else "float32"
    )


@op("tf.math.reciprocal_no_nan")
def reciprocal_no_nan(x: Any) -> Any:
    return divide_no_nan(1.0, x)


@op("tf.math.xdivy", **_XY)
def xdivy(x1: Any, x2: Any) -> Any:
    """x / y, and 0 where x is 0."""
    return pair(lambda x, y: Expr("xdivy")(x, y), x1, x2)


@op("tf.truncatediv", "tf.math.truncatediv", **_XY)
def truncatediv(x1: Any, x2: Any) -> Any:
    return pair(lambda x, y: torch.div(x, y, rounding_mode="trunc"), x1, x2)


__all__ = ["COMPARISONS", "matmul_shape", "operation", "pair"]
