"""Loops whose last turn is another one: ``return_sequences=i < depth - 1``.

All turns but the last are kept as a loop, in which the comparison is decided; the last one follows it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import loops
from kt_translate.evaluate.values import Scope, items_of
from kt_translate.graph.lists import count
from kt_translate.graph.sym import Items, Sym, call_symbolic
from kt_translate.source.walk import names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run_for(ev: Interpreter, node: cst.For, scope: Scope, value: Any) -> bool:
    """Keep such a loop. False where it is none, or cannot be kept; nothing has changed then."""
    place, parts = _place(node), _split(value)
    if place is None or parts is None or node.orelse is not None:
        return False
    before, last, turns = parts
    ev.apart.append((scope, place, last))
    try:
        if not loops.run_for(ev, node, scope, before):
            return False
        ev.demands.append((Sym.binary("<", turns, 1), False))
        single = isinstance(node.target, cst.Name)
        ev.assign(node.target, last if single else (last, Sym.index(value.args[0], -1)), scope)
        ev.suite(node.body, scope)
    finally:
        ev.apart.pop()
    return True


def _split(value: Any) -> tuple[Any, Any, Any] | None:
    """All items but the last, the number of the last turn, and how many turns there are."""
    if isinstance(value, Sym) and value.head == "call" and value.args[0] == "range":
        bounds = value.args[1:]
        if len(bounds) > 2:
            return None
        last = Sym.binary("-", bounds[-1], 1)
        return call_symbolic("range", *bounds[:-1], last), last, count(value)
    if isinstance(value, Items) and value.function == "enumerate" and len(value.args) == 1:
        listed = value.args[0]
        if isinstance(listed, Sym) and isinstance(listed.value, (list, tuple)):
            rest = Sym.index(listed, slice(None, -1, None))
            pairs = list(enumerate(items_of(rest, None) or ()))
            turns = call_symbolic("len", listed)
            return Items(pairs, "enumerate", (rest,)), Sym.binary("-", turns, 1), turns
    return None


@lru_cache(maxsize=1024)
def _place(node: cst.For) -> str | None:
    """The number of the turn, where the body compares it with something."""
    target = node.target.elements[0].value if isinstance(node.target, cst.Tuple) else node.target
    if not isinstance(target, cst.Name):
        return None
    compares = any(
        isinstance(part, cst.Comparison) and target.value in names_in(part)
        for part in walk(node.body)
    )
    return target.value if compares else None
