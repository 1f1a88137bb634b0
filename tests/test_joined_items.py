"""Lists that a loop fills and joins in each turn: blocks of layers that are given all that came before."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops


def build(depth=2, growth=3):
    start = keras.Input((8, 6, 4))
"""
WAYS = {
    "what follows is given all": """
    x = start
    feats = [x]
    for _ in range(depth):
        feats.append(layers.Conv2D(growth, 3, padding='same', activation='tanh')(x))
        x = layers.Concatenate()(feats)
    return keras.Model(start, layers.Conv2D(2, 1)(x))
""",
    "beside another": """
    x = stem = layers.Conv2D(3, 1)(start)
    feats = [stem]
    for i in range(depth):
        x = layers.Conv2D(growth, 3, padding='same')(x)
        feats.append(x)
        x = layers.Conv2D(growth + i, 1)(layers.concatenate(feats, axis=-1))
    return keras.Model(start, [x, layers.concatenate(feats, axis=-1)])
""",
    "before it is added to": """
    feats = [start]
    for i in range(depth):
        x = layers.Conv2D(growth + i, 3, padding='same')(ops.concatenate(feats, axis=3))
        feats.append(x)
    feats.append(layers.Conv2D(2, 1)(start))
    return keras.Model(start, layers.Conv2D(5, 1)(ops.concatenate(feats, axis=3)))
""",
    "twice": """
    feats = [start]
    for i in range(depth):
        feats.append(layers.Conv2D(growth, 3, padding='same')(layers.Concatenate()(feats)))
        feats.append(layers.Conv2D(growth + 1, 1)(layers.Concatenate()(feats)))
    return keras.Model(start, layers.Concatenate()(feats))
""",
    "of sequences, in a class": """
    class Block(layers.Layer):
        def __init__(self, depth, growth):
            super().__init__()
            self.convs = [layers.Conv1D(growth, 3, padding='same') for _ in range(depth)]
            self.last = layers.Conv1D(4, 1)

        def call(self, x):
            feats = [x]
            for conv in self.convs:
                feats.append(conv(ops.concatenate(feats, axis=-1)))
            return self.last(ops.concatenate(feats, axis=-1)) + x

    x = layers.Reshape((48, 4))(start)
    return keras.Model(start, Block(depth, growth)(x))
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_as_many_as_the_argument_says(way: str, float64: None) -> None:
    check_kept(HEAD + WAYS[way], "1", "4, 2")


OTHERWISE = {
    "along another axis": """
    feats = [start]
    for i in range(depth):
        x = layers.Conv2D(4, 1)(layers.Concatenate(axis=1)(feats))
        feats.append(layers.Conv2D(4, 3, padding='same')(start))
        y = layers.Concatenate(axis=-1)(feats)
    return keras.Model(start, [x, y])
""",
    "of two": """
    feats = [start, layers.Conv2D(2, 1)(start)]
    for i in range(depth):
        feats.append(layers.Conv2D(growth, 3, padding='same')(layers.Concatenate()(feats)))
    return keras.Model(start, layers.Concatenate()(feats))
""",
    "one by one afterwards": """
    feats = [start]
    for i in range(depth):
        feats.append(layers.Conv2D(growth, 3, padding='same')(layers.Concatenate()(feats)))
    return keras.Model(start, layers.Concatenate()([feats[2], feats[0]]))
""",
}


@pytest.mark.parametrize("way", OTHERWISE)
def test_others_are_as_many_as_by_default(way: str, float64: None) -> None:
    pair = Pair(HEAD + OTHERWISE[way])
    assert not pair.errors
    pair.check("build", "build()")
