"""Symbols, the value that nothing is known of, and Python's operators by their text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class _Unknown:
    """The sample value of a symbol that nothing is known of."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("the truth of an unknown value was asked for")


UNKNOWN = _Unknown()


class Symbol:
    """A name of the generated code, by ``kind``: "param" of a constructor, "dim" of an input, "loop" variable,
    "carried" from turn to turn of a loop, "global" of the module, "local" for what ``origin`` says.
    """

    __slots__ = ("kind", "name", "origin", "spelled", "value")

    def __init__(
        self, name: str, value: Any = UNKNOWN, kind: str = "param", origin: Any = None
    ) -> None:
        self.name = name
        self.spelled = name  # in the text that is being written: self.filters within forward
        self.value = value
        self.kind = kind
        self.origin = origin

    @property
    def unnamed(self) -> bool:
        """Whether it has no name where the text is to stand: then its origin is written out."""
        return self.kind == "local" and self.spelled == self.name

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}={self.value!r}>"


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int,
    "len": len,
    "float": float,
    "str": str,
    "abs": abs,
    "bool": bool,
    "round": round,
    "max": max,
    "min": min,
    "sum": sum,
    "any": any,
    "all": all,
    "range": range,
    "tuple": tuple,
    "list": list,
    "sorted": sorted,
    "enumerate": lambda *a: list(enumerate(*a)),
    "zip": lambda *a: list(zip(*a)),
    "reversed": lambda a: list(reversed(a)),
}
NEGATED = {"==": "!=", "!=": "==", "is": "is not", "is not": "is"}
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "not": operator.not_,
}
