"""Filters over pictures, against Keras and TensorFlow."""

from __future__ import annotations

import pytest

from tests.ops.harness import check, floats, unit

X = (2, 12, 13, 3)
NEIGHBOURS = [
    ("ops.unfold(x, 3)", (2, 3, 6, 7)),
    ("ops.unfold(x, (2, 3), padding=1, stride=2)", (2, 3, 6, 7)),
    ("ops.unfold(x, 2, dilation=2)", (2, 3, 6, 7)),
    ("ops.fold(x, (4, 5), 2)", (2, 12, 12)),
    ("ops.fold(x, (4, 4), (2, 2), stride=2)", (2, 12, 4)),
]
FILTERS = [
    "ops.image.gaussian_blur(x)",
    "ops.image.gaussian_blur(x, kernel_size=(3, 5), sigma=(1.0, 2.0))",
    "tf.image.sobel_edges(x)",
    "tf.image.image_gradients(x)",
    "tf.image.ssim(x, x * 0.8, max_val=1.0)",
    "tf.image.ssim(x, x * 0.8, max_val=2.0, filter_size=5, filter_sigma=1.0)",
]


@pytest.mark.parametrize(("text", "shape"), NEIGHBOURS)
def test_neighbourhoods(text: str, shape: tuple) -> None:
    x = floats(*shape)
    fixed = "fold(x, (" in text  # Keras asks for the number of pictures
    check(text, x, sizes=("known",), gradient=not fixed, layouts=True)


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text: str) -> None:
    x = ((unit(*X) + 1) / 2).astype("float32")
    check(text, x, sizes=("known",), tolerance=1e-5, gradient=False)


def test_atrous() -> None:
    text = "tf.nn.atrous_conv2d(x, y, 2, 'SAME')"
    check(text, X, (3, 3, 3, 4), sizes=("known",), gradient=False, tolerance=1e-10)
