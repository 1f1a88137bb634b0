"""``tf.split(x, heads, axis=2)``: as many tensors as a parameter says are a list of ``forward``.

What then goes through them or joins them is as general as with tensors that a loop lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.graph.lists import Some, TensorList
from kt_translate.graph.region import CURRENT, OpNode
from kt_translate.graph.sym import Sym, Symbol, known
from kt_translate.graph.tensor import Layout, Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

ARGUMENTS = {
    "tf.split": ("value", "num_or_size_splits", "axis"),
    "keras.ops.split": ("x", "indices_or_sections", "axis"),
}


def split(
    ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any], node: Any
) -> list[Some] | None:
    """The list; None where the number of its tensors is known, or something asks for them one by one."""
    given = dict(zip(ARGUMENTS[path], args)) | kwargs
    x, count, axis = (given.get(name, 0) for name in ARGUMENTS[path])
    if type(x) is not Tensor or x.mask is not None or x.flattened is not None:
        return None
    total = known(count)
    if not isinstance(count, Sym) or type(total) is not int or type(axis) is not int:
        return None
    if not ev.guards or ev.nothing_kept or node in ev.decided or (ev.file, ev.line) in ev.given_up:
        return None
    at = axis % x.rank
    size = x.shape[at]
    sample = known(size)
    if isinstance(sample, int) and sample % total:
        return None
    each = None if size is None else size // count
    shape = (*x.shape[:at], each, *x.shape[at + 1 :])
    parts = TensorList(shape, x.dtype, x.layout, name="parts")
    parts.symbol = Symbol("parts", tuple(range(total)), "list")
    parts.count, parts.loops, parts.whole = count, [node], {at: size}
    dim = x.dim(axis)
    made = OpNode([x], [parts], ev.line, label="split")
    made.render = lambda e: e.chunk(count, **({} if dim == 0 else {"dim": dim}))
    made.wants = [Layout.KEEP]
    CURRENT[-1].add(made)
    return [Some(parts, Sym.of(parts.symbol))]
