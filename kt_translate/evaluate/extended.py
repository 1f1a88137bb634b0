"""What a layer class of the source has from the built-in layer that it extends: settings, and weights of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import attention_parts, calls, external
from kt_translate.evaluate.constructors import changed_hook
from kt_translate.evaluate.own_weights import make_weight
from kt_translate.evaluate.values import Class, Function, Instance, LayerValue, Native, Unknown
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import Layer
from kt_translate.layers.padding import Edges

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

INPUT = "super() input"
"""The attribute that holds what a layer is called on: its sizes are those of the weights."""
CALLED = "super() called"
_PER_AXIS = ("kernel_size", "strides", "dilation_rate")
_DENSE: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "kernel": lambda rule, channels: (channels, rule.units),
    "bias": lambda rule, channels: (rule.units,),
}
_CONV: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "kernel": lambda rule, channels: (*_sizes(rule), channels // rule.groups, rule.filters),
    "bias": lambda rule, channels: (rule.filters,),
}
_TRANSPOSED: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "kernel": lambda rule, channels: (*_sizes(rule), rule.filters, channels),
    "bias": lambda rule, channels: (rule.filters,),
}
_WEIGHTS = {
    "Dense": _DENSE,
    **{f"Conv{n}D": _CONV for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": _TRANSPOSED for n in (1, 2, 3)},
    "Embedding": {"embeddings": lambda rule, channels: (rule.input_dim, rule.output_dim)},
}


def attribute(ev: Interpreter, instance: Instance, own: LayerValue, name: str) -> Any:
    """A setting as Keras keeps it, or a weight, which is then the class's own; None for anything else."""
    rule = own.rule
    kind = type(rule).__name__
    if name in _weights_of(rule):
        return _weight(ev, instance, rule, name)
    if (part := attention_parts.attribute(ev, instance, own, name)) is not None:
        return part
    if isinstance(rule, Edges) and name == rule.edges:  # as Keras keeps it
        return tuple(rule.pairs()) if rule.rank > 1 else rule.pairs()[0]
    if name == "activation" and getattr(rule, "activation", name) is None:
        return "linear"
    if name in ("convolution_op", "_convolution_op") and kind.startswith("Conv"):
        return Native(name, lambda ev, x, kernel: _convolved(ev, rule, x, kernel))
    return _per_axis(rule, getattr(rule, name)) if name in _PER_AXIS and kind in _WEIGHTS else None


def is_off(instance: Instance, name: str) -> bool:
    """Whether this is a setting of the built-in layer that is None: no penalty, no bias."""
    own = instance.attributes.get("super()")
    return isinstance(own, LayerValue) and getattr(own.rule, name, "none such") is None


def _weight(ev: Interpreter, instance: Instance, rule: Layer, name: str) -> Any:
    entered = tensors_in(instance.attributes.get(INPUT))
    if not entered:
        return Unknown(f"{name} of a layer that is not built", ev.line)
    if name == "bias" and known(rule.use_bias) is False:  # type: ignore[attr-defined]
        return None
    if CALLED in instance.attributes:
        ev.note("KT204", f"{name} is read in a layer that calls super().call() too")
    first = getattr(rule, "data_format", None) == "channels_first"
    channels = entered[0].shape[1 if first else -1]
    if channels is None and type(rule).__name__ != "Embedding":
        ev.note("KT303", "the number of channels of this layer's input is not known")
        return Unknown(f"{name} of unknown shape", ev.line)
    for weight, shape in _weights_of(rule).items():
        if weight == name or _is_unread(ev, instance, rule, weight):
            settings = {
                kind: getattr(rule, f"{weight}_{kind}", None)
                for kind in ("initializer", "regularizer", "constraint")
            }
            made = make_weight(ev, {"name": weight, "shape": shape(rule, channels), **settings})
            instance.attributes[weight] = made
            if isinstance(made, Tensor):
                made.name = weight
    return instance.attributes[name]


def _is_unread(ev: Interpreter, instance: Instance, rule: Any, name: str) -> bool:
    """Whether Keras makes a weight that the class never reads: it is the class's own all the same."""
    if name in instance.attributes or _reads(instance, name):
        return False
    return name != "bias" or bool(ev.demand(rule.use_bias, "use_bias"))


def _reads(instance: Instance, name: str) -> bool:
    """Whether the source's class speaks of a weight of the layer that it extends."""
    own = [c for c in instance.cls.mro() if isinstance(c, Class) and c.source is not None]
    return any(re.search(rf"\bself\.{name}\b", c.source.code(c.node)) for c in own if c.source)


def _looked_up(ev: Interpreter, instance: Instance, rule: Any, indices: Tensor) -> Any:
    """What an Embedding gives whose table the class reads as well: the table is the class's own weight."""
    table = calls.attribute(ev, instance, "embeddings")
    found = external.call(ev, "keras.ops.take", [table, indices], {"axis": 0}, None)
    if isinstance(found, Tensor):
        found.mask = mask_of(ev, rule, indices)
    return found


def mask_of(ev: Interpreter, rule: Any, indices: Any) -> Any:
    """The mask that an Embedding makes."""
    if not ev.demand(rule.mask_zero, "mask_zero of Embedding"):
        return None
    return external.call(ev, "keras.ops.not_equal", [indices, 0], {}, None)


def called(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``super().call(x)`` of a built-in layer, by the class's own ``convolution_op`` where it has one."""
    own = instance.attributes["super()"]
    if (hook := changed_hook(instance.cls)) is not None:
        ev.note(
            "KT203", f"{hook}(), which Keras's own layer calls, is changed by {instance.cls.name}"
        )
        return Unknown(f"a layer with a {hook} of its own", ev.line)
    if isinstance(merge := instance.cls.lookup("_merge_function"), Function):
        return ev.run_method(merge, instance, [_of_one_rank(ev, args[0])], {})
    if type(own.rule).__name__ == "Embedding" and _reads(instance, "embeddings"):
        return _looked_up(ev, instance, own.rule, args[0])
    operation = next(
        (f for n in ("convolution_op", "_convolution_op") if (f := instance.cls.lookup(n))), None
    )
    if not isinstance(operation, Function) and not _has_own(instance, _weights_of(own.rule)):
        if _has_own(instance, attention_parts.PROJECTIONS):
            ev.note("KT204", "super().call() in a layer that reads the weights itself")
        instance.attributes[CALLED] = True
        return calls.call(ev, own, args, kwargs, None, None)
    instance.attributes.setdefault(INPUT, args[0])
    kernel = calls.attribute(ev, instance, "kernel")
    if isinstance(operation, Function):
        y = ev.run_method(operation, instance, [args[0], kernel], {})
    else:
        y = _computed(ev, own.rule, args[0], kernel)
    has_bias = ev.demand(own.rule.use_bias, "use_bias")
    bias = calls.attribute(ev, instance, "bias") if has_bias else None
    if bias is not None:
        if getattr(own.rule, "data_format", None) == "channels_first":
            shape = (1, -1, *(1,) * _rank(own.rule))
            bias = external.call(ev, "keras.ops.reshape", [bias, shape], {}, None)
        y = external.call(ev, "keras.ops.add", [y, bias], {}, None)
    activation = getattr(own.rule, "activation", None)
    return y if activation is None else calls.call(ev, activation, [y], {}, None, None)


def _has_own(instance: Instance, names: Iterable[str]) -> bool:
    """Whether the class has read, or set, weights of the layer that it extends: they are its own then."""
    return any(isinstance(instance.attributes.get(n), (Tensor, LayerValue)) for n in names)


def _computed(ev: Interpreter, rule: Any, x: Any, kernel: Any) -> Any:
    """What the built-in layer computes of its kernel as the class has it now, ahead of bias and activation."""
    kind = type(rule).__name__
    if kind == "Dense":
        return external.call(ev, "keras.ops.matmul", [x, kernel], {}, None)
    if not kind.startswith("Conv") or kind.endswith("Transpose") or rule.padding == "causal":
        ev.note("KT204", "super().call() in a layer that reads the weights itself")
    return _convolved(ev, rule, x, kernel)


def _of_one_rank(ev: Interpreter, inputs: Any) -> list[Any]:
    """What a layer merges: Keras gives those that have fewer axes new ones, after the batch."""
    rank = max(tensor.rank for tensor in inputs)

    def full(tensor: Tensor) -> Any:
        axes = tuple(range(1, 1 + rank - tensor.rank))
        return (
            external.call(ev, "keras.ops.expand_dims", [tensor, axes], {}, None) if axes else tensor
        )

    return [full(tensor) for tensor in inputs]


def _weights_of(rule: Layer) -> dict[str, Any]:
    return _WEIGHTS.get(type(rule).__name__, {})


def _convolved(ev: Interpreter, rule: Any, x: Any, kernel: Any) -> Any:
    settings = {n: getattr(rule, n) for n in ("strides", "padding", "dilation_rate", "data_format")}
    return external.call(ev, "keras.ops.conv", [x, kernel], settings, None)


def _rank(rule: Any) -> int:
    return int(next(c for c in type(rule).__name__ if c.isdigit()))


def _sizes(rule: Any) -> tuple[Any, ...]:
    return _per_axis(rule, rule.kernel_size)


def _per_axis(rule: Any, size: Any) -> tuple[Any, ...]:
    """One number for each axis, as Keras keeps it."""
    rank = _rank(rule)
    if isinstance(size, Sym) and isinstance(known(size), (tuple, list)):
        return tuple(Sym.index(size, i) for i in range(rank))
    return tuple(size) if isinstance(size, (tuple, list)) else (size,) * rank
