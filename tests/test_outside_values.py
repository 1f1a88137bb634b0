"""Values that the source takes from its data or its module: hidden by parameters, left to the loader, computed."""

from __future__ import annotations

import pytest

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
