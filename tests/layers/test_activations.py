"""Activations and the layers made of them, against Keras."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt_translate.evaluate.values import External
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.activations import (
    ACTIVATIONS,
    activation_expr,
    activation_module,
    named_activation,
)
from kt_translate.layers.layer import Call, Expr, RuleError
from kt_translate.pytorch.support import activations as support
from tests.layers.harness import (
    assert_signature,
    bind,
    check_layer,
    close,
    floatx,
    from_torch,
    rejects,
    support_units,
    to_torch,
)

KINKS = np.array([-30.0, -6, -3, -2, -1, -0.5, -0.2, -0.0, 0.0, 0.3, 0.5, 1, 2, 3, 6, 19.0])
GELU = 2e-8  # TensorFlow's erf in float64 is no better
SLOPE = 1e-7  # TensorFlow keeps the slope of a leaky ReLU in single precision
SCOPE = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn}


def points(seed: int = 0) -> np.ndarray:
    return np.concatenate([KINKS, np.random.default_rng(seed).normal(size=16) * 3]).reshape(4, 8)


def compare(text: str, keras_function: Any, x: np.ndarray, tolerance: float = 1e-9) -> None:
    """Values and slopes, kinks included."""
    with floatx():
        variable = tf.Variable(x)
        with tf.GradientTape() as tape:
            expected = keras_function(variable)
            weight = np.random.default_rng(5).normal(size=expected.shape)
            loss = tf.reduce_sum(expected * weight)
        slope = tape.gradient(loss, variable)
    z = torch.from_numpy(x.copy()).requires_grad_()
    got = eval(text, {**SCOPE, **support_units(), "x": z})
    (got * torch.from_numpy(weight)).sum().backward()
    close(got.detach(), expected, text, tolerance)
    close(z.grad, slope, f"slope of {text}", tolerance)


ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "relu": [
        {},
        {"negative_slope": 0.125},
        {"max_value": 3.0},
        {"max_value": 6},
        {"threshold": 0.5},
        {"threshold": 0.5, "max_value": 2.0},
        {"negative_slope": 0.1, "max_value": 2.0},
        {"negative_slope": 0.1, "max_value": 6.0},
        {"negative_slope": 0.1, "max_value": 3.0, "threshold": 0.5},
        {"negative_slope": 0.1, "threshold": -0.5},
    ],
    "leaky_relu": [{}, {"negative_slope": 0.25}, {"negative_slope": 0.0}],
    "elu": [{}, {"alpha": 0.5}],
    "celu": [{}, {"alpha": 0.5}],
    "gelu": [{}, {"approximate": True}],
    "hard_shrink": [{}, {"threshold": 1.0}],
    "soft_shrink": [{}, {"threshold": 1.0}],
    "threshold": [{"threshold": 0.5, "default_value": -2.0}],
    "squareplus": [{}, {"b": 2.0}],
}
TABLE = [(name, arguments) for name in ACTIVATIONS for arguments in ARGUMENTS.get(name, [{}])]


@pytest.mark.parametrize(("name", "arguments"), TABLE)
def test_function(name: str, arguments: dict[str, Any]) -> None:
    def function(x: Any) -> Any:
        return getattr(keras.activations, name)(x, **arguments)

    tolerance = {"gelu": GELU, "leaky_relu": 1e-9 if arguments else SLOPE}.get(name, 1e-9)
    x = points()
    if name == "sparsemax":
        x = np.random.default_rng(1).normal(size=(4, 7))
    compare(str(activation_expr(name, Expr("x"), -1, **arguments)), function, x, tolerance)
    module = activation_module(name, -1, **arguments)
    if module is not None:
        compare(f"{module}(x)", function, x, tolerance)


def test_every_name_is_known() -> None:
    from keras.src.activations import ALL_OBJECTS_DICT

    assert set(ALL_OBJECTS_DICT) <= set(ACTIVATIONS)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "threshold"])
@pytest.mark.parametrize("axis", [-1, 1])
def test_symbolic_name(name: str, axis: int) -> None:
    if axis == 1 and not ACTIVATIONS[name].over_dim:
        return
    text = str(activation_expr(Sym.of(Symbol("kind", name)), Expr("x"), axis))
    assert text == (
        "keras_activation(kind)(x)" if axis == -1 else "keras_activation(kind, dim=1)(x)"
    )
    x = np.random.default_rng(2).normal(size=(4, 6, 2))
    plain = activation_expr(name, Expr("x"), axis)
    scope = {**SCOPE, **support_units(), "x": torch.from_numpy(x), "kind": name}
    close(eval(text, scope), eval(str(plain), scope), name)


def test_keras2_hard_sigmoid() -> None:
    x = points()
    text = str(activation_expr("hard_sigmoid", Expr("x"), flavour="2"))
    assert text == "(0.2 * x + 0.5).clamp(0, 1)"
    theirs = tf_keras.activations.hard_sigmoid(tf.constant(x))
    z = torch.from_numpy(x)
    ours = eval(text, {"x": z})
    close(ours, theirs, "hard_sigmoid", 1e-7)
    close(support.keras2_activation("hard_sigmoid")(z), ours, "by name")
    close(support.keras2_activation("tanh")(z), z.tanh(), "others")


def test_texts() -> None:
    x = Expr("x")
    assert str(activation_expr("relu", x)) == "F.relu(x)"
    assert str(activation_expr("softmax", x, 1)) == "F.softmax(x, dim=1)"
    assert str(activation_expr("gelu", x)) == "F.gelu(x)"
    assert str(activation_expr(None, x)) == "x"
    assert str(activation_expr("relu", x, max_value=6.0)) == "F.relu6(x)"
    slope = Sym.of(Symbol("slope", 0.1))
    assert (
        str(activation_expr("leaky_relu", x, negative_slope=slope))
        == "F.leaky_relu(x, negative_slope=slope)"
    )
    assert str(activation_module("softmax", 1)) == "nn.Softmax(dim=1)"
    assert activation_module("selu") is None


def test_named_activation() -> None:
    assert named_activation("relu") == ("relu", {})
    assert named_activation(External("keras.activations.elu")) == ("elu", {})
    assert named_activation(External("keras.ops.gelu")) == ("gelu", {"approximate": True})
    assert named_activation(External("tf.nn.relu6")) == ("relu6", {})
    assert named_activation(External("tf.exp")) == ("exponential", {})
    assert named_activation(External("my.relu")) is None
    with pytest.raises(RuleError):
        activation_expr("rely", Expr("x"))
    with pytest.raises(RuleError):
        activation_expr("elu", Expr("x"), slope=3)


@pytest.mark.parametrize("name", ["Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"])
def test_signature(name: str) -> None:
    assert_signature(name)


LAYERS = [
    ("Activation", {"activation": "relu"}, (3, 4)),
    ("Activation", {"activation": "softmax"}, (3, 4)),
    ("Activation", {"activation": "softmax"}, (2, 3, 4, 5)),
    ("Activation", {"activation": "sparsemax"}, (2, 3, 4)),
    ("Activation", {"activation": None}, (3, 4)),
    ("ReLU", {}, (3, 4)),
    ("ReLU", {"max_value": 1.0}, (2, 3, 4, 5)),
    ("ReLU", {"args": (6.0, 0.1, 0.2)}, (2, 3, 4)),
    ("LeakyReLU", {"negative_slope": 0.25}, (2, 3, 4)),
    ("ELU", {"alpha": 0.7}, (3, 4)),
    ("Softmax", {}, (3, 4)),
    ("Softmax", {}, (2, 3, 4, 5)),
    ("Softmax", {"axis": 1}, (2, 3, 4, 5)),
    ("Softmax", {"axis": (1, 2)}, (2, 3, 4, 5)),
    ("Softmax", {"axis": [-1]}, (2, 3, 4, 5)),
    ("PReLU", {}, (3, 4)),
    ("PReLU", {}, (2, 3, 4, 5)),
    ("PReLU", {}, (2, 3, 3, 3)),
    ("PReLU", {"shared_axes": [1, 2]}, (2, 3, 4, 5)),
    ("PReLU", {"shared_axes": 1}, (2, 3, 4)),
    ("PReLU", {"shared_axes": (3,)}, (2, 3, 4, 5)),
    ("PReLU", {"shared_axes": [1, 2, 3]}, (2, 3, 2, 2, 5)),
]


@pytest.mark.parametrize(("name", "kwargs", "shape"), LAYERS)
def test_layers(name: str, kwargs: dict[str, Any], shape: tuple[int, ...]) -> None:
    check_layer(name, kwargs, shape)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("ReLU", {"max_value": 1.0}),
        ("ReLU", {"negative_slope": 0.2, "max_value": 1.5, "threshold": 0.3}),
        ("LeakyReLU", {"negative_slope": 0.25}),
        ("ELU", {"alpha": 0.7}),
        ("PReLU", {}),
    ],
)
def test_symbolic(name: str, kwargs: dict[str, Any]) -> None:
    check_layer(name, kwargs, (2, 3, 4, 5), symbolic=True, unknown=True)


@pytest.mark.parametrize("name", ["relu", "softmax", "gelu"])
def test_symbolic_activation_layer(name: str) -> None:
    check_layer(
        "Activation", {"activation": name}, (2, 3, 4, 5), symbolic=True, texts=True, tolerance=GELU
    )


def test_default_slope() -> None:
    check_layer("LeakyReLU", {}, (2, 3, 4), tolerance=SLOPE)
    assert (
        str(bind("LeakyReLU", {}).standalone(Tensor((None, 3))))
        == "nn.LeakyReLU(negative_slope=0.3)"
    )


def test_softmax_with_masks() -> None:
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]], bool)
    check_layer("Softmax", {}, (3, 4), masks=[mask])
    for axis, shape in ((-1, (3, 4)), ((1, 2), (2, 3, 4)), (-1, (2, 2, 3, 4)), (1, (2, 2, 3, 4))):
        x = np.random.default_rng(0).normal(size=shape)
        for layout in (Layout.LAST, Layout.FIRST):
            rule, tensor = bind("Softmax", {"axis": axis}), Tensor(shape, layout=layout)
            given_mask = Tensor(mask.shape, "bool")
            assert rule.outputs(tensor, mask=given_mask)[0].mask is given_mask
            options = {"mask": Expr("mask")}
            call = Call(
                Expr("module"), [Expr("x")], [tensor], [None], [tensor], options, lambda e, c="": e
            )
            scope = {
                **SCOPE,
                **support_units(),
                "x": to_torch(x, layout),
                "mask": torch.from_numpy(mask),
            }
            with floatx():
                theirs = keras.layers.Softmax(axis=axis)(x, mask=tf.constant(mask))
            close(from_torch(eval(str(rule.forward(call)), scope), layout), theirs, f"axis {axis}")


def test_masks_pass() -> None:
    mask = np.array([[1, 0, 1], [1, 1, 0]], bool)
    for name, kwargs in (("ReLU", {}), ("PReLU", {}), ("Activation", {"activation": "tanh"})):
        check_layer(name, kwargs, (2, 3, 4), masks=[mask])


def test_flattened_goes_on() -> None:
    x = Tensor((None, 12), flattened=(3, 2, 2))
    assert bind("ReLU", {}).outputs(x)[0].flattened == (3, 2, 2)
    assert bind("Activation", {"activation": "softmax"}).outputs(x)[0].flattened == (3, 2, 2)
    assert bind("Activation", {"activation": "glu"}).outputs(x)[0].flattened is None
    assert bind("Activation", {"activation": "glu"}).outputs(x)[0].shape == (None, 6)
    assert bind("PReLU", {}).outputs(x)[0].flattened is None


def test_keras2_layers() -> None:
    x = points()
    rule = bind("ThresholdedReLU", {"theta": 0.5}, "2")
    assert str(rule.standalone(Tensor((None, 3)))) == "nn.Threshold(0.5, 0.0)"
    theirs = tf_keras.layers.ThresholdedReLU(theta=0.5)(tf.constant(x, "float32"))
    close(torch.nn.functional.threshold(torch.from_numpy(x).float(), 0.5, 0.0), theirs, "theta")
    assert bind("LeakyReLU", {"alpha": 0.1}, "2").negative_slope == 0.1
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 0]], bool)
    z = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    theirs = tf_keras.layers.Softmax()(tf.constant(z), mask=tf.constant(mask))
    close(
        support.added_mask_softmax(torch.from_numpy(z), torch.from_numpy(mask), -1),
        theirs,
        "mask",
        1e-6,
    )


def test_refused() -> None:
    rejects("Activation", {"activation": "rely"})
    rejects("ReLU", {"max_value": -1.0}, code="KT204")
    rejects("LeakyReLU", {"negative_slope": None}, code="KT204")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    slope=st.sampled_from([0.0, 0.125, 1.0]),
    top=st.sampled_from([None, 0.5, 1.0, 6.0]),
    threshold=st.sampled_from([0.0, 0.3, 1.0]),
    symbolic=st.booleans(),
)
def test_random_relu(slope: float, top: float | None, threshold: float, symbolic: bool) -> None:
    kwargs = {"negative_slope": slope, "max_value": top, "threshold": threshold}
    x = points(3)
    check_layer("ReLU", kwargs, (4, 8), inputs=[x], symbolic=symbolic, layouts=[Layout.LAST])


@pytest.mark.parametrize("name", ["relu", None, "softmax", torch.tanh])
def test_activation_module(name: Any) -> None:
    """Of a name, a function, or nothing; softmax along the features."""
    rule = bind("Activation", {"activation": Sym.of(Symbol("kind", UNKNOWN))})
    tensor = Tensor((None, 4, 5, 3), layout=Layout.FIRST)
    assert str(rule.standalone(tensor)) == "Activation(kind, dim=1)"
    assert str(rule.module(Tensor((None, 3)))) == "Activation(kind)"
    module = eval(str(rule.module(tensor)), {**support_units(), "kind": name})
    x = torch.randn(2, 3, 4, 5)
    expected = (
        name(x)
        if callable(name)
        else x if name is None else getattr(x, name)(*[1][: name == "softmax"])
    )
    assert torch.equal(copy.deepcopy(module)(x), expected)


def test_activation_of_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        support.Activation("rely")
    for name in ("glu", "rely"):
        with pytest.raises(RuleError):
            bind("Activation", {"activation": Sym.of(Symbol("kind", name))})
    optional = bind("Activation", {"activation": Sym.of(Symbol("kind", None))})
    assert optional.outputs(Tensor((None, 3)))[0].shape == (None, 3)
    assert bind("Activation", {"activation": "relu"}).module(Tensor((None, 3))) is None
    sym = Sym.of(Symbol("kind", "relu"))
    old = bind("Activation", {"activation": sym}, "2")
    assert old.module(Tensor((None, 3))) is None
