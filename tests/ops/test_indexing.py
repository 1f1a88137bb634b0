"""Indexing, slices, gathering and scattering, against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import bools, check, ints

CASES: list[Any] = [
    ("x[:, 0]", (2, 3, 4, 5)),
    ("x[..., 0]", (2, 3, 4, 5)),
    ("x[..., 1:3]", (2, 3, 4, 5)),
    ("x[:, 1:, :-1, :]", (2, 3, 4, 5)),
    ("x[:, 1:, :-1]", (2, 3, 4, 5)),
    ("x[0]", (2, 3, 4, 5)),
    ("x[:, -1, :]", (2, 3, 4)),
    ("x[:, ::-1]", (2, 3, 4)),
    ("x[..., ::-1]", (2, 3, 4, 5)),
    ("x[:, ::2, ::2]", (2, 5, 4, 3)),
    ("x[:, 3:0:-2]", (2, 5, 4, 3)),
    ("x[:, None]", (2, 3)),
    ("x[:, tf.newaxis, :, tf.newaxis]", (2, 3)),
    ("x[:, None, ..., 1]", (2, 3, 4, 5)),
    ("x[:, :, 0, 1]", (2, 3, 4, 5)),
    ("x[0, :, 0, 1]", (2, 3, 4, 5)),
    ("x[:, 1:1+2]", (2, 5, 3)),
    ("x[:, -2:]", (2, 5, 3)),
    ("x[..., tf.newaxis]", (2, 5, 3)),
    ("ops.slice(x, (0, 1, 0), (2, 2, 3))", (2, 4, 3)),
    ("tf.slice(x, [0, 1, 0], [-1, 2, -1])", (2, 4, 3)),
    ("tf.slice(x, begin=[0, 1, 0, 0], size=[-1, 2, -1, 2])", (2, 4, 3, 5)),
    ("tf.strided_slice(x, [0, 1], [2, 3], [1, 2])", (2, 4, 3)),
    ("-x[:, 1] + x[:, 0]", (2, 4, 3)),
    ("x[:, tf.shape(x)[1] // 2]", (2, 4, 3)),
    ("ops.take(x, [0, 2], axis=1)", (2, 3, 4)),
    ("ops.take(x, y, axis=1)", (2, 3, 4), ints(2, 2, low=0, high=3)),
    ("ops.take(x, 1, axis=-1)", (2, 3, 4, 5)),
    ("ops.take(x, y)", (2, 3, 4), ints(5, low=0, high=9)),
    ("ops.take(x, [-1], axis=0)", (2, 3)),
    ("ops.take(x, y, axis=-1)", (2, 3, 4), ints(5, low=0, high=3)),
    ("tf.gather(x, y)", (5, 3), ints(2, 4, low=0, high=5)),
    ("tf.gather(x, y, axis=1)", (2, 3, 4), ints(2, low=0, high=3)),
    ("tf.gather(x, [1, 0], axis=-1)", (2, 3, 4)),
    ("tf.gather(x, y, batch_dims=1)", (2, 3, 4), ints(2, 5, low=0, high=3)),
    ("tf.gather(x, y, axis=1, batch_dims=1)", (2, 3, 4), ints(2, low=0, high=3)),
    ("tf.gather(x, y, axis=2, batch_dims=1)", (2, 3, 4, 5), ints(2, 3, 2, low=0, high=4)),
    ("tf.gather(x, y, axis=2, batch_dims=2)", (2, 3, 4, 5), ints(2, 3, low=0, high=4)),
    ("K.gather(x, y)", (5, 3), ints(2, 4, low=0, high=5)),
    ("tf.gather_nd(x, [[0, 1], [1, 2]])", (2, 3, 4)),
    ("tf.gather_nd(x, y)", (2, 3, 4), ints(3, 4, 2, low=0, high=2)),
    ("tf.gather_nd(x, y, batch_dims=1)", (2, 3, 4), ints(2, 4, 1, low=0, high=3)),
    ("ops.take_along_axis(x, y, axis=1)", (2, 3, 4), ints(2, 2, 4, low=0, high=3)),
    ("ops.take_along_axis(x, ops.argmax(x, axis=-1, keepdims=True), axis=-1)", (2, 3, 4)),
    ("tf.boolean_mask(x, y)", (4, 3), bools(4)),
    ("tf.boolean_mask(x, x > 0)", (4, 3)),
    ("tf.boolean_mask(x, y, axis=1)", (2, 4, 3), bools(4)),
    ("ops.scatter_update(x, [[0], [2]], [1.0, 2.0])", (4,)),
    ("ops.scatter_update(x, y, z)", (4, 3), np.array([[0], [2]]), (2, 3)),
    ('ops.scatter_update(x, y, z, reduction="add")', (4,), np.array([[0], [2], [0]]), (3,)),
    ('ops.scatter_update(x, y, z, reduction="max")', (4,), np.array([[0], [2], [0]]), (3,)),
    ('ops.scatter_update(x, y, z, reduction="mul")', (4,), np.array([[0], [2], [1]]), (3,)),
    ("tf.tensor_scatter_nd_update(x, y, z)", (4,), np.array([[0], [2]]), (2,)),
    ("tf.tensor_scatter_nd_add(x, y, z)", (4, 3), np.array([[0], [2], [0]]), (3, 3)),
    ("tf.tensor_scatter_nd_sub(x, y, z)", (4, 3), np.array([[0], [2], [0]]), (3, 3)),
    ("tf.tensor_scatter_nd_max(x, y, z)", (4, 3), np.array([[0], [2], [0]]), (3, 3)),
    ("ops.scatter(y, x, (4,))", (3,), np.array([[0], [2], [0]])),
    ("tf.scatter_nd(y, x, [4, 3])", (3, 3), np.array([[0], [2], [0]])),
    ("ops.digitize(x, [-1.0, 0.0, 1.0])", (7,)),
    ("ops.unravel_index(x, (3, 4))", ints(5, low=0, high=12)),
    ("x[:, tf.constant(1)]", (2, 3)),
    ("x[x > 0]", (2, 3)),
]


# What Keras cannot do either where sizes are open.
KNOWN = {
    "tf.gather_nd(x, y)",
    "tf.gather_nd(x, y, batch_dims=1)",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    sizes = ("known", "symbolic") if text in KNOWN else ("known", "symbolic", "open")
    check(text, *given, sizes=sizes)
