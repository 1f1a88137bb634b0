"""The precision of what is called, from its declaration and those of its parts."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.precision import EXACT
from kt_translate.graph.sym import known
from kt_translate.layers.activation_table import ACTIVATIONS
from kt_translate.layers.activations import named_activation
from kt_translate.layers.layer import Layer
from kt_translate.layers.rnn_settings import rule_of


def of_layer(rule: Layer) -> float:
    return max(
        [rule.keras_precision(), *(_of_setting((n, getattr(rule, n))) for n in rule.defaults)]
    )


def _of_setting(item: tuple[str, Any]) -> float:
    """Of a layer or cell that is wrapped, or of an activation."""
    field, value = item
    if field.endswith("activation"):
        name = known((named_activation(value) or ("linear",))[0])
        return (
            ACTIVATIONS[name].precision if isinstance(name, str) and name in ACTIVATIONS else EXACT
        )
    if isinstance(value, (list, tuple)):
        return max((_of_setting(("", part)) for part in value), default=EXACT)
    part = rule_of(value)
    return of_layer(part) if isinstance(part, Layer) else EXACT
