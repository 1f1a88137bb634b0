"""Lists of objects that hold settings: in an object's attributes, and as parameters."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

SOURCE = """
from dataclasses import dataclass
from typing import NamedTuple

import keras
from keras import layers


class Head(NamedTuple):
    units: int
    rate: float = 0.0


@dataclass
class Stage:
    filters: int
    depth: int = 1
    stride: int = 1

    @property
    def wide(self):
        return 2 * self.filters


class Config:
    def __init__(self, width=1.0, stages=3, heads=(8,)):
        self.heads = [Head(u, 0.1) for u in heads]
        self.stages = [
            Stage(int(4 * width * 2**i), depth=i + 1, stride=2 if i else 1) for i in range(stages)
        ]


def tower(x, stages):
    for i, stage in enumerate(stages):
        for j in range(stage.depth):
            stride = stage.stride if j == 0 else 1
            x = layers.Conv2D(stage.wide, 3, strides=stride, padding="same", name=f"c{i}_{j}")(x)
        x = layers.BatchNormalization()(x)
    return x


def by_config(config=Config()):
    start = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(tower(start, config.stages))
    for head in config.heads:
        x = layers.Dropout(head.rate)(layers.Dense(head.units, activation="relu")(x))
    return keras.Model(start, layers.Dense(config.stages[-1].filters)(x))


def by_list(stages, units=5):
    start = keras.Input((16, 16, 3))
    x = start
    for stage in stages:
        x = layers.Conv2D(stage.filters, 3, strides=stage.stride, padding="same")(x)
        x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(units + len(stages))(x))


def by_numbers(n=3, width=4):
    start = keras.Input((16, 16, 3))
    stages = [Stage(width * (i + 1), stride=2) for i in range(n)]
    x = start
    for stage in stages:
        x = layers.Conv2D(stage.filters, 3, strides=stage.stride, padding="same")(x)
    return keras.Model(start, layers.GlobalMaxPooling2D()(x))


one = by_config(Config(0.5, heads=(6, 5)))
other = by_list([Stage(4), Stage(8, stride=2), Stage(16)])
third = by_numbers()
"""
OTHERS = {
    "by_config": ["", "Config(0.5, heads=(6, 5))", "Config(1.5, 2, heads=(3, 4, 5))"],
    "by_list": ["[Stage(4), Stage(8, stride=2), Stage(16)]", "[Stage(3, stride=2), Stage(6)], 7"],
    "by_numbers": ["", "4, 3"],
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_has_its_part_of_the_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(SOURCE)
    assert pair.errors == []
    assert "KT301" not in {d.code for d in pair.log.diagnostics}
    for arguments in OTHERS[name]:
        pair.check(name, f"{name}({arguments})", arguments)
    pair.check("one", "one")
    pair.check("other", "other")


def test_the_reading() -> None:
    code = Pair(SOURCE).done.code
    assert "def __init__(self, stages: Sequence[Stage], units: int = 5) -> None:" in code
    assert "for stage in stages:" in code


WITH_OBJECTS = """
import keras
from collections import namedtuple
from keras import layers

Feature = namedtuple("Feature", ["name", "size", "start"])


def embedded(inputs, features, width=3):
    features = list(features)
    for i in range(len(features)):
        features[i] = features[i]._replace(start="zeros")
    found = []
    for f in filter(lambda f: f.size > 5, features):
        found.append(layers.Embedding(f.size, width, embeddings_initializer=f.start)(inputs[f.name]))
    return layers.Flatten()(layers.Concatenate()(found))


def build(features, units=2):
    inputs = {f.name: keras.Input((1,), name=f.name, dtype="int32") for f in features}
    x = embedded(inputs, features)
    return keras.Model(list(inputs.values()), layers.Dense(units)(x))


start = keras.initializers.RandomNormal(0.0, 0.1)
model = build([Feature("a", 6, start), Feature("b", 7, start), Feature("c", 8, start)])
"""


def test_rows_that_hold_objects_of_keras(float64: None) -> None:
    pair = Pair(WITH_OBJECTS)
    assert pair.errors == []
    pair.check("model", "model")


KINDS = """
from collections import namedtuple
from dataclasses import dataclass

import keras
from keras import layers

Conv = namedtuple("Conv", "filters kernel")
Pool = namedtuple("Pool", "size")


def rows(defs=(Conv(4, 3), Pool(2), Conv(6, 1))):
    x = inputs = keras.Input((8, 8, 3))
    for d in defs:
        if isinstance(d, Conv):
            x = layers.Conv2D(d.filters, d.kernel, padding="same")(x)
        else:
            x = layers.MaxPooling2D(d.size)(x)
    return keras.Model(inputs, x)


def words(sizes=(4, "M", 6, 6, "M")):
    x = inputs = keras.Input((16, 16, 3))
    for size in sizes:
        x = layers.MaxPooling2D()(x) if isinstance(size, str) else layers.Conv2D(size, 3)(x)
    return keras.Model(inputs, x)


def types(sizes=(4, "M", 5, 6)):
    x = inputs = keras.Input((16, 16, 3))
    for size in sizes:
        if type(size) == int:
            x = layers.Conv2D(size, 3)(x)
        else:
            x = layers.MaxPooling2D()(x)
    return keras.Model(inputs, x)
"""


KINDS += """

@dataclass
class Wide:
    filters: int
    kind: str = "wide"


@dataclass
class Small:
    size: int
    kind: str = "small"


def asked(defs=[Wide(4), Small(2), Wide(6)]):
    x = inputs = keras.Input((8, 8, 3))
    for d in defs:
        if hasattr(d, "filters"):
            x = layers.Conv2D(d.filters, 3)(x)
        else:
            x = layers.MaxPooling2D(d.size)(x)
    return keras.Model(inputs, x)

"""


@pytest.mark.parametrize("name", ["rows", "words", "types", "asked"])
def test_items_of_several_kinds_are_not_all_of_the_first_one_s(name: str, float64: None) -> None:
    pair = Pair(KINDS)
    assert pair.errors == []
    pair.check(name, f"{name}()")


def test_the_class_of_an_item_is_taken_for_granted(float64: None) -> None:
    ours = Pair(KINDS).torch
    with pytest.raises(NotImplementedError, match="defs"):
        ours.rows((ours.Pool(2), ours.Pool(2), ours.Conv(6, 1)))
