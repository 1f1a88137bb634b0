"""Python's operators and indexing on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import Array, External, Unknown
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.compare import invert
from kt_translate.ops.indexing import index_tensor
from kt_translate.ops.values import apply, broadcast

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

__all__ = ["arithmetic", "broadcast", "index", "negative", "unary"]


def arithmetic(ev: Interpreter, op: str, a: Any, b: Any) -> Any:
    """``a op b`` where one or both are tensors."""
    if op in ("is", "is not"):
        return (a is b) == (op == "is")
    if op in ("in", "not in"):
        return (isinstance(b, (list, tuple)) and any(a is v for v in b)) == (op == "in")
    if op in ("==", "!=") and any(v is None or isinstance(v, (str, External)) for v in (a, b)):
        return op == "!="
    if any(map(_unknown, (a, b))):
        return Unknown("arithmetic of a tensor with what is not known", ev.line)
    return _said(ev, lambda: operation(op, a, b))


def negative(ev: Interpreter, x: Tensor) -> Any:
    return unary(ev, "-", x)


def unary(ev: Interpreter, op: str, x: Tensor) -> Any:
    """``-x``, ``+x`` and ``~x``."""
    if op == "+":
        return x
    return _said(ev, lambda: invert(x) if op == "~" else apply(lambda e: -e, x, label="-"))


def index(ev: Interpreter, x: Tensor, key: Any) -> Any:
    """``x[key]`` with numbers, slices, None, Ellipsis, tensors and lists."""
    key = tuple(map(_axis_key, key)) if isinstance(key, tuple) else _axis_key(key)
    if any(map(_unknown, _parts(key))):
        return Unknown("indexing by what is not known", ev.line)
    return _said(ev, lambda: index_tensor(x, key))


def _axis_key(key: Any) -> Any:
    return None if isinstance(key, External) and key.path.endswith(".newaxis") else key


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


def _said(ev: Interpreter, compute: Callable[[], Any]) -> Any:
    """What is computed; a diagnostic where it cannot be."""
    try:
        return compute()
    except RuleError as error:
        ev.note(error.code, error.message, error.hint)
        return Unknown(error.message, ev.line)
