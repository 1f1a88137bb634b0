"""NumPy on numbers that the source says: arrays as lists of their rows, computed with as NumPy does."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.values import Native, Unknown, items_of, plain
from kt_translate.graph.sym import Sym

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

MAX_SIZE = 4096  # an array with more numbers is data


class Numbers(list):  # type: ignore[type-arg]
    """An array: its numbers, or its rows, which are such lists again."""

    def __init__(self, items: Any = (), dtype: str = "float64") -> None:
        super().__init__(items)
        self.dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *(self[0].shape if self and isinstance(self[0], Numbers) else ()))

    @property
    def flat(self) -> list[Any]:
        return [n for row in self for n in (row.flat if isinstance(row, Numbers) else [row])]


# -- making -----------------------------------------------------------------------------------------


def kind_of(value: Any) -> str:
    """The type that NumPy gives to a number."""
    if isinstance(value, Numbers):
        return value.dtype
    if isinstance(value, bool):
        return "bool"
    return "int64" if isinstance(value, int) else "float64"


def _dtype(given: Any, numbers: list[Any]) -> str:
    name = getattr(given, "name", getattr(given, "path", given))
    if isinstance(name, str):
        name = name.split(".")[-1].rstrip("_")
        return {"int": "int64", "float": "float64", "uint8": "int64"}.get(name, name)
    kinds = {kind_of(n) for n in numbers}
    return next((k for k in ("float64", "float32", "int64", "int32", "bool") if k in kinds), "float64")


def _cast(value: Any, dtype: str) -> Any:
    if isinstance(value, Sym):
        return value
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
    return _typed(nested, _dtype(value.dtype if isinstance(value, Numbers) and dtype is None else dtype, numbers))


def _nested(items: list[Any]) -> Numbers | None:
    if not any(isinstance(i, (list, tuple, range)) for i in items):
        return Numbers(items)
    rows = [_nested(list(i)) if isinstance(i, (list, tuple, range)) else None for i in items]
    if None in rows or len({r.shape for r in rows if r is not None}) != 1:
        return None
    return Numbers(rows)


def _typed(value: Any, dtype: str) -> Any:
    if isinstance(value, Numbers):
        return Numbers([_typed(v, dtype) for v in value], dtype)
    return _cast(value, dtype)


def _shaped(numbers: list[Any], shape: tuple[int, ...], dtype: str) -> Any:
    if not shape:
        return numbers[0]
    size = len(numbers) // shape[0] if shape[0] else 0
    if len(shape) == 1:
        return Numbers(numbers, dtype)
    return Numbers([_shaped(numbers[i * size : (i + 1) * size], shape[1:], dtype) for i in range(shape[0])], dtype)


def reshape(value: Numbers, shape: Any) -> Any:
    wanted = list(shape) if isinstance(shape, (list, tuple)) else [shape]
    numbers = value.flat
    if -1 in wanted:
        wanted[wanted.index(-1)] = len(numbers) // max(1, -math.prod(wanted))
    if math.prod(wanted) != len(numbers):
        raise Raised("ValueError: cannot reshape array")
    return _shaped(numbers, tuple(wanted), value.dtype)


# -- computing --------------------------------------------------------------------------------------


def calculates(op: str, a: Any, b: Any) -> bool:
    """Whether an operator works on the numbers of an array."""
    if not isinstance(a, Numbers) and not isinstance(b, Numbers):
        return False
    return op not in ("is", "is not", "in", "not in") and not any(v is None or isinstance(v, str) for v in (a, b))


def binary(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` of arrays and numbers, with broadcasting; Unknown where one of them is neither."""
    from kt_translate.evaluate import expressions

    a, b = (array(v) if isinstance(v, (list, tuple)) else v for v in (a, b))
    if not all(isinstance(v, (Numbers, int, float, Sym)) for v in (a, b)):
        return Unknown("an array calculated with what is not known", ev.line)
    return _whole(_each(lambda x, y: expressions.binary(ev, op, x, y), a, b), a, b)


def _depth(value: Any) -> int:
    return len(value.shape) if isinstance(value, Numbers) else 0


def _each(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if not isinstance(a, Numbers) and not isinstance(b, Numbers):
        return function(a, b)
    if _depth(a) != _depth(b):
        if _depth(a) > _depth(b):
            return Numbers([_each(function, x, b) for x in a])
        return Numbers([_each(function, a, y) for y in b])
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise Raised("ValueError: operands could not be broadcast together")
    count = max(len(a), len(b))
    return Numbers([_each(function, a[i % len(a)], b[i % len(b)]) for i in range(count)])


def _whole(result: Any, *operands: Any) -> Any:
    """A result with its type: float32 stays so beside Python's numbers."""
    if not isinstance(result, Numbers):
        return result
    arrays = [v for v in operands if isinstance(v, Numbers)]
    dtype = _dtype(None, result.flat)
    if dtype == "float64" and all(v.dtype == "float32" for v in arrays):
        dtype = "float32"
    return _typed(result, dtype)


def _elementwise(function: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Numbers):
        return _whole(Numbers([_elementwise(function, v) for v in value]), value)
    return function(value)


def _along(function: Callable[[list[Any]], Any], value: Numbers, axis: Any) -> Any:
    """A reduction of all numbers, or along one axis."""
    if axis is None:
        return function(value.flat)
    rank = _depth(value)
    axis = axis % rank
    if axis == rank - 1:
        if rank == 1:
            return function(list(value))
        return Numbers([_along(function, row, axis - 1) for row in value], value.dtype)
    if axis > 0:
        return Numbers([_along(function, row, axis - 1) for row in value], value.dtype)
    numbers = [row.flat for row in value]
    reduced = [function(list(column)) for column in zip(*numbers)]
    return _shaped(reduced, value.shape[1:], value.dtype)


def index(value: Numbers, key: Any) -> Any:
    """``value[key]``: numbers, slices, lists of numbers, and tuples of them."""
    keys = key if isinstance(key, tuple) else (key,)
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if isinstance(first, Numbers) and first.dtype == "bool":
        first = [i for i, taken in enumerate(first) if taken]
    if isinstance(first, (list, slice)):
        rows = value[first] if isinstance(first, slice) else [value[i] for i in first]
        return Numbers([index(r, rest) if rest else r for r in rows], value.dtype)
    return index(value[first], rest) if rest else value[first]


def put(value: Numbers, key: Any, new: Any) -> None:
    """``value[key] = new``."""
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) > 1:
        for row in value[keys[0]] if isinstance(keys[0], slice) else [value[keys[0]]]:
            put(row, keys[1:], new)
        return
    places = range(*keys[0].indices(len(value))) if isinstance(keys[0], slice) else [keys[0]]
    for i, place in enumerate(places):
        one = new[i] if isinstance(new, (list, tuple)) and isinstance(keys[0], slice) else new
        list.__setitem__(value, place, _typed(one, value.dtype))


# -- attributes -------------------------------------------------------------------------------------


def attribute(ev: Interpreter, value: Numbers, name: str) -> Any:
    """``value.name``; NotImplemented for what is not known of arrays."""
    plain_facts = {"shape": value.shape, "size": len(value.flat), "ndim": _depth(value), "dtype": value.dtype}
    if name in plain_facts:
        return plain_facts[name]
    if name == "T":
        return _transpose(value)
    if name == "tolist":
        return Native(name, lambda ev: _lists(value))
    if name == "item":
        return Native(name, lambda ev, i=0: value.flat[i])
    if name == "astype":
        return Native(name, lambda ev, dtype, **k: _typed(value, _dtype(dtype, [])))
    if name in ("flatten", "ravel"):
        return Native(name, lambda ev, *a: Numbers(value.flat, value.dtype))
    if name == "copy":
        return Native(name, lambda ev: _typed(value, value.dtype))
    if name == "reshape":
        return Native(name, lambda ev, *a: reshape(value, a[0] if len(a) == 1 else a))
    if name in NAMES:
        return Native(name, lambda ev, *a, **k: call(ev, name, [value, *a], k))
    return NotImplemented


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, Numbers) else value


def _transpose(value: Numbers) -> Any:
    if _depth(value) < 2:
        return value
    return Numbers([Numbers(row, value.dtype) for row in zip(*value)], value.dtype)


# -- functions --------------------------------------------------------------------------------------


def call(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``np.name(...)`` of known numbers; NotImplemented where it is not done here."""
    if name not in NAMES:
        return NotImplemented
    given = {k: v for k, v in kwargs.items() if k not in ("copy", "keepdims") or v}
    if name in ("arange", "linspace", "eye", "identity"):
        args, given = [_settled(ev, name, a) for a in args], {k: _settled(ev, name, v) for k, v in given.items()}
    if name in _MAKING:
        return _MAKING[name](*args, **given) if plain(_numbers_only(args)) else NotImplemented
    args, given = [_settled(ev, name, a) for a in args], {k: _settled(ev, name, v) for k, v in given.items()}
    values = [a if isinstance(a, (int, float)) else array(a) for a in args[:1]]
    if not values or values[0] is None or not plain(args[1:]) or not plain(given):
        return NotImplemented
    with as_the_source_would():
        if name in _EACH:
            return _elementwise(_EACH[name], values[0]) if not args[1:] and not given else NotImplemented
        if name in _REDUCTIONS:
            whole = values[0] if isinstance(values[0], Numbers) else Numbers(values)
            return _along(_REDUCTIONS[name], whole, *args[1:], **{"axis": None, **given} if not args[1:] else given)
        if name in _PAIRS:
            other = array(args[1]) if isinstance(args[1], (list, tuple)) else args[1]
            return _whole(_each(_PAIRS[name], values[0], other), values[0], other)
        return _OTHERS[name](values[0], *args[1:], **given)


def _settled(ev: Interpreter, name: str, value: Any) -> Any:
    """An argument by its sample, where the function has to know it."""
    if isinstance(value, (list, tuple)) and not plain(value) and name not in ("sum", "prod"):
        return [_settled(ev, name, v) for v in value]
    return ev.demand(value, f"numpy.{name}") if isinstance(value, Sym) else value


def _numbers_only(args: list[Any]) -> list[Any]:
    return [[] if isinstance(a, (list, tuple)) else a if plain(a) else None for a in args]


def _array(value: Any, dtype: Any = None, **inert: Any) -> Any:
    found = array(value, dtype)
    if found is None and isinstance(value, (int, float)):
        return value
    return NotImplemented if found is None else found


def _arange(*args: Any, dtype: Any = None, start: Any = None, stop: Any = None, step: Any = 1) -> Any:
    if stop is not None:
        args = (start or 0, stop, *args)
    low, high = (0, args[0]) if len(args) == 1 else args[:2]
    step = args[2] if len(args) > 2 else step
    if not plain([low, high, step]):
        return NotImplemented
    count = max(0, math.ceil((high - low) / step))
    return array([low + i * step for i in range(count)], dtype) if count <= MAX_SIZE else NotImplemented


def _linspace(start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None) -> Any:
    if not plain([start, stop, num]) or num > MAX_SIZE:
        return NotImplemented
    spaces = num - 1 if endpoint else num
    step = (stop - start) / spaces if spaces > 0 else 0.0
    numbers = [i * step + float(start) for i in range(num)]
    if endpoint and num > 1:
        numbers[-1] = float(stop)
    return array(numbers, dtype or "float64")


def _eye(rows: Any, columns: Any = None, k: Any = 0, dtype: Any = "float64") -> Any:
    width = rows if columns is None else columns
    if not isinstance(rows, int) or not isinstance(width, int) or rows * width > MAX_SIZE:
        return NotImplemented
    return array([[1 if j == i + k else 0 for j in range(width)] for i in range(rows)], dtype)


def _insert(value: Numbers, at: int, new: Any) -> Numbers:
    numbers = list(value.flat)
    numbers[at:at] = new if isinstance(new, (list, tuple)) else [new]
    return _typed(Numbers(numbers), value.dtype)  # type: ignore[no-any-return]


def _append(value: Numbers, new: Any) -> Any:
    return array([*value.flat, *(new if isinstance(new, (list, tuple)) else [new])])


def _joined(values: Numbers, axis: int = 0) -> Any:
    if axis != 0:
        return NotImplemented
    return array([row for part in values for row in part])


def _cumulative(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def run(value: Numbers) -> Any:
        out: list[Any] = []
        for n in value.flat:
            out.append(function(out[-1], n) if out else n)
        return Numbers(out, value.dtype)

    return run


def _round(value: Any, decimals: int = 0) -> Any:
    return _elementwise(lambda n: round(n, decimals) if decimals else type(n)(round(n)), value)


def _clip(value: Any, low: Any, high: Any) -> Any:
    return _elementwise(lambda n: min(max(n, low), high), value)


def _mean(numbers: list[Any]) -> float:
    return sum(numbers) / len(numbers)


_MAKING: dict[str, Callable[..., Any]] = {
    "array": _array,
    "asarray": _array,
    "arange": _arange,
    "linspace": _linspace,
    "eye": _eye,
    "identity": _eye,
}
_EACH: dict[str, Callable[[Any], Any]] = {
    **{n: getattr(math, n) for n in ("sqrt", "log2", "log10", "log1p", "exp", "sin", "cos", "tan", "tanh")},
    "log": math.log,
    "ceil": lambda n: float(math.ceil(n)),
    "floor": lambda n: float(math.floor(n)),
    "abs": abs,
    "absolute": abs,
    "square": lambda n: n * n,
    "negative": lambda n: -n,
    "sign": lambda n: (n > 0) - (n < 0),
    "int32": int,
    "int64": int,
    "float32": lambda n: _cast(n, "float32"),
    "float64": float,
}
_REDUCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "max": max,
    "amax": max,
    "min": min,
    "amin": min,
    "sum": sum,
    "prod": math.prod,
    "mean": _mean,
    "argmax": lambda n: n.index(max(n)),
    "argmin": lambda n: n.index(min(n)),
    "any": any,
    "all": all,
}
_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "maximum": max,
    "minimum": min,
    "power": lambda a, b: a**b,
    "multiply": lambda a, b: a * b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "divide": lambda a, b: a / b,
    "floor_divide": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}
_OTHERS: dict[str, Callable[..., Any]] = {
    "insert": _insert,
    "append": _append,
    "concatenate": _joined,
    "hstack": _joined,
    "cumsum": _cumulative(lambda a, b: a + b),
    "cumprod": _cumulative(lambda a, b: a * b),
    "round": _round,
    "around": _round,
    "rint": _round,
    "clip": _clip,
    "reshape": reshape,
    "transpose": _transpose,
    "flip": lambda value: Numbers(value[::-1], value.dtype),
    "unique": lambda value: Numbers(sorted(set(value.flat)), value.dtype),
    "sort": lambda value: Numbers(sorted(value), value.dtype),
    "diff": lambda value: Numbers([b - a for a, b in zip(value, value[1:])], value.dtype),
    "size": lambda value: len(value.flat),
    "shape": lambda value: value.shape,
}
NAMES = frozenset({*_MAKING, *_EACH, *_REDUCTIONS, *_PAIRS, *_OTHERS, "pi", "inf"})
