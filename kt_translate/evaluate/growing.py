"""Lists of layers that grow: by loops, by one layer, by other lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import elements, expressions, tensor_lists
from kt_translate.evaluate.appending import layers_of, leave, lists_of, may_stay, rows_of
from kt_translate.evaluate.closed_numbers import closed
from kt_translate.evaluate.layer_lists import LayerList
from kt_translate.evaluate.open_lists import Turns, holds_layers, is_open
from kt_translate.evaluate.state import State
from kt_translate.evaluate.values import Scope

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run_for(ev: Interpreter, node: cst.For, scope: Scope) -> bool:
    """Let lists be what such a loop fills. False where it is none, or cannot be kept; nothing has changed then."""
    node, carried = closed(node)
    lists, names = lists_of(node, "append", carried)
    if not lists:
        lists, names = rows_of(node)
    if not lists or not may_stay(ev, node, names, scope):
        return False
    state = State(ev, scope)
    made: list[LayerList] = []
    for one in lists:
        owner = tensor_lists.raw(ev, one.owner, scope)
        layers = layers_of(ev, node, one, scope) if holds_layers(owner) else None
        if layers is None:
            state.restore()
            return False
        layers.filled_by = node
        made.append(layers)
    for one, layers in zip(lists, made, strict=True):
        add(ev, one.owner, layers, scope)
    leave(ev, node, names, scope)
    return True


def add(ev: Interpreter, owner: Any, layers: LayerList, scope: Scope) -> None:
    """Let a list, which may be empty, have the layers of a loop at its end."""
    held = tensor_lists.raw(ev, owner, scope)
    if held == [] and elements.times_held(elements.holders_of(ev, scope), held) < 2:
        ev.assign(owner, layers, scope)
    else:
        opened(ev, held, scope).append(Turns(layers))


def opened(ev: Interpreter, held: list[Any], scope: Scope) -> list[Any]:
    """The list, as one that takes other parts at its end; all that holds it holds that."""
    if not isinstance(held, LayerList):
        return held
    made: list[Any] = [Turns(held)]
    elements.hold_instead(elements.holders_of(ev, scope), held, made)
    return made


def call_method(ev: Interpreter, node: cst.Call, scope: Scope) -> bool:
    """Do ``layers.append(layer)`` and ``layers.extend(layers)`` where a loop tells what is in one of them."""
    func = node.func
    if not isinstance(func, cst.Attribute) or func.attr.value not in ("append", "extend"):
        return False
    if not isinstance(func.value, (cst.Name, cst.Attribute)) or len(node.args) != 1:
        return False
    return grow(ev, func.value, node.args[0].value, scope, by_one=func.attr.value == "append")


def grow(ev: Interpreter, owner: Any, node: Any, scope: Scope, by_one: bool = False) -> bool:
    """Let a list of layers grow at its end by one, or by those of another list. False where none of them is open."""
    held = tensor_lists.raw(ev, owner, scope)
    grows = isinstance(held, LayerList) or is_open(held)
    if not holds_layers(held) or (by_one and not grows):
        return False
    if by_one:
        opened(ev, held, scope).append(ev.evaluate(node, scope))
        return True
    state = State(ev, scope)
    more = expressions.handed_on(ev, node, scope)
    if isinstance(more, LayerList):
        add(ev, owner, more, scope)
    elif isinstance(more, (list, tuple)) and (grows or is_open(more)):
        opened(ev, held, scope).extend(more)
    else:
        state.restore()
        return False
    return True


def joined(a: Any, b: Any) -> list[Any] | None:
    """``a + b`` where loops or conditions tell which layers are in them; None for anything else."""
    if not isinstance(a, list) or not isinstance(b, list):
        return None
    sides = [parts(v) for v in (a, b)]
    if sides == [None, None]:
        return None
    return [part for v, side in zip((a, b), sides, strict=True) for part in side or v]


def parts(value: Any) -> list[Any] | None:
    """What a list of layers that is open consists of; None for anything else."""
    if isinstance(value, LayerList):
        return [Turns(value)]
    return list(value) if is_open(value) else None
