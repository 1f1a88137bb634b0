"""Loading Keras weights: single layers, unusual places, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kt_translate.pytorch.support.like_keras import like_keras
from kt_translate.pytorch.support.weights import convert_weights, load_keras_weights
from tests.test_weights import Block, keras_blocks
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


# -- single layers and unusual places -------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("make_layer", "make_module", "shape"),
    [
        (lambda k: k.Dense(3, use_bias=False), lambda: nn.Linear(4, 3, bias=False), (2, 4)),
        (lambda k: k.Conv1D(6, 2, groups=2), lambda: nn.Conv1d(4, 6, 2, groups=2), (2, 5, 4)),
        (lambda k: k.Conv3D(3, 2), lambda: nn.Conv3d(4, 3, 2), (2, 3, 4, 5, 4)),
        (lambda k: k.Conv1DTranspose(3, 2), lambda: nn.ConvTranspose1d(4, 3, 2), (2, 5, 4)),
        (lambda k: k.Conv3DTranspose(3, 2), lambda: nn.ConvTranspose3d(4, 3, 2), (2, 2, 3, 4, 4)),
        (lambda k: k.DepthwiseConv1D(2), lambda: nn.Conv1d(4, 4, 2, groups=4), (2, 5, 4)),
        (lambda k: k.DepthwiseConv2D(2), lambda: nn.Conv2d(1, 1, 2, groups=1), (2, 5, 5, 1)),
        (lambda k: k.PReLU(shared_axes=[1, 2]), lambda: nn.PReLU(4), (2, 5, 5, 4)),
        (lambda k: k.GroupNormalization(2), lambda: nn.GroupNorm(2, 4, eps=1e-3), (2, 5, 5, 4)),
    ],
)
def test_single_layer(
    flavour: str, make_layer: Any, make_module: Any, shape: tuple[int, ...]
) -> None:
    keras = FLAVOURS[flavour]
    layer = make_layer(keras.layers)
    x = np.random.default_rng(1).normal(size=shape)
    layer(x)
    randomized(layer)
    module = make_module()
    load_keras_weights(module, layer)
    channels_first = len(shape) > 2
    ours = module(torch.from_numpy(np.moveaxis(x, -1, 1) if channels_first else x))
    theirs = np.asarray(layer(x))
    theirs = np.moveaxis(theirs, -1, 1) if channels_first else theirs
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_layer_in_a_wrapper_module_and_in_a_model(flavour: str, tmp_path: Path) -> None:
    keras = FLAVOURS[flavour]
    model = randomized(keras_blocks(keras))
    block = model.layers[0]
    for module, weights in (
        (Block(), block),
        (nn.Sequential(nn.Linear(6, 6)), model.layers[1]),
        (nn.Linear(6, 6), keras.Sequential([model.layers[1]])),
        (Block(), keras.Sequential([keras.Input((4, 6)), block])),
    ):
        load_keras_weights(module, weights)
        assert_same(weights, module, 2, 4, 6)


@pytest.mark.parametrize(("flavour", "how"), SOURCES)
def test_shared_and_doubly_nested(flavour: str, how: str, tmp_path: Path) -> None:
    keras = FLAVOURS[flavour]
    layers = keras.layers
    shared = layers.Dense(3)
    i = keras.Input((3,))
    y = layers.Dense(3)(i)
    inner = keras.Model(i, layers.Dense(3, activation="tanh")(y))
    middle = keras.Sequential([keras.Input((3,)), layers.Dense(3), inner])
    i = keras.Input((3,))
    model = randomized(keras.Model(i, layers.Dense(3)(shared(middle(shared(i))))))

    class Model(nn.Module):
        keras_container = "functional"

        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Linear(3, 3)
            inner = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Tanh())
            inner.keras_container = "functional"
            self.middle = nn.Sequential(nn.Linear(3, 3), inner)
            self.middle.keras_container = "sequential"
            self.again = nn.ModuleList([self.shared, nn.Linear(3, 3)])

        def forward(self, x: Tensor) -> Tensor:
            x = self.middle(self.shared(x))
            for layer in self.again:
                x = layer(x)
            return x

    module = Model()
    load_keras_weights(module, saved(model, how, tmp_path))
    assert_same(model, module, 2, 3)


# tf.keras 2 writes no names into a `.weights.h5`.
@pytest.mark.parametrize(("flavour", "how"), [s for s in SOURCES if s != ("2", ".weights.h5")])
def test_names_by_hand_in_another_order(flavour: str, how: str, tmp_path: Path) -> None:
    keras = FLAVOURS[flavour]
    layers = keras.layers
    i = keras.Input((3,))
    x = layers.TimeDistributed(layers.Dense(3), name="each")(layers.Reshape((1, 3))(i))
    x = layers.Dense(3, name="dense_7")(layers.Flatten()(x))
    y = layers.Dense(3, name="a/b" if flavour == "2" else "a.b")(i)
    model = randomized(keras.Model(i, layers.Subtract()([layers.Dense(3)(x), y])))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.y = like_keras(nn.Linear(3, 3), name="a/b" if flavour == "2" else "a.b")
            self.dense = nn.Linear(3, 3)
            self.dense_7 = like_keras(nn.Linear(3, 3), name="dense_7")
            self.each = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.dense(self.dense_7(self.each(x))) - self.y(x)

    module = Model()
    load_keras_weights(module, saved(model, how, tmp_path))
    assert_same(model, module, 2, 3)


@pytest.mark.parametrize(("flavour", "how"), SOURCES)
def test_names_inside_time_distributed(flavour: str, how: str, tmp_path: Path) -> None:
    keras = FLAVOURS[flavour]
    layers = keras.layers
    i = keras.Input((2, 3))
    x = layers.TimeDistributed(layers.Dense(3, name="fc"))(i)
    model = randomized(keras.Model(i, layers.TimeDistributed(layers.Dense(3))(x)))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = like_keras(nn.Linear(3, 3), name="fc")
            self.time_distributed = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.time_distributed(self.fc(x))

    module = Model()
    load_keras_weights(module, saved(model, how, tmp_path))
    assert_same(model, module, 2, 2, 3)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_recurrent_variants(flavour: str) -> None:
    layers = FLAVOURS[flavour].layers
    x = np.random.default_rng(1).normal(size=(2, 4, 3))
    stacked = layers.RNN([layers.LSTMCell(3), layers.GRUCell(3)], return_sequences=True)
    stacked(x)
    randomized(stacked)

    class Stacked(nn.Module):
        keras_container = "rnn"

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                [nn.LSTM(3, 3, batch_first=True), nn.GRU(3, 3, batch_first=True)]
            )

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x, _ = layer(x)
            return x

    module = Stacked()
    load_keras_weights(module, stacked)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), stacked(x), rtol=1e-9)

    before = layers.GRU(3, reset_after=False)
    before(x)
    with pytest.raises(ValueError, match="cannot take"):
        load_keras_weights(nn.GRU(3, 3), before)


def test_a_layer_that_is_also_in_a_part() -> None:
    dense = keras.layers.Dense(2)
    inputs = keras.Input((3,))
    part = keras.Model(inputs, keras.layers.Dense(4)(dense(inputs)))
    model = keras.Model(inputs, [part(inputs), dense(inputs)])

    class Part(nn.Sequential):
        keras_container = "functional"

    module = nn.Sequential(Part(nn.Linear(3, 2), nn.Linear(2, 4)))
    load_keras_weights(module, model)
    np.testing.assert_array_equal(module[0][0].weight.detach(), dense.kernel.numpy().T)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files(dtype: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=dtype)])
    for how in ("live", ".weights.h5"):
        module = nn.Linear(3, 2)
        load_keras_weights(module, saved(model, how, tmp_path))
        kernel = np.asarray(model.layers[0].kernel.numpy(), dtype="float64")
        np.testing.assert_array_equal(module.weight.detach(), kernel.T)


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_module", "message"),
    [
        (
            lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(2, 2)),
            "no Keras layer dense",
        ),
        (lambda: nn.Sequential(nn.Linear(3, 4)), "left over: Keras's dense_1"),
        (
            lambda: nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2)),
            r"0.weight is \(5, 3\), Keras's dense",
        ),
        (lambda: nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2)), "cannot take"),
        (
            lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)),
            "layer_normalization",
        ),
        (
            lambda: nn.Sequential(like_keras(nn.Linear(3, 4), name="x"), nn.Linear(4, 2)),
            "layer x for 0",
        ),
        (
            lambda: nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2), nn.Bilinear(2, 2, 2)),
            "no counterpart",
        ),
        (lambda: nn.Sequential(nn.Linear(4, 2), nn.Linear(3, 4)), "0.weight"),
    ],
)
@pytest.mark.parametrize("how", ["live", ".keras", ".h5"])
def test_refuses_what_does_not_fit(
    make_module: Any, message: str, how: str, tmp_path: Path
) -> None:
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
    module = make_module()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        load_keras_weights(module, saved(keras.Sequential(layers), how, tmp_path))
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_refuses_what_is_not_built_and_what_is_not_keras() -> None:
    with pytest.raises(ValueError, match="built"):
        load_keras_weights(nn.Linear(2, 2), keras.layers.Dense(2))
    with pytest.raises(TypeError, match="neither"):
        load_keras_weights(nn.Linear(2, 2), 3)


def test_layers_without_weights() -> None:
    load_keras_weights(nn.Dropout(0.5), keras.layers.Dropout(0.5))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_command_line(suffix: str, tmp_path: Path) -> None:
    model = randomized(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    target = tmp_path / f"weights{suffix}"
    convert_weights(
        {"model": lambda: nn.Linear(3, 2)},
        [str(saved(model, ".keras", tmp_path)), "-o", str(target)],
    )
    if suffix == ".pt":
        state = torch.load(target, weights_only=True)
    else:
        from safetensors.torch import load_file

        state = load_file(target)
    np.testing.assert_array_equal(state["weight"], model.get_weights()[0].T)
