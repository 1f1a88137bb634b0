"""Initializers and regularizers that are handed on: as arguments, defaults, names of the module and of a function."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

BLOCKS = """
import keras
from keras import initializers, layers, regularizers

WEAK = regularizers.l2(1e-3)
start = initializers.Constant(0.25)


def block(x, units, kernel_initializer="he_normal", bias_initializer=start, penalty=None):
    return layers.Dense(
        units,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=penalty,
    )(x)


def build(width=3, first="ones", second=initializers.Constant(0.5), decay=1e-2, penalty=WEAK):
    own = initializers.Constant(-0.125)
    inputs = keras.Input((4,))
    x = block(inputs, width, first)
    x = block(x, width + 1, second, penalty=regularizers.l2(decay))
    x = block(x, 3, own, bias_initializer="zeros", penalty=penalty)
    return keras.Model(inputs, block(x, 2, kernel_initializer=own, penalty="l1"))


model = build()
"""


@pytest.mark.parametrize(
    ("keras_args", "torch_args"),
    [
        ("", ""),
        ("5, decay=0.5", "5, decay=0.5"),
        ("first='zeros', penalty=None", "first='zeros', penalty=None"),
        ("second='Ones', penalty='l1'", "second='Ones', penalty='l1'"),
        (
            "second=initializers.Constant(2.0), penalty=regularizers.L1L2(0.1, 0.2)",
            "second=partial(constant_, value=2.0), penalty=l1_l2(0.1, 0.2)",
        ),
    ],
)
@pytest.mark.usefixtures("float64")
def test_what_starts_and_what_is_penalized(keras_args: str, torch_args: str) -> None:
    """All initial weights of these models are constants: both sides start alike."""
    pair = Pair(BLOCKS)
    assert not pair.errors
    theirs = eval(f"build({keras_args})", pair.keras)
    ours = eval(f"build({torch_args})", vars(pair.torch))
    arrays = [np.asarray(weight) for weight in theirs.weights]
    for array, parameter in zip(arrays, ours.parameters(), strict=True):
        np.testing.assert_allclose(parameter.detach().numpy().T, array, rtol=1e-6)
    assert ours.regularization_loss().item() == pytest.approx(float(sum(theirs.losses)), rel=1e-6)


def test_the_reading() -> None:
    code = Pair(BLOCKS).done.code
    assert (
        "def start(weight: Tensor) -> Tensor:\n    return constant_(weight, value=0.25)\n" in code
    )
    assert "own = partial(constant_, value=-0.125)" in code
    assert '"weight": keras_initializer(kernel_initializer)' in code


CHOICES = """
import keras
from keras import layers


def block(x, filters, act=True, norm=True, pool=None, drop=0.0):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.BatchNormalization()(x) if norm else x
    y = layers.ReLU()(x) if act else layers.LeakyReLU(negative_slope=0.1)(x)
    z = layers.Dropout(drop)(y) if drop > 0 else y
    return (z, y) if pool is None else (layers.MaxPooling2D(pool)(z), y)


def build(n=3, norm=True, pool=None):
    inputs = keras.Input((9, 8, 2))
    x, skip = block(inputs, n, norm=norm)
    y, _ = block(layers.Add()([x, skip]), 2 * n, act=False, norm=not norm, pool=pool, drop=0.5)
    return keras.Model(inputs, layers.Conv2D(2, 1)(y) if pool is None else y)


model = build()
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("given", ["", "2, False", "4, pool=2"])
def test_conditional_expressions_stay(given: str) -> None:
    pair = Pair(CHOICES)
    assert not pair.errors
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    assert pair.done.code.count('(nn.Module):\n    """``block``') == 1
    pair.check("build", f"build({given})", given)


HANDED_ON = {
    "list": (
        "def block(x, widths):\n"
        "    first, second = widths\n"
        "    return layers.Dense(second)(layers.Dense(first, activation='tanh')(x))\n",
        "x = block(block(x, [width, 2 * width]), (width + 1, 3))",
    ),
    "array": (
        "def block(x, widths, i):\n"
        "    twice = widths * 2\n"
        "    return layers.Dense(int(twice[i]))(layers.Dense(int(widths[i]))(x))\n",
        "widths = (width * np.arange(1, 4)).astype(int)\n"
        "    for i in range(3):\n        x = block(x, widths, i)",
    ),
    "dict": (
        "def block(x, config):\n    return layers.Dense(config['units'] * 2)(x)\n",
        "x = block(x, {'units': width})",
    ),
    "closure": (
        "def block(x, head, width=3):\n    return layers.Dense(width)(head(x))\n",
        "dense = lambda t: layers.Dense(width)(t)\n    x = block(x, lambda t: dense(t) * 2.0)",
    ),
}


@pytest.mark.usefixtures("float64")
def test_numbers_of_each_channel_are_a_parameter() -> None:
    check_kept(
        "import keras\nfrom keras import layers\n"
        "def build(mean=(1.0, 2.0, 3.0), variance=[4.0, 0.5, 2.0]):\n"
        "    start = keras.Input((5, 5, 3))\n"
        "    x = layers.Normalization(mean=mean, variance=variance)(start)\n"
        "    return keras.Model(start, layers.Conv2D(2, 3)(x))\n",
        "(3.0, 1.0, -2.0), (1.0, 2.0, 4.0)",
    )


@pytest.mark.parametrize("name", HANDED_ON)
@pytest.mark.usefixtures("float64")
def test_settings_handed_on_within_other_values(name: str) -> None:
    block, calls = HANDED_ON[name]
    pair = Pair(
        "import keras\nimport numpy as np\nfrom keras import layers\n"
        f"{block}"
        f"def build(width=4):\n    x = inputs = keras.Input((5,))\n    {calls}\n"
        "    return keras.Model(inputs, x)\n"
    )
    assert not pair.errors
    for width in (4, 7):
        pair.check("build", f"build({width})", f"{width}")


@pytest.mark.usefixtures("float64")
def test_an_initializer_made_of_numbers_on_the_way() -> None:
    """Their names within a branch stand for what they are made of, in the initializer's arguments too."""
    check_kept(
        """
import keras
from keras import initializers, layers

def dense(x, units, start=None):
    if start is None:
        bound = 1 / float(units) ** 0.5
        start = initializers.RandomUniform(-bound, bound)
    return layers.Dense(units, kernel_initializer=start)(x)

def build(units=4):
    x = inputs = keras.Input((3,))
    for i in range(units // 2):
        x = dense(x, units * 2)
    return keras.Model(inputs, dense(x, units, "ones"))
""",
        "7",
    )
