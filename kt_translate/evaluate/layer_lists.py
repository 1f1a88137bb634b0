"""Lists of layers, as long as a parameter says: ``self.blocks = [Block(dim) for _ in range(depth)]``.

Such a list holds the layers for the parameter's sample. A loop over it makes them anew, one general turn: then it
stays as long as the parameter says. Whatever else reads the list takes the sample's length for granted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, tensor_lists
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.open_lists import Chosen, Turns, is_made, is_open, is_row, shown
from kt_translate.evaluate.running import chooses
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import (
    Either,
    Instance,
    LayerValue,
    Scope,
    items_of,
    name_value,
    plain,
)
from kt_translate.graph.lists import Forked, count
from kt_translate.graph.nodes import ORDER, CallNode, Held, LayerNode, SizeNode
from kt_translate.graph.region import Node, OpNode, Region
from kt_translate.graph.sym import Items, Sym, call_symbolic, known, same
from kt_translate.graph.tensor import Fork
from kt_translate.layers.rnn_settings import is_stateless

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter
    from kt_translate.evaluate.loops import _General


WHAT = "the number of layers in a list"
MAKING = (cst.Call, cst.List, cst.Tuple)


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

    def element(self, ev: Interpreter, bind: Any) -> Any:
        """The layer of a general turn; ``bind(target, scope)`` gives the comprehension's variables their symbols."""
        inner = Scope("function", {}, self.scope)
        bind(self.node.for_in.target, inner)
        made = made_in_turn(ev, self.node, self.before, inner)
        if not self.agrees(made):
            raise NotGeneral
        return made

    def agrees(self, made: Any) -> bool:
        """Whether the first layer would be made so now: what its settings read may have changed since."""
        return _settings(made) == _settings(self[0])

    def elements(self, ev: Interpreter, bind: Any) -> list[Any]:
        """What a general turn of the comprehension adds."""
        return [self.element(ev, bind)]


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

    def agrees(self, made: Any) -> bool:
        return _settings(made) == _settings(self.rows[0])


class Abreast(LayerList):
    """Several such lists, made for the same items, gone through together: what a turn has is one layer of each."""

    def __init__(self, lists: list[LayerList]) -> None:
        first = lists[0]
        rows = list(zip(*lists, strict=False))
        super().__init__(rows, first.iterable, first.node, first.scope)
        self.lists = lists
        self.order = min(one.order for one in lists)

    def element(self, ev: Interpreter, bind: Any) -> Any:
        names: list[Any] = []

        def first(target: Any, inner: Scope) -> None:
            bind(target, inner)
            names[:] = [ev.evaluate(name, inner) for name in _names(target)]

        def other(target: Any, inner: Scope) -> None:
            for name, value in zip(_names(target), names, strict=True):
                ev.assign(name, value, inner)

        made = [self.lists[0].element(ev, first)]
        return (*made, *(one.element(ev, other) for one in self.lists[1:]))


class Numbered(LayerList):
    """Such a list with the places of its layers, ``for i, block in enumerate(blocks)``: a turn has ``place`` and a layer."""

    def __init__(self, layers: LayerList, place: str) -> None:
        through = layers.iterable
        self.ranged = isinstance(through, Sym) and same(
            through, call_symbolic("range", count(through))
        )
        pairs = list(enumerate(items_of(through, None) or ()))
        iterable = through if self.ranged else Items(pairs, "enumerate", (through,))
        rows = [(i, *self._row(made)) for i, made in enumerate(layers)]
        super().__init__(rows, iterable, layers.node, layers.scope)
        self.layers = layers
        self.place = place
        self.order = layers.order
        self.name = layers.name

    def element(self, ev: Interpreter, bind: Any) -> Any:
        places: list[Any] = []

        def both(target: Any, inner: Scope) -> None:
            place = cst.Name(self.place)
            pair = cst.Tuple([cst.Element(place), cst.Element(target)])
            bind(place if self.ranged else pair, inner)
            places.append(inner.names[self.place])
            if self.ranged:
                ev.assign(target, places[0], inner)

        made = self.layers.element(ev, both)
        return (places[0], *self._row(made))

    @staticmethod
    def _row(made: Any) -> Any:
        """The layers of a turn: one, or one of each of several lists."""
        return made if isinstance(made, tuple) else (made,)


def abreast(values: list[Any]) -> Abreast | None:
    """The lists gone through together; None where they are not of one kind."""
    if not values or not all(type(v) is LayerList for v in values):
        return None
    first = values[0]
    alike = all(
        same(v.iterable, first.iterable)
        and len(_names(v.node.for_in.target)) == len(_names(first.node.for_in.target))
        for v in values
    )
    return Abreast(values) if alike else None


def _names(target: Any) -> list[cst.Name]:
    if isinstance(target, cst.Name):
        return [target]
    return [name for element in target.elements for name in _names(element.value)]


def held_by(target: Any, element: Any) -> dict[str, Any]:
    """The layers that a loop's variables hold in a turn. Raises NotGeneral where there is not one for each."""
    if isinstance(target, cst.Name):
        return {target.value: element}
    parts = target.elements if isinstance(target, (cst.Tuple, cst.List)) else ()
    names = [part.value.value for part in parts if isinstance(part.value, cst.Name)]
    if not isinstance(element, (list, tuple)) or len(names) != len(element):
        raise NotGeneral
    for name, layer in zip(names, element, strict=True):
        name_value(layer, name)
    return dict(zip(names, element, strict=True))


def held_layers(loop: _General, body: Region) -> list[Held]:
    """The layers of a turn, where the lists are to stay lists; empty where the turns are better stages of their own.

    Raises:
        NotGeneral: turns share a layer that has weights, or go through several lists, and make something else, too.
    """
    layers, start = loop.layers, loop.start
    if layers is None:
        return []
    made = {name: held for name, held in loop.held.items() if not isinstance(held, Sym)}
    numbered = isinstance(layers, Numbered)
    carries = bool(loop.filling.growing or loop.filling.elements)
    carries |= bool(loop.sizes) and not numbered
    lists = layers.lists if isinstance(layers, Abreast) else [layers]
    calls = [n for n in body.nodes if isinstance(n, (LayerNode, CallNode))]
    nodes = [n for n in calls if isinstance(n, CallNode) or not is_stateless(n.rule)]
    must = len(lists) > 1 or any(n.use.order < start for n in nodes)
    uses = [getattr(one, "use", None) for one in made.values()]
    others = [n for n in nodes if n.use.order >= start]
    can = (
        all(any(n.use is use for use in uses) for n in others)
        and None not in uses
        and len(uses) == len(lists)
        and all(one.name for one in lists)
        and all(
            isinstance(n, (LayerNode, CallNode, OpNode, SizeNode)) or chooses(n) for n in body.nodes
        )
    )
    if must and not can:
        raise NotGeneral
    chain = _is_chain(body.nodes) and not (numbered and len(body.nodes) > 1)
    if not must and (not can or carries or chain):
        return []
    pairs = zip(lists, made.items(), strict=True)
    place = next((held.args[0] for held in loop.held.values() if isinstance(held, Sym)), None)
    return [Held(layer.use, str(one.name), name, one.order, place) for one, (name, layer) in pairs]


def _is_chain(nodes: list[Node]) -> bool:
    """Whether each node takes what the one before gives, and nothing else."""
    first = all(len(list(node.uses())) == 1 for node in nodes[:1])
    return first and all(list(b.uses()) == a.outputs for a, b in pairwise(nodes))


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
    return tensor_lists.raw(ev, node.elt, inner)


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
