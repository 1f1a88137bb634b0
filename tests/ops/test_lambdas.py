"""Lambda layers, and functions that call functions of the source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kt_translate.evaluate import external
from kt_translate.evaluate.callers import CALLING, call_with_functions
from kt_translate.evaluate.lambdas import call_lambda, make_lambda
from kt_translate.evaluate.values import Native, Unknown
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from tests.ops.harness import check, evaluate, rejects, translate, written


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else stands in the evaluator: these functions are what its calls come to."""
    plain = external.call

    def call(ev: Any, path: str, args: Any, kwargs: Any, node: Any) -> Any:
        try:
            if path in CALLING:
                return call_with_functions(ev, path, args, kwargs)
            if path == "keras.layers.Lambda":
                value = make_lambda(ev, args, kwargs)
                return Native("Lambda", lambda ev, *a, **k: _called(ev, value, a, k))
        except RuleError as error:
            ev.note(error.code, error.message)
            return Unknown(error.message)
        return plain(ev, path, args, kwargs, node)

    def _called(ev: Any, value: Any, args: Any, kwargs: Any) -> Any:
        try:
            return call_lambda(ev, value, list(args), kwargs)
        except RuleError as error:
            ev.note(error.code, error.message)
            return Unknown(error.message)

    monkeypatch.setattr(external, "call", call)


LAMBDAS = [
    ("keras.layers.Lambda(lambda t: t * 2 + 1)(x)", [(2, 3)]),
    ("keras.layers.Lambda(lambda t: K.l2_normalize(t, axis=1))(x)", [(2, 3)]),
    ("keras.layers.Lambda(tf.nn.relu)(x)", [(2, 3)]),
    ("keras.layers.Lambda(K.l2_normalize, arguments={'axis': -1})(x)", [(2, 3)]),
    ("keras.layers.Lambda(lambda t, n: t * n, arguments=dict(n=3), name='three')(x)", [(2, 3)]),
    ("keras.layers.Lambda(lambda ts: ts[0] * ts[1], output_shape=(3,))([x, y])", [(2, 3), (2, 3)]),
    (
        "def scale(t, by=2.0):\n    return ops.exp(t) * by\nreturn keras.layers.Lambda(scale)(x)",
        [(2, 3)],
    ),
]


@pytest.mark.parametrize(("text", "shapes"), LAMBDAS)
def test_lambdas(text: str, shapes: list) -> None:
    check(text, *shapes)


def test_mask_of_a_lambda() -> None:
    x = Tensor((None, 4, 3), mask=Tensor((None, 4), "bool"))
    result, _, _ = evaluate("keras.layers.Lambda(lambda t: t * 2)(x)", [x])
    assert result.mask is None
    result, _, _ = evaluate("keras.layers.Lambda(lambda t: t * 2, mask=lambda t, m: m)(x)", [x])
    assert result.mask is x.mask


def test_wrong_shape() -> None:
    text = "keras.layers.Lambda(lambda t: t * 2, output_shape=(7,))(x)"
    found, _, log = evaluate(text, [Tensor((None, 3))])
    assert found.shape == (None, 3)
    assert [d.code for d in log.diagnostics] == ["KT101"]
    assert "says" in log.diagnostics[0].message


def test_training() -> None:
    code = written("K.in_train_phase(lambda: x * 2, lambda: x)", (None, 3))
    assert code.endswith("v1_0 = x * 2; v2_0 = v1_0 if v0_0 else x; v2_0") or "if v" in code
    assert "self.training" in code
    assert written("K.in_train_phase(x * 2, x, training=True)", (None, 3)) == "v0_0 = x * 2; v0_0"


CONDITIONS = [
    ("ops.cond(True, lambda: x * 2, lambda: x)", [(2, 3)]),
    ("tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x + 1)", [(2, 3)]),
    ("tf.cond(tf.reduce_sum(x) > 100, true_fn=lambda: x * 2, false_fn=lambda: x + 1)", [(2, 3)]),
    ("K.switch(K.sum(x) > 0, lambda: x * 2, lambda: x)", [(2, 3)]),
    ("K.switch(x > 0, x * 2, x - 1)", [(2, 3)]),
    ("ops.switch(1, [lambda t: t, lambda t: t * 3], x)", [(2, 3)]),
]


@pytest.mark.parametrize(("text", "shapes"), CONDITIONS)
def test_conditions(text: str, shapes: list) -> None:
    check(text, *shapes, sizes=("known",))


LOOPS = [
    ("ops.fori_loop(0, 3, lambda i, t: t * 2 + i, x)", [(2, 3)]),
    ("ops.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t * 2), (0, x))[1]", [(2, 3)]),
    ("ops.map(lambda t: t * 2 + ops.sum(t), x)", [(4, 3)]),
    ("tf.map_fn(lambda t: tf.exp(t), x)", [(4, 3, 2)]),
    ("ops.vectorized_map(lambda t: ops.softmax(t) * 2, x)", [(4, 3)]),
    ("tf.map_fn(lambda t: t[0] * t[1], (x, y), fn_output_signature=tf.float32)", [(4, 3), (4, 3)]),
    ("tf.vectorized_map(lambda t: t @ y, x)", [(4, 2, 3), (3, 5)]),
    ("ops.associative_scan(lambda a, b: a + b, x, axis=1)", [(2, 5, 3)]),
    ("ops.associative_scan(ops.maximum, x, axis=1, reverse=True)", [(2, 6, 3)]),
    (
        "ops.associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (x, y), axis=1)[1]",
        [(2, 5), (2, 5)],
    ),
]


@pytest.mark.parametrize(("text", "shapes"), LOOPS)
def test_loops(text: str, shapes: list) -> None:
    check(text, *shapes, sizes=("known",))


def test_over_the_batch() -> None:
    code = written("tf.map_fn(lambda t: tf.nn.relu(t) * 2, x)", (None, 3))
    assert code == "v0_0 = torch.stack([F.relu(item) * 2 for item in x]); v0_0"


STEPS = """
def step(t, states):
    h = tf.tanh(t + states[0])
    return h * 2, [h]
return K.rnn(step, x, [y])
"""


def test_over_known_steps() -> None:
    made = translate(STEPS, Tensor((None, 4, 3)), Tensor((None, 3)))
    assert "torch.stack([" in made.code
    text = "ops.scan(lambda c, t: (c + t, c * t), x[0], x)"
    made = translate(text, Tensor((4, 3)))
    assert "torch.stack([" in made.code


def test_values_over_steps() -> None:
    import torch

    from tests.ops.harness import keras_value

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3))
    made = translate(STEPS, Tensor((None, 4, 3)), Tensor((None, 3)))
    theirs, _ = keras_value(STEPS, [x, y], False)
    last, every, _ = made.run({"x": torch.from_numpy(x), "y": torch.from_numpy(y)})
    np.testing.assert_allclose(last.numpy(), theirs[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(every.numpy(), theirs[1].numpy(), rtol=1e-12)


def test_refused() -> None:
    assert "depends on the data" in rejects(
        "ops.while_loop(lambda t: ops.sum(t) < 9, lambda t: t * 2, x)", (2, 3)
    )
    assert "not known" in rejects(STEPS.replace("step, x", "step, x"), (None, None, 3), (None, 3))
    assert "function" in rejects("keras.layers.Lambda('text')", (None, 3))
