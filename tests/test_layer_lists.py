"""Lists of layers stay lists, whatever fills them and however ``call`` goes through them."""

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


class Base(keras.Model):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.n = n
        self.mid = layers.Dense(width)
        self.norm = layers.LayerNormalization()
        self.drop = layers.Dropout(0.5)
        self.out = layers.Dense(2)
        self.make(n, width)
"""
FORMS = {
    "a dropout for all": (
        "self.blocks = [layers.Dense(w, activation='relu') for _ in range(n)]",
        "for b in self.blocks:\n    x = self.drop(b(x), training=training)",
        "self.blocks.append(nn.Dropout(0.5))",
    ),
    "appended": (
        "self.blocks = []\nfor i in range(n):\n    self.blocks.append(layers.Dense(w + i))",
        "for block in self.blocks:\n    x = self.drop(ops.tanh(block(x)))",
        "for i in range(n):",
    ),
    "by place": (
        "self.firsts = [layers.Dense(w + i) for i in range(n)]\nself.norms = [layers.LayerNormalization() for _ in range(n)]",
        "for i in range(self.n):\n    x = self.firsts[i](x)\n    x = self.norms[i](ops.relu(x))",
        "for first, norm in zip(self.firsts, self.norms):",
    ),
    "abreast, of one kind": (
        "self.firsts = []\nself.seconds = []\nfor _ in range(n):\n    self.firsts.append(layers.Dense(w))\n    self.seconds.append(layers.Dense(w, use_bias=False))",
        "for first, second in zip(self.firsts, self.seconds):\n    x = second(ops.tanh(first(x)))",
        "for first, second in zip(self.firsts, self.seconds):",
    ),
    "several in each turn": (
        "self.parts = []\nfor i in range(n):\n    self.parts.append(layers.Dense(w + i, activation='relu'))\n    self.parts.append(layers.Dropout(0.5))",
        "for part in self.parts:\n    x = part(x)",
        "self.parts.append(nn.Dropout(0.5))",
    ),
    "rows": (
        "self.rows = [[layers.Dense(w + i), layers.LayerNormalization()] for i in range(n)]",
        "for dense, norm in self.rows:\n    x = norm(ops.tanh(dense(x)))",
        "self.norm = nn.LayerNorm(",
    ),
    "rows appended": (
        "self.rows = []\nfor i in range(n):\n    self.rows.append((layers.Dense(w), layers.Dense(w)))",
        "for row in self.rows:\n    x = row[0](x) * ops.tanh(row[1](x))",
        "self.rows.append(",
    ),
    "numbered": (
        "self.blocks = [layers.Dense(w) for _ in range(n)]",
        "for i, b in enumerate(self.blocks):\n    x = b(x)\n    if i < self.n - 1:\n        x = ops.relu(x)",
        "for i, b in enumerate(self.blocks):",
    ),
    "numbered, over more than places": (
        "self.blocks = [layers.Dense(w + i) for i in range(1, n + 1)]",
        "for place, block in enumerate(self.blocks):\n    x = block(x) * (place + 2)",
        "for place, block in enumerate(self.blocks):",
    ),
    "stages by their place": (
        "self.blocks = [layers.Dense(w) for i in range(n)]",
        "for i, b in enumerate(self.blocks):\n    y = b(x)\n    x = y if i == 0 else x + y",
        "for i, b in enumerate(self.blocks):",
    ),
    "one after the other": (
        "self.seconds = [layers.Dense(w) for _ in range(n)]\nself.firsts = [layers.Dense(w) for _ in range(n)]",
        "for i in range(len(self.firsts)):\n    x = ops.tanh(self.seconds[i](self.firsts[i](x)))",
        "for second, first in zip(self.seconds, self.firsts):",
    ),
    "a norm for all": (
        "self.blocks = [layers.Dense(w) for _ in range(n)]",
        "for block in self.blocks:\n    x = x + self.norm(block(x))",
        "for block in self.blocks:",
    ),
}
ARGUMENTS = ["", "2, 5", "n=1", "4"]


def _class(form: str) -> str:
    made, called, _ = FORMS[form]
    lines = {
        "    def make(self, n, w):": made,
        "    def call(self, x, training=False):\n        x = self.mid(x)": called,
    }
    text = HEAD
    for head, body in lines.items():
        text += f"\n{head}\n" + "".join(f"        {line}\n" for line in body.splitlines())
    return text + "        return self.out(x)\n\n\nmodel = Base()\nmodel.build((None, 4))\n"


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", FORMS)
def test_lists_of_layers_are_as_long_as_the_arguments_say(form: str) -> None:
    keras.utils.clear_session()
    pair = Pair(_class(form))
    assert not pair.errors
    assert FORMS[form][2] in pair.done.code
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 4))
    for given in ARGUMENTS:
        keras.utils.clear_session()
        theirs: Any = eval(f"Base({given})", pair.keras)
        theirs(x)
        theirs.set_weights([random.uniform(0.1, 0.9, size=w.shape) for w in theirs.get_weights()])
        values, named = eval(f"(lambda *a, **k: (a, k))({given})")
        ours = pair.torch.Base(*values, **named, features=4)
        pair.torch.load_keras_weights(ours, theirs)
        have = ours.eval()(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


FALLBACK = (
    HEAD.replace("self.make(n, width)", "self.make(n, width)\n        self.last = layers.Dense(3)")
    + """
    def make(self, n, w):
        self.downs = [layers.Dense(w + i) for i in range(n)]
        self.gates = [layers.Dense(w + i) for i in range(n)]

    def call(self, x):
        found = []
        for down, gate in zip(self.downs, self.gates):
            x = down(x) * ops.sigmoid(gate(x))
            found.append(x)
        return self.last(ops.concatenate(found, axis=-1))


model = Base()
model.build((None, 4))
"""
)


@pytest.mark.usefixtures("float64")
def test_lists_gone_through_together_that_fill_another_are_unrolled() -> None:
    pair = Pair(FALLBACK)
    assert not pair.errors
    theirs: Any = eval("Base()", pair.keras)
    x = np.random.default_rng(0).normal(size=(3, 4))
    theirs(x)
    ours = pair.torch.Base(features=4)
    pair.torch.load_keras_weights(ours, theirs)
    have = ours.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


TAKEN_AS_THEY_ARE = """
import keras
from keras import layers


def dense(n, width):
    return [layers.Dense(width, activation="tanh") for _ in range(n)]


class Model(keras.Model):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(width) for _ in range(n)])

    def call(self, x):
        return self.body(x)


def joined(n=3, width=4):
    return keras.Sequential([keras.Input((4,))] + [layers.Dense(width) for _ in range(n)])


def called(n=3, width=4):
    return keras.Sequential([keras.Input((4,)), *dense(n, width)])


def counted(n=3, width=4):
    body = dense(n, width)
    x = inputs = keras.Input((4,))
    for layer in body:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(len(body))(x))


model = Model()
model.build((None, 4))
models = joined(), called(), counted()
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["Model", "joined", "called"])
def test_lists_of_layers_that_something_else_reads_are_as_long_as_they_were(name: str) -> None:
    pair = Pair(TAKEN_AS_THEY_ARE)
    assert not pair.errors
    sizes = {"features": 4} if name == "Model" else {}
    getattr(pair.torch, name)(3, 5, **sizes)
    with pytest.raises(NotImplementedError, match="n = 3"):
        getattr(pair.torch, name)(2, 5, **sizes)


@pytest.mark.usefixtures("float64")
def test_the_length_of_a_list_of_layers_is_said() -> None:
    ours = Pair(TAKEN_AS_THEY_ARE).torch.counted(5)
    assert ours(torch.zeros(2, 4)).shape == (2, 5)


HANDED = """
import keras
from keras import layers, ops


class Encoder(layers.Layer):
    def __init__(self, blocks, convs):
        super().__init__()
        self.blocks = blocks
        self.convs = convs

    def call(self, x):
        for block, conv in zip(self.blocks, self.convs):
            x = conv(block(x))
        return self.blocks[-1](x)


class Net(keras.Model):
    def __init__(self, width=5, depth=3):
        super().__init__()
        self.encoder = Encoder(
            [layers.Dense(width, activation="tanh") for _ in range(depth)],
            [layers.Dense(width) for _ in range(depth - 1)],
        )

    def call(self, x):
        return self.encoder(x)


model = Net()
model.build((None, 4))
"""


@pytest.mark.usefixtures("float64")
def test_lists_that_a_layer_is_given_and_has_to_know() -> None:
    pair = Pair(HANDED)
    assert not pair.errors
    theirs: Any = eval("Net(6)", pair.keras)
    x = np.random.default_rng(0).normal(size=(3, 4))
    theirs(x)
    ours = pair.torch.Net(6, features=4)
    pair.torch.load_keras_weights(ours, theirs)
    have = ours.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)
