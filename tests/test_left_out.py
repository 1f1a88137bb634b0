"""Layers that Keras leaves out of a model, since nothing that it gives is made by them."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

SOURCE = """
from keras import Input, Model
from keras.layers import *


def head(x, classes, k):
    h = Dense(5, activation="relu", name=f"h{k}")(x)
    out = Dense(classes, name=f"o{k}")(h)
    onward = Add()([Dense(5, name=f"a{k}")(h), Dense(5, name=f"b{k}")(out)])
    return onward, out


def pair(x, units):
    a, b = Dense(units)(x), Dense(units + 1)(x)
    return {"a": a, "b": BatchNormalization()(b)}


def both(x):
    one, other = head(x, 3, 7)
    return Dense(4)(other), Dense(2)(one)


def two_heads(classes=3):
    i = Input((5,))
    x, first = head(i, classes, 1)
    x, second = head(x, classes, 2)
    return Model(i, [first, second])


def one_of_a_dict(units=4):
    i = Input((5,))
    return Model(i, Add()([pair(i, units)["b"], pair(i, units + 1)["a"]]))


def all_of_both_dicts(units=4):
    i = Input((5,))
    one, other = pair(i, units), pair(i, units)
    return Model(i, [Add()([one["a"], other["a"]]), Add()([one["b"], other["b"]])])


def within_a_function():
    i = Input((5,))
    return Model(i, both(i)[0])


def carried(n=3):
    i = Input((6,))
    a, b = Dense(5)(i), Dense(5)(i)
    for _ in range(n):
        c = Dense(5, activation="relu")(Add()([a, b]))
        b = Add()([a, Dense(5)(b)])
        a = c
    return Model(i, a)


def last_of_all(classes=3, stacks=4):
    x = i = Input((5,))
    for k in range(stacks):
        x, out = head(x, classes, k)
    return Model(i, out)
"""


@pytest.mark.usefixtures("float64")
def test_results_that_nothing_uses_take_no_layers() -> None:
    pair = Pair(SOURCE)
    assert not pair.errors
    for name in (
        "two_heads",
        "one_of_a_dict",
        "all_of_both_dicts",
        "within_a_function",
        "carried",
        "last_of_all",
    ):
        keras.utils.clear_session()
        pair.check(name, f"{name}()")
    keras.utils.clear_session()
    pair.check("two_heads", "two_heads(4)", "4")
    assert pair.done.code.count("class HeadOut(") == 1


LAST_TURNS = """
from keras import Input, Model
from keras.layers import *


def head(x, classes, k):
    h = Dense(5, activation="relu", name=f"h{k}")(x)
    out = Dense(classes, name=f"o{k}")(h)
    onward = Add()([Dense(5, name=f"a{k}")(h), Dense(5, name=f"b{k}")(out)])
    return onward, out


def stacked(stacks=4, classes=3):
    x = i = Input((5,))
    outs = []
    for k in range(stacks):
        x, out = head(x, classes, k)
        outs.append(out)
    return Model(i, Concatenate()(outs))


def gated(stacks=2, depth=3, units=4, skips=True):
    x = i = Input((7, 5))
    x = Conv1D(units, 1)(x)
    found = []
    for s in range(stacks):
        for d in range(1, depth + 1):
            gate = Multiply()([Conv1D(units, d, padding="causal", activation=a)(x) for a in ("tanh", "sigmoid")])
            x = Add()([x, Conv1D(units, 1)(gate)])
            found.append(Conv1D(units, 1)(gate))
    if skips:
        x = Add()(found)
    return Model(i, Conv1D(3, 1)(x))


def widths(sizes=(4, 3, 4, 4)):
    x = i = Input((5,))
    found = []
    for size in sizes:
        found.append(Dense(size)(x))
        x = Concatenate()([x, Dense(size, activation="relu")(x)])
    return Model(i, Concatenate()(found))
"""


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("stacked", ["", "2", "3, classes=2"]),
        ("gated", ["", "3, 2", "1, 4, 2"]),
        ("widths", ["", "(2, 6, 5)"]),
    ],
)
def test_what_only_a_next_turn_needs(name: str, others: list[str]) -> None:
    pair = Pair(LAST_TURNS)
    assert not pair.errors
    assert "goes_on" in pair.done.code
    for given in others:
        keras.utils.clear_session()
        pair.check(name, f"{name}({given})", given)
