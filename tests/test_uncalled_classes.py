"""Layers and models that their file never calls: what they are called on is told by their code."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64
from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double", "float64"]

CASES: dict[str, tuple[str, str, str, tuple[tuple[int, ...], ...]]] = {
    "a list, asked for in build": (
        """
class Pairs(layers.Layer):
    def build(self, input_shape):
        if not isinstance(input_shape, list) or len(input_shape) < 2:
            raise ValueError("a list of at least 2 inputs is wanted")
        if len(input_shape[0]) != 3:
            raise ValueError("3 axes are wanted")
        self.kernel = self.add_weight(shape=(input_shape[0][-1], 4), name="kernel")

    def call(self, inputs):
        return ops.matmul(ops.concatenate(inputs, axis=1), self.kernel)
""",
        "",
        "in_features=5",
        ((2, 3, 5), (2, 4, 5)),
    ),
    "a list that call takes apart, and what it rebinds after that": (
        """
class Pairs(layers.Layer):
    def build(self, shapes):
        self.dense = layers.Dense(4)

    def call(self, x):
        note = "pair # of two"
        first, second = x  # both
        x = self.dense(first), ops.tanh(second)
        x, other = x
        return x + ops.mean(other, axis=-1, keepdims=True)
""",
        "",
        "in_features=5",
        ((2, 5), (2, 3)),
    ),
    "a list that call goes through": (
        """
class Pairs(layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(len(input_shape),), initializer="ones", name="scale")

    def call(self, inputs):
        total = 0.0
        for i, x in enumerate(inputs):
            total = total + self.scale[i] * x
        return total
""",
        "",
        "",
        ((2, 5), (2, 5)),
    ),
    "a rank that call asserts": (
        """
class Pairs(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def call(self, x):
        x.shape.assert_has_rank(3)
        features = x.shape.as_list()[-1]
        return ops.reshape(self.dense(ops.reshape(x, (-1, features))), (-1, ops.shape(x)[-2], 4))
""",
        "4",
        "4, features=5",
        ((2, 3, 5),),
    ),
    "a setting that is a pair": (
        """
class Pairs(layers.Layer):
    def __init__(self, size, units, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.dense = layers.Dense(units)

    def call(self, x):
        height, width = self.size
        _, length, channels = x.shape
        assert length == height * width
        x = ops.reshape(x, (-1, height, width, channels))
        return self.dense(ops.concatenate([x[:, 0::2], x[:, 1::2]], axis=-1))
""",
        "(4, 3), 6",
        "(4, 3), 6, features=5",
        ((2, 12, 5),),
    ),
    "pictures, and how long each is": (
        """
class Pairs(layers.Layer):
    def __init__(self, filters, strides=[[1, 2], [1, 2]], **kwargs):
        super().__init__(**kwargs)
        assert len(filters) == len(strides)
        self.first = layers.Conv2D(filters[0], 3, strides=strides[0], padding="same")
        self.second = layers.Conv2D(filters[1], 3, padding="same", name=self.activity_regularizer)
        self.pool = layers.MaxPooling2D(2)
        self.factor = self.first.strides[1] * self.pool.pool_size[0] * self.pool.strides[1]
        self.dense = layers.Dense(self.factor)

    def call(self, inputs):
        x, x_length = inputs
        x = self.pool(self.second(self.first(x)))
        x = ops.reshape(x, (ops.shape(x)[0], -1, x.shape[2] * x.shape[3]))
        return self.dense(x), x_length // self.factor
""",
        "[4, 6]",
        "[4, 6], in_channels=3, width=16",
        ((2, 8, 16, 3), (2,)),
    ),
    "sizes that only the last branches read of their widths": (
        """
class Pairs(layers.Layer):
    def __init__(self, kind="rows", pads=True, **kwargs):
        super().__init__(**kwargs)
        self.kind, self.pads = kind, pads

    def call(self, x):
        if self.kind == "rows":
            n = x.shape[1] % 4
            y = x * n
        elif self.pads:
            n = x.shape[2] % 4
            y = x + n
        else:
            n = x.shape[2] % 3
            y = x - n
        return y
""",
        "'widths', pads=False",
        "'widths', pads=False, features=5",
        ((2, 4, 5),),
    ),
    "an index of the object's own, and pairs in a list": (
        """
class Pairs(layers.Layer):
    def __init__(self, heads, at=0, **kwargs):
        super().__init__(**kwargs)
        self.at = at
        self.heads = []
        for width, name in heads:
            self.heads.append(layers.Dense(width, name=name))

    def build(self, input_shape):
        shape = (int(input_shape[-1]),)
        self.scale = self.add_weight(shape=shape, initializer=tf.ones_initializer(), name="scale")

    def call(self, x):
        outputs = {}
        for head in self.heads:
            outputs[head.name] = head(x[:, self.at, :] * self.scale)
        return outputs
""",
        "[(3, 'model')], at=2",
        "[(3, 'model')], at=2, features=5",
        ((2, 4, 5),),
    ),
    "one sequence, or what is asked, where and for what": (
        """
class Pairs(layers.Layer):
    def call(self, inputs):
        if isinstance(inputs, (list, tuple)):
            query, key, value = inputs
        else:
            query = key = value = inputs
        scores = ops.softmax(ops.matmul(query, ops.swapaxes(key, 1, 2)))
        return ops.matmul(scores, value)
""",
        "",
        "",
        ((2, 4, 5),),
    ),
    "attention as wide as its input, unless something is said": (
        """
class Pairs(layers.Layer):
    def __init__(self, heads, width=None, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(heads, 4, output_shape=width)
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(self.attention(x, x))
""",
        "2",
        "2, features=5",
        ((2, 4, 5),),
    ),
    "widths that no weight tells": (
        """
class Pairs(layers.Layer):
    def call(self, inputs):
        length = ops.shape(inputs[0])[1] + ops.shape(inputs[1])[1]
        places = ops.expand_dims(ops.arange(length - 1, -1, -1, dtype="float64"), axis=0)
        return ops.tile(places, [ops.shape(inputs[0])[0], 1]) * 2.0
""",
        "",
        "",
        ((2, 5), (2, 3)),
    ),
    "a width that may be nothing": (
        """
class Pairs(layers.Layer):
    def __init__(self, inner_dim, **kwargs):
        super().__init__(**kwargs)
        self.inner_dim = inner_dim
        if self.inner_dim:
            self.dense = layers.Dense(inner_dim)
        self.out = layers.Dense(3)

    def call(self, rows):
        if not self.inner_dim:
            x = rows
        else:
            x = self.dense(rows[:, 0, :])
        return self.out(x)
""",
        "0",
        "0, features=5",
        ((2, 4, 5),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_code_tells(name: str, tmp_path: Path) -> None:
    text, args, torch_args, shapes = CASES[name]
    both = Both(tmp_path, text)
    given: list[np.ndarray] = [numbers(*shape) for shape in shapes]
    several = len(given) > 1
    both.agree("Pairs", args, torch_args, *given, structure=lambda *x: list(x) if several else x[0])


GIVEN_BY_FUNCTIONS = """
class Net(keras.Model):
    def __init__(self, words, units=4):
        super().__init__()
        self.embedding = layers.Embedding(words, 8)
        self.dense = layers.Dense(units)

    def call(self, inputs):
        numbers, table = inputs
        looked_up = self.embedding(table[:, :, 0])
        return self.dense(ops.concatenate([numbers, ops.sum(looked_up, axis=1)], axis=-1))


def make():
    net = Net(50)
    net.compile(loss="mse")
    return net


def make_wide(words, factor=2):
    return Net(words, units=3 * factor)
"""


def test_functions_that_give_objects_of_model_classes(tmp_path: Path) -> None:
    both = Both(tmp_path, GIVEN_BY_FUNCTIONS)
    assert [e["source_name"] for e in both.made.models] == ["Net", "make", "make_wide"]
    table = np.random.default_rng(1).integers(0, 9, (2, 5, 3)).astype("int32")
    taken = numbers(2, 4), table
    both.agree("make", "", "in_features=4", *taken, structure=lambda *x: list(x))
    both.agree("make_wide", "20, factor=3", "20, factor=3", *taken, structure=lambda *x: list(x))


def test_masks_over_heads_and_indices_in_a_class_of_sequences() -> None:
    text = """
def padding_mask(ids):
    return ops.cast(ops.equal(ids, 0), "float32")[:, None, None, :]


class Decoder(layers.Layer):
    def __init__(self, vocab, units):
        super().__init__()
        self.embedding = layers.Embedding(vocab, units)
        self.query, self.key = layers.Dense(units), layers.Dense(units)

    def call(self, x, enc_output, mask):
        seq_len = ops.shape(x)[1]
        query = ops.reshape(self.query(self.embedding(x)), (-1, seq_len, 2, 4))
        key = ops.reshape(self.key(enc_output), (-1, ops.shape(enc_output)[1], 2, 4))
        scores = ops.einsum("bqhd,bkhd->bhqk", query, key)
        return ops.softmax(scores - 1e9 * mask)
"""
    pair = Pair("import keras\nfrom keras import layers, ops\n" + text)
    assert pair.errors == []
    (entry,) = pair.entries("Decoder")
    assert [len(port["shape"]) for port in entry["inputs"]] == [2, 3, 4]


def test_sizes_that_nothing_tells_come_with_the_weights(float64: None) -> None:
    text = """
class Gated(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.gate, self.value = layers.Dense(units, activation="sigmoid"), layers.Dense(units)

    def call(self, x):
        return self.gate(x) * self.value(x)


class Grouped(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.norm, self.dense = layers.GroupNormalization(32), layers.Dense(units)

    def call(self, x):
        return self.dense(self.norm(x))
"""
    pair = Pair("import keras\nfrom keras import layers\n" + text)
    theirs, ours = pair.keras["Grouped"](3), pair.torch.make_grouped(3)
    x = np.random.default_rng(0).normal(size=(2, 96))
    wanted = theirs(x)
    pair.torch.load_keras_weights(ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), wanted, atol=1e-9)
    (entry,) = pair.entries("Gated")
    theirs, ours = pair.keras["Gated"](3), getattr(pair.torch, entry["factory"])(3)
    x = np.random.default_rng(0).normal(size=(2, 5))
    wanted = theirs(x)
    with pytest.raises(ValueError, match="features: give it to the module, or load weights"):
        ours(torch.from_numpy(x))
    vars(pair.torch)["load_keras_weights"](ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach(), wanted, rtol=1e-12)


SAID = """
class Rows(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return ops.matmul(x, self.kernel)


class Cross(layers.Layer):
    def __init__(self):
        super().__init__()
        self.rows = Rows(4)

    def call(self, query, context):
        return ops.einsum("nac,nbc->nab", self.rows(query), self.rows(context))


class Chosen(layers.Layer):
    def call(self, inputs):
        query, value = inputs if isinstance(inputs, list) else (inputs, inputs)
        return ops.matmul(ops.einsum("...ac,...bc->...ab", query, value), value)
"""


def test_shapes_that_are_said_of_classes_and_of_their_inputs(tmp_path: Path) -> None:
    shapes = {"Rows": (5,), "Cross.query": (6, 7), "Cross.context": (3, 7)}
    case = Both(tmp_path, SAID, **shapes)
    assert not case.log.has_errors
    rows, cross = case.entry("Rows"), case.entry("Cross")
    assert rows["inputs"][0]["shape"] == [None, 5]
    assert rows["inferred"] == {"features": 5}
    assert [i["shape"] for i in cross["inputs"]] == [[None, 6, 7], [None, 3, 7]]
    assert len(case.entry("Chosen")["inputs"][0]["shape"]) == 3
    case.agree("Rows", "4", "4, features=5", numbers(2, 5))
    case.agree("Cross", "", "in_features=7", numbers(2, 6, 7), numbers(2, 3, 7))


MODELS_IN_BRANCHES = """
class Block(layers.Layer):
    def __init__(self, width=6, first=True, more=False, head=False):
        super().__init__()
        self.first, self.more, self.head = first, more, head
        self.norm = layers.LayerNormalization()
        self.feed = keras.Sequential([layers.Dense(width, activation="relu"), layers.Dense(6)])
        self.extra = keras.Sequential([layers.Dense(6)])
        start = keras.Input((6,))
        self.graph = keras.Model(start, layers.Dense(6)(start))

    def call(self, x):
        if self.first:
            x = self.norm(x + self.feed(x))
            x = self.feed(x)
        else:
            x = x + self.feed(self.norm(x))
        if self.more:
            x = self.extra(x)
        if self.head:
            return self.graph(x)
        return x
"""


@pytest.mark.parametrize("args", ["", "first=False", "more=True", "width=8, head=True"])
def test_models_that_branches_call(args: str, tmp_path: Path) -> None:
    both = Both(tmp_path, MODELS_IN_BRANCHES)
    assert both.log.diagnostics == []
    both.agree("Block", args, args, numbers(2, 6))


def test_sizes_that_are_asked_for_one_by_one_tell_how_many_there_are(tmp_path: Path) -> None:
    text = """
class Emission(layers.Layer):
    def build(self, input_shape):
        width = int(input_shape[2])
        self.kernel = self.add_weight(shape=(width, width), name="kernel")

    def call(self, x):
        count = ops.shape(x)[1]
        scores = ops.matmul(ops.tanh(ops.matmul(x, self.kernel)), ops.swapaxes(x, -1, -2))
        return ops.reshape(scores, (-1, count, count))
"""
    both = Both(tmp_path, text)
    both.agree("Emission", "", "features=5", numbers(2, 4, 5))


@pytest.mark.parametrize(
    ("others", "shape"), [("layers.Conv2D", (2, 3, 4, 5)), ("None", (2, 4, 5))]
)
def test_what_is_made_rows_of_has_more_axes(
    others: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    text = f"""
CONVOLUTION = {others}


class Rows(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def call(self, x):
        rows = tf.reshape(x, [-1, self.width])
        scale = ops.sum(rows * rows, axis=1, keepdims=True)
        return tf.reshape(rows / (scale + 2), tf.shape(x)) + x
"""
    Both(tmp_path, text).agree("Rows", "5", "5", numbers(*shape))


AUTOENCODER = """
class VAE(keras.Model):
    def __init__(self, encoder_net, decoder, beta=0.5, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder_net
        self.decoder = decoder
        self.beta = beta
        self.head = layers.Dense(3)

    def call(self, x, training=False):
        mean, log_var, code = self.encoder(x, training=training)
        return self.head(self.decoder(code + self.beta * ops.exp(log_var)) - mean)
"""


def test_models_that_an_object_is_made_with(tmp_path: Path) -> None:
    both = Both(tmp_path, AUTOENCODER)
    told = [d.message for d in both.log.diagnostics]
    assert (
        told[0] == "encoder_net of VAE is taken for a model that takes rows and gives rows 3 times"
    )

    start = keras.Input((5,))
    outputs = [keras.layers.Dense(4, name=name)(start) for name in "abc"]
    theirs = keras.Model(start, outputs), keras.Sequential([keras.layers.Dense(4)])

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = (torch.nn.Linear(5, 4) for _ in range(3))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return self.a(x), self.b(x), self.c(x)

    ours = both.out.VAE(Encoder(), torch.nn.Linear(4, 4), decoder_features=4)
    vae = both.source.VAE(*theirs)
    both.compare(both.entry("VAE"), vae, ours, [numbers(2, 5)], lambda x: x)


def test_sizes_of_inputs_are_never_none_and_those_of_folded_kernels_are_told(
    tmp_path: Path,
) -> None:
    text = """
class Blocks(layers.Layer):
    def __init__(self, units, count=2):
        super().__init__()
        self.first = layers.EinsumDense("abc,cde->abde", (None, count, units), bias_axes="de")
        self.count = count

    def build(self, input_shape):
        sizes = list(input_shape)
        for index, size in enumerate(sizes):
            if index and size is None:
                raise ValueError("a size is not known")
        width = sizes[-1] // self.count
        self.second = layers.EinsumDense("abde,deo->abdo", (None, self.count, width))

    def call(self, x):
        y = self.second(self.first(x))
        return ops.reshape(y, (-1, ops.shape(x)[1], ops.shape(x)[2]))
"""
    both = Both(tmp_path, text)
    both.agree("Blocks", "3", "3", numbers(2, 4, 6))


OF_SETTINGS = """
class Stack(layers.Layer):
    def __init__(self, channels, padding="reflect", activation="LeakyReLU",
                 activation_params={"negative_slope": 0.2}, **kwargs):
        super().__init__(**kwargs)
        assert padding == "reflect"
        self.convs = [
            getattr(layers, activation)(**activation_params),
            layers.Conv1D(channels, 3, padding="same"),
        ]

    def call(self, x):
        for layer in self.convs:
            x = layer(x)
        return x


SHRINKS = {"mean": ops.mean, "max": ops.max}


class Net(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.parts = []
        for i in range(config.num_duration_convs):
            self.parts.append(layers.Conv1D(config.channels, 3, padding="same"))
            self.parts.append(getattr(layers, config.nonlinear)(**config.nonlinear_params))
        self.body = keras.Sequential(self.parts)
        self.stack = Stack(
            config.channels,
            padding=config.padding,
            activation=config.activation,
            activation_params=config.activation_params,
        )
        self.shrink = SHRINKS[config.shrinks_by]
        self.steps = [ops.tanh] * (config.num_steps - 1) + [ops.sigmoid]

    def call(self, inputs):
        x, mask = inputs
        x = self.stack(self.body(x))
        for step in self.steps:
            x = step(x)
        return self.shrink(x * ops.expand_dims(mask, axis=2), axis=1)

"""


def test_settings_are_guessed_as_they_are_used(tmp_path: Path) -> None:
    both = Both(tmp_path, OF_SETTINGS)
    given = {
        "num_duration_convs": 3,
        "channels": 4,
        "num_steps": 20,
        "padding": "reflect",
        "shrinks_by": "mean",
        "nonlinear": "ReLU",
        "nonlinear_params": {},
        "activation": "LeakyReLU",
        "activation_params": {"negative_slope": 0.2},
    }
    for module in (both.source, both.out):
        vars(module)["settings"] = SimpleNamespace(**given)
    taken = numbers(2, 6, 5), numbers(2, 6)
    both.agree("Net", "settings", "settings, in_features=5", *taken, structure=lambda *x: list(x))


BY_TYPE = """
import tensorflow as tf
import tf_keras as keras


class Block(keras.layers.Layer):
    def build(self, input_shape):
        if isinstance(input_shape, tf.TensorShape):
            shape = input_shape
        elif isinstance(input_shape, (list, tuple)):
            shape = tf.TensorShape(input_shape[0])
        self.dense = keras.layers.Dense(shape[-1])
        super().build(input_shape)

    def call(self, inputs):
        if isinstance(inputs, (list, tuple)):
            x, y = inputs
        else:
            x, y = inputs, 1.0
        return self.dense(x) * y
"""


def test_the_shape_of_one_input_is_a_tensor_shape_in_keras_2() -> None:
    done = translate(BY_TYPE, "block.py", Options(), log := Log())
    assert log.errors == 0
    names: dict[str, Any] = {}
    exec(BY_TYPE, names)
    module = sys.modules["block_by_type"] = ModuleType("block_by_type")
    exec(done.code, out := vars(module))
    x = numbers(2, 5).astype("float32")
    theirs = names["Block"]()
    wanted = theirs(x).numpy()
    ours = out["Block"](features=5).float()
    out["load_keras_weights"](ours, theirs)
    np.testing.assert_allclose(ours(torch.from_numpy(x)).detach().numpy(), wanted, atol=1e-5)


def test_a_parameter_that_has_to_be_the_length_of_a_list(tmp_path: Path) -> None:
    text = """
class Decoder(keras.Model):
    def __init__(self, levels, filters=(6, 4, 3)):
        super().__init__()
        if len(filters) != levels:
            raise ValueError("as many filters as levels are wanted")
        self.convs = [layers.Conv1D(f, 3, padding="same") for f in filters]

    def call(self, x):
        for conv in self.convs:
            x = conv(x)
        return x
"""
    both = Both(tmp_path, text)
    both.agree("Decoder", "2, [3, 5]", "2, [3, 5], features=4", numbers(2, 6, 4))
