"""Losses as functions, against Keras and TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest

from kt_translate.graph.tensor import Tensor
from tests.ops.harness import check, evaluate, floats, ints, rejects, unit, written

T, P = (3, 4), (3, 4)
ODDS = (unit(3, 4, seed=1) + 1) / 2
BITS = ints(3, 4, low=0, high=2, dtype="float64")
PICTURE = (unit(2, 3, 4, 5, seed=1) + 1) / 2
SOFT = ODDS / ODDS.sum(-1, keepdims=True)
CLASS = ints(3, low=0, high=4)

ELEMENTWISE = [
    "ops.binary_crossentropy(x, y)",
    "ops.binary_crossentropy(x, y, from_logits=True)",
    "K.binary_crossentropy(x, y)",
    "K.binary_crossentropy(x, y, from_logits=True)",
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=y)",
    "tf.nn.weighted_cross_entropy_with_logits(x, y, 2.0)",
    "keras.losses.binary_crossentropy(x, y)",
    "keras.losses.binary_crossentropy(x, y, from_logits=True, label_smoothing=0.1)",
    "keras.losses.mean_squared_error(x, y)",
    "keras.losses.mean_absolute_error(x, y)",
    "keras.losses.huber(x, y, delta=0.3)",
    "keras.losses.kl_divergence(x, y)",
    "keras.losses.cosine_similarity(x, y)",
]
CATEGORICAL = [
    "ops.categorical_crossentropy(x, y)",
    "ops.categorical_crossentropy(x, y, from_logits=True)",
    "ops.categorical_crossentropy(x, y, axis=1)",
    "K.categorical_crossentropy(x, y)",
    "K.categorical_crossentropy(x, y, from_logits=True)",
    "tf.nn.softmax_cross_entropy_with_logits(labels=x, logits=y)",
    "keras.losses.categorical_crossentropy(x, y)",
    "keras.losses.categorical_crossentropy(x, y, label_smoothing=0.1)",
]


def _check(text: str, target: np.ndarray, output: np.ndarray) -> None:
    double = "from_logits" not in text and "keras.losses" not in text
    check(text, target, output, tolerance=1e-9 if double else 1e-6, gradient=False)


@pytest.mark.parametrize("text", ELEMENTWISE)
def test_elementwise(text: str) -> None:
    _check(text, BITS, ODDS)
    _check(text, (PICTURE > 0.5).astype("float64"), PICTURE)


@pytest.mark.parametrize("text", CATEGORICAL)
def test_categorical(text: str) -> None:
    _check(text, SOFT, ODDS)
    _check(text, PICTURE / PICTURE.sum(-1, keepdims=True), PICTURE)


SPARSE = [
    "ops.sparse_categorical_crossentropy(x, y)",
    "ops.sparse_categorical_crossentropy(x, y, from_logits=True)",
    "K.sparse_categorical_crossentropy(x, y)",
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=x, logits=y)",
    "keras.losses.sparse_categorical_crossentropy(x, y)",
]


@pytest.mark.parametrize("text", SPARSE)
def test_sparse(text: str) -> None:
    check(text, CLASS, ODDS, tolerance=1e-6, gradient=False)
    check(text, ints(2, 3, 4, low=0, high=5), PICTURE, tolerance=1e-6, gradient=False)
    check(text, ints(2, 3, low=0, high=4), floats(2, 3, 4) ** 2, tolerance=1e-6, gradient=False)


def test_logits_behind_an_activation() -> None:
    code = written("ops.binary_crossentropy(x, ops.sigmoid(y))", (None, 4), (None, 4))
    assert "binary_cross_entropy_with_logits(y, x, reduction='none')" in code
    assert "sigmoid" not in code
    code = written("K.binary_crossentropy(x, K.sigmoid(y))", (None, 4), (None, 4))
    assert "sigmoid" in code


def test_ctc() -> None:
    labels = np.array([[1, 2, 2], [2, 0, 0]], "int32")
    odds = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 7))
    lengths = [np.array([[7], [6]], "int32"), np.array([[3], [1]], "int32")]
    text = "K.ctc_batch_cost(x, y, z, u)"
    single = odds.astype("float32")
    check(text, labels, single, *lengths, sizes=("known",), tolerance=1e-5, gradient=False)
    text = "ops.ctc_loss(x, y, z, u)"
    flat = [np.array([3, 1], "int32"), np.array([7, 6], "int32")]
    logits = floats(2, 7, 4).astype("float32")
    check(text, labels, logits, *flat, sizes=("known",), tolerance=1e-5, gradient=False)


def test_gradients() -> None:
    check("ops.binary_crossentropy(x, y)", BITS, ODDS, tolerance=1e-9)
    check("tf.nn.softmax_cross_entropy_with_logits(tf.stop_gradient(x), y)", SOFT, ODDS)


def test_result_has_no_classes() -> None:
    result, _, _ = evaluate(CATEGORICAL[0], [Tensor((None, 8, 4)), Tensor((None, 8, 4))])
    assert result.shape == (None, 8)


def test_refused() -> None:
    assert rejects("K.sparse_categorical_crossentropy(x, y, ignore_class=0)", (3,), (3, 4))
