"""Loops that make nothing: what their turns call is made before, and shared by all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.state import NotGeneral, Place, spoken
from kt_translate.graph.lists import Collected, Element
from kt_translate.graph.nodes import CallNode, Carried, IfNode, LayerNode, LoopNode, SizeNode
from kt_translate.graph.region import Node, OpNode, Region
from kt_translate.graph.sym import Symbol, symbols_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def is_running(body: Region, start: int, inner: set[Symbol]) -> bool:
    """Whether the loop can be one of ``forward`` alone. It begins at ``start``; ``inner``: what changes from turn to turn."""
    calls = [n for n in body.nodes if isinstance(n, (LayerNode, CallNode))]
    shares = not calls or any(call.use.order < start for call in calls)
    return not only_names(body) and shares and all(_runs(n, start, inner) for n in body.nodes)


def only_names(body: Region) -> bool:
    """Whether nothing stands there but names of settings: for layers of a Sequential, say."""
    return all(isinstance(node, SizeNode) for node in body.nodes)


def _runs(node: Node, start: int, inner: set[Symbol]) -> bool:
    if isinstance(node, LoopNode):
        return node.running and not node.held
    if isinstance(node, IfNode):
        return chooses(node)
    if isinstance(node, (LayerNode, CallNode)):
        sizes = [t.shape for t in node.inputs]
        settings = list(node.args.values()) if isinstance(node, CallNode) else []
        made = isinstance(node, CallNode) or node.makes_module()
        before = node.use.order < start or not made
        return before and not symbols_in([sizes, settings]) & inner
    return isinstance(node, (OpNode, SizeNode))


def chooses(node: Node) -> bool:
    """Whether it is a condition that does not make anything."""
    nodes = node.then.nodes + node.orelse.nodes if isinstance(node, IfNode) else [node]
    return all(isinstance(n, OpNode) for n in nodes)


def check(
    ev: Interpreter,
    sizes: dict[tuple[Place, int], Carried],
    lists: list[Collected],
    elements: dict[Any, Element],
) -> None:
    """Raise NotGeneral where the turns hand on what ``forward`` has no words for."""
    for (place, axis), size in sizes.items():
        unsaid = size.after.args[0].origin is None
        if unsaid and (axis >= 0 or read_later(ev, spoken(place))):
            raise NotGeneral
    if elements or any(c.sizes or any(c.tests) for c in lists):
        raise NotGeneral
