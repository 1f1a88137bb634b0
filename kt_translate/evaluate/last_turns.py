"""What the last turn of a loop makes for a next one that does not come: Keras leaves such layers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt_translate.evaluate import parts
from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.state import Place, named_at
from kt_translate.graph.lists import Collected
from kt_translate.graph.nodes import CallNode, LayerNode
from kt_translate.graph.region import Node
from kt_translate.graph.tensor import Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def leaves_out(
    ev: Interpreter, nodes: list[Node], handed: dict[Place, Tensor], lists: list[Collected]
) -> bool:
    """Whether the last turn makes layers that nothing needs. ``handed``: to the next turn; ``lists``: that it fills."""
    listed = [t for one in lists for t in one.leaving]
    if ev.scope.kind == "module" and not listed:
        return False  # what follows in a module is not looked at
    unread = {p for p in handed if p[0] == 0 and not read_later(ev, named_at(p))}
    kept = parts.behind(nodes, [*listed, *(t for p, t in handed.items() if p not in unread)])
    lost = parts.behind(nodes, [handed[p] for p in unread])
    return any(_loses(n, kept) for n in nodes if any(id(o) in lost for o in n.outputs))


def is_on_the_way(nodes: list[Node], tensor: Tensor, kept: set[int]) -> bool:
    """Whether what makes a tensor has no layers but those that the tensors that are kept need."""
    if id(tensor) in kept:
        return True
    made = parts.behind(nodes, [tensor])
    makers = [n for n in nodes if parts.has_weights(n) and any(id(o) in made for o in n.outputs)]
    return not any(_loses(n, kept) for n in makers) and all(
        isinstance(n, (CallNode, LayerNode)) or all(id(o) in kept for o in n.outputs)
        for n in makers
    )


def _loses(node: Node, kept: set[int]) -> bool:
    """Whether layers of the node are needed for none of the tensors that are kept."""
    used = [i for i, t in enumerate(node.outputs) if id(t) in kept]
    if not parts.has_weights(node) or not used:
        return parts.has_weights(node)
    if not isinstance(node, CallNode) or node.plan.kind != "function":
        return False
    plan, results = node.plan, tensors_in(node.plan.result)
    inner = parts.behind(plan.region.nodes, [results[i] for i in used])
    every = parts.behind(plan.region.nodes, results)
    return any(
        _loses(n, inner) for n in plan.region.nodes if any(id(o) in every for o in n.outputs)
    )
