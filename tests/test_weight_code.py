"""Regularizers and constraints that are code of the source's own: functions, lambdas, objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import keras
import tensorflow as tf
from keras import layers, ops

def absolute(weight):
    return tf.reduce_sum(tf.abs(0.01 * weight))

class Scaled(keras.regularizers.Regularizer):
    def __init__(self, factor, power=2):
        self.factor = factor
        self.power = power
    def __call__(self, weight):
        return self.factor * ops.sum(ops.abs(weight) ** self.power)

class Columns(keras.regularizers.Regularizer):
    def __call__(self, weight):
        return ops.max(ops.sum(ops.square(weight), axis=-1))

class Sparse(keras.regularizers.Regularizer):
    def __call__(self, x):
        mean = ops.mean(x, axis=0)
        return ops.sum(keras.losses.kl_divergence(0.1, mean))

class Clip(keras.constraints.Constraint):
    def __init__(self, limit):
        self.limit = limit
    def __call__(self, weight):
        return ops.clip(weight, -self.limit, self.limit)

def rows(weight):
    return weight / (1e-3 + ops.sum(ops.abs(weight), axis=0, keepdims=True))

class Own(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], 3), regularizer=lambda w: 0.1 * ops.sum(w * w), constraint=rows)
    def call(self, x):
        return x @ self.w
"""
MODELS = {
    "a function": "layers.Dense(5, kernel_regularizer=absolute)",
    "a lambda": "layers.Dense(5, bias_regularizer=lambda b: 0.5 * tf.reduce_mean(b * b))",
    "an object": "layers.Conv1D(5, 2, kernel_regularizer=Scaled(0.02, power=3))",
    "an axis": "layers.Conv1D(5, 2, kernel_regularizer=Columns(), bias_regularizer=Columns())",
    "a limit": "layers.Dense(5, kernel_constraint=Clip(0.05), bias_constraint=Clip(0.01))",
    "a norm": "layers.Conv1D(5, 2, kernel_constraint=rows)",
    "over the gates": "layers.GRU(5, recurrent_constraint=rows, kernel_regularizer=Columns())",
    "of its own": "Own()",
    "of an output": "layers.Dense(5, 'sigmoid', activity_regularizer=Sparse())",
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", MODELS)
def test_penalties_and_limits_are_kerass(name: str) -> None:
    pair = Pair(HEAD + f"model = keras.Sequential([keras.Input((6, 4)), {MODELS[name]}])\n")
    assert not pair.log.diagnostics
    theirs, ours = pair.keras["model"], pair.torch.Model()
    rng = np.random.default_rng(3)
    theirs.set_weights([rng.normal(size=w.shape) for w in theirs.get_weights()])
    pair.torch.load_keras_weights(ours, theirs)
    x = rng.normal(size=(3, 6, 4))
    theirs(x)
    ours(torch.from_numpy(x))
    assert_same_losses(theirs, ours)
    for variable in theirs.trainable_variables:
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))
    if hasattr(ours, "apply_constraints"):
        ours.apply_constraints()
    expected = pair.torch.Model()
    pair.torch.load_keras_weights(expected, theirs)
    for (_, a), (_, b) in zip(ours.named_parameters(), expected.named_parameters(), strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-12)


def assert_same_losses(theirs: Any, ours: Any) -> None:
    found = float(ours.regularization_loss()) if hasattr(ours, "regularization_loss") else 0.0
    expected = sum(map(float, theirs.losses))
    assert found == pytest.approx(expected, rel=1e-7)  # Keras keeps penalties of numbers in float32


def test_what_has_no_code_is_left_out_and_said() -> None:
    log = Log()
    text = HEAD + (
        "import numpy\n"
        "def strange(weight):\n    return numpy.linalg.svd(weight)\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(3, kernel_constraint=strange)])\n"
    )
    done = translate(text, "model.py", Options(), log)
    assert [d.code for d in log.diagnostics] == ["KT208"]
    assert [m["status"] for m in done.models if m["source_name"] == "model"] == ["translated"]


REFUSED = {
    "a bias in two parts": "layers.GRU(3, bias_regularizer=lambda b: ops.mean(b * b))",
    "gates in another order": "layers.GRU(3, kernel_regularizer=lambda w: ops.sum(w[:, :2] ** 2))",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorchs_parameter_does_not_have_is_left_out_and_said(name: str) -> None:
    log = Log()
    text = HEAD + f"model = keras.Sequential([keras.Input((6, 4)), {REFUSED[name]}])\n"
    done = translate(text, "model.py", Options(), log)
    assert [d.code for d in log.diagnostics] == ["KT208"]
    made = done.code.partition("class Model(")[2].partition("def forward")[0]
    assert "nn.GRU(" in made
    assert "regularize=" not in made


def test_places_in_a_flattened_picture_are_refused() -> None:
    """The rows of its kernel are in another order; what adds them up is right all the same."""
    log = Log()
    text = HEAD + (
        "def upper(weight):\n    return ops.sum(weight[:4] ** 2)\n"
        "def make(penalty):\n"
        "    return keras.Sequential([keras.Input((3, 4, 2)), layers.Conv2D(2, 1), layers.Flatten(),\n"
        "        layers.Dense(3, kernel_regularizer=penalty)])\n"
        "first, second = make(upper), make(Columns())\n"
    )
    done = translate(text, "model.py", Options(), log)
    assert {d.code for d in log.diagnostics if d.severity == "error"} == {"KT203"}
    found = {m["source_name"]: m["status"] for m in done.models}
    assert found["first"] == "unsupported"
    assert found["second"] == "translated"
