"""What a parameter chooses: classes of layers, functions, layers or none, by conditions, dicts and texts."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

IMPORTS = """
import keras
from keras import layers
from keras.layers import *


def two_convs(x, filters, stride=1):
    x = Conv2D(filters, 3, strides=stride, padding='same')(x)
    return ReLU()(Conv2D(filters, 3, padding='same')(x))


def wide(x, filters, stride=1):
    x = Conv2D(filters, 1, strides=stride)(x)
    return Conv2D(filters * 4, 1)(x)


def soft(x):
    return Activation('softplus')(Dense(4)(x))


def tailed(x, filters, activation, norm=None):
    x = Conv2D(filters, 3)(x)
    x = norm()(x) if norm else x
    return activation(x)


def divisible(v, divisor=8, least=None):
    least = least or divisor
    # At least nine tenths of it.
    new = max(least, int(v + divisor / 2) // divisor * divisor)
    if new < 0.9 * v:
        new += divisor
    return new


SIZES = {10: [1, 2], 20: [2, 1, 1], 50: [1, 1]}


def activation_of(kind):
    if kind == 'relu':
        return ReLU()
    elif kind == 'prelu':
        return PReLU(shared_axes=[1, 2])
    elif kind is None:
        return None
    raise ValueError(kind)


"""
CASES = {
    "elif chain that raises": (
        "def build(kind='Dropout', rate=0.25):\n"
        "    if kind == 'SpatialDropout2D':\n"
        "        kind = SpatialDropout2D\n"
        "    elif kind == 'Dropout':\n"
        "        kind = Dropout\n"
        "    else:\n"
        "        raise ValueError('neither')\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    x = kind(rate)(Conv2D(4, 3)(x))\n"
        "    return keras.Model(start, kind(rate)(Conv2D(2, 3)(x)))\n",
        ["'SpatialDropout2D', 0.5"],
    ),
    "function of a list, at a place under bounds": (
        "MODES = [two_convs, wide]\n"
        "def build(phi=0, filters=4):\n"
        "    if phi > 2:\n"
        "        raise ValueError('0, 1 or 2')\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    if 1 <= phi and phi <= 2:\n"
        "        x = MODES[phi - 1](x, filters)\n"
        "    for _ in range(phi):\n"
        "        x = ReLU()(Conv2D(6, 1)(x))\n"
        "    return keras.Model(start, Conv2D(2, 3)(x))\n",
        ["phi=1", "phi=2, filters=2"],
    ),
    "class of a list": (
        "def build(kind=0):\n"
        "    pool = (MaxPooling2D, AveragePooling2D)[kind]\n"
        "    start = keras.Input((8, 8, 3))\n"
        "    return keras.Model(start, Conv2D(2, 3)(pool(2)(start)))\n",
        ["kind=1"],
    ),
    "block function in a loop": (
        "def build(depth=10, width=3):\n"
        "    if depth not in SIZES:\n"
        "        raise ValueError(depth)\n"
        "    block = two_convs if depth < 50 else wide\n"
        "    x = start = keras.Input((16, 16, 3))\n"
        "    for i, n in enumerate(SIZES[depth]):\n"
        "        for j in range(n):\n"
        "            x = block(x, width * 2 ** i, 2 if j == 0 else 1)\n"
        "    return keras.Model(start, Dense(2)(GlobalAveragePooling2D()(x)))\n",
        ["20, 2", "50"],
    ),
    "dict of classes": (
        "def build(cell='lstm', units=3):\n"
        "    RNN = {'lstm': LSTM, 'gru': GRU, 'rnn': SimpleRNN}[cell]\n"
        "    model = keras.Sequential([keras.Input((5, 3)), RNN(units, return_sequences=True)])\n"
        "    model.add(RNN(units))\n"
        "    return model\n",
        ["'gru'", "'rnn', 2"],
    ),
    "dict of rows": (
        "def build(kind='small', units=4):\n"
        "    rows = {'small': (Conv2D, [4, 5], 3), 'deep': (SeparableConv2D, [4, 4, 6], 5)}\n"
        "    conv, widths, kernel = rows[kind]\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    for width in widths:\n"
        "        x = conv(width, kernel, padding='same')(x)\n"
        "    return keras.Model(start, Dense(units)(GlobalMaxPooling2D()(x)))\n",
        ["'deep', 3"],
    ),
    "conditional expression": (
        "def build(separable=False, filters=4):\n"
        "    conv = SeparableConv2D if separable else Conv2D\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    x = conv(filters, 3, activation='relu')(x)\n"
        "    return keras.Model(start, conv(filters + 1, 3, use_bias=False)(x))\n",
        ["True, 3"],
    ),
    "layer that a function chooses": (
        "def build(kind='relu', filters=4):\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    x = Conv2D(filters, 3)(x)\n"
        "    act = activation_of(kind)\n"
        "    if act is not None:\n"
        "        x = act(x)\n"
        "    x = PReLU()(Conv2D(filters, 3)(x))\n"
        "    act = activation_of(kind)\n"
        "    if act:\n"
        "        x = act(x)\n"
        "    return keras.Model(start, x)\n",
        ["'prelu', 3", "None"],
    ),
    "layer or none": (
        "def build(norm='batch', filters=4):\n"
        "    def norm_of():\n"
        "        if norm == 'batch':\n"
        "            return BatchNormalization()\n"
        "        if norm == 'layer':\n"
        "            return LayerNormalization()\n"
        "        return None\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    x = Conv2D(filters, 3)(x)\n"
        "    layer = norm_of()\n"
        "    if layer is not None:\n"
        "        x = layer(x)\n"
        "    return keras.Model(start, ReLU()(x))\n",
        ["'layer'", "''"],
    ),
    "layer or a function that changes nothing": (
        "class Block(Layer):\n"
        "    def __init__(self, filters):\n"
        "        super().__init__()\n"
        "        self.filters = filters\n"
        "        self.conv = Conv1D(filters, 3, padding='same')\n"
        "    def build(self, input_shape):\n"
        "        if self.filters != input_shape[-1]:\n"
        "            self.match = Conv1D(self.filters, 1, name='match')\n"
        "        else:\n"
        "            self.match = Lambda(lambda x: x, name='same')\n"
        "        self.match.build(input_shape)\n"
        "    def call(self, x):\n"
        "        return self.match(x) + self.conv(x)\n"
        "def build(filters=4, features=4, steps=6):\n"
        "    start = keras.Input((steps, features))\n"
        "    print('input: {}'.format(start.shape))\n"
        "    return keras.Model(start, Block(filters)(start))\n",
        ["3", "5, 5", "4, 6, 7"],
    ),
    "wrapped": (
        "def build(kind='bilstm', units=3):\n"
        "    start = keras.Input((6, 3))\n"
        "    rnn = LSTM(units) if kind.endswith('lstm') else GRU(units)\n"
        "    if kind.startswith('bi'):\n"
        "        rnn = Bidirectional(rnn)\n"
        "    return keras.Model(start, Dense(2)(rnn(start)))\n",
        ["'gru'", "'bigru', 2", "'lstm'"],
    ),
    "merge mode": (
        "def build(mode='concat', units=3):\n"
        "    start = keras.Input((6, 3))\n"
        "    x = Bidirectional(GRU(units, return_sequences=True), merge_mode=mode)(start)\n"
        "    return keras.Model(start, Dense(2)(Bidirectional(LSTM(units), merge_mode=mode)(x)))\n",
        ["'sum'", "'ave', 2", "'mul'"],
    ),
    "setting": (
        "def build(decay=0.1, units=3):\n"
        "    penalty = keras.regularizers.l2(decay) if decay else None\n"
        "    start = keras.Input((6,))\n"
        "    x = Dense(units, kernel_regularizer=penalty)(start)\n"
        "    return keras.Model(start, Dense(units, kernel_regularizer=penalty)(x))\n",
        ["None", "0.5"],
    ),
    "pooling or flatten": (
        "def build(pooling='AVG', filters=4):\n"
        "    start = keras.Input((6, 5, 3))\n"
        "    x = Conv2D(filters, 3)(start)\n"
        "    if pooling.lower() == 'avg':\n"
        "        x = GlobalAveragePooling2D()(x)\n"
        "    elif pooling.lower() == 'max':\n"
        "        x = GlobalMaxPooling2D()(x)\n"
        "    else:\n"
        "        x = Flatten()(x)\n"
        "    return keras.Model(start, Dense(3)(x))\n",
        ["'Max', 3", "'none', 2"],
    ),
    "text of a parameter": (
        "def build(kind='My_Net', sizes='5-4', n=2):\n"
        "    kind = kind.lower()\n"
        "    x = start = keras.Input((6,))\n"
        "    for size in sizes.split('-'):\n"
        "        x = Dense(int(size), activation='relu' if 'net' in kind else 'tanh')(x)\n"
        "    for i in range(n):\n"
        '        x = Dense(3, name=f\'{kind.replace("_", "-")}_{i:02d}\')(x)\n'
        "        x = Dense(3, name='%s_%03d' % (kind, i))(x)\n"
        "        x = Dense(3, name='x{:>3}'.format(i).replace(' ', '.'))(x)\n"
        "    return keras.Model(start, x)\n",
        ["'a_b', '3', 3", "'NET', '2-3-4'"],
    ),
    "handed to a function": (
        "def build(small=False, filters=4, norm='batch'):\n"
        "    if small:\n"
        "        kernel, activation = 3, ReLU()\n"
        "    else:\n"
        "        kernel, activation = 5, soft\n"
        "    Norm = {'batch': BatchNormalization, 'layer': LayerNormalization, '': None}[norm]\n"
        "    x = start = keras.Input((12, 12, 3))\n"
        "    x = Conv2D(filters, kernel)(x)\n"
        "    x = tailed(x, filters, activation, Norm)\n"
        "    x = tailed(x, filters, soft, Norm)\n"
        "    return keras.Model(start, tailed(x, filters * 2, activation))\n",
        ["True, 3", "norm='layer'", "True, norm=''"],
    ),
    "function on numbers": (
        "def build(alpha=1.0, widths=(10, 20)):\n"
        "    x = start = keras.Input((8, 8, 3))\n"
        "    for width in widths:\n"
        "        x = Conv2D(divisible(width * alpha), 3, padding='same')(x)\n"
        "    x = Conv2D(divisible(alpha * 5, 4), 1)(GlobalAveragePooling2D(keepdims=True)(x))\n"
        "    return keras.Model(start, x)\n",
        ["0.5", "1.4, (3, 5, 9)"],
    ),
    "one more layer than is called": (
        "def build(last=True, units=3):\n"
        "    start = keras.Input((3,))\n"
        "    a = Dense(units)\n"
        "    b = Dense(units)\n"
        "    x = b(start)\n"
        "    if last:\n"
        "        x = a(x)\n"
        "    return keras.Model(start, x)\n",
        ["False", "True, 2"],
    ),
    "called in another order": (
        "def build(n=2, units=3, more=True):\n"
        "    x = start = keras.Input((3,))\n"
        "    for i in range(n):\n"
        "        a, b = Dense(units), Dense(units)\n"
        "        x = a(b(x))\n"
        "    if more:\n"
        "        a, b = Dense(units), Dense(units)\n"
        "        x = a(b(x))\n"
        "    return keras.Model(start, x)\n",
        ["3", "1, more=False"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_parameter_chooses(name: str, float64: None) -> None:
    text, others = CASES[name]
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    for arguments in ("", *others):
        keras.utils.clear_session()
        pair.check("build", f"build({arguments})", arguments)


def test_what_is_none_of_them_is_refused() -> None:
    for name in ("elif chain that raises", "dict of classes", "layer that a function chooses"):
        pair = Pair(IMPORTS + CASES[name][0])
        with pytest.raises((ValueError, KeyError), match="not supported"):
            pair.torch.build("neither")
    pair = Pair(IMPORTS + CASES["class of a list"][0])
    with pytest.raises(IndexError, match="not supported: kind < 0 or kind > 1"):
        pair.torch.build(2)


def test_functions_on_numbers_are_kept() -> None:
    code = Pair(IMPORTS + CASES["function on numbers"][0]).done.code
    assert code.count("# At least nine tenths of it.") == 1
    assert "divisible(width * alpha)" in code
    assert "divisible(alpha * 5, 4)" in code


def test_tables_keep_their_names() -> None:
    code = Pair(IMPORTS + CASES["block function in a loop"][0]).done.code
    assert "SIZES = {10: [1, 2], 20: [2, 1, 1], 50: [1, 1]}\n" in code
    assert "for i, n in enumerate(SIZES[depth]):" in code
    assert "if depth not in SIZES:" in code


OWN_LAYERS = """
import keras
from keras import layers, ops


class Scale(layers.Layer):
    def __init__(self, by):
        super().__init__()
        self.by = by
        self.dense = layers.Dense(4, activation="tanh")

    def call(self, x):
        return self.dense(x) * self.by


class Shift(layers.Layer):
    def __init__(self, by):
        super().__init__()
        self.by = by
        self.norm = layers.LayerNormalization()

    def call(self, x):
        return self.norm(x) + self.by


class Block(layers.Layer):
    def __init__(self, kind, by=0.5):
        super().__init__()
        if kind == "scale":
            self.inner = Scale(by)
        else:
            self.inner = Shift(by)
        self.last = Scale(by) if by > 1 else None
        self.drop = layers.Dropout(by / 2) if by < 1 else layers.Activation("linear")
        self.out = layers.Dense(4)

    def call(self, x):
        x = self.inner(x)
        if self.last is not None:
            x = self.last(x)
        return self.out(self.drop(x))


class Net(keras.Model):
    def __init__(self, kind="scale", by=0.5, depth=3):
        super().__init__()
        self.blocks = [Block(kind, by * i) for i in range(depth)]
        self.gate = Scale(by) if by > 0.2 else layers.Activation("linear")

    def call(self, x):
        y = self.gate(x)
        for block in self.blocks:
            y = block(y)
        return self.gate(y)


def build(kind="scale", by=0.5, depth=3):
    inputs = keras.Input((4,))
    return keras.Model(inputs, Net(kind, by, depth)(inputs))
"""


def test_own_layers_are_chosen_as_others_are(float64: None) -> None:
    given = ("'shift'", "'scale', 1.5", "'shift', 0.1, 4", "by=0.0")
    pair = check_kept(OWN_LAYERS, *given)
    assert "raise NotImplementedError" not in pair.done.code.split("# --- ")[0]
