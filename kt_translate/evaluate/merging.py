"""Layers and functions that make one tensor of a list of them, whatever its length."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import External, LayerValue
from kt_translate.graph.lists import Some, one_of
from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym, call_symbolic, known
from kt_translate.graph.tensor import Layout, Tensor, torch_dim
from kt_translate.pytorch.expr import Expr, torch
from kt_translate.source.names import MERGE_FUNCTIONS

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

OVER_ALL: dict[str, Callable[[Expr], Expr]] = {
    "add": lambda stacked: stacked.sum(dim=0),
    "average": lambda stacked: stacked.mean(dim=0),
    "multiply": lambda stacked: stacked.prod(dim=0),
    "maximum": lambda stacked: stacked.amax(dim=0),
    "minimum": lambda stacked: stacked.amin(dim=0),
}
JOINING = {
    "tf.concat": "concatenate",
    "keras.ops.concatenate": "concatenate",
    "keras.backend.concatenate": "concatenate",
    "tf.stack": "stack",
    "keras.ops.stack": "stack",
    "keras.backend.stack": "stack",
    "tf.add_n": "add",
}


def kind_of(function: Any) -> str | None:
    """What a merging layer or function does; None for any other."""
    if isinstance(function, LayerValue):
        kind = str(function.rule.keras_kind)
        return kind if kind in MERGE_FUNCTIONS else None
    if isinstance(function, External):
        name = function.path.rpartition(".")[2]
        if function.path == f"keras.layers.{name}" and name in MERGE_FUNCTIONS:
            return name
        return JOINING.get(function.path)
    return None


def merged(
    ev: Interpreter, function: Any, some: Some, args: list[Any], kwargs: dict[str, Any]
) -> Tensor | None:
    """The result; None where the tensors have to be known one by one."""
    kind = kind_of(function)
    one = one_of(some, 0)
    axis = kwargs.get("axis", args[0] if args else None)
    if isinstance(function, LayerValue):
        axis = getattr(function.rule, "axis", None)
    elif axis is None:
        axis = 0 if str(getattr(function, "path", "")).endswith("stack") else -1
    given = set(kwargs) - {"axis", "name"}
    if kind in OVER_ALL and not given:
        if any(axis in some.tensors.sizes and axis == one.rank - 1 for axis in some.tensors.sizes):
            return None  # sizes that differ are broadcast
        over = OVER_ALL[kind]
        return _derived(some, one.shape, one.layout, lambda xs: over(torch.stack(xs)))
    if kind not in ("concatenate", "stack") or given or not isinstance(known(axis), int):
        return None
    axis = known(axis)
    if kind == "stack":
        return _stacked(some, one, axis)
    at = axis % one.rank
    size = _total(some, at)
    if at == 0:
        return None
    shape = (*one.shape[:at], size, *one.shape[at + 1 :])
    layout = one.layout
    return _derived(
        some, shape, layout, lambda xs: torch.cat(xs, dim=torch_dim(axis, one.rank, layout))
    )


def _derived(some: Some, shape: Any, layout: Layout, render: Callable[[Expr], Expr]) -> Tensor:
    dtype = some.tensors.dtype
    return derived(
        lambda xs: render(some.said(xs)),
        [some.tensors],
        shape,
        dtype,
        layout,
        Layout.KEEP,
        label="merge",
    )


def _stacked(some: Some, one: Tensor, axis: int) -> Tensor | None:
    if one.layout is Layout.FIRST or some.count is None:
        return None
    at = axis % (one.rank + 1)
    shape = (*one.shape[:at], some.count, *one.shape[at:])
    return _derived(some, shape, one.layout, lambda xs: torch.stack(xs, dim=axis))


def _total(some: Some, axis: int) -> Any:
    """The sum of the sizes along an axis."""
    if axis in some.tensors.sizes:
        return call_symbolic("sum", some.along(axis))
    size = some.tensors.shape[axis]
    if size is None or some.count is None:
        return None
    return Sym.binary("*", some.count, size)
