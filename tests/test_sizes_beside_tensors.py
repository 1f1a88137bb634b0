"""Sizes that layers of the source give, and are handed, beside tensors: height and width of a row of patches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

SOURCE = """
class Patches(layers.Layer):
    def __init__(self, dim, patch=4, stride=None, **kwargs):
        super().__init__(**kwargs)
        self.proj = layers.Conv2D(dim, patch, strides=stride or patch, name="proj")
        self.norm = layers.LayerNormalization()

    def call(self, x):
        x = self.proj(x)
        batch_size, height, width = tf.unstack(tf.shape(x)[:3])
        x = tf.reshape(x, (batch_size, height * width, -1))
        return self.norm(x), (height, width)


class Mix(layers.Layer):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.DepthwiseConv2D(3, padding="same")
        self.fc = layers.Dense(dim)

    def call(self, x, size):
        h, w = size
        n = tf.shape(x)[0]
        y = tf.reshape(x, (n, h, w, x.shape[-1]))
        y = tf.reshape(self.conv(y), (n, h * w, x.shape[-1]))
        return self.fc(x + y)


class Block(layers.Layer):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.mix = Mix(dim)

    def call(self, x, H, W):
        return x + self.mix(x, (H, W))


class Halve(layers.Layer):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(dim, 3, strides=2, padding="same")

    def call(self, x):
        x, size = x
        n, _, c = tf.unstack(tf.shape(x))
        height, width = tf.unstack(size)
        x = self.conv(tf.reshape(x, (n, height, width, c)))
        size = tf.unstack(tf.shape(x)[1:3])
        return tf.reshape(x, (n, -1, x.shape[-1])), size


class Net(keras.Model):
    def __init__(self, dims=(8, 12), classes=3, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.embed1 = Patches(dims[0], 4)
        self.mix1 = Mix(dims[0])
        self.embed2 = Patches(dims[1], 2)
        self.blocks = [Block(dims[1]) for _ in range(depth)]
        self.halve1, self.halve2 = Halve(2 * dims[1]), Halve(dims[1])
        self.head = layers.Dense(classes)

    def call(self, x):
        x, size = self.embed1(x)
        x = self.mix1(x, size)
        h, w = size
        x = tf.reshape(x, (-1, h, w, x.shape[-1]))
        x, (h, w) = self.embed2(x)
        for block in self.blocks:
            x = block(x, h, w)
        x, size = self.halve1((x, (h, w)))
        x, _ = self.halve2((x, size))
        return self.head(tf.reduce_mean(x, axis=1))


net = Net()
net(np.zeros((1, 16, 24, 3)))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(Path(tmp_path_factory.mktemp("sizes")), "import numpy as np\n" + SOURCE)


def test_the_reading(source: Both) -> None:
    assert [d.message for d in source.log.diagnostics if d.severity == "error"] == []
    code = source.made.code
    assert "def forward(self, x: Tensor, h: int, w: int) -> Tensor:" in code
    assert "x = self.mix(x, H, W)" in code or "x + self.mix(x, H, W)" in code
    assert "for block in self.blocks:" in code
    assert "Mix_1" not in code
    assert "def forward(self, x: Tensor, height: int, width: int) -> Tensor:" in code


@pytest.mark.parametrize("args", ["", "(4, 6), 2, 3", "dims=(5, 7), depth=1"])
def test_other_sizes_and_settings(source: Both, args: str) -> None:
    torch_args = f"{args}, channels=3" if args else "channels=3"
    source.agree("Net", args, torch_args, numbers(2, 24, 32, 3))
