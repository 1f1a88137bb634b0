"""Lists, dicts and arrays that the source changes: elements that it assigns and deletes.

A list or dict among the parameters becomes one of its items as soon as it is changed. How many there are, and the keys
of a dict, are taken for granted then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import arrays, attributes, copies, expressions, indexing
from kt_translate.evaluate.entries import Entry, does_more
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.state import containers_in, spaces_of
from kt_translate.evaluate.tensor_lists import Left
from kt_translate.evaluate.values import Instance, Scope, Unknown, is_computed, opaque
from kt_translate.graph.sym import Sym, call_symbolic, symbols_in
from kt_translate.source.walk import names_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def unpacked(ev: Interpreter, value: Any, place: int, target: Any) -> Unknown:
    """What a name is bound to among others that together hold what is not known."""
    part = Unknown(f"part {place} of what is not known", ev.line)
    part.node, part.parts = target, ("[]", value, place)
    return part


def put(ev: Interpreter, target: cst.Subscript, value: Any, scope: Scope) -> None:
    """``owner[key] = value``."""
    key = expressions.subscript_key(ev, target, scope)
    if _left_open(ev, target.value, key, scope):
        return
    owner = opened(ev, target.value, scope)
    if is_computed(owner):
        arrays.put(ev, owner, key, value)
        return
    key = indexing.settled_key(ev, key) if isinstance(owner, (list, dict)) else key
    attributes.set_element(owner, key, value)


class LeftItems(Left):
    """A dict of the source in which the turns of a loop put items under keys of their own."""


def _left_open(ev: Interpreter, owner: cst.BaseExpression, key: Any, scope: Scope) -> bool:
    """Whether a dict takes an item that only the turns one by one could tell: what is in it then is left open."""
    if not isinstance(owner, cst.Name):
        return False
    held = ev.lookup(owner.value, scope)
    if isinstance(held, LeftItems):
        return True
    turned = any(s.kind in ("loop", "carried") and s.left_by is None for s in symbols_in(key))
    if type(held) is not dict or not turned or not ev.loops or not ev.guards:
        return False
    if times_held(holders_of(ev, scope), held) > 1:
        return False
    left = LeftItems("what the turns of a loop put into a dict", ev.line, ev.loops[-1].node)
    ev.bind(owner.value, left, scope)
    return True


def changed(ev: Interpreter, node: cst.AugAssign, op: str, scope: Scope) -> bool:
    """Do ``array[key] += value`` where the class at hand computes the array."""
    assert isinstance(node.target, cst.Subscript)
    owner = ev.evaluate(node.target.value, scope)
    if not is_computed(owner):
        return False
    key = expressions.subscript_key(ev, node.target, scope)
    arrays.put(ev, owner, key, ev.evaluate(node.value, scope), op)
    return True


def delete(ev: Interpreter, target: cst.BaseExpression, scope: Scope) -> None:
    """``del target``."""
    if isinstance(target, cst.Name):
        scope.names.pop(target.value, None)
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            delete(ev, element.value, scope)
    elif isinstance(target, cst.Attribute):
        owner = ev.evaluate(target.value, scope)
        if isinstance(owner, Instance):
            owner.attributes.pop(target.attr.value, None)
    elif isinstance(target, cst.Subscript):
        owner = opened(ev, target.value, scope)
        key = indexing.settled_key(ev, expressions.subscript_key(ev, target, scope))
        if isinstance(owner, (list, dict)) and not opaque(key):
            with as_the_source_would():
                del owner[key]


CHANGING = {"append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse"}
CHANGING |= {"setdefault", "sort", "update"}


def opened(ev: Interpreter, node: cst.BaseExpression, scope: Scope) -> Any:
    """The value of an expression that the source changes: what stands for a parameter's list or dict is one itself."""
    value = ev.evaluate(node, scope)
    if not isinstance(value, Sym) or not isinstance(value.value, (list, dict)):
        return value
    made = _items(ev, value)
    _put_in_place(ev, value, made, scope)
    if isinstance(node, cst.Subscript):
        key = indexing.settled_key(ev, expressions.subscript_key(ev, node, scope))
        attributes.set_element(opened(ev, node.value, scope), key, made)
    return made


def _items(ev: Interpreter, value: Sym) -> Any:
    """The list or dict of a parameter's items."""
    ev.opened.append(value)
    if isinstance(value.value, dict):
        ev.demand(call_symbolic("list", value), "what is changed")
        return Entry(value)
    ev.demand(call_symbolic("len", value), "what is changed")
    return [Sym.index(value, i) for i in range(len(value.value))]


def holders_of(ev: Interpreter, scope: Scope) -> list[Any]:
    """The names that are in reach of what is under way, and the lists and dicts that they hold; each once."""
    found = [space for s in (scope, *(s for _, s in ev.rest)) for space in spaces_of(s)]
    spaces = list({id(space): space for space in found}.values())
    return [*spaces, *(c for c in containers_in(spaces) if isinstance(c, (list, dict)))]


def times_held(holders: list[Any], value: Any) -> int:
    """In how many places the value is held."""
    return sum(one is value for h in holders for one in (h.values() if isinstance(h, dict) else h))


def hold_instead(holders: list[Any], value: Any, made: Any) -> None:
    """Let all that holds the one hold the other."""
    for holder in holders:
        for key, one in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            if one is value:
                holder[key] = made


def _put_in_place(ev: Interpreter, value: Sym, made: Any, scope: Scope) -> None:
    """Let all that holds the one hold the other, and what it is a part of have it as a part."""
    holders = holders_of(ev, scope)
    said = value
    while said.head == "symbol" and isinstance(said.args[0].origin, Sym):
        said = said.args[0].origin
    whole = said.args[0] if said.head == "index" else None
    held = times_held(holders, whole)
    hold_instead(holders, value, made)
    if held and isinstance(whole, Sym):
        parts = _items(ev, whole)
        parts[indexing.settled_key(ev, said.args[1])] = made
        _put_in_place(ev, whole, tuple(parts) if isinstance(whole.value, tuple) else parts, scope)


def unrolled(ev: Interpreter, node: cst.For, value: Any, scope: Scope) -> Any:
    """What a loop goes through turn by turn: the dicts of a parameter as its sample has them, if they are changed."""
    if not isinstance(value, Sym) or not isinstance(value.value, (list, tuple)):
        return value
    dicts = any(isinstance(v, dict) for v in value.value)
    if not dicts or not any(does_more(node.body, name) for name in names_in(node.target)):
        return value
    made = copies.copied(ev, value.value, deep=True)
    _put_in_place(ev, value, made, scope)
    return made


def opened_by(ev: Interpreter, call: cst.Call, scope: Scope) -> None:
    """See to it that a method that changes a list or dict finds one."""
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in CHANGING:
        owner = call.func.value
        if isinstance(owner, (cst.Name, cst.Attribute, cst.Subscript)):
            opened(ev, owner, scope)
