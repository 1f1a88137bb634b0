"""What loops have filled, and tensors beside it, made one by a layer or function."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
from keras import Input, Model, layers, ops


def build(rates=(1, 2, 3), filters=4):
"""
PYRAMID = """
    inputs = Input((8, 6, 3))
    x = layers.Conv2D(filters, 3, padding="same")(inputs)
    branches = []
    for rate in rates:
        y = layers.Conv2D(filters + rate, 3, padding="same", dilation_rate=rate)(x)
        branches.append(layers.Activation("tanh")(y))
"""
BUILDERS = {
    "one more behind": f"""{PYRAMID}
    pooled = layers.AveragePooling2D(2)(x)
    branches.append(layers.UpSampling2D(2)(layers.Conv2D(4, 1)(pooled)))
    return Model(inputs, layers.Conv2D(2, 1)(layers.Concatenate()(branches)))
""",
    "before and behind": f"""{PYRAMID}
    joined = ops.concatenate([inputs] + branches + [x], axis=-1)
    return Model(inputs, layers.Dense(2)(joined))
""",
    "of two loops": f"""{PYRAMID}
    others = [layers.Conv2D(2, 1)(x) for rate in rates]
    return Model(inputs, layers.Dense(2)(layers.concatenate(branches + others)))
""",
    "last states": """
    x = inputs = Input((7, 3))
    states = []
    for units in rates:
        x, h = layers.GRU(units, return_sequences=True, return_state=True)(x)
        states.append(h)
    x, h = layers.GRU(filters, return_state=True)(x)
    states.append(h)
    return Model(inputs, layers.Dense(2)(layers.Concatenate()(states)))
""",
    "added": """
    inputs = Input((5,))
    branches = [layers.Dense(filters)(inputs) for _ in rates]
    return Model(inputs, layers.add([layers.Dense(filters)(inputs)] + branches))
""",
    "stacked": """
    inputs = Input((5,))
    branches = [layers.Dense(filters)(inputs) for _ in rates]
    stacked = ops.stack(branches + [layers.Dense(filters)(inputs)], axis=1)
    return Model(inputs, layers.Dense(3)(layers.Flatten()(stacked)))
""",
    "heads that a parameter counts": """
    inputs = Input((7, 3))
    x = layers.Dense(filters * len(rates))(inputs)
    heads = ops.concatenate(ops.split(x, filters, axis=2), axis=0)
    scores = ops.softmax(ops.matmul(heads, ops.transpose(heads, (0, 2, 1))))
    heads = ops.split(ops.matmul(scores, heads), filters)
    return Model(inputs, layers.Dense(2)(ops.concatenate(heads, axis=-1)))
""",
}


@pytest.mark.parametrize("body", BUILDERS.values(), ids=BUILDERS)
def test_lists_and_tensors_become_one(float64: None, body: str) -> None:
    check_kept(HEAD + body, "(2, 1)", "(3, 1, 2, 1), 5")


def test_single_numbers_are_as_many_as_in_the_sample(float64: None) -> None:
    text = HEAD + """
    inputs = Input((5,))
    totals = []
    for rate in rates:
        totals.append(ops.sum(layers.Dense(rate)(inputs)))
    return Model(inputs, layers.Dense(2)(inputs) * totals[0] + totals[1] * totals[2])
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
