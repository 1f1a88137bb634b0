"""Lists of layers stay lists, whatever fills them and however ``call`` goes through them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
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
    "named before they are appended": (
        "self.blocks = []\nself.norms = []\nfor i in range(n):\n    wide = 2 * w + i\n    block = keras.Sequential([layers.Dense(wide, activation='relu'), layers.Dense(w)])\n    block.build((None, w))\n    norm = layers.LayerNormalization(epsilon=0.1 * (i + 1))\n    self.blocks.append(block)\n    self.norms.append(norm)",
        "for block, norm in zip(self.blocks, self.norms):\n    x = norm(block(x))",
        "for block, norm in zip(self.blocks, self.norms):",
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
    "several in each turn, by place": (
        "self.parts = []\nfor i in range(n):\n    self.parts.append(layers.Dense(w))\n    self.parts.append(layers.Dense(w, use_bias=False))",
        "for i in range(self.n):\n    y = self.parts[2 * i](x)\n    x = x + ops.tanh(self.parts[i * 2 + 1](y))",
        "self.stages.append(",
    ),
    "rows": (
        "self.rows = [[layers.Dense(w + i), layers.LayerNormalization()] for i in range(n)]",
        "for dense, norm in self.rows:\n    x = norm(ops.tanh(dense(x)))",
        "self.norm = nn.LayerNorm(",
    ),
    "rows in a dict, by place": (
        "self.all = {'rows': [], 'last': [layers.Dense(w)]}\nfor i in range(n):\n    up = layers.Dense(2 * w)\n    down = layers.Dense(w)\n    self.all['rows'].append([up, down])",
        "for i in range(self.n):\n    up = self.all['rows'][i][0]\n    down = self.all['rows'][i][1]\n    x = down(ops.relu(up(x)))\nx = self.all['last'][0](x)",
        "self.stages.append(",
    ),
    "in a dict": (
        "self.all = {}\nself.all['blocks'] = [layers.Dense(w) for i in range(n)]",
        "for block in self.all['blocks']:\n    x = ops.tanh(block(x))",
        "for _i in range(n):",
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
    "all at once, and one beside them": (
        "self.blocks = [layers.Dense(w + i) for i in range(n)]",
        "found = [block(x) for block in self.blocks]\nfound.append(ops.tanh(x))\nx = ops.concatenate(found, axis=-1)",
        "[block(x) for block in self.blocks]",
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


HALF = HEAD + """
    def make(self, n, w):
        self.parts = []
        for _ in range(n):
            self.parts.append(layers.Dense(w))
            self.parts.append(layers.Dense(w, use_bias=False))

    def call(self, x):
        for i in range(self.n):
            x = ops.tanh(self.parts[i](x))
        return self.out(x)


model = Base()
model.build((None, 4))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("source", [FALLBACK, HALF], ids=["that fill another", "by half"])
def test_lists_gone_through_in_another_way_are_unrolled(source: str) -> None:
    pair = Pair(source)
    assert not pair.errors
    theirs: Any = eval("Base()", pair.keras)
    x = np.random.default_rng(0).normal(size=(3, 4))
    theirs(x)
    ours = pair.torch.Base(features=4)
    pair.torch.load_keras_weights(ours, theirs)
    have = ours.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


IN_SEQUENTIALS = """
import keras
from keras import layers


def dense(n, width):
    return [layers.Dense(width, activation="tanh") for _ in range(n)]


class Listed(keras.Model):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(width + i) for i in range(n)])
        self.last = layers.Dense(2)

    def call(self, x):
        return self.last(self.body(x))


class Added(Listed):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.body = keras.Sequential()
        self.body.add(layers.Dense(7))
        for i in range(n):
            self.body.add(layers.Dense(width + i, activation="relu"))
            self.body.add(layers.Dropout(0.5))
        self.body.add(layers.Dense(3))


class Within(keras.Model):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.body = stack(n, width)

    def call(self, x):
        return self.body(x)


def stack(n, width):
    model = keras.Sequential([layers.Dense(width)])
    for _ in range(1, n):
        model.add(Listed(2, width))
    return model


def joined(n=3, width=4):
    first = [keras.Input((4,))]
    return keras.Sequential(first + dense(n, width) + [layers.Dense(3)])


def starred(n=3, width=4):
    return keras.Sequential([keras.Input((4,)), *dense(n, width), layers.Dense(n)])


def called(units=(3, 4, 5), width=4):
    inputs = keras.Input((4,))
    body = keras.Sequential([layers.Dense(u, activation="relu") for u in units])
    return keras.Model(inputs, layers.Dense(width)(body(inputs)))


def named(units=(3, 4, 5), width=4):
    body = keras.Sequential()
    for wide in units:
        layer = layers.Dense(wide, activation="relu")
        body.add(layer)
    body.add(layers.Dense(width))
    body.build((None, 4))
    return body


def counted(n=3, width=4):
    body = dense(n, width)
    x = inputs = keras.Input((4,))
    for layer in body:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(len(body))(x))


def popped(n=3, width=4):
    model = keras.Sequential(dense(n, width))
    model.pop()
    inputs = keras.Input((4,))
    return keras.Model(inputs, model(inputs))


made = Listed(), Added(), Within()
for one in made:
    one.build((None, 4))
models = joined(), starred(), called(), named(), counted(), popped()
"""
OTHERS = ["", "2, 5", "5, 3"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "name", ["Listed", "Added", "Within", "joined", "starred", "called", "named", "counted"]
)
def test_lists_of_layers_in_a_sequential(name: str) -> None:
    keras.utils.clear_session()
    pair = Pair(IN_SEQUENTIALS)
    assert not pair.errors
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 4))
    for given in ["", "(2, 5)", "(4, 3, 2, 5), 3"] if name in ("called", "named") else OTHERS:
        theirs: Any = eval(f"{name}({given})", pair.keras)
        theirs(x)
        theirs.set_weights([random.uniform(-0.9, 0.9, size=w.shape) for w in theirs.get_weights()])
        values = eval(f"(lambda *a: a)({given})")
        sizes = {"features": 4} if name[0].isupper() else {}
        ours = getattr(pair.torch, name)(*values, **sizes)
        pair.torch.load_keras_weights(ours, theirs)
        have = ours.eval()(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_lists_of_layers_that_something_else_reads_are_as_long_as_they_were() -> None:
    pair = Pair(IN_SEQUENTIALS)
    pair.check("popped", "popped()")
    with pytest.raises(NotImplementedError, match="n = 3"):
        pair.torch.popped(2)


CHANGED_SINCE = """
import keras
from keras import layers, ops


class Named(keras.Model):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(width) for _ in range(n)])
        self.parts = [layers.Dense(width + 1) for _ in range(n)]
        width = width * 2
        self.last = layers.Dense(width)

    def call(self, x):
        x = self.body(x)
        for part in self.parts:
            x = ops.tanh(part(x))
        return self.last(x)


class Kept(Named):
    def __init__(self, n=3, width=4):
        super().__init__()
        self.width = width
        self.body = keras.Sequential([layers.Dense(self.width) for _ in range(n)])
        self.parts = [layers.Dense(self.width + 1) for _ in range(n)]
        self.width = 3
        self.last = layers.Dense(self.width)


models = Named(), Kept()
for model in models:
    model.build((None, 4))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "given"), [("Named", ""), ("Named", "2, 5"), ("Kept", "")])
def test_layers_are_made_with_what_their_settings_were(name: str, given: str) -> None:
    keras.utils.clear_session()
    pair = Pair(CHANGED_SINCE)
    assert not pair.errors
    theirs: Any = eval(f"{name}({given})", pair.keras)
    x = np.random.default_rng(0).normal(size=(3, 4))
    theirs(x)
    ours = getattr(pair.torch, name)(*eval(f"({given}{',' * bool(given)})"), features=4)
    pair.torch.load_keras_weights(ours, theirs)
    have = ours.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(have, np.asarray(theirs(x)), rtol=1e-9, atol=1e-9)


READ_AFTERWARDS = HEAD + """
    def make(self, n, w):
        self.blocks = []
        for i in range(n):
            layer = layers.Dense(w + i)
            self.blocks.append(layer)
        self.last = layer

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x + self.last(ops.ones_like(x))


model = Base()
model.build((None, 4))
"""
IN_TWO_PLACES = (
    HEAD.replace("import keras", "import tf_keras as keras").replace(
        "keras import layers, ops", "tf_keras import layers"
    )
    + """
    def make(self, n, w):
        blocks = []
        self.blocks = blocks
        for i in range(n):
            blocks.append(layers.Dense(w + i))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Base()
model.build((None, 4))
"""
)


def test_what_the_last_turn_leaves_is_read() -> None:
    done = translate(READ_AFTERWARDS, "model.py", Options(), Log())
    assert "translated for n = 3" in done.code
    assert "self.last(" in done.code


def test_a_list_that_something_else_holds_too() -> None:
    done = translate(IN_TWO_PLACES, "model.py", Options(), Log())
    assert "for i in range(n):" in done.code
    assert done.code.count("nn.Linear(") == 1


@pytest.mark.parametrize(
    "reader",
    [
        "layers.Dense(3)(layers.Flatten()(x))",
        "layers.Reshape((-1, x.shape[1] * x.shape[3]))(x)",
        "keras.Sequential([layers.Flatten(), layers.Dense(3)])(x)",
    ],
)
def test_the_sizes_that_a_loop_of_a_layer_leaves_are_asked_for(reader: str, float64: None) -> None:
    text = f"""
import keras
from keras import layers


class Encoder(layers.Layer):
    def __init__(self, widths=(4, 6, 5), **kwargs):
        super().__init__(**kwargs)
        self.convs = [layers.Conv2D(w, 3, padding="same", activation="relu") for w in widths]
        self.pool = layers.MaxPooling2D(2)

    def call(self, x):
        for conv in self.convs:
            x = self.pool(conv(x))
        return x


def build(shape=(16, 24, 2)):
    start = keras.Input(shape)
    x = Encoder()(start)
    return keras.Model(start, {reader})
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build((9, 17, 1))", "(9, 17, 1)")
