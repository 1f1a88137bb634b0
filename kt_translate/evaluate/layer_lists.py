"""Lists of layers, as long as a parameter says: ``self.blocks = [Block(dim) for _ in range(depth)]``.

Such a list holds the layers for the parameter's sample. A loop over it makes them anew, one general turn: then it
stays as long as the parameter says. Whatever else reads the list takes the sample's length for granted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, tensor_lists
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.open_lists import Chosen, Turns, is_made, is_open, is_row, shown
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import (
    Either,
    Instance,
    LayerValue,
    Scope,
    items_of,
    plain,
)
from kt_translate.graph.lists import Forked, LeftOpen, count
from kt_translate.graph.nodes import ORDER, CallNode, IfNode, LayerNode, LoopNode
from kt_translate.graph.region import CURRENT, Node
from kt_translate.graph.sym import Items, Sym, known
from kt_translate.graph.tensor import Fork

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter
    from kt_translate.evaluate.loops import _General


WHAT = "the number of layers in a list"
MAKING = (cst.Call, cst.List, cst.ListComp, cst.Tuple)


class LayerList(list):  # type: ignore[type-arg]
    """Layers that a comprehension made, one for each item of ``iterable``, or a row of them."""

    def __init__(self, layers: list[Any], iterable: Any, node: cst.ListComp, scope: Scope) -> None:
        super().__init__(layers)
        self.iterable = iterable
        self.node = node
        self.scope = scope
        self.before: tuple[Any, ...] = ()  # statements that make what ``node`` adds
        self.source: Any = None
        self.line = 0
        self.order = next(ORDER)
        self.name: str | None = None
        self.filled_by: Any = None  # the loop of the source, where it is none of a comprehension

    def element(self, ev: Interpreter, bind: Any, place: int = 0) -> Any:
        """The layer of a general turn; ``bind(target, scope)`` gives the comprehension's variables their symbols."""
        inner = Scope("function", {}, self.scope)
        bind(self.node.for_in.target, inner)
        made = made_in_turn(ev, self.node, self.before, inner)
        if not self.agrees(made, place):
            raise NotGeneral
        return made

    def agrees(self, made: Any, place: int = 0) -> bool:
        """Whether the first layer would be made so now: what its settings read may have changed since."""
        return _settings(made) == _settings(self[place])

    def check_first(self, around: list[_General]) -> None:
        """See that no loop has made these layers before.

        Raises:
            NotGeneral: they have been called by themselves, or loops ``around`` the one at hand would have it make them
                in each of their turns.
            LeftOpen: one has made them: that is unrolled.
        """
        if any(self.order < loop.start for loop in around):
            raise NotGeneral
        uses = {id(use) for layer in _each(self) if (use := getattr(layer, "use", None))}
        for node in (node for region in CURRENT for node in _all_of(region.nodes)):
            if isinstance(node, LoopNode) and any(one is self for one in node.taken):
                raise LeftOpen([node.statement], everywhere=True)
            if isinstance(node, (LayerNode, CallNode)) and id(node.use) in uses:
                raise NotGeneral

    def elements(self, ev: Interpreter, bind: Any) -> list[Any]:
        """What a general turn of the comprehension adds."""
        return [self.element(ev, bind)]

    def taken(self, elements: list[Any]) -> list[tuple[LayerList, Any]]:
        """The lists that a turn takes of, and what it takes of each."""
        return [(self, element) for element in elements]


class Flat(LayerList):
    """Such a list to which each turn adds several layers, one after the other."""

    def __init__(self, rows: LayerList) -> None:
        layers = [layer for row in rows for layer in row]
        super().__init__(layers, rows.iterable, rows.node, rows.scope)
        self.rows = rows
        self.before = rows.before
        self.source, self.line = rows.source, rows.line
        self.order = rows.order

    def elements(self, ev: Interpreter, bind: Any) -> list[Any]:
        return list(self.element(ev, bind))

    def agrees(self, made: Any, place: int = 0) -> bool:
        return _settings(made) == _settings(self.rows[place])


def is_range(value: Any) -> bool:
    """Whether it is ``range(n)``, or goes up to ``n`` from another number."""
    return (
        isinstance(value, Sym)
        and value.head == "call"
        and value.args[0] == "range"
        and len(value.args) < 4
    )


def _all_of(nodes: list[Node]) -> Iterator[Node]:
    """Nodes, and those within their loops and conditions."""
    for node in nodes:
        yield node
        if isinstance(node, LoopNode):
            yield from _all_of(node.body.nodes)
        elif isinstance(node, IfNode):
            yield from _all_of(node.then.nodes + node.orelse.nodes)


def _each(layers: Any) -> Iterator[Any]:
    """The layers of a list, or of the rows in it."""
    for layer in shown(layers):
        yield from _each(layer) if isinstance(layer, (list, tuple)) else (layer,)


def comprehended(
    ev: Interpreter, node: cst.ListComp, scope: Scope, before: tuple[Any, ...] = ()
) -> LayerList | None:
    """The list of layers that a comprehension over a symbolic number of items makes; None for any other.

    Of a loop, it is the one that has the statements ``before`` the value of each turn.
    """
    clause = node.for_in
    if clause.ifs or clause.inner_for_in is not None:
        return None
    if not before and not isinstance(node.elt, MAKING):
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
        layers.append(made_in_turn(ev, node, before, inner))
        if not is_made(layers[-1]) and not is_row(layers[-1]):
            state.restore()
            return None
    if before and state.containers_touched():
        state.restore()
        return None
    made = LayerList(layers, value, node, _as_it_is(scope))
    made.source, made.line, made.before = ev.source, ev.line, before
    return made


def made_in_turn(ev: Interpreter, node: cst.ListComp, before: tuple[Any, ...], inner: Scope) -> Any:
    """What one turn adds."""
    for statement in before:
        ev.statement(statement, inner)
    row = comprehended(ev, node.elt, inner) if isinstance(node.elt, cst.ListComp) else None
    return tensor_lists.raw(ev, node.elt, inner) if row is None else row


def _as_it_is(scope: Scope) -> Scope:
    """The scope with what its names hold now: the layers of a general turn are made later."""
    if scope.kind == "module":
        return scope
    parent = None if scope.parent is None else _as_it_is(scope.parent)
    return replace(scope, names=dict(scope.names), parent=parent)


def _settings(made: Any) -> list[Any]:
    """What a layer, or each of a row, was made with, for the samples."""
    if isinstance(made, (list, tuple)):
        return [_settings(one) for one in shown(made)]
    given = [made.args, made.kwargs] if isinstance(made, Instance) else []
    given = list(vars(made.rule).values()) if isinstance(made, LayerValue) else given
    return [v for v in map(known, given) if plain(v)]


def as_outputs(ev: Interpreter, value: Any) -> Any:
    """What a model is made of: outputs may be other ones where a condition holds, or as many as a loop has turns."""
    found = assumed.forked(value)
    return found if isinstance(found, Fork) else settled(ev, tensor_lists.outputs(ev, value))


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
    return tensor_lists.settled(counted(ev, assumed.settled(ev, value)))


def length(value: Any) -> Any:
    """``len(value)`` of a list of layers, said; None where there are no words for it."""
    return (
        count(value.iterable) if isinstance(value, LayerList) and type(value) is not Flat else None
    )


def counted(ev: Interpreter, value: Any) -> Any:
    """A value of which a list of layers is as long as its sample."""
    if isinstance(value, LayerList):
        with suppress(NotGeneral):
            value.check_first([])
        parts = (
            value.iterable.goes_through if isinstance(value.iterable, Items) else [value.iterable]
        )
        for part in parts:
            said = count(part)
            ev.demand(said, WHAT) if isinstance(said, Sym) else demand_length(ev, part, WHAT)
    if is_open(value) or isinstance(value, Flat):
        value[:] = [layer for part in value for layer in _counted(ev, part)]
    return value


def _counted(ev: Interpreter, part: Any) -> list[Any]:
    """The layers that a part of a list has for the samples."""
    if isinstance(part, Turns):
        return list(counted(ev, part.layers))
    if not isinstance(part, Chosen):
        return [part]
    said = assumed.decided(ev, part.test)
    holds = assumed.holds(ev, part.test) if said is None else said
    side = part.then if holds else part.orelse
    return [layer for one in side for layer in _counted(ev, one)]
