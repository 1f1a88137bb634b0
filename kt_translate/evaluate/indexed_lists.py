"""Loops through the places of a list of layers: ``for i in range(depth): x = self.blocks[i](x)``.

Where nothing else reads the place, the loop goes through the layers themselves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import expressions, layer_lists, loops
from kt_translate.evaluate.layer_lists import LayerList, Numbered
from kt_translate.evaluate.values import Scope
from kt_translate.graph.lists import count, singular
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
    """What a loop goes through: a list of layers keeps its length open, and so do several, gone through together."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "zip":
        lists = [gone_through(ev, arg.value, scope) for arg in node.args if _is_named(arg.value)]
        made = layer_lists.abreast(lists) if len(lists) == len(node.args) else None
        if made is not None:
            return made
    return expressions.left_open(ev, node, scope)


def numbered(ev: Interpreter, node: cst.For, scope: Scope) -> Numbered | None:
    """What ``for i, block in enumerate(self.blocks)`` goes through; None for any other loop."""
    target, call = node.target, node.iter
    if not isinstance(target, cst.Tuple) or not isinstance(call, cst.Call):
        return None
    place = target.elements[0].value
    if not isinstance(place, cst.Name) or not isinstance(call.func, cst.Name):
        return None
    if call.func.value != "enumerate" or len(call.args) != 1 or not _is_named(call.args[0].value):
        return None
    layers = gone_through(ev, call.args[0].value, scope)
    return Numbered(layers, place.value) if type(layers) is LayerList else None


@lru_cache(maxsize=1024)
def _through_items(node: cst.For) -> cst.For | None:
    """The loop through the items of the one list that it takes items of, and does nothing else with their places."""
    if not isinstance(node.target, cst.Name) or not _is_range(node.iter):
        return None
    place = node.target.value
    taken = [part for part in walk(node.body) if _is_item(part, place)]
    reads = [part for part in walk(node.body) if isinstance(part, cst.Name) and part.value == place]
    if not taken or len(reads) != len(taken):
        return None
    text = cst.Module([]).code_for_node(node.body)
    lists: dict[str, Any] = {cst.Module([]).code_for_node(p.value): p.value for p in taken}  # type: ignore[attr-defined]
    lists = dict(sorted(lists.items(), key=lambda item: text.index(item[0])))
    variables: dict[str, str] = {}
    for said in lists:
        variable = singular(said.rpartition(".")[2])
        while variable in names_in(node) or variable in variables.values():
            variable += "_"
        variables[said] = variable
    named = {id(part): variables[cst.Module([]).code_for_node(part.value)] for part in taken}  # type: ignore[attr-defined]
    body = node.body.visit(_Named(named))
    names = [cst.Name(name) for name in variables.values()]
    if len(names) == 1:
        return node.with_changes(target=names[0], iter=next(iter(lists.values())), body=body)
    together = cst.Call(cst.Name("zip"), [cst.Arg(listed) for listed in lists.values()])
    target = cst.Tuple([cst.Element(name) for name in names])
    return node.with_changes(target=target, iter=together, body=body)


class _Named(cst.CSTTransformer):
    """Puts names in the places of items."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names = names

    def leave_Subscript(
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        name = self.names.get(id(original_node))
        return updated_node if name is None else cst.Name(name)


def _is_range(node: cst.BaseExpression) -> bool:
    """``range(n)``."""
    ranged = isinstance(node, cst.Call) and isinstance(node.func, cst.Name)
    return ranged and node.func.value == "range" and len(node.args) == 1  # type: ignore[attr-defined]


def _is_named(node: cst.BaseExpression) -> bool:
    return isinstance(node, (cst.Name, cst.Attribute))


def _is_length(node: Any, listed: cst.BaseExpression) -> bool:
    """``len(listed)``, or of one of those that are gone through together."""
    if isinstance(listed, cst.Call):
        return any(_is_length(node, arg.value) for arg in listed.args)
    if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Name):
        return False
    return node.func.value == "len" and node.args[0].value.deep_equals(listed)


def _is_item(node: cst.CSTNode, place: str) -> bool:
    """``self.blocks[place]``."""
    if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
        return False
    key: Any = node.slice[0].slice
    plain = isinstance(key, cst.Index) and isinstance(key.value, cst.Name)
    return plain and key.value.value == place and _is_named(node.value)
