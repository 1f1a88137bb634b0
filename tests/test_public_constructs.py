"""Constructs as public files have them, one each, beside Keras."""

from __future__ import annotations

import keras
import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = """import keras
import numpy as np
import tensorflow as tf
from keras import backend as K
from keras import layers
"""

MODELS = {
    "a model applied to every step, and once more by itself": """
def build():
    words, several, one = keras.Input((4,)), keras.Input((3, 4)), keras.Input((1, 4))
    encoder = keras.Model(words, layers.BatchNormalization()(layers.Dense(5)(words)))
    steps = layers.LSTM(6)(layers.TimeDistributed(encoder)(several))
    alone = encoder(layers.Reshape((4,))(one))
    return keras.Model([several, one], layers.Concatenate()([steps, alone]))
model = build()
""",
    "an Ellipsis by its name": """
i = keras.Input((5, 4, 3))
model = keras.Model(i, layers.Dense(2)(i[Ellipsis, 1:]))
""",
    "the same tensor at several places of what a layer is given, and then others": """
class Attend(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.query, self.key, self.value = (layers.Dense(units) for _ in range(3))
    def call(self, given):
        if isinstance(given, dict):
            given = [given["query"], given["key"], given["value"]]
        query, key, value = given
        return tf.matmul(self.query(query), self.key(key), transpose_b=True) @ self.value(value)
a, b = keras.Input((5, 3)), keras.Input((7, 3))
x = Attend(3)([a, a, a])
x = x + Attend(3)([x, b, b])
y = Attend(3)({"query": x, "key": x, "value": x})
model = keras.Model([a, b], y + Attend(3)({"query": y, "key": b, "value": b}))
""",
    "a model called with its inputs by name": """
a, b = keras.Input((4,)), keras.Input((4,))
inner = keras.Model([a, b], layers.Dense(3)(a) * layers.Dense(3)(b))
i = keras.Input((4,))
model = keras.Model(i, keras.Sequential([layers.Dense(2)])(inputs=inner(inputs=[i, -i])))
""",
    "a conditional expression of which one side calls what is not given": """
class Net(layers.Layer):
    def __init__(self, units=3, features=None):
        super().__init__()
        self.features = features
        self.dense = layers.Dense(units)
    def call(self, x):
        x = self.features(x) if self.features is not None else x
        return self.dense(x)
i = keras.Input((4,))
model = keras.Model(i, Net()(i))
""",
    "layers of the module that a function calls": """
scorer, mix = layers.Dense(1, activation="tanh"), layers.Concatenate()
cell, head = layers.LSTM(4, return_state=True), layers.Dense(3)
def attend(states, query, width=5):
    query = layers.RepeatVector(6)(layers.Dense(width)(query))
    weights = layers.Softmax(axis=1)(scorer(mix([states, query])))
    return layers.Dot(axes=1)([weights, states])
i, h, c = keras.Input((6, 2)), keras.Input((4,)), keras.Input((4,))
first, last, outputs = h, c, []
for step in range(3):
    h, _, c = cell(attend(i, h), initial_state=[h, c])
    outputs.append(head(h))
model = keras.Model([i, first, last], outputs)
""",
    "objects of Keras among a layer's settings": """
class Score(layers.Layer):
    def __init__(self, units, regularizer=None, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.regularizer = keras.regularizers.get(regularizer)
        self.initializer = keras.initializers.get(initializer)
    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), regularizer=self.regularizer,
            initializer=self.initializer)
    def call(self, x):
        return keras.ops.matmul(x, self.w)
i = keras.Input((4,))
x = Score(3, keras.regularizers.l2(1e-4), keras.initializers.RandomNormal(stddev=0.02))(i)
x = Score(5, regularizer=keras.regularizers.l1(1e-3))(x)
model = keras.Model(i, Score(2)(x))
""",
    "an array that a condition changes": """
class MaskedConv2D(layers.Conv2D):
    def __init__(self, filters, kernel_size, mask_type="B", **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)
        self.mask_type = mask_type
    def build(self, input_shape):
        super().build(input_shape)
        shape = self.kernel.shape
        mask = np.zeros(shape)
        mask[: shape[0] // 2] = 1
        if self.mask_type == "A":
            mask[shape[0] // 2, : shape[1] // 2] = 1
        self.mask = mask
    def call(self, x):
        return keras.ops.conv(x, self.kernel * self.mask, padding="same")
i = keras.Input((6, 5, 3))
model = keras.Model(i, MaskedConv2D(2, 5)(MaskedConv2D(4, 3, mask_type="A")(i)))
""",
    "arrays beside, and filled in, a loop over unknown data": """
class Trainer:
    def __init__(self, width=3):
        i = keras.Input((4,))
        self.model = keras.Model(i, layers.Dense(width)(i))
    def train(self, epochs, size):
        valid, losses = -np.ones((size, 2)), np.zeros((size, 2))
        for epoch in range(epochs):
            losses[epoch % size] = np.mean(np.random.normal(size=(size, 2)) * valid)
            losses[:, 0] += 1
        return losses
trainer = Trainer()
model = trainer.model
trainer.train(int(3 * np.random.rand()), size=8)
""",
    "what returns early where a setting is not given": """
def block(x, filters, padding=None):
    x = layers.Conv2D(filters, 1)(x)
    if padding == None:
        return x
    x = layers.ZeroPadding2D(padding=padding)(x)
    if filters == 4:
        return x
    return layers.Conv2D(filters, 3)(x)
i = keras.Input((6, 5, 3))
x = block(block(block(i, 4, padding=(1, 2)), 5), 6, padding=((2, 1), (1, 3)))
model = keras.Model(i, layers.Conv2D(2, 3)(x))
""",
    "type(x) is list tells one tensor from several": """
class Mask(layers.Layer):
    def call(self, inputs):
        if type(inputs) is list:
            inputs, mask = inputs
        else:
            mask = tf.reduce_max(inputs, -1)
        return tf.reshape(inputs * tf.expand_dims(mask, -1), (-1, 20))
i = keras.Input((5, 4))
other = keras.Input((5,))
model = keras.Model([i, other], [Mask()(i), Mask()([i, other])])
""",
    "lists of the caller's that functions change": """
def decode(x, skips, sizes):
    skips.reverse()
    sizes.reverse()
    for skip, size in zip(skips, sizes):
        x = layers.Concatenate()([layers.Conv2D(size, 1)(x), skip])
    return x
def noted(x, seen):
    x = layers.Conv2D(3, 1)(x)
    seen.append(x)
    return x
i = keras.Input((5, 6, 2))
a = layers.Conv2D(3, 1)(i)
skips, sizes, seen = [a, layers.Conv2D(5, 1)(a)], [7, 8], []
x = noted(noted(decode(a, skips, sizes), seen), seen)
model = keras.Model(i, layers.Conv2D(sizes[1], 1)(layers.Concatenate()([x, skips[0], *seen])))
""",
    "a layer that leaves one number": """
class Total(layers.Layer):
    def call(self, inputs):
        a, b = inputs
        return keras.ops.sum(keras.ops.sum(a * b, axis=-1), axis=0)
i = keras.Input((4,))
model = keras.Model(i, Total()([i, layers.Dense(4)(i)]))
""",
    "activations that are functions of TensorFlow": """
i = keras.Input((4,))
x = layers.Activation(tf.nn.relu6)(layers.Dense(3)(i))
x = layers.Dense(3, activation=keras.ops.silu)(x)
x = layers.Dense(3, activation=tf.math.sin)(layers.Activation(keras.ops.square)(x))
model = keras.Model(i, layers.Activation(tf.square)(x))
""",
    "a custom activation hands on the mask": """
i = keras.Input((4,))
x = layers.Embedding(5, 3, mask_zero=True)(layers.Lambda(lambda t: tf.abs(tf.round(t)))(i))
x = layers.Activation(lambda t: t * 2)(x)
model = keras.Model(i, layers.LSTM(2)(x))
""",
    "a constant that only what is returned names": """
bound = 2.0
i = keras.Input((4,))
model = keras.Model(i, layers.Dense(1, activation="tanh")(i) * bound)
""",
    "an inner model without sizes of its own": """
part = keras.Sequential([keras.Input((None,)), layers.Embedding(5, 3), layers.Dropout(0.3)])
i = keras.Input((4,), dtype="int32")
model = keras.Model(i, layers.LSTM(2)(layers.Permute((2, 1))(part(i))))
""",
    "an axis that a class is given": """
class Pooled(layers.Layer):
    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.concat = layers.Concatenate(axis=axis)
    def call(self, x):
        x = tf.expand_dims(x, -1)
        return self.concat([tf.reduce_max(x, axis=-2), tf.reduce_mean(x, axis=-2)])
i = keras.Input((5, 4))
model = keras.Model(i, Pooled()(i))
""",
    "an inner model by its name": """
def encoder(width):
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(width)(i), name="encoder")
i = keras.Input((4,))
whole = keras.Model(i, layers.Dense(2)(encoder(3)(i)))
model = whole.get_layer("encoder")
""",
    "TimeDistributed of a model of words, and of a layer of the source's own": """
class Encoder(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units, activation="tanh")
    def build(self, shape):
        self.dense.build(shape)
        self.built = True
    def call(self, x):
        return self.dense(x)
    def compute_output_shape(self, shape):
        return (*shape[:-1], 3)
word = keras.Input((4,), dtype="int32")
x = layers.Bidirectional(layers.GRU(2, return_sequences=True))(layers.Embedding(4, 3)(word))
sentence = keras.Model(word, layers.GlobalAveragePooling1D()(x))
i = keras.Input((4,))
x = layers.Reshape((2, 2))(i)
x = layers.TimeDistributed(Encoder(3))(x)
words = layers.Lambda(lambda t: tf.repeat(tf.cast(t[:, :, None] > 0, "int32"), 4, axis=2))(i)
x = layers.concatenate([layers.LSTM(2)(x), layers.LSTM(2)(layers.TimeDistributed(sentence)(words))])
model = keras.Model(i, x)
""",
    "TimeDistributed of models of pictures": """
picture = keras.Input((6, 5, 2))
x = layers.Conv2D(4, 3, padding="same", activation="relu")(picture)
same_size = keras.Model(picture, layers.Conv2D(3, 3, padding="same")(x))
encoder = keras.Sequential([keras.Input((6, 5, 3)), layers.Conv2D(2, 3),
                            layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)])
model = keras.Sequential([keras.Input((4, 6, 5, 2)), layers.TimeDistributed(same_size),
                          layers.TimeDistributed(encoder), layers.LSTM(2)])
""",
    "a function on a dict of tensors": """
def encode(inputs, dim):
    return [layers.Dense(dim + i)(inputs[name]) for i, name in enumerate(inputs)]
def build(dim=2):
    inputs = {name: keras.Input((width,), name=name) for name, width in (("b", 2), ("a", 3))}
    x = layers.concatenate(encode(inputs, dim))
    return keras.Model(list(inputs.values()), layers.Dense(1)(x))
model = build()
""",
    "layers that compute with the weights of those that they extend": """
class Scaled(layers.Dense):
    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = scale
    def call(self, x):
        y = tf.matmul(x, self.kernel * self.scale)
        if self.use_bias:
            y += self.bias
        return self.activation(y) / self.units
class Standardized(layers.Conv2D):
    def convolution_op(self, inputs, kernel):
        mean, var = tf.nn.moments(kernel, axes=[0, 1, 2], keepdims=True)
        return super().convolution_op(inputs, (kernel - mean) / tf.sqrt(var + 1e-10))
class Partial(layers.Conv2D):
    def call(self, x):
        height, width = self.kernel_size
        y = tf.nn.conv2d(x, self.kernel / (height * width), strides=1, padding="VALID")
        return y + tf.reduce_sum(self.bias)
i = keras.Input((6, 5, 2))
x = Standardized(3, 3, padding="same", strides=2, activation="tanh")(Partial(4, (3, 2))(i))
x = Scaled(3, activation="relu")(layers.Flatten()(x))
model = keras.Model(i, Scaled(2, 3.0, use_bias=False)(x))
""",
    "objects of the source's layers, taken from a model": """
class Mix(layers.Add):
    def __init__(self, alpha=0.25, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha
    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(shape=(), initializer="ones")
    def _merge_function(self, inputs):
        assert len(inputs) == 2
        return (1.0 - self.alpha) * inputs[0] + self.scale * inputs[1]
class Scale(layers.Layer):
    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    def call(self, x):
        return x * self.gamma
i = keras.Input((4,))
x = Scale(name="scale")(layers.Dense(3)(i))
small = keras.Model(i, Mix()([layers.Dense(2)(x), layers.Dense(2)(x)]))
i = keras.Input((5,))
x = layers.Dense(4)(i)
for layer in small.layers[1:3]:
    x = layer(x)
x = small.get_layer("scale")(x)
if isinstance(small.layers[-1], Mix):
    x = small.layers[-1]([x, layers.Dense(3)(x)])
x = Mix(0.5)([x, layers.RepeatVector(2)(x)])
whole = keras.Model(i, Scale(name="last")(layers.Dense(2)(x)))
model = keras.Model(i, [x, whole.get_layer("last").output])
""",
    "a flattened picture that a loop takes": """
def head(x, widths):
    for width in widths:
        x = layers.Dense(width, activation="relu")(x)
    return x
def build(widths=(5, 4, 3), rate=0.1):
    i = keras.Input((6, 5, 2))
    x = layers.Conv2D(3, 2)(i)
    y = layers.Dropout(rate)(layers.BatchNormalization()(layers.Flatten()(x)))
    z = layers.Flatten()(layers.MaxPooling2D()(x))
    first, second = layers.Dense(2)(z), z
    for width in widths:
        y = layers.Dense(width)(y)
    for width in widths:
        second = layers.Dense(width)(second)
    return keras.Model(i, [y, first, second])
model = build()
""",
    "the layers of a model, asked one by one": """
i = keras.Input((9, 8, 3))
x = layers.Conv2D(4, 3)(i)
for size in [4, 8, 5, 3]:
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(size, 3, padding="same")(x)
whole = keras.Model(i, layers.GlobalAveragePooling2D()(x))
found = []
for layer in whole.layers:
    if isinstance(layer, (layers.Conv2D, layers.MaxPooling2D)):
        found.append(layer.output)
model = keras.Model(whole.input, found)
""",
    "what comes of every layer of a model": """
i = x = keras.Input((5,))
for size in [4, 8, 5, 3]:
    x = layers.Dense(size)(x)
whole = keras.Model(i, x)
model = keras.Model(whole.input, [layer.output for layer in whole.layers[1:]])
""",
    "layers that a class calls in vain": """
class Head(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(units), layers.Dense(2 * units)
    def call(self, x):
        y = self.second(x)
        return self.first(x)
class Net(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.dense = layers.Dense(units, activation="relu")
        self.aside = layers.Dense(3)
        self.norm = layers.BatchNormalization(center=False, scale=False)
        self.heads = Head(2), Head(3)
        self.never = layers.Dense(7)
    def call(self, x):
        x = self.dense(x)
        side = self.heads[1](self.norm(self.aside(x)))
        return self.heads[0](x)
i = keras.Input((5,))
model = keras.Model(i, Net()(i))
""",
    "models that the constructor of a class builds": """
def coupling(units):
    i = keras.Input((4,))
    t = layers.Dense(4)(layers.Dense(units, activation="relu")(i))
    s = layers.Dense(4, activation="tanh")(layers.Dense(units, activation="relu")(i))
    return keras.Model(i, [s, t])
class Flow(keras.Model):
    def __init__(self, turns, units=6):
        super().__init__()
        self.turns = turns
        self.couplings = [coupling(units) for _ in range(turns)]
        self.first = coupling(3)
        self.never = coupling(2)
    def call(self, x):
        s, t = self.first(x)
        x = x * keras.ops.exp(s) + t
        for i in range(self.turns)[::-1]:
            s, t = self.couplings[i](x)
            x = x * keras.ops.exp(s) + t
        return x
i = keras.Input((4,))
model = keras.Model(i, Flow(3)(i))
""",
    "a layer of every step that names sizes on the way": """
class Mixture(layers.Layer):
    def __init__(self, units, mixtures, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(n) for n in (units * mixtures, units * mixtures, mixtures)]
    def build(self, input_shape):
        for part in self.parts:
            part.build(input_shape)
        self.built = True
    def call(self, x):
        return layers.concatenate([part(x) for part in self.parts])
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], sum(part.units for part in self.parts))
def build(units=4, mixtures=5):
    mixture = Mixture(units, mixtures)
    i = keras.Input((5, 4))
    return keras.Model(i, layers.TimeDistributed(mixture)(layers.Dense(3)(i)))
model = build(3, 2)
""",
    "a loss of a layer by what is not known": """
import importlib
others = importlib.import_module("tensorflow").nn
class Penalized(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.aside = layers.Dense(2)
    def penalty(self, x):
        return others.l2_loss(self.aside(x))
    def call(self, x):
        self.add_loss(self.penalty(x))
        return x * 2.0
i = keras.Input((4,))
model = keras.Model(i, layers.Dense(3)(Penalized()(i)))
""",
    "a call with more than a function's own parameters": """
def build(units=8, n=2, **kwargs):
    model = keras.Sequential([keras.Input((5,))])
    for _ in range(n):
        model.add(layers.Dense(units, **kwargs))
    return model
plain = build(4)
model = build(4, n=3, activation="tanh")
""",
    "a Lambda layer that says another shape than it gives": """
i = keras.Input((4,))
value = layers.Lambda(lambda s: s[:, :1] * 2.0, output_shape=(3,))(i)
model = keras.Model(i, layers.Add()([value, layers.Dense(3)(i)]))
""",
    "penalties whose factors have the names of penalties": """
def block(x, units, l2, **kwargs):
    return layers.Dense(units, kernel_regularizer=keras.regularizers.l2(l2), **kwargs)(x)
def build(l1, l2=1e-3):
    i = keras.Input((4,))
    x = layers.Dense(2, kernel_regularizer=keras.regularizers.l1(l1))(i)
    return keras.Model(i, block(block(x, 3, l2), 2, 2 * l2, activation="relu"))
model = build(0.5)
""",
    "a layer that says what inputs it takes": """
class Scale(layers.Layer):
    def build(self, input_shape):
        self.input_spec = [layers.InputSpec(shape=input_shape)]
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        self.built = True
    def call(self, x, mask=None):
        return x * self.gamma
i = keras.Input((4,))
model = keras.Model(i, Scale()(layers.Dense(3)(i)))
""",
}


@pytest.mark.parametrize("name", MODELS)
def test_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + MODELS[name])
    assert pair.errors == []
    pair.check("model", "model")


PICKED = IMPORTS + """
def block(x, n):
    x = layers.Conv2D(n, 3)(x)
    for _ in range(2):
        x = layers.BatchNormalization()(x)
    return layers.Conv2D(n + 1, 1)(x)
def build(depth=2):
    i = keras.Input((8, 8, 3))
    whole = keras.Model(i, block(block(i, 4), 5))
    return keras.Model(i, whole.layers[-depth].output)
"""
PLACES = {
    "a layer within a function's": "keras.Model(i, whole.layers[-4].output)",
    "a layer by its number": "keras.Model(i, whole.get_layer(index=5).output)",
    "a layer that is seen": "keras.Model(i, whole.layers[-2].output)",
}


@pytest.mark.parametrize("picked", PLACES.values(), ids=PLACES)
def test_layers_by_their_places(picked: str, float64: None) -> None:
    keras.utils.clear_session()
    text = PICKED + f"""
i = keras.Input((8, 8, 3))
x = layers.GlobalAveragePooling2D()(block(block(i, 4), 5))
whole = keras.Model(i, layers.Dense(2)(x))
for layer in whole.layers[:-2]:
    layer.trainable = False
part = {picked}
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("whole", "whole")
    pair.check("part", "part")
    pair.check("build", "build()")
    assert ("self.block = like_keras(Block(" in pair.done.code) is ("-2" in picked)


FRAMES = IMPORTS + """
FRAMES = 7
def build(input_shape=None, classes=None, top=True):
    if classes is None:
        classes = FRAMES
    if input_shape is None:
        input_shape = (FRAMES, 6, 2)
    i = keras.Input(input_shape)
    x = layers.Conv2D(4, 3)(i)
    if top:
        x = layers.Dense(classes)(layers.Flatten()(x))
    return keras.Model(i, x)
"""


@pytest.mark.parametrize("call", ["", "(9, 8, 3), 5", "input_shape=(5, 5, 1), top=False"])
def test_constants_of_the_module_where_nothing_is_given(call: str, float64: None) -> None:
    Pair(FRAMES).check("build", f"build({call})", call)


DEEP = IMPORTS + """
def build(width, units, depth):
    i = keras.Input((None, width))
    if depth == 1:
        x = layers.GRU(units, return_sequences=True)(i)
    else:
        x = layers.BatchNormalization()(layers.GRU(units, return_sequences=True)(i))
        for k in range(depth - 2):
            x = layers.GRU(units, return_sequences=True)(x)
            x = layers.BatchNormalization(name="norm_{}".format(2 + k))(x)
        x = layers.GRU(units, return_sequences=True)(x)
    return keras.Model(i, layers.TimeDistributed(layers.Dense(3))(x))
"""


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_loop_in_one_branch(depth: int, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(DEEP)
    pair.check("build", f"build(5, 4, {depth})", f"5, 4, {depth}")
    assert "for k in range(depth - 2):" in pair.done.code


HANDED = IMPORTS + """
class Backbone:
    def __init__(self, widths):
        i = x = keras.Input((6, 5, 2))
        for width in widths:
            x = layers.Conv2D(width, 3, padding="same")(x)
        self._model = keras.Model(i, x, name="backbone")
    @property
    def model(self):
        return self._model
class Heads:
    def __init__(self, backbone, heads=2):
        i = keras.Input((6, 5, 2))
        x = layers.Flatten()(backbone(i))
        outputs = []
        for k in range(heads):
            outputs.append(layers.Dense(3, name="head%d" % k)(x))
        self._model = keras.Model(i, outputs)
model = Heads(Backbone([3, 4]).model)._model
"""


def test_a_model_that_a_class_is_handed(float64: None) -> None:
    pair = Pair(HANDED)
    pair.check("model", "model")


def test_shapes_that_a_parameter_holds_together(float64: None) -> None:
    pair = Pair(IMPORTS + """
def build(shapes, width=3):
    source_shape, target_shape = shapes
    i, j = keras.Input(source_shape), keras.Input(target_shape)
    x = layers.concatenate([layers.Conv2D(width, 3)(i), layers.Conv2D(width, 3)(j)])
    return keras.Model([i, j], x)
""")
    pair.check("build", "build(((6, 5, 2), (6, 5, 3)))", "((6, 5, 2), (6, 5, 3))")


LABELS = [
    "np.amax(y) + 1",
    "len(np.unique(y))",
    "y.max() + 1",
    "keras.utils.to_categorical(y).shape[1]",
]


@pytest.mark.parametrize("count", LABELS)
def test_classes_of_known_data_sets(count: str) -> None:
    text = IMPORTS + f"""
(x, y), _ = keras.datasets.cifar100.load_data()
i = keras.Input((32, 32, 3))
model = keras.Model(i, layers.Dense({count})(layers.Flatten()(i)))
"""
    done = translate(text, "model.py", Options(), log := Log())
    assert not log.diagnostics
    assert done.models[0]["outputs"][0]["shape"] == [None, 100]


STAGES = IMPORTS + """
def build(shape, stages, filters):
    i = x = keras.Input(shape)
    for k in range(0, len(stages)):
        stride = (1, 1) if k == 0 else (2, 2)
        x = layers.Conv2D(filters[k], 3, strides=stride, padding="same")(x)
        for j in range(0, stages[k] - 1):
            x = layers.Conv2D(filters[k], 3, padding="same")(x)
    return keras.Model(i, layers.Dense(3)(layers.Flatten()(x)))
"""


def test_strides_that_a_place_in_a_list_decides(float64: None) -> None:
    pair = Pair(STAGES)
    call = "(8, 6, 3), (2, 1, 3), (4, 5, 6)"
    pair.check("build", f"build({call})", call)


def test_gelu_of_keras_ops_is_an_approximation() -> None:
    text = IMPORTS + (
        "i = keras.Input((4,))\n"
        "model = keras.Model(i, layers.Dense(3, activation=keras.ops.gelu)(i))\n"
    )
    assert 'approximate="tanh"' in translate(text, "model.py", Options(), Log()).code


def test_a_model_frozen_after_it_was_compiled_trains_by_itself(float64: None) -> None:
    text = IMPORTS + (
        "def make_critic():\n"
        "    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dense(1)])\n"
        "    model.compile('adam', 'mse')\n"
        "    return model\n"
        "critic = make_critic()\n"
        "generator = keras.Sequential([keras.Input((2,)), layers.Dense(3)])\n"
        "critic.trainable = False\n"
        "i = keras.Input((2,))\n"
        "both = keras.Model(i, critic(generator(i)))\n"
        "both.compile('adam', 'mse')\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    pair.check("both", "both")
    made = {n: getattr(pair.torch, pair.entries(n)[0]["factory"])() for n in ("critic", "both")}
    grown = {n: sum(p.requires_grad for p in m.parameters()) for n, m in made.items()}
    assert grown == {"critic": 4, "both": 2}


def test_zeros_for_every_sample_of_a_batch_of_fixed_size(float64: None) -> None:
    text = """
class Routing(layers.Layer):
    def call(self, x):
        y = keras.ops.tanh(x)
        b = tf.zeros(shape=[x.shape[0], x.shape[1], 1], dtype=tf.float64)
        return keras.ops.softmax(b + keras.ops.sum(y, axis=-1, keepdims=True), axis=1) * y
def build(batch):
    i = keras.Input((4, 3), batch_size=batch)
    return keras.Model(i, Routing()(i))
"""
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    pair.check("build", "build(3)", "3")


def test_modules_by_their_names(float64: None) -> None:
    pair = Pair(IMPORTS + """
import importlib
TABLE = {"Dense": "keras.layers", "Flatten": "keras.layers"}
def make(kind, *args):
    return getattr(importlib.import_module(f"{TABLE[kind]}"), kind)(*args)
i = keras.Input((4, 2))
model = keras.Model(i, make("Dense", 3)(make("Flatten")(i)))
""")
    pair.check("model", "model")


LEVELS = IMPORTS + """
def level(x, width, depth, rate, pool):
    if depth > 0:
        skip = layers.Conv2D(width, 3, padding="same")(x)
        x = layers.MaxPooling2D()(skip) if pool else layers.Conv2D(width, 2, strides=2)(skip)
        x = layers.UpSampling2D()(level(x, int(rate * width), depth - 1, rate, pool))
        return layers.Concatenate()([skip, x])
    return layers.Conv2D(width, 1)(x)
def build(shape, width=3, depth=2, rate=2.0, pool=True):
    i = keras.Input(shape)
    return keras.Model(i, layers.Conv2D(1, 1)(level(i, width, depth, rate, pool)))
"""


def test_a_function_that_calls_itself(float64: None) -> None:
    pair = Pair(LEVELS)
    pair.check("build", "build((8, 4, 3))", "(8, 4, 3)")
    pair.check(
        "build", "build((8, 8, 2), 4, rate=1.5, pool=False)", "(8, 8, 2), 4, rate=1.5, pool=False"
    )
    pair.check("build", "build((8, 8, 2), depth=3)", "(8, 8, 2), depth=3")


COUNTED = IMPORTS + """
def level(x, depth):
    return level(layers.Dense(depth)(x), depth - 1) if depth else x
def build(depth):
    i = keras.Input((4,))
    return keras.Model(i, level(i, depth))
"""


def test_a_recursion_of_which_nothing_tells_the_end_ends() -> None:
    done = translate(COUNTED, "model.py", Options(), Log())
    assert {m["status"] for m in done.models} <= {"translated", "unsupported"}


def test_functions_that_call_each_other_without_end_are_given_up_at_once() -> None:
    """Not at every level anew, which would take for ever."""
    text = (
        "import keras\n"
        "def there(x, n):\n"
        "    if x.shape:\n        if n:\n            for k in [1, 2]:\n                y = back(x, n)\n"
        "    y = back(x, n)\n    return y\n"
        "def back(x, n):\n    y = there(x, [n])\n    return there(y, n)\n"
        "i = keras.Input((3,))\n"
        "model = keras.Model(i, there(i, 1))\n"
        "other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert {d.code for d in log.diagnostics if d.severity == "error"} == {"KT103"}
    assert [m["status"] for m in done.models if m["source_name"] == "other"] == ["translated"]
