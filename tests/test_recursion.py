"""Functions that call themselves: a class that holds itself, for whatever they count down."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

LEVEL = """
import keras
from keras import layers
from keras.layers import Concatenate, Conv2D, MaxPooling2D, UpSampling2D


def block(x, filters, residual):
    y = Conv2D(filters, 3, padding='same', activation='relu')(x)
    return Concatenate()([x, y]) if residual else y


def level(x, filters, depth, rate, residual):
    if depth > 0:
        skip = block(x, filters, residual)
        x = MaxPooling2D()(skip)
        x = level(x, int(rate * filters), depth - 1, rate, residual)
        x = Conv2D(filters, 2, padding='same')(UpSampling2D()(x))
        x = block(Concatenate()([skip, x]), filters, residual)
    else:
        x = block(x, filters, residual)
    return x


def unet(shape=(16, 16, 2), filters=4, depth=2, rate=2.0, residual=False):
    start = keras.Input(shape)
    x = level(start, filters, depth, rate, residual)
    return keras.Model(start, Conv2D(1, 1)(x))
"""


def test_a_function_that_calls_itself_less_deep(float64: None) -> None:
    pair = Pair(LEVEL)
    assert pair.log.diagnostics == []
    for arguments in ("", "depth=0", "depth=3, filters=3, rate=1.5", "depth=1, residual=True"):
        keras.utils.clear_session()
        pair.check("unet", f"unet({arguments})", arguments)


GROWS = """
import keras
from keras import layers


def grow(x, depth, filters):
    x = layers.Conv2D(filters, 3, padding='same', name=f'conv_{depth}')(x)
    if depth > 0:
        inner = layers.AveragePooling2D(2)(x)
        inner = grow(inner, depth - 1, filters + 2)
        x = layers.Concatenate()([x, layers.UpSampling2D()(inner)])
    return x


def on(x, depth, filters):
    return layers.ReLU()(grow(x, depth, filters))


def shrink(x, units, depth):
    x = layers.Dense(units)(x)
    return shrink(x, units // 2, depth - 1) if depth > 1 else x


class Net:
    def __init__(self, filters):
        self.filters = filters

    def level(self, x, depth):
        x = layers.Conv1D(self.filters * depth, 3, padding='same')(x)
        if depth == 1:
            return x
        inner = self.level(layers.MaxPooling1D()(x), depth - 1)
        return layers.Concatenate()([x, layers.UpSampling1D()(inner)])


def picture(depth=2, filters=3):
    start = keras.Input((8, 8, 1))
    x = on(start, depth, filters)
    if x.shape[-1] != filters:
        x = layers.Conv2D(filters, 1)(x)
    return keras.Model(start, layers.BatchNormalization()(x))


def wide(depth=2, filters=3):
    start = keras.Input((8, 8, 1))
    x = layers.Flatten()(on(start, depth, filters))
    return keras.Model(start, layers.Dense(3)(x))


def numbers(depth=2, units=9):
    start = keras.Input((5,))
    return keras.Model(start, layers.Dense(2)(shrink(start, units, depth)))


def sequence(depth=2, filters=3):
    start = keras.Input((8, 2))
    x = Net(filters).level(start, depth)
    return keras.Model(start, layers.Dense(2)(layers.GlobalMaxPooling1D()(x)))


def within(depth=2, filters=3):
    def block(x, filters):
        return layers.Conv2D(filters, 3, padding='same', activation='relu')(x)

    def level(x, filters, depth):
        if depth == 0:
            return block(x, filters)
        skip = block(x, filters)
        x = level(layers.MaxPooling2D()(skip), 2 * filters, depth - 1)
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        return block(layers.concatenate([skip, x]), filters)

    start = keras.Input((8, 8, 1))
    return keras.Model(start, layers.Conv2D(1, 1)(level(start, filters, depth)))
"""


@pytest.mark.parametrize("name", ["picture", "wide", "numbers", "sequence", "within"])
def test_results_that_grow_with_what_is_within(name: str, float64: None) -> None:
    pair = Pair(GROWS)
    assert pair.log.diagnostics == []
    for arguments in ("", "depth=1", "depth=3"):
        keras.utils.clear_session()
        pair.check(name, f"{name}({arguments})", arguments)


def test_a_class_says_how_many_channels_it_gives() -> None:
    text = Pair(GROWS).done.code
    assert "self.out_channels = filters + self.grow.out_channels if depth > 0 else filters" in text
    assert "shrink = Shrink(5, units=units, depth=depth)" in text
