"""Functions of the source that call themselves.

One whose condition says where it ends becomes a class that holds itself, as long as its result is as large as can be said
of its arguments alone. Else the sample of what it counts down tells how often it is run in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import general
from kt_translate.evaluate.exposed import name_of, with_channels
from kt_translate.evaluate.signals import MAX_DEPTH, LimitReached, TooDeep
from kt_translate.evaluate.values import Function
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.nodes import CallNode, Plan
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, same, substitute
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.graph.terms import closed
from kt_translate.source.walk import names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

TRIES = 5  # of what the result may be
LONG = 6  # operations: a size that takes more is read off the class


@dataclass
class Itself:
    """The class of a function, for the calls of it within."""

    result: Tensor | None = None  # that these are taken to give, in terms of the class
    exposes: bool = False  # the channels of that as an attribute
    is_open: bool = False  # for nothing else says them
    plan: Plan | None = None
    calls: list[dict[Symbol, Any]] = field(default_factory=list)
    """What the symbols of the class are in each."""


def settled(ev: Interpreter, key: Any, make: Callable[[Itself | None], Plan | None]) -> Plan | None:
    """The class that ``make`` gives. Of one that holds itself, the result is as the calls within take it to be.

    At first that is taken to be as large as the input.
    """
    itself = Itself()
    for tried in range(TRIES):
        ev.itself[key] = itself
        try:
            plan = make(itself)
        finally:
            del ev.itself[key]
        if not itself.calls:
            return plan
        if plan is None or not isinstance(plan.result, Tensor) or not _holds(plan, itself.calls):
            break
        plan.holds_itself = True
        alike = _alike(plan.result, _expected(itself), but_channels=itself.is_open)
        channels = closed(plan.result.channels)
        is_long = isinstance(channels, Sym) and channels.weight > LONG
        if alike and (itself.exposes or not is_long):
            return plan
        is_open = itself.is_open or (not alike and tried > 1)
        if not alike and tried == 1 and isinstance(channels, Sym) and channels.head == "if":
            channels = min(channels.args[1:], key=lambda c: len(str(c)))  # where it ends
        itself = Itself(with_channels(plan.result, channels), alike or is_open, is_open)
    return make(None)


def call_within(ev: Interpreter, function: Function, key: Any, bound: dict[str, Any]) -> Any:
    """What a function gives that calls itself; NotImplemented where no condition says whether it does.

    None where it does not. The order in which it has a sequence does not matter: its class turns that round.
    """
    itself = next((i for k, i in ev.itself.items() if _turned(k) == _turned(key)), None)
    plan = itself.plan if itself is not None else None
    if itself is None or plan is None or CURRENT[-1] is plan.region:
        return NotImplemented if key in ev.under_way else None
    plan.result = _expected(itself)
    plan.exposed = {name_of(plan.result): None} if itself.exposes else {}
    table = general.table_of(plan, bound)
    itself.calls.append(table)
    result = general.called(ev, plan, table, bound, function, itself.is_open)
    node = CURRENT[-1].nodes[-1]
    assert isinstance(node, CallNode)
    node.itself = True
    return result


def _turned(key: Any) -> Any:
    """What stands for calls that share a class, whatever the layouts of their sequences."""
    if isinstance(key, tuple):
        is_sequence = key[:1] == ("tensor",) and len(key[-1]) == 3
        return tuple(_turned(k) for k in key if not (is_sequence and isinstance(k, Layout)))
    return key


def _expected(itself: Itself) -> Tensor:
    """What the calls within are taken to give."""
    assert itself.plan is not None
    like = itself.result or itself.plan.inputs[0]
    return Tensor(tuple(closed(d) for d in like.shape), like.dtype, like.given_layout)


def _alike(one: Tensor, other: Tensor, but_channels: bool) -> bool:
    """Whether both results are the same whatever the arguments."""
    kinds = [(t.dtype, t.given_layout, t.rank) for t in (one, other)]
    pairs = list(zip(one.shape, other.shape, strict=False))[: -1 if but_channels else None]
    return kinds[0] == kinds[1] and all(same(closed(a), closed(b)) for a, b in pairs)


def _holds(plan: Plan, calls: list[dict[Symbol, Any]]) -> bool:
    """Whether what a class takes for granted is so in the calls within, too."""
    for table in calls:
        for said, value in plan.demands:
            there = substitute(said, table)
            if not same(there, said) and (isinstance(there, Sym) or not same(there, value)):
                return False
    return True


def enter(ev: Interpreter, function: Function, names: dict[str, Any]) -> None:
    """Before a function is run: within itself, the conditions on what it is handed otherwise now are decided."""
    if len(ev.running) >= MAX_DEPTH:
        raise TooDeep(f"{function.name} calls itself more than {MAX_DEPTH} levels deep")
    calls = (s.given for s in reversed(ev.running) if s.function.node is function.node)  # type: ignore[union-attr]
    outer = next(calls, None)
    if outer is None:
        return
    counted = {
        n for n, v in names.items() if isinstance(v, Sym) and not same(v, outer.get(n, UNKNOWN))
    }
    tests = {test: counted & names_in(test.test) for test in _tests(function.node)}
    left = [test for test, asked in tests.items() if asked]
    if left and not ev.decided.issuperset(left):
        raise LeftOpen(left)
    for name in sorted(set().union(*tests.values())):
        for symbol in sorted(names[name].symbols, key=lambda s: s.name):
            if known(ev.demand(Sym.of(symbol), "how often a function calls itself")) is UNKNOWN:
                raise LimitReached(f"how often {function.name} calls itself is not known")


def _tests(node: Any) -> list[cst.If | cst.IfExp]:
    """The conditions in a function."""
    return [n for n in walk(node) if isinstance(n, (cst.If, cst.IfExp))]
