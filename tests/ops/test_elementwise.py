"""Functions of every element, against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import check, ints, positive, unit

CASES: list[Any] = [
    ("ops.exp(x)", (2, 3, 4, 5)),
    ("K.exp(x)", (2, 3)),
    ("tf.math.log(x)", positive(2, 3, 4)),
    ("ops.log1p(x)", positive(2, 3, 4)),
    ("ops.exp2(x)", (2, 3)),
    ("ops.log2(x)", positive(2, 3, 4)),
    ("ops.sqrt(x)", positive(2, 3, 4)),
    ("ops.sqrt(x)", ints(2, 3, low=1)),
    ("tf.sqrt(x)", positive(2, 3, 4)),
    ("K.sqrt(x)", positive(2, 3, 4)),
    ("K.sqrt(x*1.0)", (2, 3)),
    ("ops.rsqrt(x)", positive(2, 3)),
    ("tf.math.rsqrt(x)", positive(2, 3)),
    ("ops.reciprocal(x)", positive(2, 3)),
    ("ops.arcsin(x)", unit(2, 3)),
    ("ops.arctanh(x)", unit(2, 3)),
    ("ops.arccosh(x)", positive(2, 3) + 1),
    ("tf.math.lgamma(x)", positive(2, 3)),
    ("ops.erfinv(x)", unit(2, 3)),
    ("ops.erf(x)", (2, 3)),
    ("ops.i0(x)", (2, 3)),
    ("ops.sinc(x)", (2, 3)),
    ("ops.deg2rad(x)", (2, 3)),
    ("ops.negative(x)", ints(2, 3)),
    ("ops.square(x)", ints(2, 3)),
    ("ops.abs(x)", ints(2, 3)),
    ("ops.absolute(x)", (2, 3, 4, 5)),
    ("ops.cbrt(x)", (2, 3)),
    ("ops.floor(x)", (2, 3)),
    ("ops.floor(x)", ints(2, 3)),
    ("ops.ceil(x)", ints(2, 3)),
    ("ops.trunc(x)", ints(2, 3)),
    ("ops.round(x)", ints(2, 3)),
    ("ops.round(x*3)", (2, 3)),
    ("ops.round(x,decimals=2)", (2, 3)),
    ("tf.round(x*3)", (2, 3)),
    ("K.round(x*3)", (2, 3)),
    ("ops.sign(x)", (2, 3)),
    ("ops.sign(x)", ints(2, 3)),
    ("ops.signbit(x)", (2, 3)),
    ("ops.isnan(x/0.0)", (2, 3)),
    ("tf.math.is_nan(x)", (2, 3)),
    ("ops.isinf(x/0.0)", (2, 3)),
    ("ops.isfinite(x)", (2, 3)),
    ("ops.isposinf(x/0.0)", (2, 3)),
    ("ops.nan_to_num(x)", np.array([1.0, np.nan, np.inf])),
    ("ops.nan_to_num(x, nan=2.0, posinf=3.0)", np.array([1.0, np.nan, np.inf])),
    ("ops.clip(x, -0.5, 0.5)", (2, 3, 4, 5)),
    ("K.clip(x, -0.5, 0.5)", (2, 3, 4, 5)),
    ("tf.clip_by_value(x, -0.5, 0.5)", (2, 3, 4, 5)),
    ("tf.clip_by_value(x, clip_value_min=-0.5, clip_value_max=0.5)", (2, 3, 4, 5)),
    ("ops.clip(x, 0, 3)", ints(2, 3)),
    ("ops.clip(x, y, 3.0)", (2, 3), (3,)),
    ("ops.clip(x, y, z)", (2, 3), (3,), (1,)),
    ("x / tf.sqrt(tf.cast(tf.shape(x)[-1], tf.float32))", (2, 3)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_in_keras(case: Any) -> None:
    text, *given = case
    check(text, *given, sizes=("known", "symbolic", "open"))
