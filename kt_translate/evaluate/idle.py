"""Tensors that a function is handed and makes nothing of: Keras leaves out the layers that make them."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.nodes import IfNode, Plan
from kt_translate.graph.region import Node
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, substitute
from kt_translate.graph.tensor import tensors_in


def takes_more(plan: Plan, table: dict[Symbol, Any]) -> bool:
    """Whether a class takes a tensor for other settings only than those that ``table`` says."""
    here, ever = _wanted(plan, table), _wanted(plan, {})
    return any(id(t) in ever - here for t in plan.inputs)


def _wanted(plan: Plan, table: dict[Symbol, Any]) -> set[int]:
    """The tensors on which the results depend where the class's symbols are what ``table`` says."""
    wanted = {id(t) for t in tensors_in(plan.result)}
    _want(plan.region.nodes, wanted, table)
    return wanted


def _want(nodes: list[Node], wanted: set[int], table: dict[Symbol, Any]) -> None:
    """Add to ``wanted`` what makes the tensors that are in it."""
    for node in reversed(nodes):
        if isinstance(node, IfNode):
            test = substitute(node.test, table)
            joined = [j for j in node.joined if id(j[0]) in wanted]
            for region, side in ((node.then, 1), (node.orelse, 2)):
                if isinstance(test, Sym) or test is UNKNOWN or bool(test) is (side == 1):
                    wanted |= {id(j[side]) for j in joined}
                    _want(region.nodes, wanted, table)
        elif any(id(t) in wanted for t in node.outputs):
            wanted |= {id(t) for t in node.uses()}
