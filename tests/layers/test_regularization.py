"""Dropout and noise: nothing in inference, and the right kind of noise in training."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import torch

from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.layers.regularization import activity_penalty
from kt_translate.pytorch.support import regularization as support
from tests.layers.harness import assert_signature, bind, check_layer, rejects

LAYERS = [
    ("Dropout", {"rate": 0.5}, (3, 4)),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 1, None)}, (2, 3, 4)),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 1, 1, None)}, (2, 3, 4, 5)),
    ("AlphaDropout", {"rate": 0.2}, (3, 4)),
    ("AlphaDropout", {"rate": 0.2, "noise_shape": [None, 1]}, (3, 4)),
    ("SpatialDropout1D", {"rate": 0.5}, (2, 3, 4)),
    ("SpatialDropout2D", {"rate": 0.5}, (2, 3, 4, 5)),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("SpatialDropout3D", {"rate": 0.5}, (2, 3, 4, 4, 5)),
    ("SpatialDropout3D", {"rate": 0.5, "data_format": "channels_first"}, (2, 3, 4, 4, 5)),
    ("GaussianNoise", {"stddev": 0.2}, (2, 3, 4)),
    ("GaussianDropout", {"rate": 0.2}, (2, 3, 4)),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (2, 3, 4)),
    ("Identity", {}, (2, 3, 4)),
    ("Rescaling", {"scale": 1 / 255}, (2, 3, 4)),
    ("Rescaling", {"scale": 2, "offset": -1}, (2, 3, 4, 5)),
    ("Rescaling", {"scale": [0.5, 2.0, 3.0], "offset": [1.0, 0.0, -1.0]}, (2, 3, 4, 3)),
    ("Rescaling", {"scale": 1.0 / 127.5, "offset": -1.0}, (2, 3)),
]


@pytest.mark.parametrize("name", list(dict.fromkeys(name for name, *_ in LAYERS)))
def test_signature(name: str) -> None:
    if not name.startswith("Spatial"):
        return assert_signature(name)
    fields = [field for field, _ in bind(name, {"rate": 0.5}).signature()]
    theirs = list(__import__("inspect").signature(getattr(keras.layers, name)).parameters)
    assert fields == [p for p in theirs if p not in ("name", "dtype")]
    return None


@pytest.mark.parametrize(("name", "kwargs", "shape"), LAYERS)
def test_inference(name: str, kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        check_layer(name, kwargs, shape)
        if not any(isinstance(v, (list, tuple)) for v in kwargs.values()):
            check_layer(name, kwargs, shape, symbolic=True)
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("name", ["Dropout", "GaussianDropout", "SpatialDropout1D", "AlphaDropout"])
def test_masks_pass(name: str) -> None:
    check_layer(name, {"rate": 0.5}, (2, 3, 4), masks=[np.array([[1, 0, 1], [1, 1, 0]], bool)])


def test_shared_dropout() -> None:
    torch.manual_seed(0)
    layer = support.SharedDropout(0.25, (None, 1, None))
    y = layer(torch.ones(50, 7, 40))
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs(y.mean().item() - 1) < 0.05


def test_shared_alpha_dropout_has_the_values_of_torchs() -> None:
    torch.manual_seed(0)
    ours = support.SharedAlphaDropout(0.2, (None, None))(torch.zeros(100, 10)).unique()
    theirs = torch.nn.AlphaDropout(0.2)(torch.zeros(100, 10)).unique()
    torch.testing.assert_close(ours, theirs)


def test_noise() -> None:
    torch.manual_seed(0)
    x = torch.ones(300, 300)
    assert abs((support.GaussianNoise(0.3)(x) - 1).std().item() - 0.3) < 0.01
    y = support.GaussianDropout(0.3)(x)
    assert abs(y.std().item() - math.sqrt(0.3 / 0.7)) < 0.01
    assert abs(y.mean().item() - 1) < 0.01


def test_activity_regularization() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    theirs = keras.layers.ActivityRegularization(l1=0.1, l2=0.2)
    theirs(x)
    ours = support.ActivityRegularization(l1=0.1, l2=0.2)
    ours(torch.from_numpy(x))
    assert float(ours.activity_loss) == pytest.approx(float(theirs.losses[0]), rel=1e-6)


@pytest.mark.parametrize(
    ("regularizer", "settings"),
    [
        ("l1", {"l1": 0.01}),
        ("L2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.01, "l2": 0.01}),
        ("L1L2", {}),
        (KerasObject("keras.regularizers.l1", [0.5]), {"l1": 0.5}),
        (KerasObject("keras.regularizers.L2", [], {"l2": 0.5}), {"l2": 0.5}),
        (KerasObject("keras.regularizers.l2", [], {"l": 0.5}), {"l2": 0.5}),
        (KerasObject("keras.regularizers.L1L2", [0.5]), {"l1": 0.5}),
        (
            KerasObject("keras.regularizers.l1_l2", [], {"l1": 0.5, "l2": 2.0}),
            {"l1": 0.5, "l2": 2.0},
        ),
        (KerasFunction("keras.regularizers.l2"), {"l2": 0.01}),
    ],
)
def test_activity_penalty(regularizer: Any, settings: dict[str, float]) -> None:
    rule = activity_penalty(regularizer)
    assert {"l1": rule.l1, "l2": rule.l2} == {"l1": 0.0, "l2": 0.0, **settings}


def test_activity_penalty_refused() -> None:
    for regularizer in (KerasObject("keras.regularizers.OrthogonalRegularizer"), lambda x: x):
        with pytest.raises(RuleError) as caught:
            activity_penalty(regularizer)
        assert caught.value.code == "KT203"


def test_texts() -> None:
    x = Tensor((None, 4, 5, 8), layout=Layout.FIRST)
    assert str(bind("Dropout", {"rate": 0.5}).module(x)) == "nn.Dropout(0.5)"
    rule = bind("Dropout", {"rate": 0.5, "noise_shape": (None, 1, 1, None)})
    assert str(rule.module(x)) == "SharedDropout(0.5, (None, None, 1, 1))"
    assert str(bind("SpatialDropout2D", {"rate": 0.1}).module(x)) == "nn.Dropout2d(0.1)"
    assert bind("Dropout", {"p": 0.3}).rate == 0.3


def test_refused() -> None:
    rejects("Dropout", {"rate": 1.5}, code="KT204")
    rejects("Dropout", {"rate": 0.5, "noise_shape": (None, 1)}, (2, 3, 4), code="KT204")
    rejects("SpatialDropout1D", {"rate": 0.5}, (2, 3), code="KT204")
