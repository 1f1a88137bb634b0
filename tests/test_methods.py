"""Methods on tensors of classes that build models: they become classes as functions do."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

SOURCE = """
from keras import Input, Model
from keras.layers import *


class Base:
    axis = -1

    def __init__(self, classes, alpha=1.0):
        self.classes = classes
        self.alpha = alpha
        self.made = []

    def _conv(self, x, filters, kernel, act='relu'):
        x = Conv2D(int(filters * self.alpha), kernel, padding="same")(x)
        x = BatchNormalization(axis=self.axis)(x)
        return self._act(x, act)

    def _act(self, x, act):
        if act == 'relu':
            x = ReLU()(x)
        if act == 'tanh':
            x = Activation('tanh')(x)
        return x

    def _bottleneck(self, x, filters, kernel, act):
        y = self._conv(x, filters, 1, act)
        y = self._conv(y, filters, kernel, act)
        return Concatenate()([x, y])


class Small(Base):
    def build(self, shape):
        i = Input(shape)
        x = self._conv(i, 4, 3)
        x = self._bottleneck(x, 6, 3, 'tanh')
        x = self._bottleneck(x, 4, 1, 'relu')
        return Model(i, Dense(self.classes)(GlobalAveragePooling2D()(x)))


class Other(Base):
    def _act(self, x, act):
        return LeakyReLU(0.25)(x)

    def build(self, shape):
        i = Input(shape)
        x = self._bottleneck(i, 3, 3, 'tanh')
        return Model(i, self._conv(x, 2, 1))


class Counting(Base):
    def block(self, x, units):
        self.made.append(units)
        return Dense(units + len(self.made))(x)

    def named(self, x, units):
        self.last = units
        return Dense(units)(x)

    def build(self, features):
        i = Input((features,))
        x = self.named(self.block(self.block(i, 3), 3), 4)
        return Model(i, Dense(self.last + len(self.made))(x))
"""


@pytest.mark.usefixtures("float64")
def test_methods_on_tensors() -> None:
    pair = Pair(SOURCE)
    assert not pair.errors
    for name, given in (
        ("Small", "(9, 8, 3)"),
        ("Other", "(9, 8, 3)"),
        ("Counting", "5"),
    ):
        for made, arguments in (("3", f"3, {given}"), ("4, 2.0", f"4, {given}, 2.0")):
            keras.utils.clear_session()
            pair.check(f"{name}.build", f"{name}({made}).build({given})", arguments)
    code = pair.done.code
    assert code.count("class Bottleneck(") == 1
    assert "self.bottleneck_1 = Bottleneck(" in code
    assert "class Block(" not in code  # it changes its object


SHAPED = """
import keras
from keras import layers

FRAMES, BANKS = 8, 6


class Speaker:
    def __init__(self, batch_shape=(None, FRAMES, BANKS, 1), units=None):
        inputs = keras.Input(batch_shape=batch_shape)
        x = layers.Flatten()(layers.Conv2D(3, 3, strides=2, padding="same")(inputs))
        self.m = keras.Model(inputs, layers.Dense(2 if units is None else units)(x))
"""


@pytest.mark.usefixtures("float64")
def test_a_shape_with_the_batch_axis_is_an_argument_whose_default_names_constants() -> None:
    pair = Pair(SHAPED)
    assert not pair.errors
    pair.check("Speaker.m", "Speaker().m", "")
    given = "batch_shape=(None, 4, 10, 2), units=5"
    pair.check("Speaker.m", f"Speaker({given}).m", given)


NAMED_ALIKE = """
import keras
from keras import layers


class Multi:
    def __init__(self, units=(8, 6, 4), widths=(3, 5, 7)):
        self.units = units
        self.widths = widths

    def block(self, x, filters):
        branches = []
        for widths in self.widths:
            branches.append(layers.Conv1D(filters, widths, padding="same")(x))
        return layers.Dense(len(self.widths))(layers.Concatenate()(branches))

    def build(self, shape):
        i = keras.Input(shape)
        x = self.block(i, 4)
        for units in self.units:
            x = layers.Dense(units)(x)
        return keras.Model(i, layers.Dense(len(self.units))(x))
"""


@pytest.mark.usefixtures("float64")
def test_a_loop_variable_named_like_an_attribute_leaves_that_what_it_is() -> None:
    pair = Pair(NAMED_ALIKE)
    assert not pair.errors
    pair.check("Multi.build", "Multi().build((9, 2))", "(9, 2)")
    given = "units=(5, 3), widths=(1, 2, 3, 4)"
    pair.check("Multi.build", f"Multi({given}).build((9, 2))", f"(9, 2), {given}")
