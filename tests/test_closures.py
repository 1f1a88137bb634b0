"""Functions within functions, on tensors: classes where they take settings only, run in place where they hold more."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import keras\nfrom keras import layers\n"
CASES = {  # source, other arguments, a class that there is to be, or is not to be
    "what a function gives": (
        "def conv_block(filters, kernel=3, name=None):\n"
        "    axis, wide = 3, filters * 2\n"
        "    def apply(x):\n"
        "        x = layers.Conv2D(wide, kernel, padding='same', name=name)(x)\n"
        "        x = layers.BatchNormalization(axis=axis)(x)\n"
        "        return layers.Conv2D(filters, 1)(x)\n"
        "    return apply\n"
        "def build(depth=3, filters=4):\n"
        "    x = start = keras.Input((6, 5, 2))\n"
        "    x = conv_block(filters, name='stem')(x)\n"
        "    for i in range(depth):\n"
        "        x = conv_block(filters + i, 1, name=f'b{i}')(x)\n",
        "5, 3",
        "ConvBlock(",
        "ConvBlock_1",
    ),
    "with arguments of its own": (
        "def dense_block(units):\n"
        "    def apply(x, rate, scale=2):\n"
        "        x = layers.Dense(units * scale, activation='relu')(x)\n"
        "        return layers.Dropout(rate)(x)\n"
        "    return apply\n"
        "def build(units=4, rate=0.5):\n"
        "    x = start = keras.Input((6,))\n"
        "    block = dense_block(units)\n"
        "    x = block(x, rate)\n"
        "    x = block(x, 0.1, scale=3)\n",
        "3, 0.2",
        "DenseBlock(",
        "",
    ),
    "a helper that reads settings": (
        "def build(width=1.0, depth=2):\n"
        "    axis = 3\n"
        "    def scaled(n):\n"
        "        return int(n * width)\n"
        "    def residual(x, n, rate=0.1):\n"
        "        start = layers.Conv2D(scaled(n), 1)(x)\n"
        "        x = layers.BatchNormalization(axis=axis)(start)\n"
        "        x = layers.Conv2D(scaled(n), 3, padding='same', activation='relu')(x)\n"
        "        return layers.add([layers.Dropout(rate)(x), start])\n"
        "    x = start = keras.Input((6, 5, 2))\n"
        "    for i in range(depth):\n"
        "        x = residual(x, 2 * (i + 1))\n"
        "    x = residual(x, 3, 0.3)\n",
        "1.5, 3",
        "Residual(",
        "",
    ),
    "what is read changes": (
        "def build(n=4, depth=3):\n"
        "    def block(x, kernel):\n"
        "        return layers.Conv1D(units, kernel, padding='same', activation='relu')(x)\n"
        "    x = start = keras.Input((8, 3))\n"
        "    units = n\n"
        "    x = block(x, 3)\n"
        "    for i in range(depth):\n"
        "        units = n + i\n"
        "        x = block(x, 2)\n"
        "    units = 2\n"
        "    x = block(x, 1)\n",
        "3, 4",
        "",
        "",
    ),
    "a layer of its own": (
        "def shared(units):\n"
        "    dense = layers.Dense(units, activation='relu')\n"
        "    def apply(x):\n"
        "        return dense(x)\n"
        "    return apply\n"
        "def build(units=4):\n"
        "    a = start = keras.Input((4,))\n"
        "    block = shared(units)\n"
        "    x = layers.Dense(4)(a)\n"
        "    x = layers.add([block(a), block(x)])\n",
        "6",
        "",
        "class Shared",
    ),
    "a tensor of another function": (
        "def build(units=4):\n"
        "    x = start = keras.Input((4,))\n"
        "    skip = layers.Dense(units)(x)\n"
        "    def block(x, rate):\n"
        "        return layers.add([layers.Dropout(rate)(layers.Dense(units)(x)), skip])\n"
        "    x = block(block(x, 0.1), 0.2)\n",
        "6",
        "",
        "class Block",
    ),
    "a counter": (
        "def build(units=4):\n"
        "    count = [0]\n"
        "    total = 0\n"
        "    def block(x, rate):\n"
        "        nonlocal total\n"
        "        count[0] += 1\n"
        "        total += 2\n"
        "        x = layers.Dense(units + count[0], name=f'dense_of_{total}')(x)\n"
        "        return layers.Dropout(rate)(x)\n"
        "    x = start = keras.Input((4,))\n"
        "    x = block(block(x, 0.1), 0.2)\n"
        "    x = layers.Dense(total + count[0])(x)\n",
        "6",
        "",
        "class Block",
    ),
    "a counter in a list": (
        "def build(units=4):\n"
        "    count = [units]\n"
        "    def block(x, rate):\n"
        "        count.append(count[-1] + 1)\n"
        "        return layers.Dropout(rate)(layers.Dense(count[-1])(x))\n"
        "    x = start = keras.Input((4,))\n"
        "    x = block(block(x, 0.1), 0.2)\n"
        "    x = layers.Dense(len(count))(x)\n",
        "6",
        "",
        "class Block",
    ),
    "a choice of two": (
        "def wide(units, rate):\n"
        "    def apply(x):\n"
        "        return layers.Dropout(rate)(layers.Dense(2 * units, activation='relu')(x))\n"
        "    return apply\n"
        "def narrow(units, rate):\n"
        "    def apply(x):\n"
        "        return layers.Dropout(rate)(layers.Dense(units, activation='tanh')(x))\n"
        "    return apply\n"
        "def build(kinds=(0, 1, 0), units=3):\n"
        "    x = start = keras.Input((4,))\n"
        "    for i, kind in enumerate(kinds):\n"
        "        block = {0: wide, 1: narrow}[kind]\n"
        "        x = block(units + i, 0.1)(x)\n",
        "(1, 1, 0, 0), 2",
        "Narrow(",
        "",
    ),
    "a model that it makes where it is called": (
        "def head(units=4, name='head'):\n"
        "    def apply(x):\n"
        "        start = keras.Input(x.shape[1:])\n"
        "        return keras.Sequential([start, layers.Dense(units)], name=name)(x)\n"
        "    return apply\n"
        "def build(units=3):\n"
        "    x = start = keras.Input((4,))\n"
        "    x = head(units)(x)\n",
        "5",
        "Head(",
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_functions_within_functions(name: str, float64: None) -> None:
    text, other, there, missing = CASES[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text + "    return keras.Model(start, x)\n")
    assert pair.errors == []
    assert there in pair.done.code
    assert not missing or missing not in pair.done.code
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)
