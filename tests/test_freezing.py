"""What is frozen: as in Keras, for whatever the arguments say."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

SOURCE = """
import keras
from keras import layers


def given(train=True, n=4):
    i = keras.Input((5,))
    x = layers.Dense(n, trainable=train)(i)
    y = layers.Dense(3)
    y.trainable = train
    return keras.Model(i, layers.Dense(2)(y(x)))


def within(base_trainable=False):
    base = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
    base.trainable = base_trainable
    i = keras.Input((5,))
    return keras.Model(i, layers.Dense(2)(base(i)))


def conv(x, n):
    return layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(n, 3)(x)))


def picked(freeze=False, classes=3):
    start = keras.Input((12, 12, 3))
    x = conv(start, 4)
    for i in range(3):
        x = conv(x, 8)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(start, layers.Dense(classes)(x))
    if freeze:
        for layer in model.layers[:-2]:
            layer.trainable = False
    return model


def many(freeze=False, width=3):
    if width > 100:
        raise ValueError("too wide")
    x = i = keras.Input((5,))
    x = layers.Dense(width, name="a")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(width, name="b")(x)
    x = layers.BatchNormalization(name="c")(x)
    x = layers.Dense(width, name="d")(x)
    base = keras.Model(i, layers.Dense(width, name="e")(x))
    if freeze:
        for layer in base.layers:
            if not isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
    return keras.Model(i, layers.Dense(2)(base.output))


def whole(train_base=False):
    base = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    if not train_base:
        base.trainable = False
    i = keras.Input((6, 6, 3))
    return keras.Model(i, layers.Dense(2)(layers.Flatten()(base(i))))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["given", "within", "picked", "many", "whole"])
def test_conditions_say_what_is_frozen(name: str) -> None:
    pair = Pair(SOURCE)
    assert not pair.errors
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    for flag in ("True", "False"):
        keras.utils.clear_session()
        pair.check(name, f"{name}({flag})", flag)
        theirs = eval(f"{name}({flag})", pair.keras)
        ours = getattr(pair.torch, name)(flag == "True")
        trained = sum(p.numel() for p in ours.parameters() if p.requires_grad)
        assert trained == sum(int(np.prod(w.shape)) for w in theirs.trainable_weights)
        assert "layer" not in dict(ours.named_children())


def test_what_one_condition_freezes_is_said_once() -> None:
    pair = Pair(SOURCE)
    together = "if freeze:\n            for part in (self.a, self.b, self.d, self.e):"
    assert together in pair.done.code
