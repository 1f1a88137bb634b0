"""Loops of which the first or the last turn is another one: ``if i == 0:``, ``return_sequences=i < depth - 1``.

All other turns are kept as a loop, in which comparisons of their number are decided; the one that differs comes
before or after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import loops
from kt_translate.evaluate.signals import Break, Signal
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import Scope, items_of
from kt_translate.graph.last_turn import told_by_turn
from kt_translate.graph.lists import count
from kt_translate.graph.sym import Items, Sym, call_symbolic, same
from kt_translate.source.walk import bound_in, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


@dataclass
class Apart:
    """A loop whose first or last turn is run apart."""

    first: bool
    number: Any  # of that turn
    item: Any  # what the loop's variables hold in it
    others: Any  # what the other turns go through
    turns: Any
    node: cst.For
    scope: Scope
    place: str  # the variable that counts

    def told(self, ev: Interpreter, test: Any) -> bool | None:
        """What a comparison of the turn at hand's number is, if the loop tells it."""
        number = self.scope.names.get(self.place)
        turning = {s for loop in ev.loops if loop.node is self.node for s in loop.symbols}
        if same(number, self.number) or (isinstance(number, Sym) and number.symbols & turning):
            return told_by_turn(test, number, self.number, self.first)
        return None


def run_for(ev: Interpreter, node: cst.For, scope: Scope, value: Any) -> bool:
    """Keep such a loop. False where it is none, or cannot be kept; nothing has changed then."""
    place, empty = _place(node), begins_empty(node, scope)
    if place is None or not (empty or _compares(node, place)) or node.orelse is not None:
        return False
    for first in (True,) if empty else (False, True):
        loop = _split(value, first, (node, scope, place))
        state = State(ev, scope)
        if loop is not None and _run(ev, node, scope, loop):
            ev.demands.append((Sym.binary("<", loop.turns, 1), False))
            return True
        state.restore()
    return False


def begins_empty(node: cst.For, scope: Scope) -> bool:
    """Whether a name is None before the first turn, which asks that, and not before the others."""
    return any(scope.names.get(name, node) is None for name in _may_be_none(node))


def _run(ev: Interpreter, node: cst.For, scope: Scope, loop: Apart) -> bool:
    def apart() -> bool:
        ev.assign(node.target, loop.item, scope)
        try:
            ev.suite(node.body, scope)
        except Break:
            return not loop.first
        return True

    def others() -> bool:
        return loops.run_for(ev, node, scope, loop.others)

    ev.apart.append(loop)
    line = ev.line
    try:
        for run in (apart, others) if loop.first else (others, apart):
            ev.line = line
            if not run():
                return False
    except (Signal, NotGeneral):
        return False
    finally:
        ev.apart.pop()
    return True


def _split(value: Any, first: bool, where: tuple[cst.For, Scope, str]) -> Apart | None:
    """The first or last item of what a loop goes through, and the others; None where they have no words."""
    if isinstance(value, Sym) and value.head == "call" and value.args[0] == "range":
        start, stop, *step = value.args[1:] if len(value.args) > 2 else (0, value.args[1])
        last = Sym.binary("-", stop, 1)
        number = start if first else last
        rest = (Sym.binary("+", start, 1), stop) if first else (start, last)
        bounds = rest[1:] if rest[0] == 0 else rest
        others = call_symbolic("range", *bounds)
        return None if step else Apart(first, number, number, others, count(value), *where)
    if isinstance(value, Items) and value.function == "enumerate" and len(value.args) == 1:
        listed = value.args[0]
        if not isinstance(listed, Sym) or not isinstance(listed.value, (list, tuple)):
            return None
        turns = count(listed)
        rest = Sym.index(listed, slice(1, None, None) if first else slice(None, -1, None))
        pairs = list(enumerate(items_of(rest, None) or (), int(first)))
        number = 0 if first else Sym.binary("-", turns, 1)
        item = (number, Sym.index(listed, 0 if first else -1))
        counted = Items(pairs, "enumerate", (rest, 1) if first else (rest,))
        return Apart(first, number, item, counted, turns, *where)
    return None


def _place(node: cst.For) -> str | None:
    """The variable that counts the turns."""
    target = node.target.elements[0].value if isinstance(node.target, cst.Tuple) else node.target
    return target.value if isinstance(target, cst.Name) else None


@lru_cache(maxsize=1024)
def _compares(node: cst.For, place: str) -> bool:
    """Whether the turns compare their number with something."""
    parts = (part for part in walk(node.body) if isinstance(part, cst.Comparison))
    return any(place in names_in(part) for part in parts)


@lru_cache(maxsize=1024)
def _may_be_none(node: cst.For) -> frozenset[str]:
    """The names of which the turns ask whether they are None, and that they bind."""
    tests = (part for part in walk(node.body) if isinstance(part, cst.Comparison))
    asked = (t.left.value for t in tests if isinstance(t.left, cst.Name) and _is_of_none(t))
    return frozenset(asked) & bound_in(node.body)


def _is_of_none(test: cst.Comparison) -> bool:
    return test.comparisons[0].comparator.deep_equals(cst.Name("None"))
