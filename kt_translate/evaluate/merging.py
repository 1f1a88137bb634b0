"""Layers and functions that make one tensor of a list of them, whatever its length."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import External, LayerValue
from kt_translate.graph.lists import Some, TensorList, one_of
from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym, call_symbolic, known, same
from kt_translate.graph.tensor import Layout, Tensor, torch_dim
from kt_translate.pytorch.expr import Expr, torch, unless
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


def parts_of(value: Any) -> list[Some | Tensor] | None:
    """The tensors of a list of which loops have filled at least a part; None for any other."""
    if not isinstance(value, (list, tuple)) or not any(isinstance(v, Some) for v in value):
        return None
    alone = all(isinstance(v, Some) or (type(v) is Tensor and v.mask is None) for v in value)
    return list(value) if alone else None


def merged(
    ev: Interpreter,
    function: Any,
    parts: list[Some | Tensor],
    args: list[Any],
    kwargs: dict[str, Any],
) -> Tensor | None:
    """The result; None where the tensors have to be known one by one."""
    kind = kind_of(function)
    one = _one_of(parts)
    axis = kwargs.get("axis", args[0] if args else None)
    if isinstance(function, LayerValue):
        axis = getattr(function.rule, "axis", None)
    elif axis is None:
        axis = 0 if function.path.endswith(("stack", "keras.ops.concatenate")) else -1
    given = set(kwargs) - {"axis", "name"}
    if one is None or given:
        return None
    if kind in OVER_ALL:
        axes = range(1, one.rank) if len(parts) > 1 else [one.rank - 1]
        if not all(_alike(parts, axis) for axis in axes):
            return None  # sizes that differ are broadcast
        over = OVER_ALL[kind]
        return _derived(parts, one.shape, one.layout, lambda xs: over(torch.stack(xs)))
    if kind not in ("concatenate", "stack") or not isinstance(known(axis), int):
        return None
    axis = known(axis)
    if kind == "stack":
        return _stacked(parts, one, axis)
    at = axis % one.rank
    size = _sum([_total(p, at) for p in parts])
    if at == 0 and (size is not None or one.shape[0] is not None):
        return None
    shape = (*one.shape[:at], size, *one.shape[at + 1 :])
    layout = one.layout
    dim = torch_dim(axis, one.rank, layout)
    return _derived(parts, shape, layout, lambda xs: torch.cat(xs, dim=unless(at and dim, 0)))


def _one_of(parts: list[Some | Tensor]) -> Tensor | None:
    """Any of the tensors; None where they are not of one kind."""
    each = [one_of(p, 0) if isinstance(p, Some) else p for p in parts]
    if len({(t.rank, t.dtype, t.layout) for t in each}) > 1 or any(t.flattened for t in each):
        return None
    return each[0]


def _alike(parts: list[Some | Tensor], axis: int) -> bool:
    """Whether all tensors have the same size along an axis."""
    sources = [p.tensors if isinstance(p, Some) else p for p in parts]
    listed = any(isinstance(t, TensorList) and axis in t.sizes for t in sources)
    return not listed and all(same(t.shape[axis], sources[0].shape[axis]) for t in sources)


def _derived(
    parts: list[Some | Tensor], shape: Any, layout: Layout, render: Callable[[Expr], Expr]
) -> Tensor:
    inputs = [p.tensors if isinstance(p, Some) else p for p in parts]

    def together(*xs: Expr) -> Expr:
        if len(xs) == 1 and isinstance(parts[0], Some):
            return render(parts[0].said(xs[0]))
        pairs = zip(parts, xs, strict=True)
        said = (f"*{p.said(x)}" if isinstance(p, Some) else str(x) for p, x in pairs)
        return render(Expr(f"({', '.join(said)})"))

    return derived(together, inputs, shape, inputs[0].dtype, layout, Layout.KEEP, label="merge")


def _stacked(parts: list[Some | Tensor], one: Tensor, axis: int) -> Tensor | None:
    count = _sum([p.count if isinstance(p, Some) else 1 for p in parts])
    if one.layout is Layout.FIRST or count is None:
        return None
    at = axis % (one.rank + 1)
    shape = (*one.shape[:at], count, *one.shape[at:])
    return _derived(parts, shape, one.layout, lambda xs: torch.stack(xs, dim=axis))


def _sum(sizes: list[Any]) -> Any:
    """The sum; None where one of them is not known."""
    return None if None in sizes else reduce(lambda a, b: Sym.binary("+", a, b), sizes)


def _total(part: Some | Tensor, axis: int) -> Any:
    """The sum of the sizes along an axis."""
    if isinstance(part, Tensor):
        return part.shape[axis]
    if axis in part.tensors.sizes:
        return call_symbolic("sum", part.along(axis))
    tensors = part.tensors
    size = tensors.shape[axis]
    if axis in tensors.whole and part.is_the_list:
        return tensors.whole[axis]
    if size is None or part.count is None:
        return None
    return Sym.binary("*", part.count, size)
