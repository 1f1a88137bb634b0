"""Tensors joined, split and padded, against Keras."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ops.harness import check

CASES: list[Any] = [
    ("ops.concatenate([x, y])", (2, 3, 4), (1, 3, 4)),
    ("ops.concatenate([x, y], axis=-1)", (2, 3, 4, 5), (2, 3, 4, 2)),
    ("ops.concatenate([x, y], axis=1)", (2, 3, 4, 5), (2, 2, 4, 5)),
    ("tf.concat([x, y], -1)", (2, 3, 4, 5), (2, 3, 4, 2)),
    ("tf.concat(values=[x, y, x], axis=3)", (2, 3, 4, 5), (2, 3, 4, 2)),
    ("K.concatenate([x, y])", (2, 3), (2, 4)),
    ("tf.concat([x, [[1.0, 2.0, 3.0]]], 0)", (2, 3)),
    ("ops.append(x, y)", (2, 3), (2, 4)),
    ("ops.append(x, y, axis=1)", (2, 3), (2, 4)),
    ("ops.hstack([x, y])", (2, 3), (2, 4)),
    ("ops.vstack([x, y])", (2, 3), (1, 3)),
    ("ops.dstack([x, y])", (2, 3), (2, 3)),
    ("ops.stack([x, y])", (2, 3, 4), (2, 3, 4)),
    ("ops.stack([x, y], axis=-1)", (2, 3, 4), (2, 3, 4)),
    ("tf.stack([x, y], axis=1)", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("K.stack([x, y], axis=1)", (2, 3), (2, 3)),
    ("ops.unstack(x, axis=1)", (2, 3, 4)),
    ("tf.unstack(x, axis=-1)", (2, 3, 4, 5)),
    ("tf.unstack(x, num=2, axis=0)", (2, 3, 4, 5)),
    ("tf.unstack(tf.shape(x))[1]", (2, 3, 4, 5)),
    ("ops.split(x, 2, axis=1)", (2, 4, 5)),
    ("ops.split(x, [1, 3], axis=2)", (2, 4, 5)),
    ("ops.split(x, 2, axis=-1)", (2, 3, 4, 6)),
    ("tf.split(x, [1, 4], axis=2)", (2, 4, 5)),
    ("tf.split(x, [1, -1], axis=2)", (2, 4, 5)),
    ("tf.split(x, 3, axis=-1)", (2, 4, 5, 6)),
    ("tf.split(x, num_or_size_splits=2, axis=-1)", (2, 4, 6)),
    ("ops.array_split(x, 2, axis=1)", (2, 5)),
    ("ops.hsplit(x, 2)", (2, 4)),
    ("tf.split(x, 1, axis=1)[0]", (2, 4)),
    ("tf.unstack(x, axis=1)[0]", (2, 1)),
    ("ops.meshgrid(x)[0]", (3,)),
    ("ops.meshgrid(x, y)", (2,), (3,)),
    ('tf.meshgrid(x, y, indexing="ij")', (2,), (3,)),
    ("ops.pad(x, [[0, 0], [1, 2], [3, 0]])", (2, 3, 4)),
    ('ops.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], mode="reflect")', (2, 4, 6, 3)),
    ('ops.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], mode="symmetric")', (2, 4, 6, 3)),
    ('ops.pad(x, [[2, 2]], mode="symmetric")', (7,)),
    ('ops.pad(x, [[2, 2]], mode="reflect")', (7,)),
    ("tf.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]])", (2, 4, 6, 3)),
    ('tf.pad(x, tf.constant([[0, 0], [1, 2], [2, 1], [0, 0]]), "REFLECT")', (2, 4, 6, 3)),
    ('tf.pad(x, [[0, 0], [1, 2], [0, 0]], "REFLECT")', (2, 4, 6)),
    ("tf.pad(x, [[0, 0], [0, 2]], constant_values=-1.5)", (2, 4)),
    ("tf.pad(x, [[0, 0], [0, 0], [0, 0], [1, 2]])", (2, 4, 6, 3)),
    ("K.spatial_2d_padding(x, ((1, 2), (0, 1)))", (2, 4, 6, 3)),
    ("K.temporal_padding(x, (2, 0))", (2, 4, 3)),
]


# What Keras cannot do either where sizes are open.
KNOWN = {
    "ops.unstack(x, axis=1)",
    "tf.unstack(x, axis=-1)",
    "tf.unstack(x, axis=1)[0]",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    sizes = ("known", "symbolic") if text in KNOWN else ("known", "symbolic", "open")
    check(text, *given, sizes=sizes)
