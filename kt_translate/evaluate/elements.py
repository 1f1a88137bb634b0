"""Elements of lists, dicts and arrays that the source assigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import arrays, attributes, calls, expressions
from kt_translate.evaluate.values import Scope, is_computed
from kt_translate.graph.sym import Sym

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def put(ev: Interpreter, target: cst.Subscript, value: Any, scope: Scope) -> None:
    """``owner[key] = value``."""
    owner = ev.evaluate(target.value, scope)
    key = expressions.subscript_key(ev, target, scope)
    if is_computed(owner):
        arrays.put(ev, owner, key, value)
        return
    if isinstance(owner, Sym):
        owner = ev.demand(owner, "what is changed")
    key = calls.settled_key(ev, key) if isinstance(owner, (list, dict)) else key
    attributes.set_element(owner, key, value)


def changed(ev: Interpreter, node: cst.AugAssign, op: str, scope: Scope) -> bool:
    """Do ``array[key] += value`` where the class at hand computes the array."""
    assert isinstance(node.target, cst.Subscript)
    owner = ev.evaluate(node.target.value, scope)
    if not is_computed(owner):
        return False
    key = expressions.subscript_key(ev, node.target, scope)
    arrays.put(ev, owner, key, ev.evaluate(node.value, scope), op)
    return True
