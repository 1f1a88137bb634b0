"""Losses against Keras itself, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.objects import KerasObject
from kt_translate.pytorch.support import losses as support
from kt_translate.training.losses import LossCode, OutputFacts, loss_rule, losses_rule

PLACE = Place(1)
NAMES = {"torch": torch, "F": F, "math": math, **vars(support)}
rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    # Layers follow the dtype policy, which Keras fixes at first use: floatx alone does not move it.
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(policy)


def make(value: Any, package: Any) -> Any:
    """The live Keras object for what the evaluator would hand over."""
    name = value.path.rsplit(".", 1)[-1]
    return getattr(package.losses, name)(*value.args, **value.kwargs)


def loss(name: str, *args: Any, **kwargs: Any) -> KerasObject:
    return KerasObject(f"losses.{name}", list(args), kwargs)


def compiled(code: LossCode) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    assert set(code.support) <= NAMES.keys()
    body = "\n".join(f"    {line}" for line in code.body)
    names = dict(NAMES)
    exec(f"def loss_fn({', '.join(code.args)}):\n{body}", names)
    return names["loss_fn"]  # type: ignore[no-any-return]


def loss_code(value: Any, output: OutputFacts, flavour: str = "3") -> LossCode:
    log = Log()
    code = loss_rule(value, output, flavour, log, PLACE)
    assert code is not None, log.diagnostics
    return code


def onehot(shape: tuple[int, ...], classes: int) -> np.ndarray:
    return np.eye(classes)[rng.integers(0, classes, size=shape)]


def keras_loss(
    value: Any, x: np.ndarray, target: np.ndarray, ends_in: str | None, package: Any
) -> tuple[float, np.ndarray]:
    import tensorflow as tf

    variable = tf.Variable(x)
    activation = getattr(package.activations, ends_in or "linear")
    made = package.losses.get(value) if isinstance(value, str) else make(value, package)
    if isinstance(value, str) or not isinstance(made, package.losses.Loss):
        wrapper = package.src.losses.losses.LossFunctionWrapper
        made = wrapper(made)
    with tf.GradientTape() as tape:
        result = made(target, activation(tf.identity(variable)))
    return float(result), np.array(tape.gradient(result, variable))


def torch_loss(
    code: LossCode, x: np.ndarray, target: np.ndarray, output: OutputFacts
) -> tuple[float, np.ndarray]:
    first = output.channels_first and x.ndim > 2
    leaf = torch.tensor(np.moveaxis(x, -1, 1) if first else x, requires_grad=True)
    given = leaf
    if code.on == "forward" and output.ends_in == "softmax":
        given = F.softmax(leaf, dim=output.class_dim)
    elif code.on == "forward" and output.ends_in == "sigmoid":
        given = torch.sigmoid(leaf)
    moved = np.moveaxis(target, -1, 1) if first and target.shape == x.shape else target
    result = compiled(code)(given, torch.tensor(moved))
    result.backward()
    assert result.shape == ()
    assert leaf.grad is not None
    gradient = leaf.grad.numpy()
    return float(result), np.moveaxis(gradient, 1, -1) if first else gradient


def agree(
    value: Any,
    x: np.ndarray,
    target: np.ndarray,
    ends_in: str | None = None,
    *,
    channels_first: bool = False,
    flavour: str = "3",
    package: Any = None,
    precision: float = 1e-12,
    gradient_noise: float = 0.0,
) -> LossCode:
    """Compare values and gradients.

    ``precision`` and ``gradient_noise`` are Keras's own where it computes in float32: of the
    value, and of the gradient relative to its largest entry.
    """
    output = OutputFacts(ends_in, x.ndim, x.shape[-1], channels_first)
    code = loss_code(value, output, flavour)
    theirs = keras_loss(value, x, target, ends_in, package or keras)
    ours = torch_loss(code, x, target, output)
    assert ours[0] == pytest.approx(theirs[0], rel=precision, abs=1e-14)
    noise = 1e-14 + gradient_noise * np.abs(theirs[1]).max()
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=noise)
    return code


SHAPES = [((6, 5), False), ((3, 4, 5), False), ((2, 3, 4, 5), True)]
shapes = pytest.mark.parametrize(("shape", "channels_first"), SHAPES)
REGRESSIONS = [
    "mse",
    "mean_absolute_error",
    "MeanSquaredError",
    loss("Huber", 0.7),
    loss("Huber"),
    "mape",
    "msle",
    loss("CosineSimilarity"),
    loss("CosineSimilarity", axis=1),
    loss("MeanSquaredError", reduction="sum"),
    loss("MeanAbsoluteError", reduction="sum"),
]


@shapes
@pytest.mark.parametrize("value", REGRESSIONS, ids=str)
def test_regression(value: Any, shape: tuple[int, ...], channels_first: bool) -> None:
    x, target = rng.normal(size=shape) * 3, rng.normal(size=shape) * 3
    agree(value, x, target, channels_first=channels_first)


@shapes
def test_log_cosh(shape: tuple[int, ...], channels_first: bool) -> None:
    """Keras's logarithm of 2 is a float32."""
    x, target = rng.normal(size=(2, *shape)) * 30
    agree("log_cosh", x, target, channels_first=channels_first, precision=1e-8)


@pytest.mark.parametrize("value", ["mse", "mae", loss("Huber"), "mape", "msle", "poisson"], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_target_without_the_last_axis(value: Any, dtype: str) -> None:
    x, target = rng.uniform(1, 5, size=(6, 1)), rng.integers(1, 5, size=6).astype(dtype)
    agree(value, x, target)


@shapes
@pytest.mark.parametrize("scale", [1.0, 60.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropies_of_logits(
    shape: tuple[int, ...], channels_first: bool, scale: float, smoothing: float
) -> None:
    x, hot = rng.normal(size=shape) * scale, onehot(shape[:-1], shape[-1])
    options = {"label_smoothing": smoothing}
    for ends_in in ("softmax", "sigmoid", None):
        given = {**options, "from_logits": ends_in is None}
        for target in (hot, rng.integers(0, 2, size=shape)):
            code = agree(
                loss("BinaryCrossentropy", **given),
                x,
                target,
                ends_in,
                channels_first=channels_first,
            )
            assert code.on == ("forward" if ends_in is None else "logits")
        value = loss("CategoricalCrossentropy", **given)
        agree(value, x, hot, ends_in, channels_first=channels_first)
        for numbers in (hot.argmax(-1), hot.argmax(-1)[..., None].astype("float64")):
            value = loss("SparseCategoricalCrossentropy", from_logits=ends_in is None)
            agree(value, x, numbers, ends_in, channels_first=channels_first)


def test_categorical_crossentropy_of_several_labels_after_a_sigmoid() -> None:
    x, target = rng.normal(size=(6, 5)), rng.integers(0, 2, size=(6, 5))
    code = agree("categorical_crossentropy", x, target, "sigmoid")
    assert code.support == ("softmax_cross_entropy",)


@shapes
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropies_of_probabilities(
    shape: tuple[int, ...], channels_first: bool, smoothing: float
) -> None:
    """The output is no recognisable softmax: Keras clips what it gets."""
    hot = onehot(shape[:-1], shape[-1])
    x = rng.uniform(0.01, 0.99, size=shape)
    x[0, ..., 0], x[1, ..., 0], x[1, ..., 1] = 1e-9, 1 - 1e-9, 0.0
    options = {"label_smoothing": smoothing, "from_logits": False}
    for name in ("BinaryCrossentropy", "CategoricalCrossentropy"):
        agree(loss(name, **options), x, hot, channels_first=channels_first)
    agree(loss("SparseCategoricalCrossentropy"), x, hot.argmax(-1), channels_first=channels_first)


@pytest.mark.parametrize("ends_in", ["sigmoid", None])
def test_binary_crossentropy_of_one_output(ends_in: str | None) -> None:
    value = "binary_crossentropy" if ends_in else loss("BinaryCrossentropy", from_logits=True)
    for target in (np.array([0, 1, 1, 0]), np.array([[0.0], [1], [1], [0]])):
        agree(value, rng.normal(size=(4, 1)) * 30, target, ends_in)


@shapes
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
@pytest.mark.parametrize("ignored", [0, -1])
def test_ignored_class(
    shape: tuple[int, ...], channels_first: bool, reduction: str, ignored: int
) -> None:
    x, target = rng.normal(size=shape), rng.integers(0, 5, size=shape[:-1])
    target[0, ...] = ignored
    options = {"ignore_class": ignored, "reduction": reduction}
    for ends_in in ("softmax", None):
        value = loss("SparseCategoricalCrossentropy", from_logits=ends_in is None, **options)
        agree(value, x, target, ends_in, channels_first=channels_first)
    agree(value, x, np.full_like(target, ignored), channels_first=channels_first)


@shapes
def test_other_losses(shape: tuple[int, ...], channels_first: bool) -> None:
    x, hot = rng.normal(size=shape), onehot(shape[:-1], shape[-1])
    p, q = rng.uniform(0.01, 1, size=(2, *shape))
    q /= q.sum(-1, keepdims=True)
    options = {"channels_first": channels_first}
    for name in ("hinge", "squared_hinge", "categorical_hinge"):
        agree(name, x, hot, **options)
    agree("hinge", x, hot * 2 - 1, **options)
    agree("hinge", x, np.abs(x) + 0.5, **options)
    agree("kld", p, q, **options)
    agree("poisson", p, q, **options)
    agree(loss("CategoricalFocalCrossentropy", alpha=0.3, gamma=1.5), x, hot, "softmax", **options)
    agree(loss("CategoricalFocalCrossentropy", from_logits=True), x, hot, **options)
    for balanced in (False, True):
        value = loss("BinaryFocalCrossentropy", balanced, 0.3, label_smoothing=0.1)
        for ends_in in ("sigmoid", "softmax"):
            agree(value, x, hot, ends_in, **options)
        agree(value, p * 0.9, hot, **options)
    agree(loss("BinaryFocalCrossentropy", from_logits=True), x, hot, **options)
    agree(loss("Dice"), p, hot, **options)
    agree(loss("Tversky", 0.3, 0.7), p, hot, **options)
    agree(loss("Dice", axis=tuple(range(1, len(shape)))), p, hot, **options)


def test_generalized_cross_entropy() -> None:
    x, numbers = rng.uniform(0.1, 1, size=(6, 5)), rng.integers(0, 5, size=6)
    agree(loss("CategoricalGeneralizedCrossEntropy", 0.3), x, numbers)


def test_ctc() -> None:
    """Keras casts float64 logits to float32 for this loss; ours is checked by differences too."""
    x, labels = rng.normal(size=(2, 8, 5)), np.array([[1, 2, 2, 0], [3, 1, 0, 0]])
    code = agree(loss("CTC"), x, labels, precision=1e-6, gradient_noise=1e-6)
    loss_fn, target = compiled(code), torch.tensor(labels)
    logits = torch.tensor(x, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: loss_fn(given, target), logits)


@pytest.mark.parametrize("ends_in", [None, "sigmoid", "softmax"])
def test_losses_of_keras_2(ends_in: str | None) -> None:
    import tf_keras

    before = tf_keras.backend.floatx()
    tf_keras.backend.set_floatx("float64")
    x, hot = rng.uniform(0.01, 0.99, size=(6, 5)), onehot((6,), 5)
    x[0, 0] = 1e-9
    numbers = hot.argmax(-1)
    old = {"flavour": "2", "package": tf_keras}
    try:
        for name in ("BinaryCrossentropy", "CategoricalCrossentropy"):
            agree(loss(name, label_smoothing=0.1), x, hot, ends_in, **old)
            agree(loss(name), x, hot, ends_in, **old)
        agree(loss("SparseCategoricalCrossentropy"), x, numbers, ends_in, **old)
        agree(loss("SparseCategoricalCrossentropy", ignore_class=1), x, numbers, ends_in, **old)
        for name in ("Huber", "KLDivergence", "Poisson", "Hinge", "CosineSimilarity"):
            agree(loss(name), x, hot, ends_in, **old)
    finally:
        tf_keras.backend.set_floatx(before)


def test_code_of_losses() -> None:
    picture = OutputFacts("softmax", 2, 10)
    assert loss_code("categorical_crossentropy", picture).body == [
        "return F.cross_entropy(logits, target.to(logits.dtype))"
    ]
    assert loss_code("sparse_categorical_crossentropy", picture).body == [
        "return F.cross_entropy(logits, target.flatten().long())"
    ]
    assert loss_code("binary_crossentropy", OutputFacts("sigmoid", 2, 1)).body == [
        "target = target.reshape(logits.shape).to(logits.dtype)",
        "return F.binary_cross_entropy_with_logits(logits, target)",
    ]
    assert loss_code("mse", OutputFacts("sigmoid", 2, 3)).body == [
        "return F.mse_loss(output, target.to(output.dtype))"
    ]


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (object(), OutputFacts(None, 2, 3)),
        (loss("Circle"), OutputFacts(None, 2, 3)),
        ("my_loss", OutputFacts(None, 2, 3)),
        ("mse", OutputFacts(None, 3, 3, masked=True)),
        (loss("MeanSquaredError", reduction=None), OutputFacts(None, 2, 3)),
    ],
)
def test_loss_not_translated(value: Any, output: OutputFacts) -> None:
    log = Log()
    assert loss_rule(value, output, "3", log, PLACE) is None
    assert [d.code for d in log.diagnostics] == ["KT502"]


def test_losses_of_several_outputs() -> None:
    outputs = {
        "kind": OutputFacts("softmax", 2, 3),
        "score": OutputFacts("sigmoid", 2, 1),
        "size": OutputFacts(None, 2, 1),
    }
    losses = {"size": "mae", "kind": "sparse_categorical_crossentropy", "score": "mse"}
    log = Log()
    code = losses_rule(losses, {"kind": 1.0, "score": 0.2}, outputs, "3", log, PLACE)
    assert code is not None
    assert code.on == "logits"
    assert code.functions["score_loss"].body[0] == "output = torch.sigmoid(logits)"
    assert code.body == [
        "return kind_loss(outputs[0], targets[0]) + 0.2 * score_loss(outputs[1], targets[1])"
        " + size_loss(outputs[2], targets[2])"
    ]
    for wrong in (["mse"], {"other": "mse"}):
        assert losses_rule(wrong, None, outputs, "3", log, PLACE) is None
    named = losses_rule("mse", [1, 2.0, 1], outputs, "3", log, PLACE, by_name=True)
    assert named is not None
    assert named.on == "forward"
    assert named.body == [
        "return kind_loss(outputs['kind'], targets['kind'])"
        " + 2.0 * score_loss(outputs['score'], targets['score'])"
        " + size_loss(outputs['size'], targets['size'])"
    ]
