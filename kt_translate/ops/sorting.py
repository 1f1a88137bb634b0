"""Sorting and picking the best."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, unless
from kt_translate.ops.arguments import along, op, tensor
from kt_translate.pytorch.expr import Expr, torch

INT32 = torch.int32


@op("keras.ops.sort")
def sort(x: Any, axis: Any = -1) -> Tensor:
    return along(tensor(x), axis, lambda e, dim: e.sort(dim=unless(dim, -1)).values)


@op("tf.sort")
def tf_sort(values: Any, axis: Any = -1, direction: Any = "ASCENDING") -> Tensor:
    down = _descending(direction)
    return along(
        tensor(values),
        axis,
        lambda e, dim: e.sort(dim=unless(dim, -1), descending=unless(down, False)).values,
    )


def _descending(direction: Any) -> bool:
    return bool(decided(direction, "the direction") == "DESCENDING")


@op("keras.ops.argsort")
def argsort(x: Any, axis: Any = -1) -> Tensor:
    return _order(x, axis, False)


@op("tf.argsort")
def tf_argsort(
    values: Any, axis: Any = -1, direction: Any = "ASCENDING", stable: Any = False
) -> Tensor:
    return _order(values, axis, _descending(direction))


def _order(x: Any, axis: Any, down: Any) -> Tensor:
    """Keras's places are 32 bits wide; equal elements stay in order."""
    x = tensor(x)
    if axis is None:
        flat = derived(lambda e: e.flatten(), [x], (None,), x.dtype)
        return _order(flat, -1, down)
    down = unless(down, False)
    return along(
        x,
        axis,
        lambda e, dim: e.argsort(dim=unless(dim, -1), descending=down, stable=True).to(INT32),
        "int32",
    )


@op("keras.ops.top_k", "tf.nn.top_k", "tf.math.top_k", input="x")
def top_k(x: Any, k: Any = 1, sorted: Any = True, index_type: Any = None) -> tuple[Tensor, ...]:
    """The largest elements of the last axis, and their places."""
    x = tensor(x)
    shape = (*x.shape[:-1], k)
    values = derived(lambda e: e.topk(k).values, [x], shape, x.dtype, label="top_k")

    def places(e: Expr) -> Expr:
        """Of equal elements TensorFlow takes the first, torch's topk any."""
        return e.argsort(dim=-1, descending=True, stable=True)[..., :k].to(INT32)

    return values, derived(places, [x], shape, "int32", label="top_k")


def _in_top(targets: Any, predictions: Any, k: Any) -> Tensor:
    """Ties count as being among the best, as TensorFlow has it."""
    t, p = tensor(targets, "the targets"), tensor(predictions, "the predictions")
    return derived(
        lambda e, f: Expr("in_top_k")(e, f, k), [t, p], t.shape, "bool", label="in_top_k"
    )


@op("keras.ops.in_top_k", "tf.math.in_top_k", "tf.nn.in_top_k")
def in_top_k(targets: Any, predictions: Any, k: Any) -> Tensor:
    return _in_top(targets, predictions, k)


@op("keras.backend.in_top_k")
def backend_in_top_k(predictions: Any, targets: Any, k: Any) -> Tensor:
    return _in_top(targets, predictions, k)


@op("keras.ops.searchsorted", "tf.searchsorted")
def searchsorted(
    sorted_sequence: Any, values: Any, side: Any = "left", out_type: Any = None
) -> Tensor:
    s, v = tensor(sorted_sequence, "the sorted sequence"), tensor(values, "the values")
    right = unless(decided(side, "the side") == "right", False)
    return derived(
        lambda e, f: torch.searchsorted(e, f, right=right, out_int32=True), [s, v], v.shape, "int32"
    )


@op(
    "keras.ops.unique",
    "tf.unique",
    "tf.unique_with_counts",
    "keras.ops.histogram",
)
def unique(x: Any, axis: Any = None) -> Tensor:
    raise RuleError("KT203", "a result whose shape depends on the data")
