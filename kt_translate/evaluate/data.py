"""Arrays of data, of which only shape and type are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import RuleError
from kt_translate.evaluate import arrays
from kt_translate.evaluate.values import Array, Native, Unknown, is_computed
from kt_translate.ops.indexing import shape_at

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


_DRAWN = {
    "normal": 2,
    "uniform": 2,
    "randint": 2,
    "random": 0,
    "random_sample": 0,
    "standard_normal": 0,
}


@dataclass(eq=False)
class Labels(Array):
    """The labels of a data set that is known: as many classes, counted from 0."""

    classes: int = 0


STATISTICS = ("max", "min", "sum", "mean", "std", "var", "median", "prod", "argmax", "argmin")


def statistic(ev: Interpreter, name: str, value: Array, *axes: Any, **settings: Any) -> Any:
    """A number that stands for all of some data; along an axis, several."""
    if axes or settings:
        return Array(None, value.dtype)
    if isinstance(value, Labels) and name in ("max", "min"):
        return value.classes - 1 if name == "max" else 0
    found = Unknown("a statistic of data", ev.line)
    found.parts = (name, value, None)
    return found


def random(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Random numbers, of which only the shape is known."""
    if name in ("rand", "randn") and args:
        return Array(tuple(args))
    if name == "permutation" and args:
        return Array(args[0].shape if isinstance(args[0], Array) else (args[0],), "int64")
    if name in _DRAWN:
        given = args[_DRAWN[name] : _DRAWN[name] + 1]
        shape = given[0] if given else kwargs.get("size")
        if shape is not None:
            return Array(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
    return Unknown(f"the result of numpy.random.{name}", ev.line)


class DataShape(tuple):  # type: ignore[type-arg]
    """The shape of data; a part of it leaves open what is not known, as an input's shape does."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if isinstance(key, slice):
            sizes, last = found[:-1], found[-1:]  # the last is asked for: weights tell it
            return (*(None if isinstance(s, Unknown) else s for s in sizes), *last)
        return found


def array_reshape(value: Array, shape: Any) -> Array:
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    sizes = tuple(None if type(s) is int and s == -1 else s for s in shape)
    return replace(value, shape=sizes, fill=None, step=None)


def reshaped(value: Unknown, args: tuple[Any, ...]) -> Any:
    """Data that are not known, in a shape that the source says in part."""
    shape = args[0] if len(args) == 1 else args
    if not isinstance(shape, (tuple, list)) or all(isinstance(s, Unknown) for s in shape):
        return Unknown("data in another shape", value.line)
    return array_reshape(Array(None), shape)


def array_attribute(ev: Interpreter, value: Array, name: str) -> Any:
    found = arrays.attribute(ev, value, name) if is_computed(value) else NotImplemented
    if found is not NotImplemented:
        return found
    if name == "shape":
        return DataShape(value.shape) if value.shape is not None else Unknown("the shape of data")
    if name == "dtype":
        return value.dtype
    if name == "astype":
        return Native(
            name,
            lambda ev, dtype, *a, **k: replace(
                value,
                dtype=dtype if isinstance(dtype, str) else value.dtype,
                fill=None,
                step=None,
            ),
        )
    if name == "reshape":
        return Native(name, lambda ev, *a: array_reshape(value, a[0] if len(a) == 1 else a))
    if name in STATISTICS:
        return Native(name, lambda ev, *a, **k: statistic(ev, name, value, *a, **k))
    value.fill = value.step = None  # the method may change it
    return Native(name, lambda ev, *a, **k: Array(None, value.dtype))


def array_index(value: Array, key: Any) -> Array:
    if value.shape is None:
        return Array(None, value.dtype)
    keys = key if isinstance(key, tuple) else (key,)
    if isinstance(key, Array) and key.shape is not None and len(key.shape) == 1:
        return Array(
            (None, *value.shape[1:]), value.dtype
        )  # by numbers, or by a mask of the first axis
    if any(isinstance(k, (Array, Unknown)) for k in keys):
        return Array(None, value.dtype)
    try:
        return Array(shape_at(value.shape, key), value.dtype)
    except RuleError:  # more indices than axes
        return Array(None, value.dtype)
