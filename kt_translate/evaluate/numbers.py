"""NumPy on numbers that the source says: arrays as lists of their rows, computed with as NumPy does."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Array, Unknown, is_computed, items_of
from kt_translate.graph.sym import Sym, call_symbolic, known, same

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter
    from kt_translate.graph.arrays import Step

MAX_SIZE = 4096  # an array with more numbers is data


class Numbers(list):  # type: ignore[type-arg]
    """An array: its numbers, or its rows, which are such lists again."""

    def __init__(self, items: Any = (), dtype: str = "float64") -> None:
        super().__init__(items)
        self.dtype = dtype
        self.origin: Step | None = None  # how the source makes it, where that says it shortly

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *(self[0].shape if self and isinstance(self[0], Numbers) else ()))

    @property
    def said(self) -> Sym | None:
        """The parameter whose items these are, all and in order."""
        first = self[0] if self else None
        whole = first.args[0] if isinstance(first, Sym) and first.head == "index" else None
        if not isinstance(whole, Sym) or len(known(whole)) != len(self):
            return None
        return whole if all(same(n, Sym.index(whole, i)) for i, n in enumerate(self)) else None

    @property
    def flat(self) -> list[Any]:
        return [n for row in self for n in (row.flat if isinstance(row, Numbers) else [row])]


# -- making -----------------------------------------------------------------------------------------


def kind_of(value: Any) -> str:
    """The type that NumPy gives to a number."""
    if isinstance(value, Numbers):
        return value.dtype
    number = known(value)
    if isinstance(number, bool):
        return "bool"
    return "int64" if isinstance(number, int) else "float64"


def dtype_of(given: Any, numbers: list[Any]) -> str:
    name = getattr(given, "name", getattr(given, "path", given))
    if isinstance(name, str):
        name = name.split(".")[-1].rstrip("_")
        return {"int": "int64", "float": "float64", "uint8": "int64"}.get(name, name)
    kinds = {kind_of(n) for n in numbers}
    return next(
        (k for k in ("float64", "float32", "int64", "int32", "bool") if k in kinds), "float64"
    )


def cast(value: Any, dtype: str) -> Any:
    if isinstance(value, Sym):
        whole = dtype.startswith("int") and isinstance(value.value, float)
        return call_symbolic("int", value) if whole else value
    if dtype == "bool":
        return bool(value)
    if dtype.startswith("int"):
        return int(value)
    return struct.unpack("f", struct.pack("f", value))[0] if dtype == "float32" else float(value)


def array(value: Any, dtype: Any = None) -> Any:
    """``np.array(value)``; None where it is no array of numbers that are known."""
    items = items_of(value, None) if not isinstance(value, (str, Sym, dict)) else None
    if items is None:
        return None
    nested = _nested(items)
    if nested is None:
        return None
    numbers = nested.flat
    if len(numbers) > MAX_SIZE or not all(isinstance(n, (int, float, Sym)) for n in numbers):
        return None
    return typed(
        nested,
        dtype_of(value.dtype if isinstance(value, Numbers) and dtype is None else dtype, numbers),
    )


def _nested(items: list[Any]) -> Numbers | None:
    if not any(isinstance(i, (list, tuple, range)) for i in items):
        return Numbers(items)
    rows = [_nested(list(i)) if isinstance(i, (list, tuple, range)) else None for i in items]
    if None in rows or len({r.shape for r in rows if r is not None}) != 1:
        return None
    return Numbers(rows)


def typed(value: Any, dtype: str) -> Any:
    if isinstance(value, Numbers):
        return Numbers([typed(v, dtype) for v in value], dtype)
    return cast(value, dtype)


def shaped(numbers: list[Any], shape: tuple[int, ...], dtype: str) -> Any:
    if not shape:
        return numbers[0]
    size = len(numbers) // shape[0] if shape[0] else 0
    if len(shape) == 1:
        return Numbers(numbers, dtype)
    return Numbers(
        [shaped(numbers[i * size : (i + 1) * size], shape[1:], dtype) for i in range(shape[0])],
        dtype,
    )


def reshape(value: Numbers, shape: Any) -> Any:
    wanted = list(shape) if isinstance(shape, (list, tuple)) else [shape]
    numbers = value.flat
    if -1 in wanted:
        wanted[wanted.index(-1)] = len(numbers) // max(1, -math.prod(wanted))
    if math.prod(wanted) != len(numbers):
        raise Raised("ValueError: cannot reshape array")
    return shaped(numbers, tuple(wanted), value.dtype)


# -- computing --------------------------------------------------------------------------------------


def calculates(op: str, a: Any, b: Any) -> bool:
    """Whether an operator works on the numbers of an array."""
    if not any(isinstance(v, Numbers) or is_computed(v) for v in (a, b)):
        return False
    return op not in ("is", "is not", "in", "not in") and not any(
        v is None or isinstance(v, str) for v in (a, b)
    )


def binary(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` of arrays and numbers, with broadcasting; Unknown where one of them is neither."""
    from kt_translate.evaluate import arrays, calculations

    if is_computed(a) or is_computed(b):
        return arrays.operate(ev, op, a, b)
    a, b = (array(v) if isinstance(v, (list, tuple)) else v for v in (a, b))
    if not all(isinstance(v, (Numbers, int, float, Sym)) for v in (a, b)):
        return Unknown("an array calculated with what is not known", ev.line)
    shapes = [v.shape if isinstance(v, Numbers) else () for v in (a, b)]
    shape = tuple(map(max, zip_longest(*(s[::-1] for s in shapes), fillvalue=1)))[::-1]
    if math.prod(shape) > MAX_SIZE:
        return Array(shape)
    return whole(pairwise(lambda x, y: calculations.binary(ev, op, x, y), a, b), a, b)


def unary(ev: Interpreter, op: str, value: Any) -> Any:
    """``op value`` of an array."""
    from kt_translate.evaluate import arrays, calculations

    if is_computed(value):
        return arrays.operate(ev, op, value)
    if isinstance(value, Array):
        return Array(value.shape, value.dtype)
    if op == "~" and value.dtype == "bool":
        return elementwise(lambda one: not one, value)
    return elementwise(lambda one: calculations.unary(ev, op, one), value)


def depth(value: Any) -> int:
    return len(value.shape) if isinstance(value, Numbers) else 0


def pairwise(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if not isinstance(a, Numbers) and not isinstance(b, Numbers):
        return function(a, b)
    if depth(a) != depth(b):
        if depth(a) > depth(b):
            return Numbers([pairwise(function, x, b) for x in a])
        return Numbers([pairwise(function, a, y) for y in b])
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise Raised("ValueError: operands could not be broadcast together")
    count = max(len(a), len(b))
    return Numbers([pairwise(function, a[i % len(a)], b[i % len(b)]) for i in range(count)])


def whole(result: Any, *operands: Any) -> Any:
    """A result with its type: float32 stays so beside Python's numbers."""
    if not isinstance(result, Numbers):
        return result
    arrays = [v for v in operands if isinstance(v, Numbers)]
    dtype = dtype_of(None, result.flat)
    if dtype == "float64" and all(v.dtype == "float32" for v in arrays):
        dtype = "float32"
    return typed(result, dtype)


def elementwise(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Numbers):
        return whole(Numbers([elementwise(function, v) for v in value]), value)
    return function(value)


def along(function: Callable[[list[Any]], Any], value: Numbers, axis: Any) -> Any:
    """A reduction of all numbers, or along one axis."""
    if axis is None:
        return function(value.flat)
    rank = depth(value)
    axis = axis % rank
    if axis == rank - 1:
        if rank == 1:
            return function(list(value))
        return Numbers([along(function, row, axis - 1) for row in value], value.dtype)
    if axis > 0:
        return Numbers([along(function, row, axis - 1) for row in value], value.dtype)
    numbers = [row.flat for row in value]
    reduced = [function(list(column)) for column in zip(*numbers)]
    return shaped(reduced, value.shape[1:], value.dtype)


def index(value: Any, key: Any) -> Any:
    """``value[key]``: numbers, slices, lists of numbers, new axes, ``...``, and tuples of them."""
    keys = key if isinstance(key, tuple) else (key,)
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if first is None:
        return Numbers(
            [index(value, rest)], value.dtype if isinstance(value, Numbers) else kind_of(value)
        )
    if first is Ellipsis:
        left = depth(value) - sum(k is not None for k in rest)
        return index(value, (*[slice(None)] * left, *rest))
    if isinstance(first, Numbers) and first.dtype == "bool":
        first = [i for i, taken in enumerate(first) if taken]
    if isinstance(first, (list, slice)):
        rows = value[first] if isinstance(first, slice) else [value[i] for i in first]
        return Numbers([index(r, rest) if rest else r for r in rows], value.dtype)
    return index(value[first], rest) if rest else value[first]


def put(value: Numbers, key: Any, new: Any) -> None:
    """``value[key] = new``."""
    value.origin = None
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) > 1:
        sliced = isinstance(keys[0], slice)
        rows = value[keys[0]] if sliced else [value[keys[0]]]
        axes = depth(value) - len(keys) + sum(isinstance(k, slice) for k in keys)
        parts = new if sliced and depth(new) == axes else [new]
        for row, part in zip(rows, parts if len(parts) > 1 else [*parts] * len(rows)):
            put(row, keys[1:], part)
        return
    places = range(*keys[0].indices(len(value))) if isinstance(keys[0], slice) else [keys[0]]
    for i, place in enumerate(places):
        one = new[i] if isinstance(new, (list, tuple)) and isinstance(keys[0], slice) else new
        list.__setitem__(value, place, typed(one, value.dtype))
