"""Loops right within loops that fill one list: they stay loops, and hold for other arguments."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = "import keras\nfrom keras import layers\n\n\n"
NESTS = {
    "stacks and dilations": (
        "    for s in range(depth):\n"
        "        for d in widths:\n"
        "            x = layers.Conv1D(base, 2, dilation_rate=d, padding='causal')(x)\n"
        "            found.append(x)\n"
        "    x = layers.add(found)\n"
    ),
    "named after both": (
        "    for s in range(depth):\n"
        "        for i, d in enumerate(widths):\n"
        "            y = layers.Conv1D(base * d, 1, name=f'first_{s}_{i}')(x)\n"
        "            x = layers.Conv1D(base + s, 1, name=f'second_{s}_{i}')(y)\n"
        "            found.append(x)\n"
        "    x = layers.Concatenate()(found)\n"
    ),
    "three loops": (
        "    for s in range(depth):\n"
        "        for d in widths:\n"
        "            for _ in range(2):\n"
        "                x = layers.Conv1D(base, 3, dilation_rate=d, padding='same')(x)\n"
        "                found.append(layers.Dense(base)(x))\n"
        "    x = layers.Concatenate()([layers.average(found), x])\n"
    ),
}


@pytest.mark.parametrize("name", NESTS)
def test_loops_within_loops(name: str, float64: None) -> None:
    text = HEAD + (
        "def build(depth=2, widths=(1, 2, 4), base=3):\n"
        "    x = start = keras.Input((12, 3))\n"
        "    found = []\n"
        f"{NESTS[name]}"
        "    return keras.Model(start, layers.Dense(2)(x))\n"
    )
    check_kept(text, "3, (2, 1, 3, 5), 4")


def test_an_inner_loop_that_hangs_on_the_outer_one(float64: None) -> None:
    text = HEAD + (
        "def build(depth=3, base=3):\n"
        "    x = start = keras.Input((12, 3))\n"
        "    found = []\n"
        "    for s in range(depth):\n"
        "        for i in range(s + 1):\n"
        "            x = layers.Conv1D(base + i, 2, padding='same')(x)\n"
        "            found.append(layers.Dense(4)(x))\n"
        "    return keras.Model(start, layers.add([*found, layers.Dense(4)(x)]))\n"
    )
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")


def test_nests_of_a_method_that_reads_its_object(float64: None) -> None:
    """The block that a turn is stands in the list itself."""
    text = (
        "import keras\nfrom keras import layers\n"
        "def block(x, filters, dilation):\n"
        "    z = layers.Conv1D(filters, 2, padding='causal', dilation_rate=dilation)(x)\n"
        "    return layers.Add()([x, z]), layers.Activation('tanh')(z)\n"
        "class TCN:\n"
        "    def __init__(self, filters=4, stacks=2, dilations=(1, 2)):\n"
        "        self.filters = filters\n"
        "        self.stacks = stacks\n"
        "        self.dilations = dilations\n"
        "    def __call__(self, x):\n"
        "        x = layers.Conv1D(self.filters, 1)(x)\n"
        "        skips = []\n"
        "        for s in range(self.stacks):\n"
        "            for d in self.dilations:\n"
        "                x, skip = block(x, self.filters, dilation=d)\n"
        "                skips.append(skip)\n"
        "        return layers.Add()(skips)\n"
        "def build(filters=4, stacks=2, dilations=(1, 2)):\n"
        "    start = keras.Input((9, 3))\n"
        "    return keras.Model(start, TCN(filters, stacks, dilations)(start))\n"
    )
    assert "for block in self.blocks:" in check_kept(text, "3, 3, (1, 2, 4)").done.code


def test_what_the_last_turn_of_a_nest_makes_for_none_to_follow(float64: None) -> None:
    text = (
        "import keras\nfrom keras import layers\n"
        "def block(x, filters, dilation):\n"
        "    z = layers.Conv1D(filters, 2, padding='causal', dilation_rate=dilation)(x)\n"
        "    return layers.Add()([layers.Conv1D(filters, 1)(x), z]), z\n"
        "def build(filters=4, stacks=2, dilations=(1, 2), skips=True):\n"
        "    x = start = keras.Input((9, 3))\n"
        "    found = []\n"
        "    for s in range(stacks):\n"
        "        for d in dilations:\n"
        "            x, skip = block(x, filters, dilation=d)\n"
        "            found.append(skip)\n"
        "    if skips:\n"
        "        x = layers.Add()(found)\n"
        "    return keras.Model(start, x)\n"
    )
    check_kept(text, "3, 3, (1, 2, 1)", "skips=False")


def test_a_size_of_either_loop(float64: None) -> None:
    """What the inner loop carries has other channels than what the outer one does."""
    text = HEAD + (
        "def build(depth=2, count=3, width=4):\n"
        "    x = start = keras.Input((9, 3))\n"
        "    for _ in range(depth):\n"
        "        x = layers.Activation('tanh')(x)\n"
        "        grid = layers.Conv1D(width, 1)(x)\n"
        "        for i in range(count):\n"
        "            m = layers.Conv1D(width, 3, dilation_rate=2**i, padding='same')(x)\n"
        "            grid = layers.Concatenate()([grid, m])\n"
        "        x = layers.Conv1D(5, 1)(grid)\n"
        "    return keras.Model(start, layers.Dense(2)(x))\n"
    )
    check_kept(text, "1, 2, 3", "3, 1", "1, 4, 2")
