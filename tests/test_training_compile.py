"""What ``compile`` says, as a whole: steps of training in float64 lead both to the same model."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch

from kt_translate.diagnostics import Log
from kt_translate.pipeline import Options, translate

STEPS = 4
rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


class Pair:
    """A source's model in Keras and in PyTorch, with the same weights."""

    def __init__(self, source: str) -> None:
        log = Log()
        done = translate(source, "model.py", Options(want_test=False), log)
        self.codes = [d.code for d in log.diagnostics if d.severity != "note"]
        self.code = done.code
        out = types.ModuleType("model_pt")
        sys.modules["model_pt"] = out
        exec(done.code, vars(out))
        self.names = vars(out)
        (self.report,) = done.training
        (entry,) = done.models
        scope: dict[str, Any] = {}
        exec(source, scope)
        self.keras: Any = scope["model"]
        self.torch = self.names[entry["factory"]]().double()
        self.load(self.torch)

    def load(self, module: Any) -> None:
        self.names["load_keras_weights"](module, self.keras)

    def targets(self, y: Any) -> Any:
        return [torch.tensor(v) for v in y] if isinstance(y, list) else torch.tensor(y)

    def train(self, x: np.ndarray, y: Any) -> None:
        """Steps on the same batch; it need not be pictures."""
        optimizer = self.names[self.report["optimizer"]](self.torch)
        loss = self.names[self.report["loss"]]
        for _ in range(STEPS):
            self.keras.train_on_batch(x, y)
            optimizer.zero_grad()
            output = getattr(self.torch, self.report["loss_on"])(torch.tensor(x))
            total = loss(output, self.targets(y))
            if hasattr(self.torch, "regularization_loss"):
                total = total + self.torch.regularization_loss()
            total.backward()
            optimizer.step()
            if hasattr(self.torch, "apply_constraints"):
                self.torch.apply_constraints()

    def assert_same(self, limit: float = 1e-9) -> None:
        trained = {name: value.clone() for name, value in self.torch.state_dict().items()}
        self.load(self.torch)
        for name, value in self.torch.state_dict().items():
            scale = max(float(value.abs().max()), 1e-3)
            assert float((trained[name] - value).abs().max()) / scale < limit, name

    def assert_same_metrics(self, x: np.ndarray, y: Any) -> None:
        """After two batches of different sizes."""
        theirs = self.keras.evaluate(x, y, batch_size=5, verbose=0, return_dict=True)
        for metric in self.report["metrics"]:
            ours = self.names[metric["factory"]]()
            for rows in (slice(0, 5), slice(5, len(x))):
                batch = [v[rows] for v in y] if isinstance(y, list) else y[rows]
                with torch.no_grad():
                    ours.update(self.torch(torch.tensor(x[rows])), self.targets(batch))
            assert ours.compute() == pytest.approx(theirs[metric["name"]], rel=1e-6), metric


HEAD = "import keras\nfrom keras import layers\n"
CLASSES = HEAD + """
model = keras.Sequential([
    keras.Input((6,)),
    layers.Dense(8, activation="tanh", kernel_constraint=keras.constraints.MaxNorm(0.7)),
    layers.Dense(4, activation="softmax", kernel_constraint="non_neg", bias_constraint="non_neg"),
])
model.compile(
    keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy",
    metrics=["accuracy", "sparse_categorical_crossentropy"],
)
"""


def test_constraints_and_metrics() -> None:
    pair = Pair(CLASSES)
    assert not pair.codes
    x, y = rng.normal(size=(9, 6)), rng.integers(0, 4, size=9)
    pair.torch.apply_constraints()
    pair.load(pair.torch)
    pair.train(x, y)
    pair.assert_same()
    pair.assert_same_metrics(x, y)


@pytest.mark.parametrize(
    "layer",
    [
        "layers.Conv2D(3, 2, kernel_constraint=keras.constraints.UnitNorm(axis=[0, 1, 2]))",
        "layers.Conv2D(3, 2, kernel_constraint=keras.constraints.MaxNorm(0.3))",
        "layers.Conv2D(3, 2, kernel_constraint=keras.constraints.MinMaxNorm(0.2, 0.4, 0.5, [0, 1]))",
        "layers.Conv2DTranspose(3, 2, kernel_constraint=keras.constraints.MaxNorm(0.2, axis=2))",
        'layers.DepthwiseConv2D(2, depthwise_constraint="non_neg")',
        "layers.DepthwiseConv2D(2, depthwise_constraint=keras.constraints.MaxNorm(0.4))",
        "layers.SeparableConv2D(3, 2, depthwise_constraint=keras.constraints.UnitNorm([0, 1]))",
        "layers.BatchNormalization(gamma_constraint=keras.constraints.MaxNorm(0.9))",
    ],
)
def test_constraints_of_pictures(layer: str) -> None:
    source = f"""{HEAD}
model = keras.Sequential([
    keras.Input((4, 5, 2)), {layer}, layers.Flatten(), layers.Dense(1),
])
model.compile(keras.optimizers.SGD(0.1), "mse")
"""
    pair = Pair(source)
    assert not pair.codes
    x, y = rng.normal(size=(6, 4, 5, 2)), rng.normal(size=(6, 1))
    pair_x = np.moveaxis(x, -1, 1)
    optimizer = pair.names[pair.report["optimizer"]](pair.torch)
    for _ in range(STEPS):
        pair.keras.train_on_batch(x, y)
        optimizer.zero_grad()
        loss = pair.names["loss_fn"](pair.torch(torch.tensor(pair_x)), torch.tensor(y))
        loss.backward()
        optimizer.step()
        pair.torch.apply_constraints()
    pair.assert_same()


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
def test_constraints_of_recurrent_layers(layer: str) -> None:
    source = f"""{HEAD}
model = keras.Sequential([
    keras.Input((4, 5)),
    layers.{layer}(3, kernel_constraint=keras.constraints.MaxNorm(0.5),
                   recurrent_constraint=keras.constraints.UnitNorm(axis=1)),
    layers.Dense(1),
])
model.compile(keras.optimizers.SGD(0.1), "mse")
"""
    pair = Pair(source)
    assert not pair.codes
    pair.train(rng.normal(size=(6, 4, 5)), rng.normal(size=(6, 1)))
    pair.assert_same()


def test_a_norm_that_has_no_counterpart_is_said() -> None:
    source = f"""{HEAD}
model = keras.Sequential([
    keras.Input((4, 5, 2)),
    layers.DepthwiseConv2D(2, depthwise_constraint=keras.constraints.MaxNorm(2, axis=2)),
])
"""
    log = Log()
    translate(source, "model.py", Options(want_test=False), log)
    assert "KT208" in [d.code for d in log.diagnostics]


OUTPUTS = """
x = keras.Input((6,), name="x")
h = layers.Dense(8, activation="tanh")(x)
kind = layers.Dense(4, activation="softmax", name="kind")(h)
odd = layers.Dense(1, activation="sigmoid", name="odd")(h)
size = layers.Dense(2, name="size")(h)
model = keras.Model(x, [kind, odd, size])
"""
OUTPUTS_OF_FUNCTIONS = """
def answers(h, units, what):
    h = layers.Dense(3, activation="tanh", name=what + "_features")(h)
    return layers.Activation("softmax", name=what)(layers.Dense(units)(h))
def numbers(h):
    odd = layers.Dense(1, activation="sigmoid", name="odd")(h)
    return odd, layers.Dense(2, name="size")(h)
x = keras.Input((6,), name="x")
model = keras.Model(x, [answers(x, 4, "kind"), *numbers(x)])
"""
COMPILED = [
    """model.compile(
    "adam",
    {"kind": "sparse_categorical_crossentropy", "odd": "binary_crossentropy", "size": "mse"},
    loss_weights={"kind": 1.0, "odd": 0.5, "size": 2},
    metrics={"kind": ["accuracy"], "odd": ["accuracy", keras.metrics.AUC()], "size": "mae"},
)""",
    """model.compile(
    keras.optimizers.SGD(0.1, momentum=0.9),
    ["sparse_categorical_crossentropy", keras.losses.BinaryCrossentropy(), keras.losses.Huber()],
    loss_weights=[0.3, 1, 0.7],
    metrics=[["accuracy"], ["binary_accuracy"], ["mse", "mae"]],
)""",
    """model.compile("rmsprop", {"kind": None, "odd": None, "size": keras.losses.MeanAbsoluteError})""",
]


@pytest.mark.parametrize("outputs", [OUTPUTS, OUTPUTS_OF_FUNCTIONS])
@pytest.mark.parametrize("compiled", COMPILED)
def test_several_outputs(compiled: str, outputs: str) -> None:
    keras.utils.clear_session()
    pair = Pair(HEAD + outputs + compiled)
    assert not pair.codes
    x = rng.normal(size=(8, 6))
    y = [rng.integers(0, 4, size=8), rng.integers(0, 2, size=(8, 1)), rng.normal(size=(8, 2))]
    pair.train(x, y)
    pair.assert_same()
    pair.assert_same_metrics(x, y)


def test_an_embedding_that_looks_up_rows_more_than_once() -> None:
    source = f"""{HEAD}
model = keras.Sequential([
    keras.Input((7,), dtype="int32"), layers.Embedding(5, 3), layers.GlobalAveragePooling1D(),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy", metrics=["acc"], jit_compile=False, run_eagerly=True)
"""
    pair = Pair(source)
    assert not pair.codes
    assert "square_each_lookup" in pair.code
    x, y = rng.integers(0, 5, size=(9, 7)), rng.integers(0, 2, size=9)
    pair.train(x, y)
    pair.assert_same()
    pair.assert_same_metrics(x, y)


def test_the_weight_of_a_single_output() -> None:
    source = f"""{HEAD}
model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_regularizer="l2")])
model.compile(keras.optimizers.SGD(0.1), "mse", loss_weights=[0.3], metrics=["mae"])
"""
    pair = Pair(source)
    assert not pair.codes
    x, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 1))
    pair.train(x, y)
    pair.assert_same()
    pair.assert_same_metrics(x, y)


def test_what_is_not_known_of_outputs_is_said() -> None:
    source = HEAD + OUTPUTS + 'model.compile("adam", {"dense_3": "mse"}, metrics={"no": "mae"})\n'
    log = Log()
    done = translate(source, "model.py", Options(want_test=False), log)
    assert {"KT502", "KT503"} <= {d.code for d in log.diagnostics}
    assert done.training[0]["loss"] is None


OWN_LOSSES = """
from keras import ops
import tensorflow as tf

def smooth(y_true, y_pred):
    error = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(error < 1.0, 0.5 * error**2, error - 0.5), axis=-1)

def limited(limit):
    def loss(y_true, y_pred):
        error = y_true - y_pred
        return tf.where(tf.abs(error) < limit, tf.square(error) / 2, limit * tf.abs(error))
    return loss

class Scaled(keras.losses.Loss):
    def __init__(self, factor=2.0, **kwargs):
        self.factor = factor
        super().__init__(**kwargs)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred) * self.factor, axis=-1)
"""


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize(
    "loss",
    ["smooth", "limited(0.7)", "Scaled(3.0)", "lambda y, p: ops.sum(ops.square(y - p))"],
)
def test_losses_of_the_source(loss: str, units: int) -> None:
    source = f"""{HEAD}{OWN_LOSSES}
model = keras.Sequential([keras.Input((6,)), layers.Dense({units})])
model.compile(keras.optimizers.SGD(0.05), {loss})
"""
    pair = Pair(source)
    assert not pair.codes
    y = rng.normal(size=(9, units)) if units > 1 or "lambda" in loss else rng.normal(size=9)
    pair.train(rng.normal(size=(9, 6)), y)
    pair.assert_same()


def test_a_loss_of_the_source_that_takes_class_numbers() -> None:
    source = f"""{HEAD}
from keras import ops
def masked(y_true, y_pred):
    losses = keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    mask = ops.cast(ops.not_equal(y_true, 0), losses.dtype)
    return ops.sum(losses * mask) / ops.sum(mask)
model = keras.Sequential([keras.Input((5, 6)), layers.Dense(4)])
model.compile(keras.optimizers.SGD(0.5), masked)
"""
    pair = Pair(source)
    assert not pair.codes
    pair.train(rng.normal(size=(9, 5, 6)), rng.integers(0, 4, size=(9, 5)))
    pair.assert_same()


def test_metrics_of_the_source() -> None:
    source = f"""{HEAD}{OWN_LOSSES}
def r2(y_true, y_pred):
    return 1 - ops.sum(ops.square(y_true - y_pred)) / ops.sum(ops.square(y_true))
model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
model.compile("sgd", "mse", metrics=[smooth, r2, "mae"])
"""
    pair = Pair(source)
    assert not pair.codes
    assert [m["name"] for m in pair.report["metrics"]] == ["smooth", "r2", "mae"]
    pair.assert_same_metrics(rng.normal(size=(9, 6)), rng.normal(size=(9, 3)))


REDUCED = """
from keras import ops

class Weighted(keras.losses.Loss):
    def __init__(self, low=1.0, reduction="sum_over_batch_size", name="weighted"):
        super().__init__(reduction=reduction, name=name)
        self.low = low

    def call(self, y_true, y_pred):
        return ops.sum(ops.where(y_pred < y_true, self.low, 1.0) * ops.abs(y_true - y_pred), axis=-1)

class Squared(keras.losses.Loss):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)
"""


@pytest.mark.parametrize(
    "loss",
    [
        "Weighted(0.25)",
        "Weighted(0.25, 'sum')",
        "Squared(reduction='sum')",
        "Squared(reduction='mean')",
    ],
)
def test_reductions_of_losses_of_the_source(loss: str) -> None:
    source = f"""{HEAD}{REDUCED}
model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
model.compile(keras.optimizers.SGD(0.01), {loss})
"""
    pair = Pair(source)
    assert not pair.codes
    pair.train(rng.normal(size=(9, 6)), rng.normal(size=(9, 3)))
    pair.assert_same()


OWN_SCHEDULES = """
import math
import tensorflow as tf
from keras import ops

class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, base, total, warmup=10, first=0.0):
        super().__init__()
        self.base, self.total, self.warmup, self.first = base, total, warmup, first

    def __call__(self, step):
        step = ops.cast(step, "float32")
        turn = math.pi * (step - self.warmup) / (self.total - self.warmup)
        rate = 0.5 * self.base * (1 + ops.cos(turn))
        if self.warmup > 0:
            rate = ops.where(
                step < self.warmup, (self.base - self.first) / self.warmup * step + self.first, rate
            )
        return ops.where(step > self.total, 0.0, rate)

class Noam(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup_steps=40):
        super().__init__()
        self.d_model = tf.cast(d_model, tf.float32)
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        return tf.math.rsqrt(self.d_model) * tf.math.minimum(
            tf.math.rsqrt(step + 1.0), (step + 1.0) * self.warmup_steps**-1.5
        )
"""


@pytest.mark.parametrize(
    "schedule", ["WarmupCosine(0.1, 60)", "WarmupCosine(0.1, 50, 0)", "Noam(64)"]
)
def test_schedules_of_the_source(schedule: str) -> None:
    """Keras computes them in float32."""
    source = f"""{HEAD}{OWN_SCHEDULES}
model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
rate = {schedule}
model.compile(keras.optimizers.Adam(rate), "mse")
"""
    pair = Pair(source)
    assert not pair.codes
    scope: dict[str, Any] = {}
    exec(source, scope)
    optimizer = pair.names[pair.report["optimizer"]](pair.torch)
    scheduler = pair.names[pair.report["scheduler"]](optimizer)
    for step in range(70):
        wanted = float(scope["rate"](step))
        assert scheduler.get_last_lr()[0] == pytest.approx(wanted, rel=1e-5, abs=1e-7), step
        optimizer.step()
        scheduler.step()


def test_a_schedule_of_the_source_that_is_not_understood() -> None:
    own = OWN_SCHEDULES.replace("step = ops.cast", "step = unknown")
    source = f"""{HEAD}{own}
from elsewhere import unknown
model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
model.compile(keras.optimizers.Adam(WarmupCosine(0.1, 60)), "mse")
"""
    log = Log()
    done = translate(source, "model.py", Options(want_test=False), log)
    assert {d.code for d in log.diagnostics} == {"KT501"}
    assert done.training[0]["optimizer"] is None


@pytest.mark.parametrize(
    "loss", ["lambda y, p: unknown(y, p)", "Scaled(reduction=None)", "lambda y, p: 3"]
)
def test_a_loss_of_the_source_that_is_not_understood(loss: str) -> None:
    source = f"""{HEAD}{OWN_LOSSES}
from elsewhere import unknown
model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
model.compile("sgd", {loss})
"""
    log = Log()
    done = translate(source, "model.py", Options(want_test=False), log)
    assert "KT502" in [d.code for d in log.diagnostics]
    assert done.training[0]["loss"] is None


CHOSEN = HEAD + """

def build(optimizer=None, rate=0.01):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    if {test}:
        optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "mse")
    return model
"""


@pytest.mark.parametrize("test", ["optimizer is None", "not optimizer"])
def test_an_optimizer_that_is_made_where_none_is_given(test: str) -> None:
    log = Log()
    done = translate(CHOSEN.format(test=test), "model.py", Options(want_test=False), log)
    assert not [d for d in log.diagnostics if d.severity != "note"]
    names: dict[str, Any] = {"__name__": "model_pt"}
    sys.modules["model_pt"] = types.ModuleType("model_pt")
    exec(done.code, names)
    (report,) = done.training
    (group,) = names[report["optimizer"]](names["build"]()).param_groups
    assert group["lr"] == 0.01
