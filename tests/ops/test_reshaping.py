"""Shapes, and tensors in another shape or order, against Keras."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import check

CASES: list[Any] = [
    ("ops.shape(x)", (2, 3, 4)),
    ("tf.shape(x)[1]", (2, 3, 4)),
    ("tf.shape(x)[0] * 2", (2, 3, 4)),
    ("tf.shape(x)[1:3] * 2", (2, 3, 4)),
    ("K.int_shape(x)[1]", (2, 3, 4)),
    ("ops.ndim(x)", (2, 3, 4)),
    ("tf.rank(x)", (2, 3, 4)),
    ("ops.size(x)", (2, 3, 4)),
    ("ops.reshape(x, (2, -1))", (2, 3, 4, 5)),
    ("ops.reshape(x, (-1, 12, 5))", (2, 3, 4, 5)),
    ("tf.reshape(x, (tf.shape(x)[0], -1))", (2, 3, 4, 5)),
    ("tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2], 5])", (2, 3, 4, 5)),
    ("tf.reshape(x, tf.shape(y))", (2, 3, 4), (6, 4)),
    ("tf.reshape(x, [-1])", (2, 3, 4)),
    ("K.reshape(x, (-1, x.shape[1], 2, 2))", (2, 3, 4)),
    ("tf.reshape(x, tf.concat([tf.shape(x)[:-1], [2, 2]], axis=0))", (2, 3, 4)),
    ("tf.reshape(x, tf.stack([tf.shape(x)[0], 12]))", (2, 3, 4)),
    ("K.flatten(x)", (2, 3, 4, 5)),
    ("K.batch_flatten(x)", (2, 3, 4, 5)),
    ("ops.ravel(x)", (2, 3, 4, 5)),
    ("ops.expand_dims(x, -1)", (2, 3, 4)),
    ("ops.expand_dims(x, 1)", (2, 3, 4)),
    ("ops.expand_dims(x, axis=(1, -1))", (2, 3, 4)),
    ("tf.expand_dims(x, axis=1)", (2, 3)),
    ("K.expand_dims(x)", (2, 3)),
    ("ops.squeeze(x, 1)", (2, 1, 4)),
    ("ops.squeeze(x)", (2, 1, 4, 1)),
    ("tf.squeeze(x, axis=[1, 2])", (2, 1, 1, 4)),
    ("tf.squeeze(x, axis=-1)", (2, 3, 4, 1)),
    ("K.squeeze(x, 1)", (2, 1, 4)),
    ("ops.transpose(x)", (2, 3)),
    ("ops.transpose(x)", (2, 3, 4)),
    ("ops.transpose(x, (0, 2, 1))", (2, 3, 4)),
    ("tf.transpose(x, perm=[0, 3, 1, 2])", (2, 3, 4, 5)),
    ("tf.transpose(x, [0, 2, 1, 3])", (2, 3, 4, 5)),
    ("K.permute_dimensions(x, (0, 2, 3, 1))", (2, 3, 4, 5)),
    ("ops.swapaxes(x, 1, 2)", (2, 3, 4, 5)),
    ("ops.moveaxis(x, -1, 1)", (2, 3, 4, 5)),
    ("ops.moveaxis(x, (0, 1), (2, 0))", (2, 3, 4, 5)),
    ("ops.flip(x)", (2, 3, 4)),
    ("ops.flip(x, axis=1)", (2, 3, 4, 5)),
    ("tf.reverse(x, axis=[1])", (2, 3, 4)),
    ("K.reverse(x, 1)", (2, 3, 4)),
    ("ops.roll(x, 1, axis=1)", (2, 3, 4, 5)),
    ("ops.roll(x, 2)", (2, 3, 4)),
    ("tf.roll(x, shift=[1, -1], axis=[1, 2])", (2, 3, 4, 5)),
    ("ops.rot90(x, 1, axes=(1, 2))", (2, 3, 4, 5)),
    ("ops.tile(x, (2, 1, 3))", (2, 3, 4)),
    ("ops.tile(x, (1, 2, 1, 3))", (2, 3, 4, 5)),
    ("ops.tile(x, 2)", (2, 3)),
    ("tf.tile(x, [1, tf.shape(x)[1], 1])", (2, 3, 4)),
    ("tf.tile(y[None], [tf.shape(x)[0], 1, 1])", (2, 3, 4), (3, 4)),
    ("ops.repeat(x, 2, axis=1)", (2, 3, 4, 5)),
    ("ops.repeat(x, 2)", (2, 3, 4)),
    ("tf.repeat(x, [1, 2, 3], axis=1)", (2, 3, 4)),
    ("tf.repeat(x, repeats=2, axis=-1)", (2, 3, 4)),
    ("K.repeat_elements(x, 2, axis=1)", (2, 3, 4)),
    ("K.repeat(x, 3)", (2, 4)),
    ("ops.broadcast_to(x, (3, 2, 4))", (2, 4)),
    ("tf.broadcast_to(x, [tf.shape(y)[0], 2, 4])", (1, 2, 4), (3, 1)),
]


# What Keras cannot do either where sizes are open.
KNOWN = {
    "K.int_shape(x)[1]",
    "K.reshape(x, (-1, x.shape[1], 2, 2))",
    "ops.squeeze(x)",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    sizes = ("known", "symbolic") if text in KNOWN else ("known", "symbolic", "open")
    check(text, *given, sizes=sizes)
