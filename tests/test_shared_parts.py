"""Layers that are part of others: wrapped more than once, or the activation of a layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

SOURCE = """
def wrapped_in_turn():
    a, b = keras.Input((5, 4)), keras.Input((5, 4))
    shared = [layers.Dense(6, activation="elu"), layers.Dense(7)]
    x, y = a, b
    for layer in shared:
        x = layers.TimeDistributed(layer)(x)
    for layer in shared:
        y = layers.TimeDistributed(layer)(y)
    return keras.Model([a, b], layers.concatenate([x, y]))


def wrapped_and_called():
    a, b = keras.Input((5, 4)), keras.Input((4,))
    layer, other = layers.Dense(6, activation="elu"), layers.Dense(6)
    x, y = layers.TimeDistributed(layer)(a), other(b)
    return keras.Model([a, b], [x, layer(b), y, layers.TimeDistributed(other)(a)])


def activations():
    inputs = keras.Input((4,))
    shared = layers.PReLU()
    x = layers.Dense(5, activation=shared)(inputs)
    x = layers.Dense(5, activation=shared)(x)
    return keras.Model(inputs, layers.Dense(6, activation=layers.PReLU())(x))


class Stack(keras.Model):
    def __init__(self, units=(4, 5)):
        super().__init__()
        self.hidden = [layers.Dense(n, activation=layers.PReLU()) for n in units]
        self.last = layers.Dense(2)

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.last(x)
"""
CASES = {
    "wrapped_in_turn": ("", (numbers(2, 5, 4), numbers(2, 5, 4))),
    "wrapped_and_called": ("", (numbers(2, 5, 4), numbers(2, 4))),
    "activations": ("", (numbers(2, 4),)),
    "Stack": ("features=3", (numbers(2, 3),)),
}


@pytest.mark.parametrize("name", CASES)
def test_parts_are_shared_as_in_keras(tmp_path: Path, name: str) -> None:
    both = Both(tmp_path, SOURCE)
    given, inputs = CASES[name]
    several = (lambda *x: list(x)) if len(inputs) > 1 else None
    ours = both.agree(name, "", given, *inputs, structure=several)
    theirs = getattr(both.source, name)()
    wanted = theirs(list(inputs) if several else inputs[0])
    theirs.save_weights(tmp_path / "model.weights.h5")
    both.out.load_keras_weights(ours, tmp_path / "model.weights.h5")
    got = ours(*map(torch.from_numpy, inputs))
    for a, b in zip(
        *(v if isinstance(v, (list, tuple)) else [v] for v in (got, wanted)), strict=True
    ):
        np.testing.assert_allclose(a.detach().numpy(), np.asarray(b), rtol=1e-9, atol=1e-10)


GIVEN_TENSORS = """
class Scale(layers.Layer):
    def __init__(self, low, high):
        super().__init__()
        self.low, self.high = low, high
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(2.0 * (x - self.low) / (self.high - self.low) - 1.0)


def build():
    inputs = keras.Input((5, 2))
    low = ops.convert_to_tensor([0.0, -1.0], dtype=inputs.dtype)
    high = ops.convert_to_tensor([1.0, 2.0], dtype=inputs.dtype)
    return keras.Model(inputs, Scale(low, high)(inputs))
"""


def test_tensors_that_a_constructor_is_given(tmp_path: Path) -> None:
    both = Both(tmp_path, GIVEN_TENSORS)
    both.agree("build", "", "", numbers(3, 5, 2))
