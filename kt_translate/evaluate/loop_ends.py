"""What the names hold after a loop that its turns bind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import parts, rows, tensor_lists
from kt_translate.evaluate.last_turns import is_on_the_way
from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.loop_sizes import in_last_turn, number
from kt_translate.evaluate.state import NotGeneral, Place
from kt_translate.evaluate.values import Either, Unknown
from kt_translate.graph.lists import count
from kt_translate.graph.nodes import Carried
from kt_translate.graph.sym import Sym, Symbol, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import expand
from kt_translate.source.walk import names_in

if TYPE_CHECKING:
    from kt_translate.evaluate.loops import _General


def unbind(loop: _General) -> None:
    """After the loop, little is known of its variables. Raises NotGeneral where the source reads one."""
    if loop.layers is not None:
        for name in names_in(loop.node.target):
            loop.ev.bind(name, Unknown("the last layer of a list", loop.ev.line), loop.scope)
        return
    last = in_last_turn(loop.targets, loop.value)
    known = dict(zip(loop.bound, loop.symbols)) if len(loop.bound) == len(loop.symbols) else {}
    for name in loop.bound:
        asked = name in known and read_later(loop.ev, name)
        value = _afterwards(loop, name, last.get(known[name])) if asked else None
        if value is None:
            value = _left(loop, "the last value of a loop variable", name)
        loop.ev.bind(name, value, loop.scope)


def _afterwards(loop: _General, name: str, end: Any) -> Any:
    """What a loop's variable is after it: one of no turns leaves what was there. None where nothing says that."""
    places = [p for p in loop.before if 0 <= p[0] < loop.state.named and p[1] == name]
    if end is None or not places:
        return end
    before = loop.before[places[0]]
    if places != [(0, name)] or not number(before):
        return None
    turns = count(loop.value)
    if turns is None:
        return None
    whole = isinstance(known(end), int) and isinstance(known(before), int)
    if whole and same(before, Sym.binary("-", end, turns)):  # as if a turn had left that
        return end
    return Sym.choose(Sym.binary(">", turns, 0), end, before)


@dataclass
class Ends:
    """What the places hold after a loop that its turns bind, and that no turn takes."""

    loop: _General
    changed: dict[Place, Any]
    inner: set[Symbol]
    table: dict[Symbol, Any]
    carried: dict[int, list[Carried]]

    def of(self, place: Place) -> Any:
        """What is carried under another name, too, what stands for a tensor of the last turn, or what can be said."""
        leaving, loop = self.changed[place], self.loop
        if place[0] >= 0 and rows.is_row(leaving) and read_later(loop.ev, place[1]):
            row = [self._tensor(t, place) for t in leaving]
            if None not in row:
                return type(leaving)(row)
        found = self._tensor(leaving, place)
        if found is not None:
            return found
        if number(leaving):
            said = substitute(expand(leaving), in_last_turn(loop.targets, loop.value))
            if not symbols_in(said) & {*loop.symbols, *self.table}:
                return said
        if isinstance(leaving, Unknown) and not isinstance(leaving, Either):
            return leaving
        return _left(loop, "what the last turn of a loop leaves", place[1])

    def _tensor(self, leaving: Any, place: Place) -> Any:
        for one in chain(self.loop.left, *self.carried.values()):
            if one.leaving is leaving:
                return one.after
        lasting = self._lasting(leaving, place)
        if lasting is not None:
            self.loop.left.append(Carried(None, None, leaving, lasting))
        return lasting

    def _lasting(self, leaving: Any, place: Place) -> Tensor | None:
        """What stands for a tensor of the last turn that is read afterwards; None for any other.

        Not for one with layers of its own behind it: Keras leaves out those of the turns before.
        """
        loop, changed = self.loop, self.changed
        if place[0] < 0 or type(leaving) is not Tensor or leaving.mask is not None:
            return None
        if leaving.flattened is not None or not leaving.facts.keys() <= {"lambda"}:
            return None
        last = in_last_turn(loop.targets, loop.value)
        shape = tuple(
            substitute(expand(d), last) if symbols_in(d) & self.inner else d for d in leaving.shape
        )
        if symbols_in(shape) & self.inner:
            return None
        if not loop.running:
            nodes = loop.regions[id(loop.state.region)].nodes
            handed = [t for p, t in changed.items() if isinstance(t, Tensor) and p in loop.entering]
            added = [t for items in loop.filling.added.values() for t in items if type(t) is Tensor]
            kept = parts.behind(nodes, [*handed, *added])
            if not is_on_the_way(nodes, leaving, kept) or not read_later(loop.ev, place[1]):
                return None
        return Tensor(shape, leaving.dtype, leaving.layout, name=leaving.name)


def _left(loop: _General, why: str, name: str) -> Unknown:
    """What a name holds that only the last turn tells. Raises NotGeneral where it is read and no way leads back."""
    if not loop.ev.guards and read_later(loop.ev, name):
        raise NotGeneral
    return tensor_lists.left_by_last(loop.ev, why, loop.node)
