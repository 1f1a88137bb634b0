"""Layers that are called with ``training=``: they stay in that mode, whatever mode the model is in."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.emit.slices import slice_of
from kt_translate.pipeline import Options, translate

SOURCE = """
from keras import backend as K
from keras.engine.topology import Layer
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model

BATCH = True


def normalize(x, batch):
    if batch:
        return BatchNormalization()(x, training=True)
    else:
        return BatchNormalization()(x)


class Normalized(Layer):
    def __init__(self, units, batch=False, **kwargs):
        super(Normalized, self).__init__(**kwargs)
        self.dense = Dense(units)
        self.norm = BatchNormalization()
        self.batch = batch

    def call(self, x, training=None):
        return self.norm(self.dense(x), training=training or self.batch)


def by_branches(batch=False, deep=True):
    inputs = Input((5,))
    x = normalize(Dense(4)(inputs), batch)
    if deep:
        x = BatchNormalization()(Dense(3)(x), training=batch)
    return Model(inputs, x)


def by_setting(batch=None):
    inputs = Input((5,))
    x = BatchNormalization()(Dense(4)(inputs), training=batch)
    return Model(inputs, BatchNormalization()(x, training=BATCH))


def in_turns(batch=True, turns=3):
    x = inputs = Input((5,))
    for _ in range(turns):
        x = BatchNormalization()(Dense(4)(x), training=batch)
    return Model(inputs, x)


def in_layers(batch=False):
    inputs = Input((5,))
    x = Normalized(4, batch=True)(inputs)
    return Model(inputs, Normalized(4)(x, training=batch))


K.clear_session()
"""
CALLS = [
    ("by_branches", {}),
    ("by_branches", {"batch": True}),
    ("by_branches", {"batch": True, "deep": False}),
    ("by_setting", {}),
    ("by_setting", {"batch": True}),
    ("by_setting", {"batch": False}),
    ("in_turns", {}),
    ("in_turns", {"batch": False, "turns": 2}),
    ("in_layers", {}),
    ("in_layers", {"batch": True}),
]


PHASES = """
import tensorflow as tf
from tensorflow.python.framework import smart_cond
from keras import backend as K
from keras.engine.topology import Layer
from keras.layers import Input
from keras.models import Model


class Phase(Layer):
    def call(self, x, training=None):
        return K.in_train_phase(lambda: x * 2.0, x - 1.0, training=training)


class Asked(Layer):
    def call(self, x, training=None):
        if training is None:
            training = K.learning_phase()
        if isinstance(training, int):
            training = bool(training)
        x = x + 1.0 if training else x * 0.5
        return smart_cond.smart_cond(training, lambda: x * 2.0, lambda: tf.identity(x) - 1.0)


class Compared(Layer):
    def call(self, x):
        share = K.cast(K.learning_phase(), "float32")
        x = x * share + (1.0 - share) * 3.0 * x
        return tf.cond(tf.equal(K.learning_phase(), 1), lambda: x + 1.0, lambda: x * 2.0)


def build():
    inputs = Input((5,))
    return Model(inputs, Phase()(inputs))


def asked():
    inputs = Input((5,))
    return Model(inputs, Asked()(inputs))


def compared():
    inputs = Input((5,))
    return Model(inputs, Compared()(inputs))
"""

GATHERED = """
from tf_keras.layers import Embedding, Input, Layer, LSTM
from tf_keras.models import Model


class Phase(Layer):
    def call(self, x, **kwargs):
        return x * 2.0 if kwargs.get("training", False) else x - 1.0


class Last(LSTM):
    def call(self, x, **kwargs):
        return super().call(x, **kwargs) + 1.0


def asked():
    inputs = Input((5,))
    return Model(inputs, Phase()(inputs))


def masked():
    inputs = Input((5,), dtype="int32")
    return Model(inputs, Last(3)(Embedding(9, 4, mask_zero=True)(inputs)))
"""


def both(source: str, name: str, **arguments: Any) -> tuple[Any, Any, dict[str, Any]]:
    """What a builder gives in Keras and in PyTorch, and what the output defines."""
    log = Log()
    done = translate(source, "model.py", Options(), log)
    assert not [d for d in log.diagnostics if d.severity == "error"]
    ours: dict[str, Any] = {"__name__": "modes"}
    sys.modules["modes"] = ModuleType("modes")
    exec(compile(done.code, "modes.py", "exec"), ours)
    theirs: dict[str, Any] = {}
    exec(slice_of(source, [name], flavour="2"), theirs)
    return theirs[name](**arguments), ours[name](**arguments), ours


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_layer_stays_in_the_mode_of_its_call(name: str, arguments: dict[str, Any]) -> None:
    keras_model, model, ours = both(SOURCE, name, **arguments)
    random = np.random.default_rng(0)
    keras_model.set_weights([random.uniform(0.1, 0.9, w.shape) for w in keras_model.get_weights()])
    ours["load_keras_weights"](model, keras_model)
    x = random.normal(size=(6, 5)).astype("float32")
    expected = keras_model(x, training=False).numpy()
    np.testing.assert_allclose(model.eval()(torch.from_numpy(x)).detach(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "training"),
    [
        ("build", True),
        ("build", False),
        ("asked", True),
        ("asked", False),
        ("compared", False),  # later Keras hands on no mode to a layer that takes none
    ],
)
def test_what_a_layer_gives_in_training_and_out_of_it(name: str, training: bool) -> None:
    keras_model, model, _ = both(PHASES, name)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    expected = keras_model(x, training=training).numpy()
    np.testing.assert_allclose(model.train(training)(torch.from_numpy(x)), expected, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_keras_2_tells_the_mode_among_other_arguments(training: bool) -> None:
    keras_model, model, _ = both(GATHERED, "asked")
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    expected = keras_model(x, training=training).numpy()
    np.testing.assert_allclose(model.train(training)(torch.from_numpy(x)), expected, atol=1e-6)


def test_keras_2_tells_the_mask_among_other_arguments() -> None:
    keras_model, model, ours = both(GATHERED, "masked")
    ours["load_keras_weights"](model, keras_model)
    x = np.array([[3, 4, 0, 0, 0], [1, 2, 3, 4, 5]])
    given = model.eval()(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(given, keras_model(x).numpy(), atol=1e-6)
