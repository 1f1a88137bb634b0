"""Sorting and picking the best."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import check, floats, rejects

CASES = [
    "ops.sort(x)",
    "ops.sort(x, axis=1)",
    "ops.argsort(x)",
    "ops.argsort(x, axis=1)",
    "tf.sort(x, direction='DESCENDING')",
    "tf.argsort(x, axis=1, direction='DESCENDING')",
    "tf.argsort(x)",
    "ops.top_k(x, 2)",
    "tf.math.top_k(x, k=3)",
    "tf.nn.top_k(x)",
]


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5), (2, 4, 3, 5)])
def test_order(text: str, shape: tuple) -> None:
    ties = floats(*shape)
    check(text, ties, sizes=("known", "open"), gradient=False)
    different = np.random.default_rng(1).permutation(ties.size).reshape(shape) / 7.0
    check(text, different, sizes=("known",))


def test_in_top_k() -> None:
    targets = np.array([0, 3, 2, 1], "int32")
    scores = floats(4, 4)
    scores[2] = 0.5
    check("ops.in_top_k(x, y, 2)", targets, scores.astype("float32"), sizes=("known",))
    check("K.in_top_k(y, x, 1)", targets, scores.astype("float32"), sizes=("known",))


def test_searchsorted() -> None:
    x = np.sort(floats(6))
    for side in ("left", "right"):
        check(f"ops.searchsorted(x, y, side='{side}')", x, x[[0, 3, 5]], sizes=("known",))


def test_refused() -> None:
    assert "depends on the data" in rejects("tf.unique(x)", (5,))
