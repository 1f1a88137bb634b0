"""Resizing, CenterCrop, Normalization, encodings and lookups against Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch
from torch import nn

from kt_translate.graph.tensor import Layout
from kt_translate.graph.tensor import Tensor as Described
from kt_translate.layers.layer import Call, Expr, RuleError
from kt_translate.pytorch.support.preprocessing import AdaptedNormalization, IntegerLookup
from kt_translate.pytorch.support.weights import load_keras_weights
from tests.layers.harness import assert_signature, bind, check_layer, close, rejects, support_units

SINGLE = 3e-6  # TensorFlow resizes in single precision
NAMES = ["Resizing", "CenterCrop", "AutoContrast", "Normalization", "CategoryEncoding"]
NAMES += ["IntegerLookup", "StringLookup", "TextVectorization", "Hashing", "HashedCrossing"]


@pytest.mark.parametrize("name", [*NAMES, "MaxNumBoundingBoxes"])
def test_signature(name: str) -> None:
    assert_signature(name)


def test_signature_of_discretization() -> None:
    fields = [name for name, _ in bind("Discretization", {"num_bins": 3}).signature()]
    assert fields == ["bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse"]


# -- pictures -------------------------------------------------------------------------------------
RESIZINGS: list[dict[str, Any]] = [
    {},
    {"antialias": True},
    {"interpolation": "nearest"},
    {"interpolation": "nearest", "antialias": True},
    {"interpolation": "bicubic"},
    {"interpolation": "bicubic", "antialias": True},
    {"interpolation": "lanczos3"},
    {"interpolation": "lanczos5", "antialias": True},
    {"crop_to_aspect_ratio": True},
    {"pad_to_aspect_ratio": True, "fill_value": 0.5},
    {"data_format": "channels_first"},
]


@pytest.mark.parametrize("kwargs", RESIZINGS)
@pytest.mark.parametrize("size", [(4, 5), (12, 30), (9, 14), (5, 31), (8, 8)])
def test_resizing(kwargs: dict[str, Any], size: tuple[int, int]) -> None:
    shape = (2, 3, 9, 14) if "data_format" in kwargs else (2, 9, 14, 3)
    settings = {"height": size[0], "width": size[1], **kwargs}
    tolerance = 3e-5 if "lanczos" in str(kwargs) else SINGLE
    check_layer("Resizing", settings, shape, tolerance=tolerance, dtype="float32", gradients=False)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resizing_whole_numbers(dtype: str, interpolation: str) -> None:
    """At sizes whose weights are exact: others round a half now up, now down."""
    x = np.random.default_rng(0).integers(0, 256, (2, 9, 14, 3)).astype(dtype)
    settings = {"height": 18, "width": 7, "interpolation": interpolation}
    rule, tensor = bind("Resizing", settings), Described((None, 9, 14, 3), dtype, Layout.FIRST)
    assert rule.outputs(tensor)[0].dtype == dtype
    check_layer("Resizing", {**settings, "dtype": dtype}, inputs=[x], dtype="float32")


def test_resizing_symbolic_and_open() -> None:
    settings = {"height": 6, "width": 11}
    for kwargs in ({}, {"crop_to_aspect_ratio": True}, {"interpolation": "bicubic"}):
        check_layer(
            "Resizing",
            {**settings, **kwargs},
            (2, 9, 14, 3),
            symbolic=True,
            unknown=True,
            tolerance=SINGLE,
            dtype="float32",
            gradients=False,
            open_shape=True,
        )


def test_resizing_texts() -> None:
    x = Described((None, 9, 14, 3), layout=Layout.FIRST)

    def text(x: Described, **kwargs: Any) -> str:
        rule = bind("Resizing", {"height": 8, "width": 8, **kwargs})
        call = Call(Expr("m"), [Expr("x")], [x], [None], [x], {}, lambda e, c="": e)
        return str(rule.forward(call))

    assert text(x) == "F.interpolate(x, size=8, mode='bilinear')"
    assert text(x, width=9, crop_to_aspect_ratio=True) == (
        "F.interpolate(crop_to_aspect(x, (8, 9)), size=(8, 9), mode='bilinear')"
    )
    x.dtype = "uint8"
    assert text(x) == (
        "F.interpolate(x.float(), size=8, mode='bilinear').round().clamp(0, 255).to(torch.uint8)"
    )


@pytest.mark.parametrize("size", [(4, 5), (9, 14), (5, 8), (12, 4), (20, 30), (3, 20)])
@pytest.mark.parametrize("symbolic", [False, True])
def test_center_crop(size: tuple[int, int], symbolic: bool) -> None:
    settings = {"height": size[0], "width": size[1]}
    check_layer(
        "CenterCrop",
        settings,
        (2, 9, 14, 3),
        symbolic=symbolic,
        tolerance=SINGLE,
        dtype="float32",
        gradients=False,
    )
    first = {**settings, "data_format": "channels_first"}
    check_layer(
        "CenterCrop",
        first,
        (2, 3, 9, 14),
        open_shape=True,
        tolerance=SINGLE,
        dtype="float32",
        gradients=False,
    )


@pytest.mark.parametrize("value_range", [(0, 255), (0, 1), (-1.0, 3.0)])
def test_auto_contrast(value_range: tuple[float, float]) -> None:
    x = np.random.default_rng(0).uniform(*value_range, (3, 4, 5, 2)).astype("float32")
    x[0, :, :, 1] = 0.25
    check_layer(
        "AutoContrast",
        {"value_range": value_range},
        inputs=[x],
        tolerance=1e-5,
        dtype="float32",
        gradients=False,
    )


def test_resizing_stays_within_the_range_of_bytes() -> None:
    x = np.random.default_rng(0).integers(0, 2, (1, 6, 6, 1)).astype("uint8") * 255
    layer = keras.layers.Resizing(12, 12, "bicubic", dtype="uint8")
    z = torch.from_numpy(x).permute(0, 3, 1, 2)
    rule = bind("Resizing", {"height": 12, "width": 12, "interpolation": "bicubic"})
    tensor = Described((None, 6, 6, 1), "uint8", Layout.FIRST)
    call = Call(Expr("m"), [Expr("x")], [tensor], [None], [tensor], {}, lambda e, c="": e)
    y = eval(str(rule.forward(call)), {**support_units(), "torch": torch, "x": z})
    assert (y[0, 0].int() - torch.from_numpy(np.array(layer(x)))[0, :, :, 0].int()).abs().max() <= 1
    assert {0, 255} <= set(y.flatten().tolist())


class Normalization(keras.layers.Normalization):
    """Takes its weights anew for every call: they are set by hand here."""

    def call(self, inputs: Any) -> Any:
        self.finalize_state()
        return super().call(inputs)


# -- numbers --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kwargs", "shape"),
    [
        ({}, (3, 4)),
        ({}, (2, 3, 4)),
        ({}, (2, 5, 6, 3)),
        ({"invert": True}, (2, 5, 6, 3)),
        ({"axis": None}, (2, 5, 3)),
        ({"axis": None}, (2, 5, 6, 3)),
        ({"axis": 1}, (2, 5, 6, 3)),
        ({"axis": (1, -1)}, (2, 5, 6, 3)),
        ({"axis": (-1, 1, 2), "invert": True}, (2, 5, 6, 3)),
        ({"mean": 3.0, "variance": 2.0}, (2, 5, 6, 3)),
        ({"mean": 3.0, "variance": 0.0}, (3, 4)),
        ({"mean": 3.0, "variance": 2.0, "axis": None}, (3, 4)),
        ({"mean": [0.5, 1.5, -1.0], "variance": [0.25, 2.0, 1.0]}, (2, 5, 6, 3)),
        ({"mean": (0.5, 1.5, -1.0), "variance": (0.25, 2.0, 1.0), "invert": True}, (2, 3)),
        ({"mean": [[1.0, 2.0]] * 3, "variance": [[1.0, 0.5]] * 3, "axis": (1, 3)}, (2, 3, 4, 2)),
        ({"mean": [1.0, 2.0], "variance": [1.0, 0.5], "axis": (1, 3)}, (2, 3, 4, 2)),
    ],
)
def test_normalization(kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    check_layer(
        "Normalization", kwargs, shape, keras_layer=Normalization(**kwargs, dtype="float64")
    )
    mask = np.ones(shape[:-1], bool)
    if len(shape) == 3:
        layer = Normalization(**kwargs, dtype="float64")
        check_layer("Normalization", kwargs, shape, masks=[mask], keras_layer=layer)


@pytest.mark.parametrize("kernel", [keras, tf_keras])
@pytest.mark.parametrize("how", ["live", ".keras", ".weights.h5", ".h5"])
def test_adapted_normalization_is_loaded(kernel: Any, how: str, tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(2.0, 3.0, size=(50, 4)).astype("float32")
    layer = kernel.layers.Normalization()
    layer.adapt(data)
    model = kernel.Sequential([kernel.Input((4,)), layer, kernel.layers.Dense(2)])
    module = nn.Sequential(AdaptedNormalization(4), nn.Linear(4, 2))
    path: Any = model
    if how != "live":
        path = tmp_path / f"model{how}"
        (model.save_weights if how == ".weights.h5" else model.save)(str(path))
    load_keras_weights(module, path)
    close(module(torch.from_numpy(data)).detach(), model(data), "normalized", 1e-5)
    assert module(torch.from_numpy(data)).std() > 0


def test_normalization_texts() -> None:
    x = Described((None, 5, 6, 3), layout=Layout.FIRST)
    given = {"mean": [0.5, 1.5, 1.0], "variance": [0.25, 2.0, 1.0]}
    assert str(bind("Normalization", {}).module(x)) == "AdaptedNormalization(3, 1, 1)"
    assert str(bind("Normalization", {}).module(Described((None, 4)))) == "AdaptedNormalization(4)"
    assert str(bind("Normalization", given).module(x)) == (
        "Normalization(torch.tensor([0.5, 1.5, 1.0]).view(3, 1, 1), "
        "torch.tensor([0.25, 2.0, 1.0]).view(3, 1, 1))"
    )
    assert str(bind("Normalization", given).module(Described((None, 3)))) == (
        "Normalization([0.5, 1.5, 1.0], [0.25, 2.0, 1.0])"
    )
    rejects("Normalization", {"axis": 0}, (2, 3))
    rejects("Normalization", {"axis": 3}, (2, 3), code="KT204")
    rejects("Normalization", {"mean": 3.0}, code="KT204")
    rejects("Normalization", {"mean": [[3.0]], "variance": [[3.0]]}, code="KT204")


@pytest.mark.parametrize("mode", ["multi_hot", "count", "one_hot", "binary"])
@pytest.mark.parametrize("shape", [(3, 1), (3, 4), (2, 3, 4), (2, 3, 1)])
def test_category_encoding(mode: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 5, shape)
    kwargs = {"num_tokens": 5, "output_mode": mode}
    if len(shape) == 3 and mode != "one_hot":  # Keras's shape rule is not what it does
        theirs = keras.layers.CategoryEncoding(**kwargs)(x)
        rule, tensor = bind("CategoryEncoding", kwargs), Described((None, *shape[1:]), "int64")
        assert rule.outputs(tensor)[0].shape[1:] == theirs.shape[1:]
        call = Call(Expr("m"), [Expr("x")], [tensor], [None], [tensor], {}, lambda e, c="": e)
        ours = eval(str(rule.forward(call)), {**support_units(), "x": torch.from_numpy(x)})
        close(ours, theirs, mode)
        return
    check_layer("CategoryEncoding", kwargs, inputs=[x])
    if shape[-1] != 1:
        check_layer("CategoryEncoding", kwargs, inputs=[x], symbolic=True)


def test_category_encoding_with_weights() -> None:
    x = np.random.default_rng(0).integers(0, 5, (3, 4))
    weights = np.random.default_rng(1).normal(size=(3, 4))
    kwargs = {"num_tokens": 5, "output_mode": "count"}
    check_layer("CategoryEncoding", kwargs, inputs=[x], call_kwargs={"count_weights": weights})
    rejects("CategoryEncoding", {"num_tokens": 5}, (3,))
    rejects("CategoryEncoding", {}, code="KT204")


@pytest.mark.parametrize("mode", ["int", "multi_hot", "count", "one_hot"])
@pytest.mark.parametrize("shape", [(3, 1), (3, 4), (2, 3, 4), (2, 3, 4, 2)])
def test_discretization(mode: str, shape: tuple[int, ...]) -> None:
    boundaries = [-1.0, 0.0, 0.5, 0.5625]
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    x.flat[:3] = [0.0, 0.5, -1.0]
    kwargs = {"bin_boundaries": boundaries, "output_mode": mode}
    check_layer("Discretization", kwargs, inputs=[x], dtype="float32", gradients=False)


LOOKUPS: list[dict[str, Any]] = [
    {},
    {"mask_token": 0},
    {"num_oov_indices": 3},
    {"num_oov_indices": 3, "mask_token": 0},
    {"vocabulary": [0, -1, 20, 10, 30], "mask_token": 0},
    {"vocabulary": (-1, 20, 10, 30)},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "mask_token": 0},
    {"output_mode": "one_hot", "mask_token": 7},
    {"output_mode": "multi_hot", "max_tokens": 9, "pad_to_max_tokens": True},
    {"output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 1.5]},
    {"output_mode": "tf-idf", "idf_weights": [0.5, 0.25, 1.5], "num_oov_indices": 2},
    {"invert": True},
    {"invert": True, "mask_token": 0},
    {"invert": True, "oov_token": -7, "num_oov_indices": 2},
]


@pytest.mark.parametrize("kwargs", LOOKUPS)
def test_integer_lookup(kwargs: dict[str, Any]) -> None:
    x = np.array([[10, 20, 99, -3], [30, 0, 7, 10], [1, 2, 3, 4]])
    settings = {"vocabulary": [20, 10, 30], **kwargs}
    check_layer("IntegerLookup", settings, inputs=[x], dtype="float32")


def test_integer_lookup_without_room_for_others() -> None:
    rule = bind("IntegerLookup", {"vocabulary": [4, 2], "num_oov_indices": 0})
    assert str(rule.module(Described((None, 1), "int64"))) == "IntegerLookup([4, 2], oov=0)"
    check_layer(
        "IntegerLookup", {"vocabulary": [4, 2], "num_oov_indices": 0}, inputs=[np.array([[4, 2]])]
    )
    with pytest.raises(ValueError, match="not in the vocabulary"):
        IntegerLookup([4, 2], oov=0)(torch.tensor([3]))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("StringLookup", {"vocabulary": ["a"]}),
        ("TextVectorization", {"max_tokens": 10}),
        ("Hashing", {"num_bins": 3}),
        ("HashedCrossing", {"num_bins": 3}),
        ("IntegerLookup", {}),
        ("Discretization", {"num_bins": 3}),
    ],
)
def test_without_counterpart(name: str, kwargs: dict[str, Any]) -> None:
    """They can be made, for a pipeline of data; a call in a model says what is the matter."""
    rule = bind(name, kwargs)
    with pytest.raises(RuleError) as caught:
        rule.outputs(Described((None, 1), "string"))
    assert caught.value.code == "KT202"
    assert caught.value.hint


def test_refused() -> None:
    rejects("Resizing", {"height": 3, "width": 3, "interpolation": "cubic"})
    rejects("Resizing", {"height": 3, "width": 3, "fill_mode": "reflect"})
    rejects("IntegerLookup", {"vocabulary": [1], "oov_method": "farmhash"})
    rejects("IntegerLookup", {"vocabulary": "words.txt"}, (2, 3))
