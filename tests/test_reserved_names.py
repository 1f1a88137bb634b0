"""What the source calls like something of the generated code: functions, classes, models, constants, variables."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64
from tests.test_constructs import errors_of

__all__ = ["float64"]

TEXT = """
from dataclasses import dataclass

import keras
from keras import layers

he_normal_ = 3
partial = 4


@dataclass
class KerasLayer:
    units: int = 3


class SameConv2d(layers.Layer):
    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(n, 4, padding="same", strides=2)

    def call(self, x):
        return self.conv(x)


def looped(F, nn, math=2):
    torch = layers.Conv2D(nn, 3, padding="same", strides=2)(F)
    F = layers.Conv2D(math, 3, padding="same", strides=2, activation="relu")(torch)
    return layers.Activation("relu")(layers.Conv2D(nn + math, 2, padding="same")(F))


def init_like_keras(n=4, settings=KerasLayer()):
    inputs = keras.Input((17, 16, 3))
    x = SameConv2d(settings.units)(looped(inputs, n))
    self = layers.Flatten()(looped(x, settings.units, 5))
    return keras.Model(inputs, layers.Dense(he_normal_ + partial, kernel_initializer="he_normal")(self))


def same_padding(torch=4):
    return keras.Sequential([keras.Input((9, 8, 3)), layers.Conv2D(torch, 3, strides=2, padding="same")])


def Tensor(units=3):
    return keras.Sequential([keras.Input((4,)), layers.Dense(units)])


model = init_like_keras()
like_keras = same_padding(2)
"""


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("model", ""),
        ("like_keras", ""),
        ("init_like_keras", "init_like_keras(3)"),
        ("same_padding", "same_padding()"),
        ("Tensor", "Tensor(units=2)"),
    ],
)
@pytest.mark.usefixtures("float64")
def test_names_of_the_generated_code_keep_their_meaning(name: str, call: str) -> None:
    pair = Pair(TEXT)
    assert not pair.errors
    pair.check(name, call or name, call.partition("(")[2].removesuffix(")"))


def test_an_argument_that_would_hide_what_the_constructor_needs_is_told() -> None:
    build = (
        "def build(nn=4):\n    i = keras.Input((3,))\n"
        "    return keras.Model(i, layers.Dense(nn)(i))\n\n\n"
    )
    text = f"import keras\nfrom keras import layers\n\n\n{build}model = build()\n"
    assert any("KT202" in e and "nn" in e for e in errors_of(text))


@pytest.mark.parametrize("name", ["half", "children", "blocks"])
def test_lists_of_layers_that_are_called_like_a_method(name: str, float64: None) -> None:
    check_kept(
        f"""
import keras
from keras import layers


class Stack(layers.Layer):
    def __init__(self, units, depth):
        super().__init__()
        self.{name} = [layers.Dense(units + i) for i in range(depth)]

    def call(self, x):
        for one in self.{name}:
            x = one(x)
        return x


def build(units=4, depth=2):
    inputs = keras.Input((5, 3))
    return keras.Model(inputs, Stack(units, depth)(inputs))
""",
        "3, 1",
        "2, 4",
    )
