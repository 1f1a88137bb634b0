"""Models whose outputs a loop fills: as many as the arguments say, in a list."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, check_kept, float64

__all__ = ["float64"]

HEAD = """
from keras import Input, Model, layers

def build(depth=3, units=4):
"""
PICTURE = """
    x = inputs = Input((17, 16, 3))
    outs = []
    for i in range(depth):
        x = layers.Conv2D(units * 2 ** i, 3, strides=2, padding="same", activation="relu")(x)
        outs.append(x)
"""
BUILDERS = {
    "comprehension": """
    inputs = Input((7, 5, 3))
    x = layers.Conv2D(units, 3, padding="same", activation="relu")(inputs)
    x = layers.Flatten()(x)
    x = [layers.Dense(5, activation="softmax", name="c%d" % (i + 1))(x) for i in range(depth)]
    return Model(inputs, x)
""",
    "into one": """
    inputs = Input((7, 5, 3))
    x = layers.Flatten()(layers.Conv2D(units, 3, activation="relu")(inputs))
    x = [layers.Dense(5, activation="tanh")(x) for i in range(depth)]
    return Model(inputs, layers.Concatenate()(x))
""",
    "levels of a pyramid": f"{PICTURE}    return Model(inputs, outs)\n",
    "backwards": f"{PICTURE}    return Model(inputs, outs[::-1])\n",
    "all but the first": f"{PICTURE}    return Model(inputs, outs[1:])\n",
    "one more of the kind behind": f"""{PICTURE}
    outs.append(layers.Conv2D(2, 1)(x))
    return Model(inputs, outs)
""",
    "one more before": f"""{PICTURE}
    return Model(inputs, [layers.Dense(2)(layers.GlobalAveragePooling2D()(x))] + outs)
""",
    "starred behind one of another rank": """
    inputs = Input((9, 3))
    x = layers.Dense(units)(inputs)
    outs = [x]
    for i in range(depth):
        x = layers.Dense(units, activation="tanh")(x)
        outs.append(x)
    return Model(inputs, [layers.GlobalAveragePooling1D()(x), *outs])
""",
    "in a dict, of several ranks": """
    inputs = Input((9, 3))
    x = layers.Dense(2 * units)(inputs)
    outs, heads = [x], []
    for i in range(depth):
        x = layers.Dense(2 * units, activation="tanh")(x)
        heads.append(layers.Reshape((9, 2, units))(x))
        outs.append(x)
    return Model(inputs, dict(first=x[:, 0], heads=heads, outs=outs, z={"last": x}))
""",
    "sequences": """
    x = inputs = Input((9, 3))
    outs = []
    for i in range(depth):
        x = layers.Conv1D(units + i, 3, padding="same", activation="tanh")(x)
        outs.append(layers.Conv1D(2, 1)(x))
    return Model(inputs=inputs, outputs=outs)
""",
    "from one tensor": """
    inputs = Input((6,))
    h = layers.Dense(units, activation="relu")(inputs)
    outputs = []
    for i in range(depth):
        y = layers.Dense(units // 2, activation="relu", name=f"head_{i}")(h)
        outputs.append(layers.Dense(1, name=f"out_{i}")(y))
    return Model(inputs, outputs)
""",
}


@pytest.mark.parametrize("body", BUILDERS.values(), ids=BUILDERS)
def test_outputs_of_a_loop(float64: None, body: str) -> None:
    check_kept(HEAD + body, "2", "3, 6", "4, units=2")


A_CLASS = """
import keras
from keras import Input, layers


class Encoder(keras.Model):
    def __init__(self, depth=3, units=4, **kwargs):
        self.parts = []
        for i in range(depth):
            self.parts.append(layers.Dense(units, activation="tanh", name=f"part_{i}"))
        inputs = Input((9, 3))
        x = layers.Dense(units)(inputs)
        outs = [x]
        for i in range(depth):
            x = self.parts[i](x)
            outs.append(x)
        super().__init__(inputs=inputs, outputs=dict(first=x[:, 0], outs=outs), **kwargs)


def build(depth=3, units=4):
    return Encoder(depth, units)
"""


def test_outputs_that_a_class_hands_to_the_one_it_extends(float64: None) -> None:
    check_kept(A_CLASS, "2", "3, 6", "4, units=2")


USES = {
    "with one of another kind": """
    outs.append(layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    return Model(inputs, outs)
""",
    "the last": "    return Model(model.input, model.outputs[-1])\n",
    "how many": "    return Model(inputs, layers.Dense(len(model.outputs))(model.outputs[0]))\n",
    "called": "    return Model(inputs, layers.Dense(2)(model(inputs)[1]))\n",
    "one of the list itself": "    return Model(inputs, layers.Dense(2)(outs[1]))\n",
    "the first and the last": "    return Model(inputs, [outs[0], layers.Dense(2)(outs[-1])])\n",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_reads_the_outputs_finds_them(float64: None, use: str) -> None:
    pair = Pair(f"{HEAD}{PICTURE}    model = Model(inputs, outs)\n{use}")
    assert pair.errors == []
    pair.check("build", "build()")


def test_inputs_of_a_loop_are_those_of_the_sample(float64: None) -> None:
    text = HEAD + """
    starts, branches = [], []
    for i in range(depth):
        starts.append(Input((5,), name=f"in_{i}"))
        branches.append(layers.Dense(units)(starts[-1]))
    return Model(starts, layers.Dense(2)(layers.Concatenate()(branches)))
"""
    pair = Pair(text)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(units=3)", "units=3")
    with pytest.raises(NotImplementedError, match="depth"):
        pair.check("build", "build(2)", "2")


ELSEWHERE = """
def heads(n=3, units=4):
    start = Input((6,))
    h = layers.Dense(units)(start)
    return Model(start, [layers.Dense(1)(h) for i in range(n)])


base = heads(3)
x = Input((6,))
a, b, c = base(x)
whole = Model(x, layers.Dense(2)(layers.concatenate([a, b, c])))


class Pilot:
    def __init__(self, n=2):
        self.model = heads(n)
        self.sizes = self.shape()

    def shape(self):
        return self.model.output_shape


def build(n=2):
    inner = heads(n)
    x = Input((6,))
    return Model(x, layers.add(inner(x)))
"""


def test_outputs_may_be_asked_for_anywhere(float64: None) -> None:
    """The source is read once more, then, with the loop unrolled that made them."""
    pair = Pair(HEAD.partition("def")[0] + ELSEWHERE)
    assert pair.errors == []
    for name in ("base", "whole", "build", "heads"):
        pair.check(name, name if name in ("base", "whole") else f"{name}()")
    pair.check("Pilot.model", "Pilot().model")


@pytest.mark.parametrize("count", [2, 6])
def test_a_variable_with_another_number_of_outputs(count: int, float64: None) -> None:
    text = """
from keras import Input, Model, layers, ops

cell, head = layers.LSTM(4, return_state=True), layers.Dense(3, activation="softmax")

def build(cell, head, steps=4):
    x, a, c = inputs = [Input((1, 3)), Input((4,)), Input((4,))]
    outputs = []
    for t in range(steps):
        a, _, c = cell(x, initial_state=[a, c])
        outputs.append(head(a))
        x = layers.RepeatVector(1)(ops.one_hot(ops.argmax(outputs[-1], axis=-1), 3))
    return Model(inputs, outputs)
"""
    pair = Pair(f"{text}\nmodel = build(cell, head, steps={count})\n")
    assert pair.errors == []
    assert len(pair.entries("model")[0]["outputs"]) == count
    pair.check("model", "model")


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_variable_with_another_number_of_outputs_beside_one(depth: int, float64: None) -> None:
    last = "layers.GlobalAveragePooling2D()(x)"
    text = (
        f"{HEAD}{PICTURE}    return Model(inputs, [{last}, *outs])\n\nmodel = build({depth}, 2)\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    (entry,) = pair.entries("model")
    assert sum(not port.get("optional") for port in entry["outputs"]) == depth + 1
    pair.check("model", "model")
    pair.check("build", "build()")
