"""Sums by segments, and counts of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import check, ints

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


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod"])
def test_sorted_segments(name: str) -> None:
    """As many as the last number says; one without elements holds 0, or 1 as a product."""
    ids = np.array([0, 0, 2, 3, 3], "int32")
    check(f"tf.math.segment_{name}(x, y)", (5, 3), ids, gradient=name != "prod")


@pytest.mark.parametrize("name", ["sum", "max", "min", "prod"])
def test_segments_that_the_numbers_count(name: str) -> None:
    ids = np.array([0, 2, 1, 0, 3], "int32")
    check(f"ops.segment_{name}(x, y)", (5, 3), ids, gradient=name != "prod")


def test_segments_of_several_axes() -> None:
    ids = np.array([[0, 2, 2], [1, 0, 3]], "int32")
    check("tf.math.unsorted_segment_sum(x, y, 4)", (2, 3, 4), ids, sizes=("known",))
    check("tf.math.unsorted_segment_max(x, y, tf.shape(x)[0] + 2)", (2, 3, 4), ids)
    check("tf.math.unsorted_segment_sum(x, y, tf.reduce_max(y) + 1)", (2, 3, 4), ids)


COUNTED = np.array([0, 2, 2, 5, 1, 2], "int32")


def test_bincount() -> None:
    for settings in ("", ", minlength=8", ", minlength=3"):
        check(f"ops.bincount(x{settings})", COUNTED)
        check(f"tf.math.bincount(x{settings})", COUNTED)
        check(f"ops.bincount(x{settings})", COUNTED.reshape(2, 3))
    check("ops.bincount(x, weights=y)", COUNTED, (6,), gradient=False)
    check("tf.math.bincount(x, y, axis=-1)", COUNTED.reshape(2, 3), (2, 3), gradient=False)
    check("tf.math.bincount(x, minlength=tf.shape(x)[0] + 2, dtype=tf.float32)", COUNTED)


def test_bincount_of_a_length() -> None:
    for shape in ((6,), (2, 3), (3, 2, 1)):
        x = COUNTED.reshape(shape)
        for settings in ("maxlength=4", "minlength=9, maxlength=9", "binary_output=True"):
            check(f"tf.math.bincount(x, {settings})", x)
        if len(shape) == 2:
            check("tf.math.bincount(x, maxlength=4, axis=-1, dtype='int64')", x)
            check("tf.math.bincount(x, axis=-1, binary_output=True)", x)
