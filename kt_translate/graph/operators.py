"""Symbols, the value that nothing is known of, and Python's operators by their text."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from copy import copy
from functools import partialmethod
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
    "carried" from turn to turn of a loop, "global" of the module, "local" for what ``origin`` says, "data" for a
    size that only data tells.
    """

    __slots__ = ("fields", "kind", "left_by", "name", "origin", "spelled", "value")

    def __init__(
        self,
        name: str,
        value: Any = UNKNOWN,
        kind: str = "param",
        origin: Any = None,
        left_by: Any = None,
    ) -> None:
        self.name = name
        self.spelled = name  # in the text that is being written: self.filters within forward
        self.value = value
        self.kind = kind
        self.origin = origin
        self.left_by = left_by  # the loop of the source whose last turn says it
        self.fields: dict[str, Field] = {}  # of an object: its attributes

    @property
    def root(self) -> Symbol:
        """The name that it hangs on: of an attribute, that of the object."""
        return self

    def field(self, name: str, value: Any) -> Field:
        """The attribute of that name, of the object that this stands for."""
        if name not in self.fields:
            self.fields[name] = Field(self, name, value)
        return self.fields[name]

    @property
    def unnamed(self) -> bool:
        """Whether it has no name where the text is to stand: then its origin is written out."""
        return self.kind == "local" and self.spelled == self.name

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}={self.value!r}>"


class Field(Symbol):
    """An attribute of an object that has a name: ``config.units``."""

    __slots__ = ("attribute", "owner")

    def __init__(self, owner: Symbol, attribute: str, value: Any) -> None:
        self.owner = owner
        self.attribute = attribute
        self.value = value
        self.kind = owner.kind
        self.origin = None
        self.fields = {}

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.owner.name}.{self.attribute}"

    @property
    def spelled(self) -> str:  # type: ignore[override]
        return f"{self.owner.spelled}.{self.attribute}"

    @property
    def root(self) -> Symbol:
        return self.owner.root


class Items(list):  # type: ignore[type-arg]
    """The items of ``enumerate(widths)`` and the like, with the way in which the source says it."""

    def __init__(self, items: Any, function: str, args: tuple[Any, ...]) -> None:
        super().__init__(items)
        self.function = function
        self.args = args

    @property
    def goes_through(self) -> list[Any]:
        """What is gone through in the end: of ``enumerate(reversed(widths))``, ``widths``."""
        return [p for a in self.args for p in (a.goes_through if isinstance(a, Items) else [a])]


def alike(value: Any, parts: list[Any]) -> Any:
    """Another list, tuple or named tuple, of these parts."""
    if hasattr(value, "_make"):
        return value._make(parts)
    return parts if type(value) is list else tuple(parts)


class Arithmetic:
    """Python's operators on what is said as an expression."""

    value: Any
    binary: Callable[[str, Any, Any], Any]
    unary: Callable[[str, Any], Any]

    def __add__(self, other: Any) -> Any:
        return self.binary("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.binary("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.binary("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.binary("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.binary("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.binary("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self.binary("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self.binary("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return self.binary("%", self, other)

    def __neg__(self) -> Any:
        return self.unary("-", self)


def known(value: Any) -> Any:
    """The sample value behind ``value``, looking into tuples, lists and dicts; UNKNOWN if any part is."""
    if isinstance(value, Arithmetic):
        return value.value
    if isinstance(value, (tuple, list)):
        parts = [known(v) for v in value]
        if any(p is UNKNOWN for p in parts):
            return UNKNOWN
        return alike(value, parts)
    if isinstance(value, slice):
        parts = [known(v) for v in (value.start, value.stop, value.step)]
        return UNKNOWN if any(p is UNKNOWN for p in parts) else slice(*parts)
    if isinstance(value, dict):
        found = {known(k): known(v) for k, v in value.items()}
        if any(v is UNKNOWN for v in found.values()):
            return UNKNOWN
        if type(value) is dict:
            return found
        made = copy(value)
        made.update(found)
        return made
    return value


class Callee(str):
    """The name of a function of the source that the generated code has too, with what it gives."""

    def __new__(cls, name: str, compute: Callable[..., Any]) -> Callee:
        made = super().__new__(cls, name)
        made.compute = compute
        return made

    compute: Callable[..., Any]


MAX_ITEMS = 1_000_000
MAX_BITS = 10_000


def _times(a: Any, b: Any) -> Any:
    """``a * b``. Raises OverflowError where no source would have a list of that many items."""
    for items, count in ((a, b), (b, a)):
        counted = isinstance(items, (list, tuple, str, bytes)) and isinstance(count, int)
        if counted and len(items) * count > MAX_ITEMS:
            raise OverflowError("a list too long to be evaluated")
    return a * b


def _power(a: Any, b: Any) -> Any:
    """``a ** b``. Raises OverflowError for integers of more digits than a source would have."""
    if isinstance(a, int) and isinstance(b, int) and abs(a).bit_length() * b > MAX_BITS:
        raise OverflowError("a number too large to be evaluated")
    return a**b


def _shifted(a: Any, b: Any) -> Any:
    return a * _power(2, b) if isinstance(a, int) and isinstance(b, int) and b >= 0 else a << b


class Spaced(list):  # type: ignore[type-arg]
    """The numbers that ``np.linspace`` gives: to calculate with them is to do so with each."""

    def each(self, function: Callable[[Any, Any], Any], other: Any, turned: bool = False) -> Spaced:
        others = other if isinstance(other, list) else [other] * len(self)
        pairs = zip(others, self) if turned else zip(self, others)
        return Spaced(function(a, b) for a, b in pairs)

    __add__ = partialmethod(each, operator.add)
    __radd__ = partialmethod(each, operator.add)
    __sub__ = partialmethod(each, operator.sub)
    __rsub__ = partialmethod(each, operator.sub, turned=True)
    __mul__ = partialmethod(each, operator.mul)
    __rmul__ = partialmethod(each, operator.mul)
    __truediv__ = partialmethod(each, operator.truediv)
    __pow__ = partialmethod(each, operator.pow)

    def __neg__(self) -> Spaced:
        return self.each(operator.mul, -1)

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Spaced(found) if isinstance(key, slice) else found


def spaced(start: Any, stop: Any, num: Any = 50) -> Spaced:
    """``np.linspace``. Raises OverflowError for more numbers than a source would have of its own."""
    if num > MAX_ITEMS:
        raise OverflowError("a list too long to be evaluated")
    step = (stop - start) / (num - 1) if num > 1 else 0.0
    numbers = [i * step + float(start) for i in range(num)]
    return Spaced([*numbers[:-1], float(stop)] if num > 1 else numbers)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": _times,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
    "<<": _shifted,
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
ARITHMETIC = {"+", "-", "*", "/", "//", "%", "**"}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int,
    "len": len,
    "float": float,
    "str": str,
    "format": format,
    "abs": abs,
    "bool": bool,
    "chr": chr,
    "ord": ord,
    "isinstance": isinstance,
    "round": round,
    "max": max,
    "min": min,
    "sum": sum,
    "any": any,
    "all": all,
    "range": range,
    "tuple": tuple,
    "list": list,
    "set": set,
    "sorted": sorted,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.sqrt": math.sqrt,
    "math.log": math.log,
    "math.log2": math.log2,
    "math.pow": math.pow,
    "math.exp": math.exp,
    "np.linspace": spaced,
    "np.float32": lambda a: struct.unpack("f", struct.pack("f", a))[0],
    "enumerate": lambda *a: list(enumerate(*a)),
    "zip": lambda *a: list(zip(*a)),
    "reversed": lambda a: list(reversed(a)),
}
NEGATED = {"==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "not": operator.not_,
}
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}  # a op b, b op a
