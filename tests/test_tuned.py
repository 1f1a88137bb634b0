"""Builders that ask Keras Tuner for hyperparameters: the generated code asks in the same words."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from kt_translate.pytorch.support.hyperparameters import HyperParameters
from tests.model_harness import Pair, float64

__all__ = ["float64"]

FUNCTION = """
import keras
from keras import layers


def build_model(hp):
    model = keras.Sequential([keras.Input((8, 8, 2)), layers.Rescaling(0.5)])
    model.add(layers.Conv2D(hp.Int("filters", 2, 8, step=2, default=4), 3,
                            activation=hp.Choice("activation", ["relu", "tanh"])))
    model.add(layers.Flatten())
    for i in range(hp.Int("num_layers", 1, 3)):
        model.add(layers.Dense(hp.Int(f"units_{i}", min_value=3, max_value=9), activation="relu"))
        if hp.Boolean("norm"):
            model.add(layers.LayerNormalization())
    model.add(layers.Dropout(hp.Float("rate", 0.1, 0.5)))
    model.add(layers.Dense(hp.Fixed("classes", 2)))
    model.compile(keras.optimizers.Adam(hp.Choice("rate", [1e-3, 1e-4])), loss="mse")
    return model
"""

CLASS = """
import keras
import keras_tuner
from keras import layers


def pooled(x, pooling):
    return layers.GlobalMaxPooling1D()(x) if pooling == "max" else layers.GlobalAveragePooling1D()(x)


class Tuned(keras_tuner.HyperModel):
    def __init__(self, shape, classes=3):
        self.shape = shape
        self.classes = classes

    def build(self, hp):
        x = inputs = keras.Input(self.shape)
        units = hp.Int("units", 2, 8)
        for _ in range(hp.Int("depth", 1, 4, default=2)):
            x = layers.Dense(units, activation=hp.Choice("act", ["tanh", "relu"]))(x)
        x = pooled(x, hp.Choice("pooling", values=["avg", "max"]))
        return keras.Model(inputs, layers.Dense(self.classes)(x))
"""


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"filters": 6, "num_layers": 3, "units_1": 5, "norm": True, "classes": 3},
        {"activation": "tanh", "num_layers": 2, "units_0": 7},
    ],
    ids=str,
)
def test_what_a_function_asks_for(values: dict[str, object], float64: None) -> None:
    pair = Pair(FUNCTION)
    assert pair.errors == []
    assert 'num_layers = hp.Int("num_layers", 1, 3)' in pair.done.code
    assert "for i in range(num_layers):" in pair.done.code
    check(pair, "build_model", "build_model(hp)", values)


@pytest.mark.parametrize("values", [{}, {"units": 5, "depth": 3, "pooling": "max"}], ids=str)
def test_what_a_method_asks_for(
    values: dict[str, object], float64: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras_tuner", SimpleNamespace(HyperModel=object))
    pair = Pair(CLASS)
    assert pair.errors == []
    check(pair, "Tuned.build", "Tuned((6, 2)).build(hp)", values, "shape=(6, 2)")


def check(pair: Pair, name: str, source: str, values: dict[str, object], more: str = "") -> None:
    """With Keras Tuner's defaults nothing is given; other values by an object of either class."""
    pair.keras["hp"] = HyperParameters(values)
    given = f"hp=HyperParameters({values})" if values else ""
    pair.check(name, source, ", ".join(filter(None, (given, more))))
