"""Lists of layers, as long as a parameter says: ``self.blocks = [Block(dim) for _ in range(depth)]``.

Such a list holds the layers for the parameter's sample. A loop over it makes them anew, one general turn: then it
stays as long as the parameter says. Whatever else reads the list takes the sample's length for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, tensor_lists
from kt_translate.evaluate.state import State
from kt_translate.evaluate.values import (
    Either,
    Instance,
    LayerValue,
    ModelValue,
    Scope,
    items_of,
)
from kt_translate.graph.lists import Forked
from kt_translate.graph.nodes import ORDER
from kt_translate.graph.sym import Items, Sym, known
from kt_translate.graph.tensor import Fork

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class LayerList(list):  # type: ignore[type-arg]
    """Layers that a comprehension made, one for each item of ``iterable``."""

    def __init__(self, layers: list[Any], iterable: Any, node: cst.ListComp, scope: Scope) -> None:
        super().__init__(layers)
        self.iterable = iterable
        self.node = node
        self.scope = scope
        self.order = next(ORDER)
        self.name: str | None = None

    def element(self, ev: Interpreter, bind: Any) -> Any:
        """The layer of a general turn; ``bind(target, scope)`` gives the comprehension's variables their symbols."""
        inner = Scope("function", {}, self.scope)
        bind(self.node.for_in.target, inner)
        return ev.evaluate(self.node.elt, inner)


def comprehended(ev: Interpreter, node: cst.ListComp, scope: Scope) -> LayerList | None:
    """The list of layers that a comprehension over a symbolic number of items makes; None for any other."""
    clause = node.for_in
    if clause.ifs or clause.inner_for_in is not None or not isinstance(node.elt, cst.Call):
        return None
    value = tensor_lists.raw(ev, clause.iter, scope)
    symbolic = isinstance(value, Sym) or (
        isinstance(value, Items) and any(isinstance(a, Sym) for a in value.goes_through)
    )
    items = items_of(value, None) if symbolic and not tensor_lists.countless(value) else None
    if not items:
        return None
    layers, state = [], State(ev, scope)
    for item in items:
        inner = Scope("function", {}, scope)
        ev.assign(clause.target, item, inner)
        layers.append(ev.evaluate(node.elt, inner))
        if not isinstance(layers[-1], (LayerValue, Instance, ModelValue)):
            state.restore()
            return None
    return LayerList(layers, value, node, scope)


def as_outputs(ev: Interpreter, value: Any) -> Any:
    """What a model is made of: outputs may be other ones where a condition holds."""
    found = assumed.forked(value)
    return found if isinstance(found, Fork) else settled(ev, value)


def of_sample(ev: Interpreter, value: Any) -> Any:
    """What only training reads: of what a condition on settings left open, what the sample has."""
    while isinstance(value, Either):
        value = value.then if known(value.test) is True else value.orelse
    for i, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, Forked):
            side = item.then if known(item.test) is True else item.orelse
            return of_sample(ev, [*value[:i], *side, *value[i + 1 :]])
    return settled(ev, value)


def settled(ev: Interpreter, value: Any) -> Any:
    """A value that is read otherwise than by a loop: a list of layers is as long as its sample."""
    value = assumed.settled(ev, value)
    if isinstance(value, LayerList):
        parts = (
            value.iterable.goes_through if isinstance(value.iterable, Items) else [value.iterable]
        )
        for part in parts:
            ev.demand(part, "the number of layers in a list")
    return tensor_lists.settled(value)
