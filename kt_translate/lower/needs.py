"""Keras leaves out layers on which no output depends: what only a branch needs is made where its condition holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from kt_translate.graph.nodes import CallNode, IfNode, LayerNode, LoopNode, ModuleUse, OpNode
from kt_translate.graph.region import Node, Region
from kt_translate.graph.sym import Sym, same, symbols_in
from kt_translate.graph.tensor import Fork, Tensor, tensors_in
from kt_translate.graph.terms import expand

ALWAYS = "always"
Condition = Any  # a Sym, or ALWAYS


def where_needed(nodes: list[Node], result: Any) -> list[Node]:
    """The nodes, with those that make layers for one branch only in conditions of their own."""
    if not any(isinstance(n, IfNode) for n in nodes) and not isinstance(result, Fork):
        return nodes
    needed = conditions(nodes, result)
    wrapped: set[int] = set()
    found: list[Node] = []
    for node in nodes:
        condition = needed.get(id(node), ALWAYS)
        makes = isinstance(node, CallNode) or (isinstance(node, LayerNode) and node.makes_module())
        if condition is ALWAYS or not (makes or any(id(t) in wrapped for t in node.uses())):
            found.append(node)
            continue
        wrapped |= {id(t) for t in node.outputs}
        order = node.use.order if isinstance(node, (LayerNode, CallNode)) else 0
        inner = Region([node])
        found.append(IfNode([], [], node.line, condition, inner, Region(), [], order))
    return found


def placed(nodes: list[Node], home: object) -> dict[int, object]:
    """The regions of the modules, by their ids, that such a condition has taken out of ``home``."""
    found: dict[int, object] = {}
    sides = [s for n in nodes if isinstance(n, IfNode) for s in (n.then, n.orelse)]
    for side in sides:
        for use in _uses(side.nodes) if side.parent is None else ():
            if use.region is None or use.region.home is home:
                found[id(use)] = side.key
    return found


def conditions(nodes: list[Node], result: Any) -> dict[int, Condition]:
    """Under which condition each node and each tensor is needed, by its id; tensors that nothing needs are not there."""
    of_tensors: dict[int, Condition] = {}

    def need(tensors: list[Tensor], condition: Condition) -> None:
        for tensor in tensors:
            before = of_tensors.get(id(tensor), condition)
            of_tensors[id(tensor)] = condition if same(before, condition) else ALWAYS

    def result_needed(result: Any, condition: Condition) -> None:
        if isinstance(result, Fork) and condition is ALWAYS:
            result_needed(result.then, expand(result.test))
            result_needed(result.orelse, _not(result.test))
        elif isinstance(result, Fork):
            result_needed(result.then, ALWAYS)
            result_needed(result.orelse, ALWAYS)
        else:
            need(tensors_in(result), condition)

    result_needed(result, ALWAYS)
    calls = Counter(id(use) for use in _uses(nodes))
    found: dict[int, Condition] = {}
    for node in reversed(nodes):
        if isinstance(node, IfNode):
            sides = ((node.then, expand(node.test), 1), (node.orelse, _not(node.test), 2))
            for region, test, side in sides:
                of_mode = any(s.kind == "mode" for s in symbols_in(test))
                ends = [joined[side] for joined in node.joined]
                inner = [t for n in region.nodes for t in n.uses()]
                need([*ends, *inner], ALWAYS if of_mode else test)
            continue
        wanted = [of_tensors[id(t)] for t in node.outputs if id(t) in of_tensors]
        shared = isinstance(node, (LayerNode, CallNode)) and calls[id(node.use)] > 1
        plain = isinstance(node, (LayerNode, CallNode, OpNode)) and not shared
        one = bool(wanted) and all(same(w, wanted[0]) for w in wanted)
        found[id(node)] = wanted[0] if one and plain else ALWAYS
        need(list(node.uses()), found[id(node)])
    return found | of_tensors


def _not(test: Any) -> Any:
    return Sym.unary("not", expand(test))


def _uses(nodes: list[Node]) -> Iterator[ModuleUse]:
    for node in nodes:
        if isinstance(node, IfNode):
            yield from _uses(node.then.nodes + node.orelse.nodes)
        elif isinstance(node, LoopNode):
            yield from _uses(node.body.nodes)
        elif isinstance(node, (LayerNode, CallNode)):
            yield node.use
