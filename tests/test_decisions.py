"""What code cannot be written without: the sample is taken for granted, checked, and other values get other code."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

AXES = """
import keras
import tensorflow as tf
from keras import layers, ops


class Concat(layers.Layer):
    def __init__(self, axis, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return tf.concat(inputs, axis=self.axis)


class Mean(layers.Layer):
    def __init__(self, axis=1, keep=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.keep = keep

    def call(self, x):
        return ops.mean(x, axis=self.axis, keepdims=self.keep)


def joined(inputs, axis=-1):
    return Concat(axis)(inputs)


def scaled(x, units, kind="float32"):
    return ops.cast(layers.Dense(units)(x), kind)


def build(axis, keep):
    a, b = keras.Input((6, 6)), keras.Input((6, 6))
    return keras.Model([a, b], [joined([a, b], axis), Mean(axis, keep)(a), scaled(b, 2, "float64")])


first = build(1, True)
last = build(-1, False)
"""


@pytest.mark.parametrize("name", ["first", "last"])
@pytest.mark.usefixtures("float64")
def test_arguments_of_functions(name: str) -> None:
    pair = Pair(AXES)
    assert not pair.errors
    pair.check(name, name)


@pytest.mark.usefixtures("float64")
def test_other_arguments_raise() -> None:
    pair = Pair(AXES)
    pair.check("build", "build(1, True)", "1, True")
    with pytest.raises(NotImplementedError, match="axis"):
        pair.torch.build(2, True)


WEIGHTS = """
import keras
import tensorflow as tf
from keras import layers


class Cross(layers.Layer):
    def __init__(self, depth=2, kind="vector", **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.kind = kind

    def build(self, shape):
        size = int(shape[-1])
        if self.kind == "vector":
            self.kernels = [self.add_weight(name=f"kernel{i}", shape=(size, 1)) for i in range(self.depth)]
        elif self.kind == "matrix":
            self.kernels = [self.add_weight(name=f"kernel{i}", shape=(size, size)) for i in range(self.depth)]
        else:
            raise ValueError(self.kind)
        self.bias = [self.add_weight(name=f"bias{i}", shape=(size, 1)) for i in range(self.depth)]

    def call(self, inputs):
        first = x = tf.expand_dims(inputs, axis=2)
        for i in range(self.depth):
            if self.kind == "vector":
                x = tf.matmul(first, tf.tensordot(x, self.kernels[i], axes=(1, 0))) + self.bias[i] + x
            elif self.kind == "matrix":
                x = first * (tf.matmul(self.kernels[i], x) + self.bias[i]) + x
            else:
                raise ValueError(self.kind)
        return tf.squeeze(x, axis=2)


def build(kind):
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(2)(Cross(3, kind)(inputs)))


vector = build("vector")
matrix = build("matrix")
"""


@pytest.mark.parametrize("name", ["vector", "matrix"])
@pytest.mark.usefixtures("float64")
def test_lists_of_weights_in_both_branches_of_a_condition(name: str) -> None:
    pair = Pair(WEIGHTS)
    assert not pair.errors
    pair.check(name, name)
    assert pair.done.code.count("self.bias0 = ") == 1


TAKEN_BEFORE = """
import keras
from keras import layers


def shortcut(x, filters, place, axis):
    if place == 0:
        x = layers.BatchNormalization(axis)(layers.Conv2D(filters, 1)(x))
    return x


def unit(x, filters, place, axis=1):
    y = layers.Conv2D(filters, 3, padding="same")(x)
    return layers.Add()([shortcut(x, filters, place, axis), y])


def build(depth=3, filters=4, axis=1):
    inputs = keras.Input((5, 6, 2))
    x = layers.BatchNormalization(axis)(inputs)
    for i in range(depth):
        x = unit(x, filters, i, axis)
    return keras.Model(inputs, x)
"""


@pytest.mark.usefixtures("float64")
def test_what_was_taken_for_granted_keeps_loops() -> None:
    pair = Pair(TAKEN_BEFORE)
    assert not pair.errors
    for given in ("", "2, 6", "5"):
        pair.check("build", f"build({given})", given)
    with pytest.raises(NotImplementedError, match="axis"):
        pair.torch.build(axis=2)


UNKNOWN_WORDS = """
import keras
from keras import layers

SETTINGS = {"small": {"sizes": {"units": 3}, "rate": 0.25}, "large": {"sizes": {"units": 5}, "rate": 0.5}}


def backbone(name, x):
    return getattr(keras.applications, name)(input_tensor=x, weights=None).output


def build(units=4, name="plain"):
    x = inputs = keras.Input((32, 32, 3))
    if name == "plain":
        x = layers.Conv2D(units, 3)(x)
    elif "Mobile" in name:
        x = backbone(name, x)
    else:
        raise NotImplementedError
    return keras.Model(inputs, layers.Dense(2)(x))


class Net:
    def __init__(self, sizes={"units": 2}, rate=0.125, weights=""):
        if weights:
            sizes, rate = SETTINGS[weights]["sizes"], SETTINGS[weights]["rate"]
        self.units, self.rate = sizes["units"], rate
        self.model = self.make()

    def make(self):
        inputs = keras.Input((4,))
        x = layers.LeakyReLU(self.rate)(layers.Dense(self.units)(inputs))
        return keras.Model(inputs, layers.Dense(3)(x))
"""


@pytest.mark.usefixtures("float64")
def test_what_no_sample_tells_in_a_branch() -> None:
    pair = Pair(UNKNOWN_WORDS)
    assert not pair.errors
    pair.check("build", "build(5)", "5")
    with pytest.raises(NotImplementedError, match="name"):
        pair.torch.build(name="MobileNet")
    pair.check("Net.model", "Net().model", "")
    pair.check("Net.model", "Net(weights='large').model", "weights='large'")
