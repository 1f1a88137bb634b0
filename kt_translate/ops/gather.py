"""Elements by their positions, and tensors with some elements replaced: take, gather, masks, scatter."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of
from kt_translate.ops.indexing import index_tensor, numbers_in, positions
from kt_translate.ops.op import op
from kt_translate.ops.reshaping import ravel
from kt_translate.ops.shape import declared, given_sizes, run_time, written
from kt_translate.ops.values import as_tensor, is_number, is_scalar, listed
from kt_translate.pytorch.expr import Expr, as_expr, torch, unless

WHOLE = slice(None)


# -- along an axis --------------------------------------------------------------------------------
def taken(x: Any, indices: Any, axis: Any) -> Any:
    """The slices at some positions of an axis; negative ones count from behind."""
    listed_x = listed(x)
    if (
        isinstance(listed_x, (list, tuple))
        and isinstance(indices, int)
        and all(map(is_scalar, listed_x))
    ):
        return listed_x[indices]
    x = as_tensor(x)
    given = decided(axis, "the axis")
    at = axis_of(given, x.rank)
    if is_scalar(indices) or (isinstance(indices, Tensor) and indices.rank == 0):
        return index_tensor(x, (*[WHOLE] * at, indices))
    indices = as_tensor(indices)
    shape = (*x.shape[:at], *indices.shape, *x.shape[at + 1 :])
    key: tuple[Any, ...] = (WHOLE,) * at
    if given < 0 and at:
        key = (Ellipsis,)
    tail = (WHOLE,) * (x.rank - 1 - at) if key == (Ellipsis,) else ()

    def render(e: Expr, i: Expr) -> Expr:
        whole = (*key, i, *tail)
        return e[whole]

    return derived(render, [x, positions(indices)], shape, x.dtype, label="take")


@op("keras.ops.take", "numpy.take")
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    if axis is None:
        x, axis = ravel(as_tensor(x)), 0
    return taken(x, indices, axis)


@op("keras.backend.gather")
def backend_gather(reference: Any, indices: Any) -> Any:
    return taken(reference, indices, 0)


@op("tf.gather")
def gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: Any = 0
) -> Any:
    batch = decided(batch_dims, "batch_dims")
    if not batch:
        return taken(params, indices, 0 if axis is None else axis)
    x, i = as_tensor(params), as_tensor(indices)
    batch %= i.rank + 1
    at = batch if axis is None else axis_of(axis, x.rank)
    shape = (*x.shape[:at], *i.shape[batch:], *x.shape[at + 1 :])
    if batch == 1 and at == 1:
        return derived(lambda e, k: _by_rows(e, k, i.rank), [x, positions(i)], shape, x.dtype)
    return derived(
        lambda e, k: Expr("batched_gather")(e, k, dim=at, batch_dims=batch),
        [x, positions(i)],
        shape,
        x.dtype,
    )


def _by_rows(x: Expr, indices: Expr, rank: int) -> Expr:
    """x[rows, indices] with the row of each of the indices."""
    rows = torch.arange(x.shape[0], device=x.device)
    column = (slice(None), *[None] * (rank - 1))
    return x[rows[column] if rank > 1 else rows, indices]


@op("tf.compat.v1.batch_gather", "tf.batch_gather")
def batch_gather(params: Any, indices: Any) -> Any:
    return gather(params, indices, batch_dims=as_tensor(indices).rank - 1)


@op("keras.ops.take_along_axis", "numpy.take_along_axis", arr="x")
def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    x, indices = as_tensor(x), as_tensor(indices)
    if decided(axis, "the axis") is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    given = decided(axis, "the axis")
    at = axis_of(given, x.rank)
    shape = list(indices.shape)
    for a, d in enumerate(x.shape):
        if a != at and shape[a] == 1:
            shape[a] = d
    return derived(
        lambda e, i: e.take_along_dim(i if indices.dtype == "int64" else i.long(), dim=given),
        [x, indices],
        tuple(shape),
        x.dtype,
    )


# -- by coordinates and masks ---------------------------------------------------------------------
@op("tf.gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: Any = 0) -> Any:
    x, i = as_tensor(params), as_tensor(indices)
    depth = known(i.shape[-1])
    if not isinstance(depth, int):
        raise RuleError("KT203", "the number of coordinates is not known")
    batch = decided(batch_dims, "batch_dims")
    shape = (*i.shape[:-1], *x.shape[batch + depth :])
    if batch:
        return derived(
            lambda e, k: Expr("batched_gather_nd")(e, k, batch_dims=batch),
            [x, positions(i)],
            shape,
            x.dtype,
        )
    return derived(lambda e, k: e[_coordinates(k)], [x, positions(i)], shape, x.dtype)


def _coordinates(indices: Expr) -> Expr:
    """Coordinates in the last axis, as torch wants them: a tensor for each dimension."""
    return Expr("tuple")(indices.unbind(-1))


@op("tf.boolean_mask", "keras.backend.boolean_mask")
def boolean_mask(tensor: Any, mask: Any, axis: Any = None) -> Any:
    x, mask = as_tensor(tensor), as_tensor(mask)
    at = 0 if axis is None else axis_of(axis, x.rank)
    shape = (*x.shape[:at], None, *x.shape[at + mask.rank :])

    def render(e: Expr, m: Expr) -> Expr:
        key = (*[WHOLE] * at, m)
        return e[key]

    return derived(render, [x, mask], shape, x.dtype)


# -- replacing elements ---------------------------------------------------------------------------
_REDUCTIONS = {"add": "sum", "max": "amax", "min": "amin", "mul": "prod"}


def scattered(x: Any, indices: Any, updates: Any, how: str | None = None) -> Any:
    """``x`` with other values at some coordinates, or with values added there and so on."""
    x, i, u = as_tensor(x), as_tensor(indices), as_tensor(updates)

    def render(e: Expr, k: Expr, values: Expr) -> Expr:
        if how in (None, "add"):
            added = unless(how == "add", False)
            return e.index_put(_coordinates(k), values, accumulate=added)
        return Expr("scatter_nd_reduce")(e, k, values, _REDUCTIONS[how or ""])

    return derived(render, [x, positions(i), u], x.shape, x.dtype, label="scatter")


@op("keras.ops.scatter_update")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: Any = None) -> Any:
    return scattered(inputs, indices, updates, decided(reduction, "the reduction"))


def _scatter(name: str, how: str | None) -> None:
    def function(tensor: Any, indices: Any, updates: Any) -> Any:
        return scattered(tensor, indices, updates, how)

    op(f"tf.tensor_scatter_nd_{name}", f"tf.tensor_scatter_{name}")(function)


for _name, _how in (("update", None), ("add", "add"), ("max", "max"), ("min", "min")):
    _scatter(_name, _how)


@op("tf.tensor_scatter_nd_sub", "tf.tensor_scatter_sub")
def scatter_sub(tensor: Any, indices: Any, updates: Any) -> Any:
    u = as_tensor(updates)
    return scattered(tensor, indices, derived(lambda e: -e, [u], u.shape, u.dtype), "add")


@op("keras.ops.scatter", updates="values")
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Values added up in a tensor of zeros."""
    i, v = as_tensor(indices), as_tensor(values)
    sizes = given_sizes(shape)

    def render(k: Expr, e: Expr, *more: Expr) -> Expr:
        zeros = e.new_zeros(*written(sizes, more))
        return zeros.index_put(_coordinates(k), e, accumulate=True)

    return derived(render, [positions(i), v, *run_time(sizes)], declared(sizes), v.dtype)


@op("tf.scatter_nd")
def scatter_nd(indices: Any, updates: Any, shape: Any) -> Any:
    return scatter(indices, updates, shape)


@op("keras.ops.slice_update")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    x, u = as_tensor(inputs), as_tensor(updates)
    starts = numbers_in(start_indices, "starts")
    numbers = [s for s in starts if is_number(s) or isinstance(s, Tensor)]

    def render(e: Expr, values: Expr, *more: Expr) -> Expr:
        return Expr("slice_update")(e, tuple(written(starts, more)), values)

    return derived(render, [x, u, *numbers], x.shape, x.dtype)


# -- places in a sorted list ----------------------------------------------------------------------
@op("keras.ops.digitize", "numpy.digitize")
def digitize(x: Any, bins: Any) -> Any:
    x, b = as_tensor(x), as_tensor(bins)
    edges = b.facts.get("constant")

    def render(e: Expr, *more: Expr) -> Expr:
        values = e.new_tensor([float(v) for v in edges]) if edges is not None else more[0]
        return torch.bucketize(e, values, right=True)

    return derived(render, [x] if edges is not None else [x, b], x.shape, "int32")


@op("keras.ops.unravel_index", "tf.unravel_index", dims="shape")
def unravel_index(indices: Any, shape: Any) -> Any:
    i = as_tensor(indices)
    sizes = numbers_in(shape, "a shape")
    if any(isinstance(s, Tensor) for s in sizes):
        raise RuleError("KT203", "a shape that is only known at run time")
    parts = []
    below: Any = 1
    for size in reversed(sizes):
        parts.append(_digit(i, below, size))
        below = below * size
    return tuple(reversed(parts))


def _digit(i: Tensor, below: Any, size: Any) -> Tensor:
    def render(e: Expr) -> Expr:
        above = e if below == 1 else Expr.binary("//", e, as_expr(below))
        return Expr.binary("%", above, as_expr(size))

    return derived(render, [i], i.shape, i.dtype)


__all__ = ["gather", "scattered", "taken"]
