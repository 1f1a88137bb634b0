"""Masks through models that are called as layers, and those that Keras 3's attention takes off tensors."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tests.test_subclasses import Both, _double

__all__ = ["_double"]
WORDS = np.array([[1, 2, 3, 0, 0], [0, 4, 0, 5, 6], [1, 1, 1, 1, 1]], "int32")

SOURCE = """
def words():
    inputs = keras.Input((5,), dtype="int32")
    return inputs, layers.Embedding(9, 4, mask_zero=True)(inputs)


class Norm(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.LayerNormalization()

    def call(self, x):
        return self.norm(x)


class Attend(layers.Layer):
    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 4)
        self.norm = layers.LayerNormalization()
        self.add = layers.Add()

    def call(self, x, scale=1.0):
        y = self.attention(x, x)
        return self.norm(self.add([x, y]) if scale != 1.0 else y)


class Feed(layers.Layer):
    def __init__(self):
        super().__init__()
        self.feed = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dense(4)])
        self.add = layers.Add()

    def call(self, x):
        return self.add([x, self.feed(x)])


def handed_on():
    inputs, x = words()
    x = keras.Sequential([layers.Dense(6, activation="relu"), layers.Dropout(0.1)])(x)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def heeded_within():
    inputs, x = words()
    x = keras.Sequential([layers.LSTM(4, return_sequences=True), layers.Dense(3)])(x)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def heeded_in_part():
    inputs, x = words()
    own = keras.Input((5, 4))
    y = layers.LSTM(4)(layers.Dense(5)(own))
    part = keras.Model(own, layers.Concatenate()([y, layers.GlobalAveragePooling1D()(own)]))
    return keras.Model(inputs, part(x))


def dropped_within():
    inputs, x = words()
    layer = keras.Sequential([layers.Dense(4), layers.Reshape((5, 4)), layers.Dense(3)])
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(layer(x)))


def made_within():
    own = keras.Input((5,), dtype="int32")
    part = keras.Model(own, layers.Dense(3)(layers.Embedding(9, 4, mask_zero=True)(own)))
    inputs = keras.Input((5,), dtype="int32")
    return keras.Model(inputs, layers.LSTM(4)(part(inputs)))


def in_layers():
    inputs, x = words()
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(Feed()(x)))


def attention_in_layers():
    inputs, x = words()
    y, z = Attend()(x), Attend()(x)
    ends = [layers.GlobalAveragePooling1D()(t) for t in (x, y, z)]
    return keras.Model(inputs, [*ends, Attend()(y)])


def attention_then_sum():
    inputs, x = words()
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(Attend()(x, scale=2.0)))


def attention_in_turn():
    inputs, x = words()
    for _ in range(2):
        x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
    return keras.Model(inputs, x)


def attention_and_models():
    inputs, x = words()
    for _ in range(2):
        x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
        x = layers.Add()([x, keras.Sequential([layers.Dense(6), layers.Dense(4)])(x)])
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def both_kinds():
    inputs, x = words()
    y = layers.MultiHeadAttention(2, 4)(Attend()(x), x)
    z = layers.Add()([x, Norm()(x)])
    return keras.Model(inputs, [y, layers.LSTM(3)(y), layers.GlobalAveragePooling1D()(z)])
"""
BUILDERS = [
    *("handed_on", "heeded_within", "heeded_in_part", "dropped_within", "made_within", "in_layers"),
    *("attention_in_layers", "attention_then_sum", "attention_in_turn", "both_kinds"),
    "attention_and_models",
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("masks"), SOURCE)


@pytest.mark.parametrize("builder", BUILDERS)
def test_masks_are_those_of_keras(both: Both, builder: str) -> None:
    both.agree(builder, "", "", WORDS)


def test_a_model_takes_a_mask_only_where_it_heeds_it(both: Both) -> None:
    names = [
        list(inspect.signature(getattr(both.out, name)().sequential.forward).parameters)
        for name in ("handed_on", "heeded_within")
    ]
    assert names == [["x"], ["x", "mask"]]
