"""A function of the source over the elements of a batch, as one comprehension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.evaluate.values import map_tensors
from kt_translate.graph.region import CURRENT, OpNode, Region, derived
from kt_translate.graph.tensor import Layout, Tensor, tensors_in, to_first, to_last
from kt_translate.layers.layer import RuleError
from kt_translate.pytorch.expr import Expr, torch


def inlined(function: Callable[[Any], Any], xs: Any) -> Any:
    """``torch.stack([... for item in x])``, for each tensor of what ``function`` gives for one element."""
    whole = tensors_in(xs)
    names = ["item"] if len(whole) == 1 else [f"item_{i}" for i in range(len(whole))]
    items: list[Tensor] = []

    def element(x: Tensor) -> Tensor:
        items.append(Tensor(x.shape[1:], x.dtype))
        return items[-1]

    region = Region()
    CURRENT.append(region)
    try:
        result = function(map_tensors(element, xs))
    finally:
        CURRENT.pop()
    return map_tensors(lambda y: _over_batch(y, region, whole, items, names), result)


def _over_batch(
    y: Tensor, region: Region, whole: list[Tensor], items: list[Tensor], names: list[str]
) -> Tensor:
    inside = {id(t) for node in region.nodes for t in node.outputs} | {id(t) for t in items}
    outside = _outside(y, inside)

    def render(*es: Expr) -> Expr:
        known = {id(t): Expr(n) for t, n in zip(items, names)}
        known |= {id(t): e for t, e in zip(outside, es[len(whole) :])}
        body = written(y, known, Layout.LAST)
        sources = es[: len(whole)]
        many = sources[0] if len(sources) == 1 else Expr("zip")(*sources)
        return torch.stack(Expr(f"[{body} for {', '.join(names)} in {many}]"))

    return derived(render, [*whole, *outside], (whole[0].shape[0], *y.shape), y.dtype)


def _outside(y: Tensor, inside: set[int]) -> list[Tensor]:
    """The tensors from around the function that ``y`` is computed from."""
    if id(y) not in inside:
        return [y]
    if y.node is None:
        return []
    if not isinstance(y.node, OpNode) or len(y.node.outputs) > 1 or y.node.device:
        raise RuleError("KT203", "a layer within a map over the batch")
    found: dict[int, Tensor] = {}
    for t in y.node.inputs:
        found.update({id(o): o for o in _outside(t, inside)})
    return list(found.values())


def written(y: Tensor, known: dict[int, Expr], layout: Layout, device: Expr | None = None) -> Expr:
    """The expression of a tensor by those of the tensors that it is computed from. Raises RuleError for layers."""
    if id(y) in known:
        e = known[id(y)]
    else:
        node = y.node
        if not isinstance(node, OpNode):
            raise RuleError("KT203", "a layer within an expression")
        wants = node.wants or [Layout.KEEP] * len(node.inputs)
        inputs = [written(t, known, w, device) for t, w in zip(node.inputs, wants)]
        e = node.render(*inputs, **({"device": device} if node.device else {}))
    if layout in (Layout.KEEP, y.layout) or y.rank < 3:
        return e
    return e.permute(*(to_last(y.rank) if layout is Layout.LAST else to_first(y.rank)))
