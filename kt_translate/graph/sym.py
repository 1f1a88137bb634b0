"""Values that carry both what they are and how the source says them.

A `Sym` is a small expression tree over `Symbol`s: ``filters * 4`` with the sample value 256. The evaluator computes
with it as with a number; the emitter writes it down. Sums and products are normalised for comparison, so that
``filters * 4`` equals ``4 * filters``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph import algebra, numpy_code
from kt_translate.graph.members import Record
from kt_translate.graph.operators import (
    BINARY,
    FUNCTIONS,
    NEGATED,
    UNARY,
    UNKNOWN,
    Arithmetic,
    Callee,
    Items,
    Spaced,
    Symbol,
    known,
)
from kt_translate.graph.substitution import substitute
from kt_translate.pytorch.expr import Expr, as_expr, literal

__all__ = [
    "UNKNOWN",
    "Items",
    "Spaced",
    "Sym",
    "Symbol",
    "call_symbolic",
    "code",
    "key_of",
    "known",
    "same",
    "substitute",
    "symbols_in",
]

MAX_TEXT = 8_000


class Sym(Arithmetic):
    """An expression over symbols, with its value for the arguments of the trace (or UNKNOWN)."""

    def __init__(self, head: str, args: tuple[Any, ...], value: Any) -> None:
        # "symbol", a binary operator, "unary", "call", "index", "if", "method", "asked", "attribute",
        # "text", "array"
        self.head = head
        self.args = args
        self._value = value

    @property
    def value(self) -> Any:
        """The sample value; that of a symbol follows the branch that is being looked at."""
        return self.args[0].value if self.head == "symbol" else self._value

    # -- construction ---------------------------------------------------------------------------
    @staticmethod
    def of(symbol: Symbol) -> Sym:
        return Sym("symbol", (symbol,), symbol.value)

    @staticmethod
    def binary(op: str, a: Any, b: Any) -> Any:
        """``a op b``, simplified where the result is a plain number or one of the operands."""
        simple = algebra.simplify(op, a, b)
        if simple is not NotImplemented:
            return simple
        x, y = known(a), known(b)
        value: Any = UNKNOWN
        if op in ("and", "or") and isinstance(x, bool) and x is (op == "or"):
            value = x  # whatever the other is
        elif x is not UNKNOWN and y is not UNKNOWN:
            with suppress(Exception):  # a sample of a branch that is not taken may not fit
                value = BINARY[op](x, y)
        return Sym(op, (a, b), value)

    @staticmethod
    def unary(op: str, a: Any) -> Any:
        if op == "not" and isinstance(a, Sym) and a.head in NEGATED:
            return Sym.binary(NEGATED[a.head], *a.args)
        x = known(a)
        return Sym("unary", (op, a), UNKNOWN if x is UNKNOWN else UNARY[op](x))

    @staticmethod
    def call(function: str, args: tuple[Any, ...], value: Any) -> Sym:
        return Sym("call", (function, *args), value)

    @staticmethod
    def method(owner: Any, name: str, *args: Any) -> Any:
        """``owner.name(*args)`` of a text."""
        given = known([owner, *args])
        value: Any = UNKNOWN
        if given is not UNKNOWN:
            with suppress(Exception):
                value = getattr(given[0], name)(*given[1:])
        return Sym("method", (owner, name, *args), value) if symbols_in([owner, args]) else value

    @staticmethod
    def asked(owner: Any, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """``owner.name(*args, **named)`` of what tells the hyperparameters."""
        given = known([owner, [*args], named])
        value: Any = UNKNOWN
        if given is not UNKNOWN:
            with suppress(Exception):
                value = getattr(given[0], name)(*given[1], **given[2])
        return Sym("asked", (owner, name, args, named), value) if symbols_in(owner) else value

    @staticmethod
    def listed(item: Any, target: Symbol, through: Any) -> Any:
        """``[item for target in through]``."""
        values = known(through)
        found = [] if values is UNKNOWN else [known(substitute(item, {target: v})) for v in values]
        unknown = values is UNKNOWN or any(v is UNKNOWN for v in found)
        made = Sym("list", (item, target, through), UNKNOWN if unknown else found)
        return made if unknown or made.symbols else found

    @staticmethod
    def index(a: Any, key: Any) -> Any:
        simple = algebra.element(a, key)
        if simple is not NotImplemented:
            return simple
        x, k = known(a), known(key)
        value: Any = UNKNOWN
        if x is not UNKNOWN and k is not UNKNOWN:
            with suppress(Exception):
                value = x[k]
        return Sym("index", (a, key), value)

    @staticmethod
    def attribute(owner: Any, name: str) -> Any:
        """``owner.name`` of an object that holds settings."""
        x = known(owner)
        value = known(x.attributes.get(name, UNKNOWN)) if isinstance(x, Record) else UNKNOWN
        return Sym("attribute", (owner, name), value)

    @staticmethod
    def choose(condition: Any, a: Any, b: Any) -> Any:
        """``a if condition else b``."""
        if isinstance(condition, Sym) and condition.args[0] == "not":
            condition, a, b = condition.args[1], b, a
        a, b = algebra.decided(a, condition, True), algebra.decided(b, condition, False)
        if same(a, b):
            return a
        simple = algebra.logical(condition, a, b)
        if simple is not NotImplemented:
            return simple
        c = known(condition)
        value = UNKNOWN if c is UNKNOWN else known(a) if c else known(b)
        return Sym("if", (condition, a, b), value)

    @cached_property
    def weight(self) -> int:
        """How much there is to read in it: the number of its operations."""
        if self.head == "symbol":
            return 0
        return 1 + sum(a.weight for a in self.args if isinstance(a, Sym))

    # -- what it depends on ---------------------------------------------------------------------
    @cached_property
    def symbols(self) -> frozenset[Symbol]:
        found = frozenset(_symbols_in(self.args))
        return found - {self.args[1]} if self.head == "list" else found

    @cached_property
    def spelled(self) -> tuple[Symbol, ...]:
        """The symbols that its text names, in order."""
        bound = self.args[1] if self.head == "list" else None
        return tuple(dict.fromkeys(s for a in self.args for s in spelled_in(a) if s is not bound))

    # -- text -----------------------------------------------------------------------------------
    @property
    def expr(self) -> Expr:
        if self.head == "symbol":
            symbol = self.args[0]
            if symbol.unnamed:
                return code(symbol.origin)
            for names in _NAMING:
                names[symbol] = None
            return Expr(symbol.spelled)
        if self.head == "list":
            with naming() as names:
                item = code(self.args[0])
            for outer in _NAMING:
                outer.update(dict.fromkeys(s for s in names if s is not self.args[1]))
            return Expr.comprehension(item, self.args[1].name, code(self.args[2]))
        if self.head == "text":
            return Expr(self.args[0], self.args[1])
        if self.head == "attribute":
            return getattr(code(self.args[0]), self.args[1])  # type: ignore[no-any-return]
        if self.head == "unary":
            return Expr.unary(self.args[0], code(self.args[1]))
        if self.head == "call":
            return Expr(self.args[0])(*(code(a) for a in self.args[1:]))
        if self.head == "index":
            owner, key = self.args
            if isinstance(key, int) and hasattr(sample := known(owner), "expr"):  # a named tuple
                return getattr(code(owner), sample._fields[key])  # type: ignore[no-any-return]
            return code(owner)[numpy_code.key_code(key)]
        if self.head == "if":
            return Expr.conditional(*(code(a) for a in self.args))
        if self.head == "array":
            return numpy_code.array_code(*self.args)
        if self.head == "method":
            method: Expr = getattr(code(self.args[0]), self.args[1])
            return method(*(code(a) for a in self.args[2:]))
        if self.head == "asked":
            owner, name, args, named = self.args
            asked: Expr = getattr(code(owner), name)
            return asked(*map(code, args), **{n: code(v) for n, v in named.items()})
        is_text = self.head == "+" and isinstance(self.value, str)
        said = Expr.text(list(_pieces(self))) if is_text else None
        return said or Expr.binary(self.head, code(self.args[0]), code(self.args[1]))

    def __str__(self) -> str:
        return str(self.expr)

    def __repr__(self) -> str:
        return f"Sym({self}={self.value!r})"

    # -- comparison -----------------------------------------------------------------------------
    @cached_property
    def key(self) -> Any:
        """Equal keys: equal values for all arguments."""
        poly = algebra.polynomial(self)
        if poly is None:
            return self._atom
        return _number_of(frozenset(poly.items()))

    @cached_property
    def _atom(self) -> Any:
        if self.head == "symbol":
            symbol = self.args[0]
            if symbol.kind == "local":
                return _number_of(("local", key_of(symbol.origin)))
            return _number_of(("symbol", id(symbol)))
        return _number_of((self.head, *(key_of(a) for a in self.args)))

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    def __hash__(self) -> int:
        return hash(self.key)


def _symbols_in(args: Any) -> Iterator[Symbol]:
    for arg in args:
        if isinstance(arg, Symbol):
            yield arg
            if arg.kind == "local":
                yield from _symbols_in([arg.origin])
        elif isinstance(arg, Sym):
            yield from arg.symbols
        elif isinstance(arg, Items):
            yield from _symbols_in(arg.args)
        elif isinstance(arg, (tuple, list)):
            yield from _symbols_in(arg)
        elif isinstance(arg, dict):
            yield from _symbols_in(arg.values())
        elif hasattr(arg, "kwargs"):  # an object of Keras: l2(decay)
            yield from _symbols_in([arg.args, arg.kwargs])
        elif isinstance(arg, slice):
            yield from _symbols_in([arg.start, arg.stop, arg.step])
        elif isinstance(arg, Record):
            yield from _symbols_in([arg.parts()])


BACKWARDS = slice(None, None, -1)
_NUMBERS: dict[Any, int] = {}
_NAMING: list[dict[Symbol, None]] = []  # where the symbols go that a text names, if anyone asks


def _number_of(key: Any) -> int:
    """A number for a key: what is built of such numbers is compared in one step, however much it says."""
    return _NUMBERS.setdefault(key, len(_NUMBERS))


def symbols_in(value: Any) -> frozenset[Symbol]:
    """All symbols that ``value`` (a Sym, a container of them, or a plain value) depends on."""
    return frozenset(_symbols_in([value]))


def spelled_in(value: Any) -> Iterator[Symbol]:
    """The symbols that the text of ``value`` names: of a setting with a name of its own that name only."""
    if isinstance(value, Symbol):
        yield value
    elif isinstance(value, Sym):
        yield from value.spelled
    elif isinstance(value, Items):
        for arg in value.args:
            yield from spelled_in(arg)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from spelled_in(part)
    elif isinstance(value, dict):
        yield from spelled_in(list(value.values()))
    elif isinstance(value, Record):
        yield from spelled_in(value.parts())


@contextmanager
def naming() -> Iterator[dict[Symbol, None]]:
    """Within, the symbols are noted that a text comes to name."""
    outer = _NAMING[:]
    _NAMING[:] = [{}]
    try:
        yield _NAMING[0]
    finally:
        _NAMING[:] = outer


def call_value(args: tuple[Any, ...]) -> Any:
    function = args[0].compute if isinstance(args[0], Callee) else FUNCTIONS.get(args[0])
    values = known(list(args[1:]))
    if function is not None and values is not UNKNOWN:
        with suppress(Exception):
            return function(*values)
    return UNKNOWN


def call_symbolic(function: str, *args: Any) -> Sym:
    """``function(*args)`` of a builtin, where an argument is symbolic."""
    whole = args[0] if function == "len" else None
    while isinstance(whole, Sym) and whole.head == "index" and whole.args[1] == BACKWARDS:
        args = (whole := whole.args[0],)
    return Sym("call", (function, *args), call_value((function, *args)))


def code(value: Any) -> Expr:
    """The expression that writes ``value``: a Sym by its symbols, everything else as a literal."""
    if isinstance(value, Sym):
        if len(str(said := value.expr)) > MAX_TEXT:
            raise RuleError("KT302", "a size hangs on so much that its expression fills pages")
        return said
    if isinstance(value, Items):
        return Expr(value.function)(*(code(a) for a in value.args))
    if isinstance(value, (tuple, list, dict)) and not hasattr(value, "expr"):
        return literal(value, code)
    return as_expr(value)


def _pieces(value: Any) -> Iterator[str | Expr]:
    """The parts of a text that is put together by ``+``: literals as they are, ``str(x)`` as ``x``."""
    if not isinstance(value, Sym):
        yield value
    elif value.head == "+":
        for part in value.args:
            yield from _pieces(part)
    elif value.head == "call" and value.args[0] == "str":
        yield code(value.args[1])
    elif value.head == "call" and value.args[0] == "format":
        yield Expr(f"{code(value.args[1])}:{value.args[2]}")
    elif value.head == "symbol" and value.args[0].unnamed:
        yield from _pieces(value.args[0].origin)
    else:
        yield value.expr


def key_of(value: Any) -> Any:
    if isinstance(value, Sym):
        return value.key
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(key_of(v) for v in value))
    if isinstance(value, dict):
        return ("dict", *((k, key_of(v)) for k, v in value.items()))
    if isinstance(value, slice):
        return ("slice", *map(key_of, (value.start, value.stop, value.step)))
    try:
        hash(value)
    except TypeError:
        return ("id", id(value))
    if isinstance(value, Symbol):
        return ("symbol", id(value))
    return (type(value).__name__, value)


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal whatever the symbols stand for."""
    if a is b:
        return True
    if isinstance(a, Sym) or isinstance(b, Sym):
        return bool(isinstance(a, Sym) and isinstance(b, Sym) and a.key == b.key)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(v, b[k]) for k, v in a.items())
    return type(a) is type(b) and bool(a == b)
