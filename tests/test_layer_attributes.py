"""What the source sets of a layer after it was made, or called."""

from __future__ import annotations

import keras
import pytest

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

BASE = """
import keras
from keras import layers


def base(units=3):
    start = keras.Input((8, 6, 2))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(start)
    x = layers.Activation("tanh", name="middle")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(units, activation="softmax", name="top")(x))


model = base()
"""
SETS = {
    "none at the end": "model.layers[-1].activation = None",
    "another at the end": "model.get_layer('top').activation = keras.activations.sigmoid",
    "another within": "model.get_layer('conv').activation = keras.activations.elu",
    "an Activation's": "model.get_layer('middle').activation = keras.activations.relu",
    "a rate": "model.layers[3].rate = 0.1",
}


@pytest.mark.parametrize("name", SETS)
def test_settings_of_layers_in_a_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(f"{BASE}{SETS[name]}\n")
    assert pair.errors == []
    pair.check("model", "model")
    pair.check("base", "base()")


def test_an_activation_before_the_call(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(
        "import keras\nfrom keras import layers\n\nstart = keras.Input((5,))\n"
        "dense = layers.Dense(4, activation='relu')\ndense.activation = keras.activations.tanh\n"
        "model = keras.Model(start, dense(start))\n"
    )
    assert pair.errors == []
    pair.check("model", "model")


def test_a_weight_that_is_set_is_refused() -> None:
    log = Log()
    text = f"{BASE}model.layers[1].kernel = model.layers[1].kernel * 2\n"
    translate(text, "model.py", Options(want_test=False), log)
    assert any("kernel that is set" in d.message for d in log.diagnostics)
