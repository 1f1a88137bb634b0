"""Loops through the places of a list of layers: ``for i in range(depth): x = self.blocks[i](x)``.

Where nothing else reads the place, the loop goes through the layers themselves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import expressions, loops, tensor_lists
from kt_translate.evaluate.layer_lists import LayerList
from kt_translate.evaluate.values import Scope
from kt_translate.graph.lists import count
from kt_translate.graph.sym import same
from kt_translate.source.walk import names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run_for(ev: Interpreter, node: cst.For, scope: Scope) -> bool:
    """Keep such a loop. False where it is none, or cannot be kept; nothing has changed then."""
    loop = _through_items(node)
    if loop is None:
        return False
    layers = gone_through(ev, loop.iter, scope)
    if not isinstance(layers, LayerList):
        return False
    turns: Any = node.iter.args[0].value  # type: ignore[attr-defined]
    if not _is_length(turns, loop.iter) and not same(
        ev.evaluate(turns, scope), count(layers.iterable)
    ):
        return False
    return loops.run_for(ev, loop, scope, layers)


def gone_through(ev: Interpreter, node: cst.BaseExpression, scope: Scope) -> Any:
    """What a loop goes through: a list of layers keeps its length open."""
    if isinstance(node, cst.Attribute):
        return expressions.attribute_value(ev, node, scope)
    return tensor_lists.raw(ev, node, scope)


@lru_cache(maxsize=1024)
def _through_items(node: cst.For) -> cst.For | None:
    """The loop through the items of the one list that it takes items of, and does nothing else with their places."""
    if not isinstance(node.target, cst.Name) or not _is_range(node.iter):
        return None
    place = node.target.value
    taken = [part for part in walk(node.body) if _is_item(part, place)]
    reads = [part for part in walk(node.body) if isinstance(part, cst.Name) and part.value == place]
    lists = {cst.Module([]).code_for_node(part.value) for part in taken}  # type: ignore[attr-defined]
    if len(lists) != 1 or len(reads) != len(taken):
        return None
    variable = "layer"
    while variable in names_in(node):
        variable += "_"
    body: Any = node.body
    for part in taken:
        body = body.deep_replace(part, cst.Name(variable))
    listed: Any = taken[0]
    return node.with_changes(target=cst.Name(variable), iter=listed.value, body=body)


def _is_range(node: cst.BaseExpression) -> bool:
    """``range(n)``."""
    ranged = isinstance(node, cst.Call) and isinstance(node.func, cst.Name)
    return ranged and node.func.value == "range" and len(node.args) == 1  # type: ignore[attr-defined]


def _is_length(node: Any, listed: cst.BaseExpression) -> bool:
    """``len(listed)``."""
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
        return False
    return node.func.value == "len" and node.args[0].value.deep_equals(listed)


def _is_item(node: cst.CSTNode, place: str) -> bool:
    """``self.blocks[place]``."""
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
        return False
    key: Any = node.slice[0].slice
    plain = isinstance(key, cst.Index) and isinstance(key.value, cst.Name)
    return plain and key.value.value == place and isinstance(node.value, (cst.Name, cst.Attribute))
