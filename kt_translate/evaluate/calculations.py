"""Operators on any two values of the source."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import choices, numbers, tables, tensors, text
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import Array, Unknown, holds_opaque, opaque, plain
from kt_translate.graph.choice import Choice
from kt_translate.graph.conditions import negated
from kt_translate.graph.objects import ActivationSaid
from kt_translate.graph.operators import BINARY, UNARY
from kt_translate.graph.sym import Sym, known, same
from kt_translate.graph.tensor import Tensor
from kt_translate.ops.shape import ShapeVector
from kt_translate.ops.values import StaticShape

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def binary(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` of any two values."""
    if isinstance(a, Choice):
        return choices.mapped(ev, a, lambda one: binary(ev, op, one, b))
    if isinstance(b, Choice):
        return choices.mapped(ev, b, lambda one: binary(ev, op, a, one))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return tensors.arithmetic(ev, op, a, b)
    if numbers.calculates(op, a, b):
        return numbers.binary(ev, op, a, b)
    if isinstance(a, Array) or isinstance(b, Array):
        return _of_array(op, a, b)
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        found = Unknown("a calculation with what is not known", ev.line)
        found.parts = (op, a, b)
        return found
    if op in ("in", "not in") and isinstance(a, Sym) and isinstance(b, dict):
        b = tables.named(ev, b)
    is_flag = isinstance(a, Sym) and isinstance(known(a), bool)
    if op in ("in", "not in") and is_flag and isinstance(b, (list, tuple, set)) and plain(b):
        return _flag_among(a, {bool(v) for v in b if v in (0, 1)}, op == "in")
    if isinstance(a, text.LayerName) or isinstance(b, text.LayerName):
        a, b = (ev.demand(v, "a layer") if isinstance(v, Sym) else v for v in (a, b))
    if op in ("==", "!=") and (found := _rows_compared(op, a, b)) is not None:
        return found
    if isinstance(a, ActivationSaid) and b is None and op in ("is", "is not", "==", "!="):
        return op in ("is not", "!=")
    if op in ("is", "is not", "==", "!=") and not (plain(a) and plain(b)):
        if isinstance(a, Sym) or isinstance(b, Sym):
            if _sayable(a) and _sayable(b):
                return Sym.binary(op, a, b)
            return op in ("is not", "!=")
        equal = a is b or (op in ("==", "!=") and a == b)
        return equal if op in ("is", "==") else not equal
    sequences = isinstance(a, (list, tuple)) and isinstance(b, (list, tuple))
    if sequences and op == "+" and not any(isinstance(v, ShapeVector) for v in (a, b)):
        return [*a, *b] if isinstance(a, list) else (*a, *b)
    parts = b.values() if isinstance(b, dict) else b if isinstance(b, tuple) else ()
    if op == "%" and isinstance(a, str) and any(isinstance(v, (Unknown, Array)) for v in parts):
        return Unknown("text of what is not known", ev.line)
    if op == "%" and isinstance(a, str) and not plain(b):
        said = text.percent(a, b)
        return Unknown("text of what is not known", ev.line) if said is None else said
    if op == "*" and isinstance(a, list) and isinstance(b, Sym) and any(map(opaque, a)):
        b = ev.demand(b, "how often what is in a list is repeated")
    if _undecided(op, a, b):
        return Unknown("a calculation with what is not known", ev.line)
    with as_the_source_would():
        if op in _ARITHMETIC and (a is None or b is None):
            raise TypeError(f"{op} of None")
        if isinstance(a, Sym) or isinstance(b, Sym) or _says_member(op, a, b):
            return Sym.binary(op, a, b)
        return BINARY[op](a, b) if op in BINARY else Unknown(f"{op} of plain values", ev.line)


_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")


def unary(ev: Interpreter, op: str, value: Any) -> Any:
    """``-value``, ``+value`` and ``~value``."""
    if isinstance(value, Choice):
        return choices.mapped(ev, value, lambda one: unary(ev, op, one))
    if isinstance(value, Tensor):
        return tensors.unary(ev, op, value)
    if isinstance(value, (Array, numbers.Numbers)):
        return numbers.unary(ev, op, value)
    if isinstance(value, Sym):
        return Sym.unary(op, value)
    if isinstance(value, (int, float)):
        return UNARY[op](int(value) if op == "~" else value)
    found = Unknown("a calculation with what is not known", ev.line)
    found.parts = ("*", -1, value) if op == "-" and isinstance(value, Unknown) else None
    return found


def _says(items: Any) -> bool:
    """Whether symbols are among plain items: one of them may stand for what is looked for."""
    return isinstance(items, (list, tuple)) and not plain(items) and all(map(_sayable, items))


def _says_member(op: str, a: Any, b: Any) -> bool:
    asks = op in ("in", "not in") and isinstance(b, (list, tuple))
    return asks and (_says(a) or _says(b)) and _sayable(a) and _sayable(b)


def _sayable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_sayable, value))
    return isinstance(value, Sym) or plain(value)


def _rows_compared(op: str, a: Any, b: Any) -> Any:
    """``strides != (1, 1)`` where symbols stand in rows or dicts: what the items have to be; None for all else."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        a, b = [*a.values()], [b[key] for key in a]
    if not (_says(a) or _says(b)) or not all(isinstance(v, (list, tuple)) for v in (a, b)):
        return None
    if not (_sayable(a) and _sayable(b)):
        return None
    alike = type(a) is type(b) or isinstance(a, StaticShape) or isinstance(b, StaticShape)
    pairs = [(x, y) for x, y in zip(a, b, strict=False) if not same(x, y)]
    if not alike or len(a) != len(b) or any(plain(x) and plain(y) and x != y for x, y in pairs):
        return op == "!="
    tests = list(dict.fromkeys(_equal(x, y) for x, y in pairs))
    if False in tests:
        return op == "!="
    if len(tests) == 1 and op == "!=":
        return negated(tests[0])
    found = reduce(partial(Sym.binary, "and"), tests, True)
    return found if op == "==" else negated(found)


def _equal(a: Any, b: Any) -> Any:
    nested = _rows_compared("==", a, b)
    if nested is not None:
        return nested
    a, b = (b, a) if a is None else (a, b)
    return Sym.binary("is" if b is None else "==", a, b)


def _flag_among(flag: Sym, values: set[bool], within: bool) -> Any:
    """``training in (0, False)``: the flag, its opposite, or what holds for either value."""
    if len(values) != 1:
        return bool(values) == within
    return flag if (True in values) == within else Sym.unary("not", flag)


def _of_array(op: str, a: Any, b: Any) -> Array:
    """An array calculated with a number, or with anything else."""
    array, other = (a, b) if isinstance(a, Array) else (b, a)
    if array.fill is None or not isinstance(other, (int, float, Sym)) or op not in BINARY:
        return Array(array.shape, array.dtype)
    fills = (array.fill, other) if array is a else (other, array.fill)
    symbolic = any(isinstance(v, Sym) for v in fills)
    with as_the_source_would():
        fill = Sym.binary(op, *fills) if symbolic else BINARY[op](*fills)
    return Array(array.shape, array.dtype, fill)


def _undecided(op: str, a: Any, b: Any) -> bool:
    """Whether an operator works on something whose content is not known."""
    if op in ("in", "not in"):
        return opaque(b) or (holds_opaque(b) and not any(a is v or same(a, v) for v in b))
    if op in ("<", "<=", ">", ">="):
        return any(opaque(v) or holds_opaque(v) for v in (a, b))
    return op not in ("is", "is not", "==", "!=", "and", "or") and (opaque(a) or opaque(b))
