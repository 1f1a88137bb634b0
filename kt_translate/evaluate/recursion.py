"""Functions of the source that call themselves: the sample of what they count down tells how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.signals import MAX_DEPTH, LimitReached, TooDeep
from kt_translate.evaluate.values import Function
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.sym import UNKNOWN, Sym, known, same
from kt_translate.source.walk import names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


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
