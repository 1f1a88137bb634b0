"""What the last turn of a loop makes for a next one that does not come is made in the turns before it: as in Keras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kt_translate.graph.last_turn import another_follows
from kt_translate.graph.lists import EARLY, LeftOpen
from kt_translate.graph.nodes import CallNode, IfNode, LayerNode, LoopNode, OpNode, SizeNode
from kt_translate.graph.region import Node, Region
from kt_translate.graph.sym import Sym, Symbol, known, same
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.lower import liveness
from kt_translate.lower.needs import ALWAYS, conditions


def spared(nodes: list[Node], result: Any) -> list[Node]:
    """The nodes, with loops that make in their last turn only what the results need."""
    if not any(isinstance(n, LoopNode) and not n.running for n in nodes):
        return nodes
    needed = conditions(nodes, result)
    _check_ends(nodes, needed, result)
    return [
        _spared(n, needed) if isinstance(n, LoopNode) and not n.running and n.name is None else n
        for n in nodes
    ]


def _check_ends(nodes: list[Node], needed: dict[int, Any], result: Any) -> None:
    """Raises LeftOpen where of the tensors that a loop lists only some are used, and nothing that its end leaves."""
    given = {id(t) for t in tensors_in(result)}
    for loop in nodes:
        if not isinstance(loop, LoopNode) or loop.running or not _weights([loop]):
            continue
        lists = [c.after for c in loop.lists]
        readers = [n for n in nodes if any(t in lists for t in n.uses())]
        early = all(isinstance(n, OpNode) and n.label == EARLY for n in readers)
        ended = any(id(c.after) in needed for c in (*loop.tensors, *loop.left))
        if readers and early and not ended and not given & set(map(id, lists)):
            raise LeftOpen([made for one in lists for made in one.loops], everywhere=True)


def _spared(node: LoopNode, needed: dict[int, Any]) -> LoopNode:
    idle = [c for c in node.tensors if needed.get(id(c.after)) is not ALWAYS]
    only = needed.get(id(idle[0].after)) if idle else None
    idle = [c for c in idle if same(needed.get(id(c.after)), only)]
    wanted = {id(c.leaving) for c in (*node.tensors, *node.left) if c not in idle}
    wanted |= {id(t) for c in node.lists for t in c.leaving}
    if not idle or not wanted:
        return node
    body = node.body.nodes
    kept = _pared(body, wanted)
    said = another_follows(node.targets, node.iterable)
    if said is None or _weights(body) == _weights(list(kept.values())):
        return node
    targets, iterable, test = said
    test = test if only is None else Sym.binary("or", test, only)
    goes_on = Symbol("goes_on", known(test), "local", test)
    end = next(i for i in range(len(body), 0, -1) if not _after(body[i - 1], kept))
    parted = [_parted(n, kept, Sym.of(goes_on)) for n in body[:end]]
    ends = {id(c.leaving): _like(c.leaving) for c in idle}
    joined = [(ends[id(c.leaving)], c.leaving, c.entering) for c in idle]
    then = Region(body[end:])
    last = IfNode([], [j[0] for j in joined], node.line, Sym.of(goes_on), then, joined=joined)
    tensors = [replace(c, leaving=ends[id(c.leaving)]) if c in idle else c for c in node.tensors]
    inner = [SizeNode([], [], node.line, goes_on, node.order), *parted, last]
    region = Region(inner, node.body.parent, node.body.merged, node.body.key)
    return replace(node, targets=targets, iterable=iterable, tensors=tensors, body=region)


def _after(node: Node, kept: dict[int, Node]) -> bool:
    """Whether it is nothing but an expression for the next turn."""
    return id(node) not in kept and isinstance(node, OpNode)


def _pared(body: list[Node], wanted: set[int]) -> dict[int, Node]:
    """What is left of each node where only some tensors are wanted, by the node's id."""
    ends = [t for n in body for t in n.outputs if id(t) in wanted]
    left = {id(t): n for n in liveness.live(body, ends, []) for t in n.outputs}
    found = {}
    for node in body:
        some = next((left[id(t)] for t in node.outputs if id(t) in left), None)
        if some is not None:
            found[id(node)] = some if isinstance(node, CallNode) else node
    return found


def _weights(nodes: list[Node]) -> set[tuple[int, int]]:
    return set(liveness.layers_of(nodes))


def _like(tensor: Tensor) -> Tensor:
    made = Tensor(tensor.shape, tensor.dtype, tensor.layout, *tensor.masking)
    made.name = tensor.name
    return made


def _parted(node: Node, kept: dict[int, Node], test: Sym) -> Node:
    """The node; within a condition where the last turn has no use for it, or for some of its results."""
    less = kept.get(id(node))
    if less is node or (less is not None and not isinstance(node, CallNode)):
        return node
    order = node.use.order if isinstance(node, (LayerNode, CallNode)) else 0
    if less is None:
        return IfNode([], [], node.line, test, Region([node]), Region(), [], order)
    assert isinstance(node, CallNode)
    assert isinstance(less, CallNode)
    pairs = {id(t): (t, _like(t), _like(t)) for t in less.outputs}
    full = replace(node, outputs=[pairs[id(t)][1] if id(t) in pairs else t for t in node.outputs])
    only = replace(less, outputs=[pairs[id(t)][2] for t in less.outputs], use=replace(node.use))
    sides = Region([full]), Region([only])
    return IfNode([], less.outputs, node.line, test, *sides, [*pairs.values()], order)
