"""Attention layers against Keras, with masks of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras.src import backend

from kt_translate.graph.sym import Sym, Symbol
from kt_translate.graph.tensor import Tensor
from kt_translate.pytorch.support import attention as support
from tests.layers.harness import (
    assert_signature,
    bind,
    check_layer,
    close,
    load,
    randomize,
    rejects,
    support_units,
)


@pytest.mark.parametrize(
    "name", ["MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"]
)
def test_signature(name: str) -> None:
    assert_signature(name)


class Spread:
    """A layer that takes its tensors one by one, called on a list of them."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        (inputs,) = inputs if isinstance(inputs[0], (list, tuple)) else (inputs,)
        outputs = self.layer(*inputs, **options)
        if isinstance(outputs, tuple):  # the mask that Keras's own softmax leaves on the scores
            backend.set_keras_mask(outputs[1], None)
        return outputs

    def compute_output_spec(self, specs: Any) -> Any:
        return self.layer.compute_output_spec(*specs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)


@pytest.fixture(autouse=True)
def _spread_layers_have_their_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    units = support_units()
    original = units["load_keras_weights"]

    def load_spread(module: Any, layer: Any) -> None:
        original(module, layer.layer if isinstance(layer, Spread) else layer)

    monkeypatch.setitem(units, "load_keras_weights", load_spread)


def check(name: str, kwargs: dict[str, Any], *shapes: tuple[int, ...], **options: Any) -> Any:
    from tests.layers.harness import floatx

    with floatx():
        layer = Spread(getattr(keras.layers, name)(**kwargs))
    # a bias of the keys shifts all scores alike: its gradient is rounding
    return check_layer(name, kwargs, *shapes, keras_layer=layer, **options)


Q, V, K = (2, 4, 6), (2, 5, 6), (2, 5, 6)
QUERY = np.array([[1, 1, 1, 0], [1, 0, 1, 1]], bool)
VALUE = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 1]], bool)
SEEN = np.random.default_rng(1).random((2, 4, 5)) > 0.3

HEADS = [
    ({"num_heads": 2, "key_dim": 4}, (Q, V, K)),
    ({"num_heads": 2, "key_dim": 4}, (Q, V)),
    ({"num_heads": 3, "key_dim": 4, "value_dim": 5}, (Q, V, K)),
    ({"num_heads": 3, "key_dim": 4, "output_shape": 7}, (Q, V)),
    ({"num_heads": 3, "key_dim": 4, "output_shape": (3, 2)}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4, "use_bias": False}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4, "dropout": 0.3}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4}, (Q, (2, 5, 3), (2, 5, 8))),
    ({"num_heads": 2, "key_dim": 4, "use_gate": True}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4, "use_gate": True, "value_dim": 4, "use_bias": False}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4, "sliding_window": 2}, (Q, V)),
    ({"num_heads": 2, "key_dim": 4}, ((2, 3, 4, 5), (2, 2, 3, 5))),
    ({"num_heads": 2, "key_dim": 4, "attention_axes": (1, 2)}, ((2, 3, 4, 5), (2, 3, 4, 5))),
    ({"num_heads": 2, "key_dim": 4, "attention_axes": 2}, ((2, 3, 4, 5), (2, 3, 4, 5))),
    ({"num_heads": 2, "key_dim": 4, "attention_axes": [-3]}, ((2, 3, 4, 5), (2, 3, 4, 5))),
]


@pytest.mark.parametrize(("kwargs", "shapes"), HEADS)
def test_multi_head_attention(kwargs: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    check("MultiHeadAttention", kwargs, *shapes)


def test_scale_that_keras_keeps_in_single_precision() -> None:
    check("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, Q, V, tolerance=1e-7)
    check(
        "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "dropout": 0.1}, Q, V, tolerance=1e-7
    )


CALLS: list[dict[str, Any]] = [
    {"masks": [QUERY, None]},
    {"masks": [None, VALUE]},
    {"masks": [QUERY, VALUE]},
    {"call_kwargs": {"use_causal_mask": True}},
    {"call_kwargs": {"attention_mask": SEEN}},
    {"call_kwargs": {"attention_mask": SEEN, "use_causal_mask": True}, "masks": [QUERY, VALUE]},
    {"call_kwargs": {"attention_mask": SEEN[0]}},
    {"call_kwargs": {"attention_mask": SEEN.astype("int32")}},
    {"call_kwargs": {"value_mask": VALUE}},
    {"call_kwargs": {"query_mask": QUERY}},
    {"call_kwargs": {"return_attention_scores": True}},
    {"call_kwargs": {"return_attention_scores": True, "use_causal_mask": True}},
    {
        "call_kwargs": {"return_attention_scores": True, "attention_mask": SEEN},
        "masks": [QUERY, VALUE],
    },
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_calls_of_multi_head_attention(call: dict[str, Any], dropout: float) -> None:
    check("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, "dropout": dropout}, Q, V, **call)


def test_key_mask() -> None:
    other = np.array([[1, 0, 1, 1, 1], [1, 1, 1, 0, 1]], bool)
    for masks in ([None, VALUE, other], [QUERY, None, other]):
        check("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}, Q, V, K, masks=masks)


def test_what_sees_nothing() -> None:
    nothing = SEEN.copy()
    nothing[0, 1] = nothing[1] = False
    for dropout in (0.0, 0.2):
        kwargs = {"num_heads": 2, "key_dim": 4, "dropout": dropout}
        check("MultiHeadAttention", kwargs, Q, V, call_kwargs={"attention_mask": nothing})


def test_symbolic_multi_head_attention() -> None:
    kwargs = {"num_heads": 2, "key_dim": 4, "value_dim": 4, "dropout": 0.1}
    check("MultiHeadAttention", kwargs, Q, V, symbolic=True, unknown=True)
    check("MultiHeadAttention", {**kwargs, "use_bias": False}, Q, Q, symbolic=True, texts=True)


GROUPS = [
    ({"head_dim": 4, "num_query_heads": 6, "num_key_value_heads": 2}, {}),
    ({"head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 2, "use_bias": False}, {}),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 1, "use_gate": True}, {}),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2, "sliding_window": 2}, {}),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2, "dropout": 0.1}, CALLS[2]),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, CALLS[2]),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, CALLS[3]),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, CALLS[4]),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, CALLS[9]),
    ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, CALLS[12]),
]


@pytest.mark.parametrize(("kwargs", "call"), GROUPS)
def test_group_query_attention(kwargs: dict[str, Any], call: dict[str, Any]) -> None:
    check("GroupQueryAttention", kwargs, Q, V, **call)


PLAIN = [
    {},
    {"use_scale": True},
    {"score_mode": "concat"},
    {"score_mode": "concat", "use_scale": True},
]


@pytest.mark.parametrize("kwargs", [*PLAIN, {"dropout": 0.2}])
@pytest.mark.parametrize("shapes", [(Q, V), (Q, V, K)])
def test_attention(kwargs: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    check_layer("Attention", kwargs, *shapes)
    check_layer("Attention", kwargs, *shapes, call_kwargs={"use_causal_mask": True})
    check_layer("Attention", kwargs, *shapes, call_kwargs={"return_attention_scores": True})


@pytest.mark.parametrize("kwargs", [{}, {"use_scale": False}])
def test_additive_attention(kwargs: dict[str, Any]) -> None:
    check_layer("AdditiveAttention", kwargs, Q, V)
    check_layer("AdditiveAttention", kwargs, Q, V, K, call_kwargs={"use_causal_mask": True})
    check_layer("AdditiveAttention", kwargs, Q, V, masks=[QUERY, VALUE])


@pytest.mark.parametrize("kwargs", PLAIN)
@pytest.mark.parametrize("masks", [[QUERY, VALUE], [QUERY, None], [None, VALUE]])
def test_masked_attention(kwargs: dict[str, Any], masks: list[Any]) -> None:
    check_layer("Attention", kwargs, Q, V, masks=masks)
    check_layer("Attention", kwargs, Q, V, masks=masks, call_kwargs={"use_causal_mask": True})


def text(name: str, kwargs: dict[str, Any], *tensors: Tensor) -> str:
    rule = bind(name, kwargs)
    rule.outputs(*tensors)
    return str(rule.module(*tensors))


def test_texts() -> None:
    x = Tensor((None, None, 64))
    assert (
        text("MultiHeadAttention", {"num_heads": 4, "key_dim": 16}, x, x)
        == "MultiHeadAttention(64, 4, 16)"
    )
    rate = Sym.of(Symbol("rate", 0.1))
    kwargs = {"num_heads": 4, "key_dim": 16, "dropout": rate}
    assert text("MultiHeadAttention", kwargs, x, x) == "MultiHeadAttention(64, 4, 16, dropout=rate)"
    assert bind("Attention", {}).outputs(x, x)[0].shape == (None, None, 64)


def test_the_file_gives_the_same_weights(tmp_path: Path) -> None:
    for name, kwargs in (
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}),
        ("GroupQueryAttention", GROUPS[0][0]),
    ):
        x = keras.Input((4, 6))
        layer = getattr(keras.layers, name)(**kwargs)
        model = keras.Model(x, layer(x, x))
        randomize(layer)
        tensor = Tensor((None, 4, 6))
        build = text(name, kwargs, tensor, tensor)
        live, saved = (eval(build, dict(support_units())) for _ in range(2))
        load(live, layer)
        model.save_weights(tmp_path / "w.weights.h5")
        wrapper = torch.nn.Sequential(saved)
        support_units()["load_keras_weights"](wrapper, tmp_path / "w.weights.h5")
        for key, value in live.state_dict().items():
            close(saved.state_dict()[key], value, key)


def test_initial_weights() -> None:
    theirs = keras.layers.MultiHeadAttention(4, 16)
    x = tf.zeros((1, 2, 64))
    theirs(x, x)
    ours = support.MultiHeadAttention(64, 4, 16)
    support_units()["init_like_keras"](ours)
    for dense in ("query_dense", "output_dense"):
        kernel = np.asarray(getattr(theirs, f"{dense}").kernel)
        weight = getattr(ours, dense).weight.detach()
        assert float(weight.abs().max()) == pytest.approx(float(np.abs(kernel).max()), rel=0.02)
        assert float(weight.std()) == pytest.approx(float(kernel.std()), rel=0.05)


def test_compiles() -> None:
    x, mask = torch.randn(2, 4, 6), torch.ones(2, 1, 4, dtype=torch.bool)
    explained = torch._dynamo.explain(support.MultiHeadAttention(6, 2, 3))(x, x, mask=mask)
    assert explained.graph_break_count == 0


def test_refused() -> None:
    rejects(
        "GroupQueryAttention",
        {"head_dim": 4, "num_query_heads": 3, "num_key_value_heads": 2},
        code="KT204",
    )
    rejects("Attention", {"score_mode": "sum"})


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    heads=st.integers(1, 3),
    key_dim=st.sampled_from([4, 16]),
    value_dim=st.none()
    | st.integers(2, 4),  # with 1 and as many steps as heads, Keras adds a bias along the steps
    bias=st.booleans(),
    lengths=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    causal=st.booleans(),
    seed=st.integers(0, 99),
)
def test_random_heads(
    heads: int,
    key_dim: int,
    value_dim: int | None,
    bias: bool,
    lengths: tuple[int, int],
    causal: bool,
    seed: int,
) -> None:
    mask = np.random.default_rng(seed).random((2, *lengths)) > 0.4
    kwargs = {"num_heads": heads, "key_dim": key_dim, "value_dim": value_dim, "use_bias": bias}
    options = {"attention_mask": mask, "use_causal_mask": causal}
    check("MultiHeadAttention", kwargs, (2, lengths[0], 5), (2, lengths[1], 5), call_kwargs=options)
