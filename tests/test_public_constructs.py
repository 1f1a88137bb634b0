"""Constructs as public files have them, one each, beside Keras."""

from __future__ import annotations

import keras
import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = """import keras
import tensorflow as tf
from keras import backend as K
from keras import layers
"""

MODELS = {
    "activations that are functions of TensorFlow": """
i = keras.Input((4,))
x = layers.Activation(tf.nn.relu6)(layers.Dense(3)(i))
x = layers.Dense(3, activation=keras.ops.silu)(x)
x = layers.Dense(3, activation=tf.math.sin)(layers.Activation(keras.ops.square)(x))
model = keras.Model(i, layers.Activation(tf.square)(x))
""",
    "a custom activation hands on the mask": """
i = keras.Input((4,))
x = layers.Embedding(5, 3, mask_zero=True)(layers.Lambda(lambda t: tf.abs(tf.round(t)))(i))
x = layers.Activation(lambda t: t * 2)(x)
model = keras.Model(i, layers.LSTM(2)(x))
""",
    "a constant that only what is returned names": """
bound = 2.0
i = keras.Input((4,))
model = keras.Model(i, layers.Dense(1, activation="tanh")(i) * bound)
""",
    "an inner model by its name": """
def encoder(width):
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(width)(i), name="encoder")
i = keras.Input((4,))
whole = keras.Model(i, layers.Dense(2)(encoder(3)(i)))
model = whole.get_layer("encoder")
""",
    "a function on a dict of tensors": """
def encode(inputs, dim):
    return [layers.Dense(dim + i)(inputs[name]) for i, name in enumerate(inputs)]
def build(dim=2):
    inputs = {name: keras.Input((width,), name=name) for name, width in (("b", 2), ("a", 3))}
    x = layers.concatenate(encode(inputs, dim))
    return keras.Model(list(inputs.values()), layers.Dense(1)(x))
model = build()
""",
    "a layer that says what inputs it takes": """
class Scale(layers.Layer):
    def build(self, input_shape):
        self.input_spec = [layers.InputSpec(shape=input_shape)]
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        self.built = True
    def call(self, x, mask=None):
        return x * self.gamma
i = keras.Input((4,))
model = keras.Model(i, Scale()(layers.Dense(3)(i)))
""",
}


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + MODELS[name])
    assert pair.errors == []
    pair.check("model", "model")


def test_gelu_of_keras_ops_is_an_approximation() -> None:
    text = IMPORTS + (
        "i = keras.Input((4,))\n"
        "model = keras.Model(i, layers.Dense(3, activation=keras.ops.gelu)(i))\n"
    )
    assert 'approximate="tanh"' in translate(text, "model.py", Options(), Log()).code
