"""Pictures as tf.image and keras.ops.image treat them."""

from __future__ import annotations

import numpy as np
import pytest

from kt_translate.graph.tensor import Layout, Tensor
from tests.ops.harness import check, floats, ints, rejects, unit, written

X = (2, 5, 7, 3)
COLOURS = (unit(2, 4, 5, 3) + 1) / 2
EXACT = [
    "tf.image.flip_left_right(x)",
    "tf.image.flip_up_down(x)",
    "tf.image.rot90(x)",
    "tf.image.rot90(x, k=2)",
    "tf.image.transpose(x)",
    "tf.image.crop_to_bounding_box(x, 1, 2, 3, 4)",
    "tf.image.central_crop(x, 0.5)",
    "tf.image.pad_to_bounding_box(x, 1, 2, 8, 10)",
    "tf.image.resize_with_crop_or_pad(x, 4, 10)",
    "ops.image.crop_images(x, 1, 2, 2, 1)",
    "ops.image.crop_images(x, top_cropping=1, left_cropping=2, target_height=3, target_width=3)",
    "ops.image.pad_images(x, 1, 2, 2, 1)",
    "ops.image.rgb_to_grayscale(x)",
    "tf.image.total_variation(x)",
    "ops.image.extract_patches(x, 2)",
    "ops.image.extract_patches(x, (2, 3), strides=(1, 2), padding='same')",
    "tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')",
    "tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 1, 1], [1, 2, 2, 1], 'SAME')",
    "tf.image.extract_patches(images=x, sizes=[1, 3, 3, 1], strides=[1, 3, 3, 1], rates=[1, 1, 1, 1], padding='SAME')",
]
SINGLE = [  # what TensorFlow computes in single precision
    "tf.image.resize(x, (8, 9))",
    "tf.image.resize(x, [3, 4], method='nearest')",
    "tf.image.resize(x, [3, 4], method='bicubic')",
    "tf.image.resize(x, [3, 4], antialias=True)",
    "tf.image.resize(x, [8, 9], method='area')",
    "tf.image.resize(x, [3, 4], method='lanczos3')",
    "tf.image.resize(x, size=(tf.shape(x)[1] * 2, tf.shape(x)[2] * 2), method='nearest')",
    "ops.image.resize(x, (8, 9))",
    "ops.image.resize(x, (3, 9), interpolation='nearest')",
    "tf.image.per_image_standardization(x)",
    "tf.image.adjust_contrast(x, 1.5)",
    "tf.image.adjust_brightness(x, 0.3)",
    "tf.image.rgb_to_grayscale(x)",
]
OLD = [
    "tf.image.resize_bilinear(x, (8, 9))",
    "tf.image.resize_bilinear(x, (8, 9), align_corners=True)",
    "tf.image.resize_bilinear(x, (3, 4), half_pixel_centers=True)",
    "tf.image.resize_nearest_neighbor(x, (8, 9))",
    "tf.image.resize_images(x, (3, 4))",
]


@pytest.mark.parametrize("text", EXACT)
def test_values_and_gradients(text: str) -> None:
    check(
        text,
        X,
        sizes=("known",),
        tolerance=1e-11,
        gradient="dilat" not in text and "2, 2, 1], 'SAME'" not in text,
    )


@pytest.mark.parametrize("text", [*SINGLE, *OLD])
def test_in_single_precision(text: str) -> None:
    x = floats(*X).astype("float32")
    theirs = text.replace("tf.", "tf.compat.v1.") if text in OLD else text
    check(text, x, sizes=("known",), tolerance=3e-6, gradient=False, keras_text=theirs)


COLOUR = [
    "tf.image.rgb_to_hsv(x)",
    "tf.image.hsv_to_rgb(x)",
    "ops.image.rgb_to_hsv(x)",
    "tf.image.adjust_saturation(x, 0.5)",
    "tf.image.adjust_hue(x, 0.2)",
    "tf.image.adjust_gamma(x, 2.0)",
    "tf.image.psnr(x, x * 0.9, max_val=1.0)",
]


@pytest.mark.parametrize("text", COLOUR)
def test_colours(text: str) -> None:
    check(text, COLOURS.astype("float32"), sizes=("known",), tolerance=3e-6, gradient=False)


def test_one_picture() -> None:
    check("tf.image.flip_left_right(x)", (5, 7, 3), sizes=("open",))
    check("tf.image.rot90(x)", (5, 7, 3), sizes=("open",))
    code = written("tf.image.resize(x, (8, 8))", (5, 7, 3))
    assert code.startswith(
        "v0_0 = F.interpolate(x.movedim(-1, 0).unsqueeze(0), (8, 8), mode='bilinear')"
    )


def test_bytes() -> None:
    x = ints(2, 4, 5, 3, low=0, high=256, dtype="uint8")
    check(
        "tf.image.convert_image_dtype(x, tf.float32)",
        x,
        sizes=("known",),
        tolerance=1e-6,
        keras_text="tf.image.convert_image_dtype(x, tf.float64)",
    )
    check("tf.image.grayscale_to_rgb(x)", x[..., :1], sizes=("known",))


def test_code() -> None:
    x = Tensor((None, 8, 8, 3), layout=Layout.FIRST)
    assert written("tf.image.resize(x, (16, 16))", x).startswith(
        "v0_0 = F.interpolate(x, (16, 16), mode='bilinear');"
    )
    assert written("ops.image.extract_patches(x, 4)", x).startswith(
        "v0_0 = extract_patches(x, (4, 4), (4, 4));"
    )


def test_refused() -> None:
    assert "aspect" in rejects("tf.image.resize(x, (4, 4), preserve_aspect_ratio=True)", X)
    assert "mitchell" in rejects("tf.image.resize(x, (4, 4), method='mitchellcubic')", X)
    assert np.isfinite(COLOURS).all()
