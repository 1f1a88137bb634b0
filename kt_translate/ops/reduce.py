"""Reductions over axes: sums, means, extremes, spreads, and what of a list of numbers is computed at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.ops.arguments import DEFAULT_FLOAT, axes_of, dtype_name
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.op import OPS, op
from kt_translate.ops.values import (
    as_tensor,
    is_float,
    is_scalar,
    listed,
    paths,
    promoted,
    without,
)
from kt_translate.pytorch.expr import Expr, as_expr, torch, unless

_VALUE = {
    "a": "x",
    "input": "x",
    "input_tensor": "x",
    "keep_dims": "keepdims",
    "reduction_indices": "axis",
    "axes": "axis",
}


def reduction(
    x: Any,
    axis: Any,
    keepdims: Any,
    render: Callable[..., Any],
    dtype: str | None = None,
    label: str = "reduce",
    empty: bool = True,
) -> Tensor:
    """``render(e, dim=..., keepdim=...)`` over some axes; the arguments are left out where torch assumes them.

    ``empty``: whether torch's function without ``dim`` is over all axes.
    """
    x = as_tensor(x)
    keep = bool(decided(keepdims, "keepdims"))
    axes = axes_of(axis, x.rank)
    whole = decided(axis, "the axis") is None
    wants, layout = without(x, axes, keep)
    seen = x.seen_in(wants)
    given = decided(axis, "the axis")
    if whole:
        dims: Any = tuple(range(x.rank))
    elif isinstance(given, (list, tuple)):
        dims = tuple(seen.dim(a) for a in given)
        dims = dims[0] if len(dims) == 1 else dims
    else:
        dims = seen.dim(given)
    how: dict[str, Any] = {} if whole and empty and not keep else {"dim": dims}
    if keep:
        how["keepdim"] = True
    shape = tuple(1 if a in axes else d for a, d in enumerate(x.shape) if keep or a not in axes)
    return derived(
        lambda e: render(e, **how), [x], shape, dtype or x.dtype, layout, wants, label=label
    )


def as_float(x: Tensor) -> Callable[[Expr], Expr]:
    return (lambda e: e) if is_float(x.dtype) else (lambda e: e.to(DEFAULT_FLOAT))


def float_dtype(x: Tensor) -> str:
    return x.dtype if is_float(x.dtype) else "float32"


def _numbers(x: Any) -> list[Any] | None:
    """The items of a list of numbers: a shape, say."""
    x = listed(x)
    if isinstance(x, (list, tuple)) and x and all(map(is_scalar, x)):
        return list(x)
    return None


def _folded(x: Any, axis: Any, name: str) -> Any:
    """The sum, product or extreme of a list of numbers; None if ``x`` is none."""
    items = _numbers(x)
    if items is None or axis not in (None, 0, -1, (0,), [0]):
        return None
    if name in ("amax", "amin"):
        declared = OPS["keras.ops.maximum" if name == "amax" else "keras.ops.minimum"].function
        step: Callable[[Any, Any], Any] = declared
    else:
        operator = "+" if name == "sum" else "*"
        step = lambda a, b: operation(operator, a, b)  # noqa: E731
    total = items[0]
    for item in items[1:]:
        total = step(total, item)
    return total


# -- sums and extremes ----------------------------------------------------------------------------
@op(*paths("sum", k=["sum"], tf=["reduce_sum"], np=True), **_VALUE)
def sum_(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    found = _folded(x, axis, "sum")
    if found is not None:
        return found
    x = as_tensor(x)
    return reduction(x, axis, keepdims, lambda e, **k: e.sum(**k), promoted(x.dtype, "int"))


@op(*paths("prod", k=["prod"], tf=["reduce_prod"], np=True), **_VALUE)
def prod(x: Any, axis: Any = None, keepdims: Any = False, dtype: Any = None) -> Any:
    found = _folded(x, axis, "prod")
    if found is not None:
        return found
    x = as_tensor(x)

    def render(e: Expr, dim: Any = None, keepdim: bool = False) -> Expr:
        if dim is None or isinstance(dim, int):
            return e.prod(**({} if dim is None else {"dim": dim}), keepdim=unless(keepdim, False))
        for d in sorted((d % x.rank for d in dim), reverse=True):
            e = e.prod(dim=d, keepdim=unless(keepdim, False))
        return e

    return reduction(x, axis, keepdims, render, promoted(x.dtype, "int"))


def _extreme(name: str, names: Iterable[str], short: str) -> None:
    def function(x: Any, axis: Any = None, keepdims: Any = False, initial: Any = None) -> Any:
        found = _folded(x, axis, name)
        if found is not None:
            return found

        def render(e: Expr, **how: Any) -> Expr:
            e = getattr(e, name)(**how)
            return e if initial is None else e.clamp(**{bound: initial})

        return reduction(x, axis, keepdims, render, label=name)

    bound = "min" if name == "amax" else "max"
    op(*paths(*names, k=[short], tf=[f"reduce_{short}"], np=True), **_VALUE)(function)


_extreme("amax", ["max", "amax"], "max")
_extreme("amin", ["min", "amin"], "min")


def _truth(name: str) -> None:
    def function(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        return reduction(x, axis, keepdims, lambda e, **how: getattr(e, name)(**how), "bool", name)

    op(*paths(name, k=[name], tf=[f"reduce_{name}"], np=True), **_VALUE)(function)


_truth("any")
_truth("all")


@op(*paths("ptp", np=True))
def ptp(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return reduction(x, axis, keepdims, lambda e, **k: e.amax(**k) - e.amin(**k))


# -- means and spreads ----------------------------------------------------------------------------
@op(*paths("mean", k=["mean"], np=True), **_VALUE)
def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    x = as_tensor(x)
    to_float = as_float(x)
    return reduction(
        x, axis, keepdims, lambda e, **k: to_float(e).mean(**k), float_dtype(x), "mean"
    )


@op("tf.reduce_mean", "tf.math.reduce_mean", **_VALUE)
def reduce_mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """Of whole numbers TensorFlow's mean is one."""
    x = as_tensor(x)
    if is_float(x.dtype):
        return mean(x, axis, keepdims)
    to = Expr(f"torch.{x.dtype}")
    return reduction(
        x, axis, keepdims, lambda e, **k: e.double().mean(**k).trunc().to(to), label="mean"
    )


def _spread(names: Iterable[str], tf: str, method: str) -> None:
    def function(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        x = as_tensor(x)
        to_float = as_float(x)

        def render(e: Expr, **how: Any) -> Expr:
            dim = {"dim": how.pop("dim")} if "dim" in how else {}
            return getattr(to_float(e), method)(**dim, correction=0, **how)  # type: ignore[no-any-return]

        return reduction(x, axis, keepdims, render, float_dtype(x), method)

    op(*paths(*names, k=names, tf=[tf], np=True), **_VALUE)(function)


_spread(["std"], "reduce_std", "std")
_spread(["var"], "reduce_variance", "var")


@op(*paths("logsumexp", tf=["reduce_logsumexp"]), "keras.backend.logsumexp", **_VALUE)
def logsumexp(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    def render(e: Expr, dim: Any, keepdim: bool = False) -> Expr:
        return torch.logsumexp(e, dim=dim, keepdim=unless(keepdim, False))

    return reduction(x, axis, keepdims, render, empty=False)


@op("tf.reduce_euclidean_norm", "tf.math.reduce_euclidean_norm", **_VALUE)
def reduce_euclidean_norm(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return reduction(x, axis, keepdims, lambda e, **k: torch.linalg.vector_norm(e, **k))


@op(*paths("average", np=True))
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """A mean whose weights belong to the elements, or to the places along one axis."""
    if weights is None:
        return mean(x, axis)
    x, w = as_tensor(x), as_tensor(weights)
    if w.rank != x.rank:
        at = axes_of(axis, x.rank)[0]
        along = (slice(None), *(None,) * (x.rank - 1 - at))
        if len(along) > 1:
            shape = (*w.shape, *[1] * (len(along) - 1))
            w = derived(lambda e: e[along], [w], shape, w.dtype)
        total = sum_(w)
    else:
        total = sum_(w, axis)
    return operation("/", sum_(operation("*", x, w), axis), total)


@op(*paths("count_nonzero", np=True))
def count_nonzero(x: Any, axis: Any = None) -> Any:
    return reduction(x, axis, False, lambda e, **k: e.count_nonzero(**k), "int32")


@op("tf.math.count_nonzero", "tf.count_nonzero", **_VALUE)
def tf_count_nonzero(x: Any, axis: Any = None, keepdims: Any = None, dtype: Any = None) -> Any:
    if not keepdims:
        return reduction(x, axis, False, lambda e, **k: e.count_nonzero(**k), "int64")
    return reduction(
        x, axis, True, lambda e, **k: (Expr.binary("!=", e, as_expr(0))).sum(**k), "int64"
    )


@op("tf.math.zero_fraction", "tf.nn.zero_fraction", value="x")
def zero_fraction(x: Any) -> Any:
    return derived(
        lambda e: Expr.binary("==", e, as_expr(0)).to(DEFAULT_FLOAT).mean(), [as_tensor(x)], ()
    )


# -- where the extremes are -----------------------------------------------------------------------
def _position(name: str, default: Any, where: list[str], dtype: str, clean: str = "") -> None:
    def function(x: Any, axis: Any = default, keepdims: Any = False, dtype: str = dtype) -> Any:
        x = as_tensor(x)
        if decided(axis, "the axis") is None:
            return _of_all(x, name, bool(keepdims), dtype, clean)

        def render(e: Expr, **how: Any) -> Expr:
            return getattr(_cleaned(e, clean), name)(**how)  # type: ignore[no-any-return]

        return reduction(x, axis, keepdims, render, dtype, name)

    def of_tensorflow(x: Any, axis: Any = default, output_type: Any = dtype) -> Any:
        return function(x, axis, dtype=dtype_name(output_type))

    tensorflow = [path for path in where if path.startswith("tf.")]
    op(*tensorflow, input="x", dimension="axis", a="x")(of_tensorflow)
    op(*(path for path in where if path not in tensorflow), a="x")(function)


def _cleaned(e: Expr, value: str) -> Expr:
    return e.nan_to_num(nan=Expr(value)) if value else e


def _of_all(x: Tensor, name: str, keepdims: bool, dtype: str, clean: str) -> Tensor:
    """The position counted through the whole tensor, which depends on the order of the axes."""
    shape = (1,) * x.rank if keepdims else ()

    def render(e: Expr) -> Expr:
        found: Expr = getattr(_cleaned(e, clean), name)()
        return found.reshape(*shape) if keepdims and x.rank else found

    return derived(render, [x], shape, dtype, label=name)


for _name in ("argmax", "argmin"):
    _position(_name, None, [f"keras.ops.{_name}", f"numpy.{_name}"], "int32")
    _position(_name, -1, [f"keras.backend.{_name}"], "int64")
    _position(_name, 0, [f"tf.{_name}", f"tf.math.{_name}", f"tf.arg_{_name[3:]}"], "int64")
_position("argmax", None, ["keras.ops.nanargmax"], "int32", "-math.inf")
_position("argmin", None, ["keras.ops.nanargmin"], "int32", "math.inf")


# -- running totals -------------------------------------------------------------------------------
def running(x: Any, axis: Any, method: str, exclusive: Any = False, reverse: Any = False) -> Tensor:
    x = as_tensor(x)
    dtype = promoted(x.dtype, "int")
    if decided(axis, "the axis") is None:
        size = _product(x.shape)
        return derived(lambda e: getattr(e.flatten(), method)(dim=0), [x], (size,), dtype)
    axes_of(axis, x.rank)
    dim = x.dim(decided(axis, "the axis"))

    def render(e: Expr) -> Expr:
        e = e.flip(dim) if reverse else e
        total = Expr(f"exclusive_{method}")(e, dim) if exclusive else getattr(e, method)(dim=dim)
        return total.flip(dim) if reverse else total

    return derived(render, [x], x.shape, dtype, x.layout, Layout.KEEP, label=method)


def _product(shape: Any) -> Any:
    total: Any = 1
    for size in shape:
        if size is None:
            return None
        total = total * size
    return total


@op("tf.math.cumulative_logsumexp")
def cumulative_logsumexp(x: Any, axis: Any = 0) -> Tensor:
    x = as_tensor(x)
    axes_of(axis, x.rank)
    dim = x.dim(decided(axis, "the axis"))
    return derived(
        lambda e: torch.logcumsumexp(e, dim=dim), [x], x.shape, x.dtype, x.layout, Layout.KEEP
    )


for _name in ("cumsum", "cumprod"):

    def _of(x: Any, axis: Any = None, dtype: Any = None, name: str = _name) -> Any:
        return running(x, axis, name)

    def _of_k(x: Any, axis: Any = 0, name: str = _name) -> Any:
        return running(x, axis, name)

    def _of_tf(
        x: Any, axis: Any = 0, exclusive: Any = False, reverse: Any = False, method: str = _name
    ) -> Any:
        return running(x, axis, method, exclusive, reverse)

    op(f"keras.ops.{_name}", f"numpy.{_name}")(_of)
    op(f"keras.backend.{_name}")(_of_k)
    op(f"tf.{_name}", f"tf.math.{_name}")(_of_tf)


__all__ = ["as_float", "float_dtype", "reduction", "running", "sum_"]
