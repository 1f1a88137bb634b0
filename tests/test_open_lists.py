"""Lists of layers that loops and conditions fill stay open, wherever they are gone through."""

from __future__ import annotations

import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import check_kept, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers, ops
"""

IN_BUILDERS = {
    "conditions among a loop's items": (
        """
def build(n_in=5, units=(6, 4), use_bn=False, rate=0.0):
    stack = [layers.Input((n_in,))]
    for i, u in enumerate(units):
        dense = layers.Dense(u, activation="tanh")
        stack.append(dense)
        if use_bn:
            stack.append(layers.BatchNormalization())
        elif u > 5:
            stack.append(layers.LayerNormalization())
        if rate:
            stack.append(layers.Dropout(rate))
    stack += [layers.Dense(3)]
    return keras.Sequential(stack)
""",
        ("7, (8, 3, 5), True", "units=(3,), rate=0.5", "units=(4, 9, 2)"),
    ),
    "after a comprehension": (
        """
def build(n_in=5, units=(6, 4, 3), last=True):
    x = inputs = layers.Input((n_in,))
    stack = [layers.Dense(u, activation="tanh") for u in units]
    if last:
        stack.append(layers.Dense(2))
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)
""",
        ("4, (3, 2)", "last=False", "units=(7, 2, 3, 4), last=False"),
    ),
    "lists joined": (
        """
def build(n_in=5, units=(6, 4), more=(3,), act="tanh"):
    hidden = [layers.Dense(u, activation=act) for u in units]
    hidden.extend([layers.Dense(u) for u in more])
    stack = [layers.Input((n_in,))] + hidden + [layers.Activation("softmax")]
    return keras.Sequential(stack)
""",
        ("4, (3, 2)", "more=(7, 4, 2), act='relu'"),
    ),
    "starred": (
        """
def build(n_in=5, units=(6, 4), use_bn=False):
    block = []
    for u in units:
        block.append(layers.Dense(u))
        if use_bn:
            block.append(layers.BatchNormalization())
        block.append(layers.Activation("tanh"))
    inputs = layers.Input((n_in,))
    x = keras.Sequential([*block, layers.Dense(2)])(inputs)
    return keras.Model(inputs, x)
""",
        ("4, (3, 2, 6)", "use_bn=True"),
    ),
    "filled by a function": (
        """
def fill(stack, units, more):
    for u in units:
        stack.append(layers.Dense(u, activation="tanh"))
    if more:
        stack.append(layers.Dense(2))


def build(n_in=5, units=(6, 4), more=True):
    stack = []
    fill(stack, units, more)
    x = inputs = layers.Input((n_in,))
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)
""",
        ("4, (3, 2, 6)", "more=False"),
    ),
    "no loop": (
        """
def conv_block(filters, norm="batch", act="tanh", n=2):
    block = keras.Sequential()
    block.add(layers.Conv2D(filters, 3, padding="same"))
    if norm == "batch":
        block.add(layers.BatchNormalization())
    elif norm == "layer":
        block.add(layers.LayerNormalization())
    if act is not None:
        block.add(layers.Activation(act))
    return block


def build(filters=3, norm="batch", act="tanh"):
    inputs = layers.Input((7, 6, 2))
    x = conv_block(filters, norm, act)(inputs)
    x = conv_block(filters + 1, norm, act)(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
""",
        ("4, 'layer'", "norm=None", "2, act=None"),
    ),
    "more than layers in a turn": (
        """
def build(n_in=5, units=(6, 4), skip=True, use_bn=False):
    inputs = x = layers.Input((n_in,))
    stack = []
    for u in units:
        stack.append(layers.Dense(u, activation="tanh"))
        if use_bn:
            stack.append(layers.BatchNormalization())
    for layer in stack:
        y = layer(x)
        x = layers.concatenate([x, y]) if skip else y
    return keras.Model(inputs, x)
""",
        ("4, (3, 2, 6)", "use_bn=True", "skip=False"),
    ),
    "the last turn has no activation": (
        """
def build(n_in=5, depth=3, width=4):
    stack = []
    for i in range(depth):
        stack.append(layers.Dense(width))
        if i < depth - 1:
            stack.append(layers.Activation("tanh"))
    inputs = layers.Input((n_in,))
    return keras.Model(inputs, keras.Sequential(stack)(inputs))
""",
        ("4, 2", "depth=5", "depth=1"),
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", IN_BUILDERS)
def test_lists_of_builders(form: str) -> None:
    source, given = IN_BUILDERS[form]
    check_kept(HEAD + source, *given)


IN_CLASSES = {
    "by a loop with conditions": (
        """
        self.parts = []
        for _ in range(depth):
            self.parts.append(layers.Dense(units))
            if use_bn:
                self.parts.append(layers.BatchNormalization())
            self.parts.append(layers.Activation("tanh"))
""",
        """
        for part in self.parts:
            x = part(x)
""",
    ),
    "around a loop": (
        """
        self.parts = [layers.Dense(units, activation="tanh")]
        if use_bn:
            self.parts.append(layers.BatchNormalization())
        for _ in range(depth):
            self.parts += [layers.Dense(units, activation="tanh")]
        self.parts.append(layers.Dense(3))
""",
        """
        for part in self.parts:
            x = part(x)
""",
    ),
    "by a method": (
        """
        self.parts, self.width = [], None
        for k in range(2):
            self.grow(layers.Dense(units))
            if use_bn:
                self.grow(layers.BatchNormalization())
            self.grow(layers.Activation("tanh"))

    def grow(self, layer):
        self.parts.append(layer)
        self.last = self.parts[-1]
""",
        """
        for part in self.parts:
            x = part(x)
""",
    ),
    "in two places": (
        """
        parts = [layers.Dense(units, activation="tanh") for _ in range(depth)]
        if use_bn:
            parts.append(layers.BatchNormalization())
        parts.append(layers.Dense(3))
        self.body = keras.Sequential(parts)
""",
        """
        x = self.body(x)
""",
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("form", IN_CLASSES)
def test_lists_of_classes(form: str) -> None:
    made, called = IN_CLASSES[form]
    source = f"""
class Block(layers.Layer):
    def __init__(self, units, depth=2, use_bn=False):
        super().__init__(){made}
    def call(self, x):{called}        return x


def build(units=4, depth=2, use_bn=False):
    inputs = layers.Input((5,))
    return keras.Model(inputs, layers.Dense(2)(Block(units, depth, use_bn)(inputs)))
"""
    depth = "2" if form == "by a method" else "4"
    check_kept(HEAD + source, f"3, {depth}", "use_bn=True", "6, use_bn=True")


READ_OTHERWISE = HEAD + """
def build(units=(6, 4), use_bn=False):
    inputs = x = layers.Input((5,))
    stack = [layers.Dense(u, activation="tanh") for u in units]
    if use_bn:
        stack.append(layers.BatchNormalization())
    for layer in stack[1:]:
        x = layer(x)
    return keras.Model(inputs, x)
"""


def test_what_reads_a_list_otherwise_takes_it_as_it_is() -> None:
    done = translate(READ_OTHERWISE, "model.py", Options(), Log())
    assert "translated for len(units) = 2" in done.code
    assert "translated for use_bn = False" in done.code
