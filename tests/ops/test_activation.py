"""Activations as functions, against Keras and TensorFlow."""

from __future__ import annotations

import pytest

from kt_translate.graph.tensor import Layout, Tensor
from tests.ops.harness import check, evaluate, rejects, written

PLAIN = [
    "relu6",
    "selu",
    "silu",
    "swish",
    "hard_sigmoid",
    "log_sigmoid",
    "sparse_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "tanh_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sigmoid",
    "relu",
    "elu",
    "celu",
    "gelu",
    "leaky_relu",
    "hard_shrink",
    "soft_shrink",
    "squareplus",
]
CASES = [
    *(f"ops.{name}(x)" for name in PLAIN),
    *(f"activations.{name}(x)" for name in [*PLAIN, "mish", "exponential", "tanh", "linear"]),
    "activations.relu(x, negative_slope=0.2)",
    "activations.relu(x, max_value=1.0)",
    "activations.relu(x, threshold=0.5)",
    "activations.relu(x, 0.1, 2.0, 0.4)",
    "activations.elu(x, alpha=0.5)",
    "activations.gelu(x, approximate=True)",
    "ops.gelu(x, approximate=False)",
    "ops.leaky_relu(x, negative_slope=0.3)",
    "ops.threshold(x, 0.2, -1.0)",
    "K.relu(x)",
    "K.relu(x, alpha=0.2)",
    "K.relu(x, max_value=6)",
    "K.relu(x, alpha=0.1, max_value=1.5, threshold=0.3)",
    "K.elu(x)",
    "K.sigmoid(x)",
    "K.hard_sigmoid(x)",
    "K.softplus(x)",
    "K.softsign(x)",
    "tf.nn.relu(x)",
    "tf.nn.relu6(x)",
    "tf.nn.leaky_relu(x)",
    "tf.nn.leaky_relu(x, alpha=0.01)",
    "tf.nn.elu(x)",
    "tf.nn.selu(x)",
    "tf.nn.gelu(x)",
    "tf.nn.gelu(x, approximate=True)",
    "tf.nn.silu(x)",
    "tf.nn.swish(x)",
    "tf.nn.silu(x, beta=1.5)",
    "tf.nn.softplus(x)",
    "tf.nn.sigmoid(x)",
    "tf.sigmoid(x)",
    "tf.math.sigmoid(x)",
    "tf.nn.tanh(x)",
    "tf.nn.crelu(x)",
    "tf.nn.softmax(x)",
    "tf.nn.softmax(x, axis=1)",
    "tf.nn.log_softmax(x)",
    "ops.softmax(x)",
    "ops.softmax(x, axis=1)",
    "ops.softmax(x, axis=(1, 2))",
    "activations.softmax(x, axis=-2)",
    "K.softmax(x)",
    "K.softmax(x, axis=1)",
    "ops.log_softmax(x, axis=1)",
    "activations.log_softmax(x)",
    "ops.sparsemax(x)",
    "activations.glu(x)",
    "ops.glu(x, axis=1)",
    "tf.math.l2_normalize(x, axis=-1)",
    "tf.nn.l2_normalize(x, 1)",
    "tf.nn.l2_normalize(x, [1, 2])",
    "tf.math.l2_normalize(x)",
    "tf.math.l2_normalize(x, -1, epsilon=0.5)",
    "K.l2_normalize(x, axis=-1)",
    "K.l2_normalize(x, axis=1)",
    "K.l2_normalize(x)",
    "ops.normalize(x)",
    "ops.normalize(x, axis=1)",
    "ops.normalize(x, axis=1, order=1)",
    "ops.normalize(x, axis=1, order=3, epsilon=1e-3)",
    "keras.utils.normalize(x, axis=-1)",
]


@pytest.mark.parametrize("text", CASES)
def test_values_and_gradients(text: str) -> None:
    single = (
        "gelu",
        "selu",
        "leaky",
        "slope",
        "alpha",
        "K.relu(x, alpha",
    )  # Keras rounds these settings
    loose = 1e-7 if any(word in text for word in single) else 1e-11
    for shape in [(2, 4, 6), (3, 4, 2, 6)]:
        check(text, shape, tolerance=loose)


def test_two_axes() -> None:
    check("ops.softmax(x)", (3, 5))
    check("tf.nn.l2_normalize(x, 1)", (3, 5))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tf.nn.relu(x)", "F.relu(x)"),
        ("ops.softmax(x, axis=-1)", "F.softmax(x, dim=-1)"),
        ("K.relu(x, max_value=6)", "F.relu6(x)"),
        ("K.l2_normalize(x, axis=-1)", "F.normalize(x, dim=-1, eps=1e-6)"),
        ("tf.nn.l2_normalize(x, 1)", "F.normalize(x, dim=1, eps=1e-6)"),
    ],
)
def test_code(text: str, code: str) -> None:
    assert written(text, (None, 4, 6)).startswith(f"v0_0 = {code}")


def test_pictures_stay_channels_first() -> None:
    code = written("ops.softmax(x)", Tensor((None, 4, 5, 6), layout=Layout.FIRST))
    assert code == "v0_0 = F.softmax(x, dim=1); v0_0.permute(0, 2, 3, 1)"


def test_logits_are_kept() -> None:
    x = Tensor((None, 4))
    result, _, _ = evaluate("ops.softmax(x)", [x])
    assert result.logits is x
    assert result.activation == "softmax"
    result, _, _ = evaluate("K.sigmoid(x)", [x])
    assert result.activation == "sigmoid"


def test_refused() -> None:
    assert "no argument" in rejects("tf.nn.relu(x, foo=3)", (None, 4))
    assert "axis" in rejects("ops.softmax(x, axis=5)", (None, 4))
