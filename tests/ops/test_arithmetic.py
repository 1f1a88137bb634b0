"""Arithmetic, comparisons, logic and choices, against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import bools, check, ints, positive

CASES: list[Any] = [
    ("x + y", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("x + y", (2, 3, 4, 5), (5,)),
    ("x * [1.0, 2.0, 0.1, 4.0, 5.0]", (2, 3, 4, 5)),
    ("x - y", (2, 3, 4, 5), (4, 5)),
    ("x - y", (2, 3, 4, 5), (2, 1, 1, 5)),
    ("x / y", (2, 3), (3,)),
    ("ops.divide(x, y)", ints(2, 3), ints(3, low=1)),
    ("ops.floor_divide(x, y)", ints(2, 3), ints(3, low=1)),
    ("ops.mod(x, y)", ints(2, 3), ints(3, low=1)),
    ("x % 3", ints(2, 3)),
    ("x // 3", ints(2, 3)),
    ("x ** 2", (2, 3)),
    ("2.0 ** x", (2, 3)),
    ("-x", (2, 3, 4, 5)),
    ("-x + 1.0", (2, 3, 4, 5)),
    ("1 - x", (2, 3, 4, 5)),
    ("x < y", (2, 3), (3,)),
    ("x > 0.5", (2, 3, 4, 5)),
    ("x == y", ints(2, 3), ints(2, 3)),
    ("(x > 0) & (y > 0)", (2, 3), (3,)),
    ("(x > 0) | (y > 0)", (2, 3), (3,)),
    ("x is None", (2, 3)),
    ("x is not None", (2, 3)),
    ("ops.power(x, y)", positive(2, 3), (3,)),
    ("ops.maximum(x, y)", (2, 3), (3,)),
    ("ops.maximum(x, 0.2)", (2, 3, 4, 5)),
    ("K.maximum(0.0, x)", (2, 3, 4, 5)),
    ("tf.minimum(x, 0)", ints(2, 3)),
    ("tf.add_n([x, y, x])", (2, 3), (2, 3)),
    ("tf.math.squared_difference(x, y)", (2, 3), (3,)),
    ("ops.divide_no_nan(x, y)", (2, 3), np.array([0.0, 1.0, 2.0])),
    ("tf.math.divide_no_nan(x, y)", (2, 3), np.array([0.0, 1.0, 2.0])),
    ("ops.arctan2(x, y)", (2, 3), (3,)),
    ("tf.math.atan2(y=x, x=y)", (2, 3), (3,)),
    ("ops.hypot(x, y)", (2, 3), (3,)),
    ("ops.logaddexp(x, y)", (2, 3), (3,)),
    ("ops.fmod(x, y)", ints(2, 3), ints(3, low=1)),
    ("tf.truncatemod(x, y)", ints(2, 3), ints(3, low=1)),
    ("ops.gcd(x, y)", ints(2, 3), ints(3, low=1)),
    ("ops.where(x > 0, x, 0.0)", (2, 3, 4, 5)),
    ("tf.where(x > 0, x, y)", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("ops.where(x > 0, 1.0, 0.0)", (2, 3)),
    ("ops.where(x > 0, 1, 0)", (2, 3)),
    ("ops.where(x)", (2, 3)),
    ("tf.where(x > 0.0)", (2, 3)),
    ("tf.where(tf.equal(x, 0), tf.ones_like(y), y)", ints(2, 3), (2, 3)),
    ("ops.logical_and(x, y)", bools(2, 3), ints(2, 3)),
    ("ops.logical_not(x)", bools(2, 3)),
    ("ops.logical_xor(x, y)", bools(2, 3), bools(2, 3, seed=3)),
    ("ops.isclose(x, y)", (2, 3), (2, 3)),
    ("ops.allclose(x, x)", (2, 3)),
    ("ops.isin(x, [1, 2])", ints(2, 3)),
    ("ops.bitwise_and(x, y)", ints(2, 3), ints(2, 3, seed=3)),
    ("ops.left_shift(x, 2)", ints(2, 3)),
    ("K.equal(x, 0)", ints(2, 3)),
    ("ops.not_equal(x, 0)", ints(2, 3)),
    ("K.pow(x, 3)", (2, 3)),
    ("tf.pow(x, 2)", (2, 3)),
    ("K.bias_add(x, y)", (2, 3, 4), (4,)),
    ("ops.select([x > 0, x > 1], [x, 2*x], 5.0)", (2, 3)),
    ("ops.nextafter(x, y)", (2, 3), (2, 3)),
    ("tf.truncatediv(x, y)", ints(2, 3), ints(3, low=1)),
    ("tf.math.xdivy(x, y)", np.array([0.0, 1.0]), np.array([0.0, 2.0])),
    ("tf.math.reciprocal_no_nan(x)", np.array([0.0, 2.0])),
    ("tf.nn.bias_add(x, y)", (2, 3, 4, 5), (5,)),
    ("tf.multiply(x, y, 'named')", (2, 3), (3,)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    check(text, *given, sizes=("known", "symbolic", "open"))


@pytest.mark.parametrize(
    "case",
    [
        ("ops.heaviside(x, 0.5)", (2, 3)),
        ("tf.math.digamma(x)", positive(2, 3)),
        ("tf.math.xlogy(x, y)", np.array([0.0, 1.0, 2.0]), positive(3)),
        ("ops.slice_update(x, (0, 1), y)", (4, 3), (2, 2)),
        ("ops.nextafter(x, y)", (2, 3), (2, 3)),
    ],
    ids=lambda case: case[0],
)
def test_values_where_gradients_are_not_the_same(case: Any) -> None:
    """A gradient is missing in Keras, has fewer digits there, or is another at a single point."""
    text, *given = case
    check(text, *given, gradient=False)
