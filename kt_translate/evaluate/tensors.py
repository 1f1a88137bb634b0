"""Python's operators, indexing, attributes and builtins on tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import arrays, layer_weights
from kt_translate.evaluate.guards import guarded
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.text import LayerName
from kt_translate.evaluate.values import Array, External, Native, Unknown
from kt_translate.graph.nodes import ReadNode
from kt_translate.graph.operators import BINARY
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Tensor
from kt_translate.ops.arguments import numbers_of
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.cast import cast_to
from kt_translate.ops.compare import invert
from kt_translate.ops.indexing import index_tensor
from kt_translate.ops.op import OPS
from kt_translate.ops.shape import ShapeVector, product
from kt_translate.ops.values import StaticShape, apply, broadcast, is_number, size_of

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

__all__ = [
    "arithmetic",
    "attribute",
    "broadcast",
    "builtin",
    "index",
    "shape_attribute",
    "unary",
]


def arithmetic(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` where one or both are tensors."""
    if op in ("is", "is not"):
        return (a is b) == (op == "is")
    if op in ("in", "not in"):
        return (isinstance(b, (list, tuple)) and any(a is v for v in b)) == (op == "in")
    if op in ("==", "!=") and any(v is None or isinstance(v, (str, External)) for v in (a, b)):
        return op == "!="
    if isinstance(a, ShapeVector) or isinstance(b, ShapeVector):
        a, b = numbers_of(a), numbers_of(b)
        if op in BINARY and not any(isinstance(v, Tensor) for v in (a, b)):
            return BINARY[op](a, b)
    a, b = arrays.as_tensors(a), arrays.as_tensors(b)
    if any(map(_unknown, (a, b))):
        first = a if isinstance(a, Unknown) else b
        if isinstance(first, Unknown):
            return Unknown(first.origin.why, first.origin.line)
        return Unknown("arithmetic of a tensor with what is not known", ev.line)
    return guarded(ev, lambda: operation(op, a, b))


def unary(ev: Interpreter, op: str, x: Tensor) -> Any:
    """``-x``, ``+x`` and ``~x``."""
    if op == "+":
        return x
    return guarded(ev, lambda: invert(x) if op == "~" else apply(lambda e: -e, x, label="-"))


def index(ev: Interpreter, x: Tensor, key: Any) -> Any:
    """``x[key]`` with numbers, slices, None, Ellipsis, tensors and lists."""
    key = arrays.as_tensors(key)
    key = arrays.axis_keys(key)
    if any(map(_unknown, _parts(key))):
        return Unknown("indexing by what is not known", ev.line)
    if is_number(x) and isinstance(key, tuple) and set(key) == {None, Ellipsis}:
        return [x]  # a size as a vector: ``batch_size[..., None]``
    return guarded(ev, lambda: index_tensor(x, key))


def _parts(key: Any) -> list[Any]:
    if isinstance(key, slice):
        return [key.start, key.stop, key.step]
    return [part for k in key for part in _parts(k)] if isinstance(key, (tuple, list)) else [key]


def _unknown(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_unknown, value))
    if isinstance(value, (Unknown, Array)):
        return True
    return not (
        value is None
        or value is Ellipsis
        or isinstance(value, (Tensor, Sym, int, float, bool, slice))
    )


# -- attributes -----------------------------------------------------------------------------------
ASSIGNMENTS = ("assign", "assign_add", "assign_sub")


def attribute(ev: Interpreter, x: Tensor, name: str) -> Any:
    """``x.name``: what Keras's and TensorFlow's tensors have."""
    if name in ASSIGNMENTS:
        return Native(name, lambda ev, *given, **options: _assigned(ev, x, name, *given))
    if name in ("shape", "_keras_shape"):
        return StaticShape.of(x)
    if name == "get_shape":
        return Native(name, lambda ev: StaticShape.of(x))
    if name == "dtype":
        return x.dtype
    if name in ("ndim", "rank"):
        return x.rank
    if name in ("input", "output") and "input" in x.facts:  # of the layer that an input is in Keras
        return x
    if name == "T":
        return guarded(ev, lambda: OPS["keras.ops.transpose"].function(x))
    if name == "name" and x.name is not None:
        return LayerName(x.name) if "input" in x.facts else x.name
    if name == "to_dense":  # of a linear operator
        return Native(name, lambda ev: x)
    if name == "set_shape":
        return Native(name, lambda ev, *shape: None)
    if name in ("_keras_mask", "mask"):
        return x.mask
    return Unknown(f"attribute {name} of a tensor", ev.line)


def _assigned(ev: Interpreter, x: Tensor, name: str, value: Any = None) -> Any:
    """``weight.assign(value)``: what the next call starts with is left out, what this one reads then is the value."""
    if isinstance(x.node, ReadNode) and name == "assign" and ev.calling and not ev.assumed:
        layer_weights.replace(x.facts["layer"], x.facts["weight"], value)
        return value
    if isinstance(x.node, ReadNode):  # what the layer gives hangs on it
        ev.note("KT203", f"{name}() of a weight of Keras's own layer is not supported here")
    else:
        ev.note("KT401", f"{name}() of a weight is left out")
    if isinstance(value, Tensor) and not ev.assumed:
        operator = {"assign_add": "+", "assign_sub": "-"}.get(name)
        x.facts["now"] = value if operator is None else arithmetic(ev, operator, x, value)
    return x.facts.get("now", x)


def shape_attribute(shape: Any, name: str) -> Any:
    """What TensorFlow's shapes and dimensions have beside Python's tuples and numbers; NotImplemented for the rest."""
    if name == "value" and (shape is None or isinstance(shape, (int, Sym))):
        return shape
    if not isinstance(shape, tuple):
        return NotImplemented
    methods: dict[str, Callable[..., Any]] = {
        "as_list": lambda ev: list(shape),
        "num_elements": lambda ev: None if None in shape else product(shape),
        "is_fully_defined": lambda ev: None not in shape,
        "concatenate": lambda ev, other: (*shape, *other),
        "assert_has_rank": lambda ev, rank: _of_rank(shape, rank),
        "with_rank": lambda ev, rank: _of_rank(shape, rank),
    }
    if name in methods:
        return Native(name, methods[name])
    return {"rank": len(shape), "ndims": len(shape), "dims": list(shape)}.get(name, NotImplemented)


def _of_rank(shape: tuple[Any, ...], rank: Any) -> tuple[Any, ...]:
    if isinstance(rank, int) and rank != len(shape):
        raise Raised(f"ValueError: Shape {shape} must have rank {rank}")
    return shape


# -- builtins -------------------------------------------------------------------------------------
def builtin(ev: Interpreter, name: str, args: Any) -> Any:
    """``abs(x)``, ``sum([a, b])`` and the like where tensors are among the arguments; NotImplemented for the rest."""
    rule = _BUILTINS.get(name)
    if rule is None or any(map(_unknown, args)):
        return NotImplemented
    return guarded(ev, lambda: rule(*args))


def _items(args: tuple[Any, ...]) -> list[Any]:
    return list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)


def _sum(items: Any, start: Any = 0) -> Any:
    parts = list(items) if type(start) is int and start == 0 else [start, *items]
    return reduce(lambda a, b: operation("+", a, b), parts)


_BUILTINS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: OPS["keras.ops.abs"].function(x),
    "round": lambda x, digits=0: OPS["keras.ops.round"].function(x, digits),
    "pow": lambda a, b: operation("**", a, b),
    "len": lambda x: size_of(x, 0) if isinstance(x, Tensor) else len(x),
    "sum": _sum,
    "max": lambda *args: reduce(OPS["keras.ops.maximum"].function, _items(args)),
    "min": lambda *args: reduce(OPS["keras.ops.minimum"].function, _items(args)),
    "int": lambda x: cast_to(x, "int32"),
    "float": lambda x: cast_to(x, "float32"),
    "bool": lambda x: cast_to(x, "bool"),
}
