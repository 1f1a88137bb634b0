"""Tensors with the same elements in another shape or order: reshape, transpose, squeeze, flip, repeat."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import known, same
from kt_translate.graph.tensor import Layout, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axes_of, axis_of
from kt_translate.ops.indexing import flipped, numbers_in
from kt_translate.ops.op import op
from kt_translate.ops.shape import declared, given_sizes, product, resolved, run_time, written
from kt_translate.ops.values import as_tensor, is_number, is_scalar, listed, without
from kt_translate.pytorch.expr import Expr, unless

_X = {"a": "x", "input": "x", "tensor": "x", "array": "x", "input_tensor": "x"}


def reshape_to(x: Any, shape: Any) -> Tensor:
    """``x`` in another shape, in Keras's order."""
    x = as_tensor(x)
    sizes = given_sizes(shape)
    made = resolved(x, sizes)
    if (first := _merged_from(x, made)) is not None:
        return derived(lambda e: e.flatten(first), [x], made, x.dtype, label="flatten")
    return derived(
        lambda e, *more: e.reshape(*written(sizes, more)) if sizes else e.reshape(()),
        [x, *run_time(sizes)],
        made,
        x.dtype,
        label="reshape",
    )


def _merged_from(x: Tensor, shape: Shape) -> int | None:
    """The axis from which all become one, those before it staying what they are; None where it is another change."""
    first = len(shape) - 1
    before, rest = x.shape[:first], x.shape[first:]
    if not 0 < first < x.rank - 1 or before.count(None) > 1 or None in rest:
        return None  # of two that are open, which is which is not told
    alike = all(same(a, b) for a, b in zip(before, shape))
    return first if alike and same(shape[first], product(rest)) else None


@op("keras.ops.reshape", "numpy.reshape", newshape="shape", **_X)
def reshape(x: Any, shape: Any) -> Tensor:
    return reshape_to(x, shape)


@op("tf.reshape", "keras.backend.reshape", **_X)
def tf_reshape(x: Any, shape: Any) -> Tensor:
    return reshape_to(x, shape)


@op("keras.ops.ravel", "keras.backend.flatten", "numpy.ravel", **_X)
def ravel(x: Any) -> Tensor:
    x = as_tensor(x)
    size = None if any(d is None for d in x.shape) else product(x.shape)
    return derived(lambda e: e.flatten(), [x], (size,), x.dtype, label="flatten")


@op("keras.backend.batch_flatten")
def batch_flatten(x: Any) -> Tensor:
    x = as_tensor(x)
    size = None if any(d is None for d in x.shape[1:]) else product(x.shape[1:])
    return derived(lambda e: e.flatten(1), [x], (x.shape[0], size), x.dtype, label="flatten")


@op("tf.ensure_shape")
def ensure_shape(x: Any, shape: Any) -> Tensor:
    return as_tensor(x)


# -- axes of size 1 -------------------------------------------------------------------------------
@op(
    "keras.ops.expand_dims",
    "keras.backend.expand_dims",
    "tf.expand_dims",
    "numpy.expand_dims",
    dim="axis",
    **_X,
)
def expand_dims(x: Any, axis: Any = -1) -> Any:
    """Axes are counted in the result."""
    if is_scalar(x) or is_number(x):
        return [x]
    x = as_tensor(x)
    given = decided(axis, "the axis")
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    rank = x.rank + len(given)
    at = sorted(axis_of(a, rank) for a in given)
    shape = list(x.shape)
    for a in at:
        shape.insert(a, 1)

    def render(e: Expr) -> Expr:
        for a in given if len(given) == 1 else at:
            e = e.unsqueeze(a)
        return e

    return derived(render, [x], tuple(shape), x.dtype, label="unsqueeze")


@op(
    "keras.ops.squeeze",
    "keras.backend.squeeze",
    "tf.squeeze",
    "numpy.squeeze",
    squeeze_dims="axis",
    **_X,
)
def squeeze(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    given = decided(axis, "the axis")
    if given is None or given == []:
        axes = tuple(a for a, d in enumerate(x.shape) if same(d, 1))
    else:
        axes = axes_of(given, x.rank)
    for a in axes:
        if isinstance(x.shape[a], int) and x.shape[a] != 1:
            raise RuleError("KT204", f"axis {a} of size {x.shape[a]} cannot be squeezed out")
    wants, layout = without(x, axes)
    seen = x.seen_in(wants)
    shown = given if isinstance(given, int) else axes[0] if len(axes) == 1 else None
    dims = seen.dim(shown) if shown is not None else tuple(seen.dim(a) for a in axes)
    shape = tuple(d for a, d in enumerate(x.shape) if a not in axes)
    if not axes:
        return x
    return derived(lambda e: e.squeeze(dims), [x], shape, x.dtype, layout, wants, label="squeeze")


# -- the order of axes ----------------------------------------------------------------------------
def permuted(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """The axes in another order. Nothing is done where torch has them in it already."""
    if sorted(order) != list(range(x.rank)):
        raise RuleError("KT204", f"{order} is no order of {x.rank} axes")
    if x.layout is Layout.FIRST and x.rank == 3:
        x = _kept_in_order(x)
    dims = tuple(x.dim(a) for a in order)
    shape = tuple(x.shape[a] for a in order)
    moved = [i for i, d in enumerate(dims) if i != d]

    def render(e: Expr) -> Expr:
        if not moved:
            return e
        if x.rank == 2:
            return e.T
        if len(moved) == 2:
            return e.transpose(*moved)
        return e.permute(*dims)

    return derived(render, [x], shape, x.dtype, Layout.LAST, Layout.KEEP, label="permute")


def _kept_in_order(x: Tensor) -> Tensor:
    return derived(lambda e: e, [x], x.shape, x.dtype, Layout.LAST, Layout.LAST, label="permute")


@op(
    "keras.ops.transpose",
    "keras.backend.transpose",
    "numpy.transpose",
    "tf.transpose",
    perm="axes",
    **_X,
)
def transpose(x: Any, axes: Any = None, conjugate: Any = False) -> Any:
    x = as_tensor(x)
    if axes is None:
        return permuted(x, tuple(reversed(range(x.rank))))
    return permuted(x, tuple(axis_of(a, x.rank) for a in numbers_in(axes, "an order of axes")))


@op("keras.backend.permute_dimensions")
def permute_dimensions(x: Any, pattern: Any) -> Any:
    return transpose(x, pattern)


@op("keras.ops.swapaxes", "numpy.swapaxes", "tf.experimental.numpy.swapaxes")
def swapaxes(x: Any, axis1: Any, axis2: Any) -> Any:
    x = as_tensor(x)
    a, b = axis_of(axis1, x.rank), axis_of(axis2, x.rank)
    order = list(range(x.rank))
    order[a], order[b] = b, a
    return permuted(x, tuple(order))


@op("keras.ops.moveaxis", "numpy.moveaxis", "tf.experimental.numpy.moveaxis")
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    x = as_tensor(x)
    sources, places = axes_of(source, x.rank), axes_of(destination, x.rank)
    order = [a for a in range(x.rank) if a not in sources]
    for place, a in sorted(zip(places, sources)):
        order.insert(place, a)
    return permuted(x, tuple(order))


# -- the order of elements ------------------------------------------------------------------------
@op("keras.ops.flip", "numpy.flip")
def flip(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    return flipped(x, axes_of(axis, x.rank))


@op("tf.reverse", "keras.backend.reverse", axes="axis", **_X)
def reverse(x: Any, axis: Any) -> Any:
    x = as_tensor(x)
    return flipped(x, axes_of(listed(axis), x.rank))


@op("keras.ops.fliplr", "numpy.fliplr")
def fliplr(x: Any) -> Any:
    return flip(x, 1)


@op("keras.ops.flipud", "numpy.flipud")
def flipud(x: Any) -> Any:
    return flip(x, 0)


@op("keras.ops.roll", "tf.roll", "numpy.roll", **_X)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    shifts = numbers_in(shift, "a shift")
    if decided(axis, "the axis") is None:
        return derived(lambda e: e.roll(shift), [x], x.shape, x.dtype, label="roll")
    dims = [x.dim(a) for a in axes_of(axis, x.rank)]
    single = len(dims) == 1 and len(shifts) == 1
    by, over = (shifts[0], dims[0]) if single else (tuple(shifts), tuple(dims))
    if any(isinstance(s, Tensor) for s in shifts):
        raise RuleError("KT203", "a shift that is only known at run time")
    return derived(
        lambda e: e.roll(by, over), [x], x.shape, x.dtype, x.layout, Layout.KEEP, label="roll"
    )


@op("keras.ops.rot90", "numpy.rot90", **_X)
def rot90(x: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    x = as_tensor(x)
    a, b = axes_of(axes, x.rank)
    dims = (x.dim(a), x.dim(b))
    shape = list(x.shape)
    if decided(k, "k") % 2:
        shape[a], shape[b] = shape[b], shape[a]
    return derived(
        lambda e: e.rot90(k, dims), [x], tuple(shape), x.dtype, x.layout, Layout.KEEP, label="rot90"
    )


# -- elements several times -----------------------------------------------------------------------
def _times(size: Any, by: Any) -> Any:
    return None if size is None or isinstance(by, Tensor) else size * by


@op(
    "keras.ops.tile",
    "keras.backend.tile",
    "tf.tile",
    "numpy.tile",
    n="repeats",
    multiples="repeats",
    reps="repeats",
    **_X,
)
def tile(x: Any, repeats: Any) -> Any:
    if is_number(x) or is_scalar(x):
        x = as_tensor([x])
    x = as_tensor(x)
    counts = given_sizes(repeats, "a number of repetitions")
    counts = [1] * (x.rank - len(counts)) + counts
    shape = (1,) * (len(counts) - x.rank) + x.shape
    keep = x.layout is Layout.FIRST and len(counts) == x.rank and x.rank > 2
    ordered = [counts[0], counts[-1], *counts[1:-1]] if keep else counts
    layout = x.layout if keep else Layout.LAST
    return derived(
        lambda e, *more: e.tile(*written(ordered, more)),
        [x, *run_time(ordered)],
        tuple(map(_times, shape, counts)),
        x.dtype,
        layout,
        layout,
        label="tile",
    )


@op("keras.ops.repeat", "tf.repeat", "numpy.repeat", **_X)
def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    if not is_scalar(listed(repeats)):
        return _uneven(as_tensor(x), as_tensor(repeats), axis)
    if axis is None:
        flat = ravel(x)
        return _repeated(flat, repeats, None)
    return _repeated(as_tensor(x), repeats, axis)


def _repeated(x: Tensor, repeats: Any, axis: Any) -> Tensor:
    shape = list(x.shape)
    at = 0 if axis is None else axis_of(axis, x.rank)
    shape[at] = _times(shape[at], repeats)
    dim = None if axis is None else x.dim(decided(axis, "the axis"))
    more = [repeats] if isinstance(repeats, Tensor) else []

    def render(e: Expr, *given: Expr) -> Expr:
        return e.repeat_interleave(given[0] if given else repeats, dim=unless(dim, None))

    return derived(render, [x, *more], tuple(shape), x.dtype, x.layout, Layout.KEEP, label="repeat")


def _uneven(x: Tensor, repeats: Tensor, axis: Any) -> Tensor:
    """Each place its own number of times."""
    if axis is None:
        x, axis = ravel(x), 0
    shape = list(x.shape)
    shape[axis_of(axis, x.rank)] = None
    counts = repeats.facts.get("constant")
    if counts is not None and all(isinstance(c, int) for c in counts):
        shape[axis_of(axis, x.rank)] = sum(counts)
    dim = decided(axis, "the axis")
    return derived(
        lambda e, n: e.repeat_interleave(n, dim=dim),
        [x, repeats],
        tuple(shape),
        x.dtype,
        label="repeat",
    )


@op("keras.backend.repeat_elements")
def repeat_elements(x: Any, rep: Any, axis: Any) -> Any:
    return _repeated(as_tensor(x), rep, axis)


@op("keras.backend.repeat")
def backend_repeat(x: Any, n: Any) -> Any:
    """(N, F) -> (N, n, F)."""
    x = as_tensor(x)
    more = [n] if isinstance(n, Tensor) else []
    return derived(
        lambda e, *given: e.unsqueeze(1).expand(-1, given[0] if given else n, -1),
        [x, *more],
        (x.shape[0], None if more else n, x.shape[1]),
        x.dtype,
        label="repeat",
    )


@op("keras.ops.broadcast_to", "tf.broadcast_to", "numpy.broadcast_to", **_X)
def broadcast_to(x: Any, shape: Any) -> Any:
    x = as_tensor(x)
    sizes = given_sizes(shape)
    found = list(declared(sizes))
    for i in range(1, min(x.rank, len(found)) + 1):
        if found[-i] is None and x.shape[-i] is not None and known(x.shape[-i]) != 1:
            found[-i] = x.shape[-i]
    return derived(
        lambda e, *more: e.expand(*written(sizes, more)),
        [x, *run_time(sizes)],
        tuple(found),
        x.dtype,
        label="expand",
    )


__all__ = ["permuted", "reshape_to"]
