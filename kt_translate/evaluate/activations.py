"""What an activation is given as: a name, a function of Keras, TensorFlow or the source, a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import calls, custom_objects, lambdas, models
from kt_translate.evaluate.higher_order import is_callable
from kt_translate.evaluate.values import External, LayerValue, Native, Unknown
from kt_translate.graph.nodes import ModuleUse
from kt_translate.graph.objects import ActivationSaid, KerasFunction
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.activations import named_activation

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

SAME_MASK = Native("mask", lambda ev, x, mask: mask)


def is_a_function(activation: Any) -> bool:
    """Whether an Activation computes what a function of the source or of TensorFlow says."""
    if isinstance(activation, External):
        return named_activation(activation) is None
    return is_callable(activation) and not isinstance(activation, LayerValue)


def apply(ev: Interpreter, activation: Any, x: Tensor, owner: ModuleUse) -> Any:
    """``activation`` of a layer ``owner``, whatever it was given as: a name, a function, a layer."""
    if isinstance(activation, (str, Sym)):
        return named(ev, activation, x, owner)
    if isinstance(activation, KerasFunction):
        return named(ev, activation.path.split(".")[-1], x, owner)
    if isinstance(activation, External) and (found := named_activation(activation)):
        name, arguments = found
        return named(ev, activation if arguments else name, x, owner)
    if isinstance(activation, LayerValue):
        activation.use.part_of = owner
        return models.call_layer(ev, activation, [x], {})
    if is_callable(activation) or isinstance(activation, lambdas.LambdaValue):
        return calls.call(ev, activation, [x], {}, None, None)
    ev.note("KT203", "this activation is not known")
    return Unknown("an unknown activation", ev.line)


def named(ev: Interpreter, name: Any, x: Tensor, owner: ModuleUse | None = None) -> Any:
    if name == "linear":
        return x
    layer = models.make_layer(ev, "Activation", [name], {})
    if not isinstance(layer, LayerValue):
        return layer
    layer.use.part_of = owner
    return models.call_layer(ev, layer, [x], {})


def activate(ev: Interpreter, name: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``keras.activations.<name>(x)``."""
    if name in ("get", "deserialize"):
        said = custom_objects.meant(ev, args[0] if args else kwargs.get("identifier"))
        if isinstance(said, Sym):
            return ActivationSaid(said.head, said.args, said.value)
        return External("keras.activations.linear") if said is None else said
    if args and isinstance(args[0], Tensor) and not kwargs and len(args) == 1:
        return named(ev, name, args[0])
    return Unknown(f"the activation {name}", ev.line)
