"""Lists and tuples of tensors that a loop hands on from turn to turn."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
from keras import Input, Model
from keras.layers import *


def dual(x, filters):
    a, b = x
    y = Conv2D(filters, 3, padding="same")(Concatenate()([a, b]))
    return [Add()([a, Conv2D(4, 1)(y)]), Concatenate()([b, y])]


"""
CASES = {
    "a block gives a list": (
        "def build(depth=4, filters=3):\n"
        "    i = Input((6, 5, 4))\n"
        "    x = [i, Conv2D(2, 1)(i)]\n"
        "    for _ in range(depth):\n"
        "        x = dual(x, filters)\n"
        "    return Model(i, Conv2D(3, 1)(Concatenate()(x)))\n",
        ["6, 5", "1"],
        True,
    ),
    "a tuple made in the loop": (
        "def build(n=3, units=5):\n"
        "    i = Input((6,))\n"
        "    pair = (Dense(units)(i), Dense(units)(i))\n"
        "    for k in range(n):\n"
        "        a, b = pair\n"
        "        pair = (Dense(units, activation='relu')(a), Add()([a, Dense(units)(b)]))\n"
        "    return Model(i, list(pair))\n",
        ["4, 2"],
        True,
    ),
    "loops over stages": (
        "def build(depths=(2, 3, 1), filters=2):\n"
        "    i = Input((6, 5, 4))\n"
        "    x = [i, i]\n"
        "    for depth in depths:\n"
        "        filters = filters * 2\n"
        "        for _ in range(depth):\n"
        "            x = dual(x, filters)\n"
        "    return Model(i, Concatenate()(x))\n",
        ["(1, 2)", "(3, 1, 1, 2), 3"],
        True,
    ),
    "one of them stays": (
        "def build(n=4):\n"
        "    i = Input((6,))\n"
        "    x = [Dense(5)(i), Dense(3)(i)]\n"
        "    for _ in range(n):\n"
        "        x = [Dense(5)(Concatenate()(x)), x[1]]\n"
        "    return Model(i, Concatenate()(x))\n",
        ["2"],
        True,
    ),
    "an item is set": (
        "def build(n=4):\n"
        "    i = Input((6,))\n"
        "    x = [Dense(5)(i), Dense(5)(i)]\n"
        "    for _ in range(n):\n"
        "        x[0] = Dense(5)(Add()(x))\n"
        "    return Model(i, x[0])\n",
        [],
        False,
    ),
    "it grows": (
        "def build(n=4):\n"
        "    i = Input((6,))\n"
        "    x = [i]\n"
        "    for _ in range(n):\n"
        "        x = [*x, Dense(5)(x[-1])]\n"
        "    return Model(i, Concatenate()(x))\n",
        [],
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_that_loops_hand_on(name: str, float64: None) -> None:
    text, others, kept = CASES[name]
    pair = Pair(HEAD + text)
    assert pair.errors == []
    assert ("KT301" not in {d.code for d in pair.log.diagnostics}) is kept
    for arguments in ("", *others):
        keras.utils.clear_session()
        pair.check("build", f"build({arguments})", arguments)
