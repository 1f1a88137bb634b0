"""Loops in loops, with nothing around the inner one, that fill a list: one loop through all pairs of their items."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import tensor_lists
from kt_translate.evaluate.values import Scope
from kt_translate.graph.lists import PRODUCT
from kt_translate.graph.sym import Items
from kt_translate.source.walk import bound_in, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def flattened(
    ev: Interpreter, node: cst.For, scope: Scope, value: Any
) -> tuple[cst.For, Items] | None:
    """The loop and what it goes through; None where the loops are not of this kind."""
    inner = _only_loop(node)
    if inner is None:
        return None
    changed = _changed(inner) | names_in(node.target)
    if not _appends(inner.body) or names_in(inner.iter) & changed:
        return None
    outer_items = tensor_lists.items(value)
    through = ev.evaluate(inner.iter, scope)
    inner_items = tensor_lists.items(through)
    if not outer_items or not inner_items:
        return None
    items = list(product(outer_items, inner_items))
    return _one(node, inner), Items(items, PRODUCT, (value, through))


@lru_cache(maxsize=1024)
def _one(node: cst.For, inner: cst.For) -> cst.For:
    """The loop that stands for both: the same in every run of the function, since it is known by what it is."""
    targets = [cst.Element(node.target), cst.Element(inner.target)]
    return node.with_changes(target=cst.Tuple(targets), body=inner.body)


def _only_loop(node: cst.For) -> cst.For | None:
    """The loop that the body is."""
    only = node.body.body[0] if len(node.body.body) == 1 else None
    plain = isinstance(only, cst.For) and only.orelse is None and node.orelse is None
    return only if plain and isinstance(only, cst.For) else None


def _appends(body: cst.BaseSuite) -> bool:
    return any(isinstance(n, cst.Attribute) and n.attr.value == "append" for n in walk(body))


def _changed(node: cst.For) -> frozenset[str]:
    """The names that a loop binds, and those of which it asks a method or gives an attribute or item a value."""
    found = bound_in(node)
    for inner in walk(node):
        if isinstance(inner, cst.Call) and isinstance(inner.func, cst.Attribute):
            found |= names_in(inner.func.value)
        elif isinstance(inner, (cst.AssignTarget, cst.AugAssign)):
            found |= names_in(inner.target)
    return found
