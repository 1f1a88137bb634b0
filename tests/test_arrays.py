"""NumPy on settings: what a class computes of its parameters, before a tensor is made of it."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from kt_translate.diagnostics import Log
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.numbers import Numbers
from kt_translate.evaluate.values import Array, Unknown
from kt_translate.graph.region import CURRENT, Region
from kt_translate.layers import catalogue
from kt_translate.ops import catalogue as op_catalogue
from kt_translate.source.syntax import Source
from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = (
    "import keras\nimport numpy as np\nimport tensorflow as tf\nfrom keras import layers, ops\n\n\n"
)
WAVES = """
def get_angles(pos, i, d_model):
    return pos / np.power(10000, (2 * (i // 2)) / np.float64(d_model))


def positions(count, d_model):
    angles = get_angles(np.arange(count)[:, np.newaxis], np.arange(d_model)[np.newaxis, :], d_model)
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return tf.cast(angles[np.newaxis, ...], "float64")


"""
LAYER = """
class Encode(layers.Layer):
    def __init__(self, count, width):
        super().__init__()
        self.dense = layers.Dense(width)
        self.pos = positions(count, width)

    def call(self, x):
        return self.dense(x) + self.pos[:, : ops.shape(x)[1], :]


inputs = keras.Input((5, 3))
model = keras.Model(inputs, Encode(9, 6)(inputs))
"""
INDEX = """
class Relative(layers.Layer):
    def __init__(self, window):
        super().__init__()
        grid = np.meshgrid(np.arange(window[0]), np.arange(window[1]), indexing="ij")
        flat = np.stack(grid).reshape(2, -1)
        relative = (flat[:, :, None] - flat[:, None, :]).transpose([1, 2, 0])
        relative[:, :, 0] += window[0] - 1
        relative[:, :, 1] += window[1] - 1
        relative[:, :, 0] *= 2 * window[1] - 1
        index = relative.sum(-1)
        self.table = self.add_weight(shape=((2 * window[0] - 1) * (2 * window[1] - 1), 2))
        self.index = keras.Variable(index, shape=index.shape, dtype="int32", trainable=False)

    def call(self, x):
        bias = ops.take(self.table, ops.reshape(self.index, (-1,)), axis=0)
        return x + ops.sum(ops.reshape(bias, (*self.index.shape, -1)), axis=-1)


inputs = keras.Input((6, 6))
model = keras.Model(inputs, Relative((3, 2))(inputs))
"""
MASK = """
class Shift(layers.Layer):
    def __init__(self, size, shift):
        super().__init__()
        self.size = size
        self.shift = shift

    def build(self, input_shape):
        if self.shift == 0:
            self.mask = None
        else:
            rows = (slice(0, -self.size), slice(-self.size, -self.shift), slice(-self.shift, None))
            regions = np.zeros((1, input_shape[1], input_shape[2]))
            count = 0
            for row in rows:
                for column in rows:
                    regions[:, row, column] = count
                    count += 1
            regions = ops.convert_to_tensor(regions)
            mask = ops.expand_dims(regions, axis=1) - ops.expand_dims(regions, axis=2)
            mask = ops.where(mask != 0, -100.0, mask)
            self.mask = keras.Variable(mask, shape=mask.shape, trainable=False)

    def call(self, x):
        if self.mask is not None:
            x = x + ops.sum(self.mask, axis=(0, 1))
        return x


inputs = keras.Input((6, 6))
model = keras.Model(inputs, Shift(2, 1)(Shift(2, 0)(inputs)))
"""
SHAPES = """
def halves(x):
    _, rows, columns = x.get_shape().as_list()
    return tf.reshape(x, [2, rows // 2, columns])


class Halved(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def build(self, input_shape):
        grid = np.zeros((1, self.size, 6))
        grid[:, 1:] = 2
        grid = halves(tf.convert_to_tensor(grid))
        self.grid = keras.Variable(grid, shape=grid.get_shape(), trainable=False)

    def call(self, x):
        return x + ops.mean(self.grid, axis=(0, 1))


inputs = keras.Input((6, 6))
model = keras.Model(inputs, Halved(4)(inputs))
"""
PLAIN = """
pos = positions(5, 6)
inputs = keras.Input((5, 6))
model = keras.Model(inputs, layers.Dense(2)(inputs) + ops.sum(pos))
"""
ATTRIBUTE = """
class Fixed(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = np.linspace(0.0, 1.0, 6).reshape(1, -1) * np.ones((width, 1))
        self.steps = np.arange(width)

    def call(self, x):
        for step in self.steps:
            x = x * 1.5
        return layers.ReLU()(x) @ ops.transpose(self.table) + self.table.T[:1]


inputs = keras.Input((4, 6))
model = keras.Model(inputs, Fixed(3)(inputs))
"""
NEGATIVE = """
class Centred(layers.Layer):
    def build(self, input_shape):
        self.size = input_shape[2]

    def call(self, x):
        r = np.arange(0.5, self.size, 1) / (self.size / 2) - 1
        across, down = np.meshgrid(r, -r)
        return x * across + down * ~(across > 0)


inputs = keras.Input((6, 6))
model = keras.Model(inputs, Centred()(inputs))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "source",
    [WAVES + LAYER, INDEX, MASK, SHAPES, WAVES + PLAIN, ATTRIBUTE, NEGATIVE],
    ids=["layer", "index", "mask", "shapes", "module", "attribute", "negative"],
)
def test_arrays_of_settings_are_computed_as_the_source_does(source: str) -> None:
    pair = Pair(HEAD + source)
    assert not pair.errors
    made = getattr(pair.torch, pair.entries("model")[0]["factory"])()
    state = dict(made.named_buffers())
    for variable in pair.keras["model"].non_trainable_variables:
        ours = next(
            v
            for n, v in state.items()
            if n.endswith(variable.name.split("/")[-1]) or len(state) == 1
        )
        np.testing.assert_allclose(ours.numpy(), variable.numpy())
    pair.check("model", "model")


@pytest.mark.usefixtures("float64")
def test_the_code_stays_the_sources_own() -> None:
    code = Pair(HEAD + INDEX).done.code
    assert "relative[:, :, 0] += window[0] - 1" in code
    assert 'np.meshgrid(np.arange(window[0]), np.arange(window[1]), indexing="ij")' in code


STALE = """
class Changed(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = np.zeros((width, 2))
        row = self.table[0]
        row[1] = 7.0

    def call(self, x):
        return x + self.table


inputs = keras.Input((3, 2))
model = keras.Model(inputs, Changed(3)(inputs))
"""
LOOP = """
class Filled(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = np.zeros((width, width))
        for i in range(width):
            for j in range(width):
                self.table[i, j] = i - j

    def call(self, x):
        return x + self.table


inputs = keras.Input((9, 9))
model = keras.Model(inputs, Filled(9)(inputs))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("source", [STALE, LOOP], ids=["view", "loop"])
def test_what_is_not_followed_is_told(source: str) -> None:
    assert Pair(HEAD + source).errors


ARRAYS = {
    "a": "np.array([3, 1, 2])",
    "b": "np.array([[1, 5, 2], [4, 0, 3]])",
    "c": "np.array([[[1.5, 2], [3, 4]], [[5, 6], [7, 8.25]], [[0, 1], [2, 3]]])",
    "d": "np.array([[7, 8, 9]])",
}
OF_ONE = (
    *(
        [
            "sum",
            "max",
            "min",
            "mean",
            "prod",
            "argmax",
            "argmin",
            "any",
            "all",
            "sort",
            "flip",
            "unique",
            "diff",
            "cumsum",
            "size",
            "shape",
        ]
    ),
    *(
        [
            "transpose",
            "ravel",
            "squeeze",
            "sqrt",
            "exp",
            "square",
            "negative",
            "abs",
            "floor",
            "round",
            "ndim",
            "tile",
        ]
    ),
)
OF_TWO = [
    "add",
    "multiply",
    "maximum",
    "minimum",
    "power",
    "append",
    "hstack",
    "vstack",
    "column_stack",
    "concatenate",
]
EXPRESSIONS = [
    *(
        f"np.{f}({x}{more})"
        for f in OF_ONE
        for x in ARRAYS
        for more in ("", ", axis=0", ", axis=-1")
    ),
    *(
        f"{x}.{f}"
        for x in ARRAYS
        for f in ("T", "sum()", "max(axis=0)", "transpose()", "cumsum(0)")
    ),
    *(f"np.{f}({x}, {y})" for f in OF_TWO[:6] for x in ARRAYS for y in ARRAYS),
    *(f"np.{f}(({x}, {y}))" for f in OF_TWO[6:] for x in ARRAYS for y in ARRAYS),
    *(f"np.concatenate(({x}, {y}), axis=-1)" for x in ARRAYS for y in ARRAYS),
    *(f"{x} {op} {y}" for x in ARRAYS for y in ARRAYS for op in ("+", "/", "%", ">", "@")),
    *(
        f"{x}[{key}]"
        for x in ARRAYS
        for key in ("0", "-1:", "::-1", ":, 0", "..., 0", "None", "-1, :")
    ),
]


def test_known_numbers_are_computed_as_numpy_does() -> None:
    """Every function gives what NumPy gives, or is not known; an error of NumPy's is none of ours."""
    space: dict[str, Any] = {"np": np}
    for name, text in ARRAYS.items():
        space[name] = eval(text, {"np": np})
    wanted: dict[str, Any] = {}
    for text in EXPRESSIONS:
        with contextlib.suppress(ValueError, IndexError, TypeError):
            wanted[text] = eval(text, dict(space))
    lines = [f"{n} = {text}" for n, text in ARRAYS.items()]
    lines += [f"v{i} = {text}" for i, text in enumerate(wanted)]
    catalogue.load()
    op_catalogue.load()
    CURRENT[:] = [Region()]
    ev = Interpreter(Source("import numpy as np\n" + "\n".join(lines), "model.py"), Log(), {})
    ev.run_module()
    known = 0
    for i, (text, want) in enumerate(wanted.items()):
        got = ev.module.names[f"v{i}"]
        if isinstance(got, Unknown):
            continue
        if isinstance(got, Array):
            assert got.shape is None or len(got.shape) == np.ndim(want), text
            sizes = zip(got.shape or (), np.shape(want), strict=False)
            assert all(not isinstance(n, int) or n == m for n, m in sizes), text
            continue
        known += 1
        np.testing.assert_allclose(_numbers(got), np.asarray(want, float), err_msg=text)
    assert known > len(wanted) / 2


def _numbers(value: Any) -> Any:
    if isinstance(value, (Numbers, list, tuple)):
        return np.array([_numbers(v) for v in value], float)
    return float(value)


RATES = """
def block(x, rate):
    return layers.Add()([x, layers.Dense(5)(x) * rate])


def staged(depths=(1, 2), rate=0.1):
    inputs = x = keras.Input((5,))
    rates = [float(r) for r in np.linspace(0.0, rate, sum(depths))]
    at = 0
    for depth in depths:
        for i in range(depth):
            x = block(x, rates[at + i])
        at += depth
    return keras.Model(inputs, x)


def of_tensors(depths=(1, 2), rate=0.1):
    inputs = x = keras.Input((5,))
    rates = [float(r) for r in tf.linspace(0.0, rate, sum(depths))]
    for i, depth in enumerate(depths):
        for j in range(depth):
            x = block(x, rates[sum(depths[:i]) + j])
    return keras.Model(inputs, x)


def sliced(depths=(1, 2), rate=0.1):
    inputs = x = keras.Input((5,))
    rates = np.linspace(0, rate, sum(depths)).tolist()
    for i in range(len(depths)):
        part = rates[sum(depths[:i]) : sum(depths[: i + 1])]
        for j in range(depths[i]):
            x = block(x, part[j])
    return keras.Model(inputs, x)


def kept(depth=3, rate=0.1):
    inputs = x = keras.Input((5,))
    keep = 1 - 2 * np.linspace(0.0, rate, depth)[::-1]
    for i in range(depth):
        x = block(x, keep[i])
    for r in np.linspace(0.0, rate, depth) * 2:
        x = block(x, r)
    return keras.Model(inputs, x)


def counted(depth=3, rate=0.1):
    inputs = x = keras.Input((5,))
    rates = np.linspace(0.1, rate, depth)[::-1]
    for i in range(rates.shape[0]):
        x = block(x, rates[i])
    return keras.Model(inputs, block(x, rates.mean()))
"""


@pytest.mark.parametrize(
    "call",
    [
        "staged((2, 1, 2), 0.3)",
        "of_tensors((3, 1), 0.2)",
        "sliced((2, 3), 0.2)",
        "kept(4, 0.5)",
        "counted(3, 0.1)",
    ],
)
def test_evenly_spaced_numbers_up_to_a_parameter(call: str, float64: None) -> None:
    pair = Pair(HEAD + RATES)
    assert not pair.errors
    name, _, given = call.partition("(")
    pair.check(name, call, given.removesuffix(")"))


@pytest.mark.usefixtures("float64")
def test_numbers_of_arrays_that_parameters_make_are_settings_of_layers() -> None:
    pair = Pair(
        HEAD + "def build(scale=1.0, units=[1, 2], groups=1, classes=4):\n"
        "    table = {1: 6, 2: 8}\n"
        "    widths = 2 ** np.insert(np.arange(0, len(units), dtype=np.float32), 0, 0)\n"
        "    widths *= table[groups]\n"
        "    widths[0] = 5\n"
        "    widths *= scale\n"
        "    widths = widths.astype(int)\n"
        "    x = inputs = keras.Input((6,))\n"
        "    x = layers.Dense(int(widths[0]))(x)\n"
        "    for stage in range(0, len(units)):\n"
        "        for _ in range(units[stage]):\n"
        "            x = layers.Dense(int(widths[stage + 1]), activation='tanh')(x)\n"
        "    return keras.Model(inputs, layers.Dense(classes)(x))\n"
    )
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(1.5, groups=2)", "1.5, groups=2")


@pytest.mark.usefixtures("float64")
def test_what_is_computed_of_one_parameter_is_known_by_it() -> None:
    pair = Pair(
        HEAD + "import math\n\n\n"
        "def waves(length, width):\n"
        "    return np.array([[math.sin(i / 100 ** (2 * j / width)) for j in range(width)]\n"
        "                     for i in range(length)])\n\n\n"
        "def build(length=5, width=4):\n"
        "    inputs = keras.Input((length, width))\n"
        "    x = inputs + ops.convert_to_tensor(waves(length, width))\n"
        "    return keras.Model(inputs, layers.Dense(2)(x))\n"
    )
    assert pair.errors == []
    assert "if width != 4:" in pair.done.code
    assert sum(d.code == "KT301" for d in pair.log.diagnostics) <= 3
    pair.check("build", "build()")
