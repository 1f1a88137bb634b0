"""Tables of the module, by the module's names for them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import plain
from kt_translate.graph.sym import Sym, Symbol
from kt_translate.pytorch.library import reserved_names

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def named(ev: Interpreter, table: Any) -> Any:
    """A dict as the code to be names it: by the module's name for it, else by what it says, or its keys.

    A list of dicts likewise: it may be a copy.
    """
    if not plain(table):
        return tuple(table) if isinstance(table, dict) else table
    same = (lambda v: v is table) if isinstance(table, dict) else (lambda v: v == table)
    name = next((n for n, v in ev.module.names.items() if type(v) is type(table) and same(v)), None)
    if name is None or name in ev.rebound or name in reserved_names():
        return table
    symbol = ev.constants.setdefault(name, Symbol(name, deepcopy(table), "global"))
    return Sym.of(symbol) if symbol.value == table else table


def is_table(value: Any) -> bool:
    """Whether it is a list of dicts."""
    return type(value) in (list, tuple) and any(isinstance(v, dict) for v in value)
