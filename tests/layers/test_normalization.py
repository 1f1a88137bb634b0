"""Normalization layers against Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt_translate.graph.tensor import Tensor
from kt_translate.pytorch.support.normalization import (
    BatchNorm1d,
    BatchNorm2d,
    FreezableBatchNorm2d,
)
from tests.layers.harness import assert_signature, bind, check_layer, rejects

NAMES = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name: str) -> None:
    assert_signature(name)


BATCH = [
    ({}, (5, 3)),
    ({}, (1, 3)),
    ({}, (3, 4, 5)),
    ({}, (2, 4, 5, 3)),
    ({}, (2, 3, 2, 4, 3)),
    ({"axis": 1}, (2, 3, 4, 5)),
    ({"axis": 1}, (3, 4, 5)),
    ({"axis": 2}, (2, 3, 4, 5)),
    ({"axis": -2}, (2, 3, 4, 5)),
    ({"axis": 3}, (2, 3, 4, 5)),
    ({"momentum": 0.9, "epsilon": 1e-5}, (4, 3, 3, 2)),
    ({"scale": False}, (4, 3, 3, 2)),
    ({"center": False}, (4, 3, 3, 2)),
    ({"scale": False, "center": False}, (4, 6)),
]


@pytest.mark.parametrize(("kwargs", "shape"), BATCH)
@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization(
    kwargs: dict[str, Any], shape: tuple[int, ...], training: bool
) -> None:
    check_layer("BatchNormalization", kwargs, shape, training=training)
    check_layer("BatchNormalization", kwargs, shape)


def test_frozen_batch_normalization() -> None:
    check_layer(
        "BatchNormalization", {"trainable": False}, (4, 3, 3, 2), training=False, gradients=False
    )
    layer = BatchNorm2d(3, eps=1e-3, momentum=0.01).train()
    layer.keras_frozen = True
    x = torch.randn(2, 3, 4, 5)
    before = layer.running_mean.clone()
    torch.testing.assert_close(layer(x), layer.eval()(x))
    assert torch.equal(before, layer.running_mean)


@pytest.mark.parametrize(("kwargs", "shape"), [BATCH[0], BATCH[3], BATCH[10]])
def test_symbolic_batch_normalization(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    kwargs = {"epsilon": 1e-3, "momentum": 0.9, **kwargs}
    check_layer("BatchNormalization", kwargs, shape, symbolic=True, training=True)


@pytest.mark.parametrize(("scale", "center"), [(True, False), (False, True), (False, False)])
def test_symbolic_parameters(scale: bool, center: bool) -> None:
    kwargs = {"scale": scale, "center": center}
    for name, shape in (("BatchNormalization", (3, 4)), ("LayerNormalization", (2, 3, 4))):
        check_layer(name, kwargs, shape, symbolic=True, texts=True)
    check_layer(
        "GroupNormalization", {"groups": 2, **kwargs}, (2, 3, 3, 4), symbolic=True, texts=True
    )


@pytest.mark.parametrize("kwargs", [{}, {"scale": False}, {"center": False}])
@pytest.mark.parametrize("training", [False, True])
def test_masked_batch_normalization(kwargs: dict[str, Any], training: bool) -> None:
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], bool)
    check_layer("BatchNormalization", kwargs, (3, 4, 5), masks=[mask], training=training)


def test_text_of_batch_normalization() -> None:
    x = Tensor((None, 8, 8, 32))
    rule = bind("BatchNormalization", {})
    x.layout = rule.wants(x)[0]
    assert str(rule.module(x)) == "BatchNorm2d(32, eps=0.001, momentum=0.01)"
    rule = bind("BatchNormalization", {"momentum": 0.9, "scale": False}, "2")
    assert (
        str(rule.module(x))
        == "affine(FreezableBatchNorm2d(32, eps=0.001, momentum=0.1), scale=False)"
    )
    rule = bind("BatchNormalization", {"fused": False}, "2")
    assert str(rule.module(x)) == "BatchNorm2d(32, eps=0.001, momentum=0.01)"


def test_keras2_pictures_have_the_unbiased_variance() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    theirs = tf_keras.layers.BatchNormalization()
    y = theirs(x, training=True).numpy()
    ours = FreezableBatchNorm2d(5, eps=1e-3, momentum=0.01)
    got = ours(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(got.detach(), y, atol=1e-5)
    np.testing.assert_allclose(ours.running_var, theirs.moving_variance.numpy(), rtol=1e-6)
    ours.keras_frozen = True
    torch.testing.assert_close(ours(torch.ones(2, 5, 3, 4)), ours.eval()(torch.ones(2, 5, 3, 4)))


def test_flattened_goes_on_through_batch_normalization() -> None:
    x = Tensor((None, 12), flattened=(3, 2, 2))
    assert bind("BatchNormalization", {}).outputs(x)[0].flattened == (3, 2, 2)
    assert bind("LayerNormalization", {}).outputs(x)[0].flattened is None


def test_compiles() -> None:
    model = BatchNorm1d(3, eps=1e-3, momentum=0.01)
    explained = torch._dynamo.explain(model)(torch.randn(4, 3))
    assert explained.graph_break_count == 0


LAYER = [
    ({}, (3, 5)),
    ({}, (2, 3, 4)),
    ({"epsilon": 1e-6}, (2, 3, 4, 5)),
    ({"axis": 1}, (2, 3, 4)),
    ({"axis": (1, 2, 3)}, (2, 3, 4, 5)),
    ({"axis": [-2, -1]}, (2, 3, 4, 5)),
    ({"axis": (2, 1)}, (2, 3, 4, 5)),
    ({"axis": (1, 3)}, (2, 3, 4, 5)),
    ({"scale": False}, (2, 3, 4)),
    ({"center": False}, (2, 3, 4)),
    ({"scale": False, "center": False}, (2, 3, 4)),
    ({"rms_scaling": True}, (2, 3, 4)),
    ({"rms_scaling": True, "axis": (1, 2), "scale": False}, (2, 3, 4, 5)),
]


@pytest.mark.parametrize(("kwargs", "shape"), LAYER)
def test_layer_normalization(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    check_layer("LayerNormalization", kwargs, shape)


def test_layer_normalization_keeps_the_mask() -> None:
    mask = np.array([[1, 0, 1], [1, 1, 0]], bool)
    check_layer("LayerNormalization", {}, (2, 3, 4), masks=[mask])
    check_layer("RMSNormalization", {}, (2, 3, 4), masks=[mask])
    check_layer("UnitNormalization", {}, (2, 3, 4), masks=[mask])


def test_symbolic_layer_normalization() -> None:
    check_layer("LayerNormalization", {"epsilon": 1e-6}, (2, 3, 4), symbolic=True, unknown=True)
    check_layer("RMSNormalization", {"epsilon": 1e-5}, (2, 3, 4), symbolic=True, unknown=True)


GROUP = [
    ({"groups": 2}, (3, 4)),
    ({"groups": 2}, (2, 5, 4)),
    ({"groups": 4}, (2, 5, 3, 8)),
    ({"groups": -1}, (2, 5, 3, 4)),
    ({"groups": 2, "axis": 1}, (2, 4, 3, 5)),
    ({"groups": 2, "axis": 2}, (2, 3, 4, 5)),
    ({"groups": 2, "axis": -2}, (2, 3, 4, 5)),
    ({"groups": 2, "scale": False}, (2, 5, 3, 4)),
    ({"groups": 2, "center": False}, (2, 5, 3, 4)),
    ({"groups": 2, "scale": False, "center": False, "epsilon": 1e-5}, (2, 5, 3, 4)),
    ({}, (2, 3, 64)),
]


@pytest.mark.parametrize(("kwargs", "shape"), GROUP)
def test_group_normalization(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    check_layer("GroupNormalization", kwargs, shape)


def test_symbolic_group_normalization() -> None:
    check_layer(
        "GroupNormalization",
        {"groups": 2, "epsilon": 1e-5},
        (2, 5, 3, 4),
        symbolic=True,
        unknown=True,
    )


@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (2, 5)), (-1, (2, 3, 4)), (3, (2, 3, 4, 5)), ((2, 3), (2, 3, 4, 5))]
)
def test_rms_normalization(axis: Any, shape: tuple[int, ...]) -> None:
    check_layer("RMSNormalization", {"axis": axis}, shape)


@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (2, 5)), (-1, (2, 3, 4)), (1, (2, 3, 4, 5)), ((1, 2), (2, 3, 4, 5))]
)
def test_unit_normalization(axis: Any, shape: tuple[int, ...]) -> None:
    check_layer("UnitNormalization", {"axis": axis}, shape)


def test_refused() -> None:
    rejects("BatchNormalization", {"renorm": True})
    rejects("BatchNormalization", {"axis": [1, 2]}, (2, 3, 4, 5))
    rejects("RMSNormalization", {"axis": 1}, (2, 3, 4))
    rejects("LayerNormalization", {"axis": [1, -1]}, (2, 3, 4, 5))
    rejects("GroupNormalization", {"groups": 3}, (2, 5, 4), code="KT204")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    axis=st.integers(-3, 3),
    scale=st.booleans(),
    center=st.booleans(),
    training=st.booleans(),
)
def test_random_batch_normalization(
    shape: list[int], axis: int, scale: bool, center: bool, training: bool
) -> None:
    rank = len(shape) + 1
    if not -rank < axis < rank or axis == 0:
        axis = -1
    kwargs = {"axis": axis, "scale": scale, "center": center}
    check_layer("BatchNormalization", kwargs, (3, *shape), training=training)
    assert keras.config.floatx() == "float32"
