"""NumPy's functions, and the attributes of its arrays, for numbers that the source says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.numbers import (
    MAX_SIZE,
    Numbers,
    along,
    array,
    cast,
    depth,
    dtype_of,
    elementwise,
    pairwise,
    reshape,
    typed,
    whole,
)
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import Native, Unknown, plain
from kt_translate.graph.arrays import Step
from kt_translate.graph.sym import UNKNOWN, Sym, call_symbolic, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


# -- attributes -------------------------------------------------------------------------------------


def attribute(ev: Interpreter, value: Numbers, name: str) -> Any:
    """``value.name``; NotImplemented for what is not known of arrays."""
    plain_facts = {
        "shape": value.shape,
        "size": len(value.flat),
        "ndim": depth(value),
        "dtype": value.dtype,
    }
    if name in plain_facts:
        return plain_facts[name]
    if name == "T":
        return _transpose(value)
    if name == "tolist":
        return Native(name, lambda ev: _lists(value))
    if name == "item":
        return Native(name, lambda ev, i=0: value.flat[i])
    if name == "astype":
        return Native(name, lambda ev, dtype, **k: typed(value, dtype_of(dtype, [])))
    if name in ("flatten", "ravel"):
        return Native(name, lambda ev, *a: Numbers(value.flat, value.dtype))
    if name == "copy":
        return Native(name, lambda ev: typed(value, value.dtype))
    if name == "reshape":
        return Native(name, lambda ev, *a: reshape(value, a[0] if len(a) == 1 else a))
    if name in NAMES:
        return Native(name, lambda ev, *a, **k: _method(ev, name, [value, *a], k))
    return NotImplemented


def _method(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    found = call(ev, name, args, kwargs)
    return Unknown(f"what {name}() gives", ev.line) if found is NotImplemented else found


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, Numbers) else value


def _transpose(value: Numbers) -> Any:
    if depth(value) < 2:
        return value
    if depth(value) > 2:
        return NotImplemented
    return Numbers([Numbers(row, value.dtype) for row in zip(*value)], value.dtype)


# -- functions --------------------------------------------------------------------------------------


def call(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``np.name(...)`` of known numbers; NotImplemented where it is not done here."""
    if name not in NAMES or any(isinstance(a, Unknown) for a in (*args, *kwargs.values())):
        return NotImplemented
    if name in _NUMBER_TYPES and args and isinstance(args[0], Sym):
        return call_symbolic(_NUMBER_TYPES[name], args[0])
    given = {k: v for k, v in kwargs.items() if k not in ("copy", "keepdims") or v}
    if name == "linspace" and not given and any(isinstance(a, Sym) for a in args):
        return call_symbolic("np.linspace", *args)
    sequences = any(isinstance(a, Sym) and isinstance(a.value, (list, tuple)) for a in args)
    if name in ("arange", "linspace", "eye", "identity") or sequences:
        args, given = [_settled(ev, name, a) for a in args], {
            k: _settled(ev, name, v) for k, v in given.items()
        }
    if name in _JOINING and not isinstance(args[0], (list, tuple)):
        return NotImplemented
    if name in _MAKING:
        made = _MAKING[name](*args, **given) if plain(_numbers_only(args)) else NotImplemented
        if isinstance(made, Numbers) and name in ("arange", "linspace", "eye", "identity"):
            made.origin = Step("call", name, tuple(args), given)
        return made
    args, given = [_settled(ev, name, a) for a in args], {
        k: _settled(ev, name, v) for k, v in given.items()
    }
    values = [a if isinstance(a, (int, float)) else array(a) for a in args[:1]]
    if not values or values[0] is None or not plain(args[1:]) or not plain(given):
        return NotImplemented
    with as_the_source_would():
        if name in _EACH:
            return (
                elementwise(_EACH[name], values[0])
                if not args[1:] and not given
                else NotImplemented
            )
        if name in _REDUCTIONS:
            numbers = values[0] if isinstance(values[0], Numbers) else Numbers(values)
            return along(
                _REDUCTIONS[name],
                numbers,
                *args[1:],
                **{"axis": None, **given} if not args[1:] else given,
            )
        if name in _PAIRS:
            if len(args) != 2 or given:
                return NotImplemented
            other = array(args[1]) if isinstance(args[1], (list, tuple)) else args[1]
            return whole(pairwise(_PAIRS[name], values[0], other), values[0], other)
        try:
            return _OTHERS[name](values[0], *args[1:], **given)
        except TypeError:  # of an argument that is not done here
            return NotImplemented


def _settled(ev: Interpreter, name: str, value: Any) -> Any:
    """An argument by its sample, where the function has to know it."""
    if isinstance(value, (list, tuple)) and not plain(value) and name not in ("sum", "prod"):
        return [_settled(ev, name, v) for v in value]
    return settled(ev, value, f"numpy.{name}") if isinstance(value, Sym) else value


def settled(ev: Interpreter, value: Sym, what: str) -> Any:
    """The sample of a number that has to be known: so is then what else is computed of its one parameter."""
    roots = [s for s in value.symbols if s.kind in ("param", "dim")]
    if len(roots) == 1:
        ev.demand(Sym.of(roots[0]), what)
        if value.symbols == set(roots) and known(value) is not UNKNOWN:
            return known(value)
    return ev.demand(value, what)


def _numbers_only(args: list[Any]) -> list[Any]:
    return [[] if isinstance(a, (list, tuple)) else a if plain(a) else None for a in args]


def _array(value: Any, dtype: Any = None, **inert: Any) -> Any:
    if isinstance(value, Sym) and isinstance(value.value, (tuple, list)):
        value = [Sym.index(value, i) for i in range(len(value.value))]
    found = array(value, dtype)
    if found is None and isinstance(value, (int, float)):
        return value
    return NotImplemented if found is None else found


def _arange(
    *args: Any, dtype: Any = None, start: Any = None, stop: Any = None, step: Any = 1
) -> Any:
    if stop is not None:
        args = (start or 0, stop, *args)
    low, high = (0, args[0]) if len(args) == 1 else args[:2]
    step = args[2] if len(args) > 2 else step
    if not plain([low, high, step]):
        return NotImplemented
    count = max(0, math.ceil((high - low) / step))
    return (
        array([low + i * step for i in range(count)], dtype)
        if count <= MAX_SIZE
        else NotImplemented
    )


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
    return typed(Numbers(numbers), value.dtype)  # type: ignore[no-any-return]


def _append(value: Numbers, new: Any) -> Any:
    more = array(new)
    return array([*value.flat, *([new] if more is None else more.flat)])


def _joined(values: Any, axis: int = 0) -> Any:
    parts = [array(v) for v in values]
    if not parts or None in parts or len({depth(p) for p in parts}) > 1:
        return NotImplemented
    if axis % depth(parts[0]) == 0:
        return array([row for part in parts for row in part])
    rows = [_joined(rows, axis % depth(parts[0]) - 1) for rows in zip(*parts)]
    return array(rows)


def _of_two_axes(value: Any, as_rows: bool) -> Any:
    """The array; one of one axis as a row or as a column."""
    found = array(value)
    if found is None or depth(found) != 1:
        return found
    return array([list(found)] if as_rows else [[n] for n in found])


def _of_one_axis(function: Callable[[Any], Any]) -> Callable[[Numbers], Any]:
    def run(value: Numbers) -> Any:
        one = len(value.shape) == 1
        return Numbers(function(list(value)), value.dtype) if one else NotImplemented

    return run


def _cumulative(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def run(value: Numbers, axis: Any = None, dtype: Any = None) -> Any:
        if axis is not None and len(value.shape) > 1:
            return NotImplemented
        out: list[Any] = []
        for n in value.flat:
            out.append(function(out[-1], n) if out else n)
        return Numbers(out, value.dtype)

    return run


def _round(value: Any, decimals: int = 0) -> Any:
    return elementwise(lambda n: round(n, decimals) if decimals else type(n)(round(n)), value)


def _clip(value: Any, low: Any, high: Any) -> Any:
    return elementwise(lambda n: min(max(n, low), high), value)


def _mean(numbers: list[Any]) -> Any:
    return sum(numbers) / len(numbers)


_JOINING = ("concatenate", "hstack", "vstack", "column_stack")
_MAKING: dict[str, Callable[..., Any]] = {
    "array": _array,
    "asarray": _array,
    "arange": _arange,
    "linspace": _linspace,
    "eye": _eye,
    "identity": _eye,
    "concatenate": _joined,
    "hstack": lambda values: _joined(values, min(1, depth(array(values[0])) - 1)),
    "vstack": lambda values: _joined([_of_two_axes(v, as_rows=True) for v in values]),
    "column_stack": lambda values: _joined([_of_two_axes(v, as_rows=False) for v in values], 1),
}
_NUMBER_TYPES = {"float32": "float", "float64": "float", "int32": "int", "int64": "int"}
_EACH: dict[str, Callable[[Any], Any]] = {
    **{
        n: getattr(math, n)
        for n in ("sqrt", "log2", "log10", "log1p", "exp", "sin", "cos", "tan", "tanh")
    },
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
    "float32": lambda n: cast(n, "float32"),
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
    "cumsum": _cumulative(lambda a, b: a + b),
    "cumprod": _cumulative(lambda a, b: a * b),
    "round": _round,
    "around": _round,
    "rint": _round,
    "clip": _clip,
    "reshape": reshape,
    "transpose": _transpose,
    "flip": _of_one_axis(lambda value: value[::-1]),
    "unique": lambda value: Numbers(sorted(set(value.flat)), value.dtype),
    "sort": _of_one_axis(sorted),
    "diff": _of_one_axis(lambda value: [b - a for a, b in itertools.pairwise(value)]),
    "size": lambda value: len(value.flat),
    "shape": lambda value: value.shape,
}
NAMES = frozenset({*_MAKING, *_EACH, *_REDUCTIONS, *_PAIRS, *_OTHERS, "pi", "inf"})
