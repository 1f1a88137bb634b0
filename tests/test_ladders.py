"""Encoders and decoders of classes: lists of layers gone through beside the tensors that the way down has left."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops


class Ladder(keras.Model):
    def __init__(self, filters):
        super().__init__()
        self.depth = len(filters)
        self.downs = [layers.Conv2D(f, 3, padding='same', activation='tanh') for f in filters]
        self.pool = layers.MaxPooling2D()
        self.ups = [layers.Conv2DTranspose(f, 2, strides=2) for f in filters[::-1]]
        self.convs = [layers.Conv2D(f + 1, 3, padding='same') for f in filters[::-1]]
        self.out = layers.Conv2D(1, 1)

    def call(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = self.pool(x)
"""
END = """
        return self.out(x)


def build(filters=(2, 3, 4)):
    inputs = keras.Input((16, 16, 2))
    return keras.Model(inputs, Ladder(filters)(inputs))
"""
WAYS_UP = {
    "two lists and the tensors": """
        for up, conv, skip in zip(self.ups, self.convs, skips[::-1]):
            x = conv(ops.concatenate([skip, up(x)], axis=-1))
""",
    "the tensors first": """
        for skip, up in zip(reversed(skips), self.ups):
            x = ops.concatenate([skip, up(x)], axis=-1)
""",
    "by their places": """
        for i in range(self.depth):
            x = self.ups[i](x)
            x = self.convs[i](ops.concatenate([x, skips[-i - 1]], axis=-1))
""",
    "by places from behind": """
        for i in range(len(self.ups)):
            x = ops.concatenate([self.ups[i](x), skips[self.depth - 1 - i]], axis=-1)
""",
    "popped": """
        for up in self.ups:
            x = ops.concatenate([up(x), skips.pop()], axis=-1)
""",
}


@pytest.mark.parametrize("way", WAYS_UP)
def test_as_deep_as_the_argument(way: str, float64: None) -> None:
    check_kept(HEAD + WAYS_UP[way] + END, "(3,)", "(2, 1, 3, 2)")


def test_what_is_made_to_be_gone_through_is_made_once(float64: None) -> None:
    """A call among the lists changes something each time it is run."""
    way = """
        for up, skip in zip(self.ups, [skips.pop() for _ in range(2)]):
            x = ops.concatenate([up(x), skip], axis=-1)
"""
    pair = Pair((HEAD + way + END).replace("(2, 3, 4)", "(2, 3)"))
    assert not pair.errors
    pair.check("build", "build()")
