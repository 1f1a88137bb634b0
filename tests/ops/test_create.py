"""Tensors out of nothing, types and constants, against Keras."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import bools, check, ints

CASES: list[Any] = [
    ("ops.zeros((2, 3))", (2, 3)),
    ('ops.zeros((2, 3), dtype="int32")', (2, 3)),
    ("tf.zeros([tf.shape(x)[0], 4], dtype=tf.float32)", (2, 3)),
    ("tf.zeros((tf.shape(x)[0], 4), dtype=x.dtype)", (2, 3)),
    ("ops.ones((ops.shape(x)[0], 3))", (2, 3)),
    ("tf.ones([2, 3], tf.float32)", (2, 3)),
    ("tf.ones([2, 3], tf.bool)", (2, 3)),
    ("ops.full((2, 3), 0.5)", (2, 3)),
    ('ops.full((2, 3), 3, dtype="int32")', (2, 3)),
    ("tf.fill([2, 3], 7)", (2, 3)),
    ("tf.fill(tf.shape(x), 7.0)", (2, 3)),
    ("ops.zeros_like(x)", (2, 3, 4, 5)),
    ('ops.ones_like(x, dtype="int32")', (2, 3, 4, 5)),
    ("tf.zeros_like(x)", ints(2, 3)),
    ("K.ones_like(x)", (2, 3)),
    ("ops.full_like(x, 0.5)", (2, 3, 4, 5)),
    ("ops.arange(5)", (2, 3)),
    ("ops.arange(2, 10, 3)", (2, 3)),
    ("ops.arange(0, ops.shape(x)[1])", (2, 3)),
    ('ops.arange(4, dtype="float32")', (2, 3)),
    ("ops.arange(0.0, 1.0, 0.25)", (2, 3)),
    ("tf.range(tf.shape(x)[1])", (2, 3)),
    ("tf.range(start=0, limit=6, delta=2)", (2, 3)),
    ("tf.range(tf.shape(x)[0])", (2, 3)),
    ("ops.linspace(0.0, 1.0, 5)", (2, 3)),
    ("ops.linspace(0.0, 1.0, 5, endpoint=False)", (2, 3)),
    ("tf.linspace(0.0, 1.0, 5)", (2, 3)),
    ("ops.logspace(0.0, 1.0, 5)", (2, 3)),
    ("ops.geomspace(1.0, 1000.0, 4)", (2, 3)),
    ("ops.eye(3)", (2, 3)),
    ("ops.eye(3, 4)", (2, 3)),
    ("ops.eye(3, 4, k=1)", (2, 3)),
    ("tf.eye(3, batch_shape=[2])", (2, 3)),
    ("K.eye(3)", (2, 3)),
    ("ops.tri(3, 4)", (2, 3)),
    ("ops.tril(x)", (2, 3, 4)),
    ("ops.triu(x, 1)", (2, 3, 4)),
    ("tf.sequence_mask(x, 5)", ints(4, low=0, high=5)),
    ("tf.sequence_mask(x, maxlen=5, dtype=tf.float32)", ints(4, low=0, high=5)),
    ('ops.cast(x, "float32")', ints(2, 3)),
    ('ops.cast(x, "int32")', (2, 3, 4, 5)),
    ("tf.cast(x > 0, tf.float32)", (2, 3, 4, 5)),
    ("tf.cast(x, tf.int64)", ints(2, 3)),
    ('tf.cast(x, "bool")', ints(2, 3)),
    ('K.cast(x, "float32")', bools(2, 3)),
    ("K.cast(x, K.floatx())", bools(2, 3)),
    ("K.cast(x, dtype=tf.int32)", bools(2, 3)),
    ("tf.cast(x, y.dtype)", ints(2, 3), (2, 3)),
    ('ops.saturate_cast(x * 100, "uint8")', (2, 3)),
    ("ops.convert_to_tensor(x)", (2, 3)),
    ("ops.convert_to_tensor([1.0, 2.5])", (2, 3)),
    ("x * tf.constant([1.0, 2.0, 0.1], dtype=tf.float32)", (2, 3)),
    ("tf.constant([[1, 2], [3, 4]])", (2, 3)),
    ("tf.constant(2, shape=(2, 3))", (2, 3)),
    ("tf.constant([1.0, 2.0, 3.0, 4.0], shape=(2, 2))", (2, 3)),
    ("tf.identity(x)", (2, 3)),
    ("ops.stop_gradient(x) * x", (2, 3, 4, 5)),
    ("K.stop_gradient(x)", (2, 3)),
    ("tf.convert_to_tensor([x, y])", (2, 3), (2, 3)),
    ("x / tf.sqrt(tf.cast(tf.shape(x)[-1], tf.float32))", (2, 3)),
    ("x * tf.cast(tf.shape(x)[0], tf.float32)", (2, 3)),
    ('ops.cast(ops.shape(x)[0], "float32") * x', (2, 3)),
    ("x * K.epsilon()", (2, 3)),
    ("x / tf.math.sqrt(tf.cast(x.shape[-1], tf.float32))", (2, 3)),
]


# What Keras cannot do either where sizes are open.
KNOWN = {
    "x / tf.math.sqrt(tf.cast(x.shape[-1], tf.float32))",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    sizes = ("known", "symbolic") if text in KNOWN else ("known", "symbolic", "open")
    check(text, *given, sizes=sizes)
