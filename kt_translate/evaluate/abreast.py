"""Lists of layers that a loop goes through together, or by their places, and what a turn of it has of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.layer_lists import LayerList, is_range
from kt_translate.evaluate.running import chooses
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Scope, items_of, name_value
from kt_translate.graph.lists import count
from kt_translate.graph.nodes import (
    CallNode,
    Held,
    IfNode,
    LayerNode,
    LoopNode,
    ModuleUse,
    SizeNode,
)
from kt_translate.graph.region import Node, OpNode, Region
from kt_translate.graph.sym import Items, Sym, Symbol, call_symbolic, known, same
from kt_translate.layers.rnn_settings import is_stateless

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter
    from kt_translate.evaluate.loops import _General


class Abreast(LayerList):
    """Several such lists gone through together: what a turn has is one layer of each."""

    def __init__(self, lists: list[LayerList]) -> None:
        first = lists[0]
        rows = list(zip(*lists, strict=False))
        through = [one.iterable for one in lists]
        self.alike = all(
            same(one.iterable, first.iterable)
            and len(_names(one.node.for_in.target)) == len(_names(first.node.for_in.target))
            for one in lists
        )
        pairs = list(zip(*(items_of(value, None) or () for value in through), strict=False))
        iterable = first.iterable if self.alike else Items(pairs, "zip", tuple(through))
        super().__init__(rows, iterable, first.node, first.scope)
        self.lists = lists
        self.order = min(one.order for one in lists)

    def element(self, ev: Interpreter, bind: Any, place: int = 0) -> Any:
        if not self.alike:
            return self._of_other_items(ev, bind)
        names: list[Any] = []

        def first(target: Any, inner: Scope) -> None:
            bind(target, inner)
            names[:] = [ev.evaluate(name, inner) for name in _names(target)]

        def other(target: Any, inner: Scope) -> None:
            for name, value in zip(_names(target), names, strict=True):
                ev.assign(name, value, inner)

        made = [self.lists[0].element(ev, first)]
        return (*made, *(one.element(ev, other) for one in self.lists[1:]))

    def _of_other_items(self, ev: Interpreter, bind: Any) -> Any:
        """A layer of each list, where each is made for items of its own: a name in two lists is two variables."""
        taken: set[str] = set()
        targets = [_renamed(one.node.for_in.target, taken) for one in self.lists]
        around = Scope("function", {}, self.scope)
        bind(cst.Tuple([cst.Element(target) for target in targets]), around)

        def bound(at: int) -> Any:
            values = [ev.evaluate(name, around) for name in _names(targets[at])]

            def assigned(target: Any, inner: Scope) -> None:
                for name, value in zip(_names(target), values, strict=True):
                    ev.assign(name, value, inner)

            return assigned

        return tuple(one.element(ev, bound(i)) for i, one in enumerate(self.lists))

    def taken(self, elements: list[Any]) -> list[tuple[LayerList, Any]]:
        return list(zip(self.lists, elements[0], strict=True))

    def check_first(self, around: list[_General]) -> None:
        for one in self.lists:
            one.check_first(around)


class Numbered(LayerList):
    """Such a list with the places of its layers, ``for i, block in enumerate(blocks)``: a turn has ``place`` and a layer."""

    def __init__(self, layers: LayerList, place: str) -> None:
        through = layers.iterable
        self.ranged = isinstance(through, Sym) and same(
            through, call_symbolic("range", count(through))
        )
        pairs = list(enumerate(items_of(through, None) or ()))
        iterable = through if self.ranged else Items(pairs, "enumerate", (through,))
        super().__init__([], iterable, layers.node, layers.scope)
        self.layers = layers
        self.extend((i, *self._row(made)) for i, made in enumerate(layers))
        self.place = place
        self.order = layers.order
        self.name = layers.name

    def element(self, ev: Interpreter, bind: Any, place: int = 0) -> Any:
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

    def _row(self, made: Any) -> Any:
        """The layers of a turn: one, or one of each of several lists."""
        return made if isinstance(self.layers, Abreast) else (made,)

    def taken(self, elements: list[Any]) -> list[tuple[LayerList, Any]]:
        made = elements[0][1:]
        return self.layers.taken([made if isinstance(self.layers, Abreast) else made[0]])

    def check_first(self, around: list[_General]) -> None:
        self.layers.check_first(around)


def abreast(values: list[Any]) -> Abreast | None:
    """The lists gone through together; None where they are not of this kind."""
    return Abreast(values) if values and all(type(v) is LayerList for v in values) else None


def _names(target: Any) -> list[cst.Name]:
    if isinstance(target, cst.Name):
        return [target]
    return [name for element in target.elements for name in _names(element.value)]


def _renamed(target: Any, taken: set[str]) -> Any:
    """The variables of a loop, under names that are not taken."""
    if isinstance(target, cst.Name):
        name = target.value
        while name in taken:
            name += "_"
        taken.add(name)
        return cst.Name(name)
    parts = [e.with_changes(value=_renamed(e.value, taken)) for e in target.elements]
    return target.with_changes(elements=parts)


def elements_of(loop: _General, samples: list[Any]) -> list[Any]:
    """What the turn of the loop at hand has of the lists that it goes through, several layers of a flat one."""
    layers, around = loop.layers, loop.ev.loops
    assert layers is not None

    def bind(target: Any, inner: Scope) -> None:
        loop.targets = loop.bind(target, samples, inner)

    layers.check_first(around[:-1])
    elements = layers.elements(loop.ev, bind)
    for one in around:
        one.taken += layers.taken(elements)
    return elements


def counts(loop: _General, key: Sym) -> bool:
    """Whether a key is the number of the turn, or so much more or less in each."""
    place = loop.targets
    if isinstance(loop.value, Items) and loop.value.function == "enumerate":
        place = place[0] if isinstance(place, tuple) else None
    elif not is_range(loop.value):
        return False
    if not isinstance(place, Symbol) or not isinstance(known(key), int):
        return False
    return same(key, Sym.binary("+", Sym.of(place), known(key) - place.value))


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
        NotGeneral: turns share a layer that has weights, and make something else, too, or stages would have their layers
            in another order.
    """
    layers, start = loop.layers, loop.start
    if layers is None:
        _check_order(loop, body)
        return []
    made = {name: held for name, held in loop.held.items() if not isinstance(held, Sym)}
    numbered = isinstance(layers, Numbered)
    carries = bool(loop.filling.growing or loop.filling.elements)
    carries |= bool(loop.sizes) and not numbered
    inner = layers.layers if isinstance(layers, Numbered) else layers
    lists = inner.lists if isinstance(inner, Abreast) else [inner]
    calls = [n for n in body.nodes if isinstance(n, (LayerNode, CallNode))]
    nodes = [n for n in calls if isinstance(n, CallNode) or not is_stateless(n.rule)]
    shared = any(n.use.order < start for n in nodes)
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
    if shared and not can:
        raise NotGeneral
    chain = _is_chain(body.nodes) and not (numbered and len(body.nodes) > 1)
    better = bool(loop.filling.elements) if len(lists) > 1 else carries or chain
    if not shared and (not can or better):
        _check_order(loop, body)
        return []
    pairs = zip(lists, made.items(), strict=True)
    place = next((held.args[0] for held in loop.held.values() if isinstance(held, Sym)), None)
    return [Held(layer.use, str(one.name), name, one.order, place) for one, (name, layer) in pairs]


def name_of(loop: _General) -> str | None:
    """How the source calls the one list of layers that a loop goes through, and takes nothing else of; None for any other."""
    lists = [_outermost(loop, one) for one, _ in loop.taken]
    several = any(one is not lists[0] for one in lists)
    return None if loop.layers is None or several else loop.layers.name


def _check_order(loop: _General, body: Region) -> None:
    """Raise NotGeneral where stages of their own would have layers of one kind in another order than the source makes them."""
    lists = [_outermost(loop, one) for one, _ in loop.taken]
    kinds: dict[int, set[Any]] = {}
    for use, kind in _made_in(body.nodes, loop.start):
        taken = (i for i, (_, made) in enumerate(loop.taken) if getattr(made, "use", None) is use)
        of = next((id(lists[i]) for i in taken), 0)
        kinds.setdefault(of, set()).add(kind)
    loops = {id(one): one.filled_by for one in lists}
    for one, other in combinations(kinds, 2):
        together = loops.get(one) is not None and loops.get(one) is loops.get(other)
        if kinds[one] & kinds[other] and not together:
            raise NotGeneral


def _outermost(loop: _General, layers: LayerList) -> LayerList:
    """The list that the source fills with such lists."""
    return next((_outermost(loop, one) for one, made in loop.taken if made is layers), layers)


def _made_in(nodes: list[Node], start: int) -> Iterator[tuple[ModuleUse, Any]]:
    """The layers with weights that nodes make after ``start``, and their kinds."""
    for node in nodes:
        if isinstance(node, LoopNode):
            yield from _made_in(node.body.nodes, start)
        elif isinstance(node, IfNode):
            yield from _made_in(node.then.nodes + node.orelse.nodes, start)
        elif isinstance(node, LayerNode) and node.use.order >= start:
            yield from () if is_stateless(node.rule) else ((node.use, type(node.rule)),)
        elif isinstance(node, CallNode) and node.use.order >= start:
            plan = node.plan
            alone = plan.kind not in ("function", "loop")
            yield from (
                ((node.use, plan.container or plan.name),)
                if alone
                else _made_in(plan.region.nodes, 0)
            )


def _is_chain(nodes: list[Node]) -> bool:
    """Whether each node takes what the one before gives, and nothing else."""
    first = all(len(list(node.uses())) == 1 for node in nodes[:1])
    return first and all(list(b.uses()) == a.outputs for a, b in pairwise(nodes))
