"""Masks that the source asks for and hands on by itself: numbers as in Keras, and nothing that is not read."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from tests.model_harness import Pair, float64
from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double", "float64"]
WORDS = np.array([[1, 2, 3, 0, 0], [0, 4, 0, 5, 6], [1, 1, 1, 1, 1]], "int32")

ASKED = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(9, 4, mask_zero=True)
        self.lstm = layers.LSTM(3)

    def call(self, inputs):
        x = self.embedding(inputs)
        mask = self.embedding.compute_mask(inputs)
        return self.lstm(x, mask=mask)


net = Net()
net(keras.Input((5,), dtype="int32"))
"""


def test_a_mask_is_computed_once(tmp_path: Path) -> None:
    both = Both(tmp_path, ASKED)
    net = both.agree("net", None, "", WORDS)  # type: ignore[arg-type]
    assert inspect.getsource(type(net).forward).count("!= 0") == 1


GIVEN = """
class Weighted(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.query, self.key = layers.Dense(units), layers.Dense(units)
        self.attention = layers.AdditiveAttention()

    def call(self, x, context, mask):
        given = [ops.ones(ops.shape(x)[:-1], dtype="bool"), mask]
        y, weights = self.attention(
            [self.query(x), context, self.key(context)], mask=given, return_attention_scores=True
        )
        return y, weights


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(9, 4, mask_zero=True)
        self.weighted = Weighted(3)

    def call(self, inputs):
        x = self.embedding(inputs)
        y, weights = self.weighted(x, self.embedding(inputs[:, ::-1]), ops.not_equal(inputs, 4))
        return y, weights


net = Net()
net(keras.Input((5,), dtype="int32"))
"""


def test_a_mask_that_is_given_takes_the_place_of_others(tmp_path: Path) -> None:
    both = Both(tmp_path, GIVEN)
    net = both.agree("net", None, "", WORDS)  # type: ignore[arg-type]
    assert list(inspect.signature(net.weighted.forward).parameters) == ["x", "context", "mask"]


NAMED = """
class Attend(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, units)

    def call(self, x, context):
        return x + self.attention(x, context)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.attend = Attend(4)

    def call(self, inputs):
        x, context = inputs
        return self.attend(layers.Masking()(x), layers.Masking()(context))


net = Net()
net([keras.Input((5, 4)), keras.Input((3, 4))])
"""


def test_masks_are_named_after_what_they_come_with(tmp_path: Path) -> None:
    both = Both(tmp_path, NAMED)
    x, context = numbers(2, 5, 4), numbers(2, 3, 4)
    x[0, 3:] = context[1, 1:] = 0
    net = both.agree("net", None, "", x, context, structure=lambda *inputs: list(inputs))  # type: ignore[arg-type]
    taken = list(inspect.signature(net.attend.forward).parameters)
    assert taken == ["x", "context", "mask", "context_mask"]


CONDITIONS = """
import keras
from keras import layers


def build(vocab=20, width=8, attend=True, rate=0.1, dense=False):
    inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(vocab, width, mask_zero=True)(inputs)
    if rate > 0.0:
        x = layers.Dropout(rate)(x)
    y = x
    if attend:
        y = layers.MultiHeadAttention(2, 4)(x, x)
    if dense:
        y = layers.Dense(width)(y)
    return keras.Model(inputs, layers.LSTM(5)(layers.Add()([x, y])))
"""


@pytest.mark.usefixtures("float64")
def test_masks_through_conditions() -> None:
    pair = Pair(CONDITIONS)
    assert pair.errors == []
    for given in ("", "rate=0.0", "attend=False", "attend=False, dense=True", "9, 4, dense=True"):
        pair.check("build", f"build({given})", given)
    assert "translated for rate" not in pair.done.code
