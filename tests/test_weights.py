"""Loading Keras weights: models of both Keras versions, live and from every sort of file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kt_translate.pytorch.support.convert import attention_state
from kt_translate.pytorch.support.like_keras import like_keras
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.weights_harness import (
    FLAVOURS,
    SOURCES,
    assert_same,
    float64,
    randomized,
    saved,
)

pytestmark = pytest.mark.usefixtures("float64")
__all__ = ["float64"]


# -- models in both frameworks --------------------------------------------------------------------


def keras_convnet(keras: Any) -> Any:
    layers = keras.layers
    x = inputs = keras.Input((8, 6, 3))
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)
    x = layers.Conv2DTranspose(5, 3, use_bias=False)(x)
    x = layers.Conv2D(6, (2, 3), name="squeeze")(x)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization(name="flat_norm")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Dense(7)(x)))


class ConvNet(nn.Module):
    keras_container = "functional"

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.BatchNorm2d(4, eps=1e-3),
            nn.Conv2d(4, 8, 3, padding=1, groups=4),
            nn.ConvTranspose2d(8, 5, 3, bias=False),
        )
        self.reduce = like_keras(nn.Conv2d(5, 6, (2, 3)), name="squeeze")
        self.flat_norm = like_keras(nn.BatchNorm1d(6 * 7 * 4, eps=1e-3), flattened=(6, 7, 4))
        self.dense = like_keras(nn.Linear(6 * 7 * 4, 7), flattened=(6, 7, 4))
        self.head = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(self.features(x)).flatten(1)
        return self.head(self.dense(self.flat_norm(x)))


def keras_nested(keras: Any) -> Any:
    """Nested models, and two branches of which the later made comes first in `model.layers`."""
    layers = keras.layers
    encoder = keras.Sequential(
        [keras.Input((4, 6)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(5)]
    )
    inner = keras.Input((4, 5))
    y = layers.Dense(5)(inner)
    decoder = keras.Model(inner, layers.Dense(5)(layers.BatchNormalization()(y)))
    inputs = keras.Input((4, 6))
    late = layers.Dense(5)
    early = layers.Dense(5)
    x = layers.TimeDistributed(layers.Dense(6, activation="tanh"))(inputs)
    long = decoder(early(encoder(x)))
    return keras.Model(inputs, layers.Add()([long, late(x)]))


class Encoder(nn.Module):
    keras_container = "sequential"

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 5)
        self.norm = nn.BatchNorm1d(5, eps=1e-3)
        self.second = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.norm(self.first(x).mT).mT)


class Decoder(Encoder):
    keras_container = "functional"

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 5)


class Nested(nn.Module):
    keras_container = "functional"

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.late = nn.Linear(6, 5)
        self.early = nn.Linear(5, 5)
        self.each = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.each(x).tanh()
        return self.decoder(self.early(self.encoder(x))) + self.late(x)


def keras_sequence(keras: Any) -> Any:
    layers = keras.layers
    x = inputs = keras.Input((7,), dtype="int32")
    x = layers.Embedding(11, 4)(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.LSTM(3, return_sequences=True)(x)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    x = layers.GRU(4, return_sequences=True, use_bias=False)(x)
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    x = layers.SimpleRNN(2, return_sequences=True)(x)
    return keras.Model(inputs, layers.RNN(layers.LSTMCell(3), return_sequences=True)(x))


class Sequence(nn.Module):
    keras_container = "functional"

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.layers = nn.ModuleList(
            [
                nn.LSTM(4, 3, bidirectional=True, batch_first=True),
                nn.LSTM(6, 3, batch_first=True),
                nn.GRU(3, 3, bidirectional=True, batch_first=True),
                nn.GRU(6, 4, bias=False, batch_first=True),
                nn.LayerNorm(4, eps=1e-5),
                nn.RNN(4, 2, batch_first=True),
                nn.LSTM(2, 3, batch_first=True),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        for layer in self.layers:
            y = layer(x)
            x = y[0] if isinstance(y, tuple) else y
        return x


def keras_block(keras: Any) -> Any:
    """A layer class with parts, a list of parts and weights of its own."""
    layers = keras.layers

    class Block(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.zoom = layers.Dense(6)
            self.attention = layers.MultiHeadAttention(2, 3)
            self.ff = keras.Sequential([layers.Dense(9, activation="relu"), layers.Dense(6)])
            self.scales = [layers.Dense(6), layers.Dense(6)]

        def build(self, shape: Any) -> None:
            self.offset = self.add_weight(shape=(6,), trainable=False, name="offset")
            self.factor = self.add_weight(shape=(6,), name="factor")
            super().build(shape)

        def call(self, x: Any) -> Any:
            x = self.zoom(x * self.factor + self.offset)
            x = self.ff(x + self.attention(x, x))
            for scale in self.scales:
                x = scale(x)
            return x

    return Block


def keras_blocks(keras: Any) -> Any:
    block = keras_block(keras)
    return keras.Sequential([keras.Input((4, 6)), block(), keras.layers.Dense(6), block()])


class Attention(nn.Module):
    keras_kinds = ("multi_head_attention",)

    def __init__(self, features: int, heads: int, key_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_dense = nn.Linear(features, heads * key_dim)
        self.key_dense = nn.Linear(features, heads * key_dim)
        self.value_dense = nn.Linear(features, heads * key_dim)
        self.output_dense = nn.Linear(heads * key_dim, features)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            dense(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for dense in (self.query_dense, self.key_dense, self.value_dense)
        )
        return self.output_dense(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return attention_state(self, arrays)


class Block(nn.Module):
    keras_container = "block"
    keras_attributes = True

    def __init__(self) -> None:
        super().__init__()
        self.zoom = nn.Linear(6, 6)
        self.attention = Attention(6, 2, 3)
        self.ff = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 6))
        self.scales = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])
        self.register_buffer("offset", torch.zeros(6))
        self.register_buffer("steps", torch.arange(3), persistent=False)
        self.factor = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.zoom(x * self.factor + self.offset)
        x = self.ff(x + self.attention(x))
        for scale in self.scales:
            x = scale(x)
        return x


class Blocks(nn.Module):
    keras_container = "sequential"

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.dense = nn.Linear(6, 6)
        self.block_1 = Block()

    def forward(self, x: Tensor) -> Tensor:
        return self.block_1(self.dense(self.block(x)))


CASES: dict[str, tuple[Callable[[Any], Any], type[nn.Module], tuple[int, ...], int]] = {
    "convnet": (keras_convnet, ConvNet, (2, 8, 6, 3), 0),
    "nested": (keras_nested, Nested, (2, 4, 6), 0),
    "sequence": (keras_sequence, Sequence, (3, 7), 11),
    "blocks": (keras_blocks, Blocks, (2, 4, 6), 0),
}


@pytest.mark.parametrize(("flavour", "how"), SOURCES)
@pytest.mark.parametrize("case", CASES)
def test_loads_what_keras_computes(case: str, flavour: str, how: str, tmp_path: Path) -> None:
    build, module_class, shape, ints = CASES[case]
    keras = FLAVOURS[flavour]
    build(keras)  # so that automatic names start anywhere
    model = randomized(build(keras))
    module = module_class()
    load_keras_weights(module, saved(model, how, tmp_path))
    assert_same(model, module, *shape, ints=ints)


# -- subclassed models ----------------------------------------------------------------------------


def keras_tower(keras: Any) -> Any:
    layers = keras.layers

    class Tower(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.stem = layers.Dense(4)
            self.blocks = [layers.Dense(4) for _ in range(11)]
            self.by_name = {"b": layers.Dense(4), "a": layers.LayerNormalization()}
            self._hidden = layers.Dense(4)
            self.dropout = layers.Dropout(0.5)
            self.scale = self.add_weight(shape=(4,), name="scale")
            self.tracker = keras.metrics.Mean(name="loss")
            self.alias = self.stem

        def call(self, x: Any, training: bool = False) -> Any:
            x = self.stem(x) * self.scale
            for block in self.blocks:
                x = block(x) * 0.3
            x = self.by_name["a"](self.by_name["b"](x))
            return self._hidden(self.dropout(x, training=training))

    model = Tower()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((2, 3)), np.zeros((2, 4)), verbose=0)
    return randomized(model)


class Tower(nn.Module):
    keras_container = "tower"
    keras_attributes = True

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(3, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(11)])
        self.by_name = nn.ModuleDict({"b": nn.Linear(4, 4), "a": nn.LayerNorm(4, eps=1e-3)})
        self._hidden = nn.Linear(4, 4)
        self.dropout = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.ones(4))
        self.alias = self.stem

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x) * self.scale
        for block in self.blocks:
            x = block(x) * 0.3
        return self._hidden(self.by_name["a"](self.by_name["b"](x)))


@pytest.mark.parametrize(("flavour", "how"), [s for s in SOURCES if s[1] != ".h5"])
def test_subclassed_and_trained_model(flavour: str, how: str, tmp_path: Path) -> None:
    model = keras_tower(FLAVOURS[flavour])
    module = Tower()
    load_keras_weights(module, saved(model, how, tmp_path))
    assert_same(model, module, 2, 3)
