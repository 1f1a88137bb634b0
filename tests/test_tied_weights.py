"""Weights of Keras's layers that the source reads, and layers that it wraps: the numbers of Keras, in float64."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np

from tests.model_harness import Pair
from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

WORDS = np.array([[1, 2, 3, 0, 5], [0, 4, 0, 5, 6]], "int32")

LANGUAGE = """
class Net(keras.Model):
    def __init__(self, vocab=9, dim=4):
        super().__init__()
        self.vocab = vocab
        self.emb = layers.Embedding(vocab, dim)
        self.gru = layers.GRU(dim, return_sequences=True)
        self.bias = self.add_weight(name="bias", shape=(vocab,), initializer="zeros")

    def call(self, x):
        h = self.gru(self.emb(x))
        return ops.matmul(h, ops.transpose(self.emb.embeddings)) + self.bias


net = Net()
net(keras.Input((5,), dtype="int32"))
"""


def test_an_embedding_that_is_the_output_too(tmp_path: Path) -> None:
    both = Both(tmp_path, LANGUAGE)
    net = both.agree("net", None, "", WORDS)  # type: ignore[arg-type]
    assert len(list(net.parameters())) == 6


DENSE = """
class Transposed(layers.Layer):
    def __init__(self, dense, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.biases = self.add_weight(name="bias", shape=[self.dense.input.shape[-1]])

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, ops.transpose(self.dense.weights[0])) + self.biases)


def build():
    x = keras.Input((6,))
    dense = layers.Dense(4, activation="tanh")
    z = dense(x)
    return keras.Model(x, [Transposed(dense, "sigmoid")(z), z])
"""


def test_a_dense_layer_turned_round(tmp_path: Path) -> None:
    both = Both(tmp_path, DENSE)
    net = both.agree("build", "", "", numbers(3, 6))
    assert len(list(net.parameters())) == 3
    assert ".T" not in inspect.getsource(type(net.transposed).forward)


CONVOLUTION = """
def build(filters=4):
    x = keras.Input((7, 6, 3))
    conv = layers.Conv2D(filters, 3)
    y = conv(x)
    penalty = layers.Lambda(lambda t: t * ops.sum(ops.square(conv.kernel), axis=(0, 1, 2)) + conv.bias)
    return keras.Model(x, penalty(y))
"""


def test_a_kernel_in_the_order_of_keras(tmp_path: Path) -> None:
    Both(tmp_path, CONVOLUTION).agree("build", "", "", numbers(2, 7, 6, 3))


WRAPPERS = """
class Residual(layers.Wrapper):
    def __init__(self, layer, **kwargs):
        if not isinstance(layer, layers.Layer):
            raise ValueError("a layer is wanted")
        super().__init__(layer, **kwargs)

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return inputs + self.layer(inputs)


class Scaled(layers.Wrapper):
    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(name="scale", shape=(1,), initializer="ones")

    def call(self, x):
        return self.layer(x) * self.scale


class Block(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(2 * units, activation="relu"), layers.Dense(units)

    def call(self, x):
        return self.second(self.first(x))


def build(units=4, depth=2):
    x = keras.Input((units,))
    y = Residual(layers.Dense(units, activation="relu"))(x)
    for _ in range(depth):
        y = Residual(Scaled(Block(units)))(y)
    y = Scaled(layers.Dense(units + 1))(Residual(layers.Dense(units, use_bias=False))(y))
    return keras.Model(x, y)
"""


def test_layers_that_extend_wrapper(tmp_path: Path) -> None:
    both = Both(tmp_path, WRAPPERS)
    both.agree("build", "", "", numbers(3, 4))
    both.agree("build", "3, 3", "3, 3", numbers(2, 3))


NORMALIZED = """
class Normalized(layers.Wrapper):
    def build(self, input_shape):
        super().build(input_shape)
        self.kernel = self.layer.kernel
        self.u = self.add_weight(shape=(1, self.kernel.shape[-1]), name="u", trainable=False)

    def call(self, x):
        kernel = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        v = ops.matmul(self.u, ops.transpose(kernel))
        u = ops.matmul(v / ops.sqrt(ops.sum(v**2)), kernel)
        before = self.kernel + 0.0
        self.layer.kernel.assign(self.kernel / ops.sqrt(ops.sum(u**2)))
        y = self.layer(x)
        self.layer.kernel.assign(before)
        return y


net = keras.Sequential(
    [
        Normalized(layers.Conv2D(3, 2, strides=2, padding="same", activation="relu")),
        layers.Flatten(),
        Normalized(layers.Dense(4, use_bias=False)),
    ]
)
net.build((None, 5, 4, 2))
"""


def test_weights_that_a_wrapper_sets(tmp_path: Path) -> None:
    Both(tmp_path, NORMALIZED).agree("net", None, "", numbers(2, 5, 4, 2))  # type: ignore[arg-type]


GIVEN = """
class PreNorm(layers.Layer):
    def __init__(self, fn, eps=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization(epsilon=eps)
        self.fn = fn

    def call(self, x):
        return self.fn(self.norm(x))


def build(widths=(8, 6, 7), base=3, depth=2):
    x = y = keras.Input((5,))
    for width in widths:
        y = PreNorm(layers.Dense(width, activation="relu"))(y)
    units = base
    for _ in range(depth):
        y = PreNorm(layers.Dense(units))(y)
        units *= 2
    hidden = base + 2
    y = PreNorm(keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(9)]))(y)
    return keras.Model(x, y)
"""


def test_layers_that_are_given_layers_with_settings_of_their_user(tmp_path: Path) -> None:
    both = Both(tmp_path, GIVEN)
    both.agree("build", "", "", numbers(3, 5))
    other = "(4, 7), 5, 3"
    both.agree("build", other, other, numbers(2, 5))


TOKENS = """
class Net(keras.Model):
    def __init__(self, dim=4):
        super().__init__()
        self.embed = keras.Sequential([layers.Dense(dim), layers.ReLU()])
        self.token = self.add_weight(name="token", shape=(1, 1, dim))

    def call(self, x):
        x = self.embed(x)
        rows, length, dim = x.shape
        return ops.concatenate([ops.repeat(self.token, rows, axis=0), x], axis=1)


net = Net()
net(tf.zeros((2, 5, 3)))
"""


def test_the_batch_goes_through_a_model(tmp_path: Path) -> None:
    Both(tmp_path, TOKENS).agree("net", None, "", numbers(4, 5, 3))  # type: ignore[arg-type]


IN_COMMON = """
import keras
from keras import layers


def build(depth=3):
    i = keras.Input((5,))
    x = layers.Dense(4)(i)
    for _ in range(depth):
        x = layers.Dense(4, activation="relu")(x)
    policy, value = layers.Dense(2)(x), layers.Dense(1)(x)
    return keras.Model(i, policy), keras.Model(i, value), keras.Model(i, [policy, value])


shared = layers.Dense(4)
i = keras.Input((5,))
actor = keras.Model(i, layers.Dense(2)(shared(i)))
critic = keras.Model(i, layers.Dense(1)(shared(i)))
other = keras.Model(i, layers.Dense(1)(i))
"""


def test_models_with_layers_in_common() -> None:
    """What one function gives shares them; models of factories of their own cannot, which is told."""
    pair = Pair(IN_COMMON)
    assert pair.errors == []
    (said,) = [d.message for d in pair.log.diagnostics if d.code == "KT208"]
    assert said.startswith("actor, critic have layers in common")
    for index in (0, 1):
        pair.check("build", f"build(2)[{index}]", "2", index=index)
    policy, value, both = pair.torch.build(2)
    weights = [set(map(id, model.parameters())) for model in (policy, value, both)]
    assert weights[2] == weights[0] | weights[1]
    assert len(weights[0] & weights[1]) == 6


GAN = """
import keras
from keras import layers


def generator(z, size):
    widths = [4, 3, 2]
    x = layers.Reshape((size, size, 3))(layers.Dense(size * size * 3)(z))
    for width in widths:
        strides = 2 if width > widths[-1] else 1
        x = layers.BatchNormalization()(x)
        x = layers.Conv2DTranspose(width, 3, strides, padding="same")(x)
    return keras.Model(z, x)


def critic(picture):
    x, widths = picture, [3, 4, 5]
    for width in widths:
        strides = 1 if width == widths[-1] else 2
        x = layers.Conv2D(width, 3, strides, padding="same")(x)
    return keras.Model(picture, layers.Dense(1)(layers.Flatten()(x)))


def build():
    judge = critic(keras.Input((8, 8, 2)))
    judge.compile("sgd", "mse")
    z = keras.Input((4,))
    maker = generator(z, 2)
    judge.trainable = False
    return maker, judge, keras.Model(z, judge(maker(z)))
"""


def test_loops_in_models_that_another_calls() -> None:
    pair = Pair(GAN)
    assert pair.errors == []
    for index in range(3):
        pair.check("build", f"build()[{index}]", "", index=index)
