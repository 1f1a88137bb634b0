"""What is inside Keras's MultiHeadAttention, for classes of the source that extend it and call its parts themselves."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import external, precision
from kt_translate.evaluate import models as models_module
from kt_translate.evaluate.values import Instance, LayerValue, Native, Unknown
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.multi_head import MultiHeadAttention
from kt_translate.ops.attention import ATTEND

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

PROJECTIONS = {
    "_query_dense": "query",
    "_key_dense": "key",
    "_value_dense": "value",
    "_output_dense": "attention_output",
}
_SETTINGS = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "attention_axes")


def attribute(ev: Interpreter, instance: Instance, own: LayerValue, name: str) -> Any:
    """A projection, a setting or a step of the attention; None for anything else."""
    rule = own.rule
    if not isinstance(rule, MultiHeadAttention):
        return None
    if name in PROJECTIONS:
        return _projection(ev, instance, rule, name)
    if name == "_compute_attention":
        return Native(name, lambda ev, *a, **k: _attended(ev, rule, *a, **k))
    if name == "_compute_attention_mask":
        return Native(name, _attention_mask)
    if name == "_inverse_sqrt_key_dim":
        return 1 / rule.key_dim**0.5
    if name in ("value_dim", "_value_dim"):
        return _value_dim(rule)
    setting = name.removeprefix("_")
    return getattr(rule, setting) if setting in _SETTINGS else None


def _projection(ev: Interpreter, instance: Instance, rule: MultiHeadAttention, name: str) -> Any:
    """One of the four, which Keras makes together and in this order."""
    from kt_translate.evaluate.extended import CALLED, INPUT

    entered = tensors_in(instance.attributes.get(INPUT))
    if not entered:
        return Unknown(f"{name} of a layer that is not built", ev.line)
    if CALLED in instance.attributes:
        ev.note("KT204", f"{name} is read in a layer that calls super().call() too")
    if entered[0].rank != 3 or rule.use_gate is not False or rule.output_shape is not None:
        ev.note(
            "KT203",
            "MultiHeadAttention whose parts are called takes sequences, without gate and output_shape",
        )
        return Unknown(f"{name} of such an attention", ev.line)
    bias = ev.demand(rule.use_bias, "use_bias of MultiHeadAttention")
    settings = {
        f"{weight}_{kind}": getattr(rule, f"{weight}_{kind}")
        for weight in ("kernel", "bias")
        for kind in ("initializer", "regularizer", "constraint")
    }
    for part, keras_name in PROJECTIONS.items():
        last = part == "_output_dense"
        dim = _value_dim(rule) if part == "_value_dense" else rule.key_dim
        sizes = (entered[0].shape[-1],) if last else (rule.num_heads, dim)
        letters = "e" if last else "de"
        settings |= {"bias_axes": letters if bias else None, "name": keras_name}
        instance.attributes[part] = models_module.make_layer(
            ev,
            "EinsumDense",
            ["abcd,cde->abe" if last else "abc,cde->abde", (None, *sizes)],
            settings,
        )
    return instance.attributes[name]


def _value_dim(rule: MultiHeadAttention) -> Any:
    return rule.key_dim if rule.value_dim is None else rule.value_dim


def _attended(
    ev: Interpreter,
    rule: MultiHeadAttention,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    training: Any = None,
    return_attention_scores: Any = False,
) -> Any:
    """``self._compute_attention(...)``; that of Keras 2 gives the scores in any case."""
    ev.precision = max(ev.precision, precision.of_layer(rule))
    scored = ev.flavour == "2" or return_attention_scores
    settings = {
        "dropout": rule.dropout,
        "training": training,
        "return_attention_scores": scored,
    }
    return external.call(ev, ATTEND, [query, key, value, attention_mask], settings, None)


def _attention_mask(
    ev: Interpreter,
    query: Any,
    value: Any,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    use_causal_mask: Any = False,
) -> Any:
    """``self._compute_attention_mask(...)`` of Keras 3: all masks together, (N, T, S)."""
    parts = [attention_mask] if isinstance(attention_mask, Tensor) else []
    for mask, axis in ((query_mask, -1), (value_mask, -2), (key_mask, -2)):
        if isinstance(mask, Tensor):
            parts.append(external.call(ev, "keras.ops.expand_dims", [mask, axis], {}, None))
    if ev.demand(use_causal_mask, "use_causal_mask"):
        sizes = [external.call(ev, "keras.ops.shape", [t], {}, None)[1] for t in (query, value)]
        ones = external.call(ev, "keras.ops.ones", [(1, *sizes)], {"dtype": "bool"}, None)
        parts.append(external.call(ev, "keras.ops.tril", [ones], {}, None))
    if not parts:
        return None
    return reduce(lambda a, b: external.call(ev, "keras.ops.logical_and", [a, b], {}, None), parts)
