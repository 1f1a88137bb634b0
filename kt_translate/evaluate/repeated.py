"""Lists of layers among those of a Sequential: ``Sequential([Dense(width) for _ in range(depth)])``.

A Sequential without an input makes such a list when it is called. The loop that fills it runs only then, for a
general turn, so that there are as many layers as the parameter says.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import layer_lists, loops
from kt_translate.evaluate.layer_lists import Flat, LayerList
from kt_translate.evaluate.state import State
from kt_translate.evaluate.values import ModelValue, Scope, items_of
from kt_translate.graph.nodes import LoopNode

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MODEL = "sequential"


def extended(ev: Interpreter, model: ModelValue, layers: LayerList) -> bool:
    """Add the layers by a loop that is kept. False where that cannot be done; nothing has changed then."""
    scope = Scope("function", {MODEL: model}, layers.scope)
    source, line = ev.source, ev.line
    ev.source, ev.line = layers.source, layers.line
    try:
        if not _still_made(ev, layers):
            return False
        loop = _loop(layers.node, isinstance(layers, Flat), layers.before)
        if not loops.run_for(ev, loop, scope, layers.iterable):
            return False
    finally:
        ev.source, ev.line = source, line
    node = model.region.nodes[-1] if model.region is not None else None
    if isinstance(node, LoopNode):
        node.order = layers.order  # the source has made them already
    return True


def _still_made(ev: Interpreter, layers: LayerList) -> bool:
    """Whether the first layer would be made in the same way now."""
    inner = Scope("function", {}, layers.scope)
    state = State(ev, inner)
    ev.assign(layers.node.for_in.target, (items_of(layers.iterable, None) or [None])[0], inner)
    made = layer_lists.made_in_turn(ev, layers.node, layers.before, inner)
    state.restore()
    return layers.agrees(made)


@lru_cache(maxsize=1024)
def _loop(node: cst.ListComp, flat: bool, before: tuple[Any, ...]) -> cst.For:
    """``for _ in range(depth): sequential.add(Dense(width))``, below the statements that make what is added."""
    in_row = flat and isinstance(node.elt, cst.Tuple)
    items: list[Any] = [e.value for e in node.elt.elements] if in_row else [node.elt]  # type: ignore[attr-defined]
    add = cst.Attribute(cst.Name(MODEL), cst.Name("add"))
    calls = [cst.Expr(cst.Call(add, [cst.Arg(item)])) for item in items]
    body = cst.IndentedBlock([*before, *(cst.SimpleStatementLine([call]) for call in calls)])
    return cst.For(node.for_in.target, node.for_in.iter, body)
