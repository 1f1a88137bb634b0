"""Expressions of several operations, as models have them, against Keras."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import check, ints, positive

CASES: list[Any] = [
    ("x * tf.constant([1, 2, 3], dtype=tf.float32)", (2, 3)),
    ("x * tf.constant([[1], [2]], dtype=tf.float32)", (2, 3)),
    ("tf.cast(tf.constant([1, 2, 3]), tf.float32) * x", (2, 3)),
    ("x + tf.constant([1, 2, 3], dtype=tf.int64)", ints(2, 3, dtype="int64")),
    ("tf.cast([1, 2, 3], tf.float32)", (2, 3)),
    ("tf.constant(True) & (x > 0)", (2, 3)),
    ("tf.concat([x, tf.zeros([tf.shape(x)[0], 2], dtype=tf.float32)], axis=1)", (2, 3)),
    ("tf.concat([tf.ones_like(x[:, :1]), x], 1)", (2, 3)),
    ("tf.where(x > 0, x, tf.zeros_like(x))", (2, 3, 4, 5)),
    ("x[:, 0:1] * y[..., None]", (2, 3, 4), (2, 1)),
    ("tf.reduce_mean(tf.square(x - y))", (2, 3), (2, 3)),
    (
        "tf.reduce_sum(x * tf.expand_dims(y, -1), axis=1) / tf.reduce_sum(y, axis=1, keepdims=True)",
        (2, 3, 4),
        positive(2, 3),
    ),
    ('K.sum(K.cast(K.equal(x, y), "float32"))', ints(2, 3), ints(2, 3, seed=2)),
    ("tf.math.reduce_max(x, -1, keepdims=True)", (2, 3, 4)),
    ("K.permute_dimensions(K.expand_dims(x, 1), (0, 2, 1, 3))", (2, 3, 4)),
    (
        "tf.transpose(tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1], 2, 3)), [0, 2, 1, 3])",
        (2, 4, 6),
    ),
    ("tf.range(0, 10, 2, dtype=tf.float32) / 3.0", (2,)),
    ("1.0 / tf.pow(10000.0, tf.range(0, 4, dtype=tf.float32) / 4.0)", (2,)),
    ("tf.range(4)[:, None] >= tf.range(4)", (2,)),
    ("tf.cast(tf.range(4)[:, None] >= tf.range(4) - 2, tf.float32)", (2,)),
    ("tf.abs(x) + tf.sign(x) * tf.exp(-x)", (2, 3)),
    ("tf.tile(tf.expand_dims(tf.range(3), 0), [tf.shape(x)[0], 1])", (2, 3)),
    ("tf.reduce_mean(x, axis=-1)[:, tf.newaxis]", (2, 3)),
    ("tf.sqrt(tf.reduce_sum(tf.square(x), axis=[1, 2, 3]))", (2, 3, 4, 5)),
    (
        "tf.maximum(tf.reduce_sum(tf.square(x - y), axis=1, keepdims=True), K.epsilon())",
        (2, 3),
        (2, 3),
    ),
    (
        'ops.mean(ops.cast(ops.equal(ops.argmax(x, axis=-1), y), "float32"))',
        (4, 3),
        ints(4, low=0, high=3, dtype="int32"),
    ),
    ("ops.broadcast_to(ops.expand_dims(x, 1), (ops.shape(x)[0], 5, ops.shape(x)[1]))", (2, 3)),
    ("tf.stack([x[:, 0], x[:, 1]], axis=-1)", (2, 3)),
    ("tf.stack([tf.reduce_sum(x), tf.reduce_mean(x)])", (2, 3)),
    ("tf.shape(x)[1:3] // 2", (2, 4, 6, 3)),
    ("x[:, : tf.shape(x)[1] - 1] - x[:, 1:]", (2, 4)),
    ("x[:, tf.shape(x)[1] // 2 :, ::2]", (2, 4, 6, 3)),
    ("tf.gather(x, tf.range(1, 3), axis=1)", (2, 4)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    check(text, *given, sizes=("known", "symbolic", "open"))
