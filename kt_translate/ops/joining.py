"""Several tensors into one and one into several: concatenate, stack, split, unstack, meshgrid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.indexing import numbers_in
from kt_translate.ops.op import op
from kt_translate.ops.reshaping import expand_dims, ravel
from kt_translate.ops.shape import ShapeVector, declared, run_time, written
from kt_translate.ops.values import (
    as_tensor,
    is_number,
    is_scalar,
    listed,
    promoted,
    several,
    size_of,
    without,
)
from kt_translate.pytorch.expr import Expr, as_expr, torch, unless


# -- into one -------------------------------------------------------------------------------------
def _numbers(value: Any) -> Any:
    """The numbers of a constant vector; everything else as it is."""
    constant = (
        value.facts.get("constant") if isinstance(value, Tensor) and value.rank == 1 else None
    )
    return constant if isinstance(constant, (list, tuple)) else value


def joined(values: Any, axis: Any) -> Any:
    """The tensors one after the other along an axis; lists of numbers make a list."""
    values = listed(values)
    if isinstance(values, Tensor):
        values = unstacked(values, None, 0)
    lists = [_numbers(listed(v)) for v in values]
    if all(
        isinstance(v, (list, tuple)) and all(is_scalar(i) or is_number(i) for i in v) for v in lists
    ):
        return ShapeVector(item for v in lists for item in v)
    tensors = [as_tensor(v) for v in lists]
    if len(tensors) == 1:
        return tensors[0]
    rank = tensors[0].rank
    if any(t.rank != rank for t in tensors):
        raise RuleError("KT204", "tensors of different ranks are concatenated")
    given = decided(axis, "the axis")
    at = axis_of(given, rank)
    layout = tensors[0].layout
    if rank > 3 and any(t.layout is Layout.FIRST for t in tensors):
        layout = Layout.FIRST
    dim = tensors[0].seen_in(layout).dim(given)
    return derived(
        lambda *es: torch.cat(as_expr(list(es)), dim=unless(dim, 0)),
        tensors,
        _joined_shape([t.shape for t in tensors], at),
        promoted(*(t.dtype for t in tensors)),
        layout,
        layout,
        label="cat",
    )


def _joined_shape(shapes: list[Shape], at: int) -> Shape:
    shape: list[Dim] = []
    for axis, sizes in enumerate(zip(*shapes)):
        if axis != at:
            shape.append(next((s for s in sizes if s is not None), None) if axis else sizes[0])
        elif any(s is None for s in sizes):
            shape.append(None)
        else:
            total: Any = sizes[0]
            for size in sizes[1:]:
                total = total + size
            shape.append(total)
    return tuple(shape)


@op("keras.ops.concatenate", "numpy.concatenate", arrays="xs")
def concatenate(xs: Any, axis: Any = 0) -> Any:
    return joined(xs, axis)


@op("tf.concat")
def concat(values: Any, axis: Any) -> Any:
    if isinstance(values, int) or (isinstance(axis, (list, tuple)) and not is_scalar(axis)):
        values, axis = axis, values
    return joined(values, axis)


@op("keras.backend.concatenate")
def backend_concatenate(tensors: Any, axis: Any = -1) -> Any:
    return joined(tensors, axis)


@op("keras.ops.append", "numpy.append")
def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    if axis is None:
        return joined([ravel(x1), ravel(x2)], 0)
    return joined([x1, x2], axis)


@op("keras.ops.hstack", "numpy.hstack")
def hstack(xs: Any) -> Any:
    tensors = [as_tensor(x) for x in xs]
    return joined(tensors, 1 if tensors[0].rank > 1 else 0)


@op("keras.ops.vstack", "numpy.vstack")
def vstack(xs: Any) -> Any:
    tensors = [as_tensor(x) for x in xs]
    return joined([expand_dims(t, 0) if t.rank == 1 else t for t in tensors], 0)


@op("keras.ops.dstack", "numpy.dstack")
def dstack(xs: Any) -> Any:
    tensors = [as_tensor(x) for x in xs]
    if tensors[0].rank == 1:
        tensors = [expand_dims(expand_dims(t, 0), 2) for t in tensors]
    elif tensors[0].rank == 2:
        tensors = [expand_dims(t, 2) for t in tensors]
    return joined(tensors, 2)


def stacked(values: Any, axis: Any) -> Any:
    """The tensors side by side along a new axis; numbers make a list."""
    values = listed(values)
    if isinstance(values, Tensor):
        values = unstacked(values, None, 0)
    if all(map(is_scalar, values)):
        return ShapeVector(values)
    tensors = [as_tensor(v) for v in values]
    first = tensors[0]
    given = decided(axis, "the axis")
    shape = list(first.shape)
    shape.insert(axis_of(given, first.rank + 1), len(tensors))
    return derived(
        lambda *es: torch.stack(as_expr(list(es)), dim=unless(given, 0)),
        tensors,
        tuple(shape),
        promoted(*(t.dtype for t in tensors)),
        label="stack",
    )


@op("keras.ops.stack", "numpy.stack", arrays="x")
def stack(x: Any, axis: Any = 0) -> Any:
    return stacked(x, axis)


@op("tf.stack", "tf.pack", "keras.backend.stack", x="values")
def tf_stack(values: Any, axis: Any = 0) -> Any:
    return stacked(values, axis)


# -- into several ---------------------------------------------------------------------------------
def unstacked(x: Any, num: Any, axis: Any) -> list[Any]:
    """The slices along an axis, which falls away."""
    x = listed(x)
    if isinstance(x, (list, tuple)) and all(map(is_scalar, x)):
        return list(x)
    x = as_tensor(x)
    given = decided(axis, "the axis")
    at = axis_of(given, x.rank)
    count = decided(x.shape[at] if num is None else num, "the number of slices")
    if not isinstance(count, int):
        raise RuleError("KT203", "slices along an axis of unknown size")
    wants, layout = without(x, [at])
    dim = x.seen_in(wants).dim(given)
    shape = tuple(d for a, d in enumerate(x.shape) if a != at)
    return several(
        lambda e: e.unbind(**({} if dim == 0 else {"dim": dim})),
        [x],
        [shape] * count,
        x.dtype,
        layout,
        wants,
        "unbind",
    )


@op("keras.ops.unstack", "tf.unstack", "tf.unpack", value="x")
def unstack(x: Any, num: Any = None, axis: Any = 0) -> Any:
    return unstacked(x, num, axis)


def divided(
    x: Any, axis: Any, sizes: list[Any], render: Any, more: Sequence[Tensor] = ()
) -> list[Tensor]:
    """The parts along an axis; ``render(expression, dim, *more)``."""
    x = as_tensor(x)
    given = decided(axis, "the axis")
    at = axis_of(given, x.rank)
    dim = x.dim(given)
    if len(sizes) == 1 and x.mask is None:
        return [x]
    shapes = [(*x.shape[:at], size, *x.shape[at + 1 :]) for size in sizes]
    return several(
        lambda e, *given: render(e, dim, *given),
        [x, *more],
        shapes,
        x.dtype,
        x.layout,
        Layout.KEEP,
        "split",
    )


def _equal_parts(x: Any, parts: Any, axis: Any) -> list[Tensor]:
    x = as_tensor(x)
    count = decided(parts, "the number of parts")
    size = x.shape[axis_of(axis, x.rank)]
    sample = known(size)
    if isinstance(sample, int) and sample % count:
        raise RuleError("KT204", f"{sample} cannot be split into {count} equal parts")
    each: Any = None if size is None else size // count
    return divided(
        x, axis, [each] * count, lambda e, dim: e.chunk(parts, **({} if dim == 0 else {"dim": dim}))
    )


def _at(x: Any, positions: list[Any], axis: Any) -> list[Tensor]:
    """Split before each of some positions, as numpy does."""
    x = as_tensor(x)
    total = x.shape[axis_of(axis, x.rank)]
    ends = [*positions, total]
    sizes: list[Any] = []
    start: Any = 0
    for end in ends:
        sizes.append(None if end is None else end - start if not _past(end, total) else None)
        start = end
    sizes = [None if isinstance(s, int) and s < 0 else s for s in sizes]
    return divided(
        x, axis, sizes, lambda e, dim: e.tensor_split(tuple(positions), dim=unless(dim, 0))
    )


def _past(end: Any, total: Any) -> bool:
    a, b = known(end), known(total)
    return isinstance(a, int) and (a < 0 or (isinstance(b, int) and a > b))


@op("keras.ops.split", "numpy.split", ary="x")
def split(x: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    if is_scalar(indices_or_sections):
        return _equal_parts(x, indices_or_sections, axis)
    return _at(x, numbers_in(indices_or_sections, "positions"), axis)


@op("keras.ops.array_split", "numpy.array_split", ary="x")
def array_split(x: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    if not is_scalar(indices_or_sections):
        return _at(x, numbers_in(indices_or_sections, "positions"), axis)
    x = as_tensor(x)
    count = decided(indices_or_sections, "the number of parts")
    size = x.shape[axis_of(axis, x.rank)]
    sizes: list[Any] = [None] * count
    if isinstance(size, int):
        sizes = [size // count + (i < size % count) for i in range(count)]
    return divided(x, axis, sizes, lambda e, dim: e.tensor_split(count, dim=unless(dim, 0)))


@op("keras.ops.hsplit", "numpy.hsplit")
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    x = as_tensor(x)
    return split(x, indices_or_sections, 1 if x.rank > 1 else 0)


@op("keras.ops.vsplit", "numpy.vsplit")
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    return split(x, indices_or_sections, 0)


@op("keras.ops.dsplit", "numpy.dsplit")
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    return split(x, indices_or_sections, 2)


@op("tf.split")
def tf_split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None) -> Any:
    """A list is of sizes; TensorFlow 0 had the axis first."""
    if isinstance(num_or_size_splits, Tensor) and "constant" not in num_or_size_splits.facts:
        value, num_or_size_splits, axis = axis, value, num_or_size_splits
    if is_scalar(num_or_size_splits):
        return _equal_parts(value, num_or_size_splits, axis)
    x = as_tensor(value)
    sizes = numbers_in(num_or_size_splits, "sizes")
    at = axis_of(axis, x.rank)
    if any(type(s) is int and s == -1 for s in sizes):
        rest = size_of(x, at)
        for s in sizes:
            if not (type(s) is int and s == -1):
                rest = operation("-", rest, s)
        sizes = [rest if type(s) is int and s == -1 else s for s in sizes]

    def render(e: Expr, dim: int, *more: Expr) -> Expr:
        return e.split(written(sizes, more), **({} if dim == 0 else {"dim": dim}))

    return divided(x, axis, list(declared(sizes)), render, run_time(sizes))


# -- grids ----------------------------------------------------------------------------------------
@op("keras.ops.meshgrid", "tf.meshgrid", "numpy.meshgrid")
def meshgrid(*args: Any, indexing: Any = "xy") -> Any:
    tensors = [
        as_tensor(v)
        for v in (args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args)
    ]
    tensors = [t if t.rank == 1 else ravel(t) for t in tensors]
    mode = decided(indexing, "indexing")
    sizes = [t.shape[0] for t in tensors]
    if mode == "xy" and len(sizes) > 1:
        sizes[0], sizes[1] = sizes[1], sizes[0]
    return several(
        lambda *es: torch.meshgrid(*es, indexing=mode),
        tensors,
        [tuple(sizes)] * len(tensors),
        tensors[0].dtype,
    )


__all__ = ["joined", "stacked", "unstacked"]
