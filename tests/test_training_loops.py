"""Loops that train: one turn tells what the others do, and those that build a model in each turn are run to their end."""

from __future__ import annotations

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import keras
import numpy as np
from keras import layers


def classifier(units):
    return keras.Sequential([keras.Input((4,)), layers.Dense(units), layers.Dense(3)])
"""


def test_long_training_before_another_model(float64: None) -> None:
    """Each of these loops would take a share of the statements that are run at most."""
    pair = Pair(f"""{HEAD}

def train(model, x, y, epochs):
    losses = []
    for epoch in range(epochs):
        first = epoch * 2
        last = first + 2
        middle = (first + last) // 2
        part = x[first:last]
        losses.append(model.train_on_batch(part, y[first:last]))
        if epoch % 100 == 0:
            print(epoch, middle)
    return losses


x, y = np.zeros((9000, 4)), np.zeros((9000, 3))
small = classifier(5)
train(small, x, y, 4000)
train(small, x, y, 4000)
train(small, x, y, 4000)
train(small, x, y, 4000)
large = classifier(7)
""")
    assert not pair.errors
    pair.check("small", "small")
    pair.check("large", "large")


def test_a_model_in_each_turn(float64: None) -> None:
    pair = Pair(f"""{HEAD}

models = []
for units in (2, 5, 9):
    model = classifier(units)
    model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 3)))
    models.append(model)
largest = models[2]
""")
    assert not pair.errors
    pair.check("largest", "largest")
