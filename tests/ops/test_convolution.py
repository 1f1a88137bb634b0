"""Convolutions and pooling as functions, against Keras and TensorFlow."""

from __future__ import annotations

import pytest

from kt_translate.graph.tensor import Layout, Tensor
from tests.ops.harness import check, written

X, K33, K22 = (2, 7, 6, 4), (3, 3, 4, 5), (2, 3, 4, 5)
CONVOLUTIONS = [
    ("ops.conv(x, y)", X, K33),
    ("ops.conv(x, y, 1, 'same')", X, K33),
    ("ops.conv(x, y, padding='same')", X, K22),
    ("ops.conv(x, y, strides=2, padding='same')", X, K33),
    ("ops.conv(x, y, strides=(1, 2), padding='same')", X, K22),
    ("ops.conv(x, y, dilation_rate=2, padding='same')", X, K33),
    ("ops.conv(x, y, padding='same')", X, (3, 3, 2, 6)),
    ("ops.conv(x, y)", (2, 8, 3), (3, 3, 5)),
    ("ops.conv(x, y, strides=2, padding='same')", (2, 8, 3), (3, 3, 5)),
    ("ops.conv(x, y, padding='same')", (2, 4, 5, 6, 3), (2, 3, 3, 3, 4)),
    ("K.conv2d(x, y)", X, K33),
    ("K.conv2d(x, y, strides=(2, 2), padding='same')", X, K33),
    ("K.conv1d(x, y, padding='causal')", (2, 8, 3), (3, 3, 5)),
    ("tf.nn.conv2d(x, y, strides=[1, 2, 2, 1], padding='SAME')", X, K33),
    ("tf.nn.conv2d(x, y, strides=1, padding='VALID')", X, K33),
    ("tf.nn.conv2d(x, y, 1, [[0, 0], [1, 0], [2, 1], [0, 0]])", X, K33),
    ("tf.nn.conv2d(x, filters=y, strides=1, padding='SAME', dilations=2)", X, K33),
    ("tf.nn.conv1d(x, y, stride=2, padding='SAME')", (2, 8, 3), (3, 3, 5)),
    ("ops.depthwise_conv(x, y, padding='same')", X, (3, 3, 4, 2)),
    ("ops.depthwise_conv(x, y, strides=2, padding='same')", X, (3, 2, 4, 1)),
    ("tf.nn.depthwise_conv2d(x, y, [1, 1, 1, 1], 'SAME')", X, (3, 3, 4, 2)),
    ("K.depthwise_conv2d(x, y)", X, (3, 3, 4, 2)),
    ("ops.separable_conv(x, y, z, padding='same')", X, (3, 3, 4, 2), (1, 1, 8, 3)),
    ("tf.nn.separable_conv2d(x, y, z, [1, 1, 1, 1], 'VALID')", X, (3, 3, 4, 2), (1, 1, 8, 3)),
    ("ops.conv_transpose(x, y, 2, 'same')", X, (3, 3, 5, 4)),
    ("ops.conv_transpose(x, y, 2, 'valid')", X, (3, 3, 5, 4)),
    ("ops.conv_transpose(x, y, 3, 'valid')", X, (2, 2, 5, 4)),
    ("ops.conv_transpose(x, y, 2, 'same', output_padding=1)", X, (3, 3, 5, 4)),
    ("ops.conv_transpose(x, y, 2, 'valid')", (2, 5, 3), (4, 2, 3)),
    ("tf.nn.conv2d_transpose(x, y, [2, 14, 12, 5], strides=2, padding='SAME')", X, (3, 3, 5, 4)),
    ("tf.nn.conv2d_transpose(x, y, [2, 13, 11, 5], strides=2, padding='SAME')", X, (3, 3, 5, 4)),
    ("tf.nn.conv2d_transpose(x, y, [2, 16, 14, 5], strides=2, padding='VALID')", X, (3, 3, 5, 4)),
    (
        "tf.nn.conv2d_transpose(x, y, [tf.shape(x)[0], 14, 12, 5], [1, 2, 2, 1], 'SAME')",
        X,
        (3, 3, 5, 4),
    ),
]
POOLS = [
    ("ops.max_pool(x, 2)", X),
    ("ops.max_pool(x, 3, strides=2, padding='same')", X),
    ("ops.average_pool(x, 2)", X),
    ("ops.average_pool(x, 3, strides=2, padding='same')", X),
    ("ops.average_pool(x, (2, 3), strides=1)", X),
    ("ops.max_pool(x, 2)", (2, 7, 3)),
    ("ops.average_pool(x, 2, padding='same')", (2, 7, 3)),
    ("tf.nn.max_pool(x, 2, 2, 'SAME')", X),
    ("tf.nn.max_pool2d(x, [1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID')", X),
    ("tf.nn.avg_pool2d(x, ksize=3, strides=1, padding='SAME')", X),
    ("K.pool2d(x, (2, 2))", X),
    ("K.pool2d(x, (3, 3), strides=(2, 2), padding='same', pool_mode='avg')", X),
    ("ops.adaptive_average_pool(x, (3, 2))", X),
    ("ops.adaptive_max_pool(x, 2)", X),
    ("K.spatial_2d_padding(x, ((1, 2), (0, 3)))", X),
    ("K.temporal_padding(x, (1, 2))", (2, 4, 3)),
    ("K.resize_images(x, 2, 3, 'channels_last')", X),
    ("K.resize_images(x, 2, 2, 'channels_last', interpolation='bilinear')", X),
]


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda c: f"{c[0]} {c[1]}")
def test_convolutions(case: tuple) -> None:
    text, *shapes = case
    known = ("known",) if "[2, 1" in text or "transpose" in text else ("known", "open")
    rated = "dilat" in text  # TensorFlow has no gradient of these on a CPU
    check(text, *shapes, sizes=known, tolerance=1e-11, gradient=not rated)


@pytest.mark.parametrize("case", POOLS, ids=lambda c: f"{c[0]} {c[1]}")
def test_pools(case: tuple) -> None:
    tolerance = 1e-7 if "bilinear" in case[0] or "adaptive" in case[0] else 1e-11
    check(case[0], case[1], sizes=("known",), tolerance=tolerance)


def test_channels_first() -> None:
    code = written("ops.conv(x, y, data_format='channels_first')", (None, 3, 8, 8), (3, 3, 3, 4))
    assert code == "v0_0 = F.conv2d(x, y.permute(3, 2, 0, 1)); v0_0"


def test_code() -> None:
    x = Tensor((None, 8, 8, 4), layout=Layout.FIRST)
    code = written("tf.nn.conv2d(x, y, 1, 'SAME')", x, (3, 3, 4, 5))
    assert code.startswith("v0_0 = F.conv2d(x, y.permute(3, 2, 0, 1), padding=1);")
    code = written("tf.nn.conv2d(x, y, 2, 'SAME')", x, (3, 3, 4, 5))
    assert code.startswith("v0_0 = F.conv2d(pad_same(x, 3, 2), y.permute(3, 2, 0, 1), stride=2);")
    assert written("ops.max_pool(x, 2)", x).startswith("v0_0 = F.max_pool2d(x, kernel_size=2);")
