"""Functions that are handed models of which the file knows nothing: they take modules."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import Input, Model
from keras.layers import *


def small_net(shape, filters=5):
    i = Input(shape)
    x = Conv2D(4, 3, activation="relu")(i)
    x = BatchNormalization()(x)
    x = Conv2D(filters, 3, strides=2, activation="relu")(x)
    return Model(i, x)
"""

HEADS = HEAD + """
def built_upon(base_model, nb_classes, fc_size=8):
    x = base_model.output
    x = GlobalAveragePooling2D()(x)
    x = Dense(fc_size, activation="relu")(x)
    return Model(inputs=base_model.input, outputs=Dense(nb_classes, activation="softmax")(x))


def frozen(base, nb_classes):
    for layer in base.layers:
        layer.trainable = False
    x = GlobalMaxPooling2D()(Conv2D(6, 1)(base.output))
    return Model(base.input, Dense(nb_classes)(x))


def flattened(base_model, n, drop=0.4):
    x = Dropout(drop)(Flatten()(base_model.output))
    y = Flatten()(AveragePooling2D(2)(base_model.output))
    return Model(base_model.inputs, [Dense(n, activation="softmax")(x), Dense(2)(y)])


def called(backbone, n):
    i = Input((11, 10, 3))
    return Model(i, Dense(n)(Flatten()(backbone(i))))


def twins(encoder, shape=(11, 10, 3)):
    a, b = Input(shape), Input(shape)
    code = Dense(7)
    codes = [code(Flatten()(encoder(x))) for x in (a, b)]
    return Model([a, b], Dense(1, activation="sigmoid")(Subtract()(codes)))
"""


@pytest.mark.usefixtures("float64")
def test_a_model_among_the_arguments_is_a_module() -> None:
    pair = Pair(HEADS)
    assert not pair.errors
    for name in ("built_upon", "frozen", "flattened", "called"):
        pair.check(name, f"{name}(small_net((11, 10, 3)), 4)", "small_net((11, 10, 3)), 4")
        pair.check(name, f"{name}(small_net((11, 10, 3), 6), 3)", "small_net((11, 10, 3), 6), 3")
    pair.check("twins", "twins(small_net((11, 10, 3)))", "small_net((11, 10, 3))")
    net = pair.torch.small_net((11, 10, 3))
    made = pair.torch.built_upon(net, 4, base_model_channels=5)
    assert made.base_model is net
    assert all(p.requires_grad for p in net.parameters())
    pair.torch.frozen(net, 4)
    assert not any(p.requires_grad for p in net.parameters())


WITHIN = HEAD + """
def from_within(base_model, n):
    x = GlobalAveragePooling2D()(base_model.layers[-2].output)
    y = GlobalAveragePooling2D()(base_model.output)
    return Model(base_model.input, Dense(n)(Concatenate()([x, y])))
"""


def test_nothing_is_known_of_the_layers_of_such_a_model() -> None:
    pair = Pair(WITHIN)
    assert pair.errors
    assert pair.entries("from_within")[0]["status"] != "translated"
    with pytest.raises(NotImplementedError):
        pair.torch.from_within(None, 3)
