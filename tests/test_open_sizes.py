"""Sizes that only the data tells: parameters of the classes, which the weights tell where nothing else does."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, assert_same, check_kept, float64
from tests.test_constructs import IMPORTS

__all__ = ["float64"]

SOURCE = """
import hashlib, io
import keras
import numpy as np
from keras import layers
text = hashlib.md5(b"a text to learn from").hexdigest()
chars = sorted(set(text))
vocab_size = len(chars) + 1
rows = np.genfromtxt(io.StringIO("0.5 1 0 2 1 3 1\\n1 0 0 1 2 1 4"))
"""
MODELS = {
    "a variable's model": (
        "model = keras.Sequential()\n"
        "model.add(layers.LSTM(8, input_shape=(6, len(chars))))\n"
        "model.add(layers.Dense(len(chars) + 2, activation='softmax'))\n",
        "model",
    ),
    "a name for it": (
        "inputs = keras.Input((6,), dtype='int32')\n"
        "x = layers.Embedding(vocab_size, 5)(inputs)\n"
        "x = layers.Flatten()(layers.Conv1D(2 * vocab_size, 3)(x))\n"
        "model = keras.Model(inputs, layers.Dense(vocab_size)(x))\n",
        "model",
    ),
    "a builder": (
        "def build(units, rate=0.5):\n"
        "    inputs = keras.Input((len(text),))\n"
        "    x = layers.Dropout(rate)(layers.Dense(units)(inputs))\n"
        "    return keras.Model(inputs, layers.Dense(vocab_size)(x))\n",
        "build(9, 0.25)",
    ),
    "a builder called like a class": (
        "def Net(units):\n"
        "    inputs = keras.Input((len(text),))\n"
        "    return keras.Model(inputs, layers.Dense(units)(inputs))\n",
        "Net(9)",
    ),
    "a builder with blocks": (
        "def block(x, filters):\n"
        "    return layers.Dense(vocab_size)(layers.Conv1D(filters, 3)(x))\n"
        "def build(filters):\n"
        "    inputs = keras.Input((9, vocab_size))\n"
        "    return keras.Model(inputs, block(block(inputs, filters), 2 * filters))\n",
        "build(4)",
    ),
    "a model within a model": (
        "inputs = keras.Input((4,))\n"
        "encoder = keras.Model(inputs, layers.Dense(vocab_size)(inputs))\n"
        "codes = keras.Input((vocab_size,))\n"
        "decoder = keras.Model(codes, layers.Dense(4)(codes))\n"
        "model = keras.Model(inputs, decoder(encoder(inputs)))\n",
        "model",
    ),
    "a shape that is unpacked": (
        "count, width = rows.shape\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(width), layers.Dense(count)])\n",
        "model",
    ),
    "what a loop over data counts": (
        "n = 1\n"
        "for c in text:\n"
        "    n += 1\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(n)])\n",
        "model",
    ),
    "an input of unknown shape": (
        "inputs = keras.Input(rows.shape[1:])\n"
        "x = layers.Dense(4)(layers.Dropout(0.5)(inputs))\n"
        "model = keras.Model(inputs, layers.Concatenate()([x, inputs]))\n",
        "model",
    ),
    "two inputs of unknown shape": (
        "one, two = keras.Input(rows.shape[1:]), keras.Input(shape=rows[:, 2:].shape[1:])\n"
        "x = layers.Concatenate()([layers.Dense(4)(one), layers.Dense(3)(two)])\n"
        "model = keras.Model([one, two], layers.Dense(2)(x))\n",
        "model",
    ),
    "sequences of unknown width": (
        "steps = np.array([row * np.ones((3, 1)) for row in rows])\n"
        "def build(units, shape):\n"
        "    return keras.Sequential([layers.Input(shape), layers.LSTM(units), layers.Dense(2)])\n"
        "model = build(5, steps.shape[1:])\n",
        "model",
    ),
    "a Sequential of rows": (
        "model = keras.Sequential([layers.Dense(5), layers.BatchNormalization(), layers.Dense(2)])\n"
        "model(rows)\n",
        "model",
    ),
    "a Sequential of sequences": (
        "model = keras.Sequential([layers.Bidirectional(layers.LSTM(5)), layers.Dense(2)])\n"
        "model.build((None, None, len(chars)))\n",
        "model",
    ),
    "layers in a loop": (
        "model = keras.Sequential([keras.Input((vocab_size,))])\n"
        "for units in (8, 7, 6):\n"
        "    model.add(layers.Dense(units, activation='relu'))\n"
        "    model.add(layers.Dense(vocab_size))\n",
        "model",
    ),
}


def pair(what: str) -> tuple[Pair, str]:
    body, call = MODELS[what]
    return Pair(SOURCE + body), call


@pytest.mark.parametrize("what", MODELS)
def test_the_weights_tell_a_size(what: str, float64: None) -> None:
    both, call = pair(what)
    assert both.errors == []
    assert "KT101" in {d.code for d in both.log.diagnostics}
    name, _, arguments = call.rstrip(")").partition("(")
    entry = both.entries(name)[-1]
    theirs = eval(call, both.keras)
    ours = eval(f"{entry['factory']}({arguments})", vars(both.torch))
    before = list(ours.parameters())
    assert_same(theirs, ours, {**entry, "source_kind": "function"}, both.torch)
    assert all(
        a is b for a, b in zip(before, ours.parameters(), strict=True)
    )  # optimizers have them


@pytest.mark.parametrize("what", ["a variable's model", "a builder"])
def test_a_size_that_is_given_is_kept(what: str, float64: None) -> None:
    both, call = pair(what)
    name, _, arguments = call.rstrip(")").partition("(")
    entry = both.entries(name)[-1]
    sizes = {"num_chars": len(both.keras["chars"]), "num_text": len(both.keras["text"])}
    sizes["vocab_size"] = both.keras["vocab_size"]
    taken = [n for n in sizes if f"{n}: int | None = None" in both.done.code]
    given = ", ".join([arguments, *(f"{n}={sizes[n]}" for n in taken)]).lstrip(", ")
    ours = eval(f"{entry['factory']}({given})", vars(both.torch))
    assert not hasattr(ours, "open_sizes")
    assert_same(eval(call, both.keras), ours, {**entry, "source_kind": "function"}, both.torch)


def test_without_a_size_a_module_computes_nothing() -> None:
    both, _ = pair("a variable's model")
    ours = getattr(both.torch, both.entries("model")[-1]["factory"])()
    with pytest.raises(ValueError, match="num_chars: give it"):
        copy.deepcopy(ours)(torch.zeros(1, 6, 64))


@pytest.mark.parametrize("units", ["units", "embedding_dim"])
def test_the_weights_tell_what_a_model_class_takes(units: str, float64: None) -> None:
    both = Pair(
        SOURCE + "class Net(keras.Model):\n"
        f"    def __init__(self, {units}):\n"
        "        super().__init__()\n"
        f"        self.first, self.last = layers.Dense({units}, activation='tanh'), layers.Dense(2)\n"
        "    def call(self, x):\n"
        "        return self.last(self.first(x))\n"
        "net = Net(5)\n"
        "net.compile('sgd', 'mse')\n"
        "net.predict(rows)\n"
    )
    assert both.errors == []
    ours = getattr(both.torch, both.entries("net")[0]["factory"])()
    theirs = both.keras["net"]
    wanted = theirs(both.keras["rows"])
    vars(both.torch)["load_keras_weights"](ours, theirs)
    got = ours(torch.from_numpy(both.keras["rows"]))
    np.testing.assert_allclose(got.detach().numpy(), wanted, rtol=1e-12)


def test_a_size_that_no_weight_tells_must_be_given() -> None:
    body = "model = keras.Sequential([keras.Input((3,)), layers.RepeatVector(len(text)), layers.LSTM(2)])"
    both = Pair(SOURCE + body)
    ours = getattr(both.torch, both.entries("model")[-1]["factory"])()
    with pytest.raises(ValueError, match="no weight tells num_text"):
        both.torch.load_keras_weights(ours, both.keras["model"])


def test_weights_of_another_model_leave_it_as_it_was() -> None:
    both, _ = pair("a variable's model")
    ours = getattr(both.torch, both.entries("model")[-1]["factory"])()
    before = {k: v.clone() for k, v in ours.state_dict().items()}
    other = keras.Sequential([keras.Input((6, 5)), keras.layers.LSTM(9), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="do not fit"):
        both.torch.load_keras_weights(ours, other)
    assert all(torch.equal(v, ours.state_dict()[k]) for k, v in before.items())


def test_initial_weights_made_of_data_come_with_those_that_are_loaded(float64: None) -> None:
    body = (
        "matrix = [[float(int(c, 16)) for c in text[:4]] for _ in chars]\n"
        "inputs = keras.Input((6,), dtype='int32')\n"
        "start = keras.initializers.Constant(matrix)\n"
        "x = layers.Embedding(len(chars), 4, embeddings_initializer=start)(inputs)\n"
        "model = keras.Model(inputs, x)\n"
    )
    both = Pair(SOURCE + body)
    assert both.errors == []
    assert "KT402" in {d.code for d in both.log.diagnostics}
    entry = both.entries("model")[-1]
    ours = getattr(both.torch, entry["factory"])()
    assert_same(both.keras["model"], ours, {**entry, "source_kind": "function"}, both.torch)


def test_a_loop_that_trains_does_not_stop_what_comes_after_it(float64: None) -> None:
    body = (
        "total = 0\n"
        "for epoch in range(300):\n"
        "    for batch in range(200):\n"
        "        total = total + batch\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])\n"
    )
    both = Pair(SOURCE + body)
    assert both.errors == []
    both.check("model", "model")


@pytest.mark.parametrize(
    ("parameter", "length", "size"),
    [
        ("data", "data.shape[1]", "data.shape[-1]"),
        ("data", "len(data[0])", "data[:, 1:].shape[2]"),
        ("table", "table['rows'].shape[1]", "table['rows'].shape[2] + 1"),
    ],
)
def test_sizes_of_data_that_a_builder_is_given(
    parameter: str, length: str, size: str, float64: None
) -> None:
    body = (
        "import numpy as np\n"
        f"def build({parameter}, units=4):\n"
        f"    n = {length}\n"
        "    model = keras.Sequential()\n"
        f"    model.add(layers.LSTM(units, input_shape=(n, {size})))\n"
        f"    model.add(layers.Dense({size}))\n"
        "    return model\n"
    )
    both = Pair(SOURCE + body)
    assert both.errors == []
    given = "np.zeros((2, 7, 3))" if parameter == "data" else "{'rows': np.zeros((2, 7, 3))}"
    both.check("build", f"build({given}, 5)", f"{given}, 5")


def test_what_counts_data_among_the_arguments_of_a_layer(float64: None) -> None:
    body = (
        "class Scaled(layers.Layer):\n"
        "    def __init__(self, units, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.units = units\n"
        "    def build(self, shape):\n"
        "        self.kernel = self.add_weight(shape=(shape[-1], self.units))\n"
        "    def call(self, x):\n"
        "        return x @ self.kernel\n"
        "def build(n_class):\n"
        "    inputs = keras.Input((3,))\n"
        "    return keras.Model(inputs, layers.Dense(n_class)(Scaled(n_class)(inputs)))\n"
        "model = build(n_class=len(set(text)))\n"
    )
    both = Pair(SOURCE + body)
    assert both.errors == []
    entry = both.entries("model")[-1]
    ours = getattr(both.torch, entry["factory"])()
    assert_same(both.keras["model"], ours, entry, both.torch)


def test_a_layer_of_several_tensors_of_which_one_is_not_known() -> None:
    text = IMPORTS + (
        "i = keras.Input((3,))\n"
        "x = layers.Concatenate()([layers.Dense(2)(i), unknown(i)])\n"
        "model = keras.Model(i, layers.Dense(2)(x))\n"
    )
    done = translate(text, "model.py", Options(), Log())
    assert [e["status"] for e in done.models] == ["unsupported"]


@pytest.mark.parametrize("more", ["", "        model.add(layers.Activation('relu'))\n"])
def test_a_loop_over_what_a_picture_is_flattened_to(more: str, float64: None) -> None:
    text = IMPORTS + (
        "def mlp(sizes):\n"
        "    model = keras.Sequential([keras.Input((3, 4, 2)), layers.Conv2D(3, 2), layers.Flatten()])\n"
        "    for units in sizes:\n"
        f"        model.add(layers.Dense(units))\n{more}"
        "    model.add(layers.Dense(2))\n"
        "    return model\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("mlp", "mlp([5])", "[5]")
    pair.check("mlp", "mlp((6, 4, 3))", "(6, 4, 3)")


def test_what_regularizers_take_within_a_loop(float64: None) -> None:
    text = IMPORTS + (
        "def net(depth=3, filters=4, decay=0.01):\n"
        "    x = start = keras.Input((6, 6, 2))\n"
        "    for i in range(depth):\n"
        "        rule = keras.regularizers.L2(decay)\n"
        "        y = layers.Conv2D(filters, 3, padding='same', kernel_regularizer=rule)(x)\n"
        "        x = layers.Concatenate()([x, layers.Conv2D(filters, 1)(y)])\n"
        "    return keras.Model(start, x)\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("net", "net()")
    pair.check("net", "net(4, 2, 0.5)", "4, 2, 0.5")
    model = pair.torch.net(1, 2, 0.5)
    kernel = model.state_dict(keep_vars=True)["stages.0.conv2d.weight"]
    assert torch.isclose(model.regularization_loss(), 0.5 * kernel.square().sum())


@pytest.mark.parametrize(
    "first",
    [
        "keras.Input(batch_shape=(3, 5, 2)), layers.LSTM(4, stateful=stateful, return_sequences=True)",
        "keras.Input((5, 2), batch_size=3), layers.Dense(3), layers.GRU(4, stateful=stateful, return_sequences=True)",
    ],
)
def test_stateful_layers_have_the_batch_size_of_the_input(first: str, float64: None) -> None:
    text = IMPORTS + (
        "def build(stateful=True):\n"
        f"    model = keras.Sequential([{first}])\n"
        "    model.add(layers.SimpleRNN(3, stateful=stateful))\n"
        "    return model\n"
        "model = build()\n"
        "plain = build(stateful=False)\n"
    )
    both = Pair(text)
    assert both.errors == []
    for name in ("model", "plain"):
        entry = {**both.entries(name)[-1], "source_kind": "function"}
        ours = getattr(both.torch, entry["factory"])()
        theirs = both.keras[name]
        assert_same(theirs, ours, entry, both.torch)
        again = np.ones((3, 5, 2))  # the state goes on from call to call, or does not
        got = ours(torch.from_numpy(again)).detach().numpy()
        np.testing.assert_allclose(got, theirs(again, training=False), rtol=1e-9)


def test_a_chain_of_conditions_of_which_the_last_raises(float64: None) -> None:
    text = IMPORTS + (
        "def block(x, filters, wide=0, dilated=0):\n"
        "    if not wide and not dilated:\n"
        "        return layers.Conv2D(filters, 3, padding='same')(x)\n"
        "    elif wide:\n"
        "        x = layers.Conv2D(filters, (1, wide), padding='same')(x)\n"
        "    elif dilated:\n"
        "        x = layers.Conv2D(filters, 3, dilation_rate=dilated, padding='same')(x)\n"
        "    else:\n"
        "        raise ValueError('never')\n"
        "    return x\n"
        "def build(filters=4):\n"
        "    start = keras.Input((8, 8, 3))\n"
        "    x = block(block(block(start, filters), filters, dilated=2), filters, wide=5)\n"
        "    return keras.Model(start, x)\n"
    )
    both = Pair(text)
    assert both.errors == []
    both.check("build", "build(3)", "3")


def test_a_layer_is_given_the_shape_of_data_at_once(float64: None) -> None:
    both = Pair(
        SOURCE + "def build(table, classes):\n"
        "    words = keras.Input((None,))\n"
        "    x = layers.Embedding(*table.shape, weights=[table])(words)\n"
        "    return keras.Model(words, layers.Dense(classes)(x))\n"
        "model = build(np.genfromtxt(io.StringIO('1 2 3\\n4 5 6')), 4)\n"
    )
    assert both.errors == []
    ours = getattr(both.torch, both.entries("model")[0]["factory"])()
    theirs, x = both.keras["model"], np.array([[1, 0, 1]])
    vars(both.torch)["load_keras_weights"](ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), theirs(x), rtol=1e-12)


@pytest.mark.parametrize(
    "data",
    [
        "np.stack([rows[:, :3], rows[:, 1:4]])",
        "rows[:, 1:].reshape(-1, 2, rows.shape[1] - 4)",
    ],
    ids=["of any shape", "in a shape that is known in part"],
)
def test_the_last_sizes_of_data_at_once(data: str, float64: None) -> None:
    both = Pair(
        SOURCE + f"data = {data}\n"
        "def build():\n"
        "    i = keras.Input(shape=data.shape[-2:])\n"
        "    return keras.Model(i, layers.Dense(2)(layers.LSTM(4)(i)))\n"
    )
    assert both.errors == []
    theirs, ours = both.keras["build"](), both.torch.build()
    x = np.random.default_rng(1).normal(size=(2, 2, 3))
    vars(both.torch)["load_keras_weights"](ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), theirs(x), rtol=1e-12)


def test_sizes_that_a_class_is_given_go_by_its_names_for_them(float64: None) -> None:
    both = Pair(
        SOURCE + "class Words:\n"
        "    def __init__(self, text):\n"
        "        self.rows = np.genfromtxt(io.StringIO(text))\n"
        "    def size(self):\n"
        "        return int(self.rows.sum())\n"
        "one, two = Words('3 4'), Words('2 3')\n"
        "class Coder(layers.Layer):\n"
        "    def __init__(self, vocab_size, width=4):\n"
        "        super().__init__()\n"
        "        self.embedding, self.width = layers.Embedding(vocab_size, width), width\n"
        "    def call(self, x):\n"
        "        return keras.ops.sum(self.embedding(x), axis=1) * self.width\n"
        "class Net(keras.Model):\n"
        "    def __init__(self, vocab_in, vocab_out):\n"
        "        super().__init__()\n"
        "        self.coder, self.last = Coder(vocab_in), layers.Dense(vocab_out)\n"
        "    def call(self, x):\n"
        "        return self.last(self.coder(x))\n"
        "net = Net(one.size(), two.size())\n"
    )
    assert both.errors == []
    assert "vocab_in: int | None = None, vocab_out: int | None = None" in both.done.code
    ours = getattr(both.torch, both.entries("net")[0]["factory"])()
    x = np.array([[1, 6, 2], [0, 3, 3]])
    wanted = both.keras["net"](x)
    vars(both.torch)["load_keras_weights"](ours, both.keras["net"])
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["actor", "critic", "scorer"])
def test_the_weights_tell_the_input_of_a_sequential_in_an_attribute(
    name: str, float64: None
) -> None:
    text = IMPORTS + (
        "class Scored:\n"
        "    def __init__(self, scorer):\n"
        "        self.scorer = scorer\n"
        "class Agent(Scored):\n"
        "    def __init__(self, actions):\n"
        "        self.actor = keras.Sequential([layers.Dense(6, 'tanh'), layers.Dense(actions)])\n"
        "        self.critic = self._build(1)\n"
        "        super().__init__(self._build(actions + 1))\n"
        "    def _build(self, units):\n"
        "        model = keras.Sequential()\n"
        "        model.add(layers.Dense(units, 'relu'))\n"
        "        return model\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    (entry,) = pair.entries(f"Agent.{name}")
    theirs = getattr(pair.keras["Agent"](3), name)
    theirs.build((None, 7))
    assert_same(theirs, getattr(pair.torch, entry["factory"])(3), entry, pair.torch)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ("layers.Flatten(), layers.Dense(6), layers.Reshape([1, -1])", (None, 5, 4)),
        ("layers.Flatten(), layers.Dense(6)", (None, 5, 4, 2)),
        ("layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(6)", (None, 7, 6, 2)),
        ("layers.Lambda(lambda x: x[:, -1:, :]), layers.Dense(6)", (None, 5, 4)),
    ],
)
@pytest.mark.parametrize("text", ["model = {}", "def model(): return {}"])
def test_the_weights_tell_what_a_sequential_takes(
    layers: str, shape: tuple[int | None, ...], text: str, float64: None
) -> None:
    pair = Pair(IMPORTS + text.format(f"keras.Sequential([{layers}])"))
    assert pair.errors == []
    (entry,) = pair.entries("model")
    theirs = pair.keras["model"] if text.startswith("model") else pair.keras["model"]()
    theirs.build(shape)
    ours = getattr(pair.torch, entry["factory"])()
    vars(pair.torch)["load_keras_weights"](ours, theirs)
    x = np.random.default_rng(0).normal(size=(3, *shape[1:]))
    permute = entry["inputs"][0]["permute"]
    fed = torch.from_numpy(np.transpose(x, permute).copy() if permute else x)
    np.testing.assert_allclose(ours(fed).detach(), theirs(x), rtol=1e-9, atol=1e-9)


def test_an_object_is_given_a_sequential_without_an_input(float64: None) -> None:
    pair = Pair(
        IMPORTS + "class Residual(keras.Model):\n"
        "    def __init__(self, model):\n"
        "        super().__init__()\n"
        "        self.model = model\n"
        "    def call(self, inputs, *args, **kwargs):\n"
        "        return inputs + self.model(inputs, *args, **kwargs)\n"
        "net = Residual(keras.Sequential([layers.LSTM(6, return_sequences=True), layers.Dense(4)]))\n"
    )
    assert pair.errors == []
    ours, theirs = getattr(pair.torch, pair.entries("net")[0]["factory"])(), pair.keras["net"]
    x = np.random.default_rng(0).normal(size=(3, 5, 4))
    wanted = theirs(x)
    vars(pair.torch)["load_keras_weights"](ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), wanted, rtol=1e-9, atol=1e-9)


def test_what_does_not_fit_is_said_of_the_model_in_question() -> None:
    both = (
        "import keras\nfrom keras import layers\n"
        "one = keras.Sequential([layers.Dense(2), layers.LSTM(3)])\n"
        "two = keras.Sequential([layers.Dense(2)])\n"
    )
    translate(both, "model.py", Options(), log := Log())
    assert [d.place.line for d in log.diagnostics if d.severity == "error"] == [3]


A_SIZE_OF_ONE = """
import keras
from keras import layers, ops


class Angles(layers.Layer):
    def __init__(self, dim):
        super().__init__()
        self.half = dim // 2

    def call(self, t):
        steps = ops.cast(ops.arange(self.half), t.dtype)
        angles = t[:, None] * steps[None, :]
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def build(n=24, c=3):
    inputs, t = keras.Input((n, c)), keras.Input((1,))
    angles = Angles(n)(t)
    angles = layers.Reshape((angles.shape[-1], 1))(angles)
    x = layers.Concatenate()([inputs, angles])
    return keras.Model([inputs, t], layers.Add()([layers.Dense(4)(x), layers.Dense(1)(inputs)]))
"""


@pytest.mark.usefixtures("float64")
def test_a_size_of_one_takes_that_of_the_other() -> None:
    check_kept(A_SIZE_OF_ONE, "10", "6, c=2")
