"""What of a region makes some of its tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kt_translate.graph.nodes import (
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    SizeNode,
    WeightNode,
)
from kt_translate.graph.region import Node, Region
from kt_translate.graph.tensor import Tensor


def behind(nodes: list[Node], tensors: list[Tensor], given: Sequence[Tensor] = ()) -> set[int]:
    """The ids of the tensors and of all that they are made of, back to those that are given."""
    stop = {id(t) for t in given}
    found = {id(t) for t in tensors}
    for node in reversed(nodes):
        if any(id(t) in found and id(t) not in stop for t in node.outputs):
            found |= {id(t) for t in node.uses()}
    return found


def has_weights(node: Node) -> bool:
    """Whether Keras may count weights of what happens there."""
    if isinstance(node, LayerNode):
        return node.makes_module()
    if isinstance(node, LoopNode) and node.running:
        return any(map(has_weights, node.body.nodes))
    return isinstance(node, (CallNode, IfNode, LoopNode, WeightNode))


def calls_modules(nodes: list[Node]) -> bool:
    """Whether layers that have weights, or settings of their own, are among the nodes."""
    return any(
        isinstance(n, CallNode)
        or (isinstance(n, LoopNode) and (not n.running or calls_modules(n.body.nodes)))
        or (isinstance(n, LayerNode) and n.makes_module())
        or (
            isinstance(n, IfNode) and (calls_modules(n.then.nodes) or calls_modules(n.orelse.nodes))
        )
        for n in nodes
    )


def take_settings(around: Region, region: Region | None) -> None:
    """A Sequential has a region of its own: what the function around it checks, and calls by names, stands there.

    Each after what the source has made before it, which may tell the numbers that it speaks of.
    """
    nodes = [] if region is None else region.nodes
    for setting in around.nodes:
        if isinstance(setting, (CheckNode, SizeNode)):
            made = [i for i, n in enumerate(nodes) if _order(n) < setting.order]
            nodes.insert(made[-1] + 1 if made else 0, setting)


def _order(node: Node) -> float:
    """When the source made it; what it has not made by itself belongs to what stands before it."""
    return getattr(node, "order", getattr(getattr(node, "use", None), "order", math.inf))
