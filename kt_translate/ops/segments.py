"""Sums by segments, and how often each number occurs."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import same
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import dtype_expr, dtype_name
from kt_translate.ops.op import op
from kt_translate.ops.reshaping import ravel
from kt_translate.ops.shape import declared, run_time, written
from kt_translate.ops.values import as_tensor, is_scalar, number, promoted
from kt_translate.pytorch.expr import Expr, as_expr, torch, unless


# -- segments -------------------------------------------------------------------------------------
def _segments(data: Any, ids: Any, count: Any, reduction: str, empty: int | None = None) -> Tensor:
    """One element for each segment of the first axes. ``empty``: in a segment without elements, if not TensorFlow's limits."""
    x, i = as_tensor(data), as_tensor(ids)
    if i.rank > 1:
        shape, last = (None, *x.shape[i.rank :]), i.rank - 1
        x, i = derived(lambda e: e.flatten(0, last), [x], shape, x.dtype), ravel(i)
    if count is None:
        count = number(lambda e: Expr("int")(e.max()) + 1, [i])
    sizes = [_size(count)]
    fill = unless(empty if reduction in ("amax", "amin") else None, None)

    def render(e: Expr, f: Expr, *more: Expr) -> Expr:
        return Expr("segment_reduce")(e, f, *written(sizes, more), reduction, empty=fill)

    return derived(render, [x, i, *run_time(sizes)], (*declared(sizes), *x.shape[1:]), x.dtype)


def _size(value: Any) -> Any:
    """A size that the source gives: a number, or one that is computed where the tensors are."""
    if is_scalar(value):
        return value
    if not isinstance(value, Tensor) or value.rank:
        raise RuleError("KT203", "a number of elements that is not known")
    return number(lambda e: Expr("int")(e), [value])


def _segment(name: str, reduction: str) -> None:
    def of_keras(
        data: Any, segment_ids: Any, num_segments: Any = None, sorted: Any = False
    ) -> Tensor:
        ordered = num_segments is None and decided(sorted, "sorted")
        return _segments(data, segment_ids, num_segments, reduction, 0 if ordered else None)

    def of_numbers(data: Any, segment_ids: Any, num_segments: Any) -> Tensor:
        return _segments(data, segment_ids, num_segments, reduction)

    def of_sorted(data: Any, segment_ids: Any) -> Tensor:
        return _segments(data, segment_ids, None, reduction, 0)

    if name != "mean":
        op(f"keras.ops.segment_{name}")(of_keras)
    op(f"tf.math.unsorted_segment_{name}", f"tf.unsorted_segment_{name}")(of_numbers)
    op(f"tf.math.segment_{name}", f"tf.segment_{name}")(of_sorted)


for _name, _reduction in (
    ("sum", "sum"),
    ("mean", "mean"),
    ("prod", "prod"),
    ("max", "amax"),
    ("min", "amin"),
):
    _segment(_name, _reduction)


# -- counts ---------------------------------------------------------------------------------------
@op("keras.ops.bincount")
def bincount(x: Any, weights: Any = None, minlength: Any = 0, sparse: Any = False) -> Tensor:
    x, weights = as_tensor(x), None if weights is None else as_tensor(weights)
    dtype = "int32" if weights is None else promoted(x.dtype, weights.dtype)
    return _counts(x, weights, minlength, None, dtype)


@op("tf.math.bincount", "tf.bincount", arr="x")
def tf_bincount(
    x: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = "int32",
    axis: Any = None,
    binary_output: Any = False,
) -> Tensor:
    x, weights = as_tensor(x), None if weights is None else as_tensor(weights)
    if decided(axis, "the axis") in (None, 0):
        x, weights = ravel(x), None if weights is None else ravel(weights)
    binary = bool(decided(binary_output, "binary_output"))
    given = dtype_name(dtype) if weights is None else weights.dtype
    least = 0 if minlength is None else minlength
    return _counts(x, weights, least, maxlength, given, binary)


def _counts(
    x: Tensor, weights: Tensor | None, least: Any, most: Any, dtype: str, binary: bool = False
) -> Tensor:
    sizes = [_size(least), *([] if most is None else [_size(most)])]
    given = [x] if weights is None else [x, weights]
    settled = most is not None and same(least, most)
    plain = x.rank == 1 and most is None and not binary

    def render(e: Expr, *more: Expr) -> Expr:
        weighed = None if weights is None else more[0]
        low, *high = written(sizes, more[len(given) - 1 :])
        if plain:
            counted = torch.bincount(e, weights=unless(weighed, None), minlength=unless(low, 0))
        else:
            counted = Expr("bincount")(
                e,
                weights=unless(weighed, None),
                minlength=unless(low, 0),
                maxlength=unless(as_expr(high[0]) if high else None, None),
                binary=unless(binary, False),
            )
        return counted if dtype == "int64" else counted.to(dtype_expr(dtype))

    length = least if settled else None
    return derived(render, [*given, *run_time(sizes)], (*x.shape[:-1], length), dtype)
