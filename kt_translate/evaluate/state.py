"""What a piece of the source can change, so that it can be tried, undone, and compared.

Names of the scopes at hand, attributes of the instances in them, items of dicts, and the ends of the Sequential
models that are growing are *places*; lists must come out as they went in, and dicts with the keys that they had.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import unmasking
from kt_translate.evaluate.counters import may_count
from kt_translate.evaluate.values import Array, Either, Instance, ModelValue, Scope
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import Sym, same

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Place = tuple[int, Any]  # a space, and a name or key in it
MISSING = object()


def spoken(place: Place) -> str:
    """A name for what a place holds: that of the source, for an item of a dict its key."""
    name = re.sub(r"\W+", "_", str(place[1]))
    return name if name.isidentifier() and not iskeyword(name) else "setting"


@dataclass(frozen=True)
class Part:
    """A tensor of the list or tuple that a name holds, as a place."""

    name: Any
    index: int

    def __str__(self) -> str:
        return f"{self.name}_{self.index}"


def named_at(place: Place) -> str:
    """The name that holds what a place holds; of a list of which all items are joined, the list's."""
    return str(place[1].name if isinstance(place[1], Part) else place[1]).removesuffix("[:]")


class NotGeneral(BaseException):
    """A branch or a loop cannot be kept: the evaluator falls back on the values of its samples.

    Not an Exception: what guards against errors of the source must let it through.
    """


def refuse_turns(value: Sym) -> None:
    """Raise where a value hangs on the turn of a loop. One that is done is unrolled for what its last turn leaves."""
    if turns := [s for s in value.symbols if s.kind in ("loop", "carried")]:
        left_by = [s.left_by for s in turns]
        raise NotGeneral if None in left_by else LeftOpen(left_by)


class State:
    """The places and containers that are in reach, as they are at the moment of construction."""

    def __init__(self, ev: Interpreter, scope: Scope) -> None:
        self.ev = ev
        self.kind = scope.kind
        self.spaces = list(spaces_of(scope))
        if scope.kind != "module" and may_count(ev.source.text):
            self.spaces.append(scope.module.names)  # in which functions count
        self.named = len(self.spaces)  # those that follow are dicts
        self.containers = [(c, _copy(c)) for c in containers_in(self.spaces)]
        self.spaces += [c for c, _ in self.containers if isinstance(c, dict)]
        self.before = [dict(space) for space in self.spaces]
        growing = [m for m in ev.models if m.kind == "sequential"]
        self.waiting = [m for m in growing if m.outputs is None]  # for their inputs
        self.containers += [(c, _copy(c)) for m in self.waiting for c in (m.layers, m.deferred)]
        self.models = [m for m in growing if m.outputs is not None]
        self.attributes = [(m, dict(m.attributes)) for m in growing]
        self.ends = [
            (m.outputs, m.region, len(m.region.nodes), list(m.layers)) for m in self.models
        ]
        self.made = (len(ev.models), len(ev.demands), len(ev.compiled), list(ev.log.diagnostics))
        self.assumed, self.unmasked = len(ev.assumed), len(ev.unmasked)
        self.errors = ev.log.errors
        self.sought = (ev.hidden, set(ev.picked))  # which layers were asked for that classes hold
        self.region = CURRENT[-1]
        self.length = len(self.region.nodes)

    def regions(self) -> list[Region]:
        """The regions that may grow here: the one at hand, and each Sequential's."""
        return [self.region, *(end[1] for end in self.ends if end[1] is not self.region)]

    def places(self) -> dict[Place, Any]:
        """The value of every place, now."""
        found = {(i, k): v for i, space in enumerate(self.spaces) for k, v in space.items()}
        return found | {(-1 - i, ""): m.outputs for i, m in enumerate(self.models)}

    def put(self, place: Place, value: Any) -> None:
        index, key = place
        if index < 0:
            self.models[-1 - index].outputs = value
        elif value is MISSING:
            self.spaces[index].pop(key, None)
        elif isinstance(key, Part):
            row = self.spaces[index][key.name]
            parts = [value if i == key.index else t for i, t in enumerate(row)]
            self.spaces[index][key.name] = type(row)(parts)
        else:
            self.spaces[index][key] = value

    def is_item(self, place: Place) -> bool:
        """Whether a place is an item of a dict."""
        return place[0] >= self.named

    def set_names(self, places: dict[Place, Any]) -> None:
        """Make every place what ``places`` says."""
        for place in {**self.places(), **places}:
            self.put(place, places.get(place, MISSING))

    def restore(self, but_demands: bool = False) -> None:
        """Undo everything; what was taken for granted stays where the next run builds on what it told."""
        for space, before in zip(self.spaces, self.before, strict=True):
            space.clear()
            space.update(before)
        for container, copy in self.containers:
            _refill(container, copy)
        for model, (outputs, region, length, layers) in zip(self.models, self.ends, strict=True):
            model.outputs, model.region = outputs, region
            model.layers[:] = layers
            del region.nodes[length:]
        for model in self.waiting:
            model.inputs = model.outputs = None
            model.begun = False
            model.region.nodes.clear()
        for model, attributes in self.attributes:
            model.attributes = attributes
        models, demands, compiled, diagnostics = self.made
        demands = len(self.ev.demands) if but_demands else demands
        del self.ev.models[models:], self.ev.demands[demands:], self.ev.compiled[compiled:]
        del self.ev.assumed[self.assumed :]
        unmasking.put_back(self.ev, self.unmasked)
        self.ev.log.diagnostics[:], self.ev.log.errors = diagnostics, self.errors
        self.ev.hidden, self.ev.picked = self.sought[0], set(self.sought[1])
        del self.region.nodes[self.length :]
        self.region.arrays.clear()

    def containers_touched(self) -> list[tuple[Any, Any]]:
        """The lists that are not as they were, and dicts with other keys, each with what it was.

        A Sequential that has its input has no layers that wait for it, whichever branch gave it.
        """
        begun = {id(model.deferred) for model in self.started()}
        touched = [(c, copy) for c, copy in self.containers if not _alike(c, copy)]
        return [(c, copy) for c, copy in touched if id(c) not in begun]

    def started(self) -> list[ModelValue]:
        """The Sequentials that have their input since, and waited for one."""
        return [model for model in self.waiting if model.outputs is not None]

    def failed(self) -> bool:
        """Whether errors were reported since."""
        return self.ev.log.errors > self.errors

    @contextmanager
    def elsewhere(self) -> Iterator[dict[int, Region]]:
        """Let what is built within go to regions of its own: one for each of `regions`, by its id."""
        fresh = {id(r): Region(parent=r) for r in self.regions()}
        for model in self.models:
            model.region = fresh[id(model.region)]
        CURRENT.append(fresh[id(self.region)])
        try:
            yield fresh
        finally:
            CURRENT.pop()
            for model, end in zip(self.models, self.ends, strict=True):
                model.region = end[1]


def spaces_of(scope: Scope) -> Iterator[dict[str, Any]]:
    """The names of the scopes from here out (a module's only where its own code runs), and its instances' attributes."""
    at: Scope | None = scope
    seen: set[int] = set()
    while at is not None and (at.kind != "module" or at is scope):
        yield at.names
        for value in list(at.names.values()):
            if isinstance(value, Instance) and id(value) not in seen:
                seen.add(id(value))
                yield value.attributes
        at = at.parent


def containers_in(spaces: list[dict[str, Any]]) -> Iterator[Any]:
    stack = [value for space in spaces for value in space.values()]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        if isinstance(value, Either):
            stack += [value.then, value.orelse]
        if isinstance(value, Array) and value.step is not None and id(value) not in seen:
            seen.add(id(value))
            yield value
        elif isinstance(value, (list, dict)) and id(value) not in seen:
            seen.add(id(value))
            yield value
            stack += value.values() if isinstance(value, dict) else value


def _copy(container: Any) -> Any:
    if isinstance(container, Array):
        return container.step, container.puts, container.shape
    return dict(container) if isinstance(container, dict) else list(container)


def _alike(container: Any, copy: Any) -> bool:
    if isinstance(container, Array):
        return container.step is copy[0]
    if isinstance(container, dict):
        return bool(container.keys() == copy.keys())
    if len(container) != len(copy):
        return False
    return all(v is w or same(v, w) for v, w in zip(container, copy, strict=True))


def _refill(container: Any, copy: Any) -> None:
    if isinstance(container, Array):
        container.step, container.puts, container.shape = copy
    elif isinstance(container, dict):
        container.clear()
        container.update(copy)
    else:
        list.__setitem__(container, slice(None), copy)
