"""Names that functions of Lambda layers read when the model runs, beside Keras."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import keras\nfrom keras import layers\n"
PART = "layers.Lambda(lambda x: x[:, i])(inp)"
KEPT = "layers.Lambda(lambda x, i=i: x[:, i])(inp)"
LOOP = """
def build(n=3):
    inp, parts = keras.Input((n, 4)), []
    for i in range(n):
        parts.append(layers.Dense(2)({part}))
    return keras.Model(inp, layers.Concatenate()(parts))
"""
SCRIPT = """
inp, parts = keras.Input((3, 4)), []
for i in range(3):
    parts.append(layers.Dense(2)({part}))
model = keras.Model(inp, layers.Concatenate()(parts))
"""
REBOUND = """
def build(units=4, k=2.0):
    def scaled(x):
        return x * k
    inp = keras.Input((5,))
    x = layers.Dense(units)(layers.Lambda(scaled)(inp))
    k = 3.0
    return keras.Model(inp, layers.Lambda(scaled)(x))
"""


@pytest.mark.parametrize(
    ("text", "model", "told"),
    [
        (LOOP.format(part=PART), "build", True),
        (LOOP.format(part=KEPT), "build", False),
        (SCRIPT.format(part=PART), "model", True),
        (SCRIPT.format(part=KEPT), "model", False),
        (REBOUND, "build", True),
    ],
)
def test_a_name_has_its_last_value(text: str, model: str, told: bool, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + text)
    assert pair.errors == []
    assert ("KT209" in {d.code for d in pair.log.diagnostics}) is told
    pair.check(model, "build()" if model == "build" else "model")


GROUPS = """
def grouped(x, width, count):
    parts = []
    for i in range(count):
        y = layers.Lambda(lambda z: z[:, i * width : (i + 1) * width])(x)
        parts.append(layers.Dense(width)(y))
    return layers.Concatenate()(parts)


def build(count=4):
    inp = keras.Input((15,))
    return keras.Model(inp, grouped(inp, 3, count))
"""


def test_names_at_the_end_of_one_of_two_branches(float64: None) -> None:
    keras.utils.clear_session()
    early = "    if count == 1:\n        return layers.Dense(width)(x)\n    parts = []\n"
    pair = Pair(IMPORTS + GROUPS.replace("    parts = []\n", early))
    assert "KT209" in {d.code for d in pair.log.diagnostics}
    pair.check("build", "build()")


def test_the_last_value_of_a_loop_is_that_of_its_length(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + GROUPS)
    pair.check("build", "build()")
    with pytest.raises(NotImplementedError, match="translated for count = 4"):
        pair.torch.build(5)
