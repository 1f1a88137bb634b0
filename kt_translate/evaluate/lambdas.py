"""keras.layers.Lambda: a function of the source as a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import late, tensor_lists
from kt_translate.evaluate.higher_order import is_callable, run, training
from kt_translate.evaluate.values import (
    Function,
    Native,
    Partial,
    Unknown,
)
from kt_translate.graph.region import derived
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.layers.layer import RuleError

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


# -- keras.layers.Lambda --------------------------------------------------------------------------


@dataclass(eq=False)
class LambdaValue:
    """A Lambda layer: a function of the source, called on tensors with further arguments."""

    function: Any
    output_shape: Any = None
    mask: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    name: Any = None
    input_shape: Any = None
    line: int = 0
    trainable: bool = True
    calls: list[tuple[Any, Any]] = field(default_factory=list)


_COMMON = ("trainable", "dtype", "batch_size", "autocast", "dynamic", "weights")


def make_lambda(ev: Interpreter, args: list[Any], kwargs: dict[str, Any]) -> LambdaValue:
    """``keras.layers.Lambda(function, output_shape=None, mask=None, arguments=None)``."""
    names = ("function", "output_shape", "mask", "arguments")
    given = dict(zip(names, args), **kwargs)
    function = given.pop("function", None)
    if not is_callable(function):
        raise RuleError("KT203", "the function of this Lambda layer is not known")
    shape = given.pop("input_shape", None)
    batched = given.pop("batch_input_shape", None)
    if shape is None and isinstance(batched, (tuple, list)):
        shape = tuple(batched[1:])
    value = LambdaValue(
        function,
        given.pop("output_shape", None),
        given.pop("mask", None),
        given.pop("arguments", None) or {},
        given.pop("name", None),
        shape,
        ev.line,
    )
    for name in given:
        if name not in _COMMON:
            raise RuleError("KT204", f"Lambda has no argument {name!r}")
    return value


def call_lambda(
    ev: Interpreter, value: LambdaValue, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """The function on the layer's inputs. The result has a mask only if the layer is told one."""
    inputs = args[0] if args else next(iter(kwargs.values()), None)
    listed = tensor_lists.countless(inputs)  # as many as a loop has turns
    tensors = [] if listed else tensors_in(inputs)
    if not tensors and not listed:
        raise RuleError("KT203", "a Lambda layer is called on what is not known")
    masks = [t.mask for t in tensors]
    mask = masks if isinstance(inputs, (list, tuple)) else masks[0]
    more = dict(value.arguments)
    expected = _parameters(value.function)
    if "mask" in expected and "mask" not in more:
        more["mask"] = kwargs.get("mask", mask)
    if "training" in expected and "training" not in more:
        given = kwargs.get("training")
        more["training"] = training() if given is None else given
    result = run(ev, late.as_called_later(ev, value.function), inputs, **more)
    if value.mask is not None:
        found = run(ev, value.mask, inputs, mask) if is_callable(value.mask) else value.mask
        result = _masked(result, found)
    _check_shape(ev, value, result)
    value.calls.append((inputs, result))
    if isinstance(result, Tensor) and not any(result is t for t in tensors):
        result.facts["lambda"] = value
    return result


def attribute(ev: Interpreter, value: LambdaValue, name: str) -> Any:
    """What the source reads off such a layer."""
    if name in ("output", "input") and value.calls:
        return value.calls[0][name == "output"]
    if name in ("name", "trainable") and getattr(value, name) is not None:
        return getattr(value, name)
    if name == "build":  # there is nothing to build
        return Native(name, lambda ev, *args, **kwargs: None)
    return Unknown(f"attribute {name} of a Lambda layer", ev.line)


def _parameters(function: Any) -> set[str]:
    if isinstance(function, Function):
        params = function.node.params
        return {p.name.value for p in (*params.params, *params.kwonly_params)}
    if isinstance(function, Partial):
        return _parameters(function.function) - function.kwargs.keys()
    return set()


def _masked(result: Any, mask: Any) -> Any:
    if not isinstance(result, Tensor) or not isinstance(mask, Tensor):
        return result
    return derived(
        lambda e: e, [result], result.shape, result.dtype, result.layout, Layout.KEEP, mask
    )


def _check_shape(ev: Interpreter, value: LambdaValue, result: Any) -> None:
    """Old versions of Keras trust ``output_shape``; what the function gives is what is computed."""
    shape = known(value.output_shape)
    if not isinstance(shape, (tuple, list)) or not isinstance(result, Tensor):
        return
    said = tuple(shape) if len(shape) == result.rank else (None, *shape)
    if any(isinstance(s, (tuple, list)) for s in said):
        return
    wrong = len(said) != result.rank or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(said[1:], result.shape[1:])
    )
    if wrong:
        ev.note(
            "KT101",
            f"the Lambda layer says it gives {tuple(shape)}, its function gives {result.shape}: "
            "that was taken",
            "correct output_shape, if it is no mistake of the function",
        )
