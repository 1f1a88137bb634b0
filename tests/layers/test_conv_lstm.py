"""Convolutional LSTMs against Keras."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import Call, Expr
from kt_translate.pytorch.support.conv_lstm import ConvLSTM1d, ConvLSTM2d
from kt_translate.pytorch.support.initializers import constant_
from kt_translate.pytorch.support.like_keras import init_like_keras, like_keras
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.layers.harness import assert_signature, bind, check_layer, close, floatx, rejects

SHAPES = {
    "ConvLSTM1D": (2, 3, 7, 2),
    "ConvLSTM2D": (2, 3, 5, 6, 2),
    "ConvLSTM3D": (2, 3, 4, 3, 5, 2),
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True},
    {"padding": "same", "return_sequences": True, "strides": 2},
    {"kernel_size": 2, "padding": "same"},
    {"dilation_rate": 2, "padding": "same", "return_sequences": True},
    {"use_bias": False},
    {"return_state": True},
    {"return_state": True, "return_sequences": True, "go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"activation": "relu", "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False},
    {"activation": None},
    {"dropout": 0.3, "recurrent_dropout": 0.2},
]


@pytest.mark.parametrize("name", SHAPES)
def test_signature(name: str) -> None:
    assert_signature(name)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", SHAPES)
def test_settings(name: str, settings: dict[str, Any]) -> None:
    check_layer(name, {"filters": 3, "kernel_size": 2, **settings}, SHAPES[name])


@pytest.mark.parametrize("settings", SETTINGS[:3])
def test_symbolic(settings: dict[str, Any]) -> None:
    kwargs = {"filters": 3, "kernel_size": 3, **settings}
    check_layer("ConvLSTM2D", kwargs, SHAPES["ConvLSTM2D"], symbolic=True, unknown=True)
    check_layer("ConvLSTM2D", kwargs, SHAPES["ConvLSTM2D"], symbolic=True, texts=True)


@pytest.mark.parametrize("settings", SETTINGS[6:8])
def test_channels_first(settings: dict[str, Any]) -> None:
    kwargs = {"filters": 3, "kernel_size": 2, "data_format": "channels_first", **settings}
    single = {"dtype": "float32", "tolerance": 1e-5, "gradients": False}  # all TensorFlow does
    check_layer("ConvLSTM2D", kwargs, (2, 3, 2, 5, 6), **single)


@pytest.mark.parametrize("training", [False, True])
def test_masks(training: bool) -> None:
    mask = np.array([[1, 0, 1], [0, 1, 0]], bool)
    for settings in ({}, {"return_sequences": True, "go_backwards": True}):
        kwargs = {"filters": 3, "kernel_size": 2, **settings}
        check_layer("ConvLSTM2D", kwargs, SHAPES["ConvLSTM2D"], masks=[mask], training=training)


def test_initial_state() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6, 2))
    states = [np.random.default_rng(i).normal(size=(2, 4, 5, 3)) for i in (1, 2)]
    with floatx():
        layer = keras.layers.ConvLSTM2D(3, 2, return_state=True)
        theirs = layer(x, initial_state=states)
    rule = bind("ConvLSTM2D", {"filters": 3, "kernel_size": 2, "return_state": True})
    tensor = Tensor((None, 3, 5, 6, 2), layout=Layout.FIRST)
    given = Tensor((None, 4, 5, 3), layout=Layout.FIRST)
    scope: dict[str, Any] = {"ConvLSTM2d": ConvLSTM2d}
    scope["module"] = eval(str(rule.module(tensor)), scope).double()
    load_keras_weights(scope["module"], layer)
    scope["x"] = torch.from_numpy(np.moveaxis(x, -1, 1).copy())

    def then(value: Any, comment: str = "") -> Expr:
        scope["result"] = eval(str(value), scope)
        return Expr("result")

    for option in (True, False):  # as an argument: in the layout it asks for; else in Keras's
        names = [Expr("h"), Expr("c")]
        for name, state in zip("hc", states, strict=True):
            value = torch.from_numpy(state)
            scope[name] = value if option else value.movedim(-1, 1)
        call = Call(
            Expr("module"),
            [Expr("x")] if option else [Expr("x"), *names],
            [tensor] if option else [tensor, given, given],
            [None] if option else [None] * 3,
            [],
            {"initial_state": names} if option else {},
            then,
        )
        for got, want in zip(eval(str(rule.forward(call)), scope), theirs, strict=True):
            close(got.detach().movedim(1, -1), want, "states")


def test_dropout() -> None:
    """Each gate has a mask of its own, the same at every step."""
    torch.manual_seed(0)
    module = ConvLSTM1d(2, 3, 1, dropout=0.5, bias=False)
    seen: list[torch.Tensor] = []
    nn.init.ones_(module.input_conv.weight)
    nn.init.zeros_(module.recurrent_conv.weight)
    module.step = lambda gates, c: (seen.append(gates), (c, c))[1]  # type: ignore[method-assign]
    module(torch.ones(200, 2, 4, 3))
    assert all(torch.equal(gates, seen[0]) for gates in seen)
    i, f, g, o = seen[0].chunk(4, dim=1)
    assert not torch.equal(i, f)
    assert set(seen[0].unique().tolist()) == {0.0, 2.0, 4.0}
    assert all(abs(part.mean() - 2) < 0.1 for part in (i, f, g, o))


def test_starts_like_keras() -> None:
    torch.manual_seed(0)
    layer = keras.layers.ConvLSTM2D(20, 3)
    layer.build((None, 2, 8, 8, 10))
    module = nn.Sequential(ConvLSTM2d(10, 20, 3))
    before = [p.clone() for p in module.parameters()]
    init_like_keras(module)
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    kernel, recurrent, bias = layer.get_weights()
    assert module[0].input_conv.weight.std().item() == pytest.approx(kernel.std(), rel=0.03)
    assert module[0].recurrent_conv.weight.std().item() == pytest.approx(recurrent.std(), rel=0.03)
    np.testing.assert_array_equal(module[0].input_conv.bias.detach(), bias)
    init = {"input_conv.bias": partial(constant_, value=0.5)}
    started = like_keras(ConvLSTM2d(10, 20, 3), init=init).input_conv.bias
    assert started.tolist() == [0.5] * 20 + [1.0] * 20 + [0.5] * 40
    without = like_keras(ConvLSTM2d(10, 20, 3, unit_forget_bias=False), init=init).input_conv.bias
    assert without.tolist() == [0.5] * 80


@pytest.mark.parametrize("how", [".keras", ".weights.h5", ".h5"])
def test_files(how: str, tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3, 5, 6, 2)),
            layers.ConvLSTM2D(3, 2, return_sequences=True),
            layers.ConvLSTM2D(4, 2),
        ]
    )
    path = str(tmp_path / f"model{how}")
    (model.save_weights if how == ".weights.h5" else model.save)(path)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6, 2)).astype("float32")
    module = nn.ModuleList([ConvLSTM2d(2, 3, 2), ConvLSTM2d(3, 4, 2)])
    load_keras_weights(module, path)
    ours = module[1](module[0](torch.from_numpy(np.moveaxis(x, -1, 1).copy()))[0])[0][:, :, -1]
    close(ours.detach().movedim(1, -1), model(x), "output", 1e-5)


def test_texts_and_refusals() -> None:
    x = Tensor((None, 3, 5, 6, 2), layout=Layout.FIRST)
    kwargs = {"filters": 8, "kernel_size": (3, 3), "padding": "same"}
    assert str(bind("ConvLSTM2D", kwargs).module(x)) == (
        "ConvLSTM2d(2, 8, kernel_size=3, padding='same')"
    )
    rejects("ConvLSTM2D", {**kwargs, "stateful": True})
    rejects("ConvLSTM2D", {**kwargs, "padding": "causal"})
    rejects("ConvLSTM2D", kwargs, (2, 5, 6, 2), code="KT204")
    assert bind("ConvLSTM2D", kwargs, "2").recurrent_activation == "hard_sigmoid"
