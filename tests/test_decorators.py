"""Decorators that the source defines, beside Keras."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import functools\nimport keras\nfrom keras import layers\n"
SOURCES = {
    "a table": """
TABLE = {}
def register(fn):
    TABLE[fn.__name__] = fn
    return fn
@register
def small(n=3):
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(n)(i))
@register
def large(n=3):
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(n)(layers.Dense(6)(i)))
model = TABLE["large"](2)
""",
    "a registry of classes": """
class Registry:
    def __init__(self):
        self.table = {}
    def register(self, name):
        def keep(made):
            self.table[name] = made
            return made
        return keep
NETS = Registry()
@NETS.register("net")
class Net:
    def __init__(self, n):
        self.n = n
    def build(self):
        i = keras.Input((4,))
        return keras.Model(i, layers.Dense(self.n)(i))
model = NETS.table["net"](3).build()
""",
    "another function in its place": """
def headed(fn):
    def wrapper(x, units=3):
        return layers.Dense(units)(fn(x, units * 2))
    return wrapper
@headed
def block(x, units):
    return layers.Dense(units, activation="relu")(x)
i = keras.Input((4,))
model = keras.Model(i, block(block(i), 5))
""",
    "one that passes on what it is given": """
def told(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        result = fn(*args, **kwargs)
        print(fn.__name__)
        return result
    return wrapper
@told
def build(n=3):
    i = keras.Input((4,))
    return keras.Model(i, layers.Dense(n)(i))
model = build(2)
""",
}


@pytest.mark.parametrize("name", SOURCES)
def test_model(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + SOURCES[name])
    assert pair.errors == []
    pair.check("model", "model")
    if "def build(n" in SOURCES[name]:
        pair.check("build", "build(5)", "5")
