"""Python's operators and indexing on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import Unknown
from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym, same
from kt_translate.graph.tensor import Layout, Shape, Tensor
from kt_translate.pytorch.expr import Expr, as_expr

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of an elementwise operation, sizes of 1 stretching. Sizes that are not known win over 1."""
    n = max(len(a), len(b))
    left, right = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    return tuple(
        y if same(x, 1) else x if same(y, 1) or same(x, y) else (x if y is None else y)
        for x, y in zip(left, right)
    )


def arithmetic(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` where one or both are tensors."""
    both = [v for v in (a, b) if isinstance(v, Tensor)]
    if any(
        isinstance(v, Unknown) or not isinstance(v, (Tensor, Sym, int, float, bool)) for v in (a, b)
    ):
        return Unknown("arithmetic of a tensor with what is not known", ev.line)
    lead = both[0]
    if len(both) == 1:
        flip = not isinstance(a, Tensor)

        def one(x: Expr) -> Expr:
            return Expr.binary(op, as_expr(a), x) if flip else Expr.binary(op, x, as_expr(b))

        return derived(one, [lead], lead.shape, lead.dtype, lead.layout, Layout.KEEP, label=op)
    rank = max(t.rank for t in both)
    keep = all(t.rank == rank for t in both)
    layout = lead.layout if keep else Layout.LAST
    shape = broadcast(a.shape, b.shape) if op != "@" else (*a.shape[:-1], b.shape[-1])
    return derived(
        lambda x, y: Expr.binary(op, x, y), [a, b], shape, lead.dtype, layout, layout, label=op
    )


def negative(ev: Interpreter, x: Tensor) -> Tensor:
    return derived(lambda e: -e, [x], x.shape, x.dtype, x.layout, Layout.KEEP, label="-")


def index(ev: Interpreter, x: Tensor, key: Any) -> Any:
    """``x[key]`` with numbers, slices, None and Ellipsis."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(isinstance(k, (Tensor, Unknown)) for k in keys):
        return Unknown("indexing by what is not known", ev.line)
    given = sum(k is not None and k is not Ellipsis for k in keys)
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    filled = keys[:at] + [slice(None)] * (x.rank - given) + keys[at + 1 :]
    shape: list[Any] = []
    axis = 0
    for k in filled:
        if k is None:
            shape.append(1)
            continue
        size = x.shape[axis]
        axis += 1
        if isinstance(k, slice):
            shape.append(_sliced(size, k))
    text = tuple(keys) if isinstance(key, tuple) else key
    return derived(lambda e: e[text], [x], tuple(shape), x.dtype, label="index")


def _sliced(size: Any, key: slice) -> Any:
    if key.start is None and key.stop is None and key.step is None:
        return size
    parts = (key.start, key.stop, key.step)
    if isinstance(size, int) and all(p is None or isinstance(p, int) for p in parts):
        return len(range(*key.indices(size)))
    if (
        size is None
        and isinstance(key.stop, int)
        and key.stop > 0
        and (key.start or 0) >= 0
        and key.step is None
    ):
        return key.stop - (key.start or 0)
    return None
