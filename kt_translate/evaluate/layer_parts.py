"""What the source asks of a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import layer_weights
from kt_translate.evaluate.text import LayerName
from kt_translate.evaluate.values import LayerValue, Native, Unknown, plain
from kt_translate.graph.nodes import LayerNode
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.activations import Activation, named_activation
from kt_translate.layers.layer import RuleError
from kt_translate.layers.pooling import Pooling
from kt_translate.layers.rnn import Recurrent
from kt_translate.layers.rnn_cells import Cell
from kt_translate.layers.rnn_settings import WEIGHT_SETTINGS
from kt_translate.layers.spatial import Spatial

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def attribute(ev: Interpreter, layer: LayerValue, name: str) -> Any:
    """What the source reads off a layer."""
    if name == "name":
        said = layer.use.keras_name or Unknown("an automatic name", ev.line)
        return LayerName(said) if isinstance(said, str) else said
    if name in ("output", "input") and layer.calls:
        inputs, output = layer.calls[0]
        return output if name == "output" else inputs[0] if len(inputs) == 1 else inputs
    if name == "trainable":
        return layer.trainable
    if name == "built":  # by its call, at the latest
        return True
    if name == "build":
        return Native(name, lambda ev, *a, **k: None)
    if name in ("input_shape", "output_shape") and layer.calls:
        inputs, output = layer.calls[0]
        return (tensors_in(output) if name == "output_shape" else inputs)[0].shape
    if (found := layer_weights.attribute(ev, layer, name)) is not None:
        return found
    if name == "compute_mask":
        return Native(name, lambda ev, *a, **k: _computed_mask(layer, *a, **k))
    if name == "get_initial_state" and isinstance(layer.rule, (Cell, Recurrent)):
        from kt_translate.evaluate import recurrent

        rule = layer.rule
        return Native(name, lambda ev, *a, **k: recurrent.zero_states(ev, rule, *a, **k))
    words = getattr(layer.rule, "known_vocabulary", lambda: None)()
    if words is not None and name in ("get_vocabulary", "vocabulary_size"):
        return Native(
            name, lambda ev, *a, **k: list(words) if name == "get_vocabulary" else len(words)
        )
    if isinstance(layer.rule, Spatial) and name in _OF_AXES and hasattr(layer.rule, name):
        return _of_axes(layer.rule, name)
    if hasattr(layer.rule, name):
        return getattr(layer.rule, name)
    return Unknown(f"attribute {name} of a layer", ev.line)


_OF_AXES = ("kernel_size", "strides", "dilation_rate", "pool_size")


def _of_axes(rule: Spatial, name: str) -> Any:
    """A setting for each axis, as Keras keeps it; Keras 2 has that of one-dimensional pooling as it is given."""
    value = getattr(rule, name)
    if name == "strides" and isinstance(rule, Pooling) and value is None:
        return _of_axes(rule, "pool_size")
    as_given = rule.flavour == "2" and rule.rank == 1 and isinstance(rule, Pooling)
    return rule.each(name) if plain(value) and not as_given else value


def set_attribute(ev: Interpreter, layer: LayerValue, name: str, value: Any) -> None:
    """``layer.name = value``: what the layer computes from then on, in the models that have it too."""
    if name in ("name", "_name"):
        if isinstance(known(value), str):
            layer.use.keras_name, layer.use.changed = value, bool(layer.calls)
    elif name in layer_weights.names(layer.rule) and ev.calling and not ev.assumed:
        layer_weights.replace(layer, name, value)
    elif name in layer_weights.names(layer.rule):
        ev.note("KT203", f"a {name} that is set is not supported")
    elif name == "activation":
        layer.use.changed = bool(layer.calls)
        layer.rule.activation = value  # type: ignore[attr-defined]
        for _, output in layer.calls:
            if not _activated(layer, output, "linear" if value is None else value, ev.flavour):
                ev.note("KT203", "an activation that is set after the call is not supported here")
    elif name in layer.rule.defaults and not name.endswith(WEIGHT_SETTINGS) and plain(value):
        layer.use.changed = bool(layer.calls)
        setattr(layer.rule, name, value)


def _activated(layer: LayerValue, output: Any, value: Any, flavour: str) -> bool:
    """Put another activation in place of that which a call of the layer has. Whether there is one."""
    node = output.node if isinstance(output, Tensor) else None
    if not isinstance(node, LayerNode) or not isinstance(node.rule, Activation):
        return value == "linear" and isinstance(output, Tensor)
    if node.use is not layer.use and node.use.part_of is not layer.use:
        return False
    try:
        node.rule = Activation.bind([value], {}, flavour)
    except RuleError:
        return False
    name = (named_activation(value) or (None,))[0]
    output.activation = name if name in ("softmax", "sigmoid") else None
    output.logits = node.inputs[0] if output.activation else None
    return True


def _computed_mask(layer: LayerValue, inputs: Any, mask: Any = None) -> Tensor | None:
    """``layer.compute_mask(inputs, mask)``; of a call that there has been, the mask that it gave."""
    tensors, masks = tensors_in(inputs), tensors_in(mask)
    for entered, output in layer.calls:
        if not masks and list(map(id, entered)) == list(map(id, tensors)):
            found: Tensor | None = tensors_in(output)[0].mask
            return found
    given = [replace(t, mask=m) for t, m in zip(tensors, masks, strict=False)]
    return layer.rule.output_mask(*(given or tensors))
