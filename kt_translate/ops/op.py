"""What a declaration of an op is: a function of the evaluator's values, under all the names that it goes by.

    @op("keras.ops.mean", "keras.backend.mean", "numpy.mean", "tf.reduce_mean", input_tensor="x")
    def mean(x: Tensor, axis: Any = None, keepdims: Any = False) -> Tensor:
        ...

The parameters are Keras's own, in its order; keyword arguments of the decorator are other spellings of them. What
is returned is a `Tensor` (made by `derived`), or a plain value or `Sym` where nothing depends on a tensor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kt_translate.graph.precision import EXACT
from kt_translate.layers.layer import RuleError

F = TypeVar("F", bound=Callable[..., Any])
Precision = Callable[[dict[str, Any]], float]

# Spellings that all of TensorFlow 1's functions share, and arguments that change no number.
_SPELLINGS = {"keep_dims": "keepdims", "reduction_indices": "axis", "dim": "axis", "a": "x"}
_INERT = {"name"}


@dataclass
class Op:
    """One function of Keras or TensorFlow."""

    function: Callable[..., Any]
    spellings: dict[str, str] = field(default_factory=dict)


OPS: dict[str, Op] = {}


def op(*paths: str, **spellings: str) -> Callable[[F], F]:
    """Declare the function that stands for each of ``paths`` (canonical: keras.ops.*, keras.backend.*, tf.*, numpy.*)."""

    def declare(function: F) -> F:
        for path in paths:
            if path in OPS:
                raise TypeError(f"{path} already has a declaration")
            OPS[path] = Op(function, spellings)
        return function

    return declare


def precise_to(precision: Precision) -> Callable[[F], F]:
    """Declare how near to exact Keras's own function comes in float64, from its arguments by name."""

    def declare(function: F) -> F:
        vars(function)["keras_precision"] = precision
        return function

    return declare


def call_op(path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``path(*args, **kwargs)``. Raises RuleError for arguments that the function does not know or cannot express."""
    bound = _bound(path, args, kwargs)
    return OPS[path].function(*bound.args, **bound.kwargs)


def precision_of(path: str, args: list[Any], kwargs: dict[str, Any]) -> float:
    """How near to exact ``path(*args, **kwargs)`` itself comes in float64."""
    precision: Precision | None = getattr(OPS[path].function, "keras_precision", None)
    if precision is None:
        return EXACT
    bound = _bound(path, args, kwargs)
    bound.apply_defaults()
    return precision(bound.arguments)


def _bound(path: str, args: list[Any], kwargs: dict[str, Any]) -> inspect.BoundArguments:
    declared = OPS[path]
    signature = inspect.signature(declared.function)
    given = {}
    takes_all = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for key, value in kwargs.items():
        name = declared.spellings.get(key, key)
        if name not in signature.parameters:
            name = _SPELLINGS.get(name, name)
        if name != key and value is None and name in signature.parameters:
            continue  # an old spelling that says nothing: reduction_indices=None beside axis
        if name in signature.parameters or (takes_all and key not in _INERT):
            given[name] = value
        elif key not in _INERT:
            raise RuleError("KT204", f"{path} has no argument {key!r}")
    try:
        return signature.bind(*args, **given)
    except TypeError as error:
        if path.startswith("tf.") and args and isinstance(args[-1], str):
            return _bound(path, args[:-1], kwargs)  # the last argument of most is a name
        raise RuleError("KT204", f"{path}: {error}") from error
