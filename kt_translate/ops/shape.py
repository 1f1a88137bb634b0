"""What is known of a tensor's shape: sizes, ranks, and shapes with which the source computes."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.sym import Sym, same
from kt_translate.graph.tensor import Shape, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.op import op
from kt_translate.ops.values import (
    as_tensor,
    is_number,
    is_scalar,
    leaves,
    listed,
    nested_shape,
    number,
    size_of,
)
from kt_translate.pytorch.expr import Expr


class ShapeVector(tuple):  # type: ignore[type-arg]
    """``tf.shape(x)``: a tuple of sizes that computes as the vector that it is in TensorFlow."""

    def _each(self, operator: str, other: Any, turned: bool = False) -> ShapeVector:
        others = list(other) if isinstance(other, (list, tuple)) else [other] * len(self)
        pairs = [(b, a) if turned else (a, b) for a, b in zip(self, others)]
        return ShapeVector(operation(operator, a, b) for a, b in pairs)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return ShapeVector(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> ShapeVector:
        return self._each("+", other)

    def __radd__(self, other: Any) -> ShapeVector:
        return self._each("+", other, True)

    def __sub__(self, other: Any) -> ShapeVector:
        return self._each("-", other)

    def __mul__(self, other: Any) -> ShapeVector:
        return self._each("*", other)

    def __rmul__(self, other: Any) -> ShapeVector:
        return self._each("*", other, True)

    def __floordiv__(self, other: Any) -> ShapeVector:
        return self._each("//", other)

    def __truediv__(self, other: Any) -> ShapeVector:
        return self._each("/", other)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self),)


def sizes_of(x: Any) -> list[Any]:
    """Every size of a tensor, those that are not known as numbers read at run time."""
    if is_scalar(x):
        return []
    if not isinstance(x, Tensor):
        parts = leaves(x)
        if all(map(is_scalar, parts)):
            return list(nested_shape(x))
        x = as_tensor(x)
    return [size_of(x, axis) for axis in range(x.rank)]


@op("keras.ops.shape")
def shape(x: Any) -> tuple[Any, ...]:
    return tuple(sizes_of(x))


@op("tf.shape", "keras.backend.shape", "tf.compat.v1.shape", x="input")
def tf_shape(input: Any, out_type: Any = None) -> ShapeVector:
    return ShapeVector(sizes_of(input))


@op("tf.shape_n")
def shape_n(input: Any, out_type: Any = None) -> list[Any]:
    return [tf_shape(x) for x in input]


@op("keras.backend.int_shape", "numpy.shape")
def int_shape(x: Any) -> Any:
    return x.shape if isinstance(x, Tensor) else tuple(sizes_of(x))


@op("keras.ops.ndim", "keras.backend.ndim", "numpy.ndim", "tf.rank", input="x")
def ndim(x: Any) -> int:
    return x.rank if isinstance(x, Tensor) else len(nested_shape(x))


@op("keras.ops.size", "tf.size", "numpy.size", "keras.backend.count_params", input="x")
def size(x: Any, out_type: Any = None) -> Any:
    if isinstance(x, Tensor) and any(d is None for d in x.shape):
        return number(lambda e: e.numel(), [x])
    return product(sizes_of(x))


def product(sizes: Any) -> Any:
    total: Any = 1
    for part in sizes:
        total = part if same(total, 1) else operation("*", total, part)
    return total


# -- shapes that are given ------------------------------------------------------------------------
def given_sizes(value: Any, what: str = "a shape") -> list[Any]:
    """The sizes of a shape that the source gives; a None among them is one that is not said (-1)."""
    if isinstance(value, Tensor) and "constant" in value.facts:
        value = value.facts["constant"]
    value = listed(value)
    if is_scalar(value) or isinstance(value, Tensor):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise RuleError("KT203", f"{what} that is not known")
    out = [-1 if v is None else v for v in value]
    if sum(type(v) is int and v == -1 for v in out) > 1:
        raise RuleError("KT203", f"{what} with several sizes that are not known")
    for v in out:
        if not (is_scalar(v) or (isinstance(v, Tensor) and v.rank == 0)):
            raise RuleError("KT203", f"{what} computed from data")
    return out


def declared(sizes: list[Any]) -> Shape:
    """The same as far as it is known."""
    return tuple(None if isinstance(s, Tensor) else s for s in sizes)


def run_time(sizes: list[Any]) -> list[Tensor]:
    return [s for s in sizes if isinstance(s, Tensor)]


def written(sizes: list[Any], given: tuple[Expr, ...]) -> list[Any]:
    """The sizes for the code; ``given`` are the expressions of `run_time`."""
    rest = iter(given)
    return [next(rest) if isinstance(s, Tensor) else s for s in sizes]


def resolved(x: Tensor, sizes: list[Any]) -> Shape:
    """The shape after a reshape of ``x``: -1 is what is left."""
    out = list(declared(sizes))
    hole = next((i for i, s in enumerate(sizes) if type(s) is int and s == -1), None)
    if hole is None:
        return tuple(out)
    have: list[Any] = [d if d is not None else ("open", a) for a, d in enumerate(x.shape)]
    want = [_origin(s) for i, s in enumerate(sizes) if i != hole]
    for size in list(want):
        match = next((h for h in have if _equal(h, size)), None)
        if match is not None:
            _remove(have, match)
            _remove(want, size)
    out[hole] = None
    if not any(isinstance(v, tuple) or v is None for v in (*have, *want)):
        out[hole] = _left(have, product(want))
    return tuple(out)


def _left(sizes: list[Any], taken: Any) -> Any:
    """What is left of a product of sizes: one of them, where the others are what is taken."""
    for i, size in enumerate(sizes):
        if same(product([*sizes[:i], *sizes[i + 1 :]]), taken):
            return size
    total = product(sizes)
    return total if same(taken, 1) else _divided(total, taken)


def _divided(total: Any, rest: Any) -> Any:
    return (
        Sym.binary("//", total, rest)
        if isinstance(total, Sym) or isinstance(rest, Sym)
        else total // rest
    )


def _origin(size: Any) -> Any:
    """A size read off axis 0 is the batch, whatever tensor it was read off."""
    if is_number(size):
        found = size.facts.get("size")
        return ("open", found[1]) if found is not None else None
    return None if isinstance(size, Tensor) else size


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return False
    return a == b if isinstance(a, tuple) or isinstance(b, tuple) else same(a, b)


def _remove(items: list[Any], item: Any) -> None:
    del items[next(i for i, v in enumerate(items) if v is item)]
