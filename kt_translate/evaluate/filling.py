"""What a loop that is kept does to lists of tensors: it adds to some in each turn, and takes from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import last_items, last_turns, parts
from kt_translate.evaluate.loop_sizes import number, size_name
from kt_translate.evaluate.state import NotGeneral, Place, State
from kt_translate.evaluate.tensor_lists import Growing, Joined, Shrinking, Spent, When
from kt_translate.graph.lists import (
    Collected,
    Element,
    Pick,
    Rows,
    Some,
    TensorList,
    count,
    singular,
    some_of,
)
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, key_of, known, same, symbols_in
from kt_translate.graph.tensor import Many, Tensor
from kt_translate.graph.terms import closed, expand

if TYPE_CHECKING:
    import libcst as cst

    from kt_translate.evaluate.interpreter import Interpreter


class Filling:
    """The lists that the turns of one loop fill and empty."""

    def __init__(self, ev: Interpreter, node: cst.For, state: State, value: Any) -> None:
        self.ev = ev
        self.node = node
        self.state = state
        self.value = value  # that the loop goes through
        self.growing: dict[int, list[Any]] = {}  # with what was in them before
        self.shrinking: dict[int, Some] = {}
        self.growers: dict[int, Growing] = {}
        self.added: dict[int, list[Any]] = {}  # in a turn: tensors, or rows of them
        self.elements: dict[Any, Element] = {}
        self.region: Region | None = None  # of the turn
        self.names = {
            id(v): k
            for space in state.spaces[: state.named]
            for k, v in space.items()
            if isinstance(v, list) and k[0] != "_"
        }

    # -- a turn ---------------------------------------------------------------------------------
    def enter(self) -> None:
        """Let the lists that a turn changes hold what stands for any turn."""
        self.elements = {}
        for container, _ in self.state.containers:
            if id(container) in self.growing:
                name = self.names.get(id(container))
                spaces = [s for s in self.state.spaces[: self.state.named] if name in s]
                growing = self.growers[id(container)] = Growing(name, spaces[0] if spaces else {})
                container[:] = [growing]
            elif id(container) in self.shrinking:
                some = self.shrinking[id(container)]
                container[:] = [Shrinking(some, self._pop)]

    def leave(self) -> bool:
        """Look at what the turn did to the lists. Whether it has to be run again, knowing that."""
        found = False
        last_items.follow(self.state, self.names)
        for container, copy in self.state.containers_touched():
            if not isinstance(container, list):
                raise NotGeneral
            some, now = some_of(copy), some_of(container)
            if id(container) in self.growing:
                self.added[id(container)] = _added(container[1:])
            elif id(container) in self.shrinking:
                if not isinstance(container[0], Shrinking) or len(container) != 1:
                    raise NotGeneral
            elif some is not None and now is not None and now.tensors is some.tensors:
                self.shrinking[id(container)] = some.copied() if self._is_seen(container) else some
                found = True
            else:
                n = len(copy)
                if len(container) <= n or any(
                    a is not b for a, b in zip(container, copy, strict=False)
                ):
                    raise NotGeneral
                rows = isinstance(_added(container[n:])[0], (list, tuple))
                if _before(copy) and rows:
                    raise NotGeneral
                if not self.ev.guards:
                    raise NotGeneral
                self.growing[id(container)] = copy
                found = True
        return found

    def _is_seen(self, container: list[Any]) -> bool:
        """Whether other lists are views of this one: they keep what the turns take."""
        tensors = container[0].tensors
        names = [v for s in (self.ev.module, *self.ev.running) for v in s.names.values()]
        views = [some for v in names if v is not container and (some := some_of(v)) is not None]
        return any(some.tensors is tensors for some in views)

    def takes(self, some: Some, key: Any) -> Tensor:
        """The tensor at a place that depends on the turn."""
        if CURRENT[-1] is not self.region or not self._takes_all(some):
            raise NotGeneral
        known_as = (id(some.tensors), key_of(some.view), key_of(key))
        if known_as not in self.elements:
            self.elements[known_as] = element(some, singular(some.tensors.name), key)
        return self.elements[known_as].tensor

    def each(self, pick: Pick, name: str) -> Element:
        """The tensor that the loop's variable is."""
        if not self._takes_all(pick.source):
            pick.refuse()
        made = self.elements[object()] = element(pick.source, name)
        return made

    def _pop(self, owner: list[Any]) -> Tensor:
        if CURRENT[-1] is not self.region or id(owner) in self.elements:
            raise NotGeneral
        some = owner[0].some
        if not self._takes_all(some):
            some.refuse()
        made = element(some, singular(some.tensors.name))
        made.pops = True
        self.elements[id(owner)] = made
        return made.tensor

    def _takes_all(self, some: Some) -> bool:
        """Whether all tensors of the list are part of the model: otherwise Keras leaves out what only makes the others."""
        return some.tensors.on_the_way or (
            some.count is not None and same(some.count, count(self.value))
        )

    # -- afterwards -----------------------------------------------------------------------------
    def collected(
        self, handed: dict[Place, Tensor], inner: set[Symbol], spared: bool
    ) -> list[Collected]:
        """The lists as they are after the loop. It hands on tensors; ``inner``: what changes from turn to turn.

        Raises NotGeneral where the last turn makes layers that Keras leaves out. ``spared``: it will make none of these.
        """
        made: list[Collected] = []
        nodes = self.region.nodes if self.region is not None else []
        behind = parts.behind(nodes, list(handed.values()))
        for container, _ in self.state.containers:
            if id(container) in self.growing:
                before = _before(self.growing[id(container)])
                name, how = self.names.get(id(container)), self.growers[id(container)].how
                added = self.added[id(container)]
                if not isinstance(added[0], (list, tuple)):
                    try:
                        made.append(self._collect(name, before, added, inner, behind))
                    except NotGeneral:
                        if how is None:
                            raise
                        container[:] = [Joined(how, self.node)]
                        continue
                    after = made[-1].after
                    after.how = how
                    container[:] = [Some(after, Sym.of(after.symbol))]
                    continue
                columns: list[Some | None] = []
                for k, column in enumerate(zip(*added, strict=True)):
                    try:
                        made.append(self._collect(f"{name}_{k}", [], list(column), inner, behind))
                        columns.append(Some(made[-1].after, Sym.of(made[-1].after.symbol)))
                    except NotGeneral:
                        columns.append(None)
                container[:] = [Rows(columns, type(added[0]), [self.node])]
            elif id(container) in self.shrinking:
                container[:] = [Spent(self.shrinking[id(container)])]
        if not spared and last_turns.leaves_out(self.ev, nodes, handed, made):
            raise NotGeneral
        return made

    def _collect(
        self,
        name: str | None,
        before: list[Tensor],
        added: list[Any],
        inner: set[Symbol],
        behind: set[int],
    ) -> Collected:
        """One list after the loop, that had ``before`` in it. ``behind``: what the tensors that are handed on are made of."""
        tests = [expand(t.test) if isinstance(t, When) else None for t in added]
        if any(s.kind == "carried" for s in symbols_in(tests)):
            raise NotGeneral  # known in the constructor only
        one = _collected(
            name, before, _tensors([t.tensor if isinstance(t, When) else t for t in added]), inner
        )
        one.tests = tests
        one.after.loops = [self.node, *(n for t in before for n in _loops(t))]
        if not any(tests):
            one.after.count = _count(before, count(self.value), len(one.leaving))
        listed = not one.before or getattr(one.before[0], "on_the_way", True)
        made = self.region.nodes if self.region is not None else []
        one.after.on_the_way = listed and all(
            last_turns.is_on_the_way(made, t, behind) for t in one.leaving
        )
        return one


def element(some: Some, name: str, key: Any = None) -> Element:
    """A tensor of the list, for the body of a loop: its sizes are symbols."""
    source = some.tensors
    sizes = {
        axis: Symbol(f"{name}_{size_name(axis, source.rank)}", UNKNOWN, "carried")
        for axis in source.sizes
    }
    shape = tuple(
        Sym.of(sizes[axis]) if axis in sizes else d for axis, d in enumerate(source.shape)
    )
    tensor = Tensor(shape, source.dtype, source.layout, name=name)
    made = Element(tensor, some, key, sizes=sizes)
    for axis, symbol in sizes.items():
        samples = known(some.along(axis))
        at = 0 if key is None else known(key)
        if samples is not UNKNOWN and samples and at is not UNKNOWN:
            symbol.value = samples[at]
    return made


def _added(items: list[Any]) -> list[Any]:
    """What a turn adds: tensors, perhaps under a condition, or rows of one form."""
    rows = [v for v in items if isinstance(v, (list, tuple))]
    if rows and (
        len(rows) < len(items) or len({(type(r), len(r)) for r in rows}) > 1 or not rows[0]
    ):
        raise NotGeneral
    if not rows:
        _tensors([v.tensor if isinstance(v, When) else v for v in items])
    return items


def _tensors(items: list[Any]) -> list[Tensor]:
    if not items or not all(type(t) is Tensor for t in items):
        raise NotGeneral
    return items


def _before(items: list[Any]) -> list[Tensor]:
    some = some_of(items)
    if some is not None and some.view.head == "symbol":
        return [some.tensors]
    if any(isinstance(i, Many) or type(i) is not Tensor for i in items):
        raise NotGeneral
    return list(items)


def _loops(tensor: Tensor) -> list[Any]:
    return tensor.loops if isinstance(tensor, TensorList) else []


def _count(before: list[Tensor], turns: Any, each: int) -> Any:
    start: Any = 0
    for tensor in before:
        start = Sym.binary("+", start, tensor.count if isinstance(tensor, TensorList) else 1)
    return None if turns is None else Sym.binary("+", Sym.binary("*", each, turns), start)


def _collected(
    name: str | None, before: list[Tensor], leaving: list[Tensor], inner: set[Symbol]
) -> Collected:
    first = leaving[0]
    for tensor in before + leaving:
        if (tensor.rank, tensor.dtype, tensor.layout) != (first.rank, first.dtype, first.layout):
            raise NotGeneral
        if tensor.mask is not None or tensor.flattened is not None or "ranks" in tensor.facts:
            raise NotGeneral
    if not first.rank or any(isinstance(t, TensorList) for t in before[1:]):
        raise NotGeneral
    after = TensorList((), first.dtype, first.layout, name=name)
    after.symbol = Symbol(name or "tensors", UNKNOWN, "list")
    made = Collected(before, leaving, after, [None] * len(leaving))
    shape: list[Any] = [first.shape[0]]
    for axis in range(1, first.rank):
        shape.append(_size(made, name, axis, inner))
    after.shape = tuple(shape)
    return made


def _size(made: Collected, name: str | None, axis: int, inner: set[Symbol]) -> Any:
    """The size of all tensors of a list along an axis; None, and a list of them, where they differ."""
    start = [_listed(t, axis) for t in made.before]
    turn = [closed(t.shape[axis]) for t in made.leaving]
    if any(d is None for d in start + turn):
        return None
    first = turn[0]
    listed = isinstance(made.before[0], TensorList) if made.before else False
    if all(same(d, first) for d in start + turn) and not symbols_in(first) & inner:
        return first
    if any(s.kind == "carried" and s not in inner for d in turn for s in symbols_in(closed(d))):
        raise NotGeneral
    if not all(map(number, turn)) or (listed and axis not in made.before[0].sizes):  # type: ignore[attr-defined]
        raise NotGeneral
    symbol = Symbol(
        f"{singular(name)}_{size_name(axis, len(made.leaving[0].shape))}", UNKNOWN, "carried"
    )
    made.after.sizes[axis] = symbol
    made.sizes[axis] = (start, turn)
    return None


def _listed(tensor: Tensor, axis: int) -> Any:
    if isinstance(tensor, TensorList) and axis in tensor.sizes:
        return Sym.of(tensor.sizes[axis])
    return tensor.shape[axis]
