"""What goes through a list of layers that loops and conditions have filled, part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, branches, layer_lists, loops
from kt_translate.evaluate.layer_lists import LayerList
from kt_translate.evaluate.open_lists import Chosen, Turns, is_open
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import Scope
from kt_translate.graph.conditions import depends
from kt_translate.source.walk import walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

One = Callable[[Any], None]


def run_for(
    ev: Interpreter, node: cst.For, scope: Scope, value: Any, turn: Callable[..., None]
) -> bool:
    """Run a loop over such a list. False where it goes through another one, or cannot be kept; nothing has changed then.

    ``turn`` runs it for the items that it is given, one by one.
    """
    if not is_open(value) or node.orelse is not None or not assumed.keeps(ev, node, scope):
        return False
    if any(isinstance(part, cst.Break) for part in walk(node.body)):
        return False
    state = State(ev, scope)

    def all_of(layers: LayerList) -> bool:
        return loops.run_for(ev, node, scope, layers)

    try:
        run(ev, value, scope, lambda layer: turn(ev, node, scope, [layer]), all_of, node)
    except NotGeneral:
        state.restore()
        return False
    return True


def run(
    ev: Interpreter,
    parts: list[Any],
    scope: Scope,
    one: One,
    all_of: Callable[[LayerList], bool],
    node: cst.For | None = None,
) -> None:
    """Do ``one`` for each layer, in the conditions under which it is in the list, and ``all_of`` where a loop made them.

    Where one of these cannot be kept, the samples say which there are.
    """
    for part in parts:
        if isinstance(part, Turns):
            if not all_of(part.layers):
                run(ev, list(layer_lists.counted(ev, part.layers)), scope, one, all_of, node)
        elif isinstance(part, Chosen):
            _chosen(ev, part, scope, lambda side: run(ev, side, scope, one, all_of, node), node)
        else:
            one(part)


def _chosen(
    ev: Interpreter,
    part: Chosen,
    scope: Scope,
    act: Callable[[list[Any]], None],
    node: cst.For | None,
) -> None:
    holds = assumed.decided(ev, part.test)
    if holds is None and depends(part.test):
        then, orelse = (lambda: act(part.then)), (lambda: act(part.orelse))
        if branches.both(ev, node, part.test, then, orelse, scope):
            return
    act(layer_lists.counted(ev, [part]))
