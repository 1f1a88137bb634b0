"""Random changes of pictures: nothing at inference, and in training what Keras's numbers give."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from torch import Tensor

from kt_translate.graph.tensor import Layout
from kt_translate.graph.tensor import Tensor as Described
from kt_translate.pytorch.support import augmentation as support
from tests.layers.harness import assert_signature, bind, check_layer, close, rejects

PICTURES = np.random.default_rng(0).normal(size=(4, 5, 7, 3)).astype("float32")
TRANSLATED: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": (-0.1, 0.3)},
    "RandomBrightness": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomCrop": {"height": 5, "width": 7},
}
RARE: dict[str, dict[str, Any]] = {
    "AugMix": {},
    "CutMix": {},
    "Equalization": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {"hue_factor": 0.5, "brightness_factor": 0.2},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.5},
    "RandomInvert": {},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 4},
    "RandomSaturation": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.3},
    "Solarization": {"threshold_factor": 0.5},
}
ALL = [*TRANSLATED.items(), *RARE.items()]


def channels_first(x: Any) -> Tensor:
    return torch.from_numpy(np.asarray(x)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("name", "kwargs"), ALL)
def test_signature_and_inference(name: str, kwargs: dict[str, Any]) -> None:
    assert_signature(name)
    for x in (PICTURES, np.random.default_rng(1).integers(0, 255, PICTURES.shape).astype("uint8")):
        theirs = getattr(keras.layers, name)(**kwargs)(x, training=False)
        rule = bind(name, kwargs)
        tensor = Described((None, 5, 7, 3), str(x.dtype), Layout.FIRST)
        (output,) = rule.outputs(tensor)
        assert output.shape == (None, 5, 7, 3)
        assert output.dtype == "float32"
        assert rule.module(tensor) is not None
        np.testing.assert_array_equal(theirs, x.astype("float32"))
    check_layer(name, kwargs, inputs=[PICTURES], training=False, dtype="float32")


@pytest.mark.parametrize("name", RARE)
def test_rare_ones_refuse_to_train(name: str) -> None:
    module = support.UntranslatedAugmentation(name)
    assert torch.equal(module.eval()(torch.ones(1, 3, 2, 2)), torch.ones(1, 3, 2, 2))
    with pytest.raises(NotImplementedError, match=name):
        module.train()(torch.ones(1, 3, 2, 2))
    rule = bind(name, RARE[name])
    assert rule.remark[0] == "KT208"
    assert bind("RandomFlip", {}).remark is None


MODES = [
    (f, i) for f in ("reflect", "wrap", "constant", "nearest") for i in ("bilinear", "nearest")
]


@pytest.mark.parametrize(("fill_mode", "interpolation"), MODES)
def test_affine_transforms(fill_mode: str, interpolation: str) -> None:
    settings = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": 0.25}
    random = np.random.default_rng(2)
    x, sizes = channels_first(PICTURES), (5, 7)
    angle = random.uniform(-180, 180, 4).astype("float32")
    rows, columns = random.uniform(0.2, 3.5, (2, 4)).astype("float32")
    moved = random.uniform(-15, 15, (4, 2)).astype("float32")
    layer = keras.layers.RandomRotation(0.5, **settings)
    zeros, ones = tf.zeros(4), tf.ones(4)
    matrix = layer._compute_affine_matrix(
        0.5, 0.5, tf.constant(angle), zeros, zeros, ones, zeros, zeros, *sizes
    )
    zooms = {"width_zoom": columns[:, None], "height_zoom": rows[:, None]}
    cases = [
        (
            layer.transform_images(PICTURES, {"rotation_matrix": matrix}),
            support.rotation_matrix(torch.from_numpy(angle) * math.pi / 180, *sizes),
        ),
        (
            keras.layers.RandomZoom(0.5, **settings).transform_images(PICTURES, zooms),
            support.zoom_matrix(torch.from_numpy(rows), torch.from_numpy(columns), *sizes),
        ),
        (
            keras.layers.RandomTranslation(0.5, 0.5, **settings).transform_images(
                PICTURES, {"translations": tf.constant(moved)}
            ),
            support.translation_matrix(*torch.from_numpy(moved.T[::-1].copy())),
        ),
    ]
    for theirs, ours in cases:
        got = support.affine_transform(x, ours, **settings)
        close(got.permute(0, 2, 3, 1), theirs, fill_mode, 2e-5)


def test_draws() -> None:
    """The range of what is drawn, of enough pictures, against Keras's own."""
    torch.manual_seed(0)
    x = torch.rand(4000, 1, 2, 3)
    images = x.permute(0, 2, 3, 1).numpy()
    rotated = support.RandomRotation((-0.1, 0.3)).matrices(x)
    theirs = keras.layers.RandomRotation((-0.1, 0.3)).get_random_transformation(images)
    angle = torch.atan2(rotated[:, 1, 0], rotated[:, 0, 0]) * 180 / math.pi
    same_range(angle, theirs["angle"])
    zoomed = support.RandomZoom((0.1, 0.4), 0.2).matrices(x)
    theirs = keras.layers.RandomZoom((0.1, 0.4), 0.2).get_random_transformation(images)
    same_range(zoomed[:, 1, 1], theirs["height_zoom"])
    same_range(zoomed[:, 0, 0], theirs["width_zoom"])
    alike = support.RandomZoom(0.4).matrices(x)
    assert torch.equal(alike[:, 0, 0], alike[:, 1, 1])
    shifted = support.RandomTranslation(0.5, (0.1, 0.2)).matrices(x)
    theirs = keras.layers.RandomTranslation(0.5, (0.1, 0.2)).get_random_transformation(images)
    same_range(-shifted[:, 0, 2], theirs["translations"][:, 0])
    same_range(-shifted[:, 1, 2], theirs["translations"][:, 1])


def same_range(ours: Tensor, theirs: Any) -> None:
    theirs = np.asarray(theirs)
    width = float(theirs.max() - theirs.min())
    for reduce in ("min", "max", "mean"):
        got = float(getattr(ours, reduce)())
        assert got == pytest.approx(float(getattr(theirs, reduce)()), abs=0.03 * width)


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_flip(mode: str) -> None:
    torch.manual_seed(0)
    x = torch.arange(6.0).view(1, 1, 2, 3).repeat(400, 1, 1, 1)
    ours = support.RandomFlip(mode)(x)
    theirs = keras.layers.RandomFlip(mode)(x.permute(0, 2, 3, 1).numpy(), training=True)
    different = [
        np.unique(np.asarray(y).reshape(400, 6), axis=0) for y in (ours.numpy(), theirs.numpy())
    ]
    np.testing.assert_array_equal(*different)
    assert len(different[0]) == 2
    assert 0.4 < (ours == x).flatten(1).all(1).float().mean() < 0.6


@pytest.mark.parametrize("factor", [0.3, (0.1, 0.4), (-0.2, 0.3)])
def test_colors(factor: Any) -> None:
    torch.manual_seed(0)
    picture = torch.tensor([[0.2, 0.3, 0.4], [0.5, 0.4, 0.3]])
    x = picture.repeat(4000, 1, 1, 1)
    images = x.permute(0, 2, 3, 1).numpy()
    for name in ("RandomBrightness", "RandomContrast"):
        ours = getattr(support, name)(factor, (0.1, 0.9))(x)
        theirs = getattr(keras.layers, name)(factor, (0.1, 0.9))(images, training=True)
        for row, column in ((0, 0), (1, 0), (1, 2)):
            same_range(ours[:, 0, row, column], theirs[:, row, column, 0])
    low, high = keras.layers.RandomContrast(factor).factor
    contrast = tf.reshape(tf.linspace(1.0 - low, 1.0 + high, len(x)), (-1, 1, 1, 1))
    theirs = keras.layers.RandomContrast(factor, (0.1, 0.9)).transform_images(
        tf.constant(images), {"contrast_factor": tf.cast(contrast, "float32")}
    )
    ours = support.RandomContrast(factor, (0.1, 0.9))(x)
    same_range(ours.amax((1, 2, 3)), np.max(theirs, (1, 2, 3)))


@pytest.mark.parametrize("size", [(3, 3), (5, 7), (4, 7), (6, 9), (9, 3), (2, 8)])
def test_crop(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer, ours = keras.layers.RandomCrop(*size), support.RandomCrop(*size)
    x = channels_first(PICTURES)
    if size == (3, 3):
        found = set()
        for _ in range(60):
            crop = ours(x)
            places = [
                (top, left)
                for top in range(3)
                for left in range(5)
                if torch.equal(x[:, :, top : top + 3, left : left + 3], crop)
            ]
            assert len(places) == 1
            found |= set(places)
        assert len(found) > 8
        return
    theirs = layer(PICTURES, training=True)
    close(ours(x).permute(0, 2, 3, 1), theirs, "crop", 1e-6)
    assert torch.equal(ours.eval()(x), x)


@pytest.mark.parametrize("size", [(3, 3), (5, 7), (9, 3), (2, 8)])
def test_crop_of_keras_2(size: tuple[int, int]) -> None:
    layer, ours = tf_keras.layers.RandomCrop(*size), support.ResizingCrop(*size)
    x = channels_first(PICTURES)
    close(ours.eval()(x).permute(0, 2, 3, 1), layer(PICTURES, training=False), "inference", 1e-6)
    crop = ours.train()(x)
    assert crop.shape[2:] == size
    if size == (9, 3):
        close(crop.permute(0, 2, 3, 1), layer(PICTURES, training=True), "too large", 1e-6)


def test_keras_2() -> None:
    x = Described((None, 20, 30, 3), layout=Layout.FIRST)
    texts = {
        "RandomFlip": "nn.Sequential(RandomFlip('horizontal'), RandomFlip('vertical'))",
        "RandomCrop": "ResizingCrop(5, 7)",
        "RandomContrast": "RandomContrast((0.2, 0.2))",
    }
    for name, text in texts.items():
        assert str(bind(name, TRANSLATED[name], "2").module(x)) == text


def test_heights_and_widths_of_keras_2() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 20, 30)
    assert support.RandomHeight((0.5, 0.5))(x).shape == (2, 3, 30, 30)
    assert support.RandomWidth((0.5, 0.5), mode="nearest-exact")(x).shape == (2, 3, 20, 45)
    assert torch.equal(support.RandomWidth(0.5).eval()(x), x)
    tensor = Described((None, 20, 30, 3), layout=Layout.FIRST)
    rule = bind("RandomWidth", {"factor": 0.2, "interpolation": "nearest"}, "2")
    assert rule.outputs(tensor)[0].shape == (None, 20, None, 3)
    assert str(rule.module(tensor)) == "RandomWidth(0.2, mode='nearest-exact')"
    assert bind("RandomHeight", {"factor": 0.2}).outputs(tensor)[0].shape == (None, None, 30, 3)


def test_texts() -> None:
    x = Described((None, 20, 30, 3), layout=Layout.FIRST)
    texts = [
        (("RandomFlip", {}), "RandomFlip()"),
        (("RandomFlip", {"mode": "horizontal", "seed": 3}), "RandomFlip('horizontal')"),
        (("RandomRotation", {"factor": [0.1, 0.2]}), "RandomRotation((0.1, 0.2))"),
        (("RandomZoom", {"height_factor": 0.1}), "RandomZoom(0.1)"),
        (
            ("RandomZoom", {"args": (0.1, 0.2, "constant"), "bounding_box_format": "xyxy"}),
            "RandomZoom(0.1, 0.2, fill_mode='constant')",
        ),
        (
            ("RandomContrast", {"factor": 0.1, "value_range": (0, 1)}),
            "RandomContrast(0.1, value_range=(0, 1))",
        ),
        (("RandomCrop", {"height": 8, "width": 9}), "RandomCrop(8, 9)"),
        (("RandomHue", {"factor": 0.1}), "UntranslatedAugmentation('RandomHue')"),
    ]
    for (name, kwargs), text in texts:
        rule = bind(name, kwargs)
        assert str(rule.module(x)) == text
    assert bind("RandomCrop", {"height": 8, "width": 9}).outputs(x)[0].shape == (None, 8, 9, 3)
    first = bind("RandomContrast", {"factor": 0.1, "data_format": "channels_first"})
    assert first.wants(x) == [Layout.LAST]


def test_refused() -> None:
    rejects("RandomRotation", {"factor": 0.2, "fill_mode": "mirror"})
    rejects("RandomFlip", {"mode": "sideways"})
    rejects("RandomZoom", {"height_factor": 2.0}, code="KT204")
    rejects("RandomRotation", {"factor": 0.2}, (2, 3), code="KT204")
