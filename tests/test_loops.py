"""Loops that stay loops: the classes hold for other arguments than those that the source is translated with."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import keras\nfrom keras import layers\n"
OTHER = "(32, 16, 1), depth=4, filters=3"
UNETS = {
    "indexed": "for i in reversed(range(depth)):",
    "zipped": "for i, skip in zip(reversed(range(depth)), reversed(skips)):",
    "popped": "for i in range(depth - 1, -1, -1):",
    "by_number": "for n, i in enumerate(reversed(range(depth))):",
    "turned": "for skip, i in zip(skips[::-1], list(range(depth))[::-1]):",
    "from_the_end": "for j in range(depth):",
}
TAKES = {
    "indexed": "skips[i]",
    "zipped": "skip",
    "popped": "skips.pop()",
    "by_number": "skips[-n - 1]",
    "turned": "skip",
    "from_the_end": "skips[depth - 1 - j]",
}


@pytest.mark.parametrize("name", UNETS)
def test_lists_that_a_loop_fills(name: str, float64: None) -> None:
    width = "filters * 2 ** (depth - 1 - j)" if name == "from_the_end" else "filters * 2 ** i"
    text = IMPORTS + (
        "def unet(shape=(16, 16, 2), depth=3, filters=4):\n"
        "    x = start = keras.Input(shape)\n"
        "    skips = []\n"
        "    for level in range(depth):\n"
        "        x = layers.Conv2D(filters * 2 ** level, 3, padding='same')(x)\n"
        "        skips.append(x)\n"
        "        x = layers.MaxPooling2D()(x)\n"
        f"    {UNETS[name]}\n"
        f"        x = layers.Conv2DTranspose({width}, 2, strides=2)(x)\n"
        f"        x = layers.Concatenate()([{TAKES[name]}, x])\n"
        f"        x = layers.Conv2D({width}, 3, padding='same', activation='relu')(x)\n"
        "    return keras.Model(start, x)\n"
    )
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("unet", "unet()")
    pair.check("unet", f"unet({OTHER})", OTHER)


def test_loops_of_closures_over_the_same_name(float64: None) -> None:
    text = IMPORTS + (
        "def stage(filters, repeats, first=False):\n"
        "    def f(x):\n"
        "        for i in range(repeats):\n"
        "            strides = (1, 1)\n"
        "            if i == 0 and not first:\n"
        "                strides = (2, 2)\n"
        "            x = layers.Conv2D(filters, 3, strides, padding='same')(x)\n"
        "        return x\n"
        "    return f\n"
        "def build(shape=(16, 12, 2), filters=4):\n"
        "    x = start = keras.Input(shape)\n"
        "    for i, r in enumerate([2, 1, 3]):\n"
        "        x = stage(filters, r, first=(i == 0))(x)\n"
        "        filters *= 2\n"
        "    return keras.Model(start, x)\n"
    )
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build((9, 20, 1), 3)", "(9, 20, 1), 3")
