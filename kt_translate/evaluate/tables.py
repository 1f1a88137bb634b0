"""Tables of the module, by the module's names for them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import plain
from kt_translate.graph.conditions import depends
from kt_translate.graph.sym import Sym, Symbol, known
from kt_translate.pytorch.library import reserved_names

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

SHORT = 8  # items of a list that is written where one of them is taken


def named(ev: Interpreter, table: Any) -> Any:
    """A dict as the code to be names it: by the module's name for it, else by what it says, or its keys.

    A list likewise; one of dicts may be a copy.
    """
    if not plain(table):
        return tuple(table) if isinstance(table, dict) else table
    alike = [(n, v) for n, v in ev.module.names.items() if type(v) is type(table)]
    name = next((n for n, v in alike if v is table or (is_table(table) and v == table)), None)
    if name is None or name in ev.rebound or name in reserved_names():
        return table
    symbol = ev.constants.setdefault(name, Symbol(name, deepcopy(table), "global"))
    return Sym.of(symbol) if symbol.value == table else table


def is_table(value: Any) -> bool:
    """Whether it is a list of dicts."""
    return type(value) in (list, tuple) and any(isinstance(v, dict) for v in value)


def at(ev: Interpreter, table: Any, key: Any) -> Any:
    """``widths[i]`` of known numbers or texts at a place that the turn of a loop tells, say; NotImplemented for any other."""
    if not isinstance(table, (list, tuple)) or not depends(key) or ev.is_pinned(key):
        return NotImplemented
    place = known(key)
    if ev.nothing_kept or type(place) is not int or not -len(table) <= place < len(table):
        return NotImplemented
    if not all(isinstance(v, Sym) or plain(v) for v in table):
        return NotImplemented
    kinds = {type(known(v)) for v in table}
    said = named(ev, table) if plain(table) else table
    if len(kinds) > 1 and not kinds <= {int, float}:
        return NotImplemented
    if not isinstance(said, Sym) and len(table) > SHORT:
        return NotImplemented  # nobody would read it
    return Sym.index(said if isinstance(said, Sym) else type(table)(table), key)
