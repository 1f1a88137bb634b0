"""Families of models that share one builder: one class, and a function for each member of the family."""

from __future__ import annotations

import keras
import pytest

from tests.model_harness import Pair, float64

__all__ = ["float64"]

IMPORTS = "import keras\nfrom keras import layers\n"
NET = (
    "def net(widths, rate=0.1, shape=None, default_size=8, weights='imagenet', classes=3, name='net'):\n"
    "    if weights == 'imagenet' and classes != 3:\n"
    "        raise ValueError('no such weights')\n"
    "    x = start = keras.Input(shape or (default_size, default_size, 2))\n"
    "    for i, width in enumerate(widths):\n"
    "        x = layers.Conv2D(width, 3, padding='same', activation='relu', name=f'{name}_{i}')(x)\n"
    "        x = layers.Dropout(rate)(x)\n"
    "    x = layers.GlobalAveragePooling2D()(x)\n"
    "    return keras.Model(start, layers.Dense(classes)(x), name=name)\n"
)
MEMBERS = (
    "def small(shape=None, weights='imagenet', classes=3, name='small'):\n"
    "    '''A small one.'''\n"
    "    return net([4, 5, 6], 0.2, shape, weights=weights, classes=classes, name=name)\n"
    "def large(shape=None, weights='imagenet', classes=3, name='large', times=2):\n"
    "    widths = [4 * times, 5, 6, 7]\n"
    "    model = net(widths, shape=shape, default_size=9, weights=weights, classes=classes, name=name)\n"
    "    return model\n"
)


def test_members_of_a_family(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + NET + MEMBERS)
    assert pair.errors == []
    assert pair.done.code.count('(nn.Module):\n    """``') == 1
    assert {m["torch_name"] for m in pair.done.models} == {"Net"}
    pair.check("small", "small()")
    pair.check("large", "large()")
    other = "(7, 6, 1), None, 5"
    pair.check("small", f"small({other})", other)
    pair.check("large", f"large({other}, times=3)", f"{other}, times=3")
    pair.check("net", "net([2, 3, 4], classes=3)", "[2, 3, 4], classes=3")
    with pytest.raises(ValueError, match="classes"):
        pair.torch.small(classes=4)


ALONE = {
    "what does more": (
        "def small(classes=3):\n"
        "    model = net([4, 5, 6], classes=classes)\n"
        "    model.trainable = False\n"
        "    return model\n"
    ),
    "what adds to it": (
        "def small(classes=3):\n"
        "    base = net([4, 5, 6], classes=3)\n"
        "    return keras.Model(base.input, layers.Dense(classes)(base.output))\n"
    ),
    "what checks more": (
        "def small(classes=3):\n"
        "    if classes > 5:\n"
        "        raise ValueError('too many')\n"
        "    return net([4, 5, 6], classes=classes, weights=None)\n"
    ),
}


@pytest.mark.parametrize("name", ALONE)
def test_what_does_more_than_call_is_a_class_of_its_own(name: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + NET + ALONE[name])
    assert pair.errors == []
    assert "class Small(" in pair.done.code
    pair.check("small", "small()")


def test_members_of_a_family_as_parts_and_in_variables(float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(
        IMPORTS
        + NET
        + MEMBERS
        + "model = small(classes=3)\n"
        + "def build(units=4):\n"
        + "    x = start = keras.Input((8, 8, 2))\n"
        + "    base = small()\n"
        + "    return keras.Model(start, layers.Dense(units)(base(x)))\n"
    )
    assert pair.errors == []
    pair.check("model", "model")
    pair.check("build", "build()")
    pair.check("build", "build(7)", "7")


PASSED_ON = (
    "def tiny(times=1, **kwargs):\n"
    "    return named([4 * times, 5], **kwargs)\n"
    "def named(widths, name='named', **options):\n"
    "    return net(widths, 0.2, name=name, **options)\n"
    "class Maker:\n"
    "    WIDTHS = {8: [3, 4], 16: [5, 6, 7]}\n"
    "    def __init__(self, kind=8, classes=4, shape=(6, 5, 2)):\n"
    "        self.kind, self.classes, self.shape = kind, classes, shape\n"
    "    def make(self, rate=0.1):\n"
    "        return net(self.WIDTHS[self.kind], rate, self.shape, weights=None, classes=self.classes)\n"
    "def maker16(**kwargs):\n"
    "    return Maker(16, **kwargs).make()\n"
    "usual = tiny()\n"
    "other = tiny(2, weights=None, classes=5)\n"
)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tiny", "tiny()"),
        ("tiny", "tiny(2, shape=(6, 5, 3), weights=None, classes=7, name='mine')"),
        ("named", "named([3], default_size=6)"),
        ("maker16", "maker16(classes=2, shape=(7, 6, 1))"),
        ("usual", "usual"),
        ("other", "other"),
    ],
)
def test_arguments_that_are_only_handed_on(name: str, call: str, float64: None) -> None:
    keras.utils.clear_session()
    pair = Pair(IMPORTS + NET + PASSED_ON)
    assert pair.errors == []
    pair.check(name, call, call.partition("(")[2].removesuffix(")"))
