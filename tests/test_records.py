"""Settings in objects: dataclasses, named tuples, enumerations, dicts with attributes, plain classes, namespaces."""

from __future__ import annotations

import pytest

from tests.model_harness import Pair, float64
from tests.test_constructs import value

__all__ = ["float64"]

CONFIGS = """
from dataclasses import dataclass, field, replace
from typing import Callable, Optional

import keras
from keras import layers


@dataclass
class Head:
    classes: int = 4
    pooling: str = "avg"
    hidden: Optional[int] = None


@dataclass(frozen=True)
class Config:
    widths: tuple = (8, 16)
    norm: bool = True
    rate: float = 0.1
    head: Head = field(default_factory=Head)
    act: str = "relu"

    @property
    def last(self):
        return 2 * self.widths[-1]


def block(x, width, cfg):
    x = layers.Conv2D(width, 3, padding="same", use_bias=not cfg.norm)(x)
    if cfg.norm:
        x = layers.BatchNormalization()(x)
    return layers.Activation(cfg.act)(x)


def top(x, head: Head):
    if head.pooling == "avg":
        x = layers.GlobalAveragePooling2D()(x)
    elif head.pooling == "max":
        x = layers.GlobalMaxPooling2D()(x)
    else:
        raise ValueError(head.pooling)
    if head.hidden is not None:
        x = layers.Dense(head.hidden, activation="relu")(x)
    return layers.Dense(head.classes)(x)


def build(config: Config = Config()):
    inputs = keras.Input((9, 8, 3))
    x = inputs
    for width in config.widths:
        x = block(x, width, config)
    x = layers.Conv2D(config.last, 1)(x)
    return keras.Model(inputs, top(x, config.head))


model = build()
small = build(replace(Config(), widths=(5,), head=Head(3, hidden=7)))


def wide(units=4, config: Optional[Config] = None):
    config = config or Config(widths=(3, 5), act="tanh")
    inputs = keras.Input((6,))
    x = layers.Dense(config.widths[0], activation=config.act)(inputs)
    return keras.Model(inputs, layers.Dense(units)(x))


class Maker:
    def __init__(self, config=None):
        self.config = Config(act="elu") if config is None else config

    def build(self, hidden):
        inputs = keras.Input((hidden,))
        return keras.Model(inputs, layers.Dense(self.config.last, self.config.act)(inputs))


usual = wide()


class Mlp(layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(config.last, activation=config.act)
        self.second = layers.Dense(config.head.classes)

    def call(self, x):
        return self.second(self.first(x))


def mlp(cfg):
    inputs = keras.Input((6,))
    return keras.Model(inputs, Mlp(cfg)(inputs))


mixed = mlp(Config(act="tanh"))
"""


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("model", ""),
        ("small", ""),
        ("mixed", ""),
        ("build", "build()"),
        ("build", "build(Config(widths=(4, 6, 5), norm=False, act='tanh'))"),
        ("build", "build(config=Config(head=Head(2, 'max', 5)))"),
        ("mlp", "mlp(Config((3,), head=Head(classes=2)))"),
        ("usual", ""),
        ("wide", "wide()"),
        ("wide", "wide(7, None)"),
        ("wide", "wide(config=Config((2,), act='relu'))"),
    ],
)
@pytest.mark.usefixtures("float64")
def test_fields_are_read_when_the_module_is_made(name: str, call: str) -> None:
    pair = Pair(CONFIGS)
    assert not pair.errors
    pair.check(name, call or name, call.partition("(")[2].removesuffix(")"))


@pytest.mark.parametrize("config", ["", "Config((2,), act='relu')", "None"])
@pytest.mark.usefixtures("float64")
def test_an_object_in_place_of_none(config: str) -> None:
    pair = Pair(CONFIGS)
    given = f"config={config}, hidden=3" if config else "hidden=3"
    pair.check("Maker.build", f"Maker({config}).build(3)", given)


@pytest.mark.usefixtures("float64")
def test_what_is_not_supported_raises() -> None:
    pair = Pair(CONFIGS)
    with pytest.raises(ValueError, match="pooling"):
        pair.torch.build(pair.torch.Config(head=pair.torch.Head(pooling="none")))


def test_the_reading() -> None:
    code = Pair(CONFIGS).done.code
    assert "def __init__(self, config: Config = Config()) -> None:" in code
    assert "for width in config.widths:" in code
    assert "self.top = Top(2 * config.widths[-1], head=config.head)" in code
    assert "return Build(config=Config(widths=(5,), head=Head(3, hidden=7)))" in code
    assert "from dataclasses import dataclass, field, replace" in code or "dataclass, field" in code


CHOICES = """
import enum
from collections import namedtuple
from typing import NamedTuple

import keras
from keras import layers


class Kind(enum.Enum):
    RELU = "relu"
    TANH = "tanh"


class Size(enum.IntEnum):
    SMALL = 3
    LARGE = enum.auto()


class Pool(str, enum.Enum):
    AVG = "avg"
    MAX = "max"


class Block(NamedTuple):
    filters: int
    kernel: int = 3
    name: str = None


Stage = namedtuple("Stage", ["filters", "repeats"])
Stage.__new__.__defaults__ = (2,)
BLOCKS = [Block(8), Block(6, name="middle"), Block(4, kernel=5)]
STAGES = (Stage(5, 1), Stage(7))


def unit(x, block, kind):
    x = layers.Conv2D(block.filters, block.kernel, padding="same", name=block.name)(x)
    return layers.Activation(kind.value)(x)


def named(stages={"first": Stage(4), "second": Stage(3, 1)}):
    inputs = keras.Input((9, 8, 3))
    x = inputs
    for name, stage in stages.items():
        x = layers.Conv2D(stage.filters, 3, name=name)(x)
    return keras.Model(inputs, x)


def build(kind=Kind.RELU, size=Size.SMALL, pool=Pool.AVG, blocks=BLOCKS):
    inputs = keras.Input((9, 8, 3))
    x = inputs
    for block in blocks:
        x = unit(x, block, kind)
    for stage in STAGES:
        for _ in range(stage.repeats):
            x = layers.Conv2D(stage.filters, 3, padding="same", activation=kind.value)(x)
    if pool == Pool.AVG:
        x = layers.GlobalAveragePooling2D()(x)
    else:
        x = layers.GlobalMaxPooling2D()(x)
    if kind is Kind.TANH:
        x = layers.Dense(4)(x)
    x = layers.Dense(size)(x)
    return keras.Model(inputs, layers.Dense(BLOCKS[-1]._replace(filters=5).filters)(x))


model = build()
other = build(Kind["TANH"], Size.LARGE, Pool("max"))
"""


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("model", ""),
        ("other", ""),
        ("build", "build(Kind.TANH, Size.LARGE, Pool.MAX)"),
        ("build", "build(size=7, pool='max')"),
        ("build", "build(blocks=[Block(4, 2)])"),
        ("named", "named()"),
        ("named", "named({'first': Stage(4), 'second': Stage(3, 1)})"),
    ],
)
@pytest.mark.usefixtures("float64")
def test_members_and_named_tuples(name: str, call: str) -> None:
    pair = Pair(CHOICES)
    assert not pair.errors
    pair.check(name, call or name, call.partition("(")[2].removesuffix(")"))


DICTS = """
import abc
import types
from typing import TypedDict

import keras
import tensorflow as tf
from keras import layers


class Sizes(TypedDict, total=False):
    units: int
    rate: float


class Base(abc.ABC):
    @abc.abstractmethod
    def load(self, path):
        pass


class Settings(Base):
    units = 6
    layers = 2

    def load(self, path):
        keras.utils.set_random_seed(path)

    def __init__(self, rate=0.2, **kwargs):
        self.rate = rate
        for key, value in kwargs.items():
            setattr(self, key, value)


class AttrDict(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


class DotDict(dict):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self


class Fixed:
    UNITS = 4


more = AttrDict(units=5)
more.last = 3
dots = DotDict({"units": 4})
names = types.SimpleNamespace(units=9)
start = tf.initializers.TruncatedNormal(stddev=0.1)


def build(sizes, settings, fixed=Fixed):
    inputs = keras.Input((8,))
    x = layers.Dense(sizes["units"], kernel_initializer=start)(inputs)
    for _ in range(settings.layers):
        x = layers.Dense(settings.units)(x)
    settings.units = settings.units + 1
    x = layers.Dense(settings.units)(layers.Dropout(settings.rate)(x))
    x = layers.Dense(settings.extra)(x)
    x = layers.Dense(names.units)(x)
    x = layers.Dense(more.units)(x)
    x = layers.Dense(dots.units)(x)
    x = layers.Dense(fixed.UNITS)(x)
    return keras.Model(inputs, layers.Dense(more["last"])(x))


model = build(Sizes(units=5), Settings(extra=4))
"""


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("model", ""),
        ("build", "build({'units': 7}, Settings(extra=2, units=3, layers=1))"),
        ("build", "build({'units': 7}, Settings(extra=2), Settings(UNITS=9))"),
    ],
)
@pytest.mark.usefixtures("float64")
def test_dicts_and_plain_classes(name: str, call: str) -> None:
    pair = Pair(DICTS)
    assert not pair.errors
    pair.check(name, call or name, call.partition("(")[2].removesuffix(")"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def own(n):\n    return layers.Dense(n)\n\n\ndef build(make):", "make = own"),
        ("@dataclass\nclass C:\n    make: Any = layers.Dense\n\n\ndef build(c):", "c.make"),
    ],
)
def test_what_no_argument_can_change_is_told(text: str, said: str) -> None:
    calls = "own" if "own" in text else "C()"
    source = (
        "from dataclasses import dataclass\nfrom typing import Any\nimport keras\n"
        f"from keras import layers\n\n\n{text}\n    i = keras.Input((3,))\n"
        f"    return keras.Model(i, {'make' if calls == 'own' else 'c.make'}(4)(i))\n\n\n"
        f"model = build({calls})\n"
    )
    pair = Pair(source)
    assert not pair.errors
    assert any(d.code == "KT301" and said in d.message for d in pair.log.diagnostics)


CLASSES = """
import collections, dataclasses, enum
from dataclasses import dataclass, field
from typing import ClassVar

@dataclass
class Base:
    a: int
    b: list = field(default_factory=lambda: [1])
    kind: ClassVar[str] = "x"

@dataclass
class Derived(Base):
    b: int = 5
    c: int = field(init=False)
    def __post_init__(self):
        self.c = self.a + 1
    @classmethod
    def of(cls, n):
        return cls(a=n)

class Color(enum.Enum):
    RED = enum.auto()
    BLUE = enum.auto()

class Obj:
    n = 3

obj = Obj()
obj.__dict__["m"] = 4
Obj.n = 8
d = Derived(2)

class Feature(collections.namedtuple("Feature", ["name", "size", "width"])):
    __slots__ = ()
    def __new__(cls, name, size=4, width=None):
        return super(Feature, cls).__new__(cls, name, size, size if width is None else width)

KEY = "k"
groups = collections.defaultdict(list)
groups[KEY].append(1)
groups[KEY].append(2)
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(d.a, d.b, d.c, d.kind)", (2, 5, 3, "x")),
        ("dataclasses.asdict(d)", {"a": 2, "b": 5, "c": 3}),
        ("dataclasses.replace(d, b=7).b", 7),
        ("dataclasses.astuple(Base(1))", (1, [1])),
        ("Derived.of(6).c", 7),
        ("[f.name for f in dataclasses.fields(Derived)]", ["a", "b", "c"]),
        ("isinstance(d, Base)", True),
        ("[c.value for c in Color]", [1, 2]),
        ("Color.RED is Color.BLUE or Color.RED == Color['BLUE']", False),
        ("Color(2).name", "BLUE"),
        ("(obj.n, obj.m, vars(obj))", (8, 4, {"m": 4})),
        ("getattr(obj, 'missing', 5)", 5),
        ("tuple(Feature('a')._replace(size=2))", ("a", 2, 4)),
        ("groups['k']", [1, 2]),
    ],
)
def test_python(expression: str, expected: object) -> None:
    assert value(expression, CLASSES) == expected
