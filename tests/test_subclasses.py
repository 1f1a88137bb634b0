"""The source's own layers and models against Keras: outputs in float64, with random weights."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, Translation, translate

HEAD = "import keras\nimport tensorflow as tf\nfrom keras import layers, ops\n\n\n"
_COUNT = itertools.count()


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


class Both:
    """A source and its translation, both imported."""

    def __init__(self, folder: Path, text: str, **shapes: tuple[int, ...]) -> None:
        self.log = Log()
        options = Options(input_shapes=shapes, want_test=False)
        self.made: Translation = translate(HEAD + text, "source.py", options, self.log)
        self.source = self._module(folder, "source", HEAD + text)
        self.out = self._module(folder, "source_pt", self.made.code)

    def _module(self, folder: Path, stem: str, text: str) -> Any:
        name = f"{stem}_{next(_COUNT)}"
        path = folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def entry(self, name: str) -> dict[str, Any]:
        return next(e for e in self.made.models if e["source_name"] == name)

    def agree(
        self, name: str, args: str, torch_args: str, *inputs: Any, structure: Any = None
    ) -> Any:
        """Compare a class of the source made with ``args`` with the factory's module, on these inputs."""
        entry = self.entry(name)
        assert entry["status"] == "translated", [d.message for d in self.log.diagnostics]
        theirs = eval(f"{name}({args})" if args is not None else name, vars(self.source))
        return self.compare(
            entry,
            theirs,
            eval(f"{entry['factory']}({torch_args})", vars(self.out)),
            inputs,
            structure,
        )

    def compare(self, entry: Any, theirs: Any, ours: Any, inputs: Any, structure: Any) -> Any:
        given = structure(*inputs) if structure else inputs
        wanted = theirs(*given) if isinstance(given, tuple) else theirs(given)
        rng = np.random.default_rng(7)
        for weight in theirs.weights:
            if "float" in str(weight.dtype):
                positive = any(s in weight.path for s in ("variance", "gamma"))
                low = 0.5 if positive else -0.6
                weight.assign(rng.uniform(low, 1.0, tuple(weight.shape)))
        wanted = theirs(*given) if isinstance(given, tuple) else theirs(given)
        self.out.load_keras_weights(ours, theirs)
        ours.eval()
        feeds = [
            torch.from_numpy(
                np.ascontiguousarray(np.transpose(x, port["permute"]) if port["permute"] else x)
            )
            for x, port in zip(inputs, entry["inputs"], strict=True)
        ]
        result = ours(*feeds)
        wants = tf.nest.flatten(wanted)
        gets = [result[k] for k in sorted(result)] if isinstance(result, dict) else result
        gets = gets if isinstance(gets, (tuple, list)) else [gets]
        assert len(gets) == len(wants)
        for got, want, port in zip(gets, wants, entry["outputs"], strict=True):
            want = np.asarray(want)
            want = np.transpose(want, port["permute"]) if port["permute"] else want
            np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-9, atol=1e-10)
        return ours


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


ONE_NUMBER = """
import numpy as np


class Scale(layers.Layer):
    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        values = {}
        self.scale = keras.Variable(values, dtype="float64")
        self.trainable_weights.append(self.scale)
        super().build(input_shape)

    def call(self, x):
        return x * self.scale


model = keras.Sequential([keras.Input((4,)), Scale(3.0)])
"""


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ("self.start * np.ones((input_shape[-1],))", 3.0),
        ("np.zeros((input_shape[-1],)) - self.start", -3.0),
        ("np.full((input_shape[-1],), 0.5)", 0.5),
    ],
)
def test_a_variable_that_starts_as_an_array_of_one_number(
    both: Any, values: str, first: float
) -> None:
    case = both(ONE_NUMBER.format(values))
    ours = getattr(case.out, case.entry("model")["factory"])()
    assert [p.tolist() for p in ours.parameters()] == [[first] * 4]
    case.agree("Scale", "3.0", "3.0, " + sizes(case, "Scale"), numbers(2, 4))


def test_an_array_that_was_changed_is_not_of_one_number(both: Any) -> None:
    values = "np.ones((input_shape[-1],))\n        values[0] = 5.0"
    case = both(ONE_NUMBER.format(values))
    ours = getattr(case.out, case.entry("model")["factory"])()
    assert [p.tolist() for p in ours.parameters()] == [[5.0, 1.0, 1.0, 1.0]]
    case.agree("Scale", "3.0", "3.0, " + sizes(case, "Scale"), numbers(2, 4))


WITHOUT_A_RULE = """
class Inner(layers.Layer):
    def call(self, x):
        y = tf.nowhere(x)
        return y * 2 + x

def build():
    inputs = keras.Input((3,))
    return keras.Model(inputs, Inner()(inputs))
"""


def test_a_class_that_is_not_translated_says_why(both: Any) -> None:
    case = both(WITHOUT_A_RULE)
    assert case.entry("Inner")["status"] == "unsupported"
    line = (HEAD + WITHOUT_A_RULE).splitlines().index("        y = tf.nowhere(x)") + 1
    why = f": the result of tf.nowhere (line {line})"
    assert any(d.message.endswith(why) for d in case.log.diagnostics)


RESIZED = """
import numpy as np


class Larger(layers.Layer):
    def __init__(self, by=(2, 3), to=None, **kwargs):
        super().__init__(**kwargs)
        self.by = by
        self.to = to

    def call(self, x):
        if self.to is not None:
            size = tf.constant(np.array(self.to).astype("int32"))
        else:
            size = tf.shape(x)[1:3]
            size *= tf.constant([self.by[0], self.by[1]])
        return tf.image.resize(x, size, method="nearest")


model = keras.Sequential([keras.Input((4, 5, 2)), Larger(), Larger(to=(9, 7))])
"""


def test_sizes_by_constant_tensors(both: Any) -> None:
    case = both(RESIZED)
    assert [d.message for d in case.log.diagnostics if d.severity == "error"] == []
    case.agree("model", None, "", numbers(2, 4, 5, 2))


def test_super_of_the_class_of_self(both: Any) -> None:
    case = both("""
class Norm(layers.BatchNormalization):
    def call(self, x, training=None):
        return super(self.__class__, self).call(x, training=training)


class Wide(layers.Dense):
    def __init__(self, units, **kwargs):
        super(type(self), self).__init__(2 * units, **kwargs)


model = keras.Sequential([keras.Input((4,)), Norm(), Wide(3)])
""")
    assert [d.message for d in case.log.diagnostics if d.severity == "error"] == []
    case.agree("model", None, "", numbers(2, 4))


@pytest.fixture
def both(tmp_path: Path) -> Any:
    return lambda text, **shapes: Both(tmp_path, text, **shapes)


# -- weights of one's own ---------------------------------------------------------------------------


LINEAR = """
class Linear(layers.Layer):
    def __init__(self, units=32, penalty=0.01, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.penalty = penalty

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal",
            regularizer=keras.regularizers.L2(self.penalty), constraint=keras.constraints.NonNeg(),
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, inputs):
        return (ops.matmul(inputs, self.w) + self.b) * self.scale


inputs = keras.Input((5,))
model = keras.Model(inputs, Linear(7)(inputs))
"""


def test_weights_in_every_form(both: Any) -> None:
    case = both(LINEAR)
    ours = case.agree("Linear", "4, penalty=0.3", "4, penalty=0.3, features=6", numbers(3, 6))
    penalty = 0.3 * ours.w.square().sum()
    torch.testing.assert_close(ours.regularization_loss(), penalty)
    assert not ours.scale.requires_grad
    with torch.no_grad():
        ours.w.fill_(-1.0)
    ours.apply_constraints()
    assert ours.w.abs().sum() == 0
    assert case.entry("Linear")["inferred"] == {"features": 5}


def test_shapes_of_tensorflow(both: Any) -> None:
    case = both("""
class Bilinear(layers.Layer):
    def build(self, input_shape):
        rows, columns = (tf.TensorShape(s).as_list()[-1] for s in input_shape)
        self.w = self.add_weight(shape=tf.TensorShape((rows, columns)), initializer="uniform")
        size = tf.TensorShape(rows).concatenate([1])
        self.b = self.add_weight(shape=tuple(size[1:]), initializer="ones")

    def call(self, inputs):
        first, second = inputs
        return ops.sum(ops.matmul(first, self.w) * second, axis=-1) + self.b


inputs = [keras.Input((5,)), keras.Input((4,))]
model = keras.Model(inputs, Bilinear()(inputs))
""")
    case.agree(
        "Bilinear",
        "",
        "in_features=5, second_features=4",
        numbers(3, 5),
        numbers(3, 4),
        structure=lambda *x: (x,),
    )


CROP = """
class Crop(layers.Layer):
    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def call(self, x):
        diff = int(x.shape[1]) - self.length
        if diff == 0:
            return x
        start = diff // 2
        end = diff - start
        return x[:, start:-end, :]


def build(size=9, kept=6):
    inputs = keras.Input((size, 3))
    x = Crop(kept)(Crop(size)(inputs))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


model = build()
"""


@pytest.mark.parametrize(("given", "size"), [("", 9), ("8, 5", 8), ("7, 7", 7)])
def test_a_size_under_a_condition_that_the_first_call_does_not_meet(
    both: Any, given: str, size: int
) -> None:
    case = both(CROP)
    case.agree("build", given, given, numbers(3, size, 3))


def test_a_variable_as_attribute_and_a_weight_that_call_does_not_read(both: Any) -> None:
    case = both("""
class Shift(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.a = keras.Variable(initializer="ones", shape=(units,), name="a")
        self.unused = self.add_weight(shape=(2, 3))
        self.count = keras.Variable(initializer=0, shape=(), dtype="int32", trainable=False)

    def call(self, x):
        return x * self.a


layer = Shift(4)
""")
    case.agree("Shift", "4", "4", numbers(3, 4))


# -- what models take and give ------------------------------------------------------------------------


def test_inputs_in_a_list_and_two_outputs(both: Any) -> None:
    case = both("""
class Wide(keras.Model):
    def __init__(self, units=8, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(units, activation=activation)
        self.second = layers.Dense(1)
        self.aux = layers.Dense(2)

    def call(self, inputs):
        wide, deep = inputs
        x = self.first(deep)
        return self.second(ops.concatenate([wide, x], axis=-1)), self.aux(x)


model = Wide(5, activation="tanh")
model([keras.ops.zeros((1, 3)), keras.ops.zeros((1, 4))])
""")
    case.agree(
        "Wide",
        "5",
        "5, " + sizes(case, "Wide"),
        numbers(3, 3),
        numbers(3, 4),
        structure=lambda a, b: ([a, b],),
    )


def sizes(case: Both, name: str) -> str:
    return ", ".join(f"{k}={v}" for k, v in case.entry(name)["inferred"].items())


def test_a_dict_in_and_a_dict_out(both: Any) -> None:
    case = both("""
class Towers(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.user = layers.Dense(units)
        self.item = layers.Dense(units)

    def call(self, features):
        u = self.user(features["user"])
        v = self.item(features["item"])
        return {"score": ops.sum(u * v, axis=-1), "both": u + v}


model = Towers(6)
out = model({"item": keras.Input((3,)), "user": keras.Input((4,))})
""")
    case.agree(
        "Towers",
        "6",
        "6, " + sizes(case, "Towers"),
        numbers(2, 3),
        numbers(2, 4),
        structure=lambda a, b: ({"item": a, "user": b},),
    )


def test_further_tensors_and_training(both: Any) -> None:
    case = both("""
class Decoder(layers.Layer):
    def __init__(self, dim, rate=0.5):
        super().__init__()
        self.query = layers.Dense(dim)
        self.key = layers.Dense(dim)
        self.dropout = layers.Dropout(rate)
        self.scale = layers.Dense(dim)

    def call(self, inputs, context, training=None, mask=None):
        q = self.query(inputs)
        k = self.key(context)
        x = q @ ops.transpose(k, (0, 2, 1))
        if training:
            x = x * 2.0
        if mask is not None:
            x = x * mask
        return self.dropout(x, training=training)


a, b = keras.Input((5, 3)), keras.Input((7, 4))
model = keras.Model([a, b], Decoder(6)(a, context=b))
""")
    ours = case.agree(
        "Decoder", "6", "6, " + sizes(case, "Decoder"), numbers(2, 5, 3), numbers(2, 7, 4)
    )
    ours.dropout.p = 0.0
    x, y = torch.randn(2, 5, 3), torch.randn(2, 7, 4)
    torch.testing.assert_close(ours.train()(x, y), 2 * ours.eval()(x, y))


def test_further_tensors_by_keywords(both: Any) -> None:
    case = both("""
class Mixed(layers.Layer):
    def __init__(self, dim):
        super().__init__()
        self.dense = layers.Dense(dim)

    def call(self, x, context=None, scale=1.0):
        x = self.dense(x)
        return x if context is None else x + scale * context


class Residual(layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.norm = layers.LayerNormalization()

    def call(self, x, **kwargs):
        return x + self.inner(self.norm(x), **kwargs)


class Net(keras.Model):
    def __init__(self, dim=4):
        super().__init__()
        self.first = Residual(Mixed(dim))
        self.second = Residual(Mixed(dim))

    def call(self, x, context, training=None):
        x = self.first(x, context=context, training=training)
        return self.second(x)


a, b = keras.Input((5, 4)), keras.Input((5, 4))
model = keras.Model([a, b], Residual(Mixed(4))(Net()(a, b), context=b))
""")
    case.agree("Net", "", sizes(case, "Net"), numbers(2, 5, 4), numbers(2, 5, 4) + 1)
    case.agree(
        "model",
        None,
        "",
        numbers(2, 5, 4),
        numbers(2, 5, 4) + 1,
        structure=lambda a, b: ([a, b],),
    )


# -- parts ------------------------------------------------------------------------------------------


LISTS = """
class Block(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units, activation="tanh")
        self.norm = layers.LayerNormalization()

    def call(self, x):
        return self.norm(x + self.dense(x))


class Stack(keras.Model):
    def __init__(self, n, units, classes=3):
        super().__init__()
        self.stem = layers.Dense(units)
        self.blocks = [Block(units) for _ in range(n)]
        self.head = layers.Dense(classes)

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


model = Stack(3, 8)
model.build((None, 5))
"""


@pytest.mark.parametrize("n", [3, 1, 4])
def test_layers_in_a_list_of_any_length(both: Any, n: int) -> None:
    case = both(LISTS)
    case.agree("Stack", f"{n}, 6", f"{n}, 6, features=5", numbers(2, 5))


INDEXED = """
class Half(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, x, scale):
        return x + scale * self.dense(x)


class Stack(layers.Layer):
    def __init__(self, units, n=2):
        super().__init__()
        self.n = n
        self.first = layers.Dense(units)
        self.halves = [Half(units) for _ in range(n)]
        self.others = [layers.Dense(units, activation="tanh") for _ in range(self.n)]

    def call(self, x):
        x = scale = self.first(x)
        for i in range(self.n):
            x = self.halves[i](x, scale)
        for k in range(len(self.others)):
            x = self.others[k](x)
        return x
"""


@pytest.mark.parametrize("n", [1, 3])
def test_layers_in_a_list_of_any_length_by_their_places(n: int, tmp_path: Path) -> None:
    both = Both(tmp_path, INDEXED)
    both.agree("Stack", f"4, {n}", f"4, {n}, features=5", numbers(2, 5))


TABLES = """
class Sizes(layers.Layer):
    def __init__(self, columns, units):
        super().__init__()
        self.total = 0
        for column in columns:
            self.total += column["count"]
        self.dense = layers.Dense(units)

    def build(self, input_shape):
        self.table = self.add_weight(shape=(self.total, 3), name="table")

    def call(self, x):
        return self.dense(ops.matmul(x, self.table))


class Net(keras.Model):
    def __init__(self, columns, units=4):
        super().__init__()
        self.sizes = Sizes(columns, units)

    def call(self, x):
        return self.sizes(x)
"""


def test_lists_of_dicts_among_the_settings_of_a_layer(tmp_path: Path) -> None:
    both = Both(tmp_path, TABLES)
    given = "[{'count': 2}, {'count': 5}]"
    both.agree("Net", given, given, numbers(2, 7))
    with pytest.raises(NotImplementedError, match=r"len\(columns\) = 2"):
        both.out.Net([{"count": 3}])


def test_layers_in_lists_that_are_zipped_and_dicts(both: Any) -> None:
    case = both("""
class Tower(layers.Layer):
    def __init__(self, sizes, activation="relu"):
        super().__init__()
        self.denses, self.norms = [], []
        for size in sizes:
            self.denses.append(layers.Dense(size, activation=activation))
            self.norms.append(layers.BatchNormalization())
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(2)}

    def call(self, x):
        for i, (dense, norm) in enumerate(zip(self.denses, self.norms)):
            x = norm(dense(x))
        return self.heads["a"](x) - self.heads["b"](x)


inputs = keras.Input((5,))
model = keras.Model(inputs, Tower([4, 6, 3])(inputs))
""")
    case.agree("Tower", "[4, 6, 3]", "[4, 6, 3], features=5", numbers(3, 5))


def test_models_as_arguments(both: Any) -> None:
    case = both("""
def make_encoder():
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(3, activation="tanh")(inputs), name="enc")


encoder = make_encoder()
decoder = keras.Sequential([keras.Input((3,)), layers.Dense(6)])
critic = keras.Sequential([keras.Input((6,)), layers.Dense(1)])


class Auto(keras.Model):
    def __init__(self, encoder, decoder, critic, factor=2.0):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.critic = critic
        self.factor = factor

    def call(self, x):
        return self.decoder(self.encoder(x) * self.factor)

    def train_step(self, data):
        return {}


auto = Auto(encoder, decoder, critic, factor=3.0)
auto.compile(optimizer="adam")
""")
    case.agree("auto", None, "", numbers(2, 6))
    entry = case.entry("Auto")
    ours = case.out.Auto(case.out.make_encoder(), case.out.Decoder(), case.out.Critic(), factor=3.0)
    assert isinstance(ours(torch.zeros(2, 6)), torch.Tensor)
    assert entry["source_kind"] == "class"


def test_a_model_that_only_trains_others_has_no_entry(both: Any) -> None:
    case = both("""
class GAN(keras.Model):
    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def train_step(self, x):
        return {}


generator = keras.Sequential([keras.Input((3,)), layers.Dense(6)])
gan = GAN(generator)
""")
    assert [e["source_name"] for e in case.made.models] == ["generator"]
    assert not case.log.has_errors


def test_inheritance_properties_and_helpers(both: Any) -> None:
    case = both("""
class Base(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.make()

    def make(self):
        self.dense = layers.Dense(self.width)

    @property
    def width(self):
        return 2 * self.units

    @staticmethod
    def square(x):
        return ops.square(x)

    def call(self, x):
        return self.square(self.dense(x))


class Child(Base):
    def __init__(self, units, bias=1.5, **kwargs):
        super().__init__(units, **kwargs)
        self.bias = bias

    def call(self, x):
        return super().call(x) + self.bias


inputs = keras.Input((5,))
model = keras.Model(inputs, Child(4)(inputs))
""")
    case.agree("Child", "3", "3, features=5", numbers(2, 5))


def test_a_model_between_tensors(both: Any) -> None:
    case = both("""
class MLP(keras.Model):
    def __init__(self, units, width=4):
        inputs = keras.Input((width,))
        x = layers.Dense(units, activation="relu")(inputs)
        outputs = layers.Dense(2)(x)
        super().__init__(inputs=inputs, outputs=outputs)


mlp = MLP(7)
""")
    case.agree("MLP", "5, width=3", "5, width=3", numbers(2, 3))
    case.agree("mlp", None, "", numbers(2, 4))


def test_a_model_between_what_a_method_makes(both: Any) -> None:
    case = both("""
class Net(keras.Model):
    def __init__(self, length, classes, width=4, **unused):
        super().__init__()
        self.length = length
        self.classes = classes
        self.width = width
        super().__init__(*self.ends())

    def ends(self):
        inputs = keras.Input(shape=(self.length, 3))
        x = layers.LSTM(self.width)(inputs)
        return [inputs], [layers.Dense(self.classes)(x)]


class Named(keras.Model):
    def __init__(self, classes, features=5):
        super().__init__(name="named")
        inputs = keras.Input(shape=(features,))
        super().__init__(inputs=inputs, outputs=layers.Dense(classes)(inputs))
""")
    case.agree("Net", "6, 2", "6, 2", numbers(2, 6, 3))
    case.agree("Named", "2", "2", numbers(2, 5))


def test_a_layer_that_extends_a_builtin_one(both: Any) -> None:
    case = both("""
class Scaled(layers.Dense):
    def __init__(self, units, factor=2.0, **kwargs):
        super().__init__(units, activation="tanh", **kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * super().call(inputs)


inputs = keras.Input((5,))
model = keras.Model(inputs, Scaled(4)(inputs))
""")
    case.agree("Scaled", "3", "3, features=5", numbers(2, 5))


def test_a_layer_that_hands_all_its_arguments_on(both: Any) -> None:
    case = both("""
class Bare(layers.Dense):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def call(self, inputs):
        return ops.tanh(super().call(inputs))


class Frozen(layers.BatchNormalization):
    def __init__(self, freeze, *args, **kwargs):
        self.freeze = freeze
        super().__init__(*args, **kwargs)
        self.trainable = not self.freeze

    def call(self, inputs, *args, **kwargs):
        return super().call(inputs, *args, **kwargs)


class Net(keras.Model):
    def __init__(self, inputs, width, classes=10, *args, **kwargs):
        x = layers.Conv2D(width, 3, padding="same")(inputs)
        x = Frozen(freeze=True, name="bn", epsilon=1e-5)(x)
        x = layers.GlobalAveragePooling2D()(x)
        outputs = layers.Dense(classes)(x)
        super().__init__(inputs=inputs, outputs=outputs, *args, **kwargs)
""")
    case.agree("Bare", "units=3", "units=3, features=5", numbers(2, 5))
    x = numbers(2, 4, 6, 3)
    case.agree("Net", "keras.Input((4, 6, 3)), 5", "5, channels=3", x)


def test_types_and_automatic_names_of_a_layer(both: Any) -> None:
    case = both("""
class Block(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units, dtype=self.dtype_policy, name="dense")
        self.norm = layers.LayerNormalization(dtype=self.dtype, name=f"{self.name}_norm")
        self.again = layers.LayerNormalization(name=f"{self.name}_again")

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), dtype=self.variable_dtype)

    def call(self, x):
        y = ops.cast(x, self.compute_dtype) * ops.cast(self.scale, dtype=x.dtype)
        return self.again(self.norm(self.dense(y)) ** 2)
""")
    case.agree("Block", "3", "3, features=5", numbers(2, 5))


@pytest.mark.parametrize("first", [True, False])
def test_layers_called_under_several_conditions(both: Any, first: bool) -> None:
    case = both("""
class Enc(layers.Layer):
    def __init__(self, units, first=False, **kwargs):
        super().__init__(**kwargs)
        self.first = first
        self.units = units

    def build(self, shape):
        self.att = layers.MultiHeadAttention(2, 4, name="att")
        self.norm = layers.LayerNormalization(name="norm_a")
        self.norm2 = layers.LayerNormalization(name="norm_b")
        self.dense = layers.Dense(shape[-1])

    def call(self, inputs):
        x = inputs
        residual = x
        if self.first:
            x = self.norm(x)
        x = self.att(query=x, value=x)
        x = x + residual
        if not self.first:
            x = self.norm(x)
        residual = x
        if self.first:
            x = self.norm2(x)
        x = self.dense(x)
        x = x + residual
        if not self.first:
            x = self.norm2(x)
        return x
""")
    case.agree("Enc", f"3, first={first}", f"3, first={first}, features=8", numbers(2, 5, 8))


def test_parts_that_are_built_and_sizes_read_off_the_input(both: Any) -> None:
    case = both("""
class Positions(layers.Layer):
    def __init__(self, sequence_length, **kwargs):
        super().__init__(**kwargs)
        self.sequence_length = sequence_length

    def build(self, shape):
        self.table = self.add_weight(name="table", shape=(self.sequence_length, shape[-1]))

    def call(self, inputs):
        shape = ops.shape(inputs)
        table = ops.slice(self.table, (0, 0), (shape[1], shape[2]))
        return ops.broadcast_to(ops.cast(ops.arange(shape[1]), "float64")[:, None] * table, shape)


class Tokens(layers.Layer):
    def __init__(self, vocabulary, sequence_length, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.tokens = layers.Embedding(vocabulary, dim)
        self.positions = Positions(sequence_length)

    def build(self, shape):
        self.tokens.build(shape)
        self.positions.build((*shape, self.dim))

    def call(self, inputs):
        x = self.tokens(inputs)
        return x + self.positions(x)
""")
    case.agree("Positions", "6", "6, features=4", numbers(2, 5, 4))
    case.agree("Tokens", "9, 6, 4", "9, 6, 4", np.array([[1, 8, 3], [0, 2, 2]], "int32"))


@pytest.mark.parametrize("kind", ["add", "mul"])
def test_weights_of_one_case_among_several(both: Any, kind: str) -> None:
    case = both(f"""
class Att(layers.Layer):
    def __init__(self, kind="{kind}", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1], 3))
        if self.kind == "add":
            self.b = self.add_weight(name="b", shape=(3,))
        elif self.kind == "mul":
            self.c = self.add_weight(name="c", shape=(1,))

    def call(self, x):
        if self.kind == "add":
            e = ops.dot(x, self.w) + self.b
        elif self.kind == "mul":
            e = ops.dot(x, self.w) * self.c
        return ops.exp(e)
""")
    case.agree("Att", "", "features=5", numbers(2, 5))


RETURNED = """
class Position(layers.Layer):
    def __init__(self, size=None, mode="sum", **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.mode = mode

    def call(self, x):
        if self.size is None or self.mode == "sum":
            self.size = int(x.shape[-1])
        rates = 1.0 / 100.0 ** (2 * ops.arange(self.size / 2, dtype="float64") / self.size)
        places = ops.expand_dims(ops.cumsum(ops.ones_like(x[:, :, 0]), 1) - 1, 2) * rates
        places = ops.concatenate([ops.cos(places), ops.sin(places)], 2)
        if self.mode == "sum":
            return places + x
        elif self.mode == "concat":
            return ops.concatenate([places, x], 2)


def build(size=None, mode="sum"):
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, Position(size, mode)(inputs))
"""


def test_what_is_returned_in_one_case_among_several(both: Any) -> None:
    case = both(RETURNED)
    case.agree("build", "", "", numbers(2, 5, 4))
    case.agree("build", "6, 'concat'", "6, 'concat'", numbers(2, 5, 4))
    with pytest.raises(ValueError, match="not supported: mode"):
        case.out.Position(mode="no")


def test_settings_that_a_layer_must_know(both: Any) -> None:
    case = both("""
class Norm(layers.Layer):
    def __init__(self, axis=-1, init="he_normal", **kwargs):
        super().__init__(**kwargs)
        self.init = keras.initializers.get(init)
        self.norm = layers.BatchNormalization(axis=axis)

    def build(self, shape):
        start = self.init
        if isinstance(start, keras.initializers.Initializer):
            start = start.__class__.from_config(start.get_config())
        self.dense = layers.Dense(shape[-1], kernel_initializer=start)

    def call(self, x):
        return self.norm(self.dense(x))
""")
    case.agree("Norm", "", "features=5", numbers(2, 5))


def test_masks_go_through_layers_of_the_source(both: Any) -> None:
    case = both("""
class Embed(layers.Layer):
    def __init__(self, vocab, dim):
        super().__init__()
        self.token = layers.Embedding(vocab, dim, mask_zero=True)

    def call(self, x):
        return self.token(x) * 2.0

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)


class Pool(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, x, mask=None):
        if mask is not None:
            x = x * ops.cast(mask, x.dtype)[:, :, None]
        return ops.sum(x, axis=1)


inputs = keras.Input((None,), dtype="int32")
x = Embed(11, 4)(inputs)
x = layers.LSTM(5, return_sequences=True)(x)
model = keras.Model(inputs, layers.Dense(2)(Pool()(x)))
""")
    indices = np.array([[3, 4, 0, 0], [1, 2, 9, 0], [5, 6, 7, 8]])
    case.agree("model", None, "", indices)


def test_a_class_by_itself_that_gives_a_masked_tensor(both: Any) -> None:
    case = both("""
class Reader(layers.Layer):
    def __init__(self, words, units):
        super().__init__()
        self.embedding = layers.Embedding(words, units, mask_zero=True)
        self.rnn = layers.GRU(units, return_sequences=True)

    def call(self, x):
        return self.rnn(self.embedding(x))


class Tagger(keras.Model):
    def __init__(self, words, units):
        super().__init__()
        self.reader = Reader(words, units)
        self.last = layers.LSTM(units)

    def call(self, x):
        return self.last(self.reader(x))
""")
    words = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]], dtype="int32")
    case.agree("Reader", "9, 4", "9, 4", words)
    case.agree("Tagger", "9, 4", "9, 4", words)


def test_masks_that_a_layer_asks_of_its_parts(both: Any) -> None:
    case = both("""
class Reader(layers.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = layers.Embedding(9, 4, mask_zero=True)
        self.norm = layers.LayerNormalization()
        self.lstm = layers.LSTM(3)

    def call(self, inputs):
        mask = self.embedding.compute_mask(inputs)
        x = self.norm(self.embedding(inputs))
        return self.lstm(x, mask=self.norm.compute_mask(x, mask))


model = keras.Sequential([keras.Input((5,), dtype="int32"), Reader()])
""")
    case.agree("Reader", "", "", np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]], dtype="int32"))


def test_a_sequence_and_indices_in_one_list(both: Any) -> None:
    case = both("""
class Speech(keras.Model):
    def __init__(self, n=2):
        super().__init__()
        self.listen = layers.Conv1D(4, 3, padding="same")
        self.read = layers.Embedding(9, 4)
        self.out = layers.Dense(n)

    def call(self, inputs):
        source = inputs[0]
        target = inputs[1]
        y = self.read(target)
        batch = tf.shape(target)[0]
        size = tf.shape(target)[1]
        mask = tf.reshape(tf.range(size)[:, None] >= tf.range(size), [1, size, size])
        times = tf.concat([batch[..., tf.newaxis], tf.constant([1, 1], dtype=tf.int32)], 0)
        y = y + tf.matmul(tf.cast(tf.tile(mask, times), y.dtype), y)
        return self.out(y + tf.reduce_mean(self.listen(source), axis=1, keepdims=True))


model = Speech()
""")
    words = np.array([[1, 2, 0, 8], [3, 4, 5, 6]], dtype="int32")
    given = numbers(2, 6, 4), words
    case.agree(
        "Speech",
        "3",
        "3, in_features=4",
        *given,
        structure=lambda *x: [*x],
    )


def test_a_check_of_the_size_of_an_input_is_made_in_the_call(both: Any) -> None:
    case = both("""
class First(keras.Model):
    def __init__(self, steps, units=3):
        super().__init__()
        self.steps = steps
        self.table = layers.Embedding(9, 4)
        self.dense = layers.Dense(units)
    def call(self, inputs):
        if inputs.shape[1] != self.steps:
            raise ValueError("the wrong number of steps")
        return self.dense(ops.mean(self.table(inputs), axis=1))
""")
    model = case.out.First(4)
    model(torch.zeros(2, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="steps"):
        model(torch.zeros(2, 3, dtype=torch.long))


def test_a_class_that_the_file_never_calls(both: Any) -> None:
    case = both('''
class Residual(layers.Layer):
    """Adds what a convolution gives."""

    def __init__(self, filters, kernel_size=3):
        super().__init__()
        self.conv = layers.Conv2D(filters, kernel_size, padding="same")

    def call(self, x):
        return x + self.conv(x)

    def get_config(self):
        return {}


def build(n):
    x = inputs = keras.Input((8, 8, 4))
    for _ in range(n):
        x = Residual(4)(x)
    return keras.Model(inputs, x)
''')
    case.agree("Residual", "4", "4, channels=4", numbers(2, 6, 7, 4))


NOISE = """
class Noisy(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, x, training=False):
        x = self.dense(x)
        if training:
            x += {}
        return ops.softmax(x)


model = keras.Sequential([keras.Input((4,)), Noisy(3)])
"""


def test_noise_as_large_as_a_tensor_whose_batch_is_open(both: Any) -> None:
    case = both(NOISE.format("keras.random.uniform(shape=x.shape, minval=-1.0)"))
    ours = case.agree("Noisy", "3", "3, " + sizes(case, "Noisy"), numbers(2, 4))
    assert not torch.equal(ours.train()(torch.ones(2, 4)), ours(torch.ones(2, 4)))


@pytest.mark.parametrize(
    ("noise", "error"), [("sep.index(x)", TypeError), ("ops.later(x)", NotImplementedError)]
)
def test_what_cannot_be_done_in_training_is_refused_there(
    both: Any, noise: str, error: type[Exception]
) -> None:
    case = both("from os import sep\n" + NOISE.format(noise))
    ours = case.agree("Noisy", "3", "3, " + sizes(case, "Noisy"), numbers(2, 4))
    with pytest.raises(error):
        ours.train()(torch.ones(2, 4))
    getattr(case.out, case.entry("model")["factory"])().eval()(torch.ones(2, 4))


def test_weights_that_start_as_expressions_of_settings(both: Any) -> None:
    """``tf.Variable(scale * tf.ones(...))`` and the like."""
    case = both("""
class Scale(layers.Layer):
    def __init__(self, start, dim):
        super().__init__()
        self.start, self.dim = start, dim

    def build(self, input_shape):
        ones = tf.ones((self.dim,), dtype="float64")
        self.gamma = tf.Variable(self.start * ones)
        self.shift = tf.Variable(tf.constant([0.5, 2.0], dtype="float64"))
        self.slope = tf.Variable(self.start, dtype="float64")

    def call(self, x):
        return x * self.gamma * self.shift[1] + self.shift[0] * self.slope


layer = Scale(1e-2, 3)
""")
    x = numbers(2, 4, 3)
    wanted = torch.from_numpy(np.asarray(case.source.layer(x)))
    torch.testing.assert_close(case.out.Scale(1e-2, 3)(torch.from_numpy(x)), wanted)


def test_numbers_that_hang_on_the_mode_are_those_of_the_call(both: Any) -> None:
    case = both("""
import numpy as np


class Flow(keras.Model):
    def __init__(self, n):
        super().__init__()
        self.n = n
        self.masks = np.array([[0, 1], [1, 0]] * (n // 2), dtype="float32")
        self.steps = [layers.Dense(2) for _ in range(n)]

    def build(self):
        self.built = True

    def call(self, x, training=False):
        direction = 1
        if training:
            direction = -1
        for i in range(self.n)[::direction]:
            gate = (direction - 3) / 2
            x = x + gate * self.steps[i](x * self.masks[i])
        return x


model = Flow(4)
""")
    ours = case.agree("Flow", "4", "4, features=2", numbers(3, 2))
    with pytest.raises(NotImplementedError):
        ours.train()(torch.ones(3, 2))


def test_a_class_of_which_the_module_knows_no_setting(both: Any) -> None:
    case = both("""
import os


class Ratings(keras.Model):
    def __init__(self, users, size):
        super().__init__()
        self.users = layers.Embedding(users, size)

    def call(self, x):
        return self.users(x[:, 0]) + self.users(x[:, 1])


model = Ratings(len(os.listdir(".")), 3)
""")
    case.agree("Ratings", "7, 2", "7, 2", np.array([[1, 2], [6, 0]], dtype="int32"))


SET = """
class Normalized(layers.Conv2D):
    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(shape=(1, self.filters), name="u", trainable=False)

    def call(self, x, training=None):
        kernel = ops.reshape(self.kernel, (-1, self.filters))
        v = ops.matmul(self.u, ops.transpose(kernel))
        u = ops.matmul(v / ops.sqrt(ops.sum(v**2)), kernel)
        if training in (0, False, None):
            kernel = self.kernel / ops.sqrt(ops.sum(u**2))
        else:
            self.u.assign(u / ops.sqrt(ops.sum(u**2)))
            kernel = self.kernel / ops.sqrt(ops.sum(u**2))
        y = ops.conv(x, kernel, strides=self.strides, padding=self.padding)
        y = y if self.bias is None else y + self.bias
        return y if self.kernel_regularizer is None else 2 * y


class Counter(layers.Layer):
    def build(self, input_shape):
        self.total = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=False)

    def call(self, x):
        self.total.assign(self.total * 0.5 + ops.mean(x, axis=0))
        return x - self.total


net = keras.Sequential([Normalized(3, 2), layers.Flatten(), Counter()])
net.build((None, 5, 4, 2))
"""


def test_weights_that_a_call_sets(tmp_path: Path) -> None:
    both = Both(tmp_path, SET)
    kernel = both.source.net.layers[0]
    x = numbers(2, 5, 4, 2)
    entry = both.entry("net")
    assert entry["status"] == "translated", [d.message for d in both.log.diagnostics]
    before = [np.array(w) for w in both.source.net.weights]
    wanted = np.asarray(both.source.net(x))
    for weight, value in zip(both.source.net.weights, before, strict=True):
        weight.assign(value)
    ours = getattr(both.out, entry["factory"])().eval()
    both.out.load_keras_weights(ours, both.source.net)
    assert kernel.u.shape == (1, 3)
    given = torch.from_numpy(np.ascontiguousarray(np.transpose(x, (0, 3, 1, 2))))
    np.testing.assert_allclose(ours(given).detach().numpy(), wanted, rtol=1e-9, atol=1e-10)


def test_a_layer_whose_setting_says_how_many_axes_it_gives(both: Any) -> None:
    case = both("""
class Expand(layers.Layer):
    def __init__(self, side, rate, as_rows=True, **kwargs):
        super().__init__(**kwargs)
        self.side, self.rate, self.as_rows = side, rate, as_rows
        self.mix = layers.Dense(rate)

    def call(self, x):
        x = ops.reshape(self.mix(x), (-1, self.side, self.side, self.rate))
        if self.as_rows:
            x = ops.reshape(x, (-1, self.side * self.side, self.rate))
        return x


inputs = keras.Input((16, 3))
x = Expand(4, 6)(inputs)
model = keras.Model(inputs, layers.Conv2D(2, 3)(Expand(4, 5, as_rows=False)(x)))
""")
    case.agree("model", None, "", numbers(2, 16, 3))
    case.agree("Expand", "4, 5", "4, 5, features=3", numbers(2, 16, 3))


def test_what_is_not_known_is_no_default(tmp_path: Path) -> None:
    case = Both(
        tmp_path,
        """
def table():
    return np.load("table.npy")


class Shifted(layers.Layer):
    def call(self, x, bias=None, unread=None):
        if bias is not None:
            x = x + bias
        return x


def build(unread=None):
    inputs = keras.Input((5,))
    return keras.Model(inputs, Shifted()(inputs, unread=table()))


def shifted():
    inputs = keras.Input((5,))
    return keras.Model(inputs, Shifted()(inputs, bias=table()))
""".replace("np.", "__import__('numpy')."),
    )
    assert case.entry("build")["status"] == "translated"
    assert case.entry("shifted")["status"] != "translated"
    assert any("not known" in d.message for d in case.log.diagnostics)


def test_sequences_leave_a_class_as_they_are_in_keras(both: Any) -> None:
    case = both("""
class Halves(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.left = keras.Sequential([layers.Conv1D(filters, 1), layers.Lambda(lambda x: x[:, 1:])])
        self.right = keras.Sequential([layers.Conv1D(filters, 1), layers.Lambda(lambda x: x[:, 1:])])
        self.concat = layers.Concatenate()
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.norm(self.concat([self.left(x), self.right(x)]))


class Weighted(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[1], 1))

    def call(self, x):
        return x * self.w


inputs = keras.Input((7, 3))
model = keras.Model(inputs, Weighted()(layers.Conv1D(4, 2)(Halves(5)(inputs))))
""")
    case.agree("model", None, "", numbers(2, 7, 3))
    case.agree("Halves", "5", "5, features=3", numbers(2, 7, 3))
    case.agree("Weighted", "", "length=5", numbers(2, 5, 4))
