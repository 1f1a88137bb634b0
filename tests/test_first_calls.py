"""Layers of the source whose ``build`` keeps sizes, called on inputs of several sizes: Keras runs it at the first call."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

SOURCE = """
import keras
from keras import layers, ops


class Coords(layers.Layer):
    def build(self, input_shape):
        self.height, self.width = input_shape[1:3]
        self.scale = input_shape[-1] ** -0.5
        self.proj = layers.Dense(input_shape[-1])
        super().build(input_shape)

    def call(self, x):
        y = self.proj(x) * self.scale
        return y * (ops.shape(x)[1] / self.height) + self.width


class Mean(layers.Layer):
    def build(self, input_shape):
        self.shape_then = input_shape

    def call(self, x):
        return ops.mean(x, axis=1, keepdims=True) * self.shape_then[1]


def two_inputs():
    a, b = keras.Input((8, 6, 4)), keras.Input((4, 12, 4))
    layer = Coords()
    return keras.Model([a, b], [layer(a), layer(b)])


def in_turn(length=8):
    inputs = keras.Input((length, 6))
    layer = Mean()
    x = inputs
    for _ in range(2):
        x = layers.UpSampling1D(2)(x)
        x = x + layer(x)
    return keras.Model(inputs, x)


def one_size():
    inputs = keras.Input((8, 6))
    layer = Mean()
    return keras.Model(inputs, layer(inputs) + layer(ops.tanh(inputs)))
"""


@pytest.mark.parametrize("name", ["two_inputs", "in_turn", "one_size"])
def test_sizes_of_the_first_call(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(SOURCE)
    assert pair.errors == []
    pair.check(name, f"{name}()")


def test_alike_calls_read_sizes_off_their_input() -> None:
    alone = SOURCE.partition("def two_inputs")[0] + "def one" + SOURCE.partition("def one")[2]
    pair = Pair(alone)
    assert "first_length" not in pair.done.code
    assert "first_length" in Pair(SOURCE).done.code
