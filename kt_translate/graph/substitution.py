"""The same expressions with other things in place of symbols: a callee's result, said by its caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kt_translate.graph import sym
from kt_translate.graph.members import Record
from kt_translate.graph.operators import ARITHMETIC, BINARY, UNARY, UNKNOWN, Symbol, alike


def substitute(value: Any, table: dict[Symbol, Any]) -> Any:
    """A value (a Sym, a container of them, or a plain value) with what the table has for symbols."""
    return _Substitution(table).of(value)


class _Substitution:
    """One table, and what it makes of each expression: they share their parts, which are looked at once."""

    def __init__(self, table: dict[Symbol, Any]) -> None:
        self.table = table
        self.done: dict[int, tuple[sym.Sym, Any]] = {}  # the expression too, so that it lives on

    def of(self, value: Any) -> Any:
        if isinstance(value, sym.Sym):
            if id(value) not in self.done:
                self.done[id(value)] = value, self._expression(value)
            return self.done[id(value)][1]
        if isinstance(value, tuple):
            return alike(value, [self.of(v) for v in value])
        if isinstance(value, list):
            return [self.of(v) for v in value]
        if isinstance(value, dict):
            return {k: self.of(v) for k, v in value.items()}
        if isinstance(value, slice):
            return slice(*(self.of(v) for v in (value.start, value.stop, value.step)))
        if hasattr(value, "kwargs") and self._concerns(value):  # an object of Keras: l2(decay)
            return replace(value, args=self.of(value.args), kwargs=self.of(value.kwargs))
        return value

    def _expression(self, value: sym.Sym) -> Any:
        head, table = value.head, self.table
        if head == "symbol":
            symbol = value.args[0]
            if symbol.kind == "local" and symbol not in table:
                return self.of(symbol.origin) if self._concerns(symbol.origin) else value
            return table.get(symbol, value)
        if not value.symbols & table.keys():
            return value
        if head == "if" and not isinstance(test := self.of(value.args[0]), sym.Sym):
            return UNKNOWN if test is UNKNOWN else self.of(value.args[1 if test else 2])
        args = tuple(map(self.of, value.args))
        if any(a is UNKNOWN for a in args):
            return UNKNOWN
        if head in BINARY:
            if any(isinstance(a, sym.Sym) for a in args):
                return sym.Sym.binary(head, *args)
            unknown_size = head in ARITHMETIC and any(a is None for a in args)
            return None if unknown_size else _worked_out(lambda: BINARY[head](*args))
        if head == "unary":
            return sym.Sym.unary(*args) if isinstance(args[1], sym.Sym) else UNARY[args[0]](args[1])
        if head == "index":
            is_sym = isinstance(args[0], sym.Sym) or bool(sym.symbols_in(args[1]))
            return sym.Sym.index(*args) if is_sym else _worked_out(lambda: args[0][args[1]])
        if head == "attribute":
            owner, name = args
            is_record = isinstance(owner, Record) and name in owner.attributes
            return owner.attributes[name] if is_record else sym.Sym.attribute(owner, name)
        if head == "if":
            return sym.Sym.choose(*args)
        if head == "method":
            return sym.Sym.method(*args)
        if head == "asked":
            return sym.Sym.asked(*args)
        if head == "list":
            return sym.Sym.listed(*args)
        if head == "call" and args[0] == "len" and isinstance(args[1], (list, tuple)):
            return len(args[1])
        result = sym.call_value(args)
        if head == "call" and isinstance(result, (int, float, str)) and not sym.symbols_in(args):
            return result
        return sym.Sym(head, args, result)

    def _concerns(self, value: Any) -> bool:
        return bool(sym.symbols_in(value) & self.table.keys())


def _worked_out(work: Callable[[], Any]) -> Any:
    """A value; UNKNOWN where a sample of a branch that is not taken does not fit."""
    try:
        return work()
    except (TypeError, LookupError, ArithmeticError, ValueError):
        return UNKNOWN
