"""Values that the source takes from its data or its module: hidden by parameters, left to the loader, computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kt_translate.diagnostics import Log
from kt_translate.evaluate.values import Array
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64
from tests.test_constructs import IMPORTS, errors_of, value

__all__ = ["float64"]


@pytest.mark.usefixtures("float64")
def test_a_constant_that_a_parameter_hides() -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\n"
        "units = 6\n"
        "def encode(x):\n    return layers.Dense(units)(x)\n"
        "def build(units, size):\n"
        "    i = keras.Input(shape=(size,))\n"
        "    x = encode(i)\n"
        "    return keras.Model(i, layers.Dense(units)(layers.Dense(x.shape[-1])(x)))\n"
        "model = build(4, 3)\n"
    )
    pair.check("build", "build(5, 2)", "5, 2")
    assert "nn.Linear(in_features, units)" in pair.done.code


def test_running_products_along_an_axis() -> None:
    assert value("float(np.cumprod([1.0, 2.0, 3.0], axis=0)[-1])", "import numpy as np") == 6.0


def test_a_shape_that_is_one_number_of_a_parameter() -> None:
    text = IMPORTS + (
        "def build(size=3):\n"
        "    i = keras.Input(shape=(size))\n"
        "    return keras.Model(i, layers.Dense(2)(i))\n"
    )
    assert errors_of(text) == []


@pytest.mark.usefixtures("float64")
def test_initial_values_that_are_data_are_left_to_the_loader() -> None:
    pair = Pair(
        "import keras\nfrom keras import layers\nimport numpy as np\n"
        "table = np.random.normal(size=(9, 4))\n"
        "i = keras.Input((5,), dtype='int32')\n"
        "x = layers.Embedding(9, 4, embeddings_initializer=keras.initializers.Constant(table))(i)\n"
        "model = keras.Model(i, x)\n"
    )
    pair.check("model", "model")
    assert [d.code for d in pair.log.diagnostics] == ["KT402"]


NUMBERS = [
    "np.arange(6)[:, np.newaxis]",
    "np.arange(4.0)[None, :] / 4.0",
    "np.arange(6)[:, None] * np.arange(4.0)[None, :]",
    "np.arange(24).reshape((2, 3, 4))[..., 1]",
    "np.arange(24).reshape((2, 3, 4))[:, None, 1, ..., None]",
    "np.concatenate([np.eye(3), np.arange(3)[:, None]], axis=-1)",
    "np.concatenate([np.eye(3), np.eye(3)], axis=-2)",
    "-np.arange(4.0)",
    "~np.array([True, False, True])",
]


@pytest.mark.parametrize("expression", NUMBERS)
def test_arrays_of_known_numbers_are_numpys(expression: str) -> None:
    found = value(f"list({expression})", "import numpy as np")
    wanted = eval(expression, {"np": np})
    np.testing.assert_array_equal(np.array(found), wanted)


PUTS = [
    "a[:, 0::2] = np.ones((3, 2))",
    "a[:, 1] = np.arange(3)",
    "a[0] = np.arange(4)",
    "a[1:, :2] = 7",
]


@pytest.mark.parametrize("statement", PUTS)
def test_elements_of_known_numbers_are_put_as_numpy_does(statement: str) -> None:
    text = f"import numpy as np\na = np.arange(12).reshape((3, 4))\n{statement}"
    found = value("a", text)
    scope: dict[str, Any] = {}
    exec(text, scope)
    np.testing.assert_array_equal(np.array(found), scope["a"])


def test_an_array_of_very_many_numbers_is_data() -> None:
    found = value("np.arange(300)[:, None] * np.arange(40)[None, :]", "import numpy as np")
    assert isinstance(found, Array)
    assert found.shape == (300, 40)


POSITIONS = """
import keras
import numpy as np
from keras import layers, ops


def positional_encoding(length, depth):
    depth = depth / 2
    positions = np.arange(length)[:, np.newaxis]
    depths = np.arange(depth)[np.newaxis, :] / depth
    angles = positions * (1 / (10000**depths))
    return ops.cast(np.concatenate([np.sin(angles), np.cos(angles)], axis=-1), "float64")


class Positions(layers.Layer):
    def __init__(self, words, size):
        super().__init__()
        self.embedding = layers.Embedding(words, size)
        self.table = positional_encoding(9, size)

    def call(self, x):
        return self.embedding(x) + self.table[None, : ops.shape(x)[1], :]


i = keras.Input((7,), dtype="int32")
model = keras.Model(i, Positions(11, 4)(i))
"""


@pytest.mark.usefixtures("float64")
def test_a_table_of_positions() -> None:
    pair = Pair(POSITIONS)
    pair.check("model", "model")
    assert "translated for" not in pair.done.code


KEYS = [
    "x[:, :5]",
    "x[:, 2:]",
    "x[:-3]",
    "x[::2, 1:-1]",
    "x[..., 1:]",
    "x[..., None]",
    "x[1:, ..., 0]",
    "x[:, 3]",
    "x[None, :, 1:4]",
    "x[5]",
    "x[:, ::-3, :2]",
]


@pytest.mark.parametrize("expression", KEYS)
def test_shapes_of_parts_of_data(expression: str) -> None:
    before = "import numpy as np\nx = np.random.normal(size=(9, 8, 4))"
    found = value(f"({expression}).shape", before)
    assert found == eval(expression, {"x": np.zeros((9, 8, 4))}).shape


def test_a_model_sized_by_columns_of_a_data_set() -> None:
    text = (
        "from tensorflow import keras\n"
        "from sklearn.datasets import fetch_california_housing\n"
        "housing = fetch_california_housing()\n"
        "wide, deep = housing.data[:, :5], housing.data[:, 2:]\n"
        "class Model(keras.Model):\n"
        "    def __init__(self, units):\n"
        "        super().__init__()\n"
        "        self.hidden = keras.layers.Dense(units, 'relu')\n"
        "        self.out = keras.layers.Dense(1)\n"
        "    def call(self, inputs):\n"
        "        a, b = inputs\n"
        "        return self.out(keras.layers.concatenate([a, self.hidden(b)]))\n"
        "model = Model(4)\n"
        "model.fit((wide, deep), housing.target)\n"
    )
    log = Log()
    done = translate(text, "model.py", Options(), log)
    assert [d.code for d in log.diagnostics] == ["KT401"]
    assert "Model(units=4, in_features=5, b_features=6)" in done.code
