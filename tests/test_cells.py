"""Cells of recurrent layers: the source's own in RNN, Keras's called step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

MINIMAL = """
class MinimalCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, inputs, states):
        output = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent))
        return output, [output]
"""

PEEPHOLE = """
class PeepholeCell(layers.Layer):
    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    @property
    def state_size(self):
        return [self.units, self.units]

    @property
    def output_size(self):
        return self.units

    def build(self, input_shape):
        self.gates = layers.Dense(4 * self.units)
        self.gates.build((None, input_shape[-1] + self.units))
        self.peep = self.add_weight(shape=(3, self.units), initializer="ones", name="peep")

    def call(self, inputs, states, training=None):
        h, c = states
        i, f, g, o = ops.split(self.gates(ops.concatenate([inputs, h], axis=-1)), 4, axis=1)
        c = ops.sigmoid(f + self.peep[1] * c) * c
        c = c + ops.sigmoid(i + self.peep[0] * c) * self.activation(g)
        h = ops.sigmoid(o + self.peep[2] * c) * self.activation(c)
        return h, [h, c]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units)), ops.ones((batch_size, self.units))]
"""

BUILDERS: dict[str, tuple[str, tuple[int, ...]]] = {
    "last": (MINIMAL + """

def build(units=4):
    x = keras.Input((None, 5))
    return keras.Model(x, layers.Dense(2)(layers.RNN(MinimalCell(units))(x)))
""", (3, 6, 5)),
    "sequences, states and a start": (PEEPHOLE + """

def build(units=4):
    x = keras.Input((6, 5))
    y, h, c = layers.RNN(PeepholeCell(units), return_sequences=True, return_state=True, name="first")(x)
    z, *states = layers.RNN(PeepholeCell(units), return_state=True)(y, initial_state=[c, h])
    return keras.Model(x, [z, h, *states])
""", (3, 6, 5)),
    "backwards, without a name": (MINIMAL + """

def build(units=4):
    x = keras.Input((6, 5))
    y = layers.RNN(MinimalCell(units), return_sequences=True, go_backwards=True)(x)
    return keras.Model(x, layers.Conv1D(3, 2)(y))
""", (3, 6, 5)),
    "stacks": (MINIMAL + PEEPHOLE + """

def build(units=4):
    x = keras.Input((6, 5))
    y = layers.RNN([MinimalCell(units), layers.LSTMCell(3), PeepholeCell(2)], return_sequences=True)(x)
    cells = layers.StackedRNNCells([layers.GRUCell(units), layers.SimpleRNNCell(3)])
    z, first, second = layers.RNN(cells, return_state=True)(y)
    return keras.Model(x, [z, first, second])
""", (3, 6, 5)),
    "masks": (MINIMAL + """

def build(units=4):
    x = keras.Input((6,), dtype="int32")
    y = layers.Embedding(7, 5, mask_zero=True)(x)
    y = layers.RNN(MinimalCell(units), return_sequences=True)(y)
    z = layers.RNN(MinimalCell(units))(y)
    return keras.Model(x, [y, z])
""", (4, 6)),
    "zeros for masked steps": (MINIMAL + """

def build(units=4):
    x = keras.Input((6,), dtype="int32")
    y = layers.Embedding(7, 5, mask_zero=True)(x)
    cell = MinimalCell(units)
    return keras.Model(x, layers.RNN(cell, return_sequences=True, zero_output_for_mask=True)(y))
""", (4, 6)),
    "a layer that extends RNN": (MINIMAL + """

class MinimalRNN(layers.RNN):
    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(MinimalCell(units), return_sequences=return_sequences, **kwargs)

    def call(self, sequences, initial_state=None, mask=None, training=None):
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)


def build(units=4):
    x = keras.Input((6, 5))
    return keras.Model(x, MinimalRNN(units)(MinimalRNN(3, return_sequences=True)(x)))
""", (3, 6, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", BUILDERS)
def test_cells_of_the_source_in_rnn(name: str, tmp_path: Path) -> None:
    text, shape = BUILDERS[name]
    both = Both(tmp_path, text)
    given: Any = numbers(*shape)
    if len(shape) == 2:
        given = np.array([[1, 2, 3, 0, 0, 0], [0, 4, 0, 5, 6, 0], [0] * 6, [1] * 6], "int32")
    both.agree("build", "", "", given)


BY_HAND: dict[str, str] = {
    "decoder": """
class Net(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.cell = layers.LSTMCell(units)
        self.start = layers.Dense(units)
        self.out = layers.Dense(2)

    def call(self, x):
        h, c = self.start(x[:, 0]), self.start(x[:, 1])
        found = []
        for t in range(3):
            _, (h, c) = self.cell(x[:, t], [h, c])
            found.append(self.out(h))
        return ops.stack(found, axis=1)
""",
    "cells of all kinds": """
class Net(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.first = layers.GRUCell(units, reset_after=False)
        self.second = layers.SimpleRNNCell(units, activation="relu", use_bias=False)
        self.third = layers.LSTMCell(units, activation="relu", recurrent_activation="hard_sigmoid")

    def call(self, x):
        a = ops.zeros((ops.shape(x)[0], 4))
        b = [ops.ones((ops.shape(x)[0], 4))]
        c = self.third.get_initial_state(batch_size=ops.shape(x)[0])
        for t in range(3):
            y, a = self.first(x[:, t], states=a)
            y, b = self.second(y, b)
            y, c = self.third(y, c)
        return ops.concatenate([y, a, b[0], *c], axis=-1)
""",
    "a cell in RNN too": """
class Net(keras.Model):
    def __init__(self, units=4, features=5):
        super().__init__()
        self.cell = layers.LSTMCell(units)
        self.rnn = layers.RNN(self.cell, return_state=True)
        self.out = layers.Dense(features)

    def call(self, x, training=None):
        y, *state = self.rnn(x)
        y = self.out(y)
        found = [y]
        for n in range(1, 3):
            y, state = self.cell(y, states=state, training=training)
            y = self.out(y)
            found.append(y)
        return ops.transpose(ops.stack(found), [1, 0, 2])
""",
    "a cell that holds another": """
class Residual(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.cell = layers.GRUCell(units)
        self.state_size = self.cell.state_size

    def call(self, x, states):
        y, states = self.cell(x, states)
        return y + x, states


class Net(keras.Model):
    def __init__(self, units=5):
        super().__init__()
        self.rnn = layers.RNN(Residual(units), return_sequences=True)

    def call(self, x):
        return self.rnn(x)
""",
}


@pytest.mark.parametrize("name", BY_HAND)
def test_cells_called_by_the_source(name: str, tmp_path: Path) -> None:
    call = "\n\nnet = Net()\nnet(keras.Input((4, 5)))\n"
    both = Both(tmp_path, BY_HAND[name] + call)
    both.agree("net", None, "", numbers(3, 4, 5))  # type: ignore[arg-type]


PICTURES = """
class SmoothingCell(layers.Layer):
    def __init__(self, filters, size, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.state_size = (size, size, filters)

    def call(self, x, states):
        h = 0.5 * states[0] + self.conv(x)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, *self.state_size))]


class Net(keras.Model):
    def __init__(self, filters=2):
        super().__init__()
        self.rnn = layers.RNN(SmoothingCell(filters, 5), return_sequences=True)
        self.last = layers.ConvLSTM2D(2, 3)

    def call(self, x):
        return self.last(self.rnn(x))


net = Net()
net(tf.zeros((2, 4, 5, 5, 3)))
"""


def test_a_cell_on_pictures(tmp_path: Path) -> None:
    both = Both(tmp_path, PICTURES)
    both.agree("net", None, "", numbers(2, 4, 5, 5, 3))  # type: ignore[arg-type]


def test_a_cell_that_the_file_never_calls(tmp_path: Path) -> None:
    both = Both(tmp_path, MINIMAL)
    made = "units=4, in_features=5"
    given = numbers(3, 5), numbers(3, 4)
    both.agree("MinimalCell", "4", made, *given, structure=lambda x, h: (x, [h]))


REFUSING = """
import keras
from keras import layers


class Cell(layers.Layer):
    def __init__(self, units, parts=0):
        super().__init__()
        if units % parts != 0:
            raise ValueError("parts")
        self.state_size = units

    def call(self, inputs, states):
        return inputs, states
"""


def test_a_cell_that_its_own_default_does_not_fit() -> None:
    done = translate(REFUSING, "cell.py", Options(), Log())
    assert 'raise ValueError("not supported: units % parts != 0")' in done.code


AFTER_ONE_OF_KERAS = """
class Wrapped(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size = [units, units]
        self.cell = layers.LSTMCell(units)
        self.query = layers.Dense(units, name="query")

    def call(self, inputs, states):
        return self.cell(self.query(inputs), states)


inputs = keras.Input((4, 3))
x = layers.Bidirectional(layers.LSTM(5, return_sequences=True), name="around")(inputs)
model = keras.Model(inputs, layers.RNN(Wrapped(2), name="rest")(x))
"""


def test_weights_of_a_cell_of_the_source_beside_a_layer_of_keras(tmp_path: Path) -> None:
    both = Both(tmp_path, AFTER_ONE_OF_KERAS)
    both.agree("model", None, "", numbers(2, 4, 3))  # type: ignore[arg-type]
