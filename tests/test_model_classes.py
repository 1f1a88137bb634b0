"""Models of classes that only train in their own way, and models that hand their inputs on to others."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate
from tests.model_harness import Pair, float64

__all__ = ["float64"]

HEAD = "import keras\nfrom keras import layers, ops\n\n\n"
TRAINED = """
class Trained(keras.Model):
    def train_step(self, data):
        return {}


class Tracked(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tracker = keras.metrics.Mean(name="loss")

    def train_step(self, data):
        return {}


class Named(keras.Model):
    def __init__(self, inputs, outputs, rate=0.1, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.rate = rate

    def train_step(self, data):
        return {}


class Stack(keras.Sequential):
    def train_step(self, data):
        return {}


inputs = keras.Input((5,))
outputs = layers.Dense(3, activation="tanh")(inputs)
trained = Trained(inputs, outputs)
named = Named(inputs, rate=0.3, outputs=layers.Dense(4)(outputs), name="named")
tracked = Tracked(inputs=inputs, outputs=layers.Dense(2)(outputs))
stack = Stack([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
grown = Stack()
grown.add(keras.Input((4,)))
grown.add(layers.Dense(3))


def build(width):
    inputs = keras.Input((width,))
    return Trained(inputs, layers.Dense(2)(inputs))


built = build(6)
"""


@pytest.mark.parametrize("name", ["trained", "tracked", "named", "stack", "grown", "built"])
def test_a_class_that_only_trains_is_a_model_of_keras_kind(name: str, float64: None) -> None:
    pair = Pair(HEAD + TRAINED)
    assert not pair.errors
    pair.check(name, name)


FAMILY = """
class Base(keras.Model):
    size = 9

    def __init__(self, inputs, outputs, **kwargs):
        include_top = kwargs.pop("include_top", True)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.include_top = include_top

    def image(self, input_tensor=None, input_shape=None):
        if input_tensor is not None:
            return input_tensor
        return layers.Input(shape=input_shape or (self.size, self.size, 3))


class Net(Base):
    def __init__(self, width=1.0, input_tensor=None, input_shape=None, include_top=True, classes=4, **kwargs):
        inputs = self.image(input_tensor, input_shape)
        x = layers.Conv2D(int(8 * width), 3, activation="relu")(inputs)
        x = layers.GlobalAveragePooling2D()(x)
        if include_top:
            x = layers.Dense(classes)(x)
        super().__init__(inputs=inputs, outputs=x, include_top=include_top, **kwargs)
        self.width = width


WIDTHS = {"small": (5, 7), "large": (6, 9)}


class Staged(Base):
    def __init__(self, kind, repeats=3, **kwargs):
        inputs = self.image()
        x = layers.Conv2D(WIDTHS[kind][0], 3, strides=2)(inputs)
        for _ in range(1, repeats):
            x = layers.Add()([x, layers.Conv2D(WIDTHS[kind][0], 1)(x)])
        super().__init__(inputs=inputs, outputs=x)


def whole(kind="small"):
    inputs = keras.Input((9, 9, 3))
    return keras.Model(inputs, Staged(kind)(inputs))


class Half(Net):
    def __init__(self, input_shape=None, include_top=True, name="Half", **kwargs):
        super().__init__(0.5, None, input_shape, include_top, name=name, **kwargs)
"""


@pytest.mark.parametrize(
    "call",
    [
        "Net(0.25)",
        "Net(input_shape=(8, 7, 2))",
        "Half((6, 6, 1), False)",
        "Staged('large', 2)",
        "whole('large')",
    ],
)
def test_what_constructors_hand_on_to_keras(call: str, float64: None) -> None:
    pair = Pair(HEAD + FAMILY)
    assert not pair.errors
    name, _, given = call.partition("(")
    pair.check(name, call, given.removesuffix(")"))
    assert "Base" not in {entry["source_name"] for entry in pair.done.models}


SHAPED = """
class Patches(keras.Model):
    def __init__(self, input_shape, size, units, input_tensor=None, **kwargs):
        if not isinstance(input_shape, tuple):
            raise ValueError("the shape is a tuple")
        if input_shape[0] % size:
            raise ValueError("the patches do not fit")
        inputs = layers.Input(shape=input_shape) if input_tensor is None else input_tensor
        x = layers.Conv2D(units, size, strides=size)(inputs)
        x = layers.Reshape((x.shape[1] * x.shape[2], units))(x)
        x = layers.Dense(units)(layers.Permute((2, 1))(x))
        super().__init__(inputs=inputs, outputs=x, **kwargs)


def patches4(input_shape, units=5, **kwargs):
    return Patches(input_shape, 4, units, **kwargs)
"""


@pytest.mark.parametrize("call", ["Patches((6, 4, 2), 2, 3)", "patches4((8, 12, 1))"])
def test_the_shape_of_the_input_is_an_argument_of_a_class(call: str, float64: None) -> None:
    pair = Pair(HEAD + SHAPED)
    assert not pair.errors
    name, _, given = call.partition("(")
    pair.check(name, call, given.removesuffix(")"))


SEVERAL = """
class Two(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.left = layers.Dense(units)
        self.right = layers.Dense(2)

    def call(self, x):
        return self.left(x), self.right(x)


inputs = keras.Input((4,))
x, _ = Two(5, name="first")(inputs)
x, y = Two(6, name="second")(x)
model = keras.Model(inputs, x)
seen = keras.Model(model.input, [model.get_layer(n).output[1] for n in ["first", "second"]])
"""


def test_each_result_of_a_layer_can_be_asked_for(float64: None) -> None:
    pair = Pair(HEAD + SEVERAL)
    assert not pair.errors
    pair.check("seen", "seen")


HANDED = """
class Distance(layers.Layer):
    def call(self, anchor, positive):
        return ops.sum(ops.square(anchor - positive), -1)


embedding = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.Flatten()])
ends = [keras.Input((6, 6, 3), name=n) for n in ("anchor", "positive")]
network = keras.Model(ends, Distance()(*map(embedding, ends)))


class Siamese(keras.Model):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, inputs):
        return self.network(inputs)


class Enhance(keras.Model):
    def __init__(self):
        super().__init__()
        inputs = keras.Input((None, None, 3))
        self.curve = keras.Model(inputs, layers.Conv2D(3, 3, padding="same")(inputs))

    def call(self, image):
        return image + self.curve(image)


siamese = Siamese(network)
enhance = Enhance()
"""


def test_inputs_are_those_of_the_model_that_they_are_handed_on_to(float64: None) -> None:
    pair = Pair(HEAD + HANDED)
    assert not pair.errors
    assert [len(p["shape"]) for p in pair.entries("siamese")[0]["inputs"]] == [4, 4]
    entry = pair.entries("enhance")[0]["inputs"][0]
    assert entry["permute"] == [0, 3, 1, 2]


HOOK = """
class Tempered(layers.MultiHeadAttention):
    def _compute_attention(self, query, key, value, **kwargs):
        return super()._compute_attention(query * 0.5, key, value, **kwargs)


inputs = keras.Input((5, 4))
model = keras.Model(inputs, Tempered(2, 3)(inputs, inputs))
"""


def test_a_method_that_only_keras_calls_is_not_left_out_in_silence(float64: None) -> None:
    assert any("_compute_attention" in error for error in Pair(HEAD + HOOK).errors)


RATE = """
model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
steps = len(open("data.txt").readlines()) // 32
rate = keras.optimizers.schedules.CosineDecay(0.1, steps)
model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
"""


def test_a_schedule_of_unknown_length_is_told() -> None:
    log = Log()
    translate(HEAD + RATE, "model.py", Options(), log)
    assert any(d.code == "KT501" for d in log.diagnostics)


WAITING = """
pictures = keras.Sequential([layers.Rescaling(1 / 255), layers.RandomFlip("horizontal")])
scale = keras.Sequential([layers.Normalization()])


def stem(width):
    return keras.Sequential([layers.Conv2D(width, 3, activation="relu"), layers.Conv2D(4, 1)])


class Mean(keras.Model):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def build(self, input_shape):
        self.inner = build_inner(self.width, 0.25)

    def call(self, x):
        return ops.mean(self.inner(scale(x)), axis=1)


def make_tail(width, rate):
    return keras.Sequential([layers.Dense(width), layers.Dropout(rate)])


def build_inner(width, rate):
    inputs = keras.Input((6, width))
    x = inputs
    for _ in range(2):
        x = layers.Add()([make_tail(width, rate)(x), inputs])
    return keras.Model(inputs, x)


outputs = Mean(5)(keras.Input((6, 5)))
"""


def test_models_that_wait_for_their_input(float64: None) -> None:
    pair = Pair(HEAD + WAITING)
    assert not pair.errors
    guessed = [d.message for d in pair.log.diagnostics if d.code == "KT101"]
    assert len(guessed) == 2
    assert all("taken for" in message for message in guessed)
    made = getattr(pair.torch, pair.entries("stem")[0]["factory"])(
        6, **pair.entries("stem")[0]["inferred"]
    )
    theirs = pair.keras["stem"](6)
    theirs.build((None, None, None, 3))
    pair.torch.load_keras_weights(made, theirs)
    assert pair.entries("Mean")[0]["status"] == "translated"
    assert pair.entries("scale")[0]["status"] == "translated"


ONE = """
class First(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.norm = layers.LayerNormalization()
        self.dense = layers.Dense(width)
        self.flatten = layers.Flatten()

    def call(self, x):
        return self.dense(self.norm(self.flatten(x[:, 0:1])))
"""


def test_a_slice_of_one_is_one_whatever_the_length(float64: None) -> None:
    assert Pair(HEAD + ONE).entries("First")[0]["status"] == "translated"


TWINS = """
import keras
from keras import layers


class Tracks:
    def __init__(self, width=4, count=2):
        self.width = width
        self.chords = self.branch()
        self.melodies = {}
        for i in range(count):
            self.melodies[i] = self.branch()
        start = keras.Input((3,))
        found = [self.chords(start)] + [m(start) for m in self.melodies.values()]
        self.model = keras.Model(start, layers.concatenate(found))

    def branch(self):
        start = keras.Input((3,))
        return keras.Model(start, layers.Dense(self.width, "tanh")(start))


tracks = Tracks()
"""


@pytest.mark.usefixtures("float64")
def test_models_that_one_method_makes_are_of_one_class() -> None:
    pair = Pair(TWINS)
    pair.check("Tracks.model", "tracks.model")
    assert re.findall(r"^class (\w+)\(", pair.done.code, re.MULTILINE)[:2] == [
        "Branch",
        "TracksModel",
    ]
    assert pair.done.code.count("= Branch(") == 3


SEQUENTIALS = HEAD + """
class LeNet(keras.Sequential):
    def __init__(self, shape, classes=3, width=4):
        super().__init__()
        self.add(keras.Input(shape))
        for k in range(2):
            self.add(layers.Conv2D(width, 3, activation="relu"))
            self.add(layers.AveragePooling2D(2))
        self.add(layers.Flatten())
        self.add(layers.Dense(classes, activation="softmax"))
        self.compile("adam", "categorical_crossentropy")


class Head(keras.Sequential):
    def __init__(self, units):
        super(Head, self).__init__([layers.Dense(units, activation="tanh"), layers.Dense(2)])


def whole(units=5):
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(3)(Head(units)(inputs)))


head = Head(4)
head.build((None, 5))
"""


@pytest.mark.usefixtures("float64")
def test_classes_that_extend_sequential() -> None:
    pair = Pair(SEQUENTIALS)
    assert pair.errors == []
    pair.check("LeNet", "LeNet((14, 15, 2))", "(14, 15, 2)")
    pair.check("LeNet", "LeNet((14, 15, 2), width=3)", "(14, 15, 2), width=3")
    pair.check("whole", "whole(4)", "4")
    pair.check("head", "head")


def test_a_name_among_the_arguments_keeps_its_place() -> None:
    text = HEAD + (
        "class Actor(keras.Model):\n"
        "    def __init__(self, units, name, limit=1.0, directory='models/'):\n"
        "        super().__init__()\n"
        "        self.model_name = name\n"
        "        self.limit = limit\n"
        "        self.dense = layers.Dense(units, activation='tanh')\n"
        "    def call(self, x):\n"
        "        return self.dense(x) * self.limit\n"
    )
    pair = Pair(text)
    assert pair.errors == []
    (actor,) = [m for m in pair.done.models if m["source_name"] == "Actor"]
    made = getattr(pair.torch, actor["factory"])(3, "actor", 2.0, features=4)
    assert made.limit == 2.0


def test_a_build_of_the_source_s_own() -> None:
    """Of a class that is a model by name alone: Keras calls build with a shape, this one makes a model."""
    text = (
        "import tf_keras as keras\n"
        "from tf_keras import layers\n"
        "class Maker(keras.Model):\n"
        "    def __init__(self, units):\n"
        "        super().__init__()\n"
        "        self.units = units\n"
        "    def build(self):\n"
        "        return keras.Sequential([layers.Dense(self.units), layers.Dense(2)])\n"
        "i = keras.Input((4,))\n"
        "model = keras.Model(i, Maker(3).build()(i))\n"
    )
    done = translate(text, "model.py", Options(), log := Log())
    assert log.errors == 0
    assert [m["source_name"] for m in done.models] == ["Maker.build", "model"]
    assert {m["status"] for m in done.models} == {"translated"}


STAGES = """
class Stage(layers.Layer):
    def __init__(self, width, last=None):
        super().__init__()
        self.dense = layers.Dense(width)
        if last is not None:
            self.last = last(2 * width)
        else:
            self.last = None

    def call(self, x):
        x = self.dense(x)
        if self.last is not None:
            x = self.last(x)
        return x


class Stages(keras.Model):
    def __init__(self, widths):
        super().__init__()
        ends = len(widths) - 1
        self.stages = [Stage(w, layers.Dense if i < ends else None) for i, w in enumerate(widths)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x


inputs = keras.Input((5,))
model = keras.Model(inputs, Stage(3, None)(Stage(4, layers.Dense)(inputs)))


def build(widths=[3, 4], size=5):
    made = Stages(widths)
    made(keras.Input((size,)))
    made.summary()
    return made
"""


@pytest.mark.usefixtures("float64")
def test_a_parameter_that_is_none_or_a_class() -> None:
    pair = Pair(HEAD + STAGES)
    assert not pair.errors
    pair.check("model", "model")


@pytest.mark.usefixtures("float64")
def test_a_function_that_gives_an_object_whose_layers_are_chosen() -> None:
    pair = Pair(HEAD + STAGES)
    given = np.random.default_rng(0).normal(size=(3, 5))
    for widths in ([3, 4], [3, 4, 5], [2]):
        theirs, ours = pair.keras["build"](widths), pair.torch.build(widths)
        pair.torch.load_keras_weights(ours, theirs)
        have = ours(torch.from_numpy(given)).detach()
        np.testing.assert_allclose(have, theirs(given), rtol=1e-9)


SIZED = """
class Limited(layers.Layer):
    def call(self, x):
        count = x.shape[1] * x.shape[2]
        limit = float(count - 1)
        return ops.clip(ops.sum(x, axis=1) * count, -limit, limit)


class Built(layers.Layer):
    def build(self, shape):
        steps = shape[1] * 2
        self.scale = 1.0 / steps

    def call(self, x):
        return ops.sum(x, axis=1) * self.scale


short, long = keras.Input((4, 3)), keras.Input((6, 3))
limited, built = Limited(), Built()
of_calls = keras.Model([short, long], limited(short) + limited(long))
of_first = keras.Model([short, long], built(short) + built(long))
"""


@pytest.mark.usefixtures("float64")
def test_sizes_of_each_call_of_an_object_that_is_called_twice() -> None:
    pair = Pair(HEAD + SIZED)
    assert not pair.errors
    pair.check("of_calls", "of_calls")
    pair.check("of_first", "of_first")


TURNED = """
class Both(layers.Layer):
    def call(self, x, y):
        return ops.mean(x * y, axis=3, keepdims=True)


class Features(layers.Layer):
    def __init__(self, count, widths=[2, 3, 4]):
        super().__init__()
        self.widths = widths[:count]
        self.parts = [layers.Conv2D(width, 3, padding="same") for width in self.widths]

    def call(self, x):
        found = []
        for i in range(len(self.widths)):
            x = self.parts[i](x)
            found.append(x)
        return found[::-1]


class Compared(keras.Model):
    def __init__(self, count=2):
        super().__init__()
        self.count = count
        self.features = Features(self.count)
        self.both = Both()
        self.shrink = layers.Dense(3)

    def call(self, x):
        last, first = self.features(x)
        same = self.both(last, last)
        turned = ops.transpose(ops.transpose(x, (0, 3, 1, 2)), (0, 2, 3, 1))
        return same + self.both(last, ops.reshape(self.shrink(turned), (-1, 6, 5, 3)))


inputs = keras.Input((6, 5, 3))
model = keras.Model(inputs, Compared()(inputs))
"""


@pytest.mark.usefixtures("float64")
def test_an_object_that_is_called_on_pictures_in_either_order_of_axes() -> None:
    pair = Pair(HEAD + TURNED)
    assert not pair.errors
    pair.check("model", "model")


BLOCKS = """
def block(x, width):
    x = layers.Dense(width, activation="relu")(x)
    return layers.Dense(width)(x)


def build(width=4):
    inputs = keras.Input((5,))
    x = block(block(inputs, width), 2 * width)
    return keras.Model(inputs, layers.Dense(3, name="last")(x))


model = build()
head = keras.Model(model.get_layer(index=0).output, model.get_layer("last").output)
"""


@pytest.mark.usefixtures("float64")
def test_the_first_layer_is_the_input_whatever_classes_hold_the_others() -> None:
    pair = Pair(HEAD + BLOCKS)
    assert not pair.errors
    pair.check("head", "head")
    assert pair.done.code.count("= Block(") == 4
