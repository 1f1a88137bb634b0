"""Layers whose constructors hand their further arguments on to those of classes of the source that they extend."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt_translate.guesses import guess
from tests.test_subclasses import Both, _double, numbers

__all__ = ["_double"]

FAMILY = """
class Stepping(layers.Layer):
    def __init__(self, step=1, activation=None, **kwargs):
        self.step = step
        self.activation = keras.activations.get(activation)
        super().__init__(**kwargs)

    def call(self, x):
        if self.activation is None:
            return x
        return self.activation(self.compute(x)) * self.step


class Wide(Stepping):
    def __init__(self, units, use_bias=True, **kwargs):
        self.units = units
        super(Wide, self).__init__(**kwargs)
        self.dense = layers.Dense(units, use_bias=use_bias)

    def compute(self, x):
        return self.dense(x)


class Wider(Wide):
    def __init__(self, *, more=2, **kwargs):
        Wide.__init__(self, 3 * more, **kwargs)


inputs = keras.Input((5,))
wide = Wide(3, step=4, activation="relu", name="broad")(Wide(6)(inputs))
model = keras.Model(inputs, Wider(step=7)(wide))
"""


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Wide", "3"),
        ("Wide", "3, step=5, activation='tanh', use_bias=False"),
        ("Wider", ""),
        ("Wider", "more=1, step=2, use_bias=False, activation='relu'"),
    ],
)
def test_settings_of_the_class_that_is_extended(name: str, args: str, tmp_path: Path) -> None:
    both = Both(tmp_path, FAMILY)
    both.agree("model", None, "", numbers(2, 5))
    both.agree(name, args, f"{args}{', ' if args else ''}features=5", numbers(2, 5))


def test_a_width_that_the_constructor_takes_is_not_told_twice(tmp_path: Path) -> None:
    text = """
class Head(keras.Model):
    def __init__(self, width, classes, **kwargs):
        inputs = keras.Input((width,), name="rows")
        super().__init__(inputs=inputs, outputs=layers.Dense(classes)(inputs), **kwargs)
"""
    both = Both(tmp_path, text)
    assert both.entry("Head")["inferred"] == {}
    both.agree("Head", "6, 3", "6, 3", numbers(2, 6))


STARTS = """
START = keras.initializers.RandomNormal(stddev=0.3)


class Own(layers.Layer):
    def __init__(self, units, first="glorot_uniform", second=START, penalty=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = keras.initializers.get(first)
        self.second = keras.initializers.get(second)
        self.penalty = keras.regularizers.get(penalty)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.a = self.add_weight(shape=shape, initializer=self.first, regularizer=self.penalty, name="a")
        self.b = self.add_weight(shape=shape, initializer=self.second, name="b")

    def call(self, x):
        return ops.matmul(x, self.a) + ops.sin(ops.matmul(x, self.b))
"""


def test_a_weight_starts_as_a_parameter_says(tmp_path: Path) -> None:
    both = Both(tmp_path, STARTS)
    both.agree("Own", "3", "3, features=5", numbers(2, 5))
    ours = both.out.Own(4, first="ones", second="zeros", penalty="l2", features=5)
    assert ours.a.eq(1).all()
    assert ours.b.eq(0).all()
    penalty = ours.regularization_loss().item()
    assert penalty == pytest.approx(0.01 * 20)
    assert both.out.Own(4, features=5).regularization_loss().item() == 0


def test_the_only_size_of_a_weight_may_be_in_parentheses() -> None:
    weight = "self.bias = self.add_weight(name='bias', shape=(units), initializer=zeros())"
    assert guess("units", weight, weight) == 16
    layer = "x = Dense(3, input_shape=(units))"
    assert guess("units", layer, layer) == (16,)


PLACES = """
class Scaled(layers.Layer):
    def __init__(self, units, scale=1, name=None):
        super().__init__(name=name)
        self.dense = layers.Dense(units * scale)

    def call(self, x):
        return self.act(self.dense(x))


class Leaky(Scaled):
    def __init__(self, slope, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.act = layers.LeakyReLU(negative_slope=slope)


class Builder:
    def __init__(self, width, latent=5):
        self.width, self.latent = width, latent
        self.model = self.build()


class Small(Builder):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def build(self):
        inputs = keras.Input((self.latent,))
        return keras.Model(inputs, Leaky(0.5, self.width, 2, name="leaky")(inputs))


class Tower:
    def __init__(self, args):
        self.breadth = args.breadth
        self.model = self.build()

    def build(self):
        raise NotImplementedError


class Halving(Tower):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def build(self):
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2*self.breadth)])
        x = self.breadth
        while x >= 16:
            model.add(layers.Dense(x))
            x = x // 2
        return model


own = Small(7, latent=2)
"""
ARGS = "__import__('types').SimpleNamespace(breadth=20)"


@pytest.mark.parametrize(
    ("name", "args", "sizes", "features"),
    [
        ("Leaky", "0.25, 4", "features=5", 5),
        ("Leaky", "0.25, 4, scale=3", "features=5", 5),
        ("Small.model", "4", "", 5),
        ("Small.model", "4, 3", "", 3),
        ("Halving.model", ARGS, "", 3),
    ],
)
def test_settings_that_are_handed_on_by_place(
    name: str, args: str, sizes: str, features: int, tmp_path: Path
) -> None:
    both = Both(tmp_path, PLACES)
    cls, _, attribute = name.partition(".")
    theirs = eval(f"{cls}({args}){'.' if attribute else ''}{attribute}", vars(both.source))
    entry = both.entry(name)
    ours = eval(f"{entry['factory']}({args}{', ' if sizes else ''}{sizes})", vars(both.out))
    both.compare(entry, theirs, ours, (numbers(2, features),), None)
