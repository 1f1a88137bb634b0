"""Loops whose turns call a model, or a layer of the source's own, that is made anew each time."""

from __future__ import annotations

import pytest

from tests.model_harness import check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops


def block(units, dim, name=None):
    x = inputs = keras.Input((None, dim))
    x = layers.Dense(units, activation="tanh")(x)
    x = layers.Dense(dim)(x)
    return keras.Model(inputs, layers.LayerNormalization()(x + inputs), name=name)


def gated(units, dim):
    inputs, gate = keras.Input((None, dim)), keras.Input((None, dim))
    x = layers.Dense(dim)(layers.Dense(units, activation="tanh")(inputs))
    return keras.Model([inputs, gate], x * gate + inputs)


class Own(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units, activation="tanh")

    def call(self, x, gate):
        return self.dense(x) * gate


def build(n=3, units=5, dim=4):
    tokens, gate = keras.Input((None,), dtype="int32"), keras.Input((None, dim))
    x = layers.Embedding(9, dim)(tokens)
    for i in range(n):
"""
TURNS = {
    "a model": (
        "x = block(units, dim, name=f'block_{i}')(x)",
        "self.blocks.append(Block(units=units, dim=dim))",
    ),
    "a model without a name": ("x = block(units + i, dim)(x)", "units=units + i"),
    "a model with what all turns read": (
        "x = gated(units, dim)([x, gate])",
        "for gated in self.gateds:\n            x = gated(x, gate)",
    ),
    "a layer with what all turns read": (
        "x = Own(dim)(x, gate)",
        "for own in self.owns:\n            x = own(x, gate)",
    ),
    "more than that": ("x = x + gated(units, dim)([x, gate])", "for stage in self.stages:"),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_model_for_each_turn(turn: str, float64: None) -> None:
    statement, written = TURNS[turn]
    text = f"{HEAD}        {statement}\n    return keras.Model([tokens, gate], x + gate)\n"
    assert written in check_kept(text, "12, 3, 6").done.code
