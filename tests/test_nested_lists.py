"""Lists of lists of layers, and lists that a loop takes layers of by its number, are as long as the arguments say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops


class Block(layers.Layer):
    def __init__(self, dim, rate=0.0):
        super().__init__()
        self.norm = layers.LayerNormalization()
        self.dense = layers.Dense(dim, activation="tanh")
        self.drop = layers.Dropout(rate)

    def call(self, x):
        return x + self.drop(self.dense(self.norm(x)))


class Net(keras.Model):
    def __init__(self, depths=(2, 1, 2), dims=(3, 5, 4)):
        super().__init__()
        self.depths = depths
        self.stem = layers.Dense(dims[0])
        self.make(depths, dims)
        self.head = layers.Dense(2)
"""
FORMS = {
    "a list in each turn": (
        "self.downs = []\nself.stages = []\nfor i in range(len(depths)):\n    self.downs.append(layers.Dense(dims[i]))\n    stage = []\n    for j in range(depths[i]):\n        stage.append(Block(dims[i], 0.1 * j))\n    self.stages.append(stage)",
        "for i in range(len(self.stages)):\n    x = self.downs[i](x)\n    for block in self.stages[i]:\n        x = block(x)",
    ),
    "comprehensions in each other": (
        "self.downs = [layers.Dense(d) for d in dims]\nself.stages = [[Block(dims[i]) for _ in range(depths[i])] for i in range(len(depths))]",
        "for down, stage in zip(self.downs, self.stages):\n    x = down(x)\n    for block in stage:\n        x = block(x)",
    ),
    "by two places": (
        "self.downs = [layers.Dense(d) for d in dims]\nself.stages = [[Block(dim) for _ in range(depth)] for depth, dim in zip(depths, dims)]",
        "for i in range(len(self.depths)):\n    x = self.downs[i](x)\n    for j in range(self.depths[i]):\n        x = self.stages[i][j](x) * (i + 1)",
    ),
    "numbers that turns add up": (
        "self.downs = []\nself.stages = []\nrates = [0.1 * k for k in range(sum(depths))]\nstart, width = 0, 4\nfor depth, dim in zip(depths, dims):\n    self.downs.append(keras.Sequential([layers.Dense(width), layers.Dense(dim)]))\n    stage = []\n    for j in range(depth):\n        stage.append(Block(dim, rates[start + j]))\n    self.stages.append(stage)\n    start += depth\n    width *= 2",
        "for i in range(len(self.stages)):\n    x = self.downs[i](x)\n    for block in self.stages[i]:\n        x = block(x)",
    ),
    "another last turn": (
        "self.stages = [keras.Sequential([Block(dims[i]) for _ in range(depths[i])]) for i in range(len(depths))]\nself.downs = [layers.Dense(dims[i + 1]) for i in range(len(depths) - 1)]",
        "for i, stage in enumerate(self.stages):\n    x = stage(x)\n    if i < len(self.stages) - 1:\n        x = self.downs[i](x)",
    ),
}
ARGUMENTS = ["", "(1, 3), (6, 2)", "depths=(1, 2, 1, 3), dims=(4, 5, 6, 7)"]
USED_AGAIN = {
    "two loops": (
        "self.blocks = [Block(dims[0]) for _ in depths]",
        "for block in self.blocks:\n    x = block(x)\nfor block in self.blocks:\n    x = ops.relu(block(x))",
    ),
    "in each turn": (
        "self.blocks = [Block(dims[0]) for _ in depths]",
        "for _ in range(len(self.depths)):\n    for block in self.blocks:\n        x = block(x)",
    ),
    "one more time": (
        "self.blocks = [Block(dims[0]) for _ in depths]",
        "for block in self.blocks:\n    x = block(x)\nx = self.blocks[0](x)",
    ),
}


def _class(made: str, called: str) -> str:
    lines = {
        "    def make(self, depths, dims):": made,
        "    def call(self, x):\n        x = self.stem(x)": called,
    }
    text = HEAD
    for head, body in lines.items():
        text += f"\n{head}\n" + "".join(f"        {line}\n" for line in body.splitlines())
    return text + "        return self.head(x)\n\n\nmodel = Net()\nmodel.build((None, 4))\n"


def _check(pair: Pair, given: str) -> None:
    keras.utils.clear_session()
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 4))
    theirs: Any = eval(f"Net({given})", pair.keras)
    theirs(x)
    theirs.set_weights([random.uniform(0.1, 0.9, size=w.shape) for w in theirs.get_weights()])
    values, named = eval(f"(lambda *a, **k: (a, k))({given})")
    ours = pair.torch.Net(*values, **named, features=4)
    pair.torch.load_keras_weights(ours, theirs)
    have = ours.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_layers_are_as_long_as_the_arguments_say(form: str) -> None:
    pair = Pair(_class(*FORMS[form]))
    assert not pair.errors
    for given in ARGUMENTS:
        _check(pair, given)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", USED_AGAIN)
def test_layers_that_are_used_again_are_the_same_ones(form: str) -> None:
    pair = Pair(_class(*USED_AGAIN[form]))
    assert not pair.errors
    _check(pair, "")


@pytest.mark.usefixtures("float64")
def test_stages_have_their_layers_in_the_order_of_the_source() -> None:
    text = """
import keras
from keras import layers, ops


def build(n=3, width=4):
    inputs = x = layers.Input((4,))
    blocks = [layers.Dense(width) for _ in range(n)]
    for block in blocks:
        x = layers.Dense(width)(ops.tanh(block(x)))
    return keras.Model(inputs, x)
"""
    pair = Pair(text)
    assert not pair.errors
    pair.check("build", "build()")
