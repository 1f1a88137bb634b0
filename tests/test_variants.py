"""Builders that give another model for another word: a class for each, and a function that tells which."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = """
import keras
from keras import layers

def flat(shape, classes):
    x = start = keras.Input(shape)
    x = layers.Dense(4, activation="relu")(layers.Flatten()(x))
    return keras.Model(start, layers.Dense(classes)(x))

def convolved(shape, classes):
    x = start = keras.Input(shape)
    x = layers.Flatten()(layers.Conv2D(3, 3)(x))
    return keras.Model(start, layers.Dense(classes)(x))
"""
BODIES = {  # a builder of `name`, the words that it takes, and one that it does not
    "a chain that raises": (
        "def build(name, shape=(6, 5, 2), classes=3):\n"
        "    if name == 'flat':\n"
        "        model = flat(shape, classes)\n"
        "    elif name == 'convolved':\n"
        "        model = convolved(shape, classes)\n"
        "    else:\n"
        "        raise ValueError(name)\n"
        "    model.compile('adam', 'mse')\n"
        "    return model\n",
        ["flat", "convolved"],
        "none",
    ),
    "words in any case": (
        "def build(name, shape=(6, 5, 2), classes=3):\n"
        "    if name.lower() == 'flat':\n"
        "        model = flat(shape, classes)\n"
        "    elif name.lower() in ('convolved', 'conv'):\n"
        "        model = convolved(shape, classes)\n"
        "    else:\n"
        "        raise ValueError(name)\n"
        "    return model\n",
        ["flat", "Flat", "convolved", "CONVOLVED"],
        "none",
    ),
    "one of several words": (
        "def build(name, shape=(6, 5, 2), classes=3):\n"
        "    if name in ('flat', 'dense'):\n"
        "        return flat(shape, classes)\n"
        "    elif name in ['convolved', 'conv']:\n"
        "        return convolved(shape, classes)\n"
        "    raise ValueError(name)\n",
        ["flat", "dense", "conv", "convolved"],
        "none",
    ),
    "any other word": (
        "def build(name='flat', shape=(6, 5, 2), classes=3):\n"
        "    base = convolved(shape, 4) if name != 'flat' else flat(shape, 4)\n"
        "    x = layers.Dense(classes)(base.output)\n"
        "    return keras.Model(base.input, x)\n",
        ["flat", "anything"],
        "",
    ),
    "a table": (
        "KINDS = {'flat': flat, 'convolved': convolved}\n"
        "def build(name, classes=3):\n"
        "    return KINDS[name]((6, 5, 2), classes)\n",
        ["flat", "convolved"],
        "none",
    ),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", BODIES)
def test_words_that_choose_a_model(case: str) -> None:
    keras.utils.clear_session()
    body, words, unknown = BODIES[case]
    pair = Pair(HEAD + body)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    assert len(pair.done.training) == body.count("compile")
    for word in words:
        pair.check("build", f"build({word!r}, classes=2)", f"{word!r}, classes=2")
    if unknown:
        with pytest.raises(NotImplementedError):
            pair.torch.build(unknown)


@pytest.mark.usefixtures("float64")
def test_a_variable_has_the_class_of_its_word() -> None:
    body = BODIES["a chain that raises"][0]
    pair = Pair(HEAD + body + "model = build('convolved')\nother = build('flat')\n")
    pair.check("model", "model")
    pair.check("other", "other")
    made = {m["source_name"]: m["torch_name"] for m in pair.done.models}
    assert made["model"] != made["other"]


@pytest.mark.usefixtures("float64")
def test_an_object_that_keeps_the_model_of_a_word() -> None:
    pair = Pair(
        HEAD + "class Net:\n"
        "    def __init__(self, kind='flat', classes=3):\n"
        "        if kind == 'flat':\n"
        "            self.model = flat((6, 5, 2), classes)\n"
        "        elif kind == 'convolved':\n"
        "            self.model = convolved((6, 5, 2), classes)\n"
    )
    for given in ("classes=2", "'convolved', 2"):
        pair.check("Net.model", f"Net({given}).model", given)


DETECTOR = """
def build(classes=3, training=False):
    inputs = keras.Input((6, 5, 2))
    outputs = flat((6, 5, 2), classes)(inputs)
    if training:
        return keras.Model(inputs, outputs)
    return keras.Model(inputs, layers.Lambda(elsewhere.decode)(outputs))
"""


@pytest.mark.usefixtures("float64")
def test_a_builder_of_which_only_what_trains_is_translated() -> None:
    pair = Pair(HEAD + DETECTOR)
    (error,) = pair.errors
    assert "translated for training=True alone" in error
    (entry,) = pair.entries("build")
    assert entry["status"] == "partial"
    with pytest.raises(NotImplementedError):
        pair.torch.build()
    entry["status"] = "translated"
    pair.check("build", "build(training=True)", "training=True")


@pytest.mark.usefixtures("float64")
def test_a_method_of_which_only_what_another_flag_gives_is_translated() -> None:
    pair = Pair(
        HEAD + "class Tagger:\n"
        "    def __init__(self, labels, use_crf=True):\n"
        "        self._labels, self._use_crf = labels, use_crf\n"
        "    def build(self):\n"
        "        inputs = keras.Input((6, 5, 2))\n"
        "        x = flat((6, 5, 2), 4)(inputs)\n"
        "        if self._use_crf:\n"
        "            outputs = elsewhere.CRF(self._labels)(x)\n"
        "        else:\n"
        "            outputs = layers.Dense(self._labels)(x)\n"
        "        return keras.Model(inputs, outputs), 'mse'\n"
    )
    (error,) = pair.errors
    assert "Tagger.build is translated for use_crf=False alone" in error
    (entry,) = pair.entries("Tagger.build")
    assert entry["status"] == "partial"
    with pytest.raises(NotImplementedError):
        getattr(pair.torch, entry["factory"])(3)
    entry["status"] = "translated"
    pair.check("Tagger.build", "Tagger(3, use_crf=False).build()[0]", "3, use_crf=False")


@pytest.mark.usefixtures("float64")
def test_a_shape_that_may_be_left_out() -> None:
    keras.utils.clear_session()
    pair = Pair(
        HEAD + "def build(width, input_tensor=None, input_shape=None):\n"
        "    if input_shape:\n"
        "        input_tensor = keras.Input(input_shape, name='image')\n"
        "    if input_tensor is None:\n"
        "        input_tensor = keras.Input((None, None, 3))\n"
        "    x = layers.Conv2D(width, 3)(input_tensor)\n"
        "    return keras.Model(input_tensor, layers.Conv2D(2, 1)(x))\n"
    )
    assert pair.errors == []
    for given in ("3", "4, input_shape=(7, 6, 2)", "3, None, (5, 8, 1)"):
        pair.check("build", f"build({given})", given)


@pytest.mark.usefixtures("float64")
def test_the_parity_test_calls_the_builder_for_a_number_of_another_model() -> None:
    pair = Pair(
        HEAD + "def build(rate=0.5, classes=3):\n"
        "    base = flat((6, 5, 2), classes)\n"
        "    if rate > 0.0:\n"
        "        return base\n"
        "    return keras.Sequential([base, layers.Dense(classes)])\n"
    )
    for given in ("classes=2", "0.0, 2"):
        pair.check("build", f"build({given})", given)
    assert '"keras": "build(rate=0.0)"' in pair.done.test
