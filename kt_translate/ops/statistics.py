"""Quantiles, and reductions that leave out what is not a number."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axes_of
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.op import OPS, op
from kt_translate.ops.reduce import as_float, float_dtype, reduction, running, sum_
from kt_translate.ops.values import apply, as_tensor, is_plain_number
from kt_translate.pytorch.expr import Expr, torch, unless


# -- without what is not a number -----------------------------------------------------------------
def _nan(name: str, value: str) -> None:
    """A reduction that takes NaN for the value that changes nothing."""

    def function(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        clean = apply(lambda e: e.nan_to_num(nan=Expr(value)), as_tensor(x))
        return OPS[f"keras.ops.{name}"].function(clean, axis, keepdims)

    op(f"keras.ops.nan{name}", f"numpy.nan{name}")(function)


_nan("sum", "0.0")
_nan("prod", "1.0")
_nan("max", "-math.inf")
_nan("min", "math.inf")


def _nan_running(name: str, value: str) -> None:
    def function(x: Any, axis: Any = None, dtype: Any = None) -> Any:
        return running(apply(lambda e: e.nan_to_num(nan=Expr(value)), as_tensor(x)), axis, name)

    op(f"keras.ops.nan{name}", f"numpy.nan{name}")(function)


_nan_running("cumsum", "0.0")
_nan_running("cumprod", "1.0")


@op("keras.ops.nanvar", "numpy.nanvar")
def nanvar(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    valid = apply(lambda e: Expr.unary("~", e.isnan()), as_tensor(x), dtype="bool")
    mean_ = nanmean(x, axis, True)
    deviation = apply(
        lambda v, e, m: torch.where(v, e - m, 0.0), valid, x, mean_, dtype=mean_.dtype
    )
    return operation(
        "/", sum_(operation("**", deviation, 2), axis, keepdims), sum_(valid, axis, keepdims)
    )


@op("keras.ops.nanstd", "numpy.nanstd")
def nanstd(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return apply(lambda e: e.sqrt(), nanvar(x, axis, keepdims))


@op("keras.ops.nanmean", "numpy.nanmean")
def nanmean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return reduction(x, axis, keepdims, lambda e, **k: e.nanmean(**k))


def _quantiles(method: str, nan: str, scale: float) -> None:
    def function(
        x: Any, q: Any, axis: Any = None, method: Any = "linear", keepdims: Any = False
    ) -> Any:
        if not is_plain_number(q):
            raise RuleError("KT203", "several quantiles at once")
        return _quantile(x, q / scale, axis, keepdims, nan, method)

    op(f"keras.ops.{nan}{method}", f"numpy.{nan}{method}")(function)


def _quantile(
    x: Any, q: float, axis: Any, keepdims: Any, nan: str = "", method: str = "linear"
) -> Tensor:
    x = as_tensor(x)
    to_float = as_float(x)
    axes = axes_of(axis, x.rank)

    def render(e: Expr, dim: Any = None, keepdim: bool = False) -> Expr:
        e = to_float(e)
        if isinstance(dim, tuple) and len(dim) > 1:
            return Expr("quantile_over")(e, q, dim, keepdim, nan=unless(bool(nan), False))
        how = {"interpolation": unless(method, "linear")}
        where = {} if dim is None else {"dim": dim}
        return getattr(e, f"{nan}quantile")(q, **where, keepdim=unless(keepdim, False), **how)  # type: ignore[no-any-return]

    if len(axes) > 1 and axis is not None and method != "linear":
        raise RuleError("KT203", "a quantile over several axes without interpolation")
    return reduction(x, axis, keepdims, render, float_dtype(x), "quantile")


for _nan_ in ("", "nan"):
    _quantiles("quantile", _nan_, 1.0)
    _quantiles("percentile", _nan_, 100.0)


@op("keras.ops.median", "numpy.median")
def median(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return _quantile(x, 0.5, axis, keepdims)


@op("keras.ops.nanmedian", "numpy.nanmedian")
def nanmedian(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return _quantile(x, 0.5, axis, keepdims, "nan")
