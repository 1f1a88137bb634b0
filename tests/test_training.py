"""Optimizers and schedules against Keras itself, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.objects import KerasFunction, KerasObject
from kt_translate.graph.sym import Sym, Symbol
from kt_translate.pytorch.support import lookups, optimizers, schedules
from kt_translate.training.optimizers import OptimizerCode, optimizer_rule

PLACE = Place(1)
STEPS = 30


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    # Layers follow the dtype policy, which Keras fixes at first use: floatx alone does not move it.
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


def support_names() -> dict[str, Any]:
    names: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "np": np, "math": __import__("math")}
    for module in (optimizers, lookups, schedules):
        names |= {k: v for k, v in vars(module).items() if not k.startswith("_")}
    return names


def translated(value: Any, flavour: str = "3", **options: Any) -> OptimizerCode:
    log = Log()
    code = optimizer_rule(value, flavour, log, PLACE, **options)
    assert code is not None, log.diagnostics
    assert set(code.support) <= support_names().keys()
    return code


def problem(value: Any, flavour: str = "3") -> str:
    log = Log()
    assert optimizer_rule(value, flavour, log, PLACE) is None
    (diagnostic,) = log.diagnostics
    assert diagnostic.code == "KT501"
    return diagnostic.message


def make(value: Any, package: Any = None) -> Any:
    """The live Keras object for what the evaluator would hand over."""
    if not isinstance(value, KerasObject):
        return value
    target = package or keras
    for part in value.path.split("."):
        target = getattr(target, part)
    kwargs = {k: make(v, package) for k, v in value.kwargs.items()}
    return target(*(make(a, package) for a in value.args), **kwargs)


rng = np.random.default_rng(0)
WEIGHTS = [rng.normal(size=s) * 0.3 for s in ((5, 7), (7,), (7, 1), (1,))]
X = rng.normal(size=(16, 5))
Y = np.sin(X[:, :1])


def keras_steps(optimizer: Any, variable: Any) -> list[np.ndarray]:
    import tensorflow as tf

    variables = [variable(w) for w in WEIGHTS]
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            values = [getattr(v, "value", v) for v in variables]
            values = [v() if callable(v) else v for v in values]
            hidden = tf.tanh(X @ values[0] + values[1])
            loss = tf.reduce_mean((hidden @ values[2] + values[3] - Y) ** 2)
        gradients = tape.gradient(loss, values if hasattr(optimizer, "apply") else variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return [np.array(v) for v in variables]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.tensor(w)) for w in WEIGHTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b, c, d = self.weights
        return torch.tanh(x @ a + b) @ c + d


def torch_steps(code: OptimizerCode) -> list[np.ndarray]:
    model = Net()
    names = {**support_names(), "model": model}
    optimizer = eval(code.expression, names)
    names["optimizer"] = optimizer
    scheduler = eval(code.scheduler, names) if code.scheduler else None
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.mse_loss(model(torch.tensor(X)), torch.tensor(Y)).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return [p.detach().numpy() for p in model.weights]


def deviation(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Of the weights, relative to the largest."""
    scale = max(np.abs(a).max() for a in theirs)
    return float(max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) / scale)


def O(path: str, *args: Any, **kwargs: Any) -> KerasObject:  # noqa: E743
    return KerasObject(path, list(args), kwargs)


def optimizer(name: str, *args: Any, **kwargs: Any) -> KerasObject:
    return O(f"optimizers.{name}", *args, **kwargs)


OPTIMIZERS = [
    optimizer("SGD"),
    optimizer("SGD", 0.05, weight_decay=0.1),
    optimizer("SGD", 0.05, momentum=0.9),
    optimizer("SGD", 0.05, 0.9, True, weight_decay=0.01),
    optimizer("Adam"),
    optimizer("Adam", 0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-3),
    optimizer("Adam", 0.01, amsgrad=True),
    optimizer("Adam", 0.01, weight_decay=0.1),
    optimizer("AdamW", 0.01),
    optimizer("AdamW", 0.01, 0.05),
    optimizer("RMSprop"),
    optimizer("RMSprop", 0.01, rho=0.8, momentum=0.9),
    optimizer("RMSprop", 0.01, momentum=0.5, centered=True, epsilon=0.01, weight_decay=0.1),
    optimizer("Adagrad", 0.1),
    optimizer("Adagrad", 0.1, initial_accumulator_value=0.01, weight_decay=0.1),
    optimizer("Adadelta", 1.0),
    optimizer("Adadelta", 1.0, rho=0.9, weight_decay=0.1),
    optimizer("Adamax", 0.01),
    optimizer("Nadam", 0.01),
    optimizer("Lion", 0.01),
    optimizer("SGD", 0.05, clipnorm=0.1),
    optimizer("SGD", 0.05, momentum=0.9, global_clipnorm=0.1),
    optimizer("Adam", 0.05, clipvalue=0.01),
]


def label(value: KerasObject) -> str:
    settings = [str(a) for a in value.args] + [f"{k}={v}" for k, v in value.kwargs.items()]
    return f"{value.path.rsplit('.', 1)[-1]}({','.join(settings)})"


@pytest.mark.parametrize("value", OPTIMIZERS, ids=label)
def test_optimizer_equals_keras(value: KerasObject) -> None:
    theirs = keras_steps(make(value), keras.Variable)
    assert deviation(torch_steps(translated(value)), theirs) < 1e-12


SCHEDULES = [
    ("ExponentialDecay", (0.05, 10, 0.5), {}),
    ("ExponentialDecay", (0.05, 10, 0.5), {"staircase": True}),
    ("InverseTimeDecay", (0.05, 10, 0.5), {}),
    ("InverseTimeDecay", (0.05, 10, 0.5), {"staircase": True}),
    ("PiecewiseConstantDecay", ([10, 20], [0.05, 0.02, 0.01]), {}),
    ("PolynomialDecay", (0.05, 20), {}),
    ("PolynomialDecay", (0.05, 20, 0.001), {"power": 2.0}),
    ("PolynomialDecay", (0.05, 8, 0.001), {"cycle": True}),
    ("CosineDecay", (0.05, 20), {}),
    ("CosineDecay", (0.05, 20), {"alpha": 0.1}),
    ("CosineDecay", (0.0, 15), {"alpha": 0.1, "warmup_target": 0.05, "warmup_steps": 8}),
    ("CosineDecayRestarts", (0.05, 9), {"t_mul": 1.0, "m_mul": 0.9}),
    ("CosineDecayRestarts", (0.05, 7), {"m_mul": 0.8, "alpha": 0.1}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), SCHEDULES)
def test_schedule_equals_keras(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Keras computes schedules in float32, whatever the weights are."""
    schedule = O(f"optimizers.schedules.{name}", *args, **kwargs)
    code = translated(optimizer("SGD", schedule))
    model = nn.Linear(1, 1)
    names = {**support_names(), "model": model}
    names["optimizer"] = eval(code.expression, names)
    assert code.scheduler is not None
    scheduler = eval(code.scheduler, names)
    theirs = make(schedule)
    rounding = 4 * 0.05 * float(np.finfo(np.float32).eps)
    for step in range(40):
        assert abs(scheduler.get_last_lr()[0] - float(theirs(step))) < rounding
        names["optimizer"].step()
        scheduler.step()


@pytest.mark.parametrize("name", ["SGD", "RMSprop"])
def test_momentum_keeps_the_rate_of_its_time(name: str) -> None:
    schedule = O("optimizers.schedules.PiecewiseConstantDecay", [12], [0.0625, 0.0078125])
    value = optimizer(name, schedule, momentum=0.9)
    theirs = keras_steps(make(value), keras.Variable)
    assert deviation(torch_steps(translated(value)), theirs) < 1e-12


NAMES = {
    "adam": "KerasAdam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-7)",
    "RMSprop": "KerasRMSprop(model.parameters(), lr=0.001, rho=0.9, eps=1e-7)",
    "sgd": "torch.optim.SGD(model.parameters(), lr=0.01)",
    "adadelta": "torch.optim.Adadelta(model.parameters(), lr=0.001, rho=0.95, eps=1e-7)",
}


@pytest.mark.parametrize(("name", "expression"), NAMES.items())
def test_optimizer_by_name(name: str, expression: str) -> None:
    assert translated(name).expression == expression
    assert translated(KerasFunction(f"optimizers.{name}")).expression == expression
    assert translated({"class_name": name, "config": {}}).expression == expression


def test_symbolic_settings_are_written_down() -> None:
    rate = Sym.of(Symbol("learning_rate"))
    code = translated(optimizer("AdamW", learning_rate=rate, weight_decay=rate * 2, clipnorm=1.0))
    assert code.expression == (
        "clip_each_gradient(KerasAdam(model.parameters(), lr=learning_rate, betas=(0.9, 0.999), "
        "eps=1e-7, weight_decay=learning_rate * 2), norm=1.0)"
    )
    assert code.support == ("KerasAdam", "clip_each_gradient")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "not one of Keras's own"),
        (optimizer("Adafactor"), "no exact form of Adafactor"),
        (optimizer("Adam", use_ema=True), "use_ema=True"),
        (optimizer("Adam", gradient_accumulation_steps=4), "gradient_accumulation_steps"),
        (optimizer("Adam", O("optimizers.schedules.Mine", 1)), "schedule Mine"),
        (optimizer("Adam", object()), "learning rate is computed"),
        (optimizer("Adam", beta=1), "no argument beta"),
        (optimizer("Adam", clipnorm=1.0, clipvalue=1.0), "only one of"),
    ],
)
def test_optimizer_not_translated(value: Any, message: str) -> None:
    assert message in problem(value)


KERAS_2 = [
    optimizer("SGD", 0.05, momentum=0.9, weight_decay=0.1),
    optimizer("RMSprop", 0.01, epsilon=1e-3),
    optimizer("Adam", 0.01, weight_decay=0.1),
    optimizer("Adam", 0.01, clipnorm=0.1),
    optimizer("AdamW", 0.01),
    optimizer("Adadelta", 1.0),
    optimizer("Adamax", 0.01),
    optimizer("Lion", weight_decay=0.1),
    # The old optimizers keep their settings in float32: these are the same in both precisions.
    optimizer("legacy.SGD", 1 / 16, momentum=0.875, nesterov=True, decay=1 / 128),
    optimizer("legacy.RMSprop", 1 / 128, rho=0.875, epsilon=1 / 1024),
    optimizer("legacy.RMSprop", 1 / 128, rho=0.875, epsilon=1 / 1024, momentum=0.75),
    optimizer("legacy.RMSprop", 1 / 128, rho=0.875, epsilon=1 / 1024, centered=True),
    optimizer("legacy.Adam", 1 / 128, beta_1=0.875, beta_2=0.9921875, epsilon=1 / 1024),
    optimizer("legacy.Adagrad", 1 / 16, initial_accumulator_value=0.25, epsilon=1 / 1024),
    optimizer("legacy.Nadam", 1 / 128, beta_1=0.875, beta_2=0.9921875, epsilon=1 / 1024),
    optimizer("legacy.Adamax", 1 / 128, beta_1=0.875, beta_2=0.9921875, epsilon=1 / 1024),
]


@pytest.mark.parametrize("value", KERAS_2, ids=label)
def test_optimizer_equals_keras_2(value: KerasObject) -> None:
    import tensorflow as tf
    import tf_keras

    before = tf_keras.backend.floatx()
    tf_keras.backend.set_floatx("float64")
    try:
        theirs = keras_steps(make(value, tf_keras), tf.Variable)
    finally:
        tf_keras.backend.set_floatx(before)
    limit = 1e-9 if value.path == "optimizers.legacy.Nadam" else 1e-12  # its 0.96 is a float32
    assert deviation(torch_steps(translated(value, "2")), theirs) < limit


def test_old_arguments_of_keras_2() -> None:
    code = translated(optimizer("RMSprop", lr=0.01, decay=1e-6), "2")
    assert code.expression == (
        "torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, eps=1e-7)"
    )
    assert code.scheduler == (
        "torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 1e-6 * step))"
    )


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        (
            optimizer("SGD", 0.01, 0.9, 1e-6, True),
            "KerasSGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)",
        ),
        ("adam", "KerasAdam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-8)"),
        (
            optimizer("RMSprop", lr=0.01),
            "torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, eps=1e-8)",
        ),
        ("adadelta", "torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.95, eps=1e-8)"),
        (
            "adagrad",
            "torch.optim.Adagrad(model.parameters(), lr=0.01, initial_accumulator_value=0, eps=1e-8)",
        ),
        (
            "nadam",
            "torch.optim.NAdam(model.parameters(), lr=0.002, betas=(0.9, 0.999), eps=1e-8, "
            "momentum_decay=0.004)",
        ),
    ],
)
def test_optimizers_of_keras_1_have_their_own_defaults(value: Any, expression: str) -> None:
    code = translated(value, "1")
    assert code.expression == expression
    assert (code.scheduler is not None) == (isinstance(value, KerasObject) and len(value.args) > 2)


LOOKUPS = [
    *(optimizer(name, 0.01) for name in ("Adam", "RMSprop", "Adagrad", "Nadam", "Adadelta")),
    *(optimizer(name, 0.01) for name in ("AdamW", "SGD", "Lion")),
    optimizer("Adam", 0.01, clipnorm=0.05),
    optimizer("SGD", 0.01, momentum=0.5, global_clipnorm=0.05),
]


@pytest.mark.parametrize("value", LOOKUPS, ids=label)
def test_embedding_with_repeated_ids(value: KerasObject) -> None:
    table = rng.normal(size=(6, 3))
    batches = rng.integers(0, 4, size=(8, 5, 4))
    target = rng.normal(size=(5, 4, 3))
    layer = keras.layers.Embedding(6, 3)
    model = keras.Sequential([keras.Input((4,), dtype="int32"), layer])
    layer.set_weights([table])
    model.compile(make(value), "mse")
    ours = nn.Sequential(nn.Embedding(6, 3, _weight=torch.tensor(table)))
    code = translated(value, lookups=True)
    step = eval(code.expression, {**support_names(), "model": ours})
    # A backward pass that no step follows leaves nothing behind.
    ours(torch.tensor(batches[1])).square().sum().backward()
    for ids in batches:
        model.train_on_batch(ids, target)
        step.zero_grad()
        F.mse_loss(ours(torch.tensor(ids)), torch.tensor(target)).backward()
        step.step()
    assert deviation([ours[0].weight.detach().numpy()], layer.get_weights()) < 1e-12


def test_lookups_not_translated() -> None:
    for value in (optimizer("Adamax"), optimizer("Adam", clipvalue=1.0)):
        log = Log()
        assert optimizer_rule(value, "3", log, PLACE, lookups=True) is None
        assert log.has_errors
