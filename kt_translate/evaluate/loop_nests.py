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

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def flattened(
    ev: Interpreter, node: cst.For, scope: Scope, value: Any
) -> tuple[cst.For, Items] | None:
    """The loop and what it goes through; None where the loops are not of this kind."""
    inner = _only_loop(node)
    if inner is None:
        return None
    body = _Body()
    inner.body.visit(body)
    changed = body.changed | names_in(node.target) | names_in(inner.target)
    if not body.appends or names_in(inner.iter) & changed:
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


class _Body(cst.CSTVisitor):
    """What a loop's body does to names: it appends to lists, and binds or changes others."""

    def __init__(self) -> None:
        self.appends = False
        self.changed: set[str] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.appends |= node.attr.value == "append"
        self.changed |= names_in(node.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self.changed |= names_in(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self.changed |= names_in(node.target)

    def visit_For(self, node: cst.For) -> None:
        self.changed |= names_in(node.target)


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)


def names_in(node: cst.CSTNode) -> set[str]:
    visitor = _Names()
    node.visit(visitor)
    return visitor.found
