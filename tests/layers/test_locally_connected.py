"""Locally connected layers against those of Keras 2, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import Layer
from kt_translate.pytorch.support.locally_connected import LocallyConnected
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.layers.harness import bind, random, rejects

SETTINGS: list[dict[str, Any]] = [
    {},
    {"strides": 2},
    {"use_bias": False, "kernel_size": 1},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    ("name", "shape"), [("LocallyConnected1D", (3, 7, 2)), ("LocallyConnected2D", (3, 5, 6, 2))]
)
def test_settings(name: str, shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    kwargs = {"filters": 4, "kernel_size": 3, **settings}
    theirs = getattr(tf_keras.layers, name)(**kwargs, dtype="float64")
    array = random(shape)
    theirs(array)
    for i, weight in enumerate(theirs.weights):
        weight.assign(random(weight.shape, i))
    x = tf.constant(array)
    with tf.GradientTape() as tape:
        tape.watch(x)
        wanted = theirs(x)
        loss = tf.reduce_sum(wanted**2)
    rule: Layer = bind(name, dict(kwargs), flavour="2")
    tensor = Tensor((None, *shape[1:]), layout=Layout.FIRST)
    assert rule.output_shape(tensor.shape) == (None, *wanted.shape[1:])
    ours = eval(str(rule.module(tensor)), {"LocallyConnected": LocallyConnected}).double()
    load_keras_weights(ours, theirs)
    given = torch.from_numpy(np.moveaxis(array, -1, 1).copy()).requires_grad_()
    got = ours(given)
    (got**2).sum().backward()
    assert given.grad is not None
    for mine, other in ((got.detach(), wanted), (given.grad, tape.gradient(loss, x))):
        np.testing.assert_allclose(np.moveaxis(mine.numpy(), 1, -1), other, rtol=1e-9, atol=1e-10)


def test_starts_as_in_keras() -> None:
    theirs = tf_keras.layers.LocallyConnected2D(8, 3)
    theirs(np.zeros((1, 12, 12, 4)))
    ours = LocallyConnected(4, 8, (12, 12), (3, 3), (1, 1))
    bound = float(tf.reduce_max(tf.abs(theirs.kernel)))
    assert float(ours.weight.abs().max()) == pytest.approx(bound, rel=1e-2)
    assert not ours.bias.any()  # type: ignore[union-attr]


def test_rejects() -> None:
    rejects("LocallyConnected2D", {"filters": 2, "kernel_size": 3, "implementation": 2})
    rejects("LocallyConnected1D", {"filters": 2, "kernel_size": 3, "data_format": "channels_first"})
