"""Sorting, picking the best, and sums by segments."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import check, floats, ints, rejects

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


IDS = np.array([0, 2, 2, 0, 3], "int32")


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod"])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 3)])
def test_segments(name: str, shape: tuple) -> None:
    check(
        f"ops.segment_{name}(x, y, num_segments=5)",
        shape,
        IDS,
        sizes=("known",),
        gradient=name != "prod",
    )
    check(
        f"tf.math.unsorted_segment_{name}(x, y, 4)",
        shape,
        IDS,
        sizes=("known",),
        gradient=name != "prod",
    )


def test_segment_mean() -> None:
    check("tf.math.unsorted_segment_mean(x, y, 4)", (5, 3), IDS, sizes=("known",))
    check(
        "ops.segment_sum(x, y, num_segments=3)", (5, 2), ints(5, low=-1, high=3), sizes=("known",)
    )


def test_segments_of_whole_numbers() -> None:
    x = ints(5, 3)
    check("tf.math.unsorted_segment_max(x, y, 4)", x, IDS, sizes=("known",))
    check("ops.segment_sum(x, y, num_segments=4)", x, IDS, sizes=("known",))


def test_refused() -> None:
    assert "depends on the data" in rejects("tf.unique(x)", (5,))
    assert "num_segments" in rejects("ops.segment_sum(x, y)", (5,), (5,))
