"""Sums that a loop begins from nothing, and names that are None before its first turn."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops


def build(depth=2, filters=3):
    start = keras.Input((9, 2))
    x = layers.Conv1D(filters, 1)(start)
"""
SUMS = {
    "of all turns": """
    total = 0
    for i in range(depth):
        y = layers.Conv1D(filters, 2, padding='causal', dilation_rate=2 ** i)(x)
        total = total + y
        x = x + y
    return keras.Model(start, ops.relu(total))
""",
    "from the right": """
    total = 0.0
    for i in range(depth):
        total = layers.Conv1D(filters + 1, i + 1, padding='same')(x) + total
    return keras.Model(start, layers.Dense(2)(total))
""",
    "in a class": """
    class Stack(layers.Layer):
        def __init__(self, depth, filters):
            super().__init__()
            self.convs = [layers.Conv1D(filters, 3, padding='same') for _ in range(depth)]
            self.skips = [layers.Conv1D(filters + 1, 1) for _ in range(depth)]

        def call(self, x):
            total = 0
            for conv, skip in zip(self.convs, self.skips):
                x = ops.tanh(conv(x))
                total += skip(x)
            return total

    return keras.Model(start, Stack(depth, filters)(x))
""",
}


@pytest.mark.parametrize("name", SUMS)
def test_as_many_as_the_argument_says(name: str, float64: None) -> None:
    check_kept(HEAD + SUMS[name], "1", "4, 2")


def test_a_sum_that_its_turns_read(float64: None) -> None:
    pair = Pair(f"""{HEAD}
    total = 0
    for i in range(depth):
        x = layers.Dense(filters)(x)
        total = total + x
        x = x * total
    return keras.Model(start, total)
""")
    assert not pair.errors
    pair.check("build", "build()")


def test_none_before_the_first_turn(float64: None) -> None:
    check_kept(
        f"""{HEAD}
    skip = None
    for i in range(depth):
        x = layers.Conv1D(filters, 3, padding='same', activation='tanh')(x)
        y = layers.Conv1D(4, 1)(x)
        skip = y if skip is None else layers.Add()([skip, y])
    for i in range(depth):
        y = layers.Conv1D(4, 1)(x)
        if skip is not None:
            skip = layers.Multiply()([skip, y])
    return keras.Model(start, skip)
""",
        "1",
        "4, 2",
    )
