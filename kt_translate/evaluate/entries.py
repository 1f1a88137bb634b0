"""Dicts of settings that a loop goes through, and changes: ``for args in blocks_args: args["strides"] = 1``.

In a general turn the loop's variable holds an `Entry`: a dict of its own, whose items say which item of the turn's
dict they are. So the source may read and change it as it likes. What the list has in it after such a loop, only the
turns one by one could tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import tables
from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.state import NotGeneral, State, spoken
from kt_translate.evaluate.tensor_lists import Left
from kt_translate.evaluate.values import Scope
from kt_translate.graph.conditions import depends
from kt_translate.graph.sym import Items, Sym, Symbol, call_symbolic, known, same
from kt_translate.graph.terms import expand
from kt_translate.source.walk import names_in, parts

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class Entry(dict[Any, Any]):
    """The dict of a general turn."""

    def __init__(self, said: Sym) -> None:
        super().__init__({key: Sym.index(said, key) for key in known(said)})
        self.said = said

    @property
    def changed(self) -> bool:
        """Whether it is no longer what the loop took from the list."""
        first = Entry(self.said)
        return list(self) != list(first) or not all(same(v, first[k]) for k, v in self.items())


def entry(
    ev: Interpreter, body: cst.CSTNode, name: str, said: Sym, samples: list[Any], through: Any
) -> Any:
    """What a loop's variable holds that is a dict in each turn: its symbol where the source only reads items of it.

    So too where the turns' dicts have other keys. Those of a parameter's dicts are taken for granted.
    """
    keys = {frozenset(s) if isinstance(s, dict) else None for s in map(known, samples)}
    if None in keys or len(keys) > 1 or not does_more(body, name):
        return said
    lists = through.goes_through if isinstance(through, Items) else [through]
    for one in [v for v in lists if depends(v) and not isinstance(v.value, range)]:
        if not isinstance(one.value, (list, tuple)) or said.value not in one.value:
            return said
        first = _first(ev, expand(one), keys)
        listed = call_symbolic("sorted", first) if isinstance(first, Sym) else sorted(said.value)
        ev.demand(
            _others(expand(one), keys, Symbol(name, said.value, "loop"), listed),
            "what is in a dict",
        )
    return Entry(said)


def _others(through: Any, keys: set[Any], turn: Symbol, listed: Any) -> Any:
    """Whether a list has dicts with other keys in it, as the code to be asks it."""
    if _all_alike(through, keys):
        return False
    if isinstance(through, Sym) and through.head == "if":
        sides = (_others(side, keys, turn, listed) for side in through.args[1:])
        return Sym.choose(through.args[0], *sides)
    other = Sym.binary("!=", call_symbolic("sorted", Sym.of(turn)), listed)
    return call_symbolic("any", Sym.listed(other, turn, through))


def _first(ev: Interpreter, through: Any, keys: set[Any]) -> Any:
    """A dict of the module that has the keys which the sample's dicts have; None where there is none."""
    while isinstance(through, Sym) and through.head == "if":
        through = through.args[1 if known(through.args[0]) else 2]
    table = tables.named(ev, known(through))
    if _all_alike(through, keys) and isinstance(through, Sym) and through.head == "index":
        table = Sym.index(through.args[0], known(through.args[1]))
    return Sym.index(table, 0) if isinstance(table, Sym) else None


def _all_alike(through: Any, keys: set[Any]) -> bool:
    """Whether a list is the module's, or chosen from a table of the module by a name, and has those keys everywhere."""
    if not isinstance(through, Sym):
        return _have(through, keys)
    if not depends(through):
        return _have(known(through), keys)
    if through.head != "index" or depends(through.args[0]):
        return False
    lists = known(through.args[0])
    return all(_have(t, keys) for t in (lists.values() if isinstance(lists, dict) else lists))


def _have(rows: Any, keys: set[Any]) -> bool:
    listed = isinstance(rows, (list, tuple))
    return listed and all(isinstance(r, dict) and frozenset(r) in keys for r in rows)


def does_more(node: cst.CSTNode, name: str) -> bool:
    """Whether the source does more with a dict than read its items by their keys, and hand it on."""
    if isinstance(node, cst.Name):
        return node.value == name
    target = getattr(node, "target", None)
    if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.Del)) and isinstance(
        target, cst.Subscript
    ):
        if name in names_in(target.value):
            return True
    elif isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name):
        return any(does_more(element, name) for element in node.slice)
    elif isinstance(node, cst.Arg) and isinstance(node.value, cst.Name):
        return bool(node.star) and node.value.value == name
    inner = [node.value] if isinstance(node, (cst.Attribute, cst.Arg)) else parts(node)
    return any(does_more(child, name) for child in inner)


def gone_through(ev: Interpreter, value: Any) -> Any:
    """What a loop goes through, as the code to be says it: a list of dicts by the module's name for it."""
    if isinstance(value, Items):
        args = tuple(gone_through(ev, a) for a in value.args)
        return Items(value, value.function, args)
    if tables.is_table(value):
        return tables.named(ev, copied(value))
    return value


def copied(value: Any) -> Any:
    """A list or dict of its own, and so what is in it."""
    if isinstance(value, dict):
        return {k: copied(v) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    return value


def as_said(bound: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a call, with the dicts that the turn has not changed as the loop's variables."""
    return {
        name: v.said if isinstance(v, Entry) and not v.changed else v for name, v in bound.items()
    }


def spend(ev: Interpreter, loop: cst.For, scope: Scope, state: State, through: Any) -> None:
    """Leave open what is in the lists that hold the dicts of the turns, which have changed them.

    Raises NotGeneral where other things hold them too.
    """
    lists = through.goes_through if isinstance(through, Items) else [through]
    dicts = {id(v) for v in _within(lists) if isinstance(v, dict)}
    outside = [*scope.module.names.values(), *_defaults(scope)]
    if any(id(v) in dicts for v in _within(outside)):
        raise NotGeneral
    if any(id(v) in dicts for space in state.spaces for v in space.values()):
        raise NotGeneral
    left = Left("what a loop leaves in a list", ev.line, loop)
    for place, value in state.places().items():
        holds = isinstance(value, list) and any(id(v) in dicts for v in value)
        if not holds and not any(value is v for v in lists if isinstance(v, Sym)):
            continue
        if state.is_item(place) or (not ev.guards and read_later(ev, spoken(place))):
            raise NotGeneral
        state.put(place, left)


def _defaults(scope: Scope) -> Iterator[Any]:
    at: Scope | None = scope
    while at is not None:
        if at.function is not None:
            yield from at.function.defaults.values()
        at = at.parent


def _within(values: Any) -> Iterator[Any]:
    """All that is in lists and dicts."""
    stack, seen = list(values), set()
    while stack:
        value = stack.pop()
        if isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            yield value
            stack += value.values() if isinstance(value, dict) else value
