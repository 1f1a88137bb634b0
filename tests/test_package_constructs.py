"""Constructs that model code of published packages has: layers that check their inputs, models between given tensors."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tf_keras
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

BETWEEN = """
import math

import keras
from keras import layers


class Prior(keras.initializers.Initializer):
    def __init__(self, probability=0.01):
        self.probability = probability

    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype) * -math.log((1 - self.probability) / self.probability)


class Net(keras.Model):
    def __init__(self, inputs, blocks=(1, 1), include_top=True, classes=10, *args, **kwargs):
        x = layers.Conv2D(8, 3)(inputs)
        outputs = []
        for n in blocks:
            for _ in range(n):
                x = layers.Conv2D(8, 3)(x)
            outputs.append(x)
        if include_top:
            x = layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))
            super(Net, self).__init__(inputs=inputs, outputs=x, *args, **kwargs)
        else:
            super(Net, self).__init__(inputs=inputs, outputs=outputs, *args, **kwargs)


def head(n):
    inputs = keras.Input((None, None, 8))
    x = layers.Conv2D(n, 3, bias_initializer=Prior(0.02), name="cls")(inputs)
    return keras.Model(inputs, layers.Activation("sigmoid")(x), name="head")


def build(n, inputs=None):
    if inputs is None:
        inputs = keras.Input((16, 17, 3))
    net = Net(inputs, include_top=False)
    shared = head(n)
    return keras.Model(inputs, [shared(f) for f in (net.outputs[0], net.outputs[1])])


model = build(3)
"""


@pytest.mark.parametrize(("name", "call"), [("model", ""), ("build", "build(2)")])
@pytest.mark.usefixtures("float64")
def test_outputs_of_a_model_between_the_tensors_that_it_is_given(name: str, call: str) -> None:
    pair = Pair(BETWEEN)
    assert not pair.errors
    pair.check(name, call or name, call.partition("(")[2].removesuffix(")"))
    told = [d for d in pair.log.diagnostics if d.code == "KT208"]
    assert told
    assert "Prior" in told[0].message


ALIKE = """
import itertools

import keras
import tensorflow as tf
from keras import layers
from tensorflow.python.ops.init_ops_v2 import Ones


class Pairs(layers.Layer):
    def build(self, input_shape):
        if not isinstance(input_shape, list) or len(input_shape) < 2:
            raise ValueError("a list of inputs")
        if len(set(tuple(shape) for shape in input_shape)) > 1:
            raise ValueError("inputs of one shape")
        self.size = len(input_shape)
        self.scale = self.add_weight(name="scale", shape=(int(input_shape[0][-1]),), initializer=Ones())

    def call(self, inputs):
        rows, columns = zip(*itertools.combinations(inputs, 2))
        joined = tf.concat(rows, axis=1) * tf.concat(columns, axis=1) * self.scale
        return tf.reduce_sum(joined, axis=1)

    def compute_mask(self, inputs, mask=None):
        return [None] * (self.size - 1) and None


class Product(layers.Layer):
    def call(self, inputs):
        parts = tf.split(inputs, 2, axis=-1)
        return tf.nn.softmax(tf.matmul(parts, parts, transpose_b=True), axis=1)[0]


a, b, c = keras.Input((1, 4)), keras.Input((1, 4)), keras.Input((1, 4))
model = keras.Model([a, b, c], Pairs()([a, b, c]))
two = keras.Model([a, b], Pairs()([a, b]))
product = keras.Model(a, Product()(a))
"""


@pytest.mark.parametrize("name", ["model", "two", "product"])
@pytest.mark.usefixtures("float64")
def test_a_layer_that_checks_that_its_inputs_are_alike(name: str) -> None:
    pair = Pair(ALIKE)
    assert not pair.errors
    pair.check(name, name)


BLOCKS = """
import keras
from keras import layers


class Block(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, shape):
        self.first = layers.Dense(self.filters)
        if shape[-1] != self.filters:
            self.match = layers.Dense(self.filters)
        else:
            self.match = layers.Lambda(lambda x: x)

    def call(self, x):
        return self.first(x) + self.match(x)
"""


@pytest.mark.usefixtures("float64")
def test_two_classes_for_one_class_of_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocks_of_mine.py").write_text(BLOCKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (
        "import keras\nfrom blocks_of_mine import Block\n\n"
        "i = keras.Input((3,))\nmodel = keras.Model(i, Block(5)(Block(5)(i)))\n"
    )
    pair = Pair(text, path=tmp_path / "model.py")
    assert not pair.errors
    pair.check("model", "model")


def test_an_old_spelling_that_says_nothing_changes_nothing() -> None:
    text = (
        "import keras\nimport tensorflow as tf\n\ni = keras.Input((3, 4))\n"
        "x = keras.layers.Lambda(lambda t: tf.reduce_sum(t, axis=1, reduction_indices=None))(i)\n"
        "model = keras.Model(i, x)\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert "x.sum(dim=1)" in done.code


TIED = """
import keras
from keras import layers, ops


class TokenEmbedding(layers.Embedding):
    def call(self, inputs):
        return [super().call(inputs), self.embeddings + 0]

    def compute_output_spec(self, inputs):
        shapes = (*inputs.shape, self.output_dim), (self.input_dim, self.output_dim)
        return [keras.KerasTensor(shape, self.compute_dtype) for shape in shapes]


class Similar(layers.Layer):
    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(int(input_shape[1][0]),))

    def call(self, inputs):
        x, table = inputs
        return ops.matmul(x, ops.transpose(table)) + self.bias


i = keras.Input((7,), dtype="int32")
x, table = TokenEmbedding(9, 4)(i)
model = keras.Model(i, Similar()([layers.Dense(4)(x), table]))
"""


@pytest.mark.usefixtures("float64")
def test_an_embedding_whose_table_is_read() -> None:
    pair = Pair(TIED)
    assert not pair.errors
    pair.check("model", "model")


TWO_WAYS = {
    "words and their places": """
class Tied(layers.Layer):
    def __init__(self, length, vocabulary, width):
        super().__init__()
        self.words = layers.Embedding(vocabulary, width)
        self.places = layers.Embedding(length, width)

    def call(self, inputs, mode="embedding"):
        if mode == "linear":
            return ops.matmul(inputs, ops.transpose(self.words.embeddings))
        return self.words(inputs) + self.places(ops.arange(ops.shape(inputs)[1]))


other = layers.Dense(3)
i = keras.Input((7,), dtype="int32")
tied = Tied(8, 9, 4)
x = layers.Dense(4)(tied(i))
model = keras.Model(i, [tied(x, mode="linear"), other(x)])
""",
    "within a model of the source": """
class Tied(layers.Layer):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.words = layers.Embedding(vocabulary, width)

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.words.embeddings))
        return self.words(inputs)


class Net(keras.Model):
    def __init__(self, vocabulary, width=4):
        super().__init__()
        self.tied = Tied(vocabulary, width)
        self.dense = layers.Dense(width, activation="tanh")

    def call(self, inputs):
        return self.tied(self.dense(self.tied(inputs)), reverse=True)


i = keras.Input((7,), dtype="int32")
model = keras.Model(i, Net(9)(i))
""",
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("text", TWO_WAYS.values(), ids=TWO_WAYS)
def test_a_layer_that_is_called_in_two_ways_is_written_in_place(text: str) -> None:
    pair = Pair(f"import keras\nfrom keras import layers, ops\n\n{text}")
    assert pair.errors == []
    pair.check("model", "model")


def test_a_layer_with_weights_of_its_own_that_is_called_in_two_ways_is_told() -> None:
    text = (
        "import keras\nfrom keras import layers, ops\n\n\n"
        "class Tied(layers.Embedding):\n"
        "    def compute_output_spec(self, inputs, reverse=False):\n"
        "        last = (9,) if reverse else (*inputs.shape[-1:], 4)\n"
        "        return keras.KerasTensor((*inputs.shape[:-1], *last))\n\n"
        "    def call(self, inputs, reverse=False):\n"
        "        if reverse:\n"
        "            return ops.matmul(inputs, ops.transpose(self.embeddings))\n"
        "        return super().call(inputs)\n\n\n"
        "i = keras.Input((7,), dtype='int32')\ntied = Tied(9, 4)\n"
        "model = keras.Model(i, tied(layers.Dense(4)(tied(i)), reverse=True))\n"
    )
    errors = Pair(text).errors
    assert any("two ways" in error for error in errors)


NAMED = """
import keras
from keras import layers


class Block(layers.Layer):
    def build(self, shape):
        self.mlp = keras.Sequential(
            [layers.Dense(6, name=f"{self.name}_first"), layers.Dense(shape[-1], name=f"{self.name}_last")]
        )

    def call(self, x):
        return x + self.mlp(x)


def build(depth=2):
    x = inputs = keras.Input((4,))
    for n in range(depth):
        x = Block(name=f"block_{n}")(x)
    return keras.Model(inputs, x)


model = build()
"""


@pytest.mark.usefixtures("float64")
def test_names_within_a_layer_that_its_user_names_by_the_turn() -> None:
    pair = Pair(NAMED)
    assert not pair.errors
    pair.check("model", "model")
    pair.check("build", "build(3)", "3")


SHOWN = '''
import keras
from keras import layers


class Backbone(keras.Model):
    """A net of stages.

    Example:

    ```python
    pictures = np.ones((2, 16, 16, 3))
    model = package.models.Backbone(stage_sizes=[4, 8], stage_steps=[[1, 2], [1]])
    model(pictures)
    model.fit(somewhere.load())
    ```
    """

    def __init__(self, stage_sizes, stage_steps, shape=(None, None, 3), **kwargs):
        if len(stage_sizes) != len(stage_steps):
            raise ValueError("one list of steps for each stage")
        x = inputs = keras.Input(shape)
        for size, steps in zip(stage_sizes, stage_steps):
            for step in steps:
                x = layers.Conv2D(size, 3, strides=step, padding="same")(x)
        super().__init__(inputs=inputs, outputs=x, **kwargs)


class Head(layers.Layer):
    """
    >>> head = Head(rows=7, table=somewhere.table)
    >>> head(np.zeros((2, 5, 4)))
    """

    def __init__(self, rows=None, table=None, **kwargs):
        super().__init__(**kwargs)
        if rows is None and table is None:
            raise ValueError("one of them is needed")
        self.dense = layers.Dense(rows or 1)

    def call(self, x):
        return self.dense(x)


def build(sizes, last):
    """Makes a model.

        >>> model = build([6, 5],
        ...               last="tanh")
    """
    x = inputs = keras.Input((4,))
    for size in sizes:
        x = layers.Dense(size)(x)
    return keras.Model(inputs, layers.Activation(last)(x))
'''


@pytest.mark.usefixtures("float64")
def test_what_nothing_calls_is_tried_as_its_docstring_shows() -> None:
    pair = Pair(SHOWN)
    assert not pair.errors
    (head,) = pair.entries("Head")  # the sizes of an example are no one else's
    assert head["inferred"] == {}
    assert set(head["inputs"][0]["shape"]) == {None}
    pair.check("Backbone", "Backbone([4, 8], [[1, 2], [1]])", "[4, 8], [[1, 2], [1]]")
    pair.check("build", "build([3, 2], 'tanh')", "[3, 2], 'tanh'")


WITH_NONE = """
import keras
from keras import layers


class Attention(layers.Layer):
    def __init__(self, units, scores=False, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)
        self.scores = scores

    def call(self, x, cache=None):
        y = self.dense(x)
        return y, (keras.ops.softmax(y) if self.scores else None), cache


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Attention(6, scores=True)
        self.last = Attention(5)

    def call(self, x):
        x, scores, cache = self.first(x)
        y, more, _ = self.last(x, cache=cache)
        return [y, scores] if more is None else more


inputs = keras.Input((4,))
model = keras.Model(inputs, Block()(inputs))
"""


@pytest.mark.usefixtures("float64")
def test_none_among_what_a_layer_gives() -> None:
    pair = Pair(WITH_NONE)
    assert not pair.errors
    pair.check("model", "model")


MERGED = """
import tf_keras as keras
from tf_keras import layers


def build(merge, axis=None):
    a = keras.Input((5,), name="a")
    b = keras.Input((5,), name="b")
    c = keras.Input((5, 3), name="c")
    x = layers.Embedding(9, 3, mask_zero=True)(a)
    y = layers.Embedding(9, 3, mask_zero=True)(b)
    return keras.Model([a, b, c], layers.GlobalAveragePooling1D()(merge([x, y, c])))


added = build(layers.Add())
greatest = build(layers.Maximum())
product = build(layers.Multiply())
joined = build(layers.Concatenate())
"""


def test_masks_that_merge_in_keras_2() -> None:
    pair = Pair(MERGED)
    assert not pair.errors
    ids = [np.array([[1, 0, 2, 3, 0]]), np.array([[1, 4, 0, 2, 0]])]
    arrays = [*ids, np.random.default_rng(0).normal(size=(1, 5, 3))]
    for name in ("added", "greatest", "product", "joined"):
        theirs, ours = pair.keras[name], vars(pair.torch)[pair.entries(name)[0]["factory"]]()
        pair.torch.load_keras_weights(ours, theirs)
        assert isinstance(theirs, tf_keras.Model)
        want = theirs([a.astype("float32") for a in arrays]).numpy()
        got = ours(*(torch.from_numpy(a).float() for a in arrays)).detach().numpy()
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


UNKNOWN_MASK = """
import keras
from keras import layers, ops


class Marked(layers.Layer):
    def compute_mask(self, inputs, mask=None):
        return ops.nobody_knows(inputs)

    def call(self, x):
        return x * 2


inputs = keras.Input((5, 3))
x = Marked()(inputs)
free = keras.Model(inputs, layers.Dense(2)(x))
bound = keras.Model(inputs, layers.GlobalAveragePooling1D()(x))
"""


def test_a_mask_that_is_not_known_matters_where_it_is_heeded() -> None:
    done = translate(UNKNOWN_MASK, "model.py", Options(want_test=False), Log())
    status = {m["source_name"]: m["status"] for m in done.models}
    assert status == {"Marked": "translated", "free": "translated", "bound": "unsupported"}
    said = [d.message for d in done.log.diagnostics if d.severity == "error"]
    assert any("the mask that Marked gives is not known" in text for text in said)


GAP_INSIDE = """
import keras
from keras import layers


class Odd(layers.Layer):
    def call(self, x):
        self.seen = keras.ops.nobody_knows(x)(x)
        return x * 2


inputs = keras.Input((3,))
model = keras.Model(inputs, layers.Dense(2)(Odd()(inputs)))
"""


def test_a_model_is_partial_where_a_layer_in_it_is() -> None:
    done = translate(GAP_INSIDE, "model.py", Options(want_test=False), Log())
    assert {m["source_name"]: m["status"] for m in done.models} == dict.fromkeys(
        ("Odd", "model"), "partial"
    )


def test_what_a_source_is_written_for_is_told_by_the_files_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("from .layers import drop\n")
    (tmp_path / "parts" / "layers.py").write_text(
        "from tensorflow.keras import backend as K\n\n\n"
        "def drop(x):\n    return K.in_train_phase(K.dropout(x, 0.5), x)\n"
    )
    main = tmp_path / "main.py"
    main.write_text(
        "from tensorflow import keras\nfrom parts import drop\n\n"
        "model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])\n"
    )
    done = translate(main.read_text(), "main.py", Options(path=main, want_test=False), Log())
    assert done.keras == "2"


SEVERAL = """
import keras
from keras import layers


def build(n):
    inputs = keras.Input((n,))
    x = layers.Dense(3)(inputs)
    return keras.Model(inputs, x), keras.Model(inputs, keras.ops.nobody_knows(x))


both = build(4)
"""


def test_models_of_which_one_is_not_translated() -> None:
    done = translate(SEVERAL, "model.py", Options(want_test=False), Log())
    assert [m["status"] for m in done.models if m["source_name"] == "build"] == ["partial"]


IN_LISTS = """
import keras
from keras import layers, ops


class Pooled(layers.Layer):
    \"\"\"Never called here: its checks tell that it takes lists.\"\"\"

    def build(self, input_shape):
        if not isinstance(input_shape, list) or len(input_shape) != 2:
            raise ValueError("a list of two")
        self.kernel = self.add_weight(shape=(input_shape[0][-1], 1))
        super().build(input_shape)

    def call(self, inputs):
        first = inputs[0]
        return ops.concatenate([ops.matmul(x, self.kernel) * first for x in inputs], axis=1)


class Widths(layers.Layer):
    def __init__(self, hidden_units, **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units

    def build(self, input_shape):
        self.parts = [layers.Dense(n) for n in self.hidden_units]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Residual(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.inner = layers.Dense(self.units)
        if self.units != input_shape[-1]:
            self.match = layers.Dense(self.units)
        else:
            self.match = layers.Lambda(lambda x: x)

    def call(self, x):
        return self.inner(x) + self.match(x)
"""


@pytest.mark.usefixtures("float64")
def test_layers_that_nothing_calls_are_tried_on_what_their_code_speaks_of() -> None:
    pair = Pair(IN_LISTS)
    assert not pair.errors
    for name, given, shapes in (
        ("Pooled", "", [(4, 3), (4, 3)]),
        ("Widths", "[3, 2]", [(4,)]),
        ("Residual", "5", [(3,)]),
    ):
        (entry,) = pair.entries(name)
        assert entry["status"] == "translated"
        inputs = [keras.Input(shape) for shape in shapes]
        layer = eval(f"{name}({given})", pair.keras)
        layer(inputs if len(inputs) > 1 else inputs[0])
        sizes = {"features": shapes[0][-1], "first_features": 3, "in_features": 3}
        ours = getattr(pair.torch, entry["factory"])
        named = {k: v for k, v in sizes.items() if k in inspect.signature(ours).parameters}
        made = ours(*eval(f"({given},)" if given else "()"), **named)
        pair.torch.load_keras_weights(made, layer)
        arrays = [np.random.default_rng(0).normal(size=(2, *shape)) for shape in shapes]
        want = np.asarray(layer(arrays if len(arrays) > 1 else arrays[0]))
        got = made(*map(torch.from_numpy, arrays)).detach().numpy()
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


CONFIGURED = """
import keras
from keras import layers


class Block(layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.inner = layers.Dense(config.intermediate_size, activation=config.hidden_act)
        self.outer = layers.Dense(config.hidden_size)
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps)

    def call(self, x):
        y = self.outer(self.inner(x))
        if self.config.residual:
            y = x + y
        return self.norm(y)


class Net(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [Block(config) for _ in range(config.num_hidden_layers)]
        self.head = layers.Dense(config.num_labels)

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(x)


def build(cfg):
    x = inputs = keras.Input((cfg.features,))
    for n in cfg.units:
        x = layers.Dense(n, activation=cfg.activation)(x)
    return keras.Model(inputs, x)
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("residual", [True, False])
def test_objects_of_settings_that_nothing_makes(residual: bool) -> None:
    pair = Pair(CONFIGURED)
    assert not pair.errors
    said = "cfg=SimpleNamespace(features=16, units=(16, 32, 64, 128), activation='relu')"
    assert any(said in d.message for d in pair.log.diagnostics)
    config = SimpleNamespace(
        intermediate_size=5,
        hidden_size=4 if residual else 6,
        hidden_act="tanh",
        layer_norm_eps=1e-3,
        num_hidden_layers=2,
        num_labels=3,
        residual=residual,
    )
    x = np.random.default_rng(0).normal(size=(2, 4))
    theirs = pair.keras["Net"](config)
    want = np.asarray(theirs(x))
    ours = pair.torch.Net(config, features=4)
    pair.torch.load_keras_weights(ours, theirs)
    got = ours(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    text = "SimpleNamespace(features=3, units=[4, 2], activation='tanh')"
    pair.keras["SimpleNamespace"] = vars(pair.torch)["SimpleNamespace"] = SimpleNamespace
    pair.check("build", f"build({text})", text)


UNKNOWN_FLAG = """
import keras

FLAG = open("flag.txt").read()


class Late(keras.layers.Layer):
    def call(self, x):
        if FLAG == "b":
            return x * 2.0
        return x
"""


def test_a_branch_that_returns_for_an_unknown_reason_is_told() -> None:
    log = Log()
    translate(UNKNOWN_FLAG, "model.py", Options(want_test=False), log)
    assert [(d.code, d.place.line) for d in log.diagnostics if "hangs on" in d.message] == [
        ("KT101", 9)
    ]


DEEP = """
import keras
from keras import layers


class Deep(keras.Model):
    def __init__(self, depth, units=4, **kwargs):
        x = inputs = keras.Input((3,))
        kept = {}
        for n in range(depth):
            kept[f"level_{n}"] = x = layers.Dense(units)(x)
        super().__init__(inputs=inputs, outputs=[kept[f"level_{n}"] for n in range(depth)], **kwargs)
"""


@pytest.mark.usefixtures("float64")
def test_the_settings_of_a_class_that_nothing_makes_may_be_said_by_hand() -> None:
    pair = Pair(DEEP, settings={"depth": "3"})
    assert not pair.errors
    pair.check("Deep", "Deep(3)", "3")


CACHED = """
import keras
from keras import layers, ops


class CachedAttention(layers.MultiHeadAttention):
    def call(
        self, query, value, key=None, attention_mask=None, cache=None, return_attention_scores=False
    ):
        query = self._query_dense(query)
        if cache is not None:
            key, value = cache[:, 0], cache[:, 1]
        else:
            key, value = self._key_dense(value), self._value_dense(value)
        attended, weights = self._compute_attention(
            query=query,
            key=key,
            value=value,
            attention_mask=attention_mask,
            return_attention_scores=return_attention_scores,
        )
        attended = self._output_dense(attended)
        return (attended, weights) if return_attention_scores else attended


class Block(layers.Layer):
    def build(self, shape):
        self.attention = CachedAttention(num_heads=2, key_dim=shape[-1] // 2, dropout=0.1, name="own")
        self.attention.build(query_shape=shape, value_shape=shape)

    def call(self, x):
        past = ops.tril(ops.ones((1, 5, 5)))
        return self.attention(query=x, value=x, attention_mask=past)


i = keras.Input((5, 8))
j = keras.Input((4, 3))
scored = CachedAttention(num_heads=2, key_dim=4, value_dim=5, use_bias=False)
x, scores = scored(i, j, return_attention_scores=True)
model = keras.Model([i, j], [Block()(x), scores])
"""


@pytest.mark.usefixtures("float64")
def test_an_attention_that_calls_the_layers_inside_it() -> None:
    pair = Pair(CACHED)
    assert not pair.errors
    pair.check("model", "model")


BY_PLACE = """
import keras
from keras import layers, ops


class Attend(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.softmax, self.mean = layers.Softmax(), layers.GlobalAveragePooling1D()

    def call(self, x, mask):
        scores = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
        past = ops.cast(ops.tril(ops.ones((1, 5, 5))), "int32")
        return self.mean(ops.matmul(self.softmax(scores, past), x), mask)


i = keras.Input((5, 6))
m = keras.Input((5,), dtype="bool")
model = keras.Model([i, m], Attend()(i, m))
"""


@pytest.mark.usefixtures("float64")
def test_masks_by_their_places() -> None:
    pair = Pair(BY_PLACE)
    assert not pair.errors
    pair.check("model", "model")


OWN_KERNELS = """
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers


class Standardized(layers.Conv2D):
    def __init__(self, filters, kernel_size, eps=1e-3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.eps = eps
        self.pad = layers.ZeroPadding2D(1)

    def call(self, x):
        original = self.kernel
        mean = tf.math.reduce_mean(original, axis=[0, 1, 2], keepdims=True)
        variance = tf.math.reduce_variance(original, axis=[0, 1, 2], keepdims=True)
        self.kernel = (original - mean) / tf.math.sqrt(variance + self.eps)
        x = super().call(self.pad(x))
        self.kernel = original
        return x


class Cosine(layers.Dense):
    def call(self, x):
        weights = self.kernel
        self.kernel = tf.math.l2_normalize(weights, axis=0)
        y = super().call(tf.math.l2_normalize(x, axis=-1))
        self.kernel = weights
        return y


def build(width=6, groups=1, use_bias=True):
    x = inputs = keras.Input((9, 8, 4))
    x = Standardized(width, 3, strides=2, groups=groups, activation="relu", use_bias=use_bias)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, Cosine(3, activation="tanh")(x))
"""


@pytest.mark.parametrize("arguments", ["", "8, groups=2", "5, use_bias=False"])
def test_what_keras_computes_of_a_kernel_that_the_class_sets(arguments: str) -> None:
    pair = Pair(OWN_KERNELS)
    assert not pair.errors
    theirs = eval(f"build({arguments})", pair.keras)
    random = np.random.default_rng(0)
    theirs.set_weights([random.normal(size=w.shape) for w in theirs.get_weights()])
    ours = eval(f"build({arguments})", vars(pair.torch))
    pair.torch.load_keras_weights(ours, theirs)
    x = random.normal(size=(2, 9, 8, 4)).astype("float32")
    got = ours(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).detach().numpy()
    np.testing.assert_allclose(got, theirs(x).numpy(), rtol=1e-4, atol=1e-5)


REFLECTED = """
import keras
import tensorflow as tf
from keras import layers


class ReflectionPadding2D(layers.ZeroPadding2D):
    def call(self, inputs):
        h_pad, w_pad = self.padding
        pattern = [[0, 0], list(h_pad), list(w_pad), [0, 0]]
        return tf.pad(inputs, pattern, mode="REFLECT")


class Cropping(layers.Cropping1D):
    def call(self, inputs):
        return inputs[:, self.cropping[0] : -self.cropping[1]] * 2


def build(border=2, filters=4):
    x = inputs = keras.Input((9, 8, 3))
    x = ReflectionPadding2D((border, 1))(x)
    x = ReflectionPadding2D(padding=((1, 0), (2, border)))(layers.Conv2D(filters, 3)(x))
    x = layers.Conv2D(filters, 3)(ReflectionPadding2D(border)(x))
    return keras.Model(inputs, Cropping(border)(layers.Reshape((-1, filters))(x)))
"""


@pytest.mark.usefixtures("float64")
def test_borders_as_keras_keeps_them() -> None:
    check_kept(REFLECTED, "3, 2", "1")
