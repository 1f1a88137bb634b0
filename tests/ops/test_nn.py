"""Parts of networks as functions, against Keras and TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest

from kt_translate.graph.tensor import Tensor
from tests.ops.harness import bools, check, evaluate, floats, ints, positive, rejects, written

IDS = np.array([[0, 2, 1], [-1, 5, 2]], "int32")
ONE_HOT = [
    "ops.one_hot(x, 3)",
    "ops.one_hot(x, 3, axis=0)",
    "ops.one_hot(x, 4, axis=1)",
    "ops.one_hot(x, 3, dtype='int32')",
    "tf.one_hot(x, 3)",
    "tf.one_hot(x, depth=3, on_value=2.0, off_value=-1.0)",
    "tf.one_hot(x, 3, axis=-1, dtype=tf.int32)",
    "K.one_hot(x, 3)",
    "ops.multi_hot(x, 3)",
]


@pytest.mark.parametrize("text", ONE_HOT)
def test_one_hot(text: str) -> None:
    check(text, IDS, sizes=("known", "open"), tolerance=1e-6, keras_text=_double_one_hot(text))


def _double_one_hot(text: str) -> str:
    """Keras gives single precision whatever the model has; in a model of doubles ours are doubles."""
    return text if "dtype" in text else f"ops.cast({text}, 'float64')"


def test_to_categorical() -> None:
    text = "ops.cast(ops.one_hot(ops.squeeze(x, -1), 3), 'float64')"
    check("keras.utils.to_categorical(x, 3)", IDS[..., :1], sizes=("known",), keras_text=text)


S = (3, 4, 5, 6)
CASES = [
    ("ops.moments(x, [0])", S),
    ("ops.moments(x, [1, 2], keepdims=True)", S),
    ("tf.nn.moments(x, axes=[1, 2])", S),
    ("tf.nn.moments(x, [0, 1, 2])", S),
    ("tf.nn.moments(x, [3])", S),
    ("tf.nn.moments(x, axes=[-1], keepdims=True)", (3, 5)),
    ("ops.batch_normalization(x, y, z, -1)", S, (6,), positive(6)),
    ("ops.batch_normalization(x, y, z, 1, u, v, 1e-5)", S, (4,), positive(4), (4,), (4,)),
    ("tf.nn.batch_normalization(x, y, z, u, v, 1e-3)", S, (6,), positive(6), (6,), (6,)),
    ("K.batch_normalization(x, y, z, None, u)", (3, 6), (6,), positive(6), (6,)),
    ("ops.layer_normalization(x)", (3, 4, 6)),
    ("ops.layer_normalization(x, y, z, epsilon=1e-3)", (3, 4, 6), (6,), (6,)),
    ("ops.rms_normalization(x)", (3, 4, 6)),
    ("ops.rms_normalization(x, y)", (3, 4, 6), (6,)),
    ("tf.nn.l2_loss(x)", S),
    ("ops.depth_to_space(x, 2)", (2, 3, 4, 12)),
    ("tf.nn.depth_to_space(x, 2)", (2, 3, 4, 4)),
    ("tf.nn.space_to_depth(x, 2)", (2, 4, 6, 3)),
    ("tf.nn.embedding_lookup(x, y)", (5, 4), ints(2, 3, low=0, high=5)),
    ("tf.nn.embedding_lookup(x, y)", (5, 4, 3), ints(2, low=0, high=5)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]} {c[1]}")
def test_functions(case: tuple) -> None:
    check(case[0], *case[1:], tolerance=1e-7 if "normalization" in case[0] else 1e-11)


def test_local_response() -> None:
    text = "tf.nn.local_response_normalization(x, depth_radius=1, bias=1., alpha=.5, beta=.75)"
    check(text, floats(2, 3, 4, 6).astype("float32"), tolerance=1e-6, gradient=False)


Q = [(2, 5, 4, 6), (2, 7, 4, 6), (2, 7, 4, 3)]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("ops.dot_product_attention(x, y, z)", ()),
        ("ops.dot_product_attention(x, y, z, scale=0.5)", ()),
        ("ops.dot_product_attention(x, y, z, bias=u)", ((2, 4, 5, 7),)),
    ],
)
def test_attention(text: str, more: tuple) -> None:
    check(text, *Q, *more, sizes=("known",), tolerance=1e-6, gradient=False)


def test_attention_mask() -> None:
    mask = bools(2, 4, 5, 7) | np.eye(5, 7, dtype=bool)
    text = "ops.dot_product_attention(x, y, z, mask=u)"
    check(text, *Q, mask, sizes=("known",), tolerance=1e-6, gradient=False, layouts=False)


def test_dropout() -> None:
    assert written("tf.nn.dropout(x, 0.3)", (None, 4)) == "v0_0 = F.dropout(x, 0.3); v0_0"
    assert written("tf.nn.dropout(x, keep_prob=0.75)", (None, 4)).startswith(
        "v0_0 = F.dropout(x, 0.25)"
    )
    assert written("keras.random.dropout(x, rate=0.5)", (None, 4)).startswith(
        "v0_0 = F.dropout(x, 0.5)"
    )
    assert written("K.dropout(x, 0.3, K.shape(x))", (None, None, 4)).startswith(
        "v0_0 = F.dropout(x, 0.3)"
    )
    assert "noise_shape" in rejects("tf.nn.dropout(x, 0.3, noise_shape=[1, 4])", (None, 4))


def test_learning_phase() -> None:
    result, _, _ = evaluate("K.learning_phase()", [Tensor((None, 4))])
    assert result.dtype == "bool"


def test_number_of_classes_read_at_run_time() -> None:
    code = written("tf.one_hot(x, tf.shape(y)[1])", (None,), (None, None))
    assert code == "v0_0 = y.shape[1]; v1_0 = one_hot(x, v0_0); v1_0"


def test_refused() -> None:
    assert "not known" in rejects("tf.nn.dropout(x, y)", (None, 4), ())
    assert "num_classes" in rejects("keras.utils.to_categorical(x)", (None, 4))
    assert "sampled" in rejects("tf.nn.nce_loss(x, y, x, y, 5, 10)", (None, 4), (None, 4))
