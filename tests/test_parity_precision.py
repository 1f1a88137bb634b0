"""Generated tests are as strict as Keras's own float64 allows, by what is called and not by words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kt_translate.diagnostics import Log
from kt_translate.graph.precision import EXACT, SINGLE_CONSTANT, SINGLE_KERNEL
from kt_translate.pipeline import Options, translate

MODEL = """
import keras
import tensorflow as tf
from keras import layers, ops
inputs = keras.Input((8, 8, 4), name="a_bilinear_gelu")
model = keras.Model(inputs, {made})
"""


def parity_test(text: str) -> str:
    done = translate(text, "model.py", Options(path=Path("model.py")), Log())
    assert done.test is not None
    return done.test


@pytest.mark.parametrize(
    ("made", "precision"),
    [
        ("layers.Activation('relu')(inputs)", EXACT),
        ("layers.Conv2D(3, 3, activation='gelu')(inputs)", SINGLE_CONSTANT),
        ("layers.TimeDistributed(layers.Dense(3, activation='gelu'))(inputs)", SINGLE_CONSTANT),
        ("layers.Dense(3, activation=tf.nn.leaky_relu)(inputs)", SINGLE_CONSTANT),
        ("layers.LeakyReLU(0.25)(inputs)", EXACT),
        ("layers.LeakyReLU(0.1)(inputs)", SINGLE_CONSTANT),
        ("layers.ReLU(negative_slope=0.1)(inputs)", SINGLE_CONSTANT),
        ("layers.ReLU(negative_slope=0.1, max_value=6)(inputs)", EXACT),
        ("layers.Rescaling(0.5, offset=-1)(inputs)", EXACT),
        ("layers.Rescaling(1 / 255)(inputs)", SINGLE_CONSTANT),
        ("layers.Normalization(mean=0.1, variance=1.0)(inputs)", SINGLE_CONSTANT),
        ("layers.MultiHeadAttention(2, 16)(inputs, inputs)", EXACT),
        ("layers.MultiHeadAttention(2, 8)(inputs, inputs)", SINGLE_CONSTANT),
        ("layers.UpSampling2D(2)(inputs)", EXACT),
        ("layers.UpSampling2D(2, interpolation='bilinear')(inputs)", SINGLE_KERNEL),
        ("layers.Resizing(9, 9)(inputs)", SINGLE_KERNEL),
        ("layers.RandomZoom(0.2)(inputs)", EXACT),
        ("ops.gelu(inputs)", SINGLE_CONSTANT),
        ("ops.leaky_relu(inputs, 0.5)", EXACT),
        ("ops.image.resize(inputs, (9, 9))", SINGLE_KERNEL),
        ("ops.image.resize(inputs, (9, 9), interpolation='nearest')", EXACT),
        ("keras.backend.resize_images(inputs, 2, 2, 'channels_last')", EXACT),
    ],
)
def test_tolerance(made: str, precision: float) -> None:
    found = re.search(r"^TOLERANCE = (\S+)", parity_test(MODEL.format(made=made)), re.MULTILINE)
    assert found is not None
    assert float(found[1]) == precision


def test_imports_from_within_keras_stay() -> None:
    """A module of ``keras.src`` that has no public name is imported from where it is."""
    text = """
from keras.src import layers
from keras.src.applications import imagenet_utils
from keras.src.models import Functional

def build(classes):
    inputs = layers.Input(shape=(8, 8, 4))
    shape = imagenet_utils.obtain_input_shape(
        (8, 8, 3), 8, 8, "channels_last", require_flatten=True, weights=None
    )
    return Functional(inputs, layers.Dense(classes)(inputs))

model = build(3)
"""
    test = parity_test(text)
    assert "from keras.src.applications import imagenet_utils" in test
    assert "from keras.src.models import Functional" in test
