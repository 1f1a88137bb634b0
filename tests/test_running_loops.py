"""Loops of a layer's call that make nothing: they stay loops of ``forward``, right for any number of turns."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """import keras
import tensorflow as tf
from keras import layers, ops


class Turns(layers.Layer):
    def __init__(self, turns=3, **kwargs):
        super().__init__(**kwargs)
        self.turns = turns
        self.dense = layers.Dense(4)
        self.norm = layers.LayerNormalization()

"""
BUILD = """

def build(turns=3, length=5):
    start = keras.Input((length, 4))
    return keras.Model(start, Turns(turns)(layers.Dense(4)(start)))
"""
CALLS = {
    "a tensor that is handed on": """
    def call(self, x):
        y = x
        for _ in range(self.turns):
            y = ops.tanh(y) * 0.5 + x
        return y
""",
    "layers that all turns share": """
    def call(self, x, training=None):
        for _ in range(self.turns):
            x = self.norm(x + self.dense(ops.relu(x)), training=training)
        return x
""",
    "two that change places": """
    def call(self, x):
        a, b = x, ops.tanh(x)
        for i in range(self.turns):
            a, b = b, a - 0.3 * b * (i + 1)
        return ops.concatenate([a, b], axis=-1)
""",
    "what the next turn reads": """
    def call(self, x):
        total = ops.zeros_like(x)
        for i in range(1, self.turns + 1):
            x = ops.sin(x)
            total = total + x / i
        return total
""",
    "a list": """
    def call(self, x):
        terms = [x]
        for i in range(self.turns):
            terms.append(ops.sin(x * 2.0**i))
            terms.append(ops.cos(x * 2.0**i))
        return ops.concatenate(terms, axis=-1)
""",
    "nothing but a list": """
    def call(self, x):
        powers = []
        for i in range(1, self.turns + 1):
            powers.append(x**i)
        return ops.stack(powers, axis=1)
""",
    "what the last turn leaves, and a condition": """
    def call(self, x):
        b = ops.zeros_like(x)
        for i in range(self.turns):
            v = ops.tanh(ops.softmax(b, axis=1) * x)
            if i < self.turns - 1:
                b = b + v * x
        return v
""",
    "numbers that are handed on": """
    def call(self, x):
        scale, step = 1.0, 2.0
        for i in range(self.turns):
            x = ops.tanh(x * scale) + step
            scale = scale + step
            step = step * 0.5
        return x
""",
    "a loop in a loop": """
    def call(self, x):
        for i in range(self.turns):
            y = x
            for _ in range(self.turns):
                y = ops.tanh(y) + i
            x = x * 0.5 + y
        return x
""",
    "the steps of a sequence": """
    def call(self, x):
        state, states = ops.zeros_like(x[:, 0]), []
        for t in range(x.shape[1]):
            state = ops.tanh(self.dense(x[:, t]) + state)
            states.append(state)
        return ops.stack(states, axis=1)
""",
    "fori_loop": """
    def call(self, x):
        both = ops.fori_loop(0, self.turns, lambda i, v: (v[0] + v[1], ops.sin(v[0])), (x, x))
        return ops.fori_loop(1, self.turns, lambda i, v: ops.tanh(v) * 0.9, both[0] - both[1])
""",
    "scan": """
    def call(self, x):
        xs = ops.transpose(x, (1, 0, 2))

        def step(state, now):
            state = ops.tanh(0.5 * state + now)
            return state, state * now

        last, ys = ops.scan(step, ops.zeros_like(xs[0]), xs)
        _, back = ops.scan(step, last, xs, reverse=True)
        return ops.transpose(ys + back, (1, 0, 2))
""",
    "scan with several": """
    def call(self, x):
        xs = (ops.transpose(x, (1, 0, 2)), ops.transpose(ops.tanh(x), (1, 0, 2)))

        def step(state, now):
            a, b = state
            a, b = 0.5 * a + now[0], b * now[1] + a
            return (a, b), (a - b, a)

        (a, _), (ys, zs) = ops.scan(step, (xs[0][0], xs[1][0]), xs)
        state, none = ops.scan(lambda s, now: (s * 0.5 + now, None), a, xs[0])
        return ops.transpose(ys * zs, (1, 0, 2)) + state[:, None]
""",
    "tf.scan and the folds": """
    def call(self, x):
        xs = tf.transpose(x, (1, 0, 2))
        left = tf.foldl(lambda s, now: s * 0.5 + now, xs)
        right = tf.foldr(lambda s, now: tf.tanh(s) + now, xs, initializer=tf.zeros_like(xs[0]))
        every = tf.scan(lambda s, now: s * 0.3 + now, xs)
        pairs = tf.scan(lambda s, now: (s[0] + now, s[1] * now), xs, (left, right))
        return tf.transpose(every + pairs[0] * pairs[1], (1, 0, 2))
""",
    "a tensor that is called as the loop calls its number": """
    def call(self, x):
        t = tf.transpose(x, (1, 0, 2))
        ys = tf.scan(lambda s, now: tf.maximum(s, now), t, reverse=True)
        return tf.transpose(ys + t, (1, 0, 2))
""",
}


@pytest.mark.parametrize("name", CALLS)
def test_turns(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(HEAD + CALLS[name].lstrip("\n") + BUILD + "\n\nmodel = build()\n")
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    own = pair.done.code.partition("\n# --- ")[0]
    assert " for " in own
    assert "translated for" not in own
    pair.check("build", "build()")
    pair.check("build", "build(5, 7)", "5, 7")


CHOSEN = """
    def call(self, x):
        xs = ops.transpose(x, (1, 0, 2))
        step = lambda state, now: (0.5 * state + now, ops.tanh(state))
        _, ys = ops.scan(step, xs[0], xs, reverse=self.turns)
        return ops.transpose(ys, (1, 0, 2))
"""


def test_a_direction_that_is_a_setting(float64: None) -> None:
    """It is taken as it is in each call: a class for either."""
    text = HEAD + CHOSEN.lstrip("\n") + BUILD + "\n\none = build(False)\nother = build(True)\n"
    pair = Pair(text)
    assert pair.errors == []
    pair.check("one", "one")
    pair.check("other", "other")


ON_THE_WAY = """import keras
from keras import layers, ops


def build(turns=3):
    start = keras.Input((4,))
    dense, norm = layers.Dense(4), layers.BatchNormalization()
    x = start
    for _ in range(turns):
        x = layers.Add()([x, layers.Activation("tanh")(norm(dense(x)))])
    for i in range(turns):
        x = x * (i + 1) - ops.mean(x, axis=-1, keepdims=True)
    return keras.Model(start, layers.Dense(2)(x))


model = build()
"""


def test_a_layer_that_a_model_calls_in_a_loop(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(ON_THE_WAY)
    assert pair.errors == []
    assert pair.log.diagnostics == []
    pair.check("build", "build()")
    pair.check("build", "build(5)", "5")


NONE_BEFORE = """import keras
from keras import layers, ops


def build(turns=4, width=5):
    x = start = keras.Input((width,))
    gate, dense = layers.Dense(width, activation="sigmoid"), layers.Dense(width)
    context = None
    for _ in range(turns):
        context = layers.Lambda(lambda z: z[0] * z[1])([gate(x), x])
        x = dense(context)
    return keras.Model(start, layers.Concatenate()([x, context]))


def remembering(turns=4, width=5):
    x = start = keras.Input((width,))
    dense = layers.Dense(width)
    last = None
    for _ in range(turns):
        if last is not None:
            x = x + last
        last = x
        x = dense(x)
    return keras.Model(start, x)
"""


def test_a_name_that_is_none_before_the_turns_bind_it(float64: None) -> None:
    pair = Pair(NONE_BEFORE)
    assert pair.errors == []
    pair.check("build", "build()")
    pair.check("build", "build(3, 6)", "3, 6")
    pair.check("remembering", "remembering()")


ALONG_THE_FIRST_AXIS = """
    def call(self, x):
        kept = []
        for i in range(self.turns):
            kept.append(ops.tanh(x) * (i + 1))
        return ops.mean(ops.concatenate(kept), axis=0)[None] + x
"""


def test_what_turns_leave_is_joined_along_the_first_axis_by_default(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(HEAD + ALONG_THE_FIRST_AXIS.lstrip("\n") + BUILD + "\n\nmodel = build()\n")
    assert pair.errors == []
    pair.check("build", "build()")
