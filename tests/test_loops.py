"""Loops that stay loops: the classes hold for other arguments than those that the source is translated with."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, check_kept, float64

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


MERGED = {
    "textcnn": (
        "def build(widths=(2, 3, 4), filters=4):\n"
        "    start = keras.Input((12, 5))\n"
        "    pooled = []\n"
        "    for k in widths:\n"
        "        c = layers.Conv1D(filters * k, k, activation='relu')(start)\n"
        "        pooled.append(layers.GlobalMaxPooling1D()(c))\n"
        "    return keras.Model(start, layers.Dense(3)(layers.concatenate(pooled)))\n",
        "(1, 2, 3, 5), 3",
    ),
    "inception": (
        "def build(kernels=(1, 3, 5), filters=4):\n"
        "    start = keras.Input((8, 8, 3))\n"
        "    parts = [layers.Conv2D(filters, k, padding='same')(start) for k in kernels]\n"
        "    x = layers.Concatenate()(parts)\n"
        "    return keras.Model(start, layers.Conv2D(2, 1)(x))\n",
        "(3, 1), 5",
    ),
    "pooled_in_a_comprehension": (
        "def build(widths=(2, 3, 4), filters=4):\n"
        "    start = keras.Input((12, 5))\n"
        "    found = [layers.Conv1D(filters, k, activation='relu')(start) for k in widths]\n"
        "    pooled = [layers.GlobalMaxPooling1D()(c) for c in found]\n"
        "    return keras.Model(start, layers.Dense(3)(layers.concatenate(pooled)))\n",
        "(1, 2, 3, 5), 3",
    ),
    "pooled_beside_their_widths": (
        "def build(widths=(2, 3, 4), filters=4):\n"
        "    start = keras.Input((12, 5))\n"
        "    found = [layers.Conv1D(filters, k, activation='relu')(start) for k in widths]\n"
        "    pooled = [layers.MaxPooling1D(8 - k)(c) for k, c in zip(widths, found)]\n"
        "    x = layers.Concatenate(axis=1)(pooled)\n"
        "    return keras.Model(start, layers.Dense(3)(layers.Flatten()(x)))\n",
        "(1, 2, 3, 5), 3",
    ),
    "skips_added": (
        "def build(dilations=(1, 2, 4), filters=4):\n"
        "    start = keras.Input((12, 3))\n"
        "    x = layers.Conv1D(filters, 1)(start)\n"
        "    skips = []\n"
        "    for d in dilations:\n"
        "        z = layers.Conv1D(filters, 2, padding='causal', dilation_rate=d)(x)\n"
        "        skips.append(z)\n"
        "        x = layers.Add()([x, layers.Dense(filters)(z)])\n"
        "    return keras.Model(start, [layers.Add()(skips), layers.Dense(2)(x)])\n",
        "(1, 3), 6",
    ),
    "one_before": (
        "def build(depth=3, width=4):\n"
        "    start = keras.Input((5,))\n"
        "    x = layers.Dense(width)(start)\n"
        "    outs = [x]\n"
        "    for i in range(depth):\n"
        "        x = layers.Dense(width + i, activation='relu')(x)\n"
        "        outs.append(x)\n"
        "    return keras.Model(start, layers.Concatenate()(outs[::-1]))\n",
        "4, 3",
    ),
    "the_last": (
        "def build(depth=3, width=4):\n"
        "    x = start = keras.Input((5,))\n"
        "    outs = []\n"
        "    for i in range(depth):\n"
        "        x = layers.Dense(width + i, activation='relu')(x)\n"
        "        outs.append(x)\n"
        "    a, b = outs.pop(), outs[0]\n"
        "    return keras.Model(start, [layers.Dense(2)(a), layers.Dense(3)(b)])\n",
        "4, 3",
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_lists_that_become_one(name: str, float64: None) -> None:
    text, other = MERGED[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)


def test_a_list_of_which_keras_leaves_out_layers(float64: None) -> None:
    """Only the last of the heads is part of the model: the loop is unrolled."""
    keras.utils.clear_session()
    pair = Pair(
        IMPORTS + "def build(depth=3):\n"
        "    x = start = keras.Input((5,))\n"
        "    heads = []\n"
        "    for i in range(depth):\n"
        "        x = layers.Dense(4 + i)(x)\n"
        "        heads.append(layers.Dense(3)(x))\n"
        "    return keras.Model(start, heads[-1])\n"
    )
    assert pair.errors == []
    pair.check("build", "build()")


def test_loops_within_loops_that_fill_lists(float64: None) -> None:
    text = IMPORTS + (
        "def build(depth=2, base=3, convs=2):\n"
        "    x = start = keras.Input((16, 16, 2))\n"
        "    skips = []\n"
        "    for d in range(depth):\n"
        "        for _ in range(convs):\n"
        "            x = layers.Conv2D(base * (d + 1), 3, padding='same')(x)\n"
        "        skips.append(x)\n"
        "        x = layers.MaxPooling2D()(x)\n"
        "    for d in reversed(range(depth)):\n"
        "        x = layers.Concatenate()([skips[d], layers.UpSampling2D()(x)])\n"
        "        for _ in range(convs):\n"
        "            x = layers.Conv2D(base * (d + 1), 3, padding='same')(x)\n"
        "    return keras.Model(start, x)\n"
    )
    check_kept(text, "3, 4, 3")


FLAGS = "16, 2, 3, False, 'x', 0.2, True"


def test_settings_within_loops_that_fill_lists(float64: None) -> None:
    """A name that both loops bind is of no harm; conditions within them are kept."""
    text = IMPORTS + (
        "def build(size=16, depth=3, filters=4, norm=True, up='t', dropout=0.0, residual=False):\n"
        "    x = start = keras.Input((size, size, 2))\n"
        "    skips = []\n"
        "    for i in range(depth):\n"
        "        f = filters * 2 ** i\n"
        "        y = layers.Conv2D(f, 3, padding='same')(x)\n"
        "        if norm:\n"
        "            y = layers.BatchNormalization()(y)\n"
        "        if dropout:\n"
        "            y = layers.Dropout(dropout)(y)\n"
        "        if residual:\n"
        "            y = layers.Add()([layers.Conv2D(f, 1)(x), y])\n"
        "        skips.append(y)\n"
        "        x = layers.MaxPooling2D()(y)\n"
        "    for i in reversed(range(depth)):\n"
        "        f = filters * 2 ** i\n"
        "        if up == 't':\n"
        "            x = layers.Conv2DTranspose(f, 2, strides=2)(x)\n"
        "        else:\n"
        "            x = layers.Conv2D(f, 1)(layers.UpSampling2D()(x))\n"
        "        x = layers.Concatenate()([x, skips.pop()])\n"
        "        x = layers.Conv2D(f, 3, padding='same')(x)\n"
        "    return keras.Model(start, x)\n"
    )
    check_kept(text, FLAGS)


def test_what_the_last_turn_leaves(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(
        IMPORTS + "def build(n=3, d=4):\n"
        "    x = start = keras.Input((5,))\n"
        "    for i in range(n):\n"
        "        y = layers.Dense(d + i)(x)\n"
        "        x = layers.Activation('relu')(y)\n"
        "    return keras.Model(start, [x, y, layers.Dense(d * i)(y)])\n"
    )
    assert pair.errors == []
    pair.check("build", "build()")


MORE_LISTS = {
    "comprehension over a range": (
        "def build(n=3, width=4):\n"
        "    x = start = keras.Input((20, 3))\n"
        "    rates = [2 ** k for k in range(n)]\n"
        "    for rate in rates:\n"
        "        x = layers.Conv1D(width, 2, padding='causal', dilation_rate=rate)(x)\n"
        "    for k, rate in enumerate(reversed(rates[:-1])):\n"
        "        x = layers.Conv1D(width + k, 2, padding='causal', dilation_rate=rate)(x)\n"
        "    return keras.Model(start, layers.Dense(rates[-1])(x))\n",
        "4, 3",
    ),
    "rounded up": (
        "import math\n"
        "def build(depth=1.0, repeats=(1, 2)):\n"
        "    x = start = keras.Input((6,))\n"
        "    for r in repeats:\n"
        "        for _ in range(int(math.ceil(r * depth))):\n"
        "            x = layers.Dense(4, activation='relu')(x)\n"
        "    return keras.Model(start, layers.Dense(math.floor(2.5 * depth))(x))\n",
        "1.5, (2, 1, 1)",
    ),
    "slices": (
        "def build(widths=(4, 5, 6, 7)):\n"
        "    x = start = keras.Input((6,))\n"
        "    for w in widths[1:-1]:\n"
        "        x = layers.Dense(w, activation='relu')(x)\n"
        "    for a, b in zip(widths[:-1], widths[1:]):\n"
        "        x = layers.Dense(a + b)(x)\n"
        "    for w in reversed(widths[:-1]):\n"
        "        x = layers.Dense(w)(x)\n"
        "    for k in range(1, len(widths)):\n"
        "        x = layers.Dense(widths[k] + widths[k - 1])(x)\n"
        "    return keras.Model(start, layers.Dense(widths[-1])(x))\n",
        "(3, 2, 4)",
    ),
}


@pytest.mark.parametrize("name", MORE_LISTS)
def test_loops_over_lists_of_numbers(name: str, float64: None) -> None:
    text, other = MORE_LISTS[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)


def test_what_a_loop_goes_through_and_changes(float64: None) -> None:
    text = IMPORTS + (
        "BLOCKS = [{'units': 4}, {'units': 5}, {'units': 6}]\n"
        "def build(width=2):\n"
        "    x = start = keras.Input((6,))\n"
        "    for block in [dict(b) for b in BLOCKS]:\n"
        "        block['units'] = block['units'] * width\n"
        "        x = layers.Dense(block['units'])(x)\n"
        "    return keras.Model(start, x)\n"
    )
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(3)", "3")


APPENDED = {
    "under a condition": (
        "def build(depth=3, filters=4, shape=(16, 16, 3)):\n"
        "    x = start = keras.Input(shape)\n"
        "    skips = []\n"
        "    for d in range(depth):\n"
        "        x = layers.Conv2D(filters * 2 ** d, 3, padding='same', activation='relu')(x)\n"
        "        if d < depth - 1:\n"
        "            skips.append(x)\n"
        "            x = layers.MaxPooling2D()(x)\n"
        "    for d in reversed(range(depth - 1)):\n"
        "        x = layers.Conv2DTranspose(filters * 2 ** d, 2, strides=2)(x)\n"
        "        x = layers.concatenate([x, skips[d]])\n"
        "        x = layers.Conv2D(filters * 2 ** d, 3, padding='same')(x)\n"
        "    return keras.Model(start, x)\n",
        "4, 3, (16, 24, 1)",
    ),
    "under two conditions": (
        "def build(depth=4, filters=4, pools=(1, 1, 0)):\n"
        "    x = start = keras.Input((16, 8, 3))\n"
        "    skips = []\n"
        "    for d in range(depth):\n"
        "        x = layers.Conv2D(filters + d, 3, padding='same', activation='relu')(x)\n"
        "        if d != depth - 1:\n"
        "            if pools[d]:\n"
        "                skips.append(x)\n"
        "                x = layers.MaxPooling2D()(x)\n"
        "    for skip in reversed(skips):\n"
        "        x = layers.concatenate([layers.UpSampling2D()(x), skip])\n"
        "        x = layers.Conv2D(filters, 3, padding='same')(x)\n"
        "    return keras.Model(start, x)\n",
        "3, 3, (1, 1)",
    ),
    "rows of tensors": (
        "def build(depth=3, filters=4, up=False):\n"
        "    x = start = keras.Input((16, 16, 3))\n"
        "    levels = list()\n"
        "    for d in range(depth):\n"
        "        a = layers.Conv2D(filters * 2 ** d, 3, padding='same', activation='relu')(x)\n"
        "        b = layers.Conv2D(filters * 2 ** d * 2, 3, padding='same', activation='relu')(a)\n"
        "        if d < depth - 1:\n"
        "            x = layers.MaxPooling2D()(b)\n"
        "            levels.append([a, b, x])\n"
        "        else:\n"
        "            x = b\n"
        "            levels.append([a, b])\n"
        "    for d in range(depth - 2, -1, -1):\n"
        "        width = levels[d][1].shape[-1]\n"
        "        x = layers.Conv2DTranspose(width, 2, strides=2)(x) if up else layers.UpSampling2D()(x)\n"
        "        x = layers.concatenate([x, levels[d][1]])\n"
        "        x = layers.Conv2D(width, 3, padding='same', activation='relu')(x)\n"
        "    return keras.Model(start, layers.Conv2D(1, 1)(x))\n",
        "4, 2, True",
    ),
}


@pytest.mark.parametrize("name", APPENDED)
def test_what_a_loop_appends(name: str, float64: None) -> None:
    text, other = APPENDED[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)


PLACES = {
    "of the module": (
        "WIDTHS = [4, 5, 6, 7]\n"
        "def build(units=3):\n"
        "    x = start = keras.Input((6, 5, 2))\n"
        "    for i in range(len(WIDTHS)):\n"
        "        x = layers.Conv2D(WIDTHS[i], 3, padding='same', activation='relu')(x)\n"
        "        x = layers.BatchNormalization()(x)\n"
        "    x = layers.Conv2D(units, 1)(x)\n",
        "5",
        "WIDTHS[i]",
    ),
    "of settings": (
        "def build(units=3, kernels=(1, 3, 2)):\n"
        "    widths = [units, 2 * units, 5]\n"
        "    acts = ['relu', 'tanh', 'relu']\n"
        "    x = start = keras.Input((6, 5, 2))\n"
        "    for i in range(3):\n"
        "        x = layers.Conv2D(widths[i], kernels[i], padding='same', activation=acts[i])(x)\n"
        "        x = layers.MaxPooling2D([(1, 1), (2, 1), (1, 2)][i])(x)\n"
        "    x = layers.Conv2D(widths[-1], 1)(x)\n",
        "4, (2, 1, 1)",
        "][i]",
    ),
    "from the end": (
        "WIDTHS = (4, 5, 6)\n"
        "def build(depth=3):\n"
        "    x = start = keras.Input((6,))\n"
        "    for i in range(depth):\n"
        "        x = layers.Dense(WIDTHS[-1 - i], activation='relu')(x)\n"
        "        x = layers.Dense(WIDTHS[depth - i - 1])(x)\n",
        "2",
        "WIDTHS[-1 - i]",
    ),
    "of several kinds": (
        "ACTS = ['relu', None, 'tanh']\n"
        "def build(units=3):\n"
        "    x = start = keras.Input((6,))\n"
        "    for i in range(3):\n"
        "        x = layers.Dense(units, activation=ACTS[i])(x)\n",
        "2",
        "",
    ),
    "that the loop changes": (
        "def build(units=3):\n"
        "    widths = [units, 4, 5]\n"
        "    x = start = keras.Input((6,))\n"
        "    for i in range(3):\n"
        "        widths[i] += i\n"
        "        x = layers.Dense(widths[i])(x)\n"
        "    x = layers.Dense(sum(widths))(x)\n",
        "2",
        "",
    ),
    "that the loop makes longer": (
        "def build(units=3):\n"
        "    widths = [units]\n"
        "    x = start = keras.Input((6,))\n"
        "    for i in range(3):\n"
        "        widths.append(widths[i] + 1)\n"
        "        x = layers.Dense(widths[i])(x)\n"
        "    x = layers.Dense(len(widths))(x)\n",
        "2",
        "",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_places_in_lists_of_numbers(name: str, float64: None) -> None:
    text, other, said = PLACES[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text + "    return keras.Model(start, x)\n")
    assert pair.errors == []
    assert said in pair.done.code
    pair.check("build", "build()")
    pair.check("build", f"build({other})", other)


LAYERS_OF_LOOPS = {
    "all but the last": "taken = keras.Sequential([start, *first.layers[:-1]])\n",
    "one by one": "taken = keras.Sequential([start])\nfor one in first.layers[:-1]:\n    taken.add(one)\n",
    "by number": "taken = keras.Sequential([start, first.layers[0], first.layers[1], first.layers[2]])\n",
    "after the loop": "taken = keras.Sequential([start, first.layers[-2]])\n",
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", LAYERS_OF_LOOPS)
def test_layers_that_a_loop_added_are_taken_one_by_one(name: str) -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "start = keras.Input((4, 3))\n"
        "first = keras.Sequential([keras.Input((4, 3)), layers.Dense(3)])\n"
        "for units in (5, 4, 3):\n    first.add(layers.Dense(units, activation='tanh'))\n"
        "first.add(layers.LayerNormalization())\n"
        "first.add(layers.Dense(2))\n" + LAYERS_OF_LOOPS[name] + "taken.add(layers.Dense(1))\n"
    )
    pair.check("first", "first")
    pair.check("taken", "taken")


def test_settings_of_layers_that_are_wrapped(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(
        IMPORTS + "def build(depth=3, units=4, kind=1, rate=0.5):\n"
        "    x = start = keras.Input((6, 4))\n"
        "    if kind == 1:\n"
        "        for _ in range(depth):\n"
        "            x = layers.Bidirectional(layers.GRU(units, dropout=rate, return_sequences=True))(x)\n"
        "    elif kind == 2:\n"
        "        for _ in range(depth):\n"
        "            x = layers.Bidirectional(layers.LSTM(units, dropout=rate, return_sequences=True))(x)\n"
        "    return keras.Model(start, x)\n"
    )
    assert not any(d.code.startswith("KT3") for d in pair.log.diagnostics)
    pair.check("build", "build()")
    pair.check("build", "build(2, 3, 2, 0.1)", "2, 3, 2, 0.1")


def test_settings_that_only_expressions_of_a_turn_name(float64: None) -> None:
    text = IMPORTS + (
        "def build(n=3, width=4, rate=0.5):\n"
        "    inp, parts = keras.Input((n, width)), []\n"
        "    for i in range(n):\n"
        "        parts.append(layers.Dense(2)(inp[:, i, :] * rate) * (i + 1))\n"
        "    return keras.Model(inp, layers.Concatenate()(parts))\n"
    )
    keras.utils.clear_session()
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(2, 5, 0.25)", "2, 5, 0.25")


COUNTED = """
import keras
from keras import layers

NUMBER = 0


def norm(x):
    global NUMBER
    NUMBER += 1
    return layers.LayerNormalization(name="norm_%d" % NUMBER)(x)


def twice(units=4):
    start = keras.Input((5,))
    return keras.Model(start, norm(layers.Dense(units)(norm(start))))


def often(depth=3, units=4):
    x = start = keras.Input((5,))
    for _ in range(depth):
        x = norm(layers.Dense(units)(x))
    return keras.Model(start, norm(x))
"""


@pytest.mark.parametrize(("name", "other"), [("twice", "6"), ("often", "2, 3")])
def test_functions_that_count_in_a_variable_of_the_module(
    name: str, other: str, float64: None
) -> None:
    pair = Pair(COUNTED)
    assert pair.errors == []
    for given in ("", other):
        keras.utils.clear_session()
        pair.keras["NUMBER"] = 0
        pair.check(name, f"{name}({given})", given)


def test_what_a_loop_multiplied_is_asked_for_later(float64: None) -> None:
    code = """
def build(config=(((8, 2),), ((6, 1), (7, 1), (5, 2)), ((4, 1), (4, 1), (3, 1)))):
    inputs = keras.Input((16, 16, 3))
    x, stride, features = inputs, 1, {}
    for i, stage in enumerate(config):
        for width, step in stage:
            x = layers.Conv2D(width, 3, strides=step, padding="same")(x)
            stride *= step
        features[f"block{i}_{stride}"] = x
    return keras.Model(inputs, [features["block0_2"], features["block2_4"]])


model = build()
"""
    pair = Pair(IMPORTS + code)
    assert not pair.errors
    pair.check("model", "model")


def test_a_sequential_asks_once_what_a_turn_adds(float64: None) -> None:
    text = IMPORTS + (
        "def build(n=3, norm=True):\n"
        "    model = keras.Sequential([keras.Input((5,))])\n"
        "    for k in range(n):\n"
        "        model.add(layers.Dense(4 + k))\n"
        "        if norm:\n"
        "            model.add(layers.LayerNormalization())\n"
        "    return model\n"
    )
    pair = Pair(text)
    assert pair.done.code.count("if norm:") == 1
    for given in ("", "2, False", "4"):
        pair.check("build", f"build({given})", given)


def test_a_sequential_grows_by_sizes_that_each_turn_names(float64: None) -> None:
    text = IMPORTS + (
        "def build(units=4, depth=3):\n"
        "    model = keras.Sequential([keras.Input((5,))])\n"
        "    for i in range(depth):\n"
        "        width = units * 2**i\n"
        "        model.add(layers.Dense(width))\n"
        "        units = width + 1\n"
        "    model.add(layers.Dense(units))\n"
        "    return model\n"
    )
    pair = check_kept(text, "3, 2", "2, depth=4")
    assert "for i in range(depth):" in pair.done.code


LEFT_AND_ASKED_FOR = (
    "x = start = keras.Input((64, 3))\n"
    "for i in range(4):\n"
    "    x = layers.Conv1D(2 + i, 3, strides=2, padding='same')(x)\n"
    "rows = [layers.Dense(1 + i)(x[:, i]) for i in range(x.shape[1])]\n"
    "model = keras.Model(start, layers.Concatenate()(rows))\n"
)


@pytest.mark.parametrize("within", ["the module", "a function"])
def test_a_loop_is_unrolled_for_a_size_that_it_leaves_and_something_must_know(
    within: str, float64: None
) -> None:
    text, name = LEFT_AND_ASKED_FOR, "model"
    if within == "a function":
        lines = "".join(f"    {line}\n" for line in text.splitlines())
        text, name = f"def build():\n{lines}    return model\n", "build"
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    keras.utils.clear_session()
    pair.check(name, "build()" if name == "build" else name)


def test_every_second_element_of_a_size_that_a_parameter_says(float64: None) -> None:
    text = IMPORTS + (
        "def build(n=9, depth=2, step=3):\n"
        "    x = start = keras.Input((n, 3))\n"
        "    for _ in range(depth):\n"
        "        x = layers.Dense(4)(x)[:, ::2]\n"
        "    return keras.Model(start, layers.Dense(2)(layers.Flatten()(x[:, 1::step])))\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    for given in ("", "16, 1, 2", "21, 3, 1"):
        keras.utils.clear_session()
        pair.check("build", f"build({given})", given)


def test_a_layer_that_only_another_branch_looks_for(float64: None) -> None:
    text = """
import keras
from keras import layers


def block(x, i):
    return layers.Dense(6, name="d-%d" % (i + 1))(layers.Dense(4)(x))


def build(depth=2, training=True):
    x = inputs = keras.Input((6,))
    for i in range(depth):
        x = block(x, i)
    model = keras.Model(inputs, x)
    if training:
        return model
    return keras.Model(inputs, [model.get_layer("d-1").output, x])
"""
    pair = Pair(text)
    assert pair.errors == []
    for given in ("", "depth=3"):
        pair.check("build", f"build({given})", given)


def test_two_names_for_what_a_loop_hands_on(float64: None) -> None:
    check_kept(
        """
import keras
from keras import layers


def build(depth=2, units=6):
    inputs = keras.Input((5, 4))
    start = layers.Dense(units)(layers.GlobalAveragePooling1D()(inputs))
    x = inputs
    for i in range(depth):
        decoder = layers.GRU(units, return_sequences=True, name=f"gru_{i}")(
            x, initial_state=start
        )
        x = decoder
    return keras.Model(inputs, layers.Dense(3)(decoder))
""",
        "depth=3",
        "1, 4",
    )


ENTRIES = {
    "dicts": (
        "[{'kind': 'conv', 'filters': 4}, {'kind': 'pool', 'size': 2}, {'kind': 'res', 'repeat': 2},"
        " {'kind': 'conv', 'filters': 5, 'norm': True}]",
        "[{'kind': 'pool', 'size': 3}, {'kind': 'res', 'repeat': 3}, {'kind': 'conv', 'filters': 2}]",
        {"filters": "b['filters']", "size": "b['size']", "repeat": "b['repeat']"},
    ),
    "rows of other lengths": (
        "[('conv', 4), ('pool', 2, 2), ('res', 2, 3), ('conv', 5, True)]",
        "[('pool', 3, 3), ('res', 3, 1), ('conv', 2)]",
        {"filters": "b[1]", "size": "b[2]", "repeat": "b[1]"},
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_branch_reads_the_entries_that_it_is_for(name: str, float64: None) -> None:
    default, other, reads = ENTRIES[name]
    kind = "b['kind']" if name == "dicts" else "b[0]"
    norm = "b.get('norm')" if name == "dicts" else "len(b) > 2"
    check_kept(
        f"""
import keras
from keras import layers


def build(blocks={default}):
    x = start = keras.Input((12, 12, 3))
    for b in blocks:
        if {kind} == 'conv':
            x = layers.Conv2D({reads["filters"]}, 3, padding='same')(x)
            if {norm}:
                x = layers.BatchNormalization()(x)
        elif {kind} == 'pool':
            x = layers.MaxPooling2D({reads["size"]})(x)
        elif {kind} == 'res':
            for _ in range({reads["repeat"]}):
                x = layers.add([x, layers.DepthwiseConv2D(3, padding='same')(x)])
        else:
            raise ValueError({kind})
    return keras.Model(start, layers.GlobalAveragePooling2D()(x))
""",
        other,
    )


@pytest.mark.parametrize(
    ("taken", "call"),
    [("(memory, x)", "x = block(memory, x)"), ("(x, x)", "x = block(x, x)")],
    ids=["the other one first", "the same one twice"],
)
def test_a_turn_that_is_one_call_needs_no_class(taken: str, call: str, float64: None) -> None:
    text = IMPORTS + (
        "class Block(layers.Layer):\n"
        "    def __init__(self, units, rate=0.1):\n"
        "        super().__init__()\n"
        "        self.one, self.other = layers.Dense(units), layers.Dense(units, 'tanh')\n"
        "    def call(self, inputs):\n"
        "        memory, x = inputs\n"
        "        return self.one(memory) * self.other(x)\n"
        "def build(units=4, depth=2):\n"
        "    memory, x = inputs = [keras.Input((5, units)), keras.Input((5, units))]\n"
        "    for _ in range(depth):\n"
        f"        x = Block(units)({taken})\n"
        "    return keras.Model(inputs, x + memory)\n"
    )
    pair = check_kept(text, "3, 3")
    assert call in pair.done.code
    assert pair.done.code.count("(nn.Module):") == 2


@pytest.mark.parametrize("name", ["width", "channels", "height"])
def test_a_variable_that_is_called_like_a_size(name: str, float64: None) -> None:
    """The sizes that the loop hands on have other names."""
    check_kept(
        f"""
import keras
from keras import layers


def build(sizes=(4, 6, 5), pool=2):
    x = inputs = keras.Input((17, 18, 3))
    for {name} in sizes:
        x = layers.Conv2D({name}, 3, padding='same')(x)
        x = layers.MaxPooling2D(pool, padding='same')(x)
        x = layers.Conv2D({name} + 1, 1)(x)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
""",
        "(3,)",
        "(2, 3, 4, 2), 3",
    )


@pytest.mark.parametrize("name", ["units", "nn", "self_"])
def test_what_is_calculated_of_a_number_that_a_loop_leaves(name: str, float64: None) -> None:
    check_kept(
        f"""
import keras
from keras import layers


def build(units=5, depth=2, step=4):
    model = keras.Sequential([keras.Input((7, 3))])
    {name} = units
    first = {name} * 3
    for i in range(depth):
        {name} = {name} + step
        model.add(layers.Conv1D({name}, 3, padding='same'))
    wide = {name} * 2
    model.add(layers.Flatten())
    model.add(layers.Dense(wide))
    model.add(layers.Dense(first))
    return model
""",
        "3, 1, 2",
        "2, 4, 1",
    )
