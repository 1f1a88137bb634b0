"""Weights of Keras's own layers that the source reads: ``dense.kernel``, ``embedding.weights[0]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kt_translate.evaluate import activations, external
from kt_translate.evaluate.values import LayerValue, Unknown
from kt_translate.graph.nodes import ReadNode
from kt_translate.graph.region import CURRENT
from kt_translate.graph.tensor import Shape, Tensor
from kt_translate.layers.convolutional import Conv
from kt_translate.layers.core import Dense, Embedding
from kt_translate.layers.layer import Layer
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class Kept(NamedTuple):
    """How PyTorch keeps a weight: Keras's shape of it, and the expression for it in Keras's order."""

    shape: Callable[[Any, Any], Shape]  # of the declaration and the channels of its input
    read: Callable[[Expr], Expr]


def _last_two_first(rank: int) -> Callable[[Expr], Expr]:
    return lambda module: module.weight.permute(*range(2, rank + 2), 1, 0)


def _weights_of(rule: Layer) -> dict[str, Kept]:
    """The weights that a layer has, in Keras's order."""
    if isinstance(rule, Embedding):
        shape = (rule.input_dim, rule.output_dim)
        return {"embeddings": Kept(lambda r, n: shape, lambda module: module.weight)}
    found = {}
    if isinstance(rule, Dense):
        found["kernel"] = Kept(lambda r, n: (n, r.units), lambda module: module.weight.T)
        units = rule.units
    elif isinstance(rule, Conv):
        sizes, read = rule.each("kernel_size"), _last_two_first(rule.rank)
        found["kernel"] = Kept(lambda r, n: (*sizes, n // r.groups, r.filters), read)
        units = rule.filters
    if found and rule.use_bias is True:  # type: ignore[attr-defined]
        found["bias"] = Kept(lambda r, n: (units,), lambda module: module.bias)
    return found


def names(rule: Layer) -> set[str]:
    """The names of the weights that are known of a layer."""
    return set(_weights_of(rule))


LISTS = ("weights", "variables", "trainable_weights", "trainable_variables")


def attribute(ev: Interpreter, layer: LayerValue, name: str) -> Any:
    """A weight of the layer by its name in Keras, or the list of all; None for anything else."""
    weights = _weights_of(layer.rule)
    if name in weights:
        return _read(ev, layer, weights[name], name)
    if name in LISTS and weights:
        return [_read(ev, layer, kept, which) for which, kept in weights.items()]
    return None


def _read(ev: Interpreter, layer: LayerValue, kept: Kept, name: str) -> Any:
    called_on = layer.calls[0][0] if layer.calls else layer.built_on
    if not called_on and not isinstance(layer.rule, Embedding):
        return Unknown(f"{name} of a layer that is not built yet", ev.line)
    if any(t.flattened is not None for t in called_on):
        return Unknown(f"{name} of a layer on a flattened picture", ev.line)
    shape = kept.shape(layer.rule, called_on[0].channels if called_on else None)
    weight = Tensor(shape, name=name)
    weight.facts |= {"layer": layer, "weight": name}
    node = ReadNode([], [weight], ev.line, layer.rule, layer.use)
    node.called_on, node.read = called_on, kept.read
    CURRENT[-1].add(node)
    return weight


def replace(layer: LayerValue, name: str, value: Any) -> None:
    """Let a weight be a tensor from now on; the weight itself sets it back."""
    facts = value.facts if isinstance(value, Tensor) else {}
    if facts.get("layer") is layer and facts.get("weight") == name:
        layer.replaced.pop(name, None)
    else:
        layer.replaced[name] = value


def called(ev: Interpreter, layer: LayerValue, x: Any) -> Any:
    """The layer, with the weights that it was given: what it computes, said with them."""
    rule: Any = layer.rule
    weights = {name: attribute(ev, layer, name) for name in _weights_of(rule)} | layer.replaced
    if isinstance(rule, Dense):
        y = external.call(ev, "keras.ops.matmul", [x, weights["kernel"]], {}, None)
    elif isinstance(rule, Conv) and rule.data_format != "channels_first":
        names = ("strides", "padding", "dilation_rate")
        settings = {n: getattr(rule, n) for n in names}
        y = external.call(ev, "keras.ops.conv", [x, weights["kernel"]], settings, None)
    else:
        ev.note("KT203", f"a weight of {type(rule).__name__} that is set is not supported")
        return Unknown("a layer with a weight that is set", ev.line)
    if "bias" in weights:
        y = external.call(ev, "keras.ops.add", [y, weights["bias"]], {}, None)
    activation = rule.activation
    return y if activation is None else activations.apply(ev, activation, y, layer.use)
