"""Expressions of the generated code, built by using expression objects instead of pasting strings.

``nn.Linear(4, 8, bias=False)`` builds the text ``nn.Linear(4, 8, bias=False)``; operators put parentheses where
precedence asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, ItemsView, KeysView, ValuesView
from typing import Any

from kt_translate.diagnostics import RuleError

ATOM = 20
_PRECEDENCE = {
    "or": 2,
    "and": 3,
    "not": 4,
    "in": 5,
    "not in": 5,
    "is": 5,
    "is not": 5,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "!=": 5,
    "==": 5,
    "|": 6,
    "^": 7,
    "&": 8,
    "<<": 9,
    ">>": 9,
    "+": 10,
    "-": 10,
    "*": 11,
    "@": 11,
    "/": 11,
    "//": 11,
    "%": 11,
    "**": 13,
}
_CONDITIONAL, _LAMBDA, _UNARY = 1, 0, 12
_OF_ANY_ITEMS = ("all", "any", "max", "min", "sum")  # they take a generator, too
_OPPOSITE = {"is": "is not", "==": "!=", "in": "not in"}
_OPPOSITE |= {b: a for a, b in _OPPOSITE.items()}


class Expr:
    """Immutable Python expression: its text and how tightly its outermost operator binds."""

    __slots__ = ("_binding", "_opposite", "_text")

    def __init__(self, text: str, binding: int = ATOM, opposite: str | None = None) -> None:
        self._text = text
        self._binding = binding
        self._opposite = opposite  # of a comparison: how one says that it does not hold

    @staticmethod
    def raw(text: str) -> Expr:
        """An expression from text whose outermost operator is not known: parenthesised wherever it is an operand."""
        return Expr(text, ATOM if text.replace(".", "").replace("_", "").isalnum() else _LAMBDA)

    @staticmethod
    def binary(op: str, a: Expr, b: Expr) -> Expr:
        level = _PRECEDENCE[op]
        right = level if op in ("and", "or") else level + 1
        left = level + 1 if op == "**" or level == 5 else level
        said = [f"{a._within(left)} {o} {b._within(right)}" for o in (op, _OPPOSITE.get(op)) if o]
        return Expr(said[0], level, said[1] if len(said) > 1 else None)

    @staticmethod
    def unary(op: str, a: Expr) -> Expr:
        if op == "not" and a._opposite is not None:
            return Expr(a._opposite, 5, a._text)
        if op == "not":
            return Expr(f"not {a._within(4)}", 4, a._within(5))
        return Expr(f"{op}{a._within(_UNARY)}", _UNARY)

    @staticmethod
    def conditional(condition: Expr, a: Expr, b: Expr) -> Expr:
        return Expr(f"{a._within(2)} if {condition._within(2)} else {b._within(1)}", _CONDITIONAL)

    @staticmethod
    def comprehension(item: Expr, target: str, through: Expr) -> Expr:
        """``[item for target in through]``."""
        return _Comprehension(f"[{item} for {target} in {through._within(_PRECEDENCE['or'])}]")

    @staticmethod
    def text(parts: list[str | Expr]) -> Expr | None:
        """Literals and expressions as one f-string; None where there is no literal, or quotes get in the way."""
        inner = [str(part) for part in parts if isinstance(part, Expr)]
        if len(inner) == len(parts) or any(re.search(r'["\\\n{}]', text) for text in inner):
            return None
        written = [
            (
                f"{{{part}}}"
                if isinstance(part, Expr)
                else repr(part)[1:-1].replace("{", "{{").replace("}", "}}")
            )
            for part in parts
        ]
        return None if any('"' in text for text in written) else Expr(f'f"{"".join(written)}"')

    def _within(self, level: int) -> str:
        return self._text if self._binding >= level else f"({self._text})"

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Expr({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __call__(self, *args: Any, **kwargs: Any) -> Expr:
        parts = [str(as_expr(a)) for a in args]
        if len(args) == 1 and isinstance(args[0], _Comprehension) and self._text in _OF_ANY_ITEMS:
            parts = [parts[0][1:-1]]
        parts += [f"{k}={as_expr(v)}" for k, v in kwargs.items() if v is not OMIT]
        return Expr(f"{self._within(ATOM)}({', '.join(parts)})")

    def __getattr__(self, name: str) -> Expr:
        if name.startswith("__"):
            raise AttributeError(name)
        return Expr(f"{self._within(ATOM)}.{name}")

    def __getitem__(self, key: Any) -> Expr:
        if isinstance(key, tuple) and key:
            return Expr(f"{self._within(ATOM)}[{', '.join(_index(k) for k in key)}]")
        return Expr(f"{self._within(ATOM)}[{_index(key)}]")

    def __add__(self, other: Any) -> Expr:
        return Expr.binary("+", self, as_expr(other))

    def __radd__(self, other: Any) -> Expr:
        return Expr.binary("+", as_expr(other), self)

    def __sub__(self, other: Any) -> Expr:
        return Expr.binary("-", self, as_expr(other))

    def __rsub__(self, other: Any) -> Expr:
        return Expr.binary("-", as_expr(other), self)

    def __mul__(self, other: Any) -> Expr:
        return Expr.binary("*", self, as_expr(other))

    def __rmul__(self, other: Any) -> Expr:
        return Expr.binary("*", as_expr(other), self)

    def __truediv__(self, other: Any) -> Expr:
        return Expr.binary("/", self, as_expr(other))

    def __rtruediv__(self, other: Any) -> Expr:
        return Expr.binary("/", as_expr(other), self)

    def __floordiv__(self, other: Any) -> Expr:
        return Expr.binary("//", self, as_expr(other))

    def __pow__(self, other: Any) -> Expr:
        return Expr.binary("**", self, as_expr(other))

    def __matmul__(self, other: Any) -> Expr:
        return Expr.binary("@", self, as_expr(other))

    def __neg__(self) -> Expr:
        return Expr.unary("-", self)


class _Omit:
    """A keyword argument that PyTorch already assumes, and that is therefore left out."""


OMIT = _Omit()


def unless(value: Any, default: Any) -> Any:
    """``value`` for a keyword argument, left out of the text where it is what PyTorch assumes anyway."""
    return OMIT if type(value) is type(default) and value == default else value


class _Comprehension(Expr):
    """``[item for target in through]``."""


def as_expr(value: Any) -> Expr:
    """``value`` as an expression: expressions as they are, symbolic values by their text, the rest as literals."""
    if isinstance(value, Expr):
        return value
    if hasattr(value, "expr"):
        return value.expr  # type: ignore[no-any-return]
    return literal(value, as_expr)


def literal(value: Any, of: Callable[[Any], Expr] | None = None) -> Expr:
    """The literal for a number, string, None, or a container of them."""
    of = of or literal
    if isinstance(value, tuple):
        inner = ", ".join(str(of(v)) for v in value)
        return Expr(f"({inner},)" if len(value) == 1 else f"({inner})")
    if isinstance(value, (list, KeysView, ValuesView, ItemsView)):
        return Expr(f"[{', '.join(str(of(v)) for v in value)}]")
    if isinstance(value, dict):
        return Expr("{" + ", ".join(f"{of(k)}: {of(v)}" for k, v in value.items()) + "}")
    if isinstance(value, Expr):
        return value
    if isinstance(value, (set, frozenset)) and value:
        items = Expr(f"{{{', '.join(sorted(str(of(v)) for v in value))}}}")
        return items if isinstance(value, set) else Expr("frozenset")(items)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, type):
        return Expr(value.__name__)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        return Expr(repr(value), _UNARY)
    if isinstance(value, slice):
        return Expr("slice")(value.start, value.stop, value.step)
    if isinstance(value, range) and value.start == 0 and value.step == 1:
        return Expr("range")(value.stop)
    if not isinstance(value, _SAID_BY_REPR):
        raise RuleError(
            "KT102",
            f"{getattr(value, 'why', type(value).__name__)}: it is not known when the code is written",
        )
    return Expr(repr(value))


_SAID_BY_REPR = (bool, int, str, bytes, complex, type(None), type(Ellipsis), set, frozenset, range)


def _number(value: float) -> Expr:
    if value != value:
        return Expr("math.nan")
    if value in (float("inf"), float("-inf")):
        return Expr("math.inf") if value > 0 else Expr("-math.inf", _UNARY)
    return Expr(repr(value), _UNARY if value < 0 else ATOM)


def _index(key: Any) -> str:
    if isinstance(key, slice):
        start, stop, step = (
            "" if v is None else str(as_expr(v)) for v in (key.start, key.stop, key.step)
        )
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if key is Ellipsis:
        return "..."
    return str(as_expr(key))


nn = Expr("nn")
F = Expr("F")
torch = Expr("torch")
