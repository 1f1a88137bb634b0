"""Loops that are kept: the body is run once, on symbols for what changes from turn to turn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    assumed,
    by_parts,
    entries,
    joined_items,
    last_items,
    loop_ends,
    loop_nests,
    loop_samples,
    rows,
    running,
    sums,
    tensor_lists,
)
from kt_translate.evaluate.abreast import elements_of, held_by, held_layers, name_of
from kt_translate.evaluate.filling import Filling
from kt_translate.evaluate.layer_lists import Flat, LayerList
from kt_translate.evaluate.loop_sizes import (
    afterwards,
    free_name,
    makes_modules,
    number,
    of_one_kind,
    own,
    parts_of,
    size_name,
)
from kt_translate.evaluate.running import is_running, only_names
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised, Return
from kt_translate.evaluate.state import MISSING, NotGeneral, Place, State, spoken
from kt_translate.evaluate.tensor_lists import Left
from kt_translate.evaluate.values import Either, Scope, Unknown
from kt_translate.graph.last_turn import another_follows
from kt_translate.graph.lists import Collected, Pick, Some
from kt_translate.graph.nodes import ORDER, Carried, Held, LoopNode, named_deeper
from kt_translate.graph.region import Region
from kt_translate.graph.sym import UNKNOWN, Items, Sym, Symbol, known, same, substitute
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import expand
from kt_translate.source.walk import names_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_ROUNDS = 5
FEW_TURNS = 3
MANY_TURNS = 64  # of a loop that builds nothing: training, data


def run_for(ev: Interpreter, node: cst.For, scope: Scope, value: Any) -> bool:
    """Keep a loop as a loop. False where that cannot be done; nothing has changed then."""
    ways = [loop_nests.flattened(ev, node, scope, value), (node, value)]
    return any(_kept(ev, way[0], scope, way[1]) for way in ways if way is not None)


def _kept(ev: Interpreter, node: cst.For, scope: Scope, value: Any) -> bool:
    if ev.inlining or not assumed.keeps(ev, node, scope):
        return False
    layers = value if isinstance(value, LayerList) else None
    value = value if layers is None else layers.iterable
    items = tensor_lists.items(value)
    items = [] if items is None and not isinstance(value, Sym) else items
    if items is not None and not of_one_kind(items):
        return False
    symbolic = isinstance(value, Sym) or tensor_lists.countless(value)
    symbolic |= isinstance(value, Items) and any(isinstance(a, Sym) for a in value.goes_through)
    if not symbolic and len(items or ()) < FEW_TURNS:
        return False
    with last_items.held(node, scope), joined_items.held(node, scope):
        state, line = State(ev, scope), ev.line
        try:
            _General(ev, node, scope, value, items, state, layers).run()
        except NotGeneral as why:
            state.restore()
            ev.line = line
            again = isinstance(why, sums.FromZero) and why.begin(scope)
            if again and _kept(ev, node, scope, value if layers is None else layers):
                return True
            state.restore()
            return False
    return True


class _General:
    """One loop, run for a general turn until what enters it is what can leave it."""

    def __init__(
        self,
        ev: Interpreter,
        node: cst.For,
        scope: Scope,
        value: Any,
        items: list[Any] | None,
        state: State,
        layers: LayerList | None = None,
    ) -> None:
        self.ev = ev
        self.node = node
        self.scope = scope
        self.through = value
        self.value = entries.gone_through(ev, value)
        self.items = items
        self.state = state
        self.layers = layers  # what the loop goes through, if its turns are layers
        self.start = next(ORDER)
        self.comment = ev.taken_comments()
        self.line = ev.line
        self.order = self.start if layers is None else layers.order
        self.before = state.places()
        self.entering: dict[Place, Any] = {}
        self.unread: dict[Place, Left] = {}  # None until the first turn binds them
        # of a tensor's axis; axis -1: of a number
        self.sizes: dict[tuple[Place, int], Carried] = {}
        self.symbols: list[Symbol] = []
        self.targets: Any = None
        self.bound: list[str] = []
        self.entries: list[entries.Entry] = []  # that its variables hold
        self.filling = Filling(ev, node, state, value)
        self.held: dict[str, Any] = {}  # its variables, and the layers in them
        self.taken: list[tuple[LayerList, Any]] = []  # lists, and what a turn has of each
        self.places: list[tuple[LayerList, Any, Any]] = []  # of these, and what is there
        self.lost = False  # something that was known before leaves unknown
        self.running = False  # it makes nothing
        self.left: list[Carried] = []  # what its last turn leaves then, that no turn takes

    def run(self) -> None:
        changed = self._turn()
        for _ in range(MAX_ROUNDS):
            if not self._widen(changed) and not self.again:
                break
            self.state.restore()
            changed = self._turn()
        else:
            raise NotGeneral
        self._finish(changed)

    # -- one turn -------------------------------------------------------------------------------
    def _turn(self) -> dict[Place, Any]:
        """Run the body once. Gives what the places that it rebinds hold afterwards."""
        ev, state = self.ev, self.state
        self.symbols, self.bound = [], []
        self.filling.enter()
        self.entries, self.taken, self.places = [], [], []
        samples = self.items or [UNKNOWN]
        if self.layers is None:
            self.targets = self.bind(self.node.target, samples, self.scope)
        for place, value in (*self.entering.items(), *self.unread.items()):
            state.put(place, value)
        entered, errors = state.places(), ev.log.errors
        ev.rest.append((None, self.scope))
        ev.loops.append(self)
        try:
            with state.elsewhere() as regions:
                self.filling.region = regions[id(state.region)]
                try:
                    turns = [None] if self.layers is None else elements_of(self, samples)
                    nested = partial(run_for, ev, self.node, self.scope)
                    by_parts.run(ev, turns, self.scope, self._run_with, nested, self.node)
                except (Return, Break, Continue, LimitReached, Raised):
                    raise NotGeneral from None
        finally:
            ev.rest.pop()
            ev.loops.pop()
        if ev.log.errors > errors or state.started():
            raise NotGeneral
        self.again = self.filling.leave()
        self.regions: dict[int, Region] = regions
        after = state.places()
        bound = set(self.bound if self.layers is None else names_in(self.node.target))
        changed = {
            p: after.get(p)
            for p in after
            if after[p] is not entered.get(p, MISSING)
            and not (isinstance(after[p], Sym) and same(after[p], entered.get(p)))
            and not (0 <= p[0] < state.named and p[1] in bound)
        }
        rows.spread(changed, entered, self.before)
        return changed

    def _run_with(self, layer: Any) -> None:
        """Run the body for a layer."""
        held = {} if self.layers is None else held_by(self.node.target, layer)
        self.held = {} if isinstance(self.layers, Flat) else held
        self.scope.names |= held
        joined_items.run(self.ev, self.node.body, self.scope)

    def bind(self, target: Any, samples: list[Any], scope: Scope) -> Any:
        """Give the loop's targets symbols; the nest of them, as the source writes it."""
        if isinstance(target, cst.Name):
            self.bound.append(target.value)
            if isinstance(samples[0], Pick):
                taken = self.filling.each(samples[0], target.value)
                self.ev.bind(target.value, taken.tensor, scope)
                return taken
            symbol = Symbol(free_name(target.value, scope), known(samples[0]), "loop")
            self.symbols.append(symbol)
            held = Sym.of(symbol)
            if isinstance(symbol.value, dict):
                body = self.node.body
                held = entries.entry(self.ev, body, target.value, held, samples, self.value)
                self.entries += [held] if isinstance(held, entries.Entry) else []
            self.ev.bind(target.value, held, scope)
            return symbol
        if isinstance(target, (cst.Tuple, cst.List)):
            n = len(target.elements)
            parts = [parts_of(sample, n) for sample in samples]
            if any(p is None or len(p) != n for p in parts):
                raise NotGeneral
            columns = [list(c) for c in zip(*parts, strict=True)]
            return tuple(
                self.bind(e.value, c, scope) for e, c in zip(target.elements, columns, strict=True)
            )
        raise NotGeneral

    def turning(self) -> set[Symbol]:
        """What says which turn it is."""
        return set(self.symbols)

    def takes(self, some: Some, key: Any) -> Tensor:
        """The tensor of a list at a place that depends on the turn."""
        return self.filling.takes(some, key)

    # -- what is carried --------------------------------------------------------------------------
    def _widen(self, changed: dict[Place, Any]) -> bool:
        """Let what leaves otherwise than it entered enter as a symbol. Whether something had to be widened."""
        widened = False
        for place, leaving in changed.items():
            before = self.before.get(place, MISSING)
            if before is MISSING or isinstance(before, Left) or place in self.unread:
                continue  # first bound within the loop
            if before is None and isinstance(leaving, Tensor) and place[0] >= 0 and self.ev.guards:
                self.unread[place] = Left("what the turn before has left", self.line, self.node)
                widened = True
                continue
            if isinstance(before, Either) or isinstance(leaving, Either):
                raise NotGeneral
            if isinstance(before, dict) and isinstance(leaving, Left):
                self.entering[place] = leaving  # as every turn but the first finds it
                widened = True
                continue
            if isinstance(leaving, Unknown) and (number(before) or isinstance(before, Tensor)):
                self.lost = True
            if (twin := rows.twin(place, changed, self.before)) in self.entering:
                widened |= self.entering.get(place) is not self.entering[twin]
                self.entering[place] = self.entering[twin]
            elif isinstance(before, Tensor) and isinstance(leaving, Tensor):
                widened |= self._widen_tensor(place, before, leaving)
            elif place not in self.entering and number(before) and number(leaving):
                self._carry((place, -1), spoken(place), before)
                self.entering[place] = self.sizes[place, -1].entering
                widened = True
            elif not (number(before) and number(leaving)) and not isinstance(leaving, Unknown):
                raise sums.refused(self, place, before, leaving)
        return widened

    def _widen_tensor(self, place: Place, before: Tensor, leaving: Tensor) -> bool:
        if before.rank != leaving.rank or before.dtype != leaving.dtype:
            raise NotGeneral
        if before.masking != leaving.masking or leaving.flattened or "ranks" in leaving.facts:
            raise NotGeneral
        entering = self.entering.get(place)
        shape = list(before.shape if entering is None else entering.shape)
        widened = entering is None or entering.layout is not leaving.layout
        for axis, (have, leaves) in enumerate(zip(shape, leaving.shape, strict=True)):
            if same(have, leaves) or have is None:
                continue
            if leaves is None:
                shape[axis] = None
            elif (place, axis) in self.sizes:
                continue
            else:
                self._carry((place, axis), size_name(axis, before.rank), before.shape[axis])
                shape[axis] = self.sizes[place, axis].entering
            widened = True
        if widened:
            fresh = Tensor(tuple(shape), before.dtype, leaving.layout, *before.masking)
            fresh.name = before.name
            self.entering[place] = fresh
        return widened

    def _carry(self, key: tuple[Place, int], name: str, before: Any) -> None:
        taken = {
            c.entering.args[0].name for one in (self, *self.ev.loops) for c in one.sizes.values()
        }
        taken |= {*self.scope.names, *(symbol.name for symbol in self.symbols)}
        if key[1] >= 0:
            while name in taken:
                name += "_"
        entering = Sym.of(Symbol(name, known(before), "carried"))
        after = Sym.of(Symbol(name, UNKNOWN, "carried", left_by=self.node))
        self.sizes[key] = Carried(before, entering, None, after)

    # -- afterwards -------------------------------------------------------------------------------
    def _finish(self, changed: dict[Place, Any]) -> None:
        """Find what kind of loop it is, and what its turns hand on."""
        deeper = {s for r in self.regions.values() for s in named_deeper(r.nodes)}
        for (place, axis), size in self.sizes.items():
            leaving = changed.get(place, self.entering[place])
            size.leaving = expand(leaving if axis < 0 else leaving.shape[axis], deeper)
        inner = set(self.symbols) | {c.entering.args[0] for c in self.sizes.values()}
        inner |= {s for e in self.filling.elements.values() for s in e.sizes.values()}
        own_body = self.regions[id(self.state.region)]
        held = held_layers(self, own_body)
        self.running = bool(held) or is_running(own_body, self.start, inner)
        told = self.layers is None and another_follows(self.targets, self.value) is not None
        handed = {p: t for p, t in changed.items() if isinstance(t, Tensor) and p in self.entering}
        lists = self.filling.collected(handed, inner, self.running or told)
        loop_samples.carry(self.items, self.targets, list(self.sizes.values()), self.filling, lists)
        changing = {c.entering.args[0] for c in self.sizes.values()} | set(self.symbols)
        for size in self.sizes.values():
            size.after.args[0].origin = afterwards(size, self.targets, self.value, changing)
        if self.running:
            running.check(self.ev, {} if held else self.sizes, lists, self.filling.elements)
        tensors = self._leave(changed, inner)
        if any(entry.changed for entry in self.entries):
            entries.spend(self.ev, self.node, self.scope, self.state, self.through)
        loop_ends.unbind(self)
        self._add(tensors, lists, held)

    def _add(
        self, tensors: dict[int, list[Carried]], lists: list[Collected], held: list[Held]
    ) -> None:
        """Put one node per region in place of the loop."""
        own_body = self.regions[id(self.state.region)]
        added = 0
        for region in self.state.regions():
            body = self.regions[id(region)]
            carried = tensors[id(region)]
            filled, left = (lists, self.left) if region is self.state.region else ([], [])
            if only_names(body) and not (region is self.state.region and self.sizes):
                continue
            leaves = [*(c.after for c in carried + left), *(c.after for c in filled)]
            runs = self.running and body is own_body
            if not only_names(body) and (
                self.lost or not leaves or not (runs or makes_modules(body.nodes))
            ):
                raise NotGeneral
            node = LoopNode(
                [c.before for c in carried],
                leaves,
                self.line,
                self.targets,
                self.value,
                body,
                carried,
                list(self.sizes.values()),
                self.order,
                comment=self.comment,
                file=self.ev.file,
                name=name_of(self),
                lists=filled,
                elements=list(self.filling.elements.values()),
                running=runs,
                left=left,
                held=held if runs else [],
                taken=[layers for layers, _ in self.taken],
                statement=self.node,
            )
            added += bool(body.nodes)
            region.add(node)
            if not runs:
                own(body, node, self.start)
        if not added and len(self.items or ()) < MANY_TURNS:
            raise NotGeneral

    def _leave(self, changed: dict[Place, Any], inner: set[Symbol]) -> dict[int, list[Carried]]:
        """Let every place hold what the last turn leaves in it. The tensors that are carried, by region."""
        state = self.state
        table = {c.entering.args[0]: c.after for c in self.sizes.values()}
        tensors: dict[int, list[Carried]] = {id(r): [] for r in state.regions()}
        for place, leaving in sorted(changed.items(), key=lambda c: c[0] not in self.entering):
            entering = self.entering.get(place)
            if (twin := rows.twin(place, changed, self.before)) in self.entering:
                state.put(place, state.places()[twin])
            elif isinstance(leaving, Tensor) and entering is not None:
                shape = tuple(substitute(d, table) for d in entering.shape)
                after = Tensor(shape, leaving.dtype, entering.layout, *leaving.masking)
                after.name = leaving.name
                region = state.region if place[0] >= 0 else state.ends[-1 - place[0]][1]
                tensors[id(region)].append(Carried(self.before[place], entering, leaving, after))
                state.put(place, after)
            elif (place, -1) in self.sizes:
                state.put(place, table[self.sizes[place, -1].entering.args[0]])
            else:
                ends = loop_ends.Ends(self, changed, inner, table, tensors)
                state.put(place, ends.of(place))
        return tensors
