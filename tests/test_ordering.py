"""``sorted``, ``min`` and ``max`` of settings: in the order of the sample, and for no other arguments than have it."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

TEXT = """
import keras
from keras import layers

def aligned(shape):
    axis, channels = min(enumerate(shape), key=lambda pair: pair[1])
    return [*[d for i, d in enumerate(shape) if i != axis], channels]

def build(shape=(9, 8, 3), units=(4, 9, 6)):
    x = inputs = keras.Input(aligned(shape))
    for u in {order}:
        x = layers.Dense(u)(x)
    return keras.Model(inputs, layers.Dense(max(units, key=lambda n: abs(n - 5)))(x))
"""
ORDERS = {
    "by a key": ("sorted(units, key=lambda n: -n)", "units=(2, 11, 7)", "units=(7, 11, 2)"),
    "backwards": ("sorted(units, reverse=True)", "units=(2, 11, 7)", "units=(7, 11, 2)"),
    "of two": ("sorted([units[0], units[1]])", "units=(2, 11, 7)", "units=(12, 11, 7)"),
    "of another shape": ("units", "(8, 6, 2)", "(2, 8, 6)"),
}


@pytest.mark.parametrize(("order", "alike", "other"), ORDERS.values(), ids=ORDERS)
def test_in_the_order_of_the_sample(float64: None, order: str, alike: str, other: str) -> None:
    pair = Pair(TEXT.format(order=order))
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", f"build({alike})", alike)
    with pytest.raises(NotImplementedError, match="translated for"):
        eval(f"build({other})", vars(pair.torch))
