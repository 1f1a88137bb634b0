"""SpectralNormalization and EinsumDense against Keras."""

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
from kt_translate.layers.layer import RuleError
from kt_translate.pytorch.support.einsum_dense import EinsumDense
from kt_translate.pytorch.support.initializers import variance_scaling_
from kt_translate.pytorch.support.like_keras import like_keras
from kt_translate.pytorch.support.spectral import SpectralNormalization
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.layers.harness import (
    assert_signature,
    bind,
    check_layer,
    close,
    keras_signature,
    rejects,
)

INNER: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Dense", {"units": 4}, (3, 5)),
    ("Dense", {"units": 4, "use_bias": False}, (2, 3, 5)),
    ("Conv1D", {"filters": 4, "kernel_size": 3}, (2, 7, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 6, 7, 3)),
    ("Conv3D", {"filters": 2, "kernel_size": 2}, (2, 3, 4, 3, 2)),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2}, (2, 4, 5, 3)),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3}, (2, 5, 3)),
]


def test_signature() -> None:
    assert_signature("SpectralNormalization")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "kwargs", "shape"), INNER)
def test_inner_layers(
    name: str, kwargs: dict[str, Any], shape: tuple[int, ...], training: bool
) -> None:
    for power_iterations in (1, 3):
        theirs = keras.layers.SpectralNormalization(
            getattr(keras.layers, name)(**kwargs, dtype="float64"),
            power_iterations,
            dtype="float64",
        )
        check_layer(
            "SpectralNormalization",
            {"layer": bind(name, kwargs), "power_iterations": power_iterations},
            shape,
            keras_layer=theirs,
            training=training,
            gradients=not training,  # those of the new kernel have no place among the old weights
            tolerance=1e-8,
        )


def test_gradient_in_training_is_that_of_the_new_kernel() -> None:
    module = SpectralNormalization(nn.Linear(3, 2)).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    module(x).sum().backward()
    torch.testing.assert_close(module.layer.weight.grad, x.sum(0).expand(2, 3))


def test_embedding() -> None:
    layer = keras.layers.SpectralNormalization(keras.layers.Embedding(7, 3))
    x = np.array([[1, 2], [6, 0]], "float32")
    layer(x)
    module = SpectralNormalization(nn.Embedding(7, 3))
    load_keras_weights(module, layer)
    close(module(torch.from_numpy(x).int()).detach(), layer(x, training=True), "output", 1e-5)
    close(module.layer.weight.detach(), layer.layer.embeddings, "kernel", 1e-5)
    close(module.vector_u, layer.vector_u, "vector", 1e-5)


def test_a_kernel_of_zeros_stays() -> None:
    module = SpectralNormalization(nn.Linear(3, 2))
    nn.init.zeros_(module.layer.weight)
    before = module.vector_u.clone()
    module(torch.randn(4, 3))
    assert not module.layer.weight.any()
    assert torch.equal(module.vector_u, before)


@pytest.mark.parametrize("units", [1, 4, 5])
@pytest.mark.parametrize("how", ["live", ".keras", ".weights.h5", ".h5"])
def test_files(how: str, units: int, tmp_path: Path) -> None:
    inner = keras.layers.Dense(units)
    model = keras.Sequential([keras.Input((1,)), keras.layers.SpectralNormalization(inner)])
    model.set_weights(
        [np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(model.get_weights())]
    )
    path: Any = model
    if how != "live":
        path = str(tmp_path / f"model{how}")
        (model.save_weights if how == ".weights.h5" else model.save)(path)
    module = nn.Sequential(SpectralNormalization(nn.Linear(1, units)))
    load_keras_weights(module, path)
    x = np.random.default_rng(0).normal(size=(3, 1)).astype("float32")
    close(module.eval()(torch.from_numpy(x)).detach(), model(x), "output", 1e-5)
    close(module.train()(torch.from_numpy(x)).detach(), model(x, training=True), "training", 1e-5)


def test_texts_and_refusals() -> None:
    x = Tensor((None, 6, 7, 3), layout=Layout.FIRST)
    conv = bind("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"})
    rule = bind("SpectralNormalization", {"layer": conv})
    assert str(rule.module(x)) == "SpectralNormalization(nn.Conv2d(3, 4, kernel_size=3))"
    assert rule.activation == "relu"
    assert [p for p, _ in rule.parameters()] == ["layer.weight", "layer.bias"]
    rejects("SpectralNormalization", {"layer": bind("LSTM", {"units": 3})})


# -- EinsumDense ----------------------------------------------------------------------------------
EQUATIONS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"equation": "ab,bc->ac", "output_shape": 4}, (3, 5)),
    ({"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}, (3, 5)),
    ({"equation": "abc,cd->abd", "output_shape": (None, 4), "bias_axes": "d"}, (3, 5, 6)),
    ({"equation": "abc,cd->abd", "output_shape": (5, 4), "bias_axes": "bd"}, (3, 5, 6)),
    ({"equation": "abc,cde->abde", "output_shape": (None, 2, 4), "bias_axes": "de"}, (3, 5, 6)),
    ({"equation": "abcd,cde->abe", "output_shape": (None, 4), "bias_axes": "e"}, (3, 5, 6, 2)),
    ({"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, (3, 5, 6)),
    ({"equation": "...x,xy->...y", "output_shape": 4, "bias_axes": "y"}, (3, 6)),
    ({"equation": "...xy,yxz->...z", "output_shape": 4}, (3, 5, 6, 2)),
    ({"equation": "ab...,bc->ac...", "output_shape": 4, "bias_axes": "c"}, (3, 5, 6, 2)),
    ({"equation": "abc,cd->adb", "output_shape": (4, None), "bias_axes": "d"}, (3, 5, 6)),
    ({"equation": "aBC, BdC->aBd", "output_shape": (5, 4), "bias_axes": "Bd"}, (3, 5, 6)),
]


@pytest.mark.parametrize(("kwargs", "shape"), EQUATIONS)
def test_equations(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    theirs = {**kwargs, "equation": kwargs["equation"].replace(" ", "")}
    # Keras leaves open what only the input tells of the output's shape; we do not.
    check_layer("EinsumDense", theirs, shape, rule_kwargs=kwargs, masks=[None])
    if len(shape) > 2:
        check_layer("EinsumDense", theirs, shape, symbolic=True, masks=[None])


def test_signature_of_einsum_dense() -> None:
    rule = bind("EinsumDense", {"args": ("ab,bc->ac", 4)})
    theirs = keras_signature("EinsumDense")
    assert [(n.removesuffix("_"), d) for n, d in rule.signature()] == theirs


def test_einsum_dense_starts_like_keras() -> None:
    torch.manual_seed(0)
    layer = keras.layers.EinsumDense(
        "abc,cde->abde", (None, 8, 64), kernel_initializer="he_normal", bias_axes="de"
    )
    layer.build((None, 5, 200))
    kernel, bias = layer.get_weights()
    module = EinsumDense("abc,cde->abde", (200, 8, 64), bias_shape=(8, 64))
    limit = (6 / (200 + 512)) ** 0.5
    assert module.weight.abs().max().item() == pytest.approx(limit, rel=0.01)
    like_keras(module, init={"weight": partial(variance_scaling_, scale=2.0)})
    assert module.weight.std().item() == pytest.approx(kernel.std(), rel=0.02)
    assert module.bias is not None
    assert not module.bias.any()
    assert not bias.any()


def test_einsum_dense_refusals() -> None:
    for equation in ("ab,bc", "...ab,bc->ac", "ab,cd->ad", "ab,bc->abe", "...ab,bc->ac..."):
        with pytest.raises(RuleError):
            bind("EinsumDense", {"equation": equation, "output_shape": 3})
    rejects("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 3, "lora_rank": 2})
    rejects("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 3}, (2, 3, 4), code="KT204")
