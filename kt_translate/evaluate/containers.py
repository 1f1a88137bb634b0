"""Lists, tuples, dicts and comprehensions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    copies,
    expressions,
    filling_comprehensions,
    growing,
    indexing,
    layer_lists,
)
from kt_translate.evaluate.lengths import demand_length
from kt_translate.evaluate.loop_sizes import free_name
from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.values import Scope, Unknown, items_of, plain
from kt_translate.graph.conditions import depends
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import UNKNOWN, Items, Sym, Symbol, known
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import expand

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def elements(
    ev: Interpreter, elements: Sequence[Any], scope: Scope, opened: bool = False
) -> list[Any]:
    """The items of a display; ``opened``: of ``*b``, lists of layers may stay open."""
    read = expressions.handed_on if opened else expressions.evaluate
    out: list[Any] = []
    for element in elements:
        if not isinstance(element, cst.StarredElement):
            out.append(expressions.evaluate(ev, element.value, scope))
            continue
        value = read(ev, element.value, scope)
        layers = growing.parts(value) if opened else None
        out += _items(ev, layer_lists.settled(ev, value)) if layers is None else layers
    return out


def _items(ev: Interpreter, value: Any) -> list[Any]:
    demand_length(ev, value, "the length of a list")
    items = items_of(value, None)
    return [_any_number(ev)] if items is None else items


def _any_number(ev: Interpreter) -> Unknown:
    return Unknown("items of what is not known", ev.line, many=True)


def dictionary(ev: Interpreter, node: Any, scope: Scope, read: Any = None) -> Any:
    """A dict display, with its values as ``read`` has them."""
    read = read or expressions.evaluate
    out: dict[Any, Any] = {}
    for element in node.elements:
        if isinstance(element, cst.StarredDictElement):
            value = expressions.evaluate(ev, element.value, scope)
            value = copies.items_said(ev, value, out)
            if not isinstance(value, dict):
                return Unknown("a dict of what is not known", ev.line)
            out.update(value)
        else:
            key = indexing.settled_key(ev, expressions.evaluate(ev, element.key, scope))
            try:
                out[key] = read(ev, element.value, scope)
            except TypeError:
                continue
    return out


def comprehension(ev: Interpreter, node: Any, scope: Scope) -> Any:
    if (
        isinstance(node, cst.ListComp)
        and (made := layer_lists.comprehended(ev, node, scope)) is not None
    ):
        return made
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        filled = filling_comprehensions.filled(ev, node, scope)
        if filled is not None:
            return filled
    if not isinstance(node, cst.SetComp) and (listed := said(ev, node, scope)) is not None:
        return listed
    out: list[Any] = []
    inner = Scope("function", {}, scope)
    if not _turns(
        ev, node.for_in, inner, lambda: out.append(expressions.evaluate(ev, node.elt, inner))
    ):
        return Unknown("a list made from what is not known", ev.line)
    if isinstance(node, cst.SetComp):
        return set(out) if plain(out) else Unknown("a set of what is not known", ev.line)
    return out


def said(ev: Interpreter, node: cst.ListComp | cst.GeneratorExp, scope: Scope) -> Any:
    """A list of numbers or texts as long as a parameter says, as an expression; None for any other."""
    clause = node.for_in
    if clause.ifs or clause.inner_for_in is not None or not isinstance(clause.target, cst.Name):
        return None
    state = State(ev, scope)
    made = expressions.evaluate(ev, clause.iter, scope)
    if (through := _numbers(made)) is not made:  # the tensor itself is not asked for
        state.restore()
        state = State(ev, scope)
    values: Any = known(through) if isinstance(through, Sym) and depends(through) else UNKNOWN
    if not isinstance(values, Collection) or len(values) == 0:
        state.restore()
        return None
    first = next(iter(values))
    target = Symbol(free_name(clause.target.value, scope), first, "loop")
    inner = Scope("function", {clause.target.value: Sym.of(target)}, scope)
    try:
        item = expressions.evaluate(ev, node.elt, inner)
    except (NotGeneral, Raised):
        item = None
    if not isinstance(item, (Sym, int, float, str)) or len(CURRENT[-1].nodes) > state.length:
        state.restore()
        return None
    return Sym.listed(expand(item), target, through)


def _numbers(through: Any) -> Any:
    """What is gone through: of a tensor that is made of settings alone, its numbers."""
    return through.facts.get("numbers", through) if isinstance(through, Tensor) else through


def dict_comprehension(ev: Interpreter, node: cst.DictComp, scope: Scope) -> Any:
    out: dict[Any, Any] = {}
    inner = Scope("function", {}, scope)

    def add() -> None:
        key = indexing.settled_key(ev, expressions.evaluate(ev, node.key, inner))
        with as_the_source_would():
            out[key] = expressions.evaluate(ev, node.value, inner)

    if not _turns(ev, node.for_in, inner, add):
        return Unknown("a dict made from what is not known", ev.line)
    return out


def _turns(ev: Interpreter, node: cst.CompFor, scope: Scope, body: Callable[[], None]) -> bool:
    """Run a comprehension. Whether it is known which turns it takes."""
    value = _numbers(expressions.evaluate(ev, node.iter, scope))
    for part in value.goes_through if isinstance(value, Items) else [value]:
        demand_length(ev, part, "the length of a list")
    items = items_of(value, None)
    if items is None:
        return False
    for item in items:
        ev.steps += 1
        ev.assign(node.target, item, scope)
        truths = [ev.truth(expressions.evaluate(ev, clause.test, scope)) for clause in node.ifs]
        if False in truths:
            continue
        if None in truths:
            return False
        if node.inner_for_in is None:
            body()
        elif not _turns(ev, node.inner_for_in, scope, body):
            return False
    return True
