"""Flattened pictures: in torch's order for layers whose weights are loaded in it, in Keras's for all other readers."""

from __future__ import annotations

from collections import defaultdict

from kt_translate.graph.nodes import IfNode, LayerNode, LoopNode
from kt_translate.graph.region import Node
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.reshaping import Flatten


def in_keras_order(nodes: list[Node], results: list[Tensor]) -> set[int]:
    """The flattened pictures, by id, that are to be in Keras's order: none of their readers takes another."""
    readers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        for tensor in node.uses():
            readers[id(tensor)].append(node)
    given = {id(t) for t in results}

    def taken_as_is(tensor: Tensor) -> bool:
        return any(
            isinstance(r, IfNode)
            or (
                isinstance(r, LoopNode) and any(tensor is t for n in r.body.nodes for t in n.uses())
            )
            or (isinstance(r, LayerNode) and (r.rule.keras_kind == "dense" or passes_on(r)))
            for r in readers[id(tensor)]
        )

    def passes_on(node: LayerNode) -> bool:
        out = node.outputs[0]
        return out.flattened is not None and taken_as_is(out)

    found: set[int] = set()
    for node in nodes:
        if not isinstance(node, LayerNode) or node.outputs[0].flattened is None:
            continue
        out = node.outputs[0]
        starts = isinstance(node.rule, Flatten) and node.rule.data_format != "channels_first"
        read = readers[id(out)] or id(out) in given
        if (starts and read and not taken_as_is(out)) or id(node.inputs[0]) in found:
            found.add(id(out))
    return found
