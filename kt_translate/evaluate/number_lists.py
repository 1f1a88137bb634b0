"""Lists of numbers that are as long as a parameter says, and grow: ``widths.append(int(rate * units))``, in loops too.

A loop that only appends to them is the comprehension that says the same. What is added to one makes an expression of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import calculations, containers, elements, expressions, tensor_lists
from kt_translate.evaluate.appending import leave
from kt_translate.evaluate.state import State
from kt_translate.evaluate.values import Scope, plain
from kt_translate.graph.conditions import depends
from kt_translate.graph.nodes import named
from kt_translate.graph.sym import Sym
from kt_translate.graph.terms import expand
from kt_translate.source.walk import names_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run_for(ev: Interpreter, node: cst.For, scope: Scope) -> bool:
    """Let lists be what such a loop makes of them. False where it is none; nothing has changed then."""
    lists = _comprehensions(node)
    if not lists:
        return False
    state = State(ev, scope)
    made = []
    for owner, comprehension in lists:
        held = tensor_lists.raw(ev, owner, scope)
        said = containers.said(ev, comprehension, scope) if _is_free(ev, held, scope) else None
        if said is None:
            state.restore()
            return False
        made.append((owner, calculations.binary(ev, "+", held, said) if held else said))
    for owner, said in made:
        ev.assign(owner, named(said, owner.value), scope)
    leave(ev, node, [node.target.value], scope)  # type: ignore[attr-defined]
    return True


def _is_free(ev: Interpreter, held: Any, scope: Scope) -> bool:
    """Whether this is a list of numbers that nothing else holds."""
    return (
        isinstance(held, list)
        and plain(held)
        and elements.times_held(elements.holders_of(ev, scope), held) < 2
    )


@lru_cache(maxsize=4096)
def _comprehensions(node: cst.For) -> list[tuple[cst.Name, cst.ListComp]]:
    """For each list to which a loop does nothing but append, what makes its items; nothing for any other loop."""
    found: dict[str, tuple[cst.Name, cst.ListComp]] = {}
    read = set(names_in(node.iter))
    for line in node.body.body:
        small = line.body if isinstance(line, cst.SimpleStatementLine) else []
        call = small[0].value if len(small) == 1 and isinstance(small[0], cst.Expr) else None
        if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
            return []
        owner = call.func.value
        if call.func.attr.value != "append" or len(call.args) != 1:
            return []
        if not isinstance(owner, cst.Name) or owner.value in found:
            return []
        item = call.args[0].value
        read |= names_in(item)
        found[owner.value] = owner, cst.ListComp(item, cst.CompFor(node.target, node.iter))
    if read & found.keys() or not isinstance(node.target, cst.Name):
        return []
    return list(found.values())


def call_method(ev: Interpreter, node: cst.Call, scope: Scope) -> bool:
    """Do ``append``, ``extend`` and ``insert(0, item)`` of such a list. False for any other call."""
    func = node.func
    if not isinstance(func, cst.Attribute) or not isinstance(func.value, cst.Name):
        return False
    method, args = func.attr.value, [arg.value for arg in node.args]
    first = len(args) == 2 and isinstance(args[0], cst.Integer) and args[0].value == "0"
    if not (method == "insert" and first) and not (
        method in ("append", "extend") and args[1:] == []
    ):
        return False
    held = tensor_lists.raw(ev, func.value, scope)
    if not isinstance(held, Sym) or not isinstance(held.value, list) or not depends(held):
        return False
    if expand(held).head == "symbol":  # who has handed it sees what is added
        return False
    more = expressions.evaluate(ev, args[-1], scope)
    if method == "extend" and not isinstance(more, (list, tuple)):
        return False
    more = [*more] if method == "extend" else [more]
    if not all(isinstance(v, Sym) or plain(v) for v in more):
        return False
    sides = (more, held) if method == "insert" else (held, more)
    made = calculations.binary(ev, "+", *sides)
    elements.hold_instead(elements.holders_of(ev, scope), held, made)
    return True
