"""How many items there are, where that has to be taken for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.graph.sym import Sym, call_symbolic

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def demand_length(ev: Interpreter, value: Any, what: str) -> None:
    """Take the number of items for granted: of a list that is a parameter no more than that, else the value."""
    listed = isinstance(value, Sym) and isinstance(value.value, (list, tuple))
    ev.demand(call_symbolic("len", value) if listed else value, what)
