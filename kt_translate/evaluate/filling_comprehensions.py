"""Comprehensions that make a tensor in each turn, as the loops that would fill such a list."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import expressions, loops, tensor_lists
from kt_translate.evaluate.values import (
    Function,
    Instance,
    LayerValue,
    ModelValue,
    Scope,
    Unknown,
)

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

NAME = "_filled"  # the list


def filled(ev: Interpreter, node: Any, scope: Scope) -> list[Any] | None:
    """The list that stands for all turns; None where it has to be made item by item."""
    clause = node.for_in
    if clause.ifs or clause.inner_for_in is not None or not isinstance(node.elt, cst.Call):
        return None
    if not _is_plain(clause.iter) or not _calls(ev, node.elt.func, scope):
        return None
    value = tensor_lists.raw(ev, clause.iter, scope)
    inner = Scope("function", {NAME: []}, scope)
    return inner.names[NAME] if loops.run_for(ev, _loop(node), inner, value) else None


@lru_cache(maxsize=4096)
def _loop(node: Any) -> cst.For:
    """The same for every reading of the source: loops that are not kept are known by what they are."""
    append = cst.Attribute(cst.Name(NAME), cst.Name("append"))
    body = cst.SimpleStatementSuite([cst.Expr(cst.Call(append, [cst.Arg(node.elt)]))])
    return cst.For(node.for_in.target, node.for_in.iter, body)


def _is_plain(node: Any) -> bool:
    """Whether evaluating an expression once more changes nothing."""
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Name) and all(_is_plain(a.value) for a in node.args)
    if isinstance(node, (cst.Attribute, cst.Subscript)):
        return _is_plain(node.value)
    return isinstance(node, (cst.Name, cst.Integer, cst.BinaryOperation, cst.Tuple, cst.List))


def _calls(ev: Interpreter, node: Any, scope: Scope) -> bool:
    """Whether what is called may give a tensor: a layer, or a function of the source."""
    if isinstance(node, cst.Call):
        return True
    found = expressions.evaluate(ev, node, scope)
    return isinstance(found, (Function, LayerValue, Instance, ModelValue, Unknown))
